package route

import (
	"fmt"
	"slices"

	"poplift/migrate"
)

// Options are the user's rules. Their zero value has none.
type Options struct {
	// Include are patterns: with any, only folders that one of them means, and those below, have their mail copied. Exclude leaves out what
	// its patterns mean, and what is below.
	Include, Exclude []string
	// Map sends folders where the user wants them, and those below along. Of rules that mean one folder the first counts.
	Map []Rule
	// Into puts everything below one folder of the target, written like the right side of a rule; INBOX becomes that folder itself, and no role
	// of the target is used. What Map says goes before.
	Into string
}

// Engine is the Router. It holds nothing but the rules and may be used by several goroutines.
type Engine struct {
	include, exclude []*pattern
	rules            *rules
	into             *goal
}

var _ migrate.Router = (*Engine)(nil)

// New reads the rules. Its errors wrap a *SyntaxError.
func New(o Options) (*Engine, error) {
	e := &Engine{rules: indexRules(slices.Clone(o.Map))}
	for _, x := range []struct {
		what string
		from []string
		to   *[]*pattern
	}{{"include", o.Include, &e.include}, {"exclude", o.Exclude, &e.exclude}} {
		for _, s := range x.from {
			p, err := parsePattern(s)
			if err != nil {
				return nil, fmt.Errorf("route: %s %q: %w", x.what, s, err)
			}
			*x.to = append(*x.to, p)
		}
	}
	if o.Into != "" {
		p := parser{s: o.Into}
		p.blanks()
		g, err := p.goal()
		if err == nil && (g.skip || len(wildcards(g.parts)) > 0) {
			err = p.errorAt(0, "it must be the name of one folder")
		}
		if err != nil {
			return nil, fmt.Errorf("route: into %q: %w", o.Into, err)
		}
		e.into = &g
	}
	return e, nil
}

// via says what sent a folder where it goes.
type via uint8

const (
	viaName via = iota
	viaRole
	viaInto
	viaMap
)

// dest is where a folder goes: its own mail to node, and what lies below it to below.
type dest struct {
	node, below *node
	via         via
	// claim is the role that sent it, with viaRole.
	claim claim
	// inherited says that a folder above was sent, and this one goes along.
	inherited bool
	// left says why the mail is left out.
	left string
}

// Route says where the folders' mail goes.
func (e *Engine) Route(l migrate.Layout, folders []migrate.SourceFolder) ([]migrate.Way, error) {
	f := newForest()
	p := &plan{engine: e, forest: f, folders: folders, sources: readSources(folders), dests: make([]dest, len(folders))}
	p.claimRoles()
	for _, s := range p.sources {
		p.place(s)
	}
	for _, d := range p.dests {
		if d.node != nil {
			f.bring(d.node)
		}
	}
	n := newNamer(l, f)
	n.nameRoots(p.homes)
	n.nameAll()
	return p.ways(n.boxes), nil
}
