package takeout

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// decodeWords undoes the encoded words of a header field (RFC 2047). Google puts one after another for one text, folds between them, and cuts
// characters in two at the joints; so the octets of neighbours are joined before they are taken for text. Quotes and commas stand in the words
// as they are. What can't be decoded stays as it is.
func decodeWords(field string) string {
	s := unfold(field)
	var out strings.Builder
	var octets []byte // of neighbouring words
	var charset string
	done, from := 0, 0 // what is written, and from where to look for a word
	for {
		i := strings.Index(s[from:], "=?")
		if i < 0 {
			break
		}
		i += from
		w, ok := encodedWord(s[i:])
		if !ok {
			from = i + len("=?")
			continue
		}
		between := s[done:i]
		neighbours := octets != nil && strings.Trim(between, " \t") == ""
		if !neighbours || w.charset != charset {
			out.WriteString(text(octets, charset))
			octets = []byte{}
		}
		if !neighbours {
			out.WriteString(between)
		}
		octets, charset = append(octets, w.octets...), w.charset
		done = i + w.length
		from = done
	}
	out.WriteString(text(octets, charset))
	out.WriteString(s[done:])
	return out.String()
}

// unfold takes the line ends out and leaves the white space that stands behind them.
func unfold(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}

type word struct {
	charset string
	octets  []byte
	length  int // in the field
}

// encodedWord reads the one at the beginning of s.
func encodedWord(s string) (w word, ok bool) {
	parts := strings.SplitN(s[2:], "?", 4)
	if len(parts) < 4 || parts[0] == "" || len(parts[0]) > 40 || len(parts[1]) != 1 || !strings.HasPrefix(parts[3], "=") {
		return w, false
	}
	w.charset, _, _ = strings.Cut(strings.ToLower(parts[0]), "*") // RFC 2231 section 5
	w.length = len("=?") + len(parts[0]) + len("?") + len(parts[1]) + len("?") + len(parts[2]) + len("?=")
	switch parts[1] {
	case "Q", "q":
		w.octets = decodeQ(parts[2])
		return w, true
	case "B", "b":
		data := strings.TrimRight(strings.Map(notBlank, parts[2]), "=")
		var err error
		w.octets, err = base64.RawStdEncoding.DecodeString(data)
		return w, err == nil
	}
	return w, false
}

func notBlank(r rune) rune {
	if r == ' ' || r == '\t' {
		return -1
	}
	return r
}

func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && nibble(s[i+1]) >= 0 && nibble(s[i+2]) >= 0:
			out = append(out, byte(nibble(s[i+1])<<4|nibble(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

func nibble(c byte) int {
	return bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
}

// text reads octets. Google writes UTF-8; other characters sets than the oldest are none that it ever wrote.
func text(octets []byte, charset string) string {
	if utf8.Valid(octets) && charset != "iso-8859-1" && charset != "windows-1252" {
		return string(octets)
	}
	r := make([]rune, len(octets))
	for i, b := range octets {
		r[i] = rune(b)
	}
	return string(r)
}
