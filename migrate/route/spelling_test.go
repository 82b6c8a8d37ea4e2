package route

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"poplift/migrate"
)

// unspell reads a name back, to show that it can be.
func (s *speller) unspell(name string) string {
	if name == nameless {
		return ""
	}
	back := map[rune]rune{}
	for plain, alike := range s.anywhere {
		back[alike] = plain
	}
	var out strings.Builder
	runes := []rune(name)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == quote && strings.ContainsRune("0123456789ABCDEF", runes[i+1]):
			end := i + 1
			for runes[end] != quote {
				end++
			}
			n, _ := strconv.ParseUint(string(runes[i+1:end]), 16, 32)
			if end-i == 3 {
				out.WriteByte(byte(n))
			} else {
				out.WriteRune(rune(n))
			}
			i = end
		case r == quote:
			i++
			out.WriteRune(runes[i])
		case s.standIns.anywhere[r]:
			out.WriteRune(back[r])
		case i == 0 && s.standIns.first[r]:
			for plain, alike := range s.first {
				if alike == r {
					out.WriteRune(plain)
				}
			}
		case i == len(runes)-1 && s.standIns.last[r]:
			for plain, alike := range s.last {
				if alike == r {
					out.WriteRune(plain)
				}
			}
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func TestSpelling(t *testing.T) {
	t.Parallel()
	dovecot := migrate.Layout{Delimiter: "/", Refused: "."}
	cases := []struct {
		layout     migrate.Layout
		name, want string
	}{
		{dovecot, "Work", "Work"}, {dovecot, "in/out", "in∕out"}, {dovecot, "in∕out", "inˈ∕out"}, {dovecot, "v1.0", "v1․0"}, {dovecot, "v1․0",
			"v1ˈ․0"},
		{dovecot, "", "ˈnameless"}, {dovecot, "..", "․․"}, {dovecot, "50 %", "50 ﹪"}, {dovecot, "~peter", "∼peter"}, {dovecot, "a~b", "a~b"},
		{dovecot, "a∼b", "a∼b"},
		{dovecot, "∼b", "ˈ∼b"}, {dovecot, " a ", "␣a␣"}, {dovecot, "a b", "a b"}, {dovecot, " ", "␣"}, {dovecot, "#news", "﹟news"}, {dovecot,
			"C#", "C#"},
		{dovecot, "a\nb", "a␊b"}, {dovecot, "a␊b", "aˈ␊b"}, {dovecot, "\u0085", "ˈ0085ˈ"}, {dovecot, "\xff", "ˈFFˈ"}, {dovecot, "\ufffd",
			"ˈFFFDˈ"}, {dovecot, "ˈ", "ˈˈ"},
		{dovecot, "a›b", "aˈ›b"}, {dovecot, "日本", "日本"}, {dovecot, "😀", "😀"}, {dovecot, "5％", "5％"},
		{migrate.Layout{Delimiter: "."}, "a.b/c", "a․b/c"}, {migrate.Layout{Delimiter: "/"}, "...", "․.․"}, {migrate.Layout{Delimiter: "/"}, ".",
			"․"},
		{migrate.Layout{Delimiter: "^", BasicPlane: true}, "a^😀", "a˄ˈ1F600ˈ"}, {migrate.Layout{Refused: "é"}, "été", "ˈ00E9ˈtˈ00E9ˈ"},
		{migrate.Layout{Delimiter: "/", Refused: cyrusRefuses}, `"Q!" <x>`, "″Qǃ″ ﹤x﹥"},
	}
	for _, c := range cases {
		s := newSpeller(c.layout)
		if got := s.spell(c.name); got != c.want || s.unspell(got) != c.name {
			t.Errorf("%q is written %q and read %q, want %q", c.name, got, s.unspell(got), c.want)
		}
	}
}

// The characters that stand in for others stay what they are under normalization and folding, and are different from each other.
func TestStandInsStay(t *testing.T) {
	t.Parallel()
	seen := map[rune]bool{quote: true, joiner: true}
	for c := rune(' '); c < 0x7F; c++ {
		letter := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		alike, ok := looksLike[c]
		if ok == letter {
			t.Errorf("%q: %v", c, ok)
		}
		if letter {
			continue
		}
		if seen[alike] || alike < utf8.RuneSelf {
			t.Errorf("%q is written %q", c, alike)
		}
		seen[alike] = true
	}
	for r := range seen {
		if s := string(r); norm.NFC.String(s) != s || Fold(s) != s || r > 0xFFFF {
			t.Errorf("%q becomes %q", s, Fold(s))
		}
	}
}

func TestShortening(t *testing.T) {
	t.Parallel()
	for _, l := range []migrate.Layout{{Delimiter: "/", MaxName: 40}, {Delimiter: "/", MaxName: 40, UTF8: true}, {Delimiter: "-", MaxName: 33}} {
		s := newSpeller(l)
		for _, name := range []string{strings.Repeat("x", 500), strings.Repeat("ü", 90), strings.Repeat("日本", 60), strings.Repeat("&", 60),
			strings.Repeat("a\u0301\u0302", 80)} {
			got := s.shorten(name, [32]byte{1, 2, 3, 4}, l.MaxName)
			if n := s.octets(got); n > l.MaxName || n < l.MaxName-8 || !strings.HasSuffix(got, "01020304") || !strings.HasPrefix(name, clip(got, 4)) {
				t.Errorf("%+v: %q has %d octets", l, got, n)
			}
		}
	}
}

// What is spelled can be read back, whatever it is, and so two names never come out alike.
func FuzzSpell(f *testing.F) {
	for _, s := range plainNames {
		f.Add(s, "/", ".")
	}
	f.Add("a-b^c", "-", "\"!é")
	f.Fuzz(func(t *testing.T, name, delimiter, refused string) {
		l := migrate.Layout{Delimiter: clip(delimiter, 1), Refused: refused}
		if strings.ContainsAny(l.Delimiter+l.Refused, "0123456789ABCDEF") || strings.ContainsFunc(l.Delimiter+l.Refused, func(r rune) bool {
			return r >= utf8.RuneSelf && (r == quote || strings.ContainsRune(values0(), r)) || r == utf8.RuneError
		}) {
			return // a server that refuses what names are written with
		}
		s := newSpeller(l)
		got := s.spell(name)
		if back := s.unspell(got); back != name {
			t.Fatalf("%q is written %q and read %q", name, got, back)
		}
		if !utf8.ValidString(got) || l.Delimiter != "" && got != nameless && strings.Contains(got, l.Delimiter) || got != nameless &&
			strings.ContainsAny(got, l.Refused) {
			t.Fatalf("%q is written %q", name, got)
		}
	})
}

// values0 are all stand-ins.
func values0() string {
	var b strings.Builder
	for r := range values(looksLike) {
		b.WriteRune(r)
	}
	for c := '␀'; c <= '␡'; c++ {
		b.WriteRune(c)
	}
	return b.String() + string(joiner)
}
