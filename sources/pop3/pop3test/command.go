package pop3test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// dispatch carries one command out. An error ends the connection.
func (c *Conn) dispatch(verb, arg string) error {
	switch verb {
	case "CAPA":
		return c.capa()
	case "QUIT":
		return c.quit()
	case "UTF8":
		if !c.s.Quirk.UTF8 {
			break
		}
		c.utf8 = c.user != ""
		c.end("+OK")
		return nil
	}
	if c.user == "" {
		return c.authorization(verb, arg)
	}
	switch verb {
	case "STAT":
		n, size := c.total()
		c.line("+OK %d %d", n+c.s.Quirk.StatMismatch, size)
	case "LIST":
		c.listing(arg, c.s.Quirk.GapInList, func(i int) string { return strconv.FormatInt(c.msgs[i].size(c.s.Quirk), 10) })
	case "UIDL":
		if c.s.Quirk.NoUIDL {
			c.end("-ERR unknown command")
			break
		}
		c.listing(arg, c.s.Quirk.GapInUIDL, func(i int) string { return c.uidls[i] })
	case "RETR":
		c.retr(arg)
	case "TOP":
		c.top(arg)
	case "DELE":
		if i, ok := c.number(arg); ok {
			c.deleted[i] = true
			c.end("+OK")
		}
	case "RSET":
		clear(c.deleted)
		c.end("+OK")
	case "NOOP":
		c.end("+OK")
	default:
		c.end("-ERR unknown command")
	}
	return nil
}

func (c *Conn) capa() error {
	q := c.s.Quirk
	if q.SilentCAPA {
		c.s.fire("SilentCAPA")
		return c.stall()
	}
	if q.NoCAPA {
		c.end("-ERR unknown command")
		return nil
	}
	c.end("+OK capabilities follow")
	for _, l := range c.capabilities() {
		c.end(l)
	}
	c.end(".")
	return nil
}

func (c *Conn) capabilities() []string {
	q := c.s.Quirk
	caps := []string{"RESP-CODES", "AUTH-RESP-CODE", "IMPLEMENTATION pop3test"}
	add := func(when bool, s string) {
		if when {
			caps = append(caps, s)
		}
	}
	add(!q.NoTOP, "TOP")
	add(!q.NoUIDL && !q.HiddenUIDL, "UIDL")
	add(!q.NoPipelining, "PIPELINING")
	add(q.LoginDelay > 0, fmt.Sprintf("LOGIN-DELAY %d", int(q.LoginDelay.Seconds())))
	add(q.UTF8, "UTF8 USER")
	add(c.user == "", "USER")
	add(c.user == "" && len(c.s.SASL) > 0, "SASL "+strings.Join(c.s.SASL, " "))
	add(c.user == "" && c.s.STLS && !c.onTLS, "STLS")
	return caps
}

func (c *Conn) total() (n int, size int64) {
	for i, m := range c.msgs {
		if !c.deleted[i] {
			n++
			size += m.size(c.s.Quirk)
		}
	}
	return n, size
}

// number reads a message number and answers when there is no such message. The index it returns begins at 0.
func (c *Conn) number(arg string) (int, bool) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > len(c.msgs) || c.deleted[n-1] {
		c.end("-ERR no such message")
		return 0, false
	}
	return n - 1, true
}

// listing answers LIST and UIDL.
func (c *Conn) listing(arg string, gap int, what func(int) string) {
	if arg != "" {
		if i, ok := c.number(arg); ok {
			c.line("+OK %d %s", i+1, what(i))
		}
		return
	}
	loose := c.s.Quirk.LoosePrefix
	c.end("+OK listing follows")
	for i := range c.msgs {
		if c.deleted[i] || i+1 == gap {
			continue
		}
		if loose {
			c.line("+OK  %d   %s ", i+1, what(i))
			continue
		}
		c.bw.WriteString(strconv.Itoa(i + 1))
		c.bw.WriteByte(' ')
		c.end(what(i))
	}
	if loose {
		c.end("that is all")
	}
	c.end(".")
}

func (c *Conn) retr(arg string) {
	q := c.s.Quirk
	i, ok := c.number(arg)
	if !ok {
		return
	}
	if q.SessionCap > 0 && c.retrs >= q.SessionCap {
		c.s.fire("SessionCap")
		c.line("-ERR Download exceed. msg=%d", q.SessionCap)
		return
	}
	c.retrs++
	m := c.msgs[i]
	c.popped[m] = true
	c.line("+OK %d octets", m.size(q))
	c.body(m, m.Raw)
	c.end(".")
}

func (c *Conn) body(m *stored, raw []byte) {
	q := c.s.Quirk
	switch {
	case q.UTF8 && !c.utf8 && m.utf8:
		c.s.fire("UTF8")
		writeBody(c.bw, wrapped(raw), q, true)
	case m.clean && !q.altersLines() && len(raw) == len(m.Raw):
		c.bw.Write(raw)
	default:
		writeBody(c.bw, raw, q, true)
	}
}

func (c *Conn) top(arg string) {
	first, lines, _ := strings.Cut(arg, " ")
	want, err := strconv.Atoi(lines)
	if err != nil || c.s.Quirk.NoTOP {
		c.end("-ERR unknown command")
		return
	}
	i, ok := c.number(first)
	if !ok {
		return
	}
	m := c.msgs[i]
	raw := m.Raw[:topLen(m.Raw, want)]
	if c.s.Quirk.TopDiffers {
		c.s.fire("TopDiffers")
		raw = append([]byte("X-Top: other\r\n"), raw...)
	}
	c.end("+OK top follows")
	c.body(m, raw)
	c.end(".")
}

// topLen is the length of the header, its empty line and so many lines of the body.
func topLen(raw []byte, lines int) int {
	at, header := 0, true
	for at < len(raw) && (header || lines > 0) {
		line := raw[at:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		at += len(line)
		if header {
			header = len(bytes.TrimRight(line, "\r\n")) > 0
		} else {
			lines--
		}
	}
	return at
}

// quit enters the UPDATE state (RFC 1939 section 6).
func (c *Conn) quit() error {
	if c.user != "" {
		c.s.mu.Lock()
		gone := map[*stored]bool{}
		for i := range c.deleted {
			gone[c.msgs[i]] = true
		}
		c.drop.msgs = slices.DeleteFunc(slices.Clone(c.drop.msgs), func(m *stored) bool { return gone[m] })
		if c.s.Quirk.GmailWindow > 0 {
			for m := range c.popped {
				c.drop.popped[m] = true
			}
		}
		c.s.mu.Unlock()
	}
	c.end("+OK bye")
	c.finished = true
	return nil
}
