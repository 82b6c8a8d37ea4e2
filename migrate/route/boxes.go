package route

import (
	"slices"
	"strings"

	"poplift/migrate"
)

const inboxName = "INBOX"

// boxes finds the folders of a target by name.
type boxes struct {
	layout migrate.Layout
	exact  map[string]int
	// keys are the folded names in order, with their box; those of one key stand in the order of their names.
	keys []boxKey
	// prefixIsInbox says that the user's own folders are INBOX's children.
	prefixIsInbox bool
}

type boxKey struct {
	key string
	box int
}

func indexBoxes(l migrate.Layout) *boxes {
	b := &boxes{layout: l, exact: make(map[string]int, len(l.Boxes)), keys: make([]boxKey, 0, len(l.Boxes))}
	for i, x := range l.Boxes {
		if isInbox(x.Name) {
			x.Name = inboxName
		}
		if _, twice := b.exact[x.Name]; !twice {
			b.exact[x.Name] = i
			b.keys = append(b.keys, boxKey{Fold(x.Name), i})
		}
	}
	slices.SortFunc(b.keys, func(x, y boxKey) int {
		if c := strings.Compare(x.key, y.key); c != 0 {
			return c
		}
		return strings.Compare(l.Boxes[x.box].Name, l.Boxes[y.box].Name)
	})
	b.prefixIsInbox = l.Delimiter != "" && strings.EqualFold(l.Prefix, inboxName+l.Delimiter)
	return b
}

func isInbox(name string) bool { return strings.EqualFold(name, inboxName) }

// at returns the folder of exactly this name, or nil.
func (b *boxes) at(name string) *migrate.Box {
	if i, ok := b.exact[name]; ok {
		return &b.layout.Boxes[i]
	}
	return nil
}

// selectable says that mail can lie in the folder of exactly this name, which is there.
func (b *boxes) selectable(name string) bool {
	x := b.at(name)
	return x != nil && !x.NoSelect
}

// barred says that no mail can come to lie in the folder of exactly this name. Most that hold no mail are listed only for the sake of those below, and
// can be made (Dovecot 2.3, Courier 5.0); not so where a folder holds mail or others, and not Gmail's own.
func (b *boxes) barred(name string) bool {
	x := b.at(name)
	return x != nil && x.NoSelect && (b.layout.MailOrChildren || x.NoInferiors || !b.hasChildren(name) ||
		slices.Contains(places, strings.TrimPrefix(name, b.layout.Prefix)))
}

// alike returns the names of the folders that fold to key.
func (b *boxes) alike(key string) []string {
	var out []string
	for _, k := range b.keys[b.search(key):] {
		if k.key != key {
			break
		}
		out = append(out, b.layout.Boxes[k.box].Name)
	}
	return out
}

func (b *boxes) search(key string) int {
	i, _ := slices.BinarySearchFunc(b.keys, key, func(k boxKey, key string) int { return strings.Compare(k.key, key) })
	return i
}

// hasChildren says that there are folders below the one of this name, itself there or not.
func (b *boxes) hasChildren(name string) bool {
	if b.layout.Delimiter == "" {
		return false
	}
	below := Fold(name) + Fold(b.layout.Delimiter)
	i := b.search(below)
	if i < len(b.keys) && b.keys[i].key == below {
		i++ // "name/" is no child
	}
	return i < len(b.keys) && strings.HasPrefix(b.keys[i].key, below)
}

// places are the folders below which names are taken for special: there clients and servers put their own.
var places = []string{inboxName, "[Gmail]", "[Google Mail]"}

// special returns what the name of a folder says by its place and its last name: at the top, or right below one of places.
func (b *boxes) special(name string) (word, bool) {
	rest := name
	if p := b.layout.Prefix; len(p) <= len(name) && strings.EqualFold(name[:len(p)], p) {
		rest = name[len(p):]
	}
	if d := b.layout.Delimiter; d != "" {
		for _, p := range places {
			if top, leaf, ok := strings.Cut(rest, d); ok && strings.EqualFold(top, p) {
				rest = leaf
				break
			}
		}
		if strings.Contains(rest, d) {
			return word{}, false
		}
	}
	w, ok := dictionary[Fold(rest)]
	return w, ok
}

// implied returns the name as folders that are there have it, when some lie below a name that differs only in what folds away; key is the name folded.
func (b *boxes) implied(name, key string) string {
	d := b.layout.Delimiter
	if d == "" {
		return ""
	}
	below, exact, found := key+Fold(d), name+d, ""
	for _, k := range b.keys[b.search(below):] {
		if !strings.HasPrefix(k.key, below) {
			break
		}
		box := b.layout.Boxes[k.box].Name
		if strings.HasPrefix(box, exact) {
			return name
		}
		if found == "" {
			comps := strings.Split(box, d)
			found = strings.Join(comps[:min(len(comps), strings.Count(name, d)+1)], d)
		}
	}
	return found
}
