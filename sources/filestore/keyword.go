package filestore

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf16"

	"poplift/migrate"
)

// maxKeyword is the longest keyword that Dovecot takes unless told otherwise (mail_max_keyword_length); other servers take more.
const maxKeyword = 50

// Keyword makes an IMAP keyword of a label or tag that a user has named: other letters than ASCII's are in modified UTF-7 (RFC 3501 5.1.3), as the
// names of tags in Thunderbird are, and what an atom can't have (RFC 9051 section 9) is "_". A long one ends in "~" and a checksum of the whole. It
// is empty for a name without anything in it.
func Keyword(name string) migrate.Flag {
	var b strings.Builder
	var wide []rune
	end := func() {
		if len(wide) > 0 {
			b.WriteByte('&')
			b.WriteString(strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(utf16Octets(wide)), "/", ","))
			b.WriteByte('-')
			wide = wide[:0]
		}
	}
	for _, r := range strings.TrimSpace(name) {
		if r >= 0x80 {
			wide = append(wide, r)
			continue
		}
		end()
		switch {
		case r == '&':
			b.WriteString("&-")
		case r <= ' ' || r == 0x7F || strings.ContainsRune(`(){%*"\]`, r):
			b.WriteByte('_')
		default:
			b.WriteRune(r)
		}
	}
	end()
	s := b.String()
	if len(s) > maxKeyword {
		s = s[:maxKeyword-9] + fmt.Sprintf("~%08x", crc32.ChecksumIEEE([]byte(s)))
	}
	return migrate.Flag(s)
}

func utf16Octets(r []rune) []byte {
	var out []byte
	for _, u := range utf16.Encode(r) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}
