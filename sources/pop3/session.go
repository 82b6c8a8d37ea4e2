package pop3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	gopop3 "github.com/knadh/go-pop3"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// maxLine bounds a status line and a line of CAPA, UIDL and LIST, in octets. RFC 2449 section 4 allows 512.
const maxLine = 8 << 10

// session is one connection and its conversation.
type session struct {
	conn *mailnet.Conn
	line *lineConn
	lib  *gopop3.Conn

	greeting   string
	caps       capabilities
	noCAPA     bool // it is not asked
	loginDelay time.Duration
}

// lineConn is the connection as go-pop3 sees it. The library reads through a buffer of its own, which would swallow the beginning of a
// body and keep it; so Read hands out one line at a time, and only lines that can be an answer. The line is parsed here and kept, because
// ReadOne takes an empty line for success and turns "-ERR", an answer that is none and a lost connection into the same kind of error. What
// the library gets to see is the bare verdict, so that it can't be of another opinion.
type lineConn struct {
	*mailnet.Conn
	got     bool     // a line was read since the last command
	last    status   // that line
	secrets []string // what its text must not show: some servers repeat the command that they didn't like
	verdict string   // what the library hasn't taken of it yet
}

func (l *lineConn) Read(p []byte) (int, error) {
	if l.verdict == "" {
		// Looking at one octet is enough to see that the server is in the middle of something else, and spares reading all of it.
		if b, err := l.Reader().Peek(1); err != nil {
			return 0, err
		} else if b[0] != '+' && b[0] != '-' {
			return 0, errDesync
		}
		line, bareLF, err := l.ReadLine(maxLine)
		if errors.Is(err, mailnet.ErrLineTooLong) {
			return 0, fmt.Errorf("%w (%w)", errDesync, err)
		}
		if err != nil {
			return 0, err
		}
		if l.last = parseStatus(line, bareLF); l.last.is == isNeither {
			return 0, errDesync
		}
		for _, secret := range l.secrets {
			l.last.text = strings.ReplaceAll(l.last.text, secret, "***")
		}
		l.got, l.verdict = true, "+OK\r\n"
		if l.last.is == isErr {
			l.verdict = "-ERR\r\n"
		}
	}
	n := copy(p, l.verdict)
	l.verdict = l.verdict[n:]
	return n, nil
}

// dialer is go-pop3's hook for a connection of our own.
type dialer struct {
	ctx   context.Context
	ep    mailnet.Endpoint
	line  *lineConn
	guard *time.Timer // bounds the wait for the greeting
}

// Dial ignores its arguments: the endpoint knows more than they say.
func (d *dialer) Dial(_, _ string) (net.Conn, error) {
	c, err := mailnet.Dial(d.ctx, d.ep)
	if err != nil {
		return nil, err
	}
	d.line = &lineConn{Conn: c}
	d.guard = time.AfterFunc(2*d.ep.Connect, func() { c.Close() })
	return d.line, nil
}

// dial connects and reads the greeting. A server has twice as long for it as for a connection: some look the client's name up first.
func dial(ctx context.Context, ep mailnet.Endpoint) (*session, error) {
	d := &dialer{ctx: ctx, ep: ep}
	lib, err := gopop3.New(gopop3.Opt{Dialer: d}).NewConn()
	if d.line == nil {
		return nil, connectError(ep, err)
	}
	s := &session{conn: d.line.Conn, line: d.line, lib: lib}
	inTime := d.guard.Stop()
	switch {
	case d.line.got && d.line.last.is == isOK:
		s.greeting = d.line.last.String()
		s.conn.Trace().Got(traceName, "%s", s.greeting)
		return s, nil
	case d.line.got:
		s.conn.Trace().Got(traceName, "%s", d.line.last)
		refused := refusal(d.line.last, migrate.Error{Op: "pop3 greeting", Subject: ep.Address}, 0)
		refused.Crowded = !refused.Final // nobody has been named yet, so that it is nobody's own fault
		err = refused
	case !inTime && ctx.Err() == nil:
		err = &migrate.Error{Op: "pop3 greeting", Subject: ep.Address, Err: errSilent, Hint: "is it a TLS port? try pop3s"}
	default:
		err = &migrate.Error{Op: "pop3 greeting", Subject: ep.Address, Crowded: true, Err: noEOF(err)}
	}
	s.conn.Close() // go-pop3 forgets a connection whose greeting it doesn't like
	return nil, err
}

var errSilent = errors.New("the server says nothing")

// connectError tells a certificate that is no good, which no retry mends, from a server that can't be reached.
func connectError(ep mailnet.Endpoint, err error) error {
	e := &migrate.Error{Op: "pop3", Hint: mailnet.DialHint(err), Err: err}
	if hint := mailnet.TLSHint(err); hint != "" {
		e.Final, e.Hint = true, hint
	}
	return e
}

// noEOF gives the end of a connection its name: io.EOF would end a caller's loop in silence.
func noEOF(err error) error {
	if err == io.EOF {
		return errHungUp
	}
	return err
}

var errHungUp = fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)

const traceName = "pop3"

// send writes one command, or several that belong together, separated by CRLF. shown is what the transcript says; "" is the command.
func (s *session) send(command, shown string) error {
	if t := s.conn.Trace(); t.On() {
		if shown == "" {
			shown = command
		}
		for line := range strings.SplitSeq(shown, "\r\n") {
			t.Sent(traceName, "%s", line)
		}
	}
	return s.lib.Send(command)
}

// answer reads one status line. What go-pop3 makes of it is of no interest (see lineConn), but for an error in reading.
func (s *session) answer() (status, error) {
	s.line.got = false
	if _, err := s.lib.ReadOne(); !s.line.got {
		return status{}, noEOF(err)
	}
	if t := s.conn.Trace(); t.On() {
		t.Got(traceName, "%s", s.line.last)
	}
	return s.line.last, nil
}

// command sends one and reads its status line.
func (s *session) command(command, shown string) (status, error) {
	if err := s.send(command, shown); err != nil {
		return status{}, err
	}
	st, err := s.answer()
	if err == nil && st.is == isMore {
		err = errDesync
	}
	return st, err
}

// lines reads the rest of a multi-line answer. The line is the callee's until it returns. Unlike a body, a list has no octets of its own
// that could be taken for its end, so that "." on any line ends it.
func (s *session) lines(each func(line []byte)) error {
	for n := 0; ; n++ {
		line, _, err := s.conn.ReadLine(maxLine)
		switch {
		case err != nil:
			return noEOF(err)
		case len(line) == 1 && line[0] == '.':
			s.conn.Trace().Got(traceName, "[%d lines]", n)
			return nil
		case n == maxLines:
			return fmt.Errorf("a list of more than %d lines", maxLines)
		}
		each(line)
	}
}

// maxLines bounds a list; the largest maildrop that was heard of has some 100,000 messages.
const maxLines = 2_000_000

// within cuts the connection when f takes longer than d, and says whether it was in time.
func (s *session) within(d time.Duration, f func() error) (inTime bool, err error) {
	t := time.AfterFunc(d, func() { s.conn.Close() })
	err = f()
	return t.Stop(), err
}

// capabilities are what CAPA says: keyword in upper case → arguments (RFC 2449 section 5). Nil is a server without CAPA.
type capabilities map[string][]string

func (c capabilities) has(keyword string) bool {
	_, ok := c[keyword]
	return ok
}

// errCAPA is a server whose CAPA leads nowhere: it hangs, or closes the connection. Without it the server may be fine.
var errCAPA = errors.New("no answer to CAPA")

// maxCaps bounds the keywords that are kept.
const maxCaps = 500

// capa asks what the server can do. A "-ERR" leaves what is known as it was.
func (s *session) capa(patience time.Duration) error {
	if s.noCAPA {
		return nil
	}
	inTime, err := s.within(patience, func() error {
		st, err := s.command("CAPA", "")
		if err != nil || st.is != isOK {
			return err
		}
		caps := capabilities{}
		err = s.lines(func(line []byte) {
			if words := strings.Fields(string(line)); len(words) > 0 && len(caps) < maxCaps {
				k := strings.ToUpper(words[0])
				caps[k] = append(caps[k], words[1:]...)
			}
		})
		if err == nil {
			s.caps = caps
		}
		return err
	})
	if err != nil || !inTime {
		return fmt.Errorf("%w: %w", errCAPA, cmp.Or(err, errSilent))
	}
	if d, ok := s.caps["LOGIN-DELAY"]; ok && len(d) > 0 {
		// "0", or "60 USER" before the login (RFC 2449 section 6.5).
		if n, err := strconv.Atoi(d[0]); err == nil && n >= 0 && n < 1e6 {
			s.loginDelay = time.Duration(n) * time.Second
		}
	}
	return nil
}
