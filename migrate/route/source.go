package route

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"poplift/migrate"
)

// spot is a place in a source's tree of folders, listed itself or only on the way to one that is.
type spot struct {
	parent *spot
	// raw is the name as the source has it, text the same in NFC.
	raw, text string
	depth     int
	// listed are the folders of this path, by their place in the list. There are several where one folder has mail of several roles.
	listed []int
	// claim is what it is for the folders below.
	claim claim
	dest  dest
	// included and excluded say what the user's patterns make of it.
	included bool
	excluded *pattern
}

// spotKey finds a spot below another.
type spotKey struct {
	parent *spot
	raw    string
}

// source is what one source lists.
type source struct {
	name  string
	root  *spot
	below map[spotKey]*spot
	// spots stand behind their parents.
	spots []*spot
	// claims says which folders are what role, by their place in the list.
	claims map[int]claim
}

// claim is a folder's role, and how it is known.
type claim struct {
	role migrate.Role
	// client says that the source said so; otherwise the name does, in language.
	client   bool
	language string
}

// readSources sorts the folders by source, those in the order of their names.
func readSources(folders []migrate.SourceFolder) []*source {
	byName := map[string]*source{}
	var out []*source
	for i, f := range folders {
		s := byName[f.Source]
		if s == nil {
			s = &source{name: f.Source, root: &spot{}, below: map[spotKey]*spot{}, claims: map[int]claim{}}
			byName[f.Source] = s
			out = append(out, s)
		}
		at := s.root
		if len(f.Path) == 0 {
			at = s.at(at, inboxName)
		}
		for _, n := range f.Path {
			at = s.at(at, n)
		}
		at.listed = append(at.listed, i)
	}
	slices.SortFunc(out, func(a, b *source) int { return strings.Compare(a.name, b.name) })
	return out
}

func (s *source) at(parent *spot, raw string) *spot {
	k := spotKey{parent, raw}
	if x, ok := s.below[k]; ok {
		return x
	}
	x := &spot{parent: parent, raw: raw, text: norm.NFC.String(raw), depth: parent.depth + 1}
	if x.depth == 1 && isInbox(raw) {
		x.text = inboxName
	}
	s.below[k] = x
	s.spots = append(s.spots, x)
	return x
}

// path returns the names from the top; that of the inbox is INBOX as the source writes it.
func (x *spot) path(name func(*spot) string) []string {
	out := make([]string, x.depth)
	for ; x.depth > 0; x = x.parent {
		out[x.depth-1] = name(x)
	}
	return out
}

func rawName(x *spot) string { return x.raw }

func shownName(x *spot) string { return x.text }

func (x *spot) isInbox() bool { return x.depth == 1 && x.text == inboxName }

// key is the path in NFC: two folders of one key are one folder.
func (x *spot) key() string {
	return joinedKey(x.path(shownName))
}

// joinedKey makes one string of names that no other names give.
func joinedKey(names []string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(strconv.Itoa(len(n)))
		b.WriteByte(':')
		b.WriteString(n)
	}
	return b.String()
}

// special returns what the name says, where it stands at the top or right below one of places.
func (x *spot) special() (word, bool) {
	if x.isInbox() || x.depth > 2 || x.depth == 2 && !slices.ContainsFunc(places, func(p string) bool { return strings.EqualFold(p, x.parent.text) }) {
		return word{}, false
	}
	w, ok := dictionary[Fold(x.text)]
	return w, ok
}

// known are the roles that folders can have, in the order in which they are given places on the target.
var known = []migrate.Role{migrate.RoleArchive, migrate.RoleDrafts, migrate.RoleJunk, migrate.RoleSent, migrate.RoleTrash, migrate.RoleTemplates,
	migrate.RoleOutbox}

func isKnown(r migrate.Role) bool { return r == migrate.RoleInbox || slices.Contains(known, r) }

// claim finds out the roles of a source's folders. What the client says counts for all of them. A name counts only for a role that the client gave
// to no folder, and for one folder: at the top before others, then the one whose language has more of the mailbox's names.
func (s *source) claim(folders []migrate.SourceFolder) {
	taken := map[migrate.Role]bool{}
	var names tally
	var by []*spot
	for _, x := range s.spots {
		said := false
		for _, i := range x.listed {
			if r := folders[i].Role; isKnown(r) {
				s.claims[i] = claim{role: r, client: true}
				taken[r], said = true, true
			}
		}
		if _, ok := x.special(); ok && len(x.listed) > 0 {
			names.add(x.text)
			if !said {
				by = append(by, x)
			}
		}
	}
	best := map[migrate.Role]candidate{}
	for _, x := range by {
		w, _ := x.special()
		lang, votes, ok := names.believe(w)
		if !ok || taken[w.role] {
			continue
		}
		c := candidate{x, lang, votes}
		if b, ok := best[w.role]; !ok || c.compare(b) < 0 {
			best[w.role] = c
		}
	}
	for _, x := range by {
		w, _ := x.special()
		if b, ok := best[w.role]; ok && b.key() == x.key() {
			for _, i := range x.listed {
				s.claims[i] = claim{role: w.role, language: languageName(b.lang)}
			}
		}
	}
	for _, x := range s.spots {
		x.claim = s.whole(x)
	}
}

type candidate struct {
	*spot
	lang, votes int
}

func (c candidate) compare(b candidate) int {
	w, _ := c.special()
	own := ownName(w.role)
	return cmp.Or(cmp.Compare(c.depth, b.depth), cmp.Compare(b.votes, c.votes), firstIf(c.text == own, b.text == own),
		slices.Compare(c.path(shownName), b.path(shownName)))
}

// whole is what a spot is to the folders below it: the role of all its mail. Mail that waits to be sent can lie in any folder and makes none an outbox;
// INBOX is INBOX whatever lies in it.
func (s *source) whole(x *spot) claim {
	var out claim
	for _, i := range x.listed {
		c := s.claims[i]
		if c.role == "" || x.isInbox() {
			return claim{}
		}
		if c.role != migrate.RoleOutbox && (out.role == "" || c.compare(out) < 0) {
			out = c
		}
	}
	return out
}
