package smtp

import (
	"bytes"
	"io"
)

// stuffer writes a message as DATA has it: a dot before each line that begins with one, and a line with a lone dot at the end (RFC 5321 4.5.2). A
// line begins behind CRLF and nowhere else. It counts what it has written.
//
// net/textproto's writer, which go-smtp uses, turns a bare LF into CRLF on the way.
type stuffer struct {
	w     io.Writer
	n     int64
	begun bool
	last  [2]byte // the last octets of the message
}

var newDot = []byte("\r\n.")

func (s *stuffer) Write(p []byte) (int, error) {
	total := len(p)
	if total > 0 && p[0] == '.' && s.atStart() {
		if err := s.out([]byte(".")); err != nil {
			return 0, err
		}
	}
	// A dot whose CRLF, or its CR, was in the write before.
	if total > 1 && s.last[1] == '\r' && p[0] == '\n' && p[1] == '.' {
		if err := s.out([]byte("\n.")); err != nil {
			return 0, err
		}
		s.last = [2]byte{'\r', '\n'}
		p = p[1:]
	}
	for {
		i := bytes.Index(p, newDot)
		if i < 0 {
			break
		}
		if err := s.out(p[:i+len(newDot)]); err != nil {
			return total - len(p), err
		}
		s.keep(p[:i+len("\r\n")])
		p = p[i+len("\r\n"):]
	}
	err := s.out(p)
	s.keep(p)
	return total, err
}

func (s *stuffer) out(p []byte) error {
	n, err := s.w.Write(p)
	s.n += int64(n)
	return err
}

func (s *stuffer) keep(p []byte) {
	s.begun = s.begun || len(p) > 0
	switch len(p) {
	case 0:
	case 1:
		s.last = [2]byte{s.last[1], p[0]}
	default:
		s.last = [2]byte(p[len(p)-2:])
	}
}

func (s *stuffer) atStart() bool { return !s.begun || s.last == [2]byte{'\r', '\n'} }

// end writes the end of the message, and before it the line end that the last line needs. dot is where the final dot stands among all that was
// written.
func (s *stuffer) end() (dot int64, err error) {
	lineEnd := "\r\n"
	if s.atStart() {
		lineEnd = ""
	}
	dot = s.n + int64(len(lineEnd))
	return dot, s.out([]byte(lineEnd + ".\r\n"))
}
