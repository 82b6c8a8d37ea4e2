package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Conn is one connection to the server, as a Hook sees it.
type Conn struct {
	s  *Server
	n  int
	nc net.Conn
	br *bufio.Reader
	bw *bufio.Writer

	onTLS    bool
	greeted  bool
	user     string
	begun    int   // messages that MAIL began
	ended    int   // messages that were answered
	mail     *Mail // the transaction, or nil
	finished bool
}

// Number is which connection of the server's this is, from 1.
func (c *Conn) Number() int { return c.n }

// User is who is logged in, or "".
func (c *Conn) User() string { return c.user }

// Waiting is how many octets have come behind the command that is carried out: a client that pipelines has sent some.
func (c *Conn) Waiting() int { return c.br.Buffered() }

var errCut = errors.New("cut")

func newConn(s *Server, nc net.Conn, n int) *Conn {
	c := &Conn{s: s, n: n, nc: nc, onTLS: s.onTLS}
	if s.Cut != nil {
		sent, received := s.Cut(n)
		c.nc = &cutConn{Conn: nc, s: s, sent: sent, received: received}
	}
	if s.onTLS {
		c.nc = tls.Server(c.nc, s.tls)
	}
	c.buffers()
	return c
}

func (c *Conn) buffers() {
	c.br = bufio.NewReaderSize(c.nc, maxCommand)
	c.bw = bufio.NewWriterSize(c.nc, 4096)
}

// run serves the connection until it ends.
func (c *Conn) run() {
	greeting := c.s.Greeting
	if greeting == "" {
		greeting = "220 smtptest ready"
	}
	err := c.step("CONNECT", "", func() error { return c.say("%s", greeting) })
	for err == nil && !c.finished {
		// Answers are held back while whole commands are waiting, as RFC 2920 3.2 allows.
		if c.br.Buffered() == 0 && c.bw.Flush() != nil {
			return
		}
		var line string
		if line, err = c.readLine(); err == nil {
			err = c.command(line)
		}
	}
	if err != errCut {
		c.bw.Flush()
	}
}

// readLine reads a command. A reader that has only part of one flushes first, or both sides would wait.
func (c *Conn) readLine() (string, error) {
	if b, _ := c.br.Peek(c.br.Buffered()); bytes.IndexByte(b, '\n') < 0 {
		if err := c.bw.Flush(); err != nil {
			return "", err
		}
	}
	line, err := c.br.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// say writes one line. Without ENHANCEDSTATUSCODES, the status behind the code is left out.
func (c *Conn) say(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	if c.s.Offer.NoEnhanced {
		if words := strings.SplitN(line, " ", 3); len(words) == 3 && strings.Count(words[1], ".") == 2 {
			line = words[0] + " " + words[2]
		}
	}
	_, err := c.bw.WriteString(line + "\r\n")
	return err
}

// step asks the hook, and carries out. An error ends the connection.
func (c *Conn) step(verb, arg string, act func() error) error {
	f := c.ask(verb, arg)
	switch {
	case f.stall && f.body == 0:
		return c.stall()
	case f.cut && f.act:
		c.bw.Flush()
		act()
		return errCut
	case f.cut:
		c.bw.WriteString(f.answer)
		c.bw.Flush()
		return errCut
	case f.answer != "":
		_, err := c.bw.WriteString(f.answer)
		return err
	}
	if err := c.wait(f.delay); err != nil {
		return err
	}
	if verb == "DATA" {
		return c.data(f)
	}
	if verb == "STARTTLS" {
		return c.startTLS(f)
	}
	return act()
}

func (c *Conn) ask(verb, arg string) Fault {
	if c.s.Hook == nil {
		return Fault{}
	}
	f := c.s.Hook(c, Step{Verb: verb, Arg: arg, Message: c.begun})
	if f != (Fault{}) {
		c.s.fire("hook")
	}
	return f
}

// stall says what was said so far and then nothing, until the server closes.
func (c *Conn) stall() error {
	c.bw.Flush()
	<-c.s.done
	return errCut
}

// wait says what was said so far and then nothing for that long.
func (c *Conn) wait(d time.Duration) error {
	if d == 0 {
		return nil
	}
	c.bw.Flush()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.s.done:
		return errCut
	}
}

// startTLS answers STARTTLS and speaks TLS from here on.
func (c *Conn) startTLS(f Fault) error {
	if !c.s.Offer.STARTTLS || c.onTLS {
		return c.say("502 5.5.1 not here")
	}
	c.say("220 2.0.0 begin TLS")
	if f.inject {
		c.s.fire("InjectBeforeTLS")
		c.say("250 injected")
	}
	if err := c.bw.Flush(); err != nil {
		return err
	}
	if c.br.Buffered() > 0 {
		return errors.New("octets in clear behind STARTTLS")
	}
	c.nc = tls.Server(c.nc, c.s.tls)
	c.onTLS, c.greeted, c.mail = true, false, nil
	c.buffers()
	return nil
}

// cutConn breaks after a number of octets on the wire each way; below 0 is never.
type cutConn struct {
	net.Conn
	s              *Server
	sent, received int64
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.received == 0 {
		return 0, c.cut()
	}
	if c.received > 0 {
		p = p[:min(int64(len(p)), c.received)]
	}
	n, err := c.Conn.Read(p)
	if c.received > 0 {
		c.received -= int64(n)
	}
	return n, err
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.sent < 0 {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:min(int64(len(p)), c.sent)])
	if c.sent -= int64(n); err == nil && n < len(p) {
		err = c.cut()
	}
	return n, err
}

func (c *cutConn) cut() error {
	c.s.fire("cut")
	c.Conn.Close()
	return errCut
}
