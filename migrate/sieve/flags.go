package sieve

import (
	"slices"
	"strings"

	"github.com/foxcpp/go-sieve/parser"

	"poplift/migrate"
)

// maxFlags and maxFlag bound the flags of a message, whose names may come out of its header.
const (
	maxFlags = 64
	maxFlag  = 128
)

// systemFlags are those that can be set (RFC 5232 2). All others that begin with a backslash are ignored.
var systemFlags = []migrate.Flag{migrate.Seen, migrate.Answered, migrate.Flagged, migrate.Draft, migrate.Deleted}

// flagsIn reads lists of flags, of which each string may have several (RFC 5232 2). What is no flag is left out, and what is there already,
// in any case.
func (r *run) flagsIn(list []string) []migrate.Flag {
	var out []migrate.Flag
	for _, s := range list {
		r.charge(len(s), 16)
		for _, word := range strings.Fields(s) {
			f, ok := flagOf(word)
			if ok && len(out) < maxFlags && !hasFlag(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}

func flagOf(word string) (migrate.Flag, bool) {
	for _, f := range systemFlags {
		if strings.EqualFold(word, string(f)) {
			return f, true
		}
	}
	for _, c := range []byte(word) { // a keyword is an atom (RFC 3501 9)
		if c <= ' ' || c > '~' || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return "", false
		}
	}
	return migrate.Flag(word), len(word) <= maxFlag
}

func hasFlag(flags []migrate.Flag, f migrate.Flag) bool {
	return slices.ContainsFunc(flags, func(g migrate.Flag) bool { return strings.EqualFold(string(f), string(g)) })
}

// flagArguments are an optional variable name, or a list of such, and a list of flags (RFC 5232 3). The name "" is the internal variable.
func (c *compiler) flagArguments(a *arguments) (names []string, flags []*template) {
	if len(a.list) != 2 {
		if !a.want(1) {
			return nil, nil
		}
		return []string{""}, a.templates(0)
	}
	if !a.want(2) || !c.needs(a.pos, "the variable of "+a.name, "variables") {
		return nil, nil
	}
	for _, t := range a.templates(0) {
		name, err := c.variableName(t)
		if err != nil {
			c.errorf(a.pos, "%v", err)
		}
		names = append(names, name)
	}
	return names, a.templates(1)
}

// changeFlags is setflag, addflag and removeflag (RFC 5232 3.1 to 3.3).
func (c *compiler) changeFlags(id string, cmd parser.Cmd) action {
	a := c.arguments(id, cmd.Position, cmd.Args)
	a.noTests(cmd.Tests)
	names, list := c.flagArguments(a)
	if list == nil {
		return nil
	}
	if len(names) > 1 || len(a.list) == 2 && !isKind(a.list[0], aString) {
		c.errorf(cmd.Position, "%s changes one variable", id)
		return nil
	}
	return func(r *run) error {
		flags := r.flagsIn(expandAll(r, list))
		switch old := r.flagsOf(names[0]); id {
		case "addflag":
			for _, f := range flags {
				if !hasFlag(old, f) && len(old) < maxFlags {
					old = append(slices.Clip(old), f)
				}
			}
			flags = old
		case "removeflag":
			flags = slices.DeleteFunc(slices.Clone(old), func(f migrate.Flag) bool { return hasFlag(flags, f) })
		}
		r.setFlags(names[0], flags)
		return r.spend(maxFlags, 8)
	}
}

// flagsOf are the flags in a variable.
func (r *run) flagsOf(name string) []migrate.Flag {
	if name == "" {
		return r.flags
	}
	return r.flagsIn([]string{r.variables[name]})
}

func (r *run) setFlags(name string, flags []migrate.Flag) {
	if name == "" {
		r.flags = flags
		return
	}
	words := make([]string, len(flags))
	for i, f := range flags {
		words[i] = string(f)
	}
	r.set(name, strings.Join(words, " "))
}
