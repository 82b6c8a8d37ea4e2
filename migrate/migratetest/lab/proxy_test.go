package lab

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// echoServer sends back what it gets, behind a greeting, until its client ends.
func echoServer(t *testing.T, greeting string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				io.WriteString(c, greeting)
				io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

func proxyTo(t *testing.T, target string, o ProxyOptions) *Proxy {
	t.Helper()
	p, err := StartProxy(target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dialProxy(t *testing.T, p *Proxy) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// TestProxyChangesNothing: a line that loses or swaps octets would make liars of all tests that stand on it.
func TestProxyChangesNothing(t *testing.T) {
	const greeting = "hello\r\n"
	sent := bytes.Repeat([]byte("0123456789abcdef\n"), 60_000)
	for _, o := range []ProxyOptions{
		{}, {Delay: 1}, {Rate: 1 << 30}, {Hide: []string{"x"}}, {CutAfter: func(int) (int64, int64) { return -1, int64(len(greeting)+len(sent)) + 1 }},
	} {
		p := proxyTo(t, echoServer(t, greeting), o)
		c := dialProxy(t, p)
		go func() {
			c.Write(sent)
			c.CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err != nil || string(got) != greeting+string(sent) {
			t.Errorf("%+v: %d octets came back of %d: %v", o, len(got), len(sent), err)
		}
		p.Close()
		want := ProxyStats{Connections: 1, Up: int64(len(sent)), Down: int64(len(got))}
		st := p.Stats()
		if st.Turns = 0; st != want { // it sent at once, and whether that was a turn is chance
			t.Errorf("%+v: counted %+v, want %+v", o, st, want)
		}
	}
}

func TestProxyCutsWhereItIsTold(t *testing.T) {
	server := echoServer(t, "hello\r\n")
	for _, c := range []struct {
		up, down int64
		want     string
	}{{-1, 0, ""}, {-1, 3, "hel"}, {-1, 9, "hello\r\n12"}, {2, -1, "hello\r\n"}} {
		p := proxyTo(t, server, ProxyOptions{CutAfter: func(n int) (int64, int64) {
			if n == 2 {
				return c.up, c.down
			}
			return -1, -1
		}})
		first, second := dialProxy(t, p), dialProxy(t, p)
		got := make([]byte, 7)
		n, _ := io.ReadFull(second, got)
		io.WriteString(second, "123456")
		rest, _ := io.ReadAll(second)
		got = append(got[:n], rest...)
		if !strings.HasPrefix(string(got), c.want) || c.up < 0 && string(got) != c.want {
			t.Errorf("cut after %d, %d: got %q", c.up, c.down, got)
		}
		io.WriteString(first, "still there")
		first.CloseWrite()
		if got, err := io.ReadAll(first); string(got) != "hello\r\nstill there" {
			t.Errorf("the other connection got %q: %v", got, err)
		}
		if st := p.Stats(); st.Cuts != 1 {
			t.Errorf("%d cuts", st.Cuts)
		}
		p.Close()
	}
}

func TestProxyResets(t *testing.T) {
	p := proxyTo(t, echoServer(t, "hello\r\n"), ProxyOptions{Reset: true, CutAfter: func(int) (int64, int64) { return -1, 7 }})
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		return // it was reset before Dial had even looked
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err == nil {
		t.Errorf("an end of the stream after %q instead of a reset", got)
	}
}

// TestProxyCountsTurns: what the benchmarks tell as round trips.
func TestProxyCountsTurns(t *testing.T) {
	p := proxyTo(t, echoServer(t, "hello\r\n"), ProxyOptions{})
	c := dialProxy(t, p)
	io.ReadFull(c, make([]byte, 7))
	for range 5 {
		io.WriteString(c, "ping")
		io.ReadFull(c, make([]byte, 4))
	}
	if st := p.Stats(); st.Turns != 5 || st.Connections != 1 || st.Up != 20 || st.Down != 27 {
		t.Errorf("%+v", st)
	}
}

func TestProxyHidesCapabilities(t *testing.T) {
	const greeting = "* OK [CAPABILITY IMAP4rev1 MULTIAPPEND LITERAL+] MULTIAPPEND is fine\r\n" +
		"* CAPABILITY MULTIAPPENDIX MULTIAPPEND\r\na OK [CAPABILITY X MULTIAPPEND] yes\r\n MULTIAPPEND stays\r\nno line end"
	const want = "* OK [CAPABILITY IMAP4rev1 LITERAL+] MULTIAPPEND is fine\r\n" +
		"* CAPABILITY MULTIAPPENDIX\r\na OK [CAPABILITY X] yes\r\n MULTIAPPEND stays\r\nno line end"
	p := proxyTo(t, echoServer(t, greeting), ProxyOptions{Hide: []string{"MULTIAPPEND"}})
	c := dialProxy(t, p)
	c.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}
