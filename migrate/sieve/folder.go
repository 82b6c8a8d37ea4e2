package sieve

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
)

// maxFolder and maxDepth bound a folder's name, which may come out of a message's header.
const (
	maxFolder = 1000
	maxDepth  = 32
)

// specialUses are folders by their role, as Fastmail's scripts name them: fileinto "\\Junk". The router knows the plain names.
var specialUses = []string{`\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`}

// folderOf splits a folder's name. It says false, and the inbox, for what can be no name.
func folderOf(name, delimiter string) (migrate.Path, bool) {
	if slices.Contains(specialUses, name) {
		return migrate.Path{name[1:]}, true
	}
	if len(name) > maxFolder || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return nil, false
	}
	var path migrate.Path
	for word := range strings.SplitSeq(name, delimiter) {
		switch word {
		case "":
			continue // a delimiter too many
		case ".", "..":
			return nil, false
		}
		path = append(path, word)
	}
	if len(path) == 0 || len(path) > maxDepth {
		return nil, false
	}
	if strings.EqualFold(path[0], "INBOX") {
		path = path[1:]
	}
	if len(path) == 0 {
		return nil, true
	}
	return path, true
}

// delimiter is what the names of the script are split at.
func (c *compiler) delimiter(given string) string {
	if given != "" {
		return given
	}
	var dotted *mailbox
	prefixed := false
	for i, m := range c.mailboxes {
		if strings.Contains(m.text, "/") {
			return "/"
		}
		if strings.Contains(m.text, ".") && dotted == nil {
			dotted = &c.mailboxes[i]
		}
		prefixed = prefixed || len(m.text) >= 6 && strings.EqualFold(m.text[:6], "INBOX.")
	}
	if prefixed {
		return "."
	}
	if dotted != nil {
		c.warnf(dotted.pos, `%q is taken for one folder with a dot in its name; if the dot parts folders, set the delimiter to "."`, dotted.text)
	}
	return "/"
}
