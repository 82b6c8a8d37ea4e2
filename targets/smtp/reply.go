package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of what a server may say at a time. RFC 5321 4.5.3.1.5 allows 512 octets a line, RFC 4954 more in a challenge.
const (
	maxLine  = 4 << 10
	maxLines = 200
)

// reply is one reply of a server, of one line or several (RFC 5321 4.2).
type reply struct {
	code int
	// status is the enhanced status code (RFC 3463), "5.1.1", or "".
	status string
	lines  []string // without codes
}

// add takes one line. more says that another one follows.
func (r *reply) add(line []byte) (more bool, err error) {
	bad := fmt.Errorf("this is no SMTP: %.80q", line)
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return false, bad
	}
	code, err := strconv.Atoi(string(line[:3]))
	if err != nil || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return false, bad
	}
	if r.code != 0 && code != r.code {
		return false, fmt.Errorf("a reply that begins with %d goes on with %d", r.code, code)
	}
	first := r.code == 0
	r.code = code
	text := string(line[min(len(line), 4):])
	if status, rest, ok := enhanced(text); ok && status[0] == line[0] && (first || status == r.status) {
		r.status, text = status, rest
	}
	r.lines = append(r.lines, text)
	return len(line) > 3 && line[3] == '-', nil
}

// enhanced takes the enhanced status code off the beginning of a line's text (RFC 2034 4).
func enhanced(text string) (status, rest string, ok bool) {
	status, rest, _ = strings.Cut(text, " ")
	parts := strings.Split(status, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return "", text, false
	}
	for _, p := range parts {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n > 999 {
			return "", text, false
		}
	}
	return status, rest, true
}

func (r reply) ok() bool    { return r.code/100 == 2 }
func (r reply) goOn() bool  { return r.code/100 == 3 }
func (r reply) later() bool { return r.code/100 == 4 }

// last says that the server is closing the connection (RFC 5321 3.8).
func (r reply) last() bool { return r.code == 421 }

// subject is the middle and the end of the enhanced status: what it is about, without whether it is for good.
func (r reply) subject() string {
	_, s, _ := strings.Cut(r.status, ".")
	return s
}

func (r reply) String() string {
	s := strconv.Itoa(r.code)
	for _, part := range []string{r.status, clean(strings.Join(r.lines, " "))} {
		if part != "" {
			s += " " + part
		}
	}
	return s
}

// ReplyError is a server's reply that refuses something, for now or for good.
type ReplyError struct {
	// Code is the reply's, Status the enhanced one (RFC 3463) or "".
	Code   int
	Status string
	// Text is for people: at most some hundred octets, on one line. It decides nothing, and may hold addresses.
	Text string
}

func (r reply) err() *ReplyError {
	return &ReplyError{r.code, r.status, clean(strings.Join(r.lines, " "))}
}

func (e *ReplyError) Error() string {
	return "the relay said " + reply{e.Code, e.Status, []string{e.Text}}.String()
}

// codeOf is the code of the reply in err, or 0.
func codeOf(err error) int {
	var e *ReplyError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// maxText is how much of a server's words is kept, in octets.
const maxText = 400

// clean makes a server's words fit for one line of a terminal or a report.
func clean(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}
