package strip

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// fieldPrefix begins the names of the fields that a note says it in to programs.
const fieldPrefix = "X-Poplift-Removed-"

// text is the note. A part without a name has no such line. No line can begin with "--", and be a delimiter.
const text = `poplift removed an attachment from this message when it copied it, because it was too large.

%sType:    %s
Size:    %d octets
SHA-256: %s

The message is kept as it was, outside of this mailbox. Whoever copied it can look the attachment up by its SHA-256.
`

// note is what stands for a part, from its header's fields on. version is that the header needs a MIME-Version.
func note(r Removed, version bool) []byte {
	var b bytes.Buffer
	if version {
		b.WriteString("MIME-Version: 1.0\r\n")
	}
	name, charset, encoding := "", "us-ascii", "7bit"
	if r.Name != "" {
		name = "Name:    " + r.Name + "\n"
	}
	body := strings.ReplaceAll(fmt.Sprintf(text, name, r.Type, r.Octets, r.Digest), "\n", "\r\n")
	if !isASCII(r.Name) {
		body, charset, encoding = inBase64(body), "utf-8", "base64"
	}
	fmt.Fprintf(&b, "Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\nContent-Disposition: inline\r\n", charset, encoding)
	field := func(name string, value any) { fmt.Fprintf(&b, "%s%s: %v\r\n", fieldPrefix, name, value) }
	if r.Name != "" {
		field("Name", encodedWords(r.Name))
	}
	field("Type", r.Type)
	field("Size", r.Octets)
	field("SHA256", r.Digest)
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// base64Octets is how many octets a line of base64 holds (RFC 2045 6.8).
const base64Octets = 57

func inBase64(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := min(len(s), base64Octets)
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(s[:n])) + "\r\n")
		s = s[n:]
	}
	return b.String()
}

// wordOctets is how many octets an encoded word holds: the word has no more than 75, and its line not many more (RFC 2047 2).
const wordOctets = 42

// encodedWords is a name in a header field (RFC 2047), folded. What looks like an encoded word is encoded as well.
func encodedWords(s string) string {
	if isASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	var list []string
	for len(s) > 0 {
		n := min(len(s), wordOctets)
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		list = append(list, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(list, "\r\n ")
}
