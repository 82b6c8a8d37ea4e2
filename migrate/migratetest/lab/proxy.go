package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ProxyOptions say what the line is like. The zero value is a line that only counts.
type ProxyOptions struct {
	// Delay is how long an octet is on its way, in either direction: half of a round trip. Making a connection costs what it costs in TCP,
	// one and a half round trips until the server knows of it.
	Delay time.Duration
	// Rate is how many octets a second go through, for each connection and direction; 0 is no limit.
	Rate int64
	// CutAfter says after how many octets from the client (up) and from the server (down) the n-th connection breaks, n from 1; below 0 is
	// never. Those octets arrive, and not one more in their direction; in the other one, what is on its way may be lost.
	CutAfter func(n int) (up, down int64)
	// Reset breaks connections with a reset instead of an end of the stream.
	Reset bool
	// Hide are words that are taken out of every line of the server that has the word CAPABILITY in it. It sees nothing within TLS.
	Hide []string
}

// ProxyStats is what went over the line so far.
type ProxyStats struct {
	Connections int
	Up, Down    int64 // octets from and to clients
	// Turns is how often a client spoke after the server had. Where nothing is pipelined that is the number of round trips; a client that
	// sends on while answers come in makes turns for which nobody has waited.
	Turns int64
	// Cuts is how many connections were cut.
	Cuts int64
}

// Proxy is a TCP line to a server: longer, slower or less reliable than the loopback, as its options say, and with counters. It has no loss
// and no slow start, for it is there to compare programs on the same line, not to be like any line in particular.
type Proxy struct {
	Addr string

	target string
	opts   ProxyOptions
	ln     net.Listener
	done   chan struct{}
	wg     sync.WaitGroup

	turns, cuts atomic.Int64

	mu    sync.Mutex
	links []*link
	open  map[net.Conn]bool // nil after Close
}

// StartProxy listens on a free port of the loopback for connections to target.
func StartProxy(target string, o ProxyOptions) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{Addr: ln.Addr().String(), target: target, opts: o, ln: ln, done: make(chan struct{}), open: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Close cuts all connections and waits until nothing of the proxy runs any more.
func (p *Proxy) Close() {
	p.mu.Lock()
	open := p.open
	p.open = nil
	p.mu.Unlock()
	if open == nil {
		return
	}
	close(p.done)
	p.ln.Close()
	for c := range open {
		c.Close()
	}
	p.wg.Wait()
}

// Stats returns the counters.
func (p *Proxy) Stats() ProxyStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := ProxyStats{Connections: len(p.links), Turns: p.turns.Load(), Cuts: p.cuts.Load()}
	for _, l := range p.links {
		st.Up += l.up.passed.Load()
		st.Down += l.down.passed.Load()
	}
	return st
}

// Octets returns what went over the n-th connection, n from 1.
func (p *Proxy) Octets(n int) (up, down int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < 1 || n > len(p.links) {
		return 0, 0
	}
	l := p.links[n-1]
	return l.up.passed.Load(), l.down.passed.Load()
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		if !p.keep(c) {
			return
		}
		p.mu.Lock()
		l := &link{Proxy: p, client: c.(*net.TCPConn), up: flow{limit: -1}, down: flow{limit: -1}}
		p.links = append(p.links, l)
		n := len(p.links)
		p.mu.Unlock()
		p.wg.Go(func() { l.serve(n) })
	}
}

// keep notes a connection that Close has to close. After Close it closes it at once.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	c.Close()
}

// wait sleeps until at, unless the proxy is closed.
func (p *Proxy) wait(at time.Time) {
	d := time.Until(at)
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.done:
	}
}

// link is one connection through the proxy.
type link struct {
	*Proxy
	client, server *net.TCPConn
	up, down       flow
	broken         sync.Once
	answered       atomic.Bool // the server was the last to speak
}

// flow is one direction of a link.
type flow struct {
	passed atomic.Int64 // octets
	limit  int64        // octets until the cut; below 0 is never
}

// serve is the life of the n-th connection.
func (l *link) serve(n int) {
	defer l.drop(l.client)
	l.wait(time.Now().Add(3 * l.opts.Delay))
	if l.opts.CutAfter != nil {
		l.up.limit, l.down.limit = l.opts.CutAfter(n)
	}
	if l.up.limit == 0 || l.down.limit == 0 {
		l.cut()
		return
	}
	c, err := net.Dial("tcp", l.target)
	if err != nil || !l.keep(c) {
		return
	}
	defer l.drop(c)
	l.server = c.(*net.TCPConn)
	var wg sync.WaitGroup
	wg.Go(func() { l.pipe(&l.up, l.server, l.client, l.client) })
	wg.Go(func() { l.pipe(&l.down, l.client, l.server, l.fromServer()) })
	wg.Wait()
}

// parcel is what was read at once. No octets are the end of the stream.
type parcel struct {
	octets []byte
	due    time.Time
	buf    *[]byte // where the octets lie, to be used again; nil for a few octets in a slice of their own
}

const (
	parcelSize = 256 << 10
	inFlight   = 1024 // parcels; at a delay of 20 ms no loopback fills it
)

var parcelBufs = sync.Pool{New: func() any { b := make([]byte, parcelSize); return &b }}

// pipe carries octets from src to dst, each leaving Delay after it came in. r is src as it is to be read.
func (l *link) pipe(f *flow, dst, src *net.TCPConn, r io.Reader) {
	parcels := make(chan parcel, inFlight)
	var wg sync.WaitGroup
	wg.Go(func() { l.deliver(f, dst, src, parcels) })
	defer wg.Wait()
	defer close(parcels)
	var free time.Time // when the line has room for the next octet
	for {
		buf := parcelBufs.Get().(*[]byte)
		n, err := r.Read(*buf)
		due := time.Now()
		if l.opts.Rate > 0 {
			if free.Before(due) {
				free = due
			}
			free = free.Add(time.Duration(float64(n) / float64(l.opts.Rate) * float64(time.Second)))
			due = free
		}
		due = due.Add(l.opts.Delay)
		if n > 0 && f == &l.up && l.answered.Swap(false) {
			l.turns.Add(1)
		}
		switch {
		case n > parcelSize/16:
			parcels <- parcel{(*buf)[:n], due, buf}
		case n > 0:
			parcels <- parcel{slices.Clone((*buf)[:n]), due, nil}
			fallthrough
		default:
			parcelBufs.Put(buf)
		}
		if err != nil {
			parcels <- parcel{due: due}
			return
		}
	}
}

// deliver writes parcels when they are due. After an error it only empties the channel, so that the reader never blocks on it.
func (l *link) deliver(f *flow, dst, src *net.TCPConn, parcels <-chan parcel) {
	failed := false
	for p := range parcels {
		if failed {
			continue
		}
		l.wait(p.due)
		if len(p.octets) == 0 {
			dst.CloseWrite()
			continue
		}
		if err := l.pass(f, dst, p.octets); err != nil {
			failed = true
			src.CloseRead()
		}
		if p.buf != nil {
			parcelBufs.Put(p.buf)
		}
	}
}

var errCut = errors.New("cut")

// pass writes as much as may pass before the cut, and cuts.
func (l *link) pass(f *flow, dst *net.TCPConn, b []byte) error {
	if f == &l.down {
		l.answered.Store(true) // before the client can know of it, and answer
	}
	last := f.limit >= 0 && int64(len(b)) >= f.limit
	if last {
		b = b[:f.limit]
	}
	f.passed.Add(int64(len(b))) // before anybody can have got them
	n, err := dst.Write(b)
	f.passed.Add(int64(n - len(b)))
	if f.limit >= 0 {
		f.limit -= int64(n)
	}
	if err == nil && last {
		l.cut()
		err = errCut
	}
	return err
}

func (l *link) cut() {
	l.broken.Do(func() {
		l.cuts.Add(1)
		for _, c := range []*net.TCPConn{l.client, l.server} {
			if c == nil {
				continue
			}
			if l.opts.Reset {
				c.SetLinger(0)
			}
			c.Close()
		}
	})
}

// fromServer is what the client gets to see of the server.
func (l *link) fromServer() io.Reader {
	if len(l.opts.Hide) == 0 {
		return l.server
	}
	return &hider{r: bufio.NewReaderSize(l.server, parcelSize), words: l.opts.Hide}
}

// hider takes words out of lines with CAPABILITY. A line is held back until it is whole, which no client can tell.
type hider struct {
	r     *bufio.Reader
	words []string
	rest  []byte
}

func (h *hider) Read(b []byte) (int, error) {
	if len(h.rest) == 0 {
		line, err := h.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && len(line) == 0 {
			return 0, err
		}
		h.rest = line
		if text := string(line); strings.Contains(text, "CAPABILITY") {
			h.rest = []byte(h.without(text))
		}
	}
	n := copy(b, h.rest)
	h.rest = h.rest[n:]
	return n, nil
}

func (h *hider) without(line string) string {
	for _, word := range h.words {
		for _, end := range []string{" ", "]", "\r\n"} {
			line = strings.Replace(line, " "+word+end, end, 1)
		}
	}
	return line
}
