package mbox

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"poplift/migrate"
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

	seen    stamp   // what it was when it was listed
	variant Variant // not Auto, once it is listed

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
}

func (s *source) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// open opens a file, and unpacks it if it has not been yet or has changed since.
func (f *file) open(ctx context.Context, sp *spool) (*source, error) {
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
		return &source{o, info.Size(), stampOf(info), o}, nil
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
		if f.content, err = sp.take(ctx, r); err != nil {
			return nil, err
		}
	}
	return &source{f.content, f.content.Size(), st, nil}, nil
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

// spool holds what was unpacked, all in one file that is gone when it is closed or the process ends: a message can be anywhere in a
// compressed file, and they are not always fetched in order.
type spool struct {
	dir string
	max int64

	mu   sync.Mutex
	f    *os.File
	size int64
}

// defaultMaxSpool is more than a mail store unpacks to, and less than an archive made to fill a disk.
const defaultMaxSpool = 256 << 30

// take unpacks r into the spool.
func (s *spool) take(ctx context.Context, r io.Reader) (*io.SectionReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.create(); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	limit := s.max - s.size
	n, err := io.Copy(io.NewOffsetWriter(s.f, s.size), &stoppable{ctx, io.LimitReader(r, limit+1)})
	if err == nil && n > limit {
		err = fmt.Errorf("unpack: more than %d octets", s.max)
	}
	if err != nil {
		return nil, err
	}
	out := io.NewSectionReader(s.f, s.size, n)
	s.size += n
	return out, nil
}

// create makes the file, which is removed at once where the system can go on using it.
func (s *spool) create() (err error) {
	if s.f != nil {
		return nil
	}
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
	}
	if s.f, err = os.CreateTemp(s.dir, "poplift-unpacked-*"); err != nil {
		return err
	}
	os.Remove(s.f.Name()) // Windows refuses; Close tries again
	return nil
}

func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	os.Remove(s.f.Name())
	s.f = nil
	return err
}

// stoppable is a reader that ends with a context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(p)
}
