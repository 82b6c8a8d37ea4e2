package smtp

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"poplift/migrate"
)

// survey is what there is to know of a message's octets before they are sent, found in one pass and in little memory.
type survey struct {
	octets int64
	// What transport can't carry as it is: NUL, CR or LF alone, long lines, and without 8BITMIME octets above 127.
	nul, bareCR, bareLF, eight bool
	longest                    int // octets of a line without its CRLF

	// sound says that the header is fields to its end, so that a block on top of it is one header with it, and no relay has anything to mend.
	sound bool
	// header8 says that octets above 127 are in the header, header8UTF8 that they are UTF-8 (RFC 6532).
	header8, headerUTF8 bool

	header    int64 // octets
	received  int
	bcc       bool
	delivered []string // what Delivered-To says, in lower case
	ours      string   // the field that shows that poplift has relayed it before
	subject   []byte   // unfolded, what was kept of it

	// where the pass is
	line   []byte // the beginning of this line of the header
	length int    // of this line
	cr     bool
	body   bool
	fields int
	field  string // the name, in lower case, that a continuation belongs to
}

const (
	// maxText998 is the longest line in octets without its CRLF (RFC 5321 4.5.3.1.6).
	maxText998 = 998
	// keptLine is how much of a line of the header is looked at. No longer one goes out as it is.
	keptLine = 1000
	// Above these, a message under a Resent block is refused on its way, or cut: sendmail takes 32 KiB of header and 25 hops, Exim 1 MiB and 30, and
	// Postfix drops what is above 100 KiB of a field.
	mostHeader   = 32 << 10
	mostReceived = 20
	// keptDelivered is how many Delivered-To fields are looked at.
	keptDelivered = 100
)

// examine reads a message once.
func examine(body *migrate.Spool) (*survey, error) {
	s := &survey{sound: true, headerUTF8: true}
	if _, err := body.WriteTo(s); err != nil {
		return nil, err
	}
	s.end()
	return s, nil
}

func (s *survey) Write(p []byte) (int, error) {
	s.octets += int64(len(p))
	for _, c := range p {
		if s.cr {
			s.cr = false
			if c == '\n' {
				s.endLine()
				continue
			}
			s.bareCR = true
		}
		switch {
		case c == '\r':
			s.cr = true
			continue
		case c == '\n':
			s.bareLF = true
			s.endLine()
			continue
		case c == 0:
			s.nul = true
		case c >= 0x80:
			s.eight = true
			s.header8 = s.header8 || !s.body
		}
		s.length++
		if !s.body && len(s.line) < keptLine {
			s.line = append(s.line, c)
		}
	}
	return len(p), nil
}

func (s *survey) end() {
	s.bareCR = s.bareCR || s.cr
	if s.length > 0 {
		s.endLine()
	}
	s.sound = s.sound && s.fields > 0
}

func (s *survey) endLine() {
	s.longest = max(s.longest, s.length)
	if !s.body {
		s.header += int64(s.length)
		s.headerLine(s.line)
		s.line = s.line[:0]
	}
	s.length = 0
}

// headerLine takes one line of the header: the end, a field, more of one, or something that has no place there.
func (s *survey) headerLine(line []byte) {
	s.headerUTF8 = s.headerUTF8 && utf8.Valid(line)
	var value []byte
	name, rest, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t") // RFC 5322 4.5
	switch {
	case len(line) == 0:
		s.body = true
		return
	case line[0] == ' ' || line[0] == '\t':
		s.sound = s.sound && s.fields > 0
		value = line
	case !ok || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }):
		s.sound = false
		s.field = ""
		return
	default:
		s.fields++
		s.field = strings.ToLower(string(name))
		value = rest
	}
	switch {
	case s.field == "received" && ok && line[0] > ' ':
		s.received++
	case s.field == "bcc" || s.field == "resent-bcc":
		s.bcc = true
	case s.field == "delivered-to" && len(s.delivered) < keptDelivered:
		s.delivered = append(s.delivered, strings.ToLower(string(bytes.Trim(value, " \t<>"))))
	case s.field == "subject" && len(s.subject)+len(value) <= keptLine:
		s.subject = append(append(s.subject, ' '), bytes.TrimSpace(value)...)
	case strings.HasPrefix(s.field, fieldPrefix), s.field == "resent-message-id" && bytes.Contains(bytes.ToLower(value), []byte("<"+idPrefix)):
		s.ours = s.field
	}
}

// resendable says whether the header can be a relayed message's own, so that what arrives is what was sent. A relay mends what is no field, and
// Postfix takes Bcc out. Postfix and qmail take a Delivered-To of the recipient for a loop, and with an empty sender such a message is gone
// without a word.
func (s *survey) resendable(to []string) bool {
	return s.sound && !s.bcc && s.header <= mostHeader && s.received <= mostReceived && len(s.delivered) < keptDelivered &&
		!slices.ContainsFunc(to, func(m string) bool { return slices.Contains(s.delivered, strings.ToLower(m)) })
}

// carried says whether the octets can be sent as they are.
func (s *survey) carried(eightBit bool) bool {
	return !s.nul && !s.bareCR && !s.bareLF && s.longest <= maxText998 && (eightBit || !s.eight)
}
