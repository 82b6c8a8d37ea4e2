package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// library is go-imap on a connection that is ours. It is lent the wire only while one of its commands is unanswered; between them the wire can be
// used directly. It begins with a fabricated greeting, PREAUTH, because the login is done.
//
// go-imap v2 beta.8 ends the connection on every response that it doesn't know or can't parse, loses the server's last words and the
// cause of a broken connection, and takes its capabilities for permission to send UTF-8 names (IMAP4rev2). So it gets to see only what it asked for,
// in a form that it can read, and no capability but IMAP4rev1; the rest is kept here.
type library struct {
	*imapclient.Client
	w     *wire
	guard guard

	mu          sync.Mutex
	changed     *sync.Cond
	pending     []byte            // for the library to read
	outstanding int               // commands that it has sent and that are not answered
	literal     bool              // it waits for "+"
	asked       []statusAsked     // its STATUS commands that are not answered
	refused     map[string]status // answers that are not OK, by tag, until refusal tells them
	err         error             // sticky
}

func newLibrary(w *wire) *library {
	l := &library{w: w, refused: map[string]status{}, pending: []byte("* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")}
	l.changed = sync.NewCond(&l.mu)
	l.guard = guard{readOnly: w.readOnly, each: l.sent}
	l.Client = imapclient.New(lent{l}, nil)
	return l
}

// usable says whether the connection is in order, as far as is known.
func (l *library) usable() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err == nil && l.outstanding == 0
}

// close cuts the connection and waits for the library's goroutine.
func (l *library) close() {
	l.Client.Close() // says why it ended, or that it was closed: known
}

// refusal waits for a command of the library: its answer when it is NO or BAD, and an error when there is none.
func (l *library) refusal(err error) (st status, refused bool, fatal error) {
	if err == nil {
		return status{}, false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return status{}, false, l.err
	}
	var e *goimap.Error
	if errors.As(err, &e) {
		st, ok := l.refused[e.Text]
		if delete(l.refused, e.Text); ok {
			return st, true, nil
		}
	}
	return status{}, false, l.w.broken(err)
}

// statusAsked is a STATUS on its way, and the mailbox as it was sent.
type statusAsked struct{ tag, mailbox string }

// sent sees each line that the library sends, under mu.
func (l *library) sent(line []byte, begins bool, literal int64) {
	if begins {
		l.outstanding++
		if verbOf(line) == "STATUS" {
			tag, rest := word(line)
			_, rest = word(rest)
			s := scanner{rest}
			s.value()
			l.asked = append(l.asked, statusAsked{string(tag), string(bytes.TrimSpace(rest[:len(rest)-len(s.b)]))})
		}
	}
	l.literal = literal > 0
	l.w.conn.Trace().Sent(l.w.name, "%s", line)
}

// lent is the wire as the library sees it.
type lent struct{ *library }

func (c lent) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if err := c.guard.check(p); err != nil {
		c.err = err
		c.changed.Broadcast()
		return 0, err
	}
	c.changed.Broadcast()
	n, err := c.w.conn.Write(p)
	if err != nil {
		c.err = c.w.lost(err)
	}
	return n, err
}

// Read waits until a command is out, then reads whole responses and hands on what the library can use.
func (c lent) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pending) == 0 {
		for c.err == nil && c.outstanding == 0 {
			c.changed.Wait()
		}
		if c.err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		c.mu.Unlock()
		line, st, err := c.w.next()
		c.mu.Lock()
		if err == nil {
			err = c.take(line, st)
		}
		if err != nil && c.err == nil {
			c.err = err
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

// take hands one response on, in the library's own words.
func (c lent) take(line []byte, st status) error {
	switch {
	case strings.HasPrefix(st.tag, "T"):
		c.outstanding--
		c.asked = slices.DeleteFunc(c.asked, func(a statusAsked) bool { return a.tag == st.tag })
		if st.kind != "OK" {
			c.refused[st.tag] = st
		}
		c.pending = fmt.Appendf(c.pending, "%s %s %s\r\n", st.tag, st.kind, st.tag) // the tag as text: an error tells its command by it
	case st.tag == "*":
	case st.tag != "":
		return c.w.broken(fmt.Errorf("an answer to a command that was not sent: %.80q", line))
	case line[0] == '+':
		if c.literal {
			c.literal = false
			c.pending = append(c.pending, "+ go on\r\n"...)
		}
	default:
		c.pending = append(c.pending, c.repaired(line)...)
	}
	return nil
}

// repaired is untagged data in a form that the library can parse; nothing for what it didn't ask for.
func (c lent) repaired(line []byte) []byte {
	if !bytes.HasPrefix(line, []byte("* ")) {
		return nil
	}
	name, rest := word(line[2:])
	s := scanner{rest}
	switch strings.ToUpper(string(name)) {
	case "STATUS":
		items, ok := s.lastList() // behind the mailbox: answers come in the order of the questions, and servers differ in how they write it
		if !ok || len(c.asked) == 0 {
			return nil
		}
		return fmt.Appendf(nil, "* STATUS %s (%s)\r\n", c.asked[0].mailbox, statusItems(items))
	}
	return nil
}

// statusItems keeps the items that have a number the library takes.
func statusItems(items []byte) string {
	var out []string
	for s := (scanner{items}); s.space(); {
		name, kind := s.value()
		v, _ := s.value()
		if kind != atom {
			break
		}
		if n, ok := number(v); ok && n < 1<<32 {
			out = append(out, fmt.Sprintf("%s %d", strings.ToUpper(string(name)), n))
		}
	}
	return strings.Join(out, " ")
}

func (c lent) Close() error {
	err := c.w.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = net.ErrClosed
	}
	c.changed.Broadcast()
	return err
}

// Deadlines are the connection's own business; go-imap's would end a session that is only slow.

func (c lent) LocalAddr() net.Addr              { return c.w.conn.LocalAddr() }
func (c lent) RemoteAddr() net.Addr             { return c.w.conn.RemoteAddr() }
func (c lent) SetDeadline(time.Time) error      { return nil }
func (c lent) SetReadDeadline(time.Time) error  { return nil }
func (c lent) SetWriteDeadline(time.Time) error { return nil }
