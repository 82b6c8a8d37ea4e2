package imap

import (
	"bytes"
	"strconv"
	"strings"
)

// status is a response that says how something went: tagged, or untagged OK, NO, BAD, BYE and PREAUTH (RFC 3501 7.1).
type status struct {
	tag, kind string // kind in upper case
	code      string // the response code's name in upper case; "" when there is none
	args      string // what follows it within the brackets
	text      string
}

// parseStatus tells a status response from data and from a continuation. It takes what servers send: any case, more than one space, no text.
func parseStatus(line []byte) (st status, ok bool) {
	tag, rest := word(line)
	kind, rest := word(rest)
	if len(kind) == 0 || kind[0] <= '9' || len(kind) > len("PREAUTH") { // quick, for a million FETCH answers
		return status{}, false
	}
	st.tag, st.kind = string(tag), strings.ToUpper(string(kind))
	switch st.kind {
	case "OK", "NO", "BAD":
	case "BYE", "PREAUTH":
		if st.tag != "*" {
			return status{}, false
		}
	default:
		return status{}, false
	}
	if st.tag == "" || st.tag == "+" {
		return status{}, false
	}
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) > 0 && rest[0] == '[' {
		if end := bytes.IndexByte(rest, ']'); end > 0 {
			code, args := word(rest[1:end])
			st.code, st.args = strings.ToUpper(string(code)), string(bytes.TrimSpace(args))
			rest = bytes.TrimLeft(rest[end+1:], " ")
		}
	}
	st.text = string(rest)
	return st, true
}

// word splits off what comes before the next space.
func word(b []byte) (first, rest []byte) {
	b = bytes.TrimLeft(b, " ")
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// literalLength reads the header of a literal at the end of a line ("{12}", also of a literal8 "~{12}"). at is where it begins.
func literalLength(line []byte) (n int64, at int, ok bool) {
	end := len(line) - 1
	if end < 2 || line[end] != '}' {
		return 0, 0, false
	}
	at = bytes.LastIndexByte(line, '{')
	if at < 0 || end-at > 11 {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(string(line[at+1:end]), 10, 64)
	return n, at, err == nil && n >= 0 && line[at+1] != '+'
}

// valueKind says what a scanner found.
type valueKind uint8

const (
	nothing valueKind = iota
	atom              // also a number and NIL
	text              // quoted or literal
	list              // in parentheses; the value is what is between them
)

// scanner takes response data apart, as wire.response gives it: one response with its literals in place. It never fails: what makes no sense
// ends it.
type scanner struct{ b []byte }

// space skips spaces and says whether anything is left.
func (s *scanner) space() bool {
	s.b = bytes.TrimLeft(s.b, " ")
	return len(s.b) > 0
}

// value takes the next atom, string or list.
func (s *scanner) value() ([]byte, valueKind) {
	if !s.space() {
		return nil, nothing
	}
	switch s.b[0] {
	case '"':
		return s.quoted()
	case '(':
		return s.list()
	case ')':
		return nil, nothing
	case '~', '{':
		if v, ok := s.literal(); ok {
			return v, text
		}
	}
	n := atomEnd(s.b)
	v := s.b[:n]
	s.b = s.b[n:]
	return v, atom
}

// atomEnd is where an atom ends; brackets belong to it with all that is in them: BODY[HEADER.FIELDS (Date)].
func atomEnd(b []byte) int {
	bracket := false
	for i, c := range b {
		switch {
		case c == '[':
			bracket = true
		case c == ']':
			bracket = false
		case bracket:
		case c == ' ' || c == '(' || c == ')' || c == '\r' || c == '\n':
			return max(i, 1)
		}
	}
	return len(b)
}

func (s *scanner) quoted() ([]byte, valueKind) {
	escaped := false
	for i := 1; i < len(s.b); i++ {
		switch s.b[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			v := s.b[1:i]
			s.b = s.b[i+1:]
			if escaped {
				v = unescape(v)
			}
			return v, text
		}
	}
	s.b = nil
	return nil, nothing
}

func unescape(v []byte) []byte {
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		out = append(out, v[i])
	}
	return out
}

// literal takes "{n}" CRLF and n octets.
func (s *scanner) literal() ([]byte, bool) {
	end := bytes.IndexByte(s.b, '\n')
	if end < 0 {
		return nil, false
	}
	n, _, ok := literalLength(bytes.TrimSuffix(s.b[:end], []byte("\r")))
	if !ok || int64(len(s.b)-end-1) < n {
		return nil, false
	}
	v := s.b[end+1 : end+1+int(n)]
	s.b = s.b[end+1+int(n):]
	return v, true
}

// list takes a balanced list and returns what is between its parentheses.
func (s *scanner) list() ([]byte, valueKind) {
	in := scanner{s.b[1:]}
	for depth := 1; ; {
		in.space()
		switch {
		case len(in.b) == 0:
			s.b = nil
			return nil, nothing
		case in.b[0] == '(':
			depth++
			in.b = in.b[1:]
		case in.b[0] == ')':
			depth--
			if depth == 0 {
				v := s.b[1 : len(s.b)-len(in.b)]
				s.b = in.b[1:]
				return v, list
			}
			in.b = in.b[1:]
		default:
			if _, kind := in.value(); kind == nothing {
				s.b = nil
				return nil, nothing
			}
		}
	}
}

// lastList takes everything, and returns the last list: mailutils imap4d 3.15 writes a mailbox with a space in its name without quotes.
func (s *scanner) lastList() (v []byte, ok bool) {
	for s.space() {
		w, kind := s.value()
		if kind == nothing {
			break
		}
		if kind == list {
			v, ok = w, true
		}
	}
	return v, ok
}

// number reads a value as an unsigned number.
func number(v []byte) (uint64, bool) {
	if len(v) == 0 || len(v) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// parseUIDs reads the set of an APPENDUID into at most limit UIDs. ok is false when it makes no sense; nothing is guessed then.
func parseUIDs(set string, limit int) (uids []uint32, ok bool) {
	for _, r := range strings.Split(set, ",") {
		from, to, ranged := strings.Cut(r, ":")
		a, errA := strconv.ParseUint(from, 10, 32)
		b, errB := a, error(nil)
		if ranged {
			b, errB = strconv.ParseUint(to, 10, 32)
		}
		if errA != nil || errB != nil || a == 0 || b == 0 {
			return nil, false
		}
		if a > b {
			a, b = b, a // RFC 3501 9: the order within a range means nothing
		}
		if b-a >= uint64(limit-len(uids)) {
			return nil, false
		}
		for n := a; n <= b; n++ {
			uids = append(uids, uint32(n))
		}
	}
	return uids, true
}

// appendUID reads "APPENDUID v set" for n messages; zeros when the server did not say, or said something else.
func appendUID(st status, n int) (uidValidity uint32, uids []uint32) {
	if st.code != "APPENDUID" {
		return 0, nil
	}
	v, set, _ := strings.Cut(st.args, " ")
	validity, err := strconv.ParseUint(v, 10, 32)
	uids, ok := parseUIDs(strings.TrimSpace(set), n)
	if err != nil || validity == 0 || !ok || len(uids) != n {
		return 0, nil
	}
	return uint32(validity), uids
}

// statusNumbers reads the items of a STATUS response that are numbers; other responses leave them as they are. The error is always nil.
func statusNumbers(line []byte, items *map[string]uint32) error {
	s := scanner{bytes.TrimPrefix(line, []byte("* "))}
	if name, _ := s.value(); !equalFold(name, "STATUS") {
		return nil
	}
	in, _ := s.lastList() // behind the mailbox: only one was asked about
	*items = map[string]uint32{}
	for s = (scanner{in}); s.space(); {
		name, kind := s.value()
		v, _ := s.value()
		if kind != atom {
			break
		}
		if n, ok := number(v); ok && n < 1<<32 {
			(*items)[strings.ToUpper(string(name))] = uint32(n)
		}
	}
	return nil
}

// capabilities is what a server offers, in upper case.
type capabilities struct {
	set  map[string]bool
	auth []string // SASL mechanisms
}

func parseCapabilities(args string) capabilities {
	c := capabilities{set: map[string]bool{}}
	for _, name := range strings.Fields(strings.ToUpper(args)) {
		c.set[name] = true
		if m, ok := strings.CutPrefix(name, "AUTH="); ok {
			c.auth = append(c.auth, m)
		}
	}
	return c
}

func (c capabilities) has(name string) bool { return c.set[name] }

// known says whether the server has told its capabilities at all.
func (c capabilities) known() bool { return len(c.set) > 0 }

// appendLimit is the APPENDLIMIT=n of RFC 7889, 0 when there is none.
func (c capabilities) appendLimit() int64 {
	for name := range c.set {
		if v, ok := strings.CutPrefix(name, "APPENDLIMIT="); ok {
			if n, err := strconv.ParseInt(v, 10, 64); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}
