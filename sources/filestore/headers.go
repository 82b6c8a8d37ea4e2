package filestore

import (
	"bytes"
	"io"

	"poplift/migrate"
)

// headerFilter leaves out the fields of a header that clients add for themselves, with their continuation lines, and touches nothing else. It
// keeps at most maxName octets of a line at a time.
type headerFilter struct {
	to   io.Writer
	line []byte // the beginning of the current line, until it is clear what it is
	mode filterMode
	skip bool // the current field is left out
}

type filterMode uint8

const (
	lineStart filterMode = iota
	inLine               // the line's field is known
	inBody
)

// maxName is above the longest name of a client's field.
const maxName = 80

func (f *headerFilter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		var took int
		var err error
		switch f.mode {
		case inBody:
			took, err = f.to.Write(p)
		case inLine:
			took, err = f.restOfLine(p)
		default:
			took, err = f.start(p)
		}
		if p = p[took:]; err != nil {
			return n - len(p), err
		}
	}
	return n, nil
}

func (f *headerFilter) restOfLine(p []byte) (int, error) {
	end := len(p)
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		end, f.mode = i+1, lineStart
	}
	if f.skip {
		return end, nil
	}
	return f.to.Write(p[:end])
}

// start gathers a line until its colon, its end, or more than any name has.
func (f *headerFilter) start(p []byte) (int, error) {
	for i, b := range p {
		if len(f.line) == 0 && (b == ' ' || b == '\t') {
			f.mode = inLine // a continuation goes the way of its field
			return i, nil
		}
		f.line = append(f.line, b)
		end := string(f.line) == "\n" || string(f.line) == "\r\n"
		switch {
		case end:
			f.mode = inBody
		case b == ':':
			f.mode, f.skip = inLine, migrate.IsClientField(f.line[:len(f.line)-1])
		case b == '\n':
			f.mode, f.skip = lineStart, false
		case len(f.line) == maxName:
			f.mode, f.skip = inLine, false
		default:
			continue
		}
		return i + 1, f.release()
	}
	return len(p), nil
}

func (f *headerFilter) release() error {
	line := f.line
	f.line = f.line[:0]
	if f.skip && f.mode == inLine {
		return nil
	}
	_, err := f.to.Write(line)
	return err
}

// close writes what a header without an end has left.
func (f *headerFilter) close() error {
	f.skip = false
	return f.release()
}
