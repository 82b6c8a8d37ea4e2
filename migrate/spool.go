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
//
// However small the pieces are in which it comes (mbox files have lines of 70 octets), digest and file get it by the chunk.
type Spool struct {
	pool    *Pool
	ctx     context.Context
	chunks  [][]byte
	file    *os.File // once it is too large for memory; then the one chunk is on its way there
	id      *identifier
	settled int // octets of the last chunk that are in the digest, and in the file where there is one
	length  int64
	lastCR  bool
}

// NewSpool starts a message. Writes wait for room in the pool until ctx ends. Release must be called, sealed or not.
func (p *Pool) NewSpool(ctx context.Context) *Spool {
	return &Spool{pool: p, ctx: ctx, id: p.identifier()}
}

// Write takes octets in, in any pieces.
func (s *Spool) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		c, err := s.room()
		if err != nil {
			return n - len(p), err
		}
		took := s.wellFormed(p[:min(len(p), chunkSize-len(*c))])
		if took > 0 {
			*c = append(*c, p[:took]...)
			s.lastCR = p[took-1] == '\r'
			p = p[took:]
		} else { // a bare LF, which is well-formed behind this
			*c = append(*c, '\r')
			s.lastCR = true
			took = 1
		}
		s.length += int64(took)
	}
	if s.file != nil { // Seal can't fail
		return n, s.settle()
	}
	return n, nil
}

// room is the chunk that the next octets go to; it has room for one at least.
func (s *Spool) room() (*[]byte, error) {
	last := len(s.chunks) - 1
	if last >= 0 && len(s.chunks[last]) < chunkSize {
		return &s.chunks[last], nil
	}
	if err := s.settle(); err != nil {
		return nil, err
	}
	if s.file == nil && last >= 0 && s.length >= s.pool.inFile {
		if err := s.spill(); err != nil {
			return nil, err
		}
	}
	if s.file == nil {
		c, err := s.pool.get(s.ctx)
		if err != nil {
			return nil, err
		}
		s.chunks = append(s.chunks, c)
	} else {
		s.chunks[0] = s.chunks[0][:0]
	}
	s.settled = 0
	return &s.chunks[len(s.chunks)-1], nil
}

// settle brings what is new in the last chunk into the digest and the file.
func (s *Spool) settle() error {
	if len(s.chunks) == 0 {
		return nil
	}
	fresh := s.chunks[len(s.chunks)-1][s.settled:]
	s.settled += len(fresh)
	s.id.write(fresh)
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Write(fresh); err != nil {
		return fmt.Errorf("spool file: %w", err)
	}
	return nil
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

// spill moves a message that has grown too large for memory into a temporary file. One chunk stays, for what is still to come.
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
	s.pool.put(s.chunks[1:])
	s.chunks = s.chunks[:1]
	return nil
}

// Seal ends the message and returns its identity and dates.
func (s *Spool) Seal() (Identity, HeaderDates) {
	if s.file == nil {
		s.settle()
	} else {
		s.pool.put(s.chunks)
		s.chunks = nil
	}
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
