package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// chunkSize is the unit of the pool. 16 KiB wastes little on the median message (14 KiB) and is still a fair write.
const chunkSize = 16 << 10

// DefaultBudget is how many octets of messages are held in memory at a time.
const DefaultBudget = 32 << 20

// Pool is the byte budget of an account (or of all accounts of a run): the octets of messages in flight live in its chunks, and a Spool
// that needs another chunk waits until one is given back. The chunks are allocated once and reused, so that the budget is also what the
// garbage collector sees.
type Pool struct {
	tokens  chan struct{} // one for each chunk in use
	inFile  int64         // a message larger than this goes to a file
	tempDir string

	mu   sync.Mutex
	free [][]byte
	ids  []*identifier
}

// NewPool makes a pool of budget octets; larger messages than a quarter of it go through files in tempDir ("" is the system's).
func NewPool(budget int64, tempDir string) *Pool { return NewSharedPool(budget, 1, tempDir) }

// NewSharedPool makes a pool that so many sources read into at once. Each may have one message half read and wait for room to go on: all of these
// together fit into a quarter of the budget, so that they can't wait for each other for ever.
func NewSharedPool(budget int64, readers int, tempDir string) *Pool {
	n := max(budget/chunkSize, 16)
	return &Pool{tokens: make(chan struct{}, n), inFile: n * chunkSize / 4 / int64(max(readers, 1)), tempDir: tempDir}
}

// Budget is the octets that the pool holds at most.
func (p *Pool) Budget() int64 { return int64(cap(p.tokens)) * chunkSize }

func (p *Pool) get(ctx context.Context) ([]byte, error) {
	select {
	case p.tokens <- struct{}{}:
	default:
		select {
		case p.tokens <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		return c, nil
	}
	return make([]byte, 0, chunkSize), nil
}

func (p *Pool) put(chunks [][]byte) {
	p.mu.Lock()
	for _, c := range chunks {
		p.free = append(p.free, c[:0])
	}
	p.mu.Unlock()
	for range chunks {
		<-p.tokens
	}
}

func (p *Pool) identifier() *identifier {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.ids); n > 0 {
		id := p.ids[n-1]
		p.ids = p.ids[:n-1]
		return id
	}
	return newIdentifier()
}

func (p *Pool) reuse(id *identifier) {
	id.reset()
	p.mu.Lock()
	p.ids = append(p.ids, id)
	p.mu.Unlock()
}

// Spool takes a message in as it arrives, once, and gives it out as often as needed. It turns bare LF line ends into CRLF (a lone CR
// stays as it is), counts the exact length that an IMAP literal needs, and computes the message's identity on the way. One goroutine
// writes; after Seal any may read.
type Spool struct {
	pool   *Pool
	ctx    context.Context
	chunks [][]byte
	file   *os.File
	id     *identifier
	length int64
	lastCR bool
}

// NewSpool starts a message. Writes wait for room in the pool until ctx ends. Release must be called, sealed or not.
func (p *Pool) NewSpool(ctx context.Context) *Spool {
	return &Spool{pool: p, ctx: ctx, id: p.identifier()}
}

var crlf = []byte("\r\n")

// Write takes octets in, in any pieces.
func (s *Spool) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		good := s.wellFormed(p)
		if err := s.take(p[:good]); err != nil {
			return n - len(p), err
		}
		p = p[good:]
		if len(p) > 0 { // a bare LF
			if err := s.take(crlf); err != nil {
				return n - len(p), err
			}
			p = p[1:]
		}
	}
	return n, nil
}

// wellFormed returns the length of the longest start of p in which every LF follows a CR.
func (s *Spool) wellFormed(p []byte) int {
	cr := s.lastCR
	for i := 0; ; {
		j := bytes.IndexByte(p[i:], '\n')
		if j < 0 {
			return len(p)
		}
		if j > 0 {
			cr = p[i+j-1] == '\r'
		} else if i > 0 {
			cr = false // an LF right behind an LF
		}
		if !cr {
			return i + j
		}
		i += j + 1
	}
}

// take stores octets that are in CRLF form.
func (s *Spool) take(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	s.id.write(p)
	s.lastCR = p[len(p)-1] == '\r'
	s.length += int64(len(p))
	if s.file == nil && s.length > s.pool.inFile {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if s.file != nil {
		if _, err := s.file.Write(p); err != nil {
			return fmt.Errorf("spool file: %w", err)
		}
		return nil
	}
	for len(p) > 0 {
		last := len(s.chunks) - 1
		if last < 0 || len(s.chunks[last]) == chunkSize {
			c, err := s.pool.get(s.ctx)
			if err != nil {
				return err
			}
			s.chunks = append(s.chunks, c)
			last++
		}
		c := s.chunks[last]
		n := copy(c[len(c):chunkSize], p)
		s.chunks[last] = c[:len(c)+n]
		p = p[n:]
	}
	return nil
}

// spill moves a message that has grown too large for memory into an unlinked temporary file.
func (s *Spool) spill() error {
	f, err := os.CreateTemp(s.pool.tempDir, "poplift-*.spool")
	if err != nil {
		return fmt.Errorf("spool file: %w", err)
	}
	s.file = f
	for _, c := range s.chunks {
		if _, err := f.Write(c); err != nil {
			return fmt.Errorf("spool file: %w", err)
		}
	}
	s.pool.put(s.chunks)
	s.chunks = nil
	return nil
}

// Seal ends the message and returns its identity and dates.
func (s *Spool) Seal() (Identity, HeaderDates) {
	id, dates := s.id.sum()
	s.pool.reuse(s.id)
	s.id = nil
	return id, dates
}

// Len is the exact number of octets in CRLF form.
func (s *Spool) Len() int64 { return s.length }

// WriteTo writes the whole message to w. It can be called again.
func (s *Spool) WriteTo(w io.Writer) (int64, error) {
	if s.file != nil {
		return io.Copy(w, io.NewSectionReader(s.file, 0, s.length))
	}
	var n int64
	for _, c := range s.chunks {
		m, err := w.Write(c)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Release gives the memory or the file back. It may be called more than once.
func (s *Spool) Release() error {
	if s == nil {
		return nil
	}
	if s.id != nil {
		s.pool.reuse(s.id)
		s.id = nil
	}
	s.pool.put(s.chunks)
	s.chunks = nil
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
