package sieve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"

	"poplift/migrate"
)

// maxHeader is how much of a header is looked at, in octets. Fields behind it are as if they weren't there.
const maxHeader = 256 << 10

// header is the header of a message.
type header struct {
	fields map[string][]*field // by name in lower case, topmost first
}

// field is one field. What it holds is decoded when a test asks for it.
type field struct {
	name string // in lower case
	raw  []byte // behind the colon, folded
	text string
	done bool
}

// readHeader reads the header of a message, and no more of it.
func readHeader(body *migrate.Spool) (*header, error) {
	if body == nil {
		return nil, fmt.Errorf("%w: it has no octets", errUnreadable)
	}
	raw, err := readUntil(body, maxHeader, []byte("\r\n\r\n"))
	if err != nil {
		return nil, err
	}
	return newHeader(raw), nil
}

// newHeader splits a header, which may end in the middle of a line. Lines that are no fields are passed over with what continues them.
func newHeader(raw []byte) *header {
	h := &header{fields: map[string][]*field{}}
	var last *field
	for at := 0; at < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := raw[at:end]
		switch name, value, ok := bytes.Cut(line, []byte(":")); {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return h
		case line[0] == ' ' || line[0] == '\t':
			if last != nil {
				last.raw = last.raw[:len(last.raw)+len(line)] // the lines of a field lie side by side
			}
		case ok && fieldName(bytes.TrimRight(name, " \t")):
			last = &field{name: strings.ToLower(string(bytes.TrimRight(name, " \t"))), raw: value}
			h.fields[last.name] = append(h.fields[last.name], last)
		default:
			last = nil
		}
		at = end
	}
	return h
}

// fieldName says whether name can be one (RFC 5322 3.6.8).
func fieldName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(name) > 0
}

// named are the fields of a name, topmost first.
func (h *header) named(name string) []*field { return h.fields[strings.ToLower(name)] }

// unfold takes the line ends out (RFC 5322 2.2.3). A tab that begins a line stands for the space that some client folded at; Dovecot does so,
// too, and a script that looks for two words in a row would miss them.
var unfold = strings.NewReplacer("\r\n\t", " ", "\r\n", "")

// unfolded is what the field holds, on one line, without white space around it, as UTF-8.
func (f *field) unfolded() string {
	return unfold.Replace(asUTF8(bytes.Trim(f.raw, " \t\r\n")))
}

// decoded is unfolded with its encoded words decoded (RFC 2047). Where one is in a character set that isn't known, all stay as they are
// (RFC 5228 2.7.2).
func (f *field) decoded() string {
	if f.done {
		return f.text
	}
	f.text, f.done = f.unfolded(), true
	if strings.Contains(f.text, "=?") {
		words := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
			name, _, _ = strings.Cut(name, "*") // a language may follow (RFC 2231 5)
			return charset.Reader(name, r)
		}}
		if s, err := words.DecodeHeader(f.text); err == nil {
			f.text = strings.ToValidUTF8(strings.Trim(s, " \t\r\n"), "\uFFFD")
		}
	}
	return f.text
}

// asUTF8 takes octets that are no UTF-8 for Windows-1252, which is what clients without MIME wrote.
func asUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	if out, err := charmap.Windows1252.NewDecoder().Bytes(b); err == nil {
		return string(out)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// errEnough stops a Spool that has been read as far as is needed; errUnreadable is one that couldn't be.
var (
	errEnough     = errors.New("enough")
	errUnreadable = errors.New("the message can't be read")
)

// readUntil reads the first limit octets of a message, or up to where stop ends. A nil stop is never found.
func readUntil(body *migrate.Spool, limit int, stop []byte) ([]byte, error) {
	w := &head{limit: limit, stop: stop}
	if stop == nil {
		w.buf = make([]byte, 0, min(int64(limit), body.Len()))
	}
	if _, err := body.WriteTo(w); err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return w.buf, nil
}

// head is a writer that takes the beginning of what is written.
type head struct {
	buf   []byte
	limit int
	stop  []byte
}

func (h *head) Write(p []byte) (int, error) {
	from := max(len(h.buf)-len(h.stop), 0)
	h.buf = append(h.buf, p[:min(len(p), h.limit-len(h.buf))]...)
	if h.stop != nil {
		if i := bytes.Index(h.buf[from:], h.stop); i >= 0 {
			h.buf = h.buf[:from+i+len(h.stop)]
			return 0, errEnough
		}
	}
	if len(h.buf) == h.limit {
		return 0, errEnough
	}
	return len(p), nil
}
