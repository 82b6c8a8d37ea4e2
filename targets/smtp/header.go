package smtp

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Marks by which the next relaying of a message knows the one before.
const (
	idPrefix    = "poplift-relay."
	fieldPrefix = "x-poplift-"
)

// newID makes a msg-id (RFC 5322 3.6.4) that poplift knows again, in the domain of a mailbox.
func newID(random io.Reader, mailbox string) (string, error) {
	token, err := newToken(random)
	domain := mailbox[strings.LastIndexByte(mailbox, '@')+1:]
	return "<" + idPrefix + token + "@" + domain + ">", err
}

// newToken has 128 random bits: nothing that was written before can hold it.
func newToken(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("random octets: %w", err)
	}
	return fmt.Sprintf("%x", b), nil
}

// maxFolded is how long a line of our headers gets where there is a place to break it (RFC 5322 2.1.1).
const maxFolded = 76

// field writes one header field, folded before its words, each of which fits on a line.
func field(name string, words ...string) string {
	var b strings.Builder
	b.WriteString(name + ":")
	n := len(name) + 1
	for i, w := range words {
		if i > 0 && n+1+len(w) > maxFolded {
			b.WriteString("\r\n")
			n = 0
		}
		b.WriteString(" " + w)
		n += 1 + len(w)
	}
	return b.String() + "\r\n"
}

// addresses are mailboxes as a header field lists them; those of LMTP's users without a domain can't be in one.
func addresses(to []string) []string {
	var out []string
	for _, m := range to {
		if strings.Contains(m, "@") {
			out = append(out, "<"+m+">,")
		}
	}
	if len(out) == 0 {
		return []string{"undisclosed-recipients:;"}
	}
	out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], ",")
	return out
}

// encoded is text as the words of a header field: as it is where it can be, else as encoded-words (RFC 2047).
func encoded(text string) []string {
	if readable(text) {
		return strings.Fields(text)
	}
	const most = 45 // octets of an encoded-word, which has 75 characters at most: 60 of base64
	var out []string
	for text = strings.ToValidUTF8(text, "\uFFFD"); text != ""; {
		n := min(len(text), most)
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		out = append(out, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(text[:n]))+"?=")
		text = text[n:]
	}
	return out
}

// readable says whether text can stand in a header and be read out of it again: short ASCII words with one blank between them, none of which looks
// encoded.
func readable(text string) bool {
	if strings.Contains(text, "=?") {
		return false
	}
	for _, w := range strings.Split(text, " ") {
		if w == "" || len(w) > maxFolded-20 || strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return false
		}
	}
	return true
}
