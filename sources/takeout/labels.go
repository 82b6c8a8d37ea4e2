package takeout

import (
	"slices"
	"strings"
)

// maxLabels bounds the labels of a message; Gmail allows 10 000 an account.
const maxLabels = 1000

// parseLabels reads the value of X-Gmail-Labels: decoded first, and split at commas after. A label with a comma in it stands in double quotes,
// and quotes are doubled or have a backslash before them, as apostrophes have for no reason.
func parseLabels(field string) []string {
	s := decodeWords(field)
	var out []string
	for s != "" && len(out) < maxLabels {
		var label string
		label, s = nextLabel(s)
		if label = strings.TrimSpace(label); label != "" && !slices.Contains(out, label) {
			out = append(out, label)
		}
	}
	return out
}

// nextLabel takes the first label and the comma behind it.
func nextLabel(s string) (label, rest string) {
	s = strings.TrimLeft(s, " \t")
	quoted := strings.HasPrefix(s, `"`)
	i := 0
	if quoted {
		i = 1
	}
	var b strings.Builder
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`"'\`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			i++
			b.WriteByte('"')
		case c == '"' && quoted:
			quoted = false
		case c == ',' && !quoted:
			return b.String(), s[i+1:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// meaning is what a label says.
type meaning uint8

const (
	isFolder meaning = iota // the user's own, or one that isn't known
	isInbox
	isSent
	isDrafts
	isSpam
	isTrash
	isArchived
	isUnread
	isOpened
	isStarred
	isImportant
	isMuted
	isChat
	isCategory
	isKeyword // IMAP_name: a keyword that an IMAP client has set
	isNoise   // what has no meaning outside of Gmail
)

// meaningOf looks a label up. A label with a "/" in it is always the user's, but for those below [Gmail] and [Imap].
func meaningOf(label string) meaning {
	key := fold(label)
	for _, top := range []string{"[gmail]/", "[google mail]/", "[imap]/"} {
		key = strings.TrimPrefix(key, top)
	}
	if m, ok := words[key]; ok {
		return m
	}
	if strings.HasPrefix(label, "IMAP_") {
		return isKeyword
	}
	if len(label) > 1 && label[0] == '^' {
		return isNoise
	}
	if isCategoryKey(key) {
		return isCategory
	}
	return isFolder
}

// isCategoryKey knows "Category Updates", "Categoría: Foros" and "Kategorie_Soziale Netzwerke". Behind a blank it takes English words only, since
// "Category theory" is somebody's own.
func isCategoryKey(key string) bool {
	for _, c := range categoryWords {
		rest, ok := strings.CutPrefix(key, c)
		if !ok || rest == "" {
			continue
		}
		if name := strings.TrimLeft(rest, " "); name != rest && slices.Contains(categoryNames, name) || strings.IndexAny(name, ":_") == 0 {
			return true
		}
	}
	return false
}

// fold brings the writings of one word together: small letters, one kind of apostrophe, and none of the characters that aren't seen, which
// are lost on the way of many a list.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\u0307', '\u200c', '\u200d', '\u200e', '\u200f', '\u0640':
			return -1
		case '\u2019', '\u02bc':
			return '\''
		case '\u00a0':
			return ' '
		case 'ς':
			return 'σ'
		}
		return r
	}, strings.ToLower(s))
}

// path is the folder of a label. Empty names, as in "a//b", are left out.
func path(label string) []string {
	var out []string
	for _, name := range strings.Split(label, "/") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}
