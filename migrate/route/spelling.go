package route

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// What a target doesn't take in a name is written with a character that looks alike and that nobody types. Names stay apart and can be read back:
// a look-alike that stands in a name already has quote before it, so has quote itself, and what has no look-alike is its number in hexadecimal
// between two quotes (two digits for an octet that is no UTF-8). joiner stands between names that had to become one.
const (
	quote    = 'ˈ' // U+02C8
	joiner   = '›' // U+203A
	nameless = string(quote) + "nameless"
)

// looksLike has a character for all of ASCII but letters and digits. None changes under NFC or case folding, and none is common in any script: the
// full-width forms, which are in Japanese, are not among them.
var looksLike = map[rune]rune{
	' ': '␣', '!': 'ǃ', '"': '″', '#': '﹟', '$': '﹩', '%': '﹪', '&': '﹠', '\'': 'ʼ', '(': '﹙', ')': '﹚', '*': '∗', '+': '﹢', ',': '﹐', '-': '﹣',
	'.': '․', '/': '∕', ':': '∶', ';': '﹔', '<': '﹤', '=': '﹦', '>': '﹥', '?': '﹖', '@': '﹫', '[': '⁅', '\\': '∖', ']': '⁆', '^': '˄', '_': 'ˍ',
	'`': 'ˋ', '{': '﹛', '|': '∣', '}': '﹜', '~': '∼',
}

// speller writes names as a target takes them.
type speller struct {
	// utf8 and utf7 say how names are stored, so far as that is known.
	utf8, utf7 bool
	// anywhere, first and last have the stand-ins for what isn't taken at all, and what isn't as a name's first or last character.
	anywhere, first, last map[rune]rune
	// standIns are the values of the three.
	standIns struct{ anywhere, first, last map[rune]bool }
	refused  func(rune) bool
	maxName  int
	maxWhole int
}

// Where a target doesn't say how long names may be, they are as long as every server that was tried takes them: Maildir++ has 253 octets for the
// whole of them.
const (
	safeLength = 240
	// minLength is what a shortened name needs at least: some of it, and what keeps it apart.
	minLength = 32
)

func newSpeller(l migrate.Layout) *speller {
	unknown := l.MaxName <= 0 && l.MaxWhole <= 0
	s := &speller{utf8: l.UTF8 || unknown, utf7: !l.UTF8, maxName: l.MaxName, maxWhole: l.MaxWhole}
	if s.maxWhole <= 0 {
		s.maxWhole = max(safeLength, s.maxName)
	}
	if s.maxName <= 0 {
		s.maxName = safeLength
	}
	s.maxName, s.maxWhole = max(s.maxName, minLength), max(s.maxWhole, minLength)
	// The wildcards of LIST are legal in names and match others. Blanks and dots at the ends get lost on Windows, a dot at the beginning hides on
	// Unix; "~" and "#" there are homes and name spaces (RFC 9051 section 5.1.2.1).
	s.anywhere = map[rune]rune{'*': looksLike['*'], '%': looksLike['%']}
	s.first = map[rune]rune{' ': looksLike[' '], '.': looksLike['.'], '~': looksLike['~'], '#': looksLike['#']}
	s.last = map[rune]rune{' ': looksLike[' '], '.': looksLike['.']}
	for c := rune(0); c < ' '; c++ {
		s.anywhere[c] = '␀' + c
	}
	s.anywhere[0x7F] = '␡'
	others := map[rune]bool{}
	for _, r := range l.Delimiter + l.Refused {
		if alike, ok := looksLike[r]; ok {
			s.anywhere[r] = alike
		} else if s.anywhere[r] == 0 {
			others[r] = true
		}
	}
	s.refused = func(r rune) bool {
		return others[r] || unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' || r&0xFFFE == 0xFFFE ||
			l.BasicPlane && r > 0xFFFF
	}
	s.standIns.anywhere, s.standIns.first, s.standIns.last = values(s.anywhere), values(s.first), values(s.last)
	s.standIns.anywhere[quote], s.standIns.anywhere[joiner] = true, true
	return s
}

func values(m map[rune]rune) map[rune]bool {
	out := map[rune]bool{}
	for _, r := range m {
		out[r] = true
	}
	return out
}

// spell writes one name. Two different names never come out alike.
func (s *speller) spell(name string) string {
	if name == "" {
		return nameless
	}
	var b strings.Builder
	for i, r := range name {
		width := 1
		if r != utf8.RuneError {
			width = utf8.RuneLen(r)
		} else if strings.HasPrefix(name[i:], string(utf8.RuneError)) {
			width = len(string(utf8.RuneError))
		}
		first, last := i == 0, i+width == len(name)
		switch alike := s.alike(r, first, last); {
		case r == utf8.RuneError && width == 1:
			fmt.Fprintf(&b, "%c%02X%c", quote, name[i], quote)
		case alike != 0:
			b.WriteRune(alike)
		case s.isStandIn(r, first, last):
			b.WriteRune(quote)
			b.WriteRune(r)
		case s.refused(r):
			fmt.Fprintf(&b, "%c%04X%c", quote, r, quote)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (s *speller) alike(r rune, first, last bool) rune {
	switch {
	case s.anywhere[r] != 0:
		return s.anywhere[r]
	case first && s.first[r] != 0:
		return s.first[r]
	case last:
		return s.last[r]
	}
	return 0
}

func (s *speller) isStandIn(r rune, first, last bool) bool {
	return s.standIns.anywhere[r] || first && s.standIns.first[r] || last && s.standIns.last[r]
}

// octets is how long a name is on the target.
func (s *speller) octets(name string) int {
	n := 0
	if s.utf8 {
		n = len(name)
	}
	if s.utf7 && ascii(name) {
		n = len(name) + strings.Count(name, "&")
	} else if s.utf7 {
		n = max(n, len(mutf7.Encode(name)))
	}
	return n
}

// shorten cuts a name to at most room octets, with a mark of what it stands for at the end.
func (s *speller) shorten(name string, sum [sha256.Size]byte, room int) string {
	runes := []rune(clip(name, room))
	mark := "-" + hex.EncodeToString(sum[:4])
	if alike, ok := s.anywhere['-']; ok {
		mark = strings.Replace(mark, "-", string(alike), 1)
	}
	fits, most := 0, len(runes)
	for fits < most {
		n := (fits + most + 1) / 2
		if s.octets(string(runes[:n])+mark) <= room {
			fits = n
		} else {
			most = n - 1
		}
	}
	return string(runes[:fits]) + mark
}

// clip keeps the first n runes at most.
func clip(name string, n int) string {
	for i := range name {
		if n == 0 {
			return name[:i]
		}
		n--
	}
	return name
}
