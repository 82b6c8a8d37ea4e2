package mbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
)

// minIndexed is the size from which on a file has an index: a smaller one is scanned before two files could be opened.
const minIndexed = 256 << 10

// Cache keeps what scans have found in files on disk, for the readers of clients' stores: a file that is the same isn't scanned again, and of one that
// has grown only what is new. Flags that a client has changed in place are seen. The zero value keeps nothing.
type Cache struct {
	// Dir is where it lies. It can be removed at any time.
	Dir string
	// Reader names who makes the notes, and their form: notes of others aren't seen.
	Reader string
	// Log may be nil.
	Log *slog.Logger

	least int64 // in place of minIndexed, for tests; 1 is all
}

// Noted is a message in a file, and what its reader has noted of it. It has no Header, and no Sender where it comes from the cache.
type Noted struct {
	Part
	Note Note // good until the next one
}

// Scan is the package's Scan of a file, or what the cache has of it, with what note appends to its argument for each part. note is called when a
// message is seen for the first time, or under another header than before, and must depend on the part alone.
func (c Cache) Scan(ctx context.Context, f *os.File, note func(Note, Part) Note) iter.Seq2[Noted, error] {
	return func(yield func(Noted, error) bool) {
		info, err := f.Stat()
		if err != nil {
			yield(Noted{}, err)
			return
		}
		src := &source{ReaderAt: f, size: info.Size(), stamp: stampOf(info), f: f, lent: true}
		s := rescan{
			index:  c.path(f.Name(), "", info.Size()),
			stat:   func() (stamp, error) { return src.stamp, nil },
			open:   func() (*source, error) { return src, nil },
			detect: detect,
			note:   note,
		}
		more := true
		kept, err := s.run(ctx, func(p Part, n Note) bool {
			more = yield(Noted{p, n}, nil)
			return more
		})
		if err != nil && more {
			yield(Noted{}, err)
		}
		if kept != nil && c.Log != nil {
			c.Log.Info("mbox: no index is kept", "file", f.Name(), "err", kept)
		}
	}
}

// detect has a file tell how it is to be read.
func detect(src *source) (Variant, error) {
	kind, err := Detect(src.ReaderAt, src.size)
	return kind.reading(), err
}

// path is where the index of a file of some size is kept; "" when there is none. member is what is read of an archive, or else tells readings of one
// file apart.
func (c Cache) path(file, member string, size int64) string {
	least := c.least
	if least == 0 {
		least = minIndexed
	}
	if c.Dir == "" || size < least {
		return ""
	}
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	sum := sha256.Sum256([]byte(c.Reader + "\x00" + file + "\x00" + member))
	return filepath.Join(c.Dir, hex.EncodeToString(sum[:16])+".mboxindex")
}
