package unpack

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
)

// Spool holds what was unpacked, all in one file that is gone when it is closed or the process ends: a message can be anywhere in a
// compressed file, and they are not always fetched in order.
type Spool struct {
	// Dir is where the file is made; empty is where the system keeps temporary files.
	Dir string
	// Max bounds what is unpacked, in octets; 0 is 256 GiB.
	Max int64

	mu   sync.Mutex
	f    *os.File
	size int64
}

// defaultMax is more than a mail store unpacks to, and less than an archive made to fill a disk.
const defaultMax = 256 << 30

// Take unpacks r into the spool.
func (s *Spool) Take(ctx context.Context, r io.Reader) (*io.SectionReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.create(); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	most := s.Max
	if most <= 0 {
		most = defaultMax
	}
	limit := most - s.size
	n, err := io.Copy(io.NewOffsetWriter(s.f, s.size), &stoppable{ctx, io.LimitReader(r, limit+1)})
	if err == nil && n > limit {
		err = fmt.Errorf("unpack: more than %d octets", most)
	}
	if err != nil {
		return nil, err
	}
	out := io.NewSectionReader(s.f, s.size, n)
	s.size += n
	return out, nil
}

// create makes the file, which is removed at once where the system can go on using it.
func (s *Spool) create() (err error) {
	if s.f != nil {
		return nil
	}
	if s.Dir != "" {
		if err := os.MkdirAll(s.Dir, 0o700); err != nil {
			return err
		}
	}
	if s.f, err = os.CreateTemp(s.Dir, "poplift-unpacked-*"); err != nil {
		return err
	}
	os.Remove(s.f.Name()) // Windows refuses; Close tries again
	return nil
}

// Close gives the disk back.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	os.Remove(s.f.Name())
	s.f, s.size = nil, 0
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
