package mbox

import (
	"bytes"
	"io"
)

// copyChunk is how much of a message is in memory: less than the processor's own holds.
const copyChunk = 64 << 10

// Copier copies messages out of files. It keeps its memory for the next one, and is used by one goroutine at a time. The zero value is ready.
type Copier struct{ buf []byte }

// Copy writes a message to w without its quoting. Auto takes it for the variant that the part was found by. Line ends stay as they are,
// except bare CRs where they are what ends the lines: those become CRLF.
func (c *Copier) Copy(w io.Writer, r io.ReaderAt, p Part, v Variant) error {
	if v == Auto {
		v = p.Variant
	}
	if p.CR {
		w = crWriter{w}
	}
	if v == CL2 || v == MMDF {
		return c.copyRange(w, r, p.Start, p.End)
	}
	u := unquoter{to: w, all: v != O && v != CL, lineStart: true}
	if err := c.copyRange(&u, r, p.Start, p.End); err != nil {
		return err
	}
	return u.close()
}

func (c *Copier) copyRange(w io.Writer, r io.ReaderAt, start, end int64) error {
	if c.buf == nil {
		c.buf = make([]byte, copyChunk)
	}
	for start < end {
		b := c.buf[:min(int64(len(c.buf)), end-start)]
		if err := readAt(r, b, start); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		start += int64(len(b))
	}
	return nil
}

// unquoter takes one ">" off the lines ">From ", and with all off ">>From " and so on.
type unquoter struct {
	to        io.Writer
	all       bool
	lineStart bool   // to is at the beginning of a line, or behind it with nothing but quotes between
	quotes    int    // how many of them
	held      []byte // the beginning of what may be ">From ", never more than that
}

// Write hands on everything but the ">" of a ">From ". Only a ">From " that is cut by the end of p waits.
func (u *unquoter) Write(p []byte) (int, error) {
	n := len(p)
	if len(u.held) > 0 {
		u.held = append(u.held, p...)
		p, u.held = u.held, nil
	}
	for {
		i := bytes.Index(p, quotedFrom)
		if i < 0 {
			break
		}
		u.see(p[:i])
		drop := 0
		if u.lineStart && (u.all || u.quotes == 0) {
			drop = 1
		}
		if _, err := u.to.Write(p[:i]); err != nil {
			return 0, err
		}
		if _, err := u.to.Write(p[i+drop : i+len(quotedFrom)]); err != nil {
			return 0, err
		}
		u.lineStart = false
		p = p[i+len(quotedFrom):]
	}
	keep := partial(p)
	u.see(p[:len(p)-keep])
	u.held = append(u.held, p[len(p)-keep:]...)
	if _, err := u.to.Write(p[:len(p)-keep]); err != nil {
		return 0, err
	}
	return n, nil
}

// see keeps track of where on its line b ends.
func (u *unquoter) see(b []byte) {
	start := bytes.TrimRight(b, ">")
	if n := len(start); n > 0 {
		u.lineStart, u.quotes = start[n-1] == '\n' || start[n-1] == '\r', 0
	}
	u.quotes += len(b) - len(start)
}

// partial is how much of the end of b may be the beginning of a ">From ".
func partial(b []byte) int {
	for n := min(len(quotedFrom)-1, len(b)); n > 0; n-- {
		if bytes.HasPrefix(quotedFrom, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}

func (u *unquoter) close() error {
	_, err := u.to.Write(u.held)
	u.held = nil
	return err
}

// crWriter makes CRLF of bare CRs.
type crWriter struct{ to io.Writer }

func (c crWriter) Write(p []byte) (int, error) {
	if _, err := c.to.Write(bytes.ReplaceAll(p, []byte("\r"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}
