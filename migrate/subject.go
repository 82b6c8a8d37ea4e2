package migrate

import (
	"errors"
	"io"
	"mime"
	"strings"
	"unicode"

	"github.com/emersion/go-message/charset"
)

// know notes of a leftover what a person knows it by.
func (r *Record) know(body *Spool) {
	if body == nil || r.MessageID != "" || r.Subject != "" {
		return
	}
	h := &headerOnly{}
	body.WriteTo(h) // it stops at the header's end with an error of its own
	for line := range strings.SplitSeq(unfold.Replace(h.text.String()), "\r\n") {
		if line == "" {
			return // a header of nothing
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, "Message-ID") && r.MessageID == "":
			value = strings.TrimSpace(value)
			r.MessageID = strings.ToValidUTF8(value[:min(len(value), maxMessageID)], "\uFFFD")
		case strings.EqualFold(name, "Subject") && r.Subject == "":
			r.Subject = Subject(value)
		}
	}
}

var unfold = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ")

// maxMessageID is the longest line that RFC 5322 allows; maxHeader is how much of a header is looked at; maxSubject is in characters.
const maxMessageID, maxHeader, maxSubject = 998, 64 << 10, 120

// headerOnly takes a message in until its header ends.
type headerOnly struct{ text strings.Builder }

var errHeaderEnds = errors.New("the header ends")

func (h *headerOnly) Write(p []byte) (int, error) {
	h.text.Write(p)
	if h.text.Len() > maxHeader || strings.Contains(h.text.String(), "\r\n\r\n") {
		return 0, errHeaderEnds
	}
	return len(p), nil
}

// Subject makes a line for people of a Subject field: encoded words (RFC 2047) are decoded where their character set is known, white space is
// one space, what can't be seen and what a terminal would act on is left out, and a long one is cut.
func Subject(field string) string {
	words := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
		name, _, _ = strings.Cut(name, "*") // a language may follow (RFC 2231 5)
		return charset.Reader(name, r)
	}}
	field = field[:min(len(field), maxHeader)]
	if s, err := words.DecodeHeader(field); err == nil {
		field = s
	}
	seen := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, strings.ToValidUTF8(field, "\uFFFD"))
	line := []rune(strings.Join(strings.Fields(seen), " "))
	if len(line) > maxSubject {
		line = append(line[:maxSubject-1], '…')
	}
	return string(line)
}
