package mailnet

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

var errBecause = errors.New("the user has had enough")

// clear is an endpoint without TLS.
func clear(address string) Endpoint { return Endpoint{Address: address, Security: Cleartext} }

func TestDial(t *testing.T) {
	lone := issue(t, nil, nil)
	cfg, err := TLSOptions{CAFile: lone.file(t)}.Config("")
	if err != nil {
		t.Fatal(err)
	}
	c := mustDial(t, Endpoint{Address: serveTLS(t, lone), Host: "mail.example", TLS: cfg})
	mustLine(t, c, "hello")
	if _, err := c.Write([]byte("ping\r\n")); err != nil {
		t.Fatal(err)
	}
	mustLine(t, c, "ping")
	if r, w := c.Octets(); r != 13 || w != 6 {
		t.Errorf("%d octets read, %d written", r, w)
	}
	if !c.Loopback() || !c.Protected() || c.TLS().ServerName != "mail.example" || c.LocalAddr() == nil || c.RemoteAddr() == nil {
		t.Error("the connection does not know itself")
	}
	if cfg.ServerName != "" {
		t.Error("the caller's configuration was changed")
	}
}

// TestTLSDefaults has no configuration, and no Host but the one in the address.
func TestTLSDefaults(t *testing.T) {
	address := serveTLS(t, issue(t, nil, nil))
	_, err := Dial(context.Background(), Endpoint{Address: address})
	var unverified *tls.CertificateVerificationError
	if !errors.As(err, &unverified) || !strings.HasPrefix(err.Error(), "tls "+address+": ") {
		t.Errorf("got %v", err)
	}
}

func TestDialErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if _, err = Dial(context.Background(), clear(address)); err == nil || strings.Count(err.Error(), address) != 1 {
		t.Errorf("refused: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errBecause)
	if _, err := Dial(ctx, clear(address)); !errors.Is(err, errBecause) {
		t.Errorf("an ended context: %v", err)
	}
	silent := serve(t, idle)
	_, err = Dial(context.Background(), Endpoint{Address: silent, Connect: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "no handshake within 50ms") || errors.Is(err, ErrClosed) {
		t.Errorf("a silent server: %v", err)
	}
}

func TestCleartextIsNotProtected(t *testing.T) {
	address := serve(t, echo)
	if c := mustDial(t, Endpoint{Address: address, Security: StartTLS}); c.Protected() || c.TLS() != nil {
		t.Error("clear text before STARTTLS counts as protected")
	}
	if c := mustDial(t, clear(address)); !c.Protected() {
		t.Error("clear text by the user's word is refused")
	}
}

func TestUpgradeTLS(t *testing.T) {
	lone := issue(t, nil, nil)
	cfg, err := TLSOptions{CAFile: lone.file(t)}.Config("mail.example")
	if err != nil {
		t.Fatal(err)
	}
	// said is what the server says to STLS before it shakes hands.
	dial := func(t *testing.T, said ...string) *Conn {
		address := serve(t, func(c net.Conn) {
			c.Read(make([]byte, 6))
			for _, s := range said {
				c.Write([]byte(s))
				time.Sleep(10 * time.Millisecond)
			}
			tc := tls.Server(c, lone.config())
			if tc.Handshake() == nil {
				echo(tc)
			}
		})
		c := mustDial(t, Endpoint{Address: address, Security: StartTLS, TLS: cfg, Stall: 20 * time.Second})
		if _, err := c.Write([]byte("STLS\r\n")); err != nil {
			t.Fatal(err)
		}
		mustLine(t, c, "+OK")
		return c
	}
	t.Run("as it should be", func(t *testing.T) {
		c := dial(t, "+OK\r\n")
		if err := c.UpgradeTLS(); err != nil || !c.Protected() {
			t.Fatal(err)
		}
		mustLine(t, c, "hello")
	})
	t.Run("octets in the same packet", func(t *testing.T) {
		c := dial(t, "+OK\r\n+OK injected\r\n")
		if err := c.UpgradeTLS(); err == nil || !strings.Contains(err.Error(), "sent 14 octets in clear before the handshake") || c.Protected() {
			t.Errorf("got %v", err)
		}
	})
	t.Run("octets in the next packet", func(t *testing.T) {
		c := dial(t, "+OK\r\n", "+OK injected\r\n")
		if err := c.UpgradeTLS(); err == nil || c.Protected() {
			t.Errorf("got %v", err)
		}
	})
}

// TestReadBufferGrows reads in all the ways there are while the buffer becomes a large one: nothing may be lost with the small one.
func TestReadBufferGrows(t *testing.T) {
	var all bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&all, "line %d\r\n", i)
	}
	c := mustDial(t, clear(serve(t, func(c net.Conn) { c.Write(all.Bytes()) })))
	var got []byte
	for n := 0; ; n++ {
		var err error
		switch n % 3 {
		case 0:
			var line []byte
			line, _, err = c.ReadLine(100)
			if got = append(got, line...); err == nil {
				got = append(got, "\r\n"...)
			}
		case 1:
			var there []byte
			there, err = c.Reader().Peek(3)
			got = append(got, there...)
			c.Reader().Discard(len(there))
		default:
			p := make([]byte, 5)
			var m int
			m, err = c.Read(p)
			got = append(got, p[:m]...)
		}
		if err != nil {
			break
		}
		if got[len(got)-1] == '\r' { // half a line end is no business of ReadLine's
			b, _ := c.Reader().ReadByte()
			got = append(got, b)
		}
	}
	if !bytes.Equal(got, all.Bytes()) {
		t.Errorf("%d octets of %d came through", len(got), all.Len())
	}
	if n := c.Reader().Size(); n != ReadBuffer {
		t.Errorf("a buffer of %d octets", n)
	}
}

// TestReadBufferHidesNothing: what came in clear before a handshake is seen, also when the buffer has just become another.
func TestReadBufferHidesNothing(t *testing.T) {
	c := mustDial(t, clear(serve(t, func(c net.Conn) { c.Write(bytes.Repeat([]byte("line\r\n"), firstBuffer)) })))
	for c.Reader().Size() < ReadBuffer {
		mustLine(t, c, "line")
	}
	if c.br.Buffered() == 0 {
		t.Error("the buffer is empty, the next line is not there yet")
	}
}

// TestCut ends connections in the middle of everything, by Close and by the context: whoever waits is told at once, and why.
func TestCut(t *testing.T) {
	slow := func() []*rate.Limiter { return []*rate.Limiter{rate.NewLimiter(1, 1)} }
	buffer := bytes.Repeat([]byte("x"), 64<<20)
	lone := issue(t, nil, nil)
	for _, tt := range []struct {
		name   string
		ep     Endpoint
		script func(net.Conn)
		do     func(*Conn) error
	}{
		{"read", Endpoint{Security: Cleartext}, idle, func(c *Conn) error { _, _, err := c.ReadLine(10); return err }},
		{
			"write", Endpoint{Security: Cleartext}, func(c net.Conn) { time.Sleep(300 * time.Millisecond) },
			func(c *Conn) error { _, err := c.Write(buffer); return err },
		},
		{"handshake", Endpoint{Security: StartTLS}, idle, func(c *Conn) error { return c.UpgradeTLS() }},
		{
			"limited read", Endpoint{Security: Cleartext, Limits: slow()}, echo,
			func(c *Conn) error { _, err := io.ReadAll(c); return err },
		},
		{
			"limited write", Endpoint{Security: Cleartext, Limits: slow()}, idle,
			func(c *Conn) error { _, err := c.Write(buffer); return err },
		},
		{
			"read over TLS", Endpoint{TLS: &tls.Config{InsecureSkipVerify: true}}, func(c net.Conn) { idle(tls.Server(c, lone.config())) },
			func(c *Conn) error { _, _, err := c.ReadLine(10); return err },
		},
	} {
		for _, by := range []string{"Close", "context"} {
			t.Run(tt.name+" by "+by, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				ep := tt.ep
				ep.Address = serve(t, tt.script)
				c, err := Dial(ctx, ep)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				time.AfterFunc(20*time.Millisecond, func() {
					if by == "Close" {
						c.Close()
					} else {
						cancel(errBecause)
					}
				})
				err = soon(t, func() error { return tt.do(c) })
				if !errors.Is(err, ErrClosed) || errors.Is(err, errBecause) != (by == "context") {
					t.Errorf("got %v", err)
				}
				if _, err := c.Write([]byte("x")); !errors.Is(err, ErrClosed) {
					t.Errorf("a write afterwards: %v", err)
				}
				if _, _, err := c.ReadLine(10); !errors.Is(err, ErrClosed) {
					t.Errorf("a read afterwards: %v", err)
				}
				if err := c.Close(); err != nil {
					t.Errorf("a second close: %v", err)
				}
			})
		}
	}
}

// TestCutWhileDialling is for the race detector: the context ends at any moment.
func TestCutWhileDialling(t *testing.T) {
	address := serveTLS(t, issue(t, nil, nil))
	for i := range 60 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*50*time.Microsecond)
		c, err := Dial(ctx, Endpoint{Address: address, TLS: &tls.Config{InsecureSkipVerify: true}})
		if err == nil {
			c.Close()
		} else if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		cancel()
	}
}

func TestStall(t *testing.T) {
	const stall = 300 * time.Millisecond
	t.Run("nothing comes", func(t *testing.T) {
		ep := clear(serve(t, idle))
		ep.Stall = 50 * time.Millisecond
		_, _, err := mustDial(t, ep).ReadLine(10)
		if err == nil || !strings.Contains(err.Error(), "nothing moved for 50ms") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nothing is taken", func(t *testing.T) {
		release := make(chan struct{})
		ep := clear(serve(t, func(net.Conn) { <-release }))
		defer close(release)
		ep.Stall = 50 * time.Millisecond
		_, err := mustDial(t, ep).Write(make([]byte, 64<<20))
		if err == nil || !strings.Contains(err.Error(), "nothing moved for 50ms") {
			t.Errorf("got %v", err)
		}
	})
	// A server that takes its time with what it is sent, and only then answers: neither the long write nor the read is stalled.
	t.Run("slow but moving", func(t *testing.T) {
		const octets = 12 << 20
		ep := clear(serve(t, func(c net.Conn) {
			c.(*net.TCPConn).SetReadBuffer(64 << 10)
			for n := range 12 {
				if n%3 == 0 {
					time.Sleep(stall / 2)
				}
				if _, err := io.CopyN(io.Discard, c, octets/12); err != nil {
					return
				}
			}
			c.Write([]byte("taken\r\n"))
			idle(c)
		}))
		ep.Stall = stall
		c := mustDial(t, ep)
		written := make(chan error, 1)
		begun := time.Now()
		go func() {
			_, err := c.Write(make([]byte, octets))
			written <- err
		}()
		mustLine(t, c, "taken")
		if err := <-written; err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took < stall {
			t.Errorf("took %v: nothing was tested", took)
		}
	})
}

func TestLimit(t *testing.T) {
	const octets = 300 << 10
	script := func(c net.Conn) {
		c.Write(make([]byte, octets))
		io.CopyN(io.Discard, c, octets)
		c.Write([]byte("!"))
		idle(c)
	}
	for n, burst := range []int{1000, ReadBuffer, 1 << 20} {
		ep := clear(serve(t, script))
		ep.Limits = []*rate.Limiter{rate.NewLimiter(1<<30, ReadBuffer), rate.NewLimiter(1<<30, ReadBuffer)}
		ep.Limits[n%2] = rate.NewLimiter(4<<20, burst) // whichever of them is the tight one
		var read, written atomic.Int64
		ep.Count = func(r, w int) { read.Add(int64(r)); written.Add(int64(w)) }
		c := mustDial(t, ep)
		begun := time.Now()
		if _, err := io.ReadFull(c, make([]byte, octets)); err != nil { // into a buffer bigger than the burst
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, octets)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if least := time.Duration(2*octets-burst) * time.Second / (4 << 20); time.Since(begun) < least*9/10 {
			t.Errorf("burst %d: took %v, at least %v were due", burst, time.Since(begun), least)
		}
		if r, w := read.Load(), written.Load(); r != octets+1 || w != octets {
			t.Errorf("counted %d octets read and %d written", r, w)
		}
	}
}

type deflater struct{ *flate.Writer }

func TestCompress(t *testing.T) {
	inflate := func(r io.Reader) io.Reader { return flate.NewReader(r) }
	deflate := func(w io.Writer) Flusher {
		z, err := flate.NewWriter(w, flate.DefaultCompression)
		if err != nil {
			t.Fatal(err)
		}
		return deflater{z}
	}
	c := mustDial(t, clear(serve(t, func(c net.Conn) {
		in := flate.NewReader(c)
		line := make([]byte, 1000)
		if _, err := io.ReadFull(in, line); err != nil {
			return
		}
		out := deflate(c)
		out.Write(append(line, "\r\n"...))
		out.Flush()
		idle(c)
	})))
	if err := c.Compress(inflate, deflate); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 1000)
	if n, err := c.Write([]byte(text)); err != nil || n != 1000 {
		t.Fatal(n, err)
	}
	if line, _, err := c.ReadLine(1000); err != nil || string(line) != text {
		t.Errorf("%.20q, %v", line, err)
	}
	if r, w := c.Octets(); r > 200 || w > 200 {
		t.Errorf("%d and %d octets for a thousand of the same", r, w)
	}

	// A server may flush its compressor with its OK: what came in the same packet is compressed already.
	early := mustDial(t, clear(serve(t, func(c net.Conn) {
		var packet bytes.Buffer
		packet.WriteString("OK\r\n")
		out := deflate(&packet)
		out.Write([]byte("early\r\n"))
		out.Flush()
		c.Write(packet.Bytes())
		idle(c)
	})))
	mustLine(t, early, "OK")
	if err := early.Compress(inflate, deflate); err != nil {
		t.Fatal(err)
	}
	mustLine(t, early, "early")
}

func TestEndOfStream(t *testing.T) {
	c := mustDial(t, clear(serve(t, func(c net.Conn) { c.Write([]byte("bye\r\nhal")) })))
	mustLine(t, c, "bye")
	if _, _, err := c.ReadLine(10); err != io.ErrUnexpectedEOF {
		t.Errorf("within a line: %v", err)
	}
	if _, _, err := c.ReadLine(10); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	c.SetDeadline(time.Now().Add(-time.Hour)) // libraries may set them: they are not theirs
	c.SetReadDeadline(time.Now().Add(-time.Hour))
	c.SetWriteDeadline(time.Now().Add(-time.Hour))
	if c.Trace() != nil || c.Reader() == nil {
		t.Error("no trace was asked for")
	}
}
