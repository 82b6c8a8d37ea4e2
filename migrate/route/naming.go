package route

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"

	"poplift/migrate"
)

// namer gives the nodes their names on one target. What decides is only what the nodes are and which folders were there that the nodes themselves
// don't make, so that a second run, with the first one's folders there, names them alike.
type namer struct {
	forest *forest
	boxes  *boxes
	speller
	delimiter string
	// owners has the nodes that got a name, by the folded name.
	owners map[string][]*node
	// containers has the folded names of nodes that only hold others.
	containers map[string]bool
	// next are the nodes of insideNode's kind for the level below.
	next []*node
}

func newNamer(l migrate.Layout, f *forest) *namer {
	n := &namer{forest: f, boxes: indexBoxes(l), speller: *newSpeller(l), delimiter: l.Delimiter, owners: map[string][]*node{}, containers: map[string]bool{}}
	f.top.in, f.top.name = l.Prefix, l.Prefix
	f.inbox.name, f.inbox.box, f.inbox.in, f.inbox.long, f.inbox.leaf = inboxName, inboxName, l.Prefix, inboxName, inboxName
	f.inbox.host = f.top
	n.own(f.inbox)
	return n
}

func (n *namer) own(x *node) {
	k := x.key
	if x.name != x.want {
		k = Fold(x.name)
	}
	n.owners[k] = append(n.owners[k], x)
}

// nameAll names all nodes but the roots, level by level.
func (n *namer) nameAll() {
	for level := 1; level < len(n.forest.levels) || len(n.next) > 0; level++ {
		var nodes []*node
		if level < len(n.forest.levels) {
			nodes = n.forest.levels[level]
		}
		nodes = append(nodes, n.next...)
		n.next = nil
		slices.SortFunc(nodes, byPlace)
		groups := map[string][]*node{}
		var keys []string
		for i, x := range nodes {
			x.order = i
			if n.propose(x); x.mail {
				if groups[x.key] == nil {
					keys = append(keys, x.key)
				}
				groups[x.key] = append(groups[x.key], x)
			}
		}
		for _, k := range keys {
			n.settle(k, groups[k])
		}
		for _, x := range nodes {
			if !x.mail {
				n.nameContainer(x)
			}
		}
	}
}

// byPlace is the order in which nodes get their names. Those below a folder that was found under another writing stand behind those whose it is.
func byPlace(a, b *node) int {
	return cmp.Or(firstIf(!a.parent.foreign, !b.parent.foreign), cmp.Compare(a.parent.kind, b.parent.kind), cmp.Compare(a.parent.order, b.parent.order),
		cmp.Compare(a.kind, b.kind), strings.Compare(a.comp, b.comp))
}

// propose finds the name that a node would have if nothing else had it.
func (n *namer) propose(x *node) {
	up := x.parent
	x.notes = nil
	switch x.kind {
	case sameNode:
		x.naming = up.naming
		return
	case insideNode:
		x.long = up.leaf
	default:
		x.long = n.spellBelow(up, x.comp)
	}
	if x.long != x.comp && x.kind == plainNode {
		x.notes = append(x.notes, "written so that the target takes it")
	}
	if n.holds(up) {
		x.host, x.in, x.inOctets = up, n.below(up), n.octetsBelow(up)
	} else {
		x.host, x.in, x.inOctets = up.host, up.in, up.inOctets
		x.long = n.bounded(up.long + string(joiner) + x.long)
		x.notes = append(x.notes, "beside the folder that it was in")
	}
	if literal := x.in + x.comp; x.kind == plainNode && x.host == up && n.literal(x.comp) {
		x.want, x.key = literal, Fold(literal)
		if n.boxes.at(literal) != nil || n.boxes.implied(literal, x.key) == literal {
			x.leaf, x.notes = x.comp, nil
			return
		}
	}
	x.leaf = x.long
	x.want = x.in + x.leaf
	if x.key = Fold(x.want); n.octets(x.leaf) > n.room(x) && len(n.boxes.alike(x.key)) == 0 {
		n.fit(x)
		x.want = x.in + x.leaf
		x.key = Fold(x.want)
	}
}

// spellBelow writes a name. INBOX right below INBOX is a name that Cyrus 3.6 doesn't take.
func (n *namer) spellBelow(up *node, comp string) string {
	if up.kind == inboxNode && isInbox(comp) {
		return string(quote) + comp
	}
	return n.bounded(n.spell(comp))
}

// bounded keeps more of a name than a target takes, so that it is shortened, and no more.
func (n *namer) bounded(long string) string { return clip(long, n.maxWhole+1) }

// literal says that a folder of just this name can only be this one's, since no name is ever written so.
func (n *namer) literal(comp string) bool {
	return comp != "" && !strings.Contains(comp, n.delimiter) && strings.ContainsFunc(comp, func(r rune) bool {
		return n.alike(r, true, true) != 0 || n.refused(r)
	})
}

// room is how long a node's leaf may be.
func (n *namer) room(x *node) int { return min(n.maxName, n.maxWhole-x.inOctets) }

// fit shortens a name that is too long.
func (n *namer) fit(x *node) {
	n.rise(x)
	if x.leaf = x.long; n.octets(x.leaf) > n.room(x) {
		x.leaf = n.shorten(x.long, x.sum, n.room(x))
	}
	x.notes = append(x.notes, "shortened")
}

// rise puts a folder beside the one that it was in, where the names before it leave too little room.
func (n *namer) rise(x *node) {
	for n.room(x) < minLength && x.host.host != nil {
		x.long = n.bounded(x.host.long + string(joiner) + x.long)
		x.in, x.inOctets, x.host = x.host.in, x.host.inOctets, x.host.host
	}
}

// below is what the names of folders below x begin with.
func (n *namer) below(x *node) string {
	switch {
	case x.kind == topNode:
		return x.in
	case x.kind != inboxNode:
		return x.name + n.delimiter
	case n.boxes.prefixIsInbox:
		return n.boxes.layout.Prefix
	}
	return n.boxes.layout.Prefix + inboxName + n.delimiter
}

func (n *namer) octetsBelow(x *node) int {
	if x.kind == topNode || x.kind == inboxNode && n.boxes.prefixIsInbox {
		return 0
	}
	return x.inOctets + n.octets(x.leaf) + len(n.delimiter)
}

// holds says that folders can lie below x.
func (n *namer) holds(x *node) bool {
	if x.kind == sameNode {
		return n.holds(x.parent)
	}
	if x.kind == topNode || n.delimiter == "" {
		return x.kind == topNode
	}
	if x.kind == inboxNode && n.boxes.prefixIsInbox {
		return true
	}
	box := n.boxes.at(x.name)
	if box != nil && box.NoInferiors {
		return false
	}
	if !n.boxes.layout.MailOrChildren || x.kind == inboxNode || n.boxes.hasChildren(x.name) {
		return true
	}
	return (box == nil || box.NoSelect) && !slices.ContainsFunc(n.owners[Fold(x.name)], func(o *node) bool { return o.box == x.name })
}

// settle names the nodes whose names a target might take for one. Whose folder stands by its exact name keeps it. Of the others the first gets
// the name, or the folder that is there under it; the rest are kept apart by a mark of their own.
func (n *namer) settle(key string, nodes []*node) {
	var rest []*node
	for _, x := range nodes {
		if n.stands(key, x.want) && n.ownerOf(key, x.want) == nil && !(x.kind == insideNode && n.boxes.barred(x.want)) {
			n.give(x, x.want)
		} else {
			rest = append(rest, x)
		}
	}
	for _, x := range rest {
		switch owner := n.ownerOf(key, x.want); {
		case owner != nil && x.joins(owner):
			x.naming, x.same = owner.naming, owner
		case len(n.owners[key]) > 0 || x.kind == insideNode && n.boxes.barred(x.want):
			n.keepApart(x, key)
		default:
			n.give(x, n.there(key, x.want))
		}
	}
}

// ownerOf returns the node that has a name exactly.
func (n *namer) ownerOf(key, name string) *node {
	if i := slices.IndexFunc(n.owners[key], func(o *node) bool { return o.name == name }); i >= 0 {
		return n.owners[key][i]
	}
	return nil
}

// joins says that two nodes of one name are meant to be one folder.
func (x *node) joins(owner *node) bool {
	if x.kind == insideNode || owner.kind == insideNode {
		return false
	}
	return x.mapped || owner.mapped || x.says != "" && x.says == owner.role
}

// stands says that there is a folder of exactly this name, listed or only by those below.
func (n *namer) stands(key, name string) bool {
	return n.boxes.at(name) != nil || n.boxes.implied(name, key) == name
}

// there returns the name as a folder has it that stands: this one, or one that differs only in what folds away.
func (n *namer) there(key, name string) string {
	if n.stands(key, name) {
		return name
	}
	alike := n.boxes.alike(key)
	for _, fits := range []func(string) bool{n.boxes.selectable, func(s string) bool { return !n.boxes.barred(s) }} {
		if i := slices.IndexFunc(alike, fits); i >= 0 {
			return alike[i]
		}
	}
	return append(alike, cmp.Or(n.boxes.implied(name, key), name))[0]
}

// keepApart gives a node a name that nothing else has.
func (n *namer) keepApart(x *node, key string) {
	other := x.want
	if len(n.owners[key]) > 0 {
		other = n.owners[key][0].name
	}
	x.notes = append(x.notes, "kept apart from "+other)
	n.rise(x)
	for sum := x.sum; ; sum = sha256.Sum256(sum[:]) {
		leaf := n.shorten(x.long, sum, n.room(x))
		if name := x.in + leaf; len(n.owners[Fold(name)]) == 0 && (x.kind != insideNode || !n.boxes.barred(name)) {
			n.give(x, name)
			return
		}
	}
}

// give names a node for good. Mail that can't lie in that folder goes into one of the same name inside.
func (n *namer) give(x *node, name string) {
	x.name = name
	x.in, x.leaf = n.split(name)
	x.foreign = x.parent.foreign || name != x.want && name == n.there(x.key, x.want)
	n.own(x)
	if x.kind == insideNode {
		x.box, x.parent.box = name, name
		x.parent.notes = append(x.parent.notes, "inside the folder of that name, which holds no mail")
		return
	}
	inside := &node{kind: insideNode, parent: x, comp: x.comp, level: x.level + 1, mail: true, sum: sha256.Sum256(append(x.sum[:], byte(insideNode)))}
	if n.boxes.barred(name) || n.holdsOnly(x, name) || n.entered(inside) {
		n.next = append(n.next, inside)
		return
	}
	x.box = name
}

// entered says that a folder is listed without mail and with one inside, as is made for mail that it can't hold.
func (n *namer) entered(inside *node) bool {
	if box := n.boxes.at(inside.parent.name); box == nil || !box.NoSelect {
		return false
	}
	n.propose(inside)
	return n.boxes.at(inside.want) != nil
}

// holdsOnly says that a folder of this name must hold others, on a target where it can't hold mail as well.
func (n *namer) holdsOnly(x *node, name string) bool {
	return n.boxes.layout.MailOrChildren && x.kind == plainNode && n.delimiter != "" && n.boxes.at(name) == nil &&
		(x.kids || n.containers[Fold(name)] || n.boxes.hasChildren(name))
}

// split parts a whole name into what its leaf stands below, and the leaf.
func (n *namer) split(name string) (in, leaf string) {
	if d := n.delimiter; d != "" {
		if i := strings.LastIndex(name, d); i >= 0 {
			return name[:i+len(d)], name[i+len(d):]
		}
		return "", name
	}
	rest, _ := strings.CutPrefix(name, n.boxes.layout.Prefix)
	return name[:len(name)-len(rest)], rest
}

// nameContainer names a folder that only holds others, like one that is there if there is one.
func (n *namer) nameContainer(x *node) {
	if x.kind == sameNode {
		return
	}
	x.name = n.there(x.key, x.want)
	x.in, x.leaf = n.split(x.name)
	x.foreign = x.parent.foreign || x.name != x.want
	if n.holds(x) {
		n.containers[Fold(x.name)] = true
	}
}
