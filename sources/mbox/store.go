package mbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/unpack"
)

// Options say where mbox files are and how they are read. Only Path is needed.
type Options struct {
	// Path is an mbox, a directory with mbox files in it, or either of them compressed (gzip, bzip2) or in an archive (zip, tar).
	Path string
	// Variant is that of every file; Auto has each tell for itself.
	Variant Variant
	// CacheDir keeps the index of files that were scanned, so that a file that is the same or has only grown isn't scanned again; and what
	// is unpacked, until Close. Without it there is no index, and things are unpacked where the system keeps temporary files.
	CacheDir string
	// MaxSpool bounds what is unpacked, in octets; 0 is 256 GiB.
	MaxSpool int64
	// Skip leaves a file or directory to somebody else, by its path; nil leaves none.
	Skip func(path string) bool
	// Log may be nil.
	Log *slog.Logger
}

// Store is one mbox file, or a tree of them. Each is a folder, named by its relative path. List and Read are used by one goroutine at a
// time.
type Store struct {
	path    string
	variant Variant
	cache   Cache
	log     *slog.Logger
	spool   unpack.Spool
	skip    func(string) bool
	copier  Copier

	mu     sync.Mutex
	listed map[string]*file
	told   map[string]int // how many doubts about a file were logged; a run lists it several times
	pseudo int
	doubts filestore.Doubts
}

var (
	_ filestore.Store   = (*Store)(nil)
	_ filestore.Doubter = (*Store)(nil)
)

// Open looks whether there is anything at the path. Nothing is read before List.
func Open(o Options) (*Store, error) {
	path, err := filepath.Abs(o.Path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		gone := errors.Is(err, fs.ErrNotExist)
		return nil, &migrate.Error{Op: "mbox open", Subject: o.Path, Scope: migrate.ScopeRun, Final: gone, Err: bare(err)}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Skip == nil {
		o.Skip = func(string) bool { return false }
	}
	return &Store{
		path: path, variant: o.Variant, cache: Cache{Dir: o.CacheDir, Reader: "mbox 3"}, log: o.Log, spool: unpack.Spool{Dir: o.CacheDir, Max: o.MaxSpool}, skip: o.Skip,
		listed: map[string]*file{}, told: map[string]int{},
	}, nil
}

// Close removes what was unpacked.
func (s *Store) Close() error { return s.spool.Close() }

// Doubts are what the last List was not sure of.
func (s *Store) Doubts() []filestore.Doubt { return s.doubts.List() }

// Pseudo counts the messages that were left out by the last List because they are a program's own data ("FOLDER INTERNAL DATA").
func (s *Store) Pseudo() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pseudo
}

// register makes a file's messages ones that Read knows.
func (s *Store) register(f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed[f.rel] = f
}

// known is what was listed under a name, or nil.
func (s *Store) known(rel string) *file {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listed[rel]
}

// List yields the messages of one file after the other.
func (s *Store) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		s.mu.Lock()
		s.pseudo = 0
		s.mu.Unlock()
		s.doubts.Reset()
		s.files(ctx, func(f *file, err error) bool {
			if err != nil {
				return yield(migrate.Entry{Folder: f.folder}, err) && ctx.Err() == nil
			}
			more := true
			err = s.list(ctx, f, func(r *record) bool {
				e := r.entry(f, f.seen.modified())
				f.indexed(r, &e)
				more = yield(e, nil)
				return more
			})
			if ctx.Err() != nil {
				if more {
					yield(migrate.Entry{Folder: f.folder}, context.Cause(ctx))
				}
				return false
			}
			if err != nil && more {
				more = yield(migrate.Entry{Folder: f.folder}, filestore.Unreadable("mbox list", f.place(), bare(err)))
			}
			return more
		})
	}
}

// place is the file for people.
func (f *file) place() string {
	if f.unpack == nil {
		return f.path
	}
	return f.path + " (" + f.rel + ")"
}

// list yields the records of a file's messages, from the index as far as that holds.
func (s *Store) list(ctx context.Context, f *file, yield func(*record) bool) error {
	f.inherit(s.known(f.rel))
	f.readKMail(s.log)
	l := listing{store: s, file: f, yield: yield}
	err := l.run(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pseudo += l.pseudo
	s.doubts.Add(l.doubts...)
	if l.count > 0 && l.count != s.told[f.rel] {
		s.told[f.rel] = l.count
		s.log.Warn("mbox: it is doubtful where messages begin", "file", f.place(), "places", l.count,
			"first", l.doubts[0].Offset, "why", l.doubts[0].Text)
	}
	if l.pseudo > 0 {
		s.log.Info("mbox: left out a program's own data", "file", f.place())
	}
	return err
}

// Read writes a message without its quoting. The file may have grown since it was listed, and the client may have changed its own header
// fields in place; when it has written to the file, the message is looked at again before and after.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	rel, offset, length, hash, ok := parseID(e.ID)
	f := s.known(rel)
	if !ok || f == nil || e.Seq < 0 {
		return fmt.Errorf("no message of this store: %q", e.ID)
	}
	src, err := f.open(ctx, &s.spool)
	if err != nil {
		return bare(err)
	}
	defer src.Close()
	start := offset + int64(e.Seq>>1)
	p := Part{Offset: offset, Start: start, End: start + length, Variant: f.variant, CR: e.Seq&1 != 0}
	before := src.stamp
	if before != f.seen && (f.unpack != nil || !stillThere(src, before.size, p, hash)) {
		return filestore.ErrChanged
	}
	if err := s.copier.Copy(w, contextReader{ctx, src.ReaderAt}, p, f.variant); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return filestore.ErrChanged
		}
		return bare(err)
	}
	if after, err := src.now(); err != nil || after != before && !stillThere(src, after.size, p, hash) {
		return filestore.ErrChanged
	}
	return nil
}

// now is what the file is at this moment.
func (s *source) now() (stamp, error) {
	if s.f == nil {
		return s.stamp, nil
	}
	info, err := s.f.Stat()
	if err != nil {
		return stamp{}, err
	}
	return stampOf(info), nil
}

// stillThere says whether the part is what it was: between separators, under the same header.
func stillThere(r io.ReaderAt, size int64, p Part, hash [8]byte) bool {
	if p.End > size {
		return false
	}
	s := scanner{ctx: context.Background(), w: window{r: r, size: size, max: 2 * maxHeader}, variant: p.Variant}
	b, err := s.w.from(p.Offset, ahead)
	if err != nil || p.Start > p.Offset && s.markAt(p.Offset, b).start != p.Start {
		return false
	}
	s.part = p
	if s.readHeader() != nil || headerHash(s.header) != hash {
		return false
	}
	b, err = s.w.from(p.End, ahead)
	if err != nil || len(b) == 0 {
		return err == nil
	}
	if line, rest := cutLine(b, p.CR); len(line) == 0 {
		b = rest
	}
	return len(b) == 0 || bytes.HasPrefix(b, from) || bytes.HasPrefix(b, mmdfLine)
}
