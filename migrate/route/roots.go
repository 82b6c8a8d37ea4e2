package route

import (
	"cmp"
	"slices"
	"strings"

	"poplift/migrate"
)

// homes finds the target's folders of the roles. A folder that the target itself marks (SPECIAL-USE, RFC 6154) is always right. Where it marks none,
// one counts that is called so: first by the name that it would be given here, then by a name in any language. Those that folders without a role
// come to by their names don't count: they may be there only because an earlier run has made them.
type homes struct {
	*namer
	names map[migrate.Role]string
	// occupied has the folded names that folders without a role have, or that they make above them; chosen the names that the user's map gives.
	occupied map[string]bool
	chosen   []string
	// called has the folders that are called like those of a role, chosen ones among them.
	called map[migrate.Role][]string
}

// nameRoots names the folders that the user named and those of the roles. names are what the latter are called where they must be made.
func (n *namer) nameRoots(names map[migrate.Role]string) {
	if len(n.forest.levels) == 0 {
		return
	}
	roots := n.forest.levels[0]
	slices.SortFunc(roots, func(a, b *node) int {
		return cmp.Or(-cmp.Compare(a.kind, b.kind), cmp.Compare(slices.Index(known, a.role), slices.Index(known, b.role)), strings.Compare(a.comp, b.comp))
	})
	h := &homes{namer: n, names: names, occupied: map[string]bool{}, called: map[migrate.Role][]string{}}
	for i, x := range roots {
		if x.order = i; x.kind == exactNode {
			n.settleRoot(x, x.comp)
		}
	}
	h.survey()
	for _, x := range roots {
		if x.kind == roleNode {
			n.settleRoot(x, h.find(x))
		}
	}
}

func (n *namer) settleRoot(x *node, name string) {
	x.name, x.box = name, name
	x.in, x.leaf = n.split(name)
	x.long, x.host = x.leaf, n.forest.top
	x.inOctets = n.octets(strings.TrimPrefix(x.in, n.boxes.layout.Prefix))
	n.own(x)
}

// survey finds what folders without a role come to, and what is called like a role's folder.
func (h *homes) survey() {
	for level := 1; level <= 2 && level < len(h.forest.levels); level++ {
		for _, x := range h.forest.levels[level] {
			want, ok := h.wanted(x)
			if !ok {
				continue
			}
			if x.mapped || x.onMap && !x.mail {
				h.chosen = append(h.chosen, want)
			} else {
				h.occupied[Fold(want)] = true
			}
		}
	}
	slices.Sort(h.chosen)
	for _, name := range h.chosen {
		if w, ok := h.boxes.special(name); ok {
			h.called[w.role] = append(h.called[w.role], name)
		}
	}
	for _, b := range h.boxes.layout.Boxes {
		if w, ok := h.boxes.special(b.Name); ok && !b.NoSelect && (b.Role == "" || b.Role == w.role) && !h.occupied[Fold(b.Name)] {
			h.called[w.role] = append(h.called[w.role], b.Name)
		}
	}
}

// wanted returns the name that a node near the top will want.
func (h *homes) wanted(x *node) (string, bool) {
	switch {
	case x.kind != plainNode:
		return "", false
	case x.parent.kind == topNode || x.parent.kind == inboxNode:
		h.propose(x)
		return x.want, true
	case x.level == 2 && x.parent.parent.kind == topNode && slices.Contains(places, x.parent.comp):
		h.propose(x.parent)
		return x.parent.want + h.delimiter + h.spell(x.comp), true
	}
	return "", false
}

// find returns the name of the target's folder of a role.
func (h *homes) find(x *node) string {
	if name, ok := h.marked(x.role); ok {
		return name
	}
	name := h.names[x.role]
	if name == "" {
		name = ownName(x.role)
	}
	if at, ok := h.standing(x, h.atTop(x, name)); ok {
		return at
	}
	if list := slices.DeleteFunc(h.called[x.role], func(s string) bool { return !h.free(x, s) }); len(list) > 0 {
		return slices.MinFunc(list, func(a, b string) int { return h.compare(x.role, a, b) })
	}
	for _, name := range []string{name, ownName(x.role)} {
		if name := h.atTop(x, name); h.free(x, name) {
			return name
		}
	}
	for sum := x.sum; ; sum[0]++ {
		name := h.boxes.layout.Prefix + h.shorten(h.spell(ownName(x.role)), sum, min(h.maxName, h.maxWhole))
		if h.free(x, name) || sum[0]+1 == x.sum[0] {
			return name
		}
	}
}

// marked returns the folder that the target says has the role; of several, one that is called so, and near the top.
func (h *homes) marked(r migrate.Role) (string, bool) {
	var list []string
	for _, b := range h.boxes.layout.Boxes {
		if b.Role == r && !b.NoSelect && !isInbox(b.Name) {
			list = append(list, b.Name)
		}
	}
	if len(list) == 0 {
		return "", false
	}
	return slices.MinFunc(list, func(a, b string) int { return h.compare(r, a, b) }), true
}

// compare puts the name first that is more likely to be a role's.
func (h *homes) compare(r migrate.Role, a, b string) int {
	rank := func(name string) int {
		_, leaf := h.split(name)
		switch w, ok := h.boxes.special(name); {
		case ok && Fold(leaf) == Fold(ownName(r)):
			return 0
		case ok && w.role == r && w.english():
			return 1
		case ok && w.role == r:
			return 2
		}
		return 3
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// atTop spells the name of a role's folder at the top.
func (h *homes) atTop(x *node, name string) string {
	spelled := h.spell(name)
	if h.octets(spelled) > min(h.maxName, h.maxWhole) {
		spelled = h.shorten(spelled, x.sum, min(h.maxName, h.maxWhole))
	}
	return h.boxes.layout.Prefix + spelled
}

// standing finds a folder of this name that is there, or will be by the user's map.
func (h *homes) standing(x *node, name string) (string, bool) {
	key := Fold(name)
	if h.occupied[key] {
		return "", false
	}
	alike := append([]string{name}, h.boxes.alike(key)...)
	if i := slices.IndexFunc(alike, func(s string) bool { return h.usable(x, s) }); i >= 0 {
		return alike[i], true
	}
	i := slices.IndexFunc(h.chosen, func(s string) bool { return Fold(s) == key && h.free(x, s) })
	if i < 0 {
		return "", false
	}
	return h.chosen[i], true
}

// taken says that another role has the folder. What the user named may be a role's as well.
func (h *homes) taken(name string) bool {
	o := h.ownerOf(Fold(name), name)
	return o != nil && o.kind != exactNode
}

// usable says that a folder is there that can be the role's. One that only holds others is, as long as no mail comes to it.
func (h *homes) usable(x *node, name string) bool {
	return h.boxes.at(name) != nil && (!x.mail || !h.boxes.barred(name)) && !h.taken(name)
}

// free says that a folder of this name can be made, or is there, and that no folder without a role has a name so much like it.
func (h *homes) free(x *node, name string) bool {
	key := Fold(name)
	switch {
	case h.occupied[key]:
		return false
	case h.boxes.at(name) != nil:
		return h.usable(x, name)
	case x.mail && h.boxes.layout.MailOrChildren && h.boxes.hasChildren(name):
		return false
	}
	return len(h.boxes.alike(key)) == 0 && !slices.ContainsFunc(h.owners[key], func(o *node) bool { return o.kind != exactNode || o.name != name })
}
