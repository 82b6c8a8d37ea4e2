package route

import (
	"slices"
	"strings"

	"poplift/migrate"
)

// Rule is one line of the user's map: folders of the source, and where they go.
type Rule struct {
	// source is the one that it is for; empty for every one.
	source string
	from   pattern
	to     goal
}

// goal is where a rule sends folders.
type goal struct {
	// skip leaves them out.
	skip bool
	// exact is the target's own whole name.
	exact string
	// role is that of the target's folder which parts are below, or with exact what that folder is for.
	role  migrate.Role
	parts []part
}

// ParseRule reads LEFT=RIGHT as --map has it. See the package's comment for the language.
func ParseRule(s string) (Rule, error) {
	return (&parser{s: s}).rule()
}

func (p *parser) rule() (r Rule, err error) {
	start := p.pos
	if r.from, err = p.pattern(); err != nil {
		return r, err
	}
	if p.peek() != '=' {
		return r, p.errorAt(p.pos, `"=" is missing: FOLDER=WHERE IT GOES`)
	}
	r.from.text = strings.TrimSpace(p.s[start:p.pos])
	p.pos++
	p.blanks()
	at := p.pos
	if r.to, err = p.goal(); err != nil {
		return r, err
	}
	if right := wildcards(r.to.parts); len(right) > 0 && !slices.Equal(right, wildcards(r.from.parts)) {
		return r, p.errorAt(at, `the right side must have the same "*" and "**" in the same order as the left, or none`)
	}
	return r, nil
}

// pattern reads the left side.
func (p *parser) pattern() (pattern, error) {
	p.blanks()
	start := p.pos
	s, err := p.readSide(true)
	if err != nil {
		return pattern{}, err
	}
	out := pattern{text: strings.TrimSpace(p.s[start:p.pos]), parts: s.parts, role: s.behind}
	if len(s.parts) == 0 {
		out.role = s.before
	}
	return out, nil
}

// goal reads the right side.
func (p *parser) goal() (g goal, err error) {
	if p.peek() == '"' {
		if g.exact, err = p.quoted(); err != nil {
			return g, err
		}
		p.blanks()
		g.role, _ = p.role()
		if p.blanks(); !p.ended() {
			return g, p.errorAt(p.pos, "nothing but a role can stand behind the closing quote")
		}
		return g, nil
	}
	if p.peek() == '-' {
		at := p.pos
		p.pos++
		if p.blanks(); p.ended() {
			return goal{skip: true}, nil
		}
		p.pos = at
	}
	at := p.pos
	s, err := p.readSide(false)
	if err == nil && s.behind != "" {
		err = p.errorAt(at, `a role can follow only a name in double quotes; \Sent/Old is a folder below the target's`)
	}
	return goal{role: s.before, parts: s.parts}, err
}

// ParsePattern checks a pattern as --include, --exclude and the left side of a rule have it.
func ParsePattern(s string) error {
	_, err := parsePattern(s)
	return err
}

func parsePattern(s string) (*pattern, error) {
	p := parser{s: s}
	out, err := p.pattern()
	if err == nil && p.peek() == '=' {
		err = p.errorAt(p.pos, `"\=" is an equals sign in a name`)
	}
	return &out, err
}

// rules finds the one for a folder.
type rules struct {
	// exact and folded have those that name one folder, patterns the others in their order.
	exact, folded map[string][]*Rule
	patterns      []*Rule
}

// indexRules keeps the order, except that among rules that name the same folder the one that says more of it goes first.
func indexRules(list []Rule) *rules {
	out := &rules{exact: map[string][]*Rule{}, folded: map[string][]*Rule{}}
	for i := range list {
		r := &list[i]
		names, literal := r.from.literal()
		if !literal {
			out.patterns = append(out.patterns, r)
			continue
		}
		k := joinedKey(names)
		out.exact[k] = append(out.exact[k], r)
		for i, x := range r.from.parts {
			names[i] = x.folded[0]
		}
		k = joinedKey(names)
		out.folded[k] = append(out.folded[k], r)
	}
	for _, m := range []map[string][]*Rule{out.exact, out.folded} {
		for _, list := range m {
			slices.SortStableFunc(list, func(a, b *Rule) int { return b.weight() - a.weight() })
		}
	}
	return out
}

func (r *Rule) weight() int {
	w := 0
	if r.from.role != "" {
		w = 2
	}
	if r.source != "" {
		w++
	}
	return w
}

// find returns the rule for a folder, and the names that its right side gives. A rule that would give an empty name is no rule for that folder.
func (x *rules) find(source string, at *spot, role migrate.Role) (*Rule, []string) {
	if len(x.exact) == 0 && len(x.patterns) == 0 {
		return nil, nil
	}
	path := at.path(rawName)
	first := func(rules []*Rule, names []name, fold bool) (*Rule, []string) {
		for _, r := range rules {
			if to, ok := r.apply(source, names, fold, role); ok {
				return r, to
			}
		}
		return nil, nil
	}
	exact := all(path, exactName)
	if r, to := first(x.exact[joinedKey(path)], exact, false); r != nil {
		return r, to
	}
	folded := all(path, foldedName)
	keys := make([]string, len(path))
	for i, n := range folded {
		keys[i] = n.key
	}
	if r, to := first(x.folded[joinedKey(keys)], folded, true); r != nil {
		return r, to
	}
	if r, to := first(x.patterns, exact, false); r != nil {
		return r, to
	}
	return first(x.patterns, folded, true)
}

func all(path []string, as func(string) name) []name {
	out := make([]name, len(path))
	for i, n := range path {
		out[i] = as(n)
	}
	return out
}

func (r *Rule) apply(source string, names []name, fold bool, role migrate.Role) ([]string, bool) {
	if r.source != "" && r.source != source {
		return nil, false
	}
	caps, ok := r.from.matches(names, fold, role)
	if !ok || len(r.to.parts) == 0 {
		return nil, ok
	}
	return fill(r.to.parts, caps)
}

// matches is match with the role.
func (p *pattern) matches(names []name, fold bool, role migrate.Role) ([]capture, bool) {
	if p.role != "" && p.role != role {
		return nil, false
	}
	if len(p.parts) == 0 {
		return nil, true
	}
	return p.match(names, fold)
}

// means says whether a folder is meant, by its exact name or by its folded one.
func (p *pattern) means(path []string, role migrate.Role) bool {
	if _, ok := p.matches(all(path, exactName), false, role); ok {
		return true
	}
	_, ok := p.matches(all(path, foldedName), true, role)
	return ok
}
