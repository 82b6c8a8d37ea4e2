// Package mutf7 is the modified UTF-7 of IMAP mailbox names (RFC 3501 5.1.3), which Maildir++ folders are named in as well. It is ours because go-imap keeps its own
// to itself, and because real names break the rules: what is not valid comes out as it went in, so that a name is never lost.
package mutf7

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// base64Names is the modified base64 of RFC 3501 5.1.3.
var base64Names = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// Encode writes a mailbox name in modified UTF-7 (RFC 3501 5.1.3). Octets that are no UTF-8 become U+FFFD.
func Encode(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		if c := name[i]; c >= ' ' && c <= '~' {
			b.WriteByte(c)
			if c == '&' {
				b.WriteByte('-')
			}
			i++
			continue
		}
		end := i
		for end < len(name) && (name[end] < ' ' || name[end] > '~') {
			end++
		}
		b.WriteString("&" + base64Names.EncodeToString(utf16Octets(name[i:end])) + "-")
		i = end
	}
	return b.String()
}

func utf16Octets(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// Decode reads modified UTF-7. What is not valid comes out as it went in, so that a name is never lost.
func Decode(name string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(name, '&')
		if i < 0 {
			return b.String() + name
		}
		b.WriteString(name[:i])
		name = name[i+1:]
		end := strings.IndexByte(name, '-')
		decoded, ok := "", false
		if end == 0 {
			decoded, ok = "&", true
		} else if end > 0 {
			decoded, ok = shifted(name[:end])
		}
		if !ok {
			b.WriteByte('&')
			continue
		}
		b.WriteString(decoded)
		name = name[end+1:]
	}
}

// shifted decodes one base64 run.
func shifted(run string) (string, bool) {
	octets, err := base64Names.DecodeString(run)
	if err != nil || len(octets)%2 != 0 {
		return "", false
	}
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	runes := utf16.Decode(units)
	for _, r := range runes {
		if r == utf8.RuneError {
			return "", false
		}
	}
	return string(runes), true
}
