package report

import (
	"io"
	"mime"
	"strings"
	"unicode"

	"github.com/emersion/go-message/charset"
)

// maxSubject is in characters.
const maxSubject = 120

// Subject makes a line for people of a Subject field: encoded words (RFC 2047) are decoded where their character set is known, white space is
// one space, what can't be seen and what a terminal would act on is left out, and a long one is cut.
func Subject(field string) string {
	words := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
		name, _, _ = strings.Cut(name, "*") // a language may follow (RFC 2231 5)
		return charset.Reader(name, r)
	}}
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
