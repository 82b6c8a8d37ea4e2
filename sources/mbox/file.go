package mbox

import (
	"context"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore/kmail"
	"poplift/sources/filestore/unpack"
)

// file is an mbox in a store: a file on disk, what is compressed in one, or a member of an archive.
type file struct {
	rel    string // its name within the store, in the octets that it has there
	folder migrate.Path
	role   migrate.Role
	path   string
	// unpack is nil for a file that is read as it lies there.
	unpack func(ctx context.Context, path string) (io.ReadCloser, error)
	once   bool // it was unpacked when it was found, and can't be again
	loose  bool // it is a message with a From_ line before it, in which nothing was ever quoted

	kmail   *kmail.Index // nil where KMail has none
	seen    stamp        // what it was when it was listed
	variant Variant      // not Auto, once it is listed

	mu      sync.Mutex
	content *io.SectionReader // unpacked
}

// stamp tells whether a file was written to.
type stamp struct {
	size, mtime int64 // octets, nanoseconds
	inode       uint64
}

func stampOf(info fs.FileInfo) stamp {
	return stamp{info.Size(), info.ModTime().UnixNano(), inode(info)}
}

func (s stamp) modified() time.Time { return time.Unix(0, s.mtime) }

// stat is what the file is on disk now.
func (f *file) stat() (stamp, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return stamp{}, err
	}
	return stampOf(info), nil
}

// source is a file that is open.
type source struct {
	io.ReaderAt
	size  int64
	stamp stamp
	f     *os.File // nil when it is unpacked
	lent  bool     // somebody else closes it
}

func (s *source) Close() error {
	if s.f == nil || s.lent {
		return nil
	}
	return s.f.Close()
}

// open opens a file, and unpacks it if it has not been yet or has changed since.
func (f *file) open(ctx context.Context, sp *unpack.Spool) (*source, error) {
	if f.unpack == nil {
		o, err := os.Open(f.path)
		if err != nil {
			return nil, err
		}
		info, err := o.Stat()
		if err != nil {
			o.Close()
			return nil, err
		}
		return &source{ReaderAt: o, size: info.Size(), stamp: stampOf(info), f: o}, nil
	}
	st, err := f.stat()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.content == nil || st != f.seen {
		r, err := f.unpack(ctx, f.path)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		if f.content, err = sp.Take(ctx, r); err != nil {
			return nil, err
		}
	}
	return &source{ReaderAt: f.content, size: f.content.Size(), stamp: st}, nil
}

// inherit takes over what was unpacked for an earlier List; open sees whether it is still good.
func (f *file) inherit(old *file) {
	if old == nil || old.path != f.path || f.content != nil {
		return
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	f.content, f.seen = old.content, old.seen
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.ReaderAt
}

func (c contextReader) ReadAt(p []byte, off int64) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.ReadAt(p, off)
}
