package route

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/text/unicode/norm"

	"poplift/migrate"
)

// kind says what a node is. The order is the one in which nodes of one parent get their names.
type kind uint8

const (
	// topNode holds what lies at the top, inboxNode is INBOX, roleNode the target's folder of a role, exactNode one that the user named in the
	// target's own words. They are the roots.
	topNode kind = iota
	inboxNode
	roleNode
	exactNode
	// plainNode is a folder below another.
	plainNode
	// sameNode is its parent once more, for INBOX's children under --into: they go where INBOX goes, and are still not the others' brothers.
	sameNode
	// insideNode takes the mail of its parent, where that can hold only folders.
	insideNode
)

// node is a folder of the target by what it is, before it has a name. Source folders that come to one node share a folder by a rule; two nodes
// never do, unless the user's map or a role says so.
type node struct {
	kind   kind
	parent *node
	// comp is the folder's own name, in NFC; of an exactNode the whole one.
	comp  string
	role  migrate.Role
	level int
	// sum stands for all of the path.
	sum [sha256.Size]byte
	// order is the node's place among those of its level.
	order int
	// mail says that source folders come here, kids that some come below it. mapped says that the user's map named it, onMap
	// that it named something below.
	mail, kids, mapped, onMap bool
	// says is the role that the name of a folder without one tells.
	says migrate.Role

	naming
	// same is the node whose folder this one shares.
	same *node
}

// folder returns the whole name of the folder that the node's mail goes to.
func (x *node) folder() string {
	for x.same != nil {
		x = x.same
	}
	return x.box
}

// naming is what a node's name is made of.
type naming struct {
	// name is the whole name, which nodes below continue; box is where the mail goes, mostly the same. want is the name if nothing else had it,
	// key the same folded.
	name, box, want, key string
	// in is what the name begins with: the prefix, or the name of the node that it lies below and the delimiter. host is that node, nil above
	// the roots.
	in       string
	inOctets int
	host     *node
	// leaf is the rest of the name, long the same before it was shortened or kept apart.
	leaf, long string
	// foreign says that the name, or one before it, is written otherwise than the node's.
	foreign bool
	notes   []string
}

type childKey struct {
	parent *node
	kind   kind
	comp   string
}

// forest has all nodes of one routing.
type forest struct {
	top, inbox *node
	roles      map[migrate.Role]*node
	exact      map[string]*node
	children   map[childKey]*node
	// levels has the nodes by how deep they are below their root, which are levels[0].
	levels [][]*node
}

func newForest() *forest {
	f := &forest{roles: map[migrate.Role]*node{}, exact: map[string]*node{}, children: map[childKey]*node{}}
	f.top, f.inbox = root(topNode, ""), root(inboxNode, inboxName)
	f.inbox.role = migrate.RoleInbox
	return f
}

func root(k kind, comp string) *node {
	return &node{kind: k, comp: comp, sum: sha256.Sum256([]byte{byte(k)})}
}

func (f *forest) ofRole(r migrate.Role) *node {
	if r == migrate.RoleInbox {
		return f.inbox
	}
	if f.roles[r] == nil {
		n := root(roleNode, "")
		n.role, n.sum = r, sha256.Sum256([]byte("role "+r))
		f.roles[r] = n
	}
	return f.roles[r]
}

func (f *forest) ofExact(name string, role migrate.Role) *node {
	if isInbox(name) {
		return f.inbox
	}
	if f.exact[name] == nil {
		f.exact[name] = root(exactNode, name)
		f.exact[name].sum = sha256.Sum256([]byte("exact " + name))
	}
	n := f.exact[name]
	n.mapped = true
	if n.role == "" {
		n.role = role
	}
	return n
}

// child returns the folder of that name below n.
func (f *forest) child(n *node, name string) *node {
	return f.grow(n, plainNode, norm.NFC.String(name))
}

func (f *forest) grow(n *node, k kind, comp string) *node {
	key := childKey{n, k, comp}
	if c, ok := f.children[key]; ok {
		return c
	}
	c := &node{kind: k, parent: n, comp: comp, level: n.level + 1}
	h := sha256.New()
	h.Write(n.sum[:])
	h.Write(binary.AppendUvarint([]byte{byte(k)}, uint64(len(comp))))
	h.Write([]byte(comp))
	h.Sum(c.sum[:0])
	f.children[key] = c
	return c
}

// bring says that mail comes to n. Only nodes on the way of mail get names.
func (f *forest) bring(n *node) {
	if n.mail {
		return
	}
	if n.mail = true; !n.kids {
		f.enlist(n)
	}
	for up := n.parent; up != nil && !up.kids; up = up.parent {
		if up.kids = true; !up.mail {
			f.enlist(up)
		}
	}
}

func (f *forest) enlist(n *node) {
	for len(f.levels) <= n.level {
		f.levels = append(f.levels, nil)
	}
	f.levels[n.level] = append(f.levels[n.level], n)
}

// within returns what lies below n along names. From the top, INBOX leads to the inbox.
func (f *forest) within(n *node, names []string) *node {
	if n == f.top && len(names) > 0 && isInbox(names[0]) {
		n, names = f.inbox, names[1:]
	}
	for _, x := range names {
		n = f.child(n, x)
	}
	return n
}
