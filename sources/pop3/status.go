package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
)

// indicator is what a status line begins with.
type indicator uint8

const (
	isNeither indicator = iota
	isOK
	isErr
	isMore // "+" and a SASL challenge (RFC 5034 section 4)
)

// status is one single-line answer.
type status struct {
	is indicator
	// code is the extended response code in upper case, without its brackets (RFC 2449 section 8); text is what stands behind it.
	code, text string
	// bareLF tells that the line ended in LF alone: the server's line end is LF, in its bodies too.
	bareLF bool
}

// parseStatus takes a line without its line end. It is more lenient than go-pop3's parser in that text may follow "+OK" at once, and
// stricter in that an empty line is no success.
func parseStatus(line []byte, bareLF bool) status {
	st := status{bareLF: bareLF}
	switch {
	case bytes.HasPrefix(line, []byte("+OK")):
		st.is, line = isOK, line[3:]
	case bytes.HasPrefix(line, []byte("-ERR")):
		st.is, line = isErr, line[4:]
	case len(line) == 1 && line[0] == '+', bytes.HasPrefix(line, []byte("+ ")):
		return status{is: isMore, text: string(bytes.TrimLeft(line[1:], " ")), bareLF: bareLF}
	default:
		return st
	}
	line = bytes.Trim(line, " \t")
	if len(line) > 0 && line[0] == '[' {
		if end := bytes.IndexByte(line, ']'); end > 1 && end <= maxCode && !bytes.ContainsFunc(line[1:end], notInCode) {
			st.code = strings.ToUpper(string(line[1:end]))
			line = bytes.TrimLeft(line[end+1:], " \t")
		}
	}
	st.text = string(line)
	return st
}

// String is the line again, as the transcript shows it.
func (st status) String() string {
	line := map[indicator]string{isOK: "+OK", isErr: "-ERR"}[st.is]
	if st.is == isMore {
		return fmt.Sprintf("+ [%d octets]", len(st.text)) // a challenge may hold what the login is made of
	}
	if st.code != "" {
		line += " [" + st.code + "]"
	}
	if st.text != "" {
		line += " " + st.text
	}
	return line
}

// notInCode is what a response code can't hold (RFC 2449 section 3, rchar).
func notInCode(r rune) bool { return r <= ' ' || r > '~' }

// maxCode bounds a response code; what is longer is text in brackets.
const maxCode = 64

// has says whether the answer carries the response code, or one below it ("SYS/TEMP/DISK", RFC 2449 section 8).
func (st status) has(code string) bool {
	rest, ok := strings.CutPrefix(st.code, code)
	return ok && (rest == "" || rest[0] == '/')
}

// octets reads "+OK 1234 octets" or "+OK 1234", which most servers say before a body; 0 when this one doesn't.
func (st status) octets() int64 {
	first, _, _ := strings.Cut(st.text, " ")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// StatusError is a server's "-ERR".
type StatusError struct {
	// Code is the extended response code in upper case, such as "IN-USE"; "" when there was none.
	Code string
	// Text is for people. It decides nothing.
	Text string
}

func (e *StatusError) Error() string {
	text := e.Text
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	if e.Code != "" {
		return fmt.Sprintf("the server refused: [%s] %q", e.Code, text)
	}
	if text == "" {
		return "the server refused without a reason"
	}
	return fmt.Sprintf("the server refused: %q", text)
}

// errDesync is an answer that is none: what we read is not what the server thinks it is saying.
var errDesync = errors.New("what came is no POP3 answer: it begins with neither +OK nor -ERR")

// Delays after which another session is of use, where the server doesn't say.
const (
	retryLocked = 30 * time.Second // a maildrop's lock outlives a lost connection (RFC 2449 section 8.1.2)
	retryDelay  = time.Minute      // LOGIN-DELAY without a number
	retryTemp   = 30 * time.Second
)

// refusal classifies a "-ERR" by its response code (RFC 2449 section 8.1, RFC 3206). Without one of those, plain is what it means: that
// depends on the command.
func refusal(st status, plain migrate.Error, loginDelay time.Duration) *migrate.Error {
	e := plain
	e.Err = &StatusError{Code: st.code, Text: st.text}
	session := func(final bool, after time.Duration, hint string) {
		e.Scope, e.Final, e.After, e.Hint = migrate.ScopeSession, final, after, hint
	}
	switch {
	case st.has("IN-USE"):
		session(false, retryLocked, "another session holds the maildrop; close the other mail client, or wait until the server lets go of a lost one")
	case st.has("LOGIN-DELAY"):
		if loginDelay <= 0 {
			loginDelay = retryDelay
		}
		session(false, loginDelay, "")
	case st.has("SYS/TEMP"):
		session(false, retryTemp, "")
		e.Crowded = true
	case st.has("SYS/PERM"):
		session(true, 0, "the server has a fault that only its operator can mend")
	case st.has("AUTH"):
		session(true, 0, hintAuth)
	}
	return &e
}

const (
	hintAuth      = "check the user name and the password; some providers want POP3 to be switched on first, and a password made for the app"
	hintCleartext = "the server offers no TLS on this port; try pop3s, or allow an unprotected login with --allow-cleartext"
)
