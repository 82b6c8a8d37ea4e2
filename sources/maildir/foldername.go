package maildir

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"poplift/sources/filestore/onefile"
)

// dotted splits the directory name of a Maildir++ folder. Empty names between dots have no folder of their own.
func (d dialect) dotted(dir string) []string {
	rest := strings.TrimPrefix(dir, ".")
	var names []string
	if d.evolution && strings.HasPrefix(rest, ".") {
		names = append(names, "INBOX") // Evolution writes Inbox/Name as ..Name
	}
	for n := range strings.SplitSeq(rest, ".") {
		if n == "" {
			continue
		}
		if d.escapes {
			n = unescape(n)
		}
		names = append(names, decodeName(n))
	}
	if len(names) == 0 {
		return []string{dir}
	}
	return names
}

// unescape undoes the _XX that Evolution writes for dots and underscores in a folder's name.
func unescape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '_' && i+2 < len(name) {
			if hi, lo := hexDigit(name[i+1]), hexDigit(name[i+2]); hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789abcdef", toLower(c)) }

func toLower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// mailboxEncoding is the modified base64 of RFC 3501 5.1.3. It is strict: names that only look like it have bits where there must be none.
var mailboxEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// decodeName reads the name of a folder as its client wrote it: servers write modified UTF-7, KMail and Evolution UTF-8, and old ones
// whatever the system had. A name that isn't wholly valid modified UTF-7 is taken as it stands, so that none is lost.
func decodeName(name string) string {
	if decoded, ok := decodeUTF7(name); ok {
		return decoded
	}
	return onefile.Name(name)
}

// decodeUTF7 is false for what no encoder writes: octets outside of ASCII, an & that opens nothing, base64 of nothing but ASCII.
func decodeUTF7(name string) (string, bool) {
	var b strings.Builder
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	for {
		plain, rest, found := strings.Cut(name, "&")
		b.WriteString(plain)
		if !found {
			return b.String(), true
		}
		run, after, closed := strings.Cut(rest, "-")
		if !closed {
			return "", false
		}
		decoded := "&"
		if run != "" {
			var ok bool
			if decoded, ok = shifted(run); !ok {
				return "", false
			}
		}
		b.WriteString(decoded)
		name = after
	}
}

// shifted decodes one run of modified base64.
func shifted(run string) (string, bool) {
	octets, err := mailboxEncoding.DecodeString(run)
	if err != nil || len(octets) == 0 || len(octets)%2 != 0 {
		return "", false
	}
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	runes, foreign := utf16.Decode(units), false
	for _, r := range runes {
		if r == utf8.RuneError || r < ' ' {
			return "", false
		}
		foreign = foreign || r > '~'
	}
	return string(runes), foreign
}
