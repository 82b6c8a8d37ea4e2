package route

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"poplift/migrate"
)

// Every word of every language is known, in any case, composed or not, and none means two things but those that are never taken for anything.
func TestEveryWord(t *testing.T) {
	t.Parallel()
	never := map[string]bool{}
	for _, w := range unsure {
		never[Fold(w)] = true
	}
	meant := map[string]migrate.Role{}
	n := 0
	for _, l := range append([]language{english}, languages...) {
		for role, cell := range l.cells() {
			for w := range strings.SplitSeq(cell, "|") {
				if w == "" {
					continue
				}
				n++
				key := Fold(w)
				if norm.NFC.String(w) != w || strings.TrimSpace(w) != w {
					t.Errorf("%s: %q", l.code, w)
				}
				if other, ok := meant[key]; ok && other != role && !never[key] {
					t.Errorf("%s: %q means %s and %s", l.code, w, role, other)
				}
				meant[key] = role
				for _, as := range []string{w, strings.ToUpper(w), norm.NFD.String(w)} {
					got, language, ok := RoleOf(as)
					if never[key] {
						if ok {
							t.Errorf("%s: %q is taken for %s", l.code, as, got)
						}
						continue
					}
					if Fold(as) == key && (!ok || got != role || language == "") {
						t.Errorf("%s: %q means %q in %q, want %s", l.code, as, got, language, role)
					}
				}
			}
		}
	}
	if len(languages) != 42 || n < 350 {
		t.Errorf("%d languages, %d words", len(languages), n)
	}
	for _, w := range []string{"", "Posteingang", "Inbox", "Sent ", "Sentt", "KUKA Roboter", "Gesend", "ئەخلەت"} {
		if role, _, ok := RoleOf(w); ok {
			t.Errorf("%q is taken for %s", w, role)
		}
	}
}

// The unsure words are those with two roles, and those for what goes out.
func TestUnsureWords(t *testing.T) {
	t.Parallel()
	roles := map[string]map[migrate.Role]bool{}
	for _, l := range languages {
		for role, cell := range l.cells() {
			for w := range strings.SplitSeq(cell, "|") {
				if k := Fold(w); k != "" && roles[k] == nil {
					roles[k] = map[migrate.Role]bool{}
				}
				if w != "" {
					roles[Fold(w)][role] = true
				}
			}
		}
	}
	for w, r := range roles {
		found := false
		for _, u := range unsure {
			found = found || Fold(u) == w
		}
		if len(r) > 1 && !found {
			t.Errorf("%q has %d roles", w, len(r))
		}
	}
}

func TestVotes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		others string
		word   string
		ok     bool
		lang   string
	}{
		"alone":                       {"", "Kuka", true, "Hungarian"},
		"among its own":               {"Piszkozatok|Küldöttek", "Kuka", true, "Hungarian"},
		"among strangers":             {"Papierkorb|Entwürfe", "Kuka", false, ""},
		"more of its own":             {"Papierkorb|Piszkozatok|Küldöttek", "Kuka", true, "Hungarian"},
		"as many":                     {"Papierkorb|Piszkozatok", "Kuka", true, "Hungarian"},
		"English says nothing":        {"Sent|Drafts|Archive", "Kuka", true, "Hungarian"},
		"English is always believed":  {"Papierkorb|Entwürfe|Gesendet", "Archive", true, "English"},
		"a word of several languages": {"Koncepty|Odoslané", "Archiv", false, ""},
		"one of them is spoken":       {"Koncepty|Odeslané", "Archiv", true, "Czech"},
		"twice the same word":         {"Papierkorb|papierkorb|PAPIERKORB|Kuka", "Piszkozatok", true, "Hungarian"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var names tally
			for w := range strings.SplitSeq(c.others, "|") {
				names.add(w)
			}
			names.add(c.word)
			lang, _, ok := names.believe(dictionary[Fold(c.word)])
			if ok != c.ok || ok && languageName(lang) != c.lang {
				t.Errorf("%v in %s", ok, languageName(lang))
			}
		})
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{{"Work", "WORK", "work"}, {"É", "E\u0301", "é", "e\u0301"}, {"straße", "STRASSE"}, {"ΣΊΣΥΦΟΣ", "σίσυφος",
		"Σίσυφοσ"}, {"\u212b", "Å", "å"}, {"ͅα", "ια"}} {
		for _, s := range same {
			if Fold(s) != Fold(same[0]) || Fold(Fold(s)) != Fold(s) {
				t.Errorf("%q folds to %q, %q to %q", s, Fold(s), same[0], Fold(same[0]))
			}
		}
	}
	if Fold("a") == Fold("ä") || Fold("\xff") == Fold("a") {
		t.Error("too much")
	}
}
