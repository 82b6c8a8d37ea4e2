package mailnet

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Security is how a connection is protected.
type Security uint8

const (
	// ImplicitTLS speaks TLS from the first octet (pop3s, imaps: RFC 8314).
	ImplicitTLS Security = iota
	// StartTLS begins in clear and must be upgraded before anything secret is sent.
	StartTLS
	// Cleartext may stay in clear: the user asked for it by name.
	Cleartext
)

// Endpoint says where a server is and how to reach it.
type Endpoint struct {
	// Address is host:port; Host alone is the name the certificate is verified against.
	Address, Host string
	Security      Security
	// TLS is nil for the defaults: the system's roots, the Host verified.
	TLS *tls.Config
	// Dial replaces the ordinary dialler, for tests and proxies.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Connect bounds dialling and each handshake; 0 is 30 s.
	Connect time.Duration
	// Stall bounds the time in which not one octet moves, either way, while one is waited for; 0 is 5 min (RFC 9051 5.4, RFC 1939 3 let a server
	// take its time: a slow PASS on a big maildrop is normal).
	Stall time.Duration
	// Limits bound the octets a second of both directions together, as they are inside TLS: each octet is paid for at every one of them. A
	// burst of at least ReadBuffer keeps one from costing more than the octets do.
	Limits []*rate.Limiter
	// Count, when not nil, is told how many octets have been read or written, as they are inside TLS. The reader and the writer may call it at
	// the same time.
	Count func(read, written int)
	// Trace takes the transcript; nil keeps none.
	Trace *Trace
}

// Conn is one connection. Reads are buffered and line-aware: nothing behind a line is consumed with it, so that a protocol library and
// our own readers can take turns. One goroutine may read while another writes; Close may be called from any.
type Conn struct {
	ep   Endpoint
	ctx  context.Context // the caller's
	life context.Context // ends with ctx or with Close
	end  context.CancelFunc

	mu       sync.Mutex // guards what follows; net changes only in UpgradeTLS
	net      net.Conn
	closed   bool
	tlsState *tls.ConnectionState

	br        *bufio.Reader // see reader
	read      atomic.Int64
	written   atomic.Int64
	layerFrom io.Reader // inflating reader, once compression is on
	layerTo   Flusher
}

// Flusher is a writer that holds back octets until Flush, such as a compressor.
type Flusher interface {
	io.Writer
	Flush() error
}

// ReadBuffer is how much is read from the network at a time, once a connection has brought more than firstBuffer: where thousands of accounts have nothing
// new, most of what a run allocates would be buffers for a few lines.
const ReadBuffer, firstBuffer = 64 << 10, 4 << 10

// ErrClosed is what reads and writes give after Close or after the context ended; then with the context's own cause.
var ErrClosed = errors.New("connection closed")

// Dial connects, and speaks TLS at once for ImplicitTLS. Until Close, the connection is cut when ctx ends.
func Dial(ctx context.Context, ep Endpoint) (*Conn, error) {
	if ep.Connect == 0 {
		ep.Connect = 30 * time.Second
	}
	if ep.Stall == 0 {
		ep.Stall = 5 * time.Minute
	}
	dial := ep.Dial
	if dial == nil {
		d := &net.Dialer{KeepAlive: 30 * time.Second}
		dial = d.DialContext
	}
	dctx, cancel := context.WithTimeout(ctx, ep.Connect)
	defer cancel()
	nc, err := dial(dctx, "tcp", ep.Address)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("connect %s: %w", ep.Address, trimDialError(err))
	}
	c := &Conn{ep: ep, ctx: ctx, net: nc}
	c.life, c.end = context.WithCancel(ctx)
	c.br = bufio.NewReaderSize(rawReader{c}, firstBuffer)
	context.AfterFunc(c.life, func() { c.Close() })
	if ep.Security == ImplicitTLS {
		if err := c.handshake(); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// trimDialError takes "dial tcp 1.2.3.4:1:" off, which repeats what the caller says.
func trimDialError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}

// UpgradeTLS speaks TLS from here on (STLS, STARTTLS). Octets that the server sent in clear before the handshake are refused: they
// would be taken for protected ones (CVE-2021-38371 and its family).
func (c *Conn) UpgradeTLS() error {
	if n := c.br.Buffered(); n > 0 {
		return fmt.Errorf("tls %s: the server sent %d octets in clear before the handshake; refused", c.ep.Address, n)
	}
	return c.handshake()
}

func (c *Conn) handshake() error {
	cfg := c.ep.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = c.ep.Host
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(c.ep.Address)
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	hctx, cancel := context.WithTimeout(c.life, c.ep.Connect)
	defer cancel()
	c.net.SetDeadline(time.Time{}) // what was read before has left one
	tc := tls.Client(c.net, cfg)
	if err := tc.HandshakeContext(hctx); err != nil {
		if c.life.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no handshake within %v: %w", c.ep.Connect, err)
		}
		return fmt.Errorf("tls %s: %w", c.ep.Address, c.explain(err))
	}
	state := tc.ConnectionState()
	c.mu.Lock()
	c.net, c.tlsState = tc, &state
	c.mu.Unlock()
	c.br.Reset(rawReader{c})
	return nil
}

// TLS returns the state of the TLS session, or nil on a clear connection.
func (c *Conn) TLS() *tls.ConnectionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tlsState
}

// Protected says whether a secret may be sent: over TLS, or in clear because the user asked for it by name.
func (c *Conn) Protected() bool { return c.TLS() != nil || c.ep.Security == Cleartext }

// Loopback says whether the peer is on this machine.
func (c *Conn) Loopback() bool {
	a, ok := c.net.RemoteAddr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// Compress puts a pair of layers between the buffered reader, the writer and the network (COMPRESS, RFC 4978). from is made over the
// connection's own octets; those that are buffered already are the first compressed ones (a server may flush its compressor at once).
func (c *Conn) Compress(from func(io.Reader) io.Reader, to func(io.Writer) Flusher) error {
	early, err := c.br.Peek(c.br.Buffered())
	if err != nil {
		return err
	}
	c.layerFrom, c.layerTo = from(io.MultiReader(bytes.NewReader(bytes.Clone(early)), rawReader{c})), to(rawWriter{c})
	c.br.Reset(c.layerFrom)
	return nil
}

// Read reads buffered octets. It never blocks when some are there.
func (c *Conn) Read(p []byte) (int, error) { return c.reader().Read(p) }

// Reader is the buffered reader itself, for parsers that look before they take. It is good until the next call of a method that reads.
func (c *Conn) Reader() *bufio.Reader { return c.reader() }

// reader makes the buffer a large one when the connection turns out to bring much.
func (c *Conn) reader() *bufio.Reader {
	if c.br.Size() == ReadBuffer || c.read.Load() <= firstBuffer {
		return c.br
	}
	var from io.Reader = rawReader{c}
	if c.layerFrom != nil {
		from = c.layerFrom
	}
	there, _ := c.br.Peek(c.br.Buffered())
	c.br = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(there), from), ReadBuffer)
	c.br.Peek(len(there)) // from the old buffer; UpgradeTLS must see it
	return c.br
}

// Write sends p, through the compressor when there is one.
func (c *Conn) Write(p []byte) (int, error) {
	if c.layerTo == nil {
		return rawWriter{c}.Write(p)
	}
	n, err := c.layerTo.Write(p)
	if err == nil {
		err = c.layerTo.Flush()
	}
	return n, err
}

// Close cuts the connection at once: what reads, writes or shakes hands on it ends with ErrClosed.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.end()
	nc := c.net
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn() // without close_notify, which would wait behind a blocked write
	}
	if err := nc.Close(); !errors.Is(err, net.ErrClosed) { // a handshake whose context has ended closes it itself
		return err
	}
	return nil
}

// Octets returns what has been read and written so far, as it is inside TLS and on the outside of compression.
func (c *Conn) Octets() (read, written int64) { return c.read.Load(), c.written.Load() }

// Trace is the transcript to write to; nil keeps none and takes everything.
func (c *Conn) Trace() *Trace { return c.ep.Trace }

// The rest makes a Conn a net.Conn, for libraries that want one. Deadlines are the connection's own business.

func (c *Conn) LocalAddr() net.Addr                { return c.net.LocalAddr() }
func (c *Conn) RemoteAddr() net.Addr               { return c.net.RemoteAddr() }
func (c *Conn) SetDeadline(t time.Time) error      { return nil }
func (c *Conn) SetReadDeadline(t time.Time) error  { return nil }
func (c *Conn) SetWriteDeadline(t time.Time) error { return nil }
