package route

import (
	"slices"
	"strings"

	"poplift/migrate"
)

// word is what a folder's name says in the languages that have it.
type word struct {
	role migrate.Role
	// langs are indexes into languages; englishWord stands before them where English has it.
	langs []int
}

const englishWord = -1

// english says whether programs write the word under every language, so that it tells nothing of the user's.
func (w word) english() bool { return w.langs[0] == englishWord }

// dictionary has all words, folded.
var dictionary = func() map[string]word {
	out := map[string]word{}
	add := func(lang int, l language) {
		for role, names := range l.cells() {
			for name := range strings.SplitSeq(names, "|") {
				key := Fold(name)
				if w := out[key]; name != "" && !slices.Contains(w.langs, lang) {
					out[key] = word{role, append(w.langs, lang)}
				}
			}
		}
	}
	add(englishWord, english)
	for i, l := range languages {
		add(i, l)
	}
	for _, name := range unsure {
		delete(out, Fold(name))
	}
	return out
}()

// RoleOf says what a special folder's name means, in any of the languages that mail programs speak. It knows whole names only, and none that
// can mean two things. language is the English name of a language that has the word, English if that has it.
func RoleOf(name string) (role migrate.Role, language string, ok bool) {
	w, ok := dictionary[Fold(name)]
	if !ok {
		return "", "", false
	}
	return w.role, languageName(w.langs[0]), true
}

func languageName(lang int) string {
	if lang == englishWord {
		return english.name
	}
	return languages[lang].name
}

// tally counts how many different words of each language stand among a mailbox's names: together they tell the language it was kept in.
type tally struct {
	seen  map[string]bool
	votes map[int]int
}

func (t *tally) add(name string) {
	key := Fold(name)
	w, ok := dictionary[key]
	if !ok || t.seen[key] {
		return
	}
	if t.seen == nil {
		t.seen, t.votes = map[string]bool{}, map[int]int{}
	}
	t.seen[key] = true
	if w.english() {
		t.votes[englishWord]++
		return
	}
	for _, l := range w.langs {
		t.votes[l]++
	}
}

// believe says whether the other names leave room for reading w as it is meant, and in which language. English is believed always. Any other word is
// not when the others speak another language: beside Papierkorb and Entwürfe, "Kuka" is a maker of robots and not the Hungarian dustbin.
func (t *tally) believe(w word) (lang, votes int, ok bool) {
	if w.english() {
		return englishWord, t.votes[englishWord] - 1, true
	}
	lang, votes = w.langs[0], -1
	for _, l := range w.langs {
		if v := t.votes[l] - 1; v > votes {
			lang, votes = l, v
		}
	}
	for l, v := range t.votes {
		if slices.Contains(w.langs, l) {
			v--
		}
		if l != englishWord && v > votes {
			return lang, votes, false
		}
	}
	return lang, votes, true
}
