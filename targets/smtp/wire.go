package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// wire is one connection: commands out, replies in, each step with its deadline.
type wire struct {
	conn    *mailnet.Conn
	cut     context.CancelCauseFunc
	address string

	err    error // why the connection is over; sticky
	odd    bool  // it is, because what came was no SMTP
	got    reply // the last one, with step what it answers
	hidden bool  // what is sent is secret
	// secrets are what replies must not show: some servers repeat the command that they didn't like.
	secrets []string

	mu       sync.Mutex // guards what the timer sees
	timer    *time.Timer
	step     string
	patience time.Duration
	late     error // the step that took too long
}

const traceName = "smtp"

// begin gives a step its time, counted from now. When it is over, the connection is cut.
func (w *wire) begin(step string, patience time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step, w.patience = step, patience
	if w.timer == nil {
		w.timer = time.AfterFunc(patience, w.tooLate)
		return
	}
	w.timer.Reset(patience)
}

// again gives the same step its time anew.
func (w *wire) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Reset(w.patience)
}

// done ends a step. Between steps a connection may rest as long as the server likes.
func (w *wire) done() { w.timer.Stop() }

func (w *wire) tooLate() {
	w.mu.Lock()
	w.late = fmt.Errorf("nothing moved for %v (%s): %w", w.patience, w.step, os.ErrDeadlineExceeded)
	w.mu.Unlock()
	w.conn.Close()
}

// obey cuts the connection when ctx ends before stop is called.
func (w *wire) obey(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { w.cut(context.Cause(ctx)) })
}

func (w *wire) close() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.conn.Close()
	w.cut(nil)
}

// send writes one command, or several separated by CRLF.
func (w *wire) send(commands string) error {
	if w.err != nil {
		return w.err
	}
	if t := w.conn.Trace(); t.On() {
		for line := range strings.SplitSeq(commands, "\r\n") {
			t.Sent(traceName, "%s", w.shown(line))
		}
	}
	if _, err := w.conn.Write([]byte(commands + "\r\n")); err != nil {
		return w.lost(err)
	}
	return nil
}

// shown is a command as the transcript has it.
func (w *wire) shown(line string) string {
	if !w.hidden {
		return line
	}
	if words := strings.Fields(line); len(words) > 1 && words[0] == "AUTH" {
		return words[0] + " " + words[1] + strings.Repeat(" ***", min(len(words)-2, 1))
	}
	return "***"
}

// reply reads one reply, whole.
func (w *wire) reply() (reply, error) {
	if w.err != nil {
		return reply{}, w.err
	}
	return w.read()
}

// read is reply on a connection that may be broken the other way already.
func (w *wire) read() (reply, error) {
	var r reply
	for {
		line, _, err := w.conn.ReadLine(maxLine)
		if errors.Is(err, mailnet.ErrLineTooLong) {
			return r, w.broken(fmt.Errorf("a reply with a line of more than %d octets", maxLine))
		}
		if err != nil {
			return r, w.lost(err)
		}
		more, err := r.add(line)
		if err != nil {
			return r, w.broken(err)
		}
		if !more {
			break
		}
		if len(r.lines) == maxLines {
			return r, w.broken(fmt.Errorf("a reply of more than %d lines", maxLines))
		}
	}
	for i, line := range r.lines {
		for _, secret := range w.secrets {
			line = strings.ReplaceAll(line, secret, "***")
		}
		r.lines[i] = line
	}
	if t := w.conn.Trace(); t.On() {
		shown := r.String()
		if r.code == codeChallenge {
			shown = fmt.Sprintf("%d [%d octets]", r.code, len(r.lines[0])) // a challenge may hold what the login is made of
		}
		t.Got(traceName, "%s", shown)
	}
	w.got = r
	return r, nil
}

// lost is the end of the connection: a step that took too long, a context that ended, or what the network says.
func (w *wire) lost(err error) error {
	if w.err != nil {
		return w.err
	}
	w.mu.Lock()
	late := w.late
	w.mu.Unlock()
	switch {
	case late != nil:
		err = late
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("connection lost: %w", io.ErrUnexpectedEOF)
	default:
		err = fmt.Errorf("connection lost: %w", err)
	}
	w.err = &migrate.Error{Op: "smtp", Subject: w.address, Err: err}
	return w.err
}

// broken is a server that speaks no SMTP: nothing behind it can be trusted, so the connection is cut.
func (w *wire) broken(err error) error {
	w.conn.Close()
	w.odd = true
	if w.err == nil {
		w.err = &migrate.Error{Op: "smtp", Subject: w.address, Err: err}
	}
	return w.err
}

// codeChallenge asks for more of a login (RFC 4954 4).
const codeChallenge = 334

// lent is the wire as go-smtp sees it. The library reads replies of any number of lines into memory, so it is handed only the code of one that was
// read here, and the text where it needs it: of a challenge.
type lent struct {
	*wire
	pending string
	steps   int // challenges so far
}

// maxSteps bounds a SASL exchange, which go-smtp doesn't; none that we speak has more than three.
const maxSteps = 10

func (l *lent) Read(p []byte) (int, error) {
	if l.pending == "" {
		r, err := l.reply()
		if err != nil {
			return 0, err
		}
		text := "answered"
		if r.code == codeChallenge {
			if l.steps++; l.steps > maxSteps {
				return 0, l.broken(errors.New("a login without end"))
			}
			text = r.lines[0]
		}
		l.pending = fmt.Sprintf("%d %s\r\n", r.code, text)
	}
	n := copy(p, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// Write sends what the library flushes at a time: one command.
func (l *lent) Write(p []byte) (int, error) {
	command := strings.TrimSuffix(string(p), "\r\n")
	if command == "*" && l.got.code >= 400 {
		// go-smtp cancels even a login that the server has refused, which would be a command of its own, and a wrong one.
		l.pending = "501 not sent\r\n"
		return len(p), nil
	}
	step, _, _ := strings.Cut(command, " ")
	if l.hidden {
		step = "AUTH"
	}
	l.mu.Lock()
	l.step = step
	l.mu.Unlock()
	l.again()
	if err := l.send(command); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *lent) Close() error { return l.conn.Close() }

// Deadlines are the steps'; the library has none while a message is written.

func (l *lent) LocalAddr() net.Addr              { return l.conn.LocalAddr() }
func (l *lent) RemoteAddr() net.Addr             { return l.conn.RemoteAddr() }
func (l *lent) SetDeadline(time.Time) error      { return nil }
func (l *lent) SetReadDeadline(time.Time) error  { return nil }
func (l *lent) SetWriteDeadline(time.Time) error { return nil }
