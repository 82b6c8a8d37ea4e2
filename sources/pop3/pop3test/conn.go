package pop3test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// Conn is one connection to the server, as a Hook sees it.
type Conn struct {
	s  *Server
	n  int
	nc net.Conn
	br *bufio.Reader
	bw *bufio.Writer
	lw *limitWriter

	onTLS    bool
	name     string // what USER said
	user     string // who is logged in
	drop     *maildrop
	session  int
	msgs     []*stored
	uidls    []string
	deleted  map[int]bool
	popped   map[*stored]bool
	retrs    int
	utf8     bool
	finished bool
}

// Number is which connection of the server's this is, from 1.
func (c *Conn) Number() int { return c.n }

// User is who is logged in, or "".
func (c *Conn) User() string { return c.user }

// Retrieved is how many bodies RETR has been asked for in this session.
func (c *Conn) Retrieved() int { return c.retrs }

var errCut = errors.New("cut")

func newConn(s *Server, nc net.Conn, n int) *Conn {
	c := &Conn{s: s, n: n, nc: nc, onTLS: s.onTLS, deleted: map[int]bool{}, popped: map[*stored]bool{}}
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
	c.br = bufio.NewReaderSize(c.nc, 64<<10)
	c.lw = &limitWriter{w: c.nc, left: -1}
	c.bw = bufio.NewWriterSize(c.lw, 64<<10)
}

// run serves the connection until it ends.
func (c *Conn) run(full bool) {
	if full {
		c.s.fire("MaxConns")
		c.line("-ERR [SYS/TEMP] too many connections")
		c.bw.Flush()
		return
	}
	c.line("%s", c.greeting())
	for !c.finished {
		// Answers are held back only while whole commands are waiting: that is what makes pipelining worth its name.
		if c.br.Buffered() == 0 && c.bw.Flush() != nil {
			return
		}
		line, err := c.readLine()
		if err != nil {
			c.bw.Flush()
			return
		}
		if err := c.command(line); err != nil {
			return
		}
	}
	c.bw.Flush()
}

func (c *Conn) greeting() string {
	g := c.s.Greeting
	if g == "" {
		g = "+OK pop3test ready"
	}
	if c.s.Quirk.APOP {
		g += " " + c.stamp()
	}
	return g
}

func (c *Conn) stamp() string { return fmt.Sprintf("<%d.1@pop3test>", c.n) }

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

// line writes one line of an answer.
func (c *Conn) line(format string, args ...any) {
	fmt.Fprintf(c.bw, format, args...)
	c.end("")
}

// end writes text and a line end.
func (c *Conn) end(text string) {
	c.bw.WriteString(text)
	if c.s.Quirk.LFOnly {
		c.bw.WriteByte('\n')
		return
	}
	c.bw.WriteString("\r\n")
}

// command logs, asks the hook, and carries out. An error ends the connection.
func (c *Conn) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	c.note(verb, arg, line)
	if c.s.Quirk.NoPipelining && c.br.Buffered() > 0 {
		c.s.fire("NoPipelining")
		c.br.Discard(c.br.Buffered())
	}
	var f Fault
	if c.s.Hook != nil {
		f = c.s.Hook(c, line)
	}
	if f != (Fault{}) {
		c.s.fire("hook")
	}
	switch {
	case f.stall:
		return c.stall()
	case f.answer != "":
		_, err := c.bw.WriteString(f.answer)
		return err
	case f.cut:
		if err := c.bw.Flush(); err != nil {
			return err
		}
		c.lw.left = f.after
	}
	if err := c.dispatch(verb, arg); err != nil {
		return err
	}
	if f.cut {
		c.bw.Flush()
		return errCut // also when the answer was shorter
	}
	return nil
}

// note writes the log, without secrets.
func (c *Conn) note(verb, arg, line string) {
	words := strings.Fields(arg)
	switch {
	case verb == "PASS":
		line = "PASS ***"
	case (verb == "AUTH" || verb == "APOP") && len(words) > 1:
		line = verb + " " + words[0] + " ***"
	}
	c.s.mu.Lock()
	c.s.log = append(c.s.log, line)
	c.s.mu.Unlock()
}

// stall says what was said so far and then nothing, until the client or the server closes.
func (c *Conn) stall() error {
	c.bw.Flush()
	io.Copy(io.Discard, c.br)
	return errCut
}

// startTLS answers STLS and speaks TLS from here on.
func (c *Conn) startTLS() error {
	if !c.s.STLS || c.onTLS {
		c.end("-ERR not here")
		return nil
	}
	c.end("+OK begin TLS")
	if c.s.Quirk.InjectBeforeTLS {
		c.s.fire("InjectBeforeTLS")
		c.end("+OK injected")
	}
	if err := c.bw.Flush(); err != nil {
		return err
	}
	if c.br.Buffered() > 0 {
		return errors.New("octets in clear behind STLS")
	}
	c.nc = tls.Server(c.nc, c.s.tls)
	c.onTLS = true
	c.buffers()
	return nil
}

// limitWriter breaks after a number of octets; below 0 is never.
type limitWriter struct {
	w    io.Writer
	left int
}

func (l *limitWriter) Write(p []byte) (int, error) {
	if l.left < 0 {
		return l.w.Write(p)
	}
	n, err := l.w.Write(p[:min(len(p), l.left)])
	if l.left -= n; err == nil && n < len(p) {
		err = errCut
	}
	return n, err
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
