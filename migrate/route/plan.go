package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"poplift/migrate"
)

// plan is the work of one Route.
type plan struct {
	engine  *Engine
	forest  *forest
	folders []migrate.SourceFolder
	sources []*source
	dests   []dest
	// homes are the names that the target's folders of a role get where it has none, and byPath the roles of paths.
	homes  map[migrate.Role]string
	byPath map[string]claim
	// deepest is how deep the paths in byPath are at most.
	deepest int
}

// claimRoles finds the roles of all sources' folders, and what the target's folders of these roles would be called.
func (p *plan) claimRoles() {
	p.homes, p.byPath = map[migrate.Role]string{}, map[string]claim{}
	tops := map[migrate.Role][]home{}
	for _, s := range p.sources {
		s.claim(p.folders)
		for _, x := range s.spots {
			for _, i := range x.listed {
				c := s.claims[i]
				if c.role != "" {
					p.homes[c.role] = ownName(c.role)
				}
				if c.role == "" || c.role != x.claim.role {
					continue
				}
				if x.depth == 1 && fitsRole(x.text, c.role) {
					tops[c.role] = append(tops[c.role], home{c.client, x.text})
				}
				if b, ok := p.byPath[x.key()]; !ok || c.compare(b) < 0 {
					p.byPath[x.key()] = c
					p.deepest = max(p.deepest, x.depth)
				}
			}
		}
	}
	used := map[string]bool{}
	for _, r := range known {
		tops[r] = slices.DeleteFunc(tops[r], func(h home) bool { return used[Fold(h.text)] })
		if len(tops[r]) > 0 {
			p.homes[r] = slices.MinFunc(tops[r], func(a, b home) int { return a.compare(b, ownName(r)) }).text
			used[Fold(p.homes[r])] = true
		}
	}
}

func (c claim) compare(b claim) int {
	return cmp.Or(firstIf(c.client, b.client), cmp.Compare(slices.Index(known, c.role), slices.Index(known, b.role)), cmp.Compare(c.language, b.language))
}

// firstIf puts what has a property before what hasn't.
func firstIf(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// home is a folder at the top whose name the target's folder of its role can have.
type home struct {
	client bool
	text   string
}

func (h home) compare(b home, own string) int {
	return cmp.Or(firstIf(h.client, b.client), firstIf(h.text == own, b.text == own), cmp.Compare(h.text, b.text))
}

// fitsRole says that a name doesn't tell another role, nor where such folders lie.
func fitsRole(name string, r migrate.Role) bool {
	key := Fold(name)
	w, ok := dictionary[key]
	return (!ok || w.role == r) && !slices.Contains(places, name) && !slices.ContainsFunc(known, func(o migrate.Role) bool { return o != r && key == Fold(ownName(o)) })
}

// ownName is what a folder of a role is called where nothing gives it another name. An outbox is always called so, lest it looks like sent mail.
func ownName(r migrate.Role) string { return strings.TrimPrefix(roleText(r), `\`) }

// place finds the destinations of a source's folders. Parents stand before their children in spots.
func (p *plan) place(s *source) {
	s.root.included = len(p.engine.include) == 0
	s.root.dest = dest{node: p.forest.top, below: p.forest.top}
	if g := p.engine.into; g != nil {
		names, _ := fill(g.parts, nil)
		n := p.reach(*g, names)
		s.root.dest = dest{node: n, below: n, via: viaInto}
	}
	for _, x := range s.spots {
		x.claim = p.joining(x, x.claim)
		x.included, x.excluded = p.filter(x, x.claim.role)
		x.dest = p.dest(s, x, x.claim)
		for _, i := range x.listed {
			p.dests[i] = x.dest
			c := p.joining(x, s.claims[i])
			included, excluded := x.included, x.excluded
			if c.role != x.claim.role {
				included, excluded = p.filter(x, c.role)
				p.dests[i] = p.dest(s, x, c)
			}
			switch {
			case excluded != nil:
				p.dests[i] = dest{left: fmt.Sprintf("excluded by %q", excluded.text)}
			case !included:
				p.dests[i] = dest{left: "not among what is included"}
			}
		}
	}
}

// joining gives a folder without a role that of the same path elsewhere, or of the folder whose name it has but for the case.
func (p *plan) joining(x *spot, c claim) claim {
	if c.role != "" || x.isInbox() {
		return c
	}
	if x.depth <= p.deepest {
		if c, ok := p.byPath[x.key()]; ok {
			return c
		}
	}
	if x.depth != 1 {
		return c
	}
	if w, ok := x.special(); ok && Fold(p.homes[w.role]) == Fold(x.text) {
		return claim{role: w.role, language: languageName(w.langs[0])}
	}
	for _, r := range []migrate.Role{migrate.RoleOutbox, migrate.RoleTemplates} {
		if x.text == p.homes[r] && x.text == ownName(r) {
			return claim{role: r, language: english.name}
		}
	}
	return c
}

// filter applies the patterns to a folder and to those above it.
func (p *plan) filter(x *spot, role migrate.Role) (included bool, excluded *pattern) {
	included, excluded = x.parent.included, x.parent.excluded
	if included && (excluded != nil || len(p.engine.exclude) == 0) {
		return included, excluded
	}
	path := x.path(rawName)
	included = included || slices.ContainsFunc(p.engine.include, func(y *pattern) bool { return y.means(path, role) })
	if i := slices.IndexFunc(p.engine.exclude, func(y *pattern) bool { return y.means(path, role) }); i >= 0 && excluded == nil {
		excluded = p.engine.exclude[i]
	}
	return included, excluded
}

// dest finds where one folder goes: by the map, by its role, or by its name below where its parent goes.
func (p *plan) dest(s *source, x *spot, c claim) dest {
	up := x.parent.dest
	if r, names := p.engine.rules.find(s.name, x, c.role); r != nil {
		if r.to.skip {
			return dest{via: viaMap, left: "left out by your map"}
		}
		n := p.reach(r.to, names)
		return dest{node: n, below: n, via: viaMap}
	}
	switch {
	case up.left != "":
		return dest{via: viaMap, left: up.left}
	case up.via == viaInto && x.isInbox():
		return dest{node: up.node, below: p.forest.grow(up.node, sameNode, ""), via: viaInto}
	case up.via == viaInto || up.via == viaMap:
		n := p.forest.child(up.below, x.text)
		return dest{node: n, below: n, via: up.via, inherited: true}
	case c.role != "":
		n := p.forest.ofRole(c.role)
		return dest{node: n, below: n, via: viaRole, claim: c}
	case x.isInbox():
		return dest{node: p.forest.inbox, below: p.forest.inbox}
	}
	n := p.forest.child(up.below, x.text)
	if w, ok := x.special(); ok {
		n.says = w.role
	}
	return dest{node: n, below: n, via: up.via, claim: up.claim, inherited: true}
}

// reach returns the node that a rule sends folders to.
func (p *plan) reach(g goal, names []string) *node {
	if g.exact != "" {
		return p.forest.ofExact(g.exact, g.role)
	}
	at := p.forest.top
	if g.role != "" {
		at = p.forest.ofRole(g.role)
	}
	n := p.forest.within(at, names)
	n.mapped = n.mapped || n.kind == plainNode
	for up := n.parent; up != nil && !up.onMap; up = up.parent {
		up.onMap = true
	}
	return n
}

// ways writes down what was found, in the order of the folders.
func (p *plan) ways(b *boxes) []migrate.Way {
	out := make([]migrate.Way, len(p.folders))
	roles := map[string]migrate.Role{}
	for i, d := range p.dests {
		w := &out[i]
		w.From = p.folders[i]
		if d.left != "" {
			w.Excluded = d.left
			continue
		}
		w.Name = d.node.folder()
		w.Create = !b.selectable(w.Name) && w.Name != inboxName
		w.Why = d.why(b)
		if r := d.node.role; r != "" && (roles[w.Name] == "" || slices.Index(known, r) < slices.Index(known, roles[w.Name])) {
			roles[w.Name] = r
		}
	}
	for i := range out {
		out[i].Role = roles[out[i].Name]
	}
	return out
}

// why says in a few words what chose the name.
func (d dest) why(b *boxes) string {
	var s string
	switch d.via {
	case viaMap:
		s = "your map"
	case viaInto:
		s = "below the folder you asked for"
	case viaRole:
		s = "the client's role"
		if !d.claim.client {
			s = "the name, in " + d.claim.language
		}
		if d.inherited && d.claim.role == migrate.RoleInbox {
			s = "the same name"
		} else if d.inherited {
			s = "below " + roleText(d.claim.role)
		} else if x := b.at(d.node.folder()); x != nil && x.Role == d.claim.role && d.claim.client {
			s = "the target's " + roleText(d.claim.role)
		} else if x != nil && x.Role == d.claim.role {
			s = "the target's " + roleText(d.claim.role) + " (" + s + ")"
		}
	default:
		s = "the same name"
		if d.node.kind == inboxNode {
			s = "the inbox"
		}
	}
	if d.inherited && d.via == viaMap {
		s += ", of a folder above"
	}
	return strings.Join(append([]string{s}, d.node.notes...), ", ")
}
