package sieve

import (
	"strings"

	"github.com/foxcpp/go-sieve/parser"
)

// test is a condition that can be checked.
type test func(*run) (bool, error)

func always(*run) (bool, error) { return true, nil }
func never(*run) (bool, error)  { return false, nil }

// test compiles one test. It is never nil.
func (c *compiler) test(t parser.Test) test {
	id := strings.ToLower(t.Id)
	if ext := testExtension[id]; ext != "" && !c.needs(t.Position, id, ext) {
		return never
	}
	if id != "allof" && id != "anyof" && id != "not" && len(t.Tests) > 0 {
		c.errorf(t.Tests[0].Position, `%s takes no test; is a "(" or a "," missing before %s?`, id, t.Tests[0].Id)
		return never
	}
	switch id {
	case "true", "false":
		c.arguments(id, t.Position, t.Args).want(0)
		if id == "true" {
			return always
		}
		return never
	case "not", "allof", "anyof":
		return c.joined(id, t)
	case "size":
		return c.sizeTest(t)
	case "exists":
		return c.existsTest(t)
	case "header":
		return c.headerTest(t)
	case "address":
		return c.addressTest(t)
	case "envelope":
		return c.envelopeTest(t)
	case "string":
		return c.stringTest(t)
	case "hasflag":
		return c.hasflagTest(t)
	case "date", "currentdate":
		return c.dateTest(id, t)
	case "body":
		return c.bodyTest(t)
	case "mailboxexists":
		c.arguments(id, t.Position, t.Args).want(1)
		return always
	case "environment":
		return c.environmentTest(t)
	case "spamtest", "virustest":
		return c.spamTest(id, t)
	default:
		c.unknownWord(t.Position, t.Id, "test")
		return never
	}
}

func (c *compiler) joined(id string, t parser.Test) test {
	c.arguments(id, t.Position, t.Args).want(0)
	var all []test
	for _, inner := range t.Tests {
		all = append(all, c.test(inner))
	}
	if len(all) == 0 || id == "not" && len(all) > 1 {
		c.errorf(t.Position, "%s takes %s", id, map[string]string{"not": "one test", "allof": "tests in parentheses", "anyof": "tests in parentheses"}[id])
		return never
	}
	if id == "not" {
		return func(r *run) (bool, error) {
			ok, err := all[0](r)
			return !ok, err
		}
	}
	decides := id == "anyof" // the first test with this outcome decides, and the others aren't run (RFC 5229 3.2)
	return func(r *run) (bool, error) {
		for _, check := range all {
			if ok, err := check(r); ok == decides || err != nil {
				return ok, err
			}
		}
		return !decides, nil
	}
}

// sizeTest is RFC 5228 5.9. The size is that of the message with CRLF line ends.
func (c *compiler) sizeTest(t parser.Test) test {
	a := c.arguments("size", t.Position, t.Args, "over", "under")
	if !a.want(0) {
		return never
	}
	if a.has("over") == a.has("under") {
		c.errorf(t.Position, "size needs :over or :under with a number")
		return never
	}
	if over := int64(a.number("over")); a.has("over") {
		return func(r *run) (bool, error) { return r.message.Body.Len() > over, nil }
	}
	under := int64(a.number("under"))
	return func(r *run) (bool, error) { return r.message.Body.Len() < under, nil }
}

// existsTest is RFC 5228 5.5.
func (c *compiler) existsTest(t parser.Test) test {
	a := c.arguments("exists", t.Position, t.Args)
	if !a.want(1) {
		return never
	}
	names := a.templates(0)
	return func(r *run) (bool, error) {
		for _, name := range names {
			if err := r.spend(1, 16); err != nil {
				return false, err
			}
			if len(r.header.named(name.expand(r))) == 0 {
				return false, nil
			}
		}
		return true, nil
	}
}

// fields are the fields that a test names, as :index and :last narrow them (RFC 5260 6).
func (a *arguments) fields(names []*template) func(*run) []*field {
	index, last := a.number("index"), a.has("last")
	if last && !a.has("index") {
		a.errorf(a.pos, ":last needs :index")
	}
	if a.has("index") && index < 1 {
		a.errorf(a.pos, ":index counts from 1")
	}
	return func(r *run) []*field {
		var out []*field
		for _, name := range names {
			out = append(out, r.header.named(name.expand(r))...)
		}
		r.charge(len(out), 8)
		if index == 0 {
			return out
		}
		at := index - 1
		if last {
			at = len(out) - index
		}
		if at < 0 || at >= len(out) {
			return nil
		}
		return out[at : at+1]
	}
}

// headerTest is RFC 5228 5.7.
func (c *compiler) headerTest(t parser.Test) test {
	a := c.arguments("header", t.Position, t.Args, append([]string{"index", "last"}, matchTags...)...)
	if !a.want(2) {
		return never
	}
	fields, m := a.fields(a.templates(0)), a.matcher(a.templates(1))
	return func(r *run) (bool, error) {
		return m.any(r, func(yield func(string) bool) {
			for _, f := range fields(r) {
				if !yield(f.decoded()) {
					return
				}
			}
		})
	}
}

// stringTest is RFC 5229 5. Nothing is stripped; an empty string counts 0.
func (c *compiler) stringTest(t parser.Test) test {
	a := c.arguments("string", t.Position, t.Args, matchTags...)
	if !a.want(2) {
		return never
	}
	sources, m := a.templates(0), a.matcher(a.templates(1))
	return func(r *run) (bool, error) {
		return m.any(r, func(yield func(string) bool) {
			for _, source := range sources {
				if s := source.expand(r); (s != "" || m.how != "count") && !yield(s) {
					return
				}
			}
		})
	}
}

// hasflagTest is RFC 5232 4.
func (c *compiler) hasflagTest(t parser.Test) test {
	a := c.arguments("hasflag", t.Position, t.Args, matchTags...)
	names, flags := c.flagArguments(a)
	if flags == nil {
		return never
	}
	m := a.matcher(flags)
	return func(r *run) (bool, error) {
		// The keys are words, too, and the words of variables are known only now.
		asked := *m
		asked.keys, asked.ready = nil, nil
		for _, s := range expandAll(r, m.keys) {
			for _, word := range strings.Fields(s) {
				k, err := m.key(word)
				if err == nil {
					err = r.spend(1, k.made)
				}
				if err != nil {
					return false, err
				}
				asked.keys, asked.ready = append(asked.keys, &template{text: word}), append(asked.ready, k)
			}
		}
		return asked.any(r, func(yield func(string) bool) {
			for _, name := range names {
				for _, f := range r.flagsOf(name) {
					if !yield(string(f)) {
						return
					}
				}
			}
		})
	}
}

// environmentTest is RFC 5183. An item that isn't known matches nothing.
func (c *compiler) environmentTest(t parser.Test) test {
	a := c.arguments("environment", t.Position, t.Args, matchTags...)
	if !a.want(2) {
		return never
	}
	items := map[string]string{"name": "poplift", "phase": "post"}
	names, m := a.templates(0), a.matcher(a.templates(1))
	return func(r *run) (bool, error) {
		return m.any(r, func(yield func(string) bool) {
			for _, name := range names {
				if v, ok := items[strings.ToLower(name.expand(r))]; ok && !yield(v) {
					return
				}
			}
		})
	}
}

// spamTest is RFC 5235 3: "0" is a message that was not tested, and no server's verdict is known here.
func (c *compiler) spamTest(id string, t parser.Test) test {
	tags := matchTags
	if id == "spamtest" {
		tags = append([]string{"percent"}, tags...)
	}
	a := c.arguments(id, t.Position, t.Args, tags...)
	if !a.want(1) {
		return never
	}
	m := a.matcher(a.templates(0))
	return func(r *run) (bool, error) {
		return m.any(r, func(yield func(string) bool) {
			if m.how != "count" { // RFC 5235 3.1: what was not tested counts 0
				yield("0")
			}
		})
	}
}
