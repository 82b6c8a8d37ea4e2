package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// errTooLong is a body above Config.MaxMessage.
var errTooLong = errors.New("the message is longer than anything that is taken (the server may never end it)")

// writeError is a body that could not be kept here: not the server's fault.
type writeError struct{ err error }

func (e *writeError) Error() string { return fmt.Sprintf("keep the message: %v", e.err) }
func (e *writeError) Unwrap() error { return e.err }

// readBody copies a multi-line answer's octets to w, up to its terminator, without the stuffed dots (RFC 1939 section 3). It returns how
// many octets there were, and whether a dot was taken off the very first line.
//
// Only CRLF ends a line here, so that "\n.\n" within a message neither ends it nor loses its dot. The exception is a server whose own
// status line ended in a bare LF (lf): it knows no other line end. A line that begins with one dot and something else keeps it: Dovecot
// doesn't stuff a dot that is the first octet of a message. Lines may have any length and hold any octets.
func readBody(r *bufio.Reader, w io.Writer, lf bool, limit int64) (n int64, firstStuffed bool, err error) {
	sep := []byte("\r\n.")
	if lf {
		sep = sep[1:]
	}
	lineEnd := sep[:len(sep)-1]
	for lineStart := true; ; {
		if lineStart {
			stuffed, end, err := lineDot(r, lf)
			if err != nil {
				return n, false, noEOF(err)
			}
			if end {
				return n, firstStuffed, nil
			}
			firstStuffed = firstStuffed || stuffed && n == 0
		}
		if _, err := r.Peek(1); err != nil {
			return n, false, noEOF(err)
		}
		buf, _ := r.Peek(r.Buffered())
		take := len(buf)
		if i := bytes.Index(buf, sep); i >= 0 {
			take, lineStart = i+len(lineEnd), true
		} else if lineStart = bytes.HasSuffix(buf, lineEnd); !lineStart && buf[take-1] == '\r' && !lf {
			take-- // half a line end, perhaps
		}
		if take == 0 {
			if _, err := r.Peek(2); err != nil {
				return n, false, noEOF(err)
			}
			continue
		}
		if n += int64(take); n > limit {
			return n, false, errTooLong
		}
		if _, err := w.Write(buf[:take]); err != nil {
			return n, false, &writeError{err}
		}
		r.Discard(take)
	}
}

// lineDot looks at a line's first octets: a stuffed dot is taken off, and so is the terminator when that is what the line is.
func lineDot(r *bufio.Reader, lf bool) (stuffed, end bool, err error) {
	b, err := r.Peek(1)
	if err != nil || b[0] != '.' {
		return false, false, err
	}
	if b, err = r.Peek(2); err != nil {
		return false, false, err
	}
	switch {
	case b[1] == '.':
		r.Discard(1)
		return true, false, nil
	case b[1] == '\n' && lf:
		r.Discard(2)
		return false, true, nil
	case b[1] != '\r':
		return false, false, nil
	}
	if b, err = r.Peek(3); err != nil || b[2] != '\n' {
		return false, false, err
	}
	r.Discard(3)
	return false, true, nil
}
