package mailnet

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Trace is a transcript of what was said, one line an event: time, connection, direction, text, the text quoted, so that nothing a server
// sends can look like another line or steer a terminal. It is safe for several goroutines, and a nil Trace takes everything and keeps
// nothing.
//
// It can't know what is secret: whoever hands in a line has made it clean. Passwords, tokens, SASL responses in any encoding, APOP digests
// and the literals of LOGIN are "***", also where a server repeats them; message octets are only told by their number.
type Trace struct {
	mu  sync.Mutex
	w   io.Writer
	now func() time.Time
}

// maxTraced is how much of one line is kept, in octets.
const maxTraced = 2000

// NewTrace writes to w, with one Write a line; what w refuses is lost. now is the clock.
func NewTrace(w io.Writer, now func() time.Time) *Trace { return &Trace{w: w, now: now} }

// Sent notes a line that went to the server of conn.
func (t *Trace) Sent(conn, format string, args ...any) { t.line(conn, "C:", format, args) }

// Got notes a line that came from the server of conn.
func (t *Trace) Got(conn, format string, args ...any) { t.line(conn, "S:", format, args) }

// Note adds a remark of our own.
func (t *Trace) Note(conn, format string, args ...any) { t.line(conn, "--", format, args) }

// On says whether lines are kept, so that a hot path can spare itself the formatting.
func (t *Trace) On() bool { return t != nil }

func (t *Trace) line(conn, dir, format string, args []any) {
	if t == nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	if len(text) > maxTraced {
		text = text[:maxTraced] + fmt.Sprintf("… (%d octets)", len(text))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "%s %s %s %q\n", t.now().UTC().Format("15:04:05.000"), conn, dir, text)
}
