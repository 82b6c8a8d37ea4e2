package strip

import (
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"
)

// Bounds of what a note says.
const (
	maxName     = 255 // octets of UTF-8, as in most file systems
	maxType     = 255 // RFC 6838 4.2
	maxSegments = 100 // of which a parameter is put together (RFC 2231 3)
)

// param is a parameter of a Content-Type or Content-Disposition.
type param struct {
	name    string // in lower case
	value   string
	escaped bool // it had backslashes, which readers treat differently
}

// parseParams splits the value of a field, and makes the best of it where it is wrong. sound says that there was nothing to make the best of.
func parseParams(v string) (head string, params []param, sound bool) {
	head, rest := strings.Trim(v, " \t"), ""
	if i := strings.IndexAny(head, " \t;("); i >= 0 {
		head, rest = head[:i], strings.TrimLeft(head[i:], " \t")
	}
	rest, sound = strings.CutPrefix(rest, ";")
	sound = sound || rest == ""
	for rest != "" {
		i := strings.IndexAny(rest, "=;")
		if i < 0 || rest[i] == ';' { // nothing, or a name without a value
			var junk string
			junk, rest, _ = strings.Cut(rest, ";")
			sound = sound && strings.Trim(junk, " \t") == ""
			continue
		}
		p := param{name: strings.ToLower(strings.Trim(rest[:i], " \t"))}
		var ok bool
		rest, ok = p.read(strings.TrimLeft(rest[i+1:], " \t"))
		sound = sound && ok && isToken(p.name)
		params = append(params, p)
	}
	return head, params, sound
}

// read takes the value off the beginning of s, and all that is before the next semicolon.
func (p *param) read(s string) (rest string, sound bool) {
	if !strings.HasPrefix(s, `"`) {
		p.value, rest, _ = strings.Cut(s, ";")
		p.value = strings.Trim(p.value, " \t")
		return rest, !strings.ContainsAny(p.value, " \t\"\\()")
	}
	p.value, p.escaped, rest, sound = quoted(s[1:])
	junk, rest, _ := strings.Cut(rest, ";")
	return rest, sound && strings.Trim(junk, " \t") == ""
}

// quoted reads a quoted-string without its first quote. A backslash quotes only what needs it: names hold whole Windows paths.
func quoted(s string) (value string, escaped bool, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), escaped, s[i+1:], true
		case c == '\\' && i+1 < len(s):
			escaped = true
			if s[i+1] == '"' || s[i+1] == '\\' {
				i++
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), escaped, "", false
}

// mediaType is a type in lower case as RFC 2045 5.1 has it, or "".
func mediaType(head string) string {
	kind, sub, ok := strings.Cut(head, "/")
	if !ok || !isToken(kind) || !isToken(sub) || len(head) > maxType || strings.ContainsAny(kind+sub, `"(),/:;<=>?@[\]`) {
		return ""
	}
	return strings.ToLower(head)
}

// isToken says whether a field or a parameter can be called that: printable US-ASCII.
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// nameIn is a parameter decoded and made fit to be shown, or "".
func nameIn(params []param, name string) string {
	s, ok := extended(params, name)
	if !ok {
		for _, p := range params {
			if p.name == name {
				s = words(p.value)
				break
			}
		}
	}
	return shown(s)
}

// extended puts together and decodes a parameter that is in pieces, or in a character set (RFC 2231).
func extended(params []param, name string) (string, bool) {
	var joined strings.Builder
	set, encoded := "", false
	list := pieces(params, name)
	for i, p := range list {
		v := p.value
		if strings.HasSuffix(p.name, "*") {
			if parts := strings.SplitN(v, "'", 3); i == 0 && len(parts) == 3 {
				set, v, encoded = parts[0], parts[2], true
			}
			v = unescape(v)
		}
		joined.WriteString(v)
	}
	if encoded {
		return decoded(set, joined.String()), true
	}
	return words(joined.String()), len(list) > 0 // some put encoded words into pieces
}

// pieces are the parameters that together are one, in their order.
func pieces(params []param, name string) []param {
	if i := slices.IndexFunc(params, func(p param) bool { return p.name == name+"*" }); i >= 0 {
		return params[i : i+1]
	}
	var out []param
	for len(out) < maxSegments {
		key := name + "*" + strconv.Itoa(len(out))
		i := slices.IndexFunc(params, func(p param) bool { return p.name == key || p.name == key+"*" })
		if i < 0 {
			break
		}
		out = append(out, params[i])
	}
	return out
}

// unescape undoes %XX.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// decoded is s as UTF-8. A character set that isn't known is not decoded.
func decoded(set, s string) string {
	r, err := charset.Reader(set, strings.NewReader(s))
	if err != nil {
		return asUTF8(s)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return asUTF8(s)
	}
	return string(b)
}

// words decodes encoded words (RFC 2047), which RFC 2231 forbids in parameters and many clients write.
func words(s string) string {
	if strings.Contains(s, "=?") {
		dec := mime.WordDecoder{CharsetReader: charset.Reader}
		if out, err := dec.DecodeHeader(s); err == nil {
			return asUTF8(out)
		}
	}
	return asUTF8(s)
}

// asUTF8 takes octets that are no UTF-8 for Windows-1252.
func asUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	if out, err := charmap.Windows1252.NewDecoder().String(s); err == nil {
		return out
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// shown leaves out what would disturb or deceive whoever reads the name: controls, and what turns the direction of writing.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	for len(s) > maxName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.TrimSpace(s)
}
