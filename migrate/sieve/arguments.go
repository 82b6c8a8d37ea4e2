package sieve

import (
	"strings"

	"github.com/foxcpp/go-sieve/lexer"
	"github.com/foxcpp/go-sieve/parser"
)

// kind is what kind of value an argument is.
type kind uint8

const (
	noValue kind = iota
	aNumber
	aString
	aList // a string is a list of one
)

// tagged describes the tagged arguments by name, without the colon. Of one group only one may be given.
var tagged = map[string]struct {
	value            kind
	group, extension string
}{
	"is": {group: "match type"}, "contains": {group: "match type"}, "matches": {group: "match type"},
	"regex": {group: "match type", extension: "regex"},
	"value": {value: aString, group: "match type", extension: "relational"}, "count": {value: aString, group: "match type", extension: "relational"},
	"comparator": {value: aString},
	"all":        {group: "address part"}, "localpart": {group: "address part"}, "domain": {group: "address part"},
	"user": {group: "address part", extension: "subaddress"}, "detail": {group: "address part", extension: "subaddress"},
	"index": {value: aNumber, extension: "index"}, "last": {extension: "index"},
	"over": {value: aNumber, group: "limit"}, "under": {value: aNumber, group: "limit"},
	"zone": {value: aString, group: "zone"}, "originalzone": {group: "zone"},
	"raw": {group: "body transform"}, "text": {group: "body transform"}, "content": {value: aList, group: "body transform"},
	"copy": {extension: "copy"}, "create": {extension: "mailbox"}, "flags": {value: aList, extension: "imap4flags"},
	"mailboxid": {value: aString, extension: "mailboxid"}, "specialuse": {value: aString, extension: "special-use"},
	"lower": {group: "change of case"}, "upper": {group: "change of case"},
	"lowerfirst": {group: "change of the first letter"}, "upperfirst": {group: "change of the first letter"},
	"quotewildcard": {}, "length": {}, "percent": {extension: "spamtestplus"},
}

// arguments are those of one command or test.
type arguments struct {
	*compiler
	name string
	pos  lexer.Position
	tags map[string]parser.Arg // the value, or the tag itself where it has none
	list []parser.Arg          // the positional ones
}

// arguments sorts args; allowed are the tagged ones that the command knows. go-sieve's own rules let options be given twice, behind
// positional arguments, and without their values.
func (c *compiler) arguments(name string, pos lexer.Position, args []parser.Arg, allowed ...string) *arguments {
	a := &arguments{compiler: c, name: name, pos: pos, tags: map[string]parser.Arg{}}
	known := map[string]bool{}
	for _, n := range allowed {
		known[n] = true
	}
	groups := map[string]bool{}
	for i := 0; i < len(args); i++ {
		tag, ok := args[i].(parser.TagArg)
		if !ok {
			a.list = append(a.list, args[i])
			continue
		}
		n := strings.ToLower(tag.Value)
		t := tagged[n]
		switch {
		case !known[n]:
			c.unknownWord(tag.Position, ":"+n, "option of "+name)
			continue
		case len(a.list) > 0:
			c.errorf(tag.Position, ":%s must stand before the other arguments of %s", n, name)
		case a.tags[n] != nil:
			c.errorf(tag.Position, ":%s is given twice", n)
		case t.group != "" && groups[t.group]:
			c.errorf(tag.Position, ":%s is a second %s", n, t.group)
		}
		groups[t.group] = true
		c.needs(tag.Position, ":"+n, t.extension)
		a.tags[n] = tag
		if t.value == noValue {
			continue
		}
		if i++; i == len(args) || !isKind(args[i], t.value) {
			c.errorf(tag.Position, ":%s needs %s", n, kindName(t.value))
			delete(a.tags, n)
			i--
			continue
		}
		a.tags[n] = args[i]
	}
	return a
}

func isKind(arg parser.Arg, k kind) bool {
	switch arg.(type) {
	case parser.NumberArg:
		return k == aNumber
	case parser.StringArg:
		return k == aString || k == aList
	case parser.StringListArg:
		return k == aList
	}
	return false
}

func kindName(k kind) string {
	return map[kind]string{aNumber: "a number", aString: "a string", aList: "a list of strings"}[k]
}

// want reports it unless there are n positional arguments.
func (a *arguments) want(n int) bool { return a.wantKinds([]kind{aList, aList, aList}[:n]...) }

// wantKinds reports it unless there are positional arguments of just these kinds.
func (a *arguments) wantKinds(kinds ...kind) bool {
	if len(a.list) != len(kinds) {
		a.errorf(a.pos, "%s takes %d %s, not %d", a.name, len(kinds), plural(len(kinds), "argument"), len(a.list))
		return false
	}
	for i, k := range kinds {
		if !isKind(a.list[i], k) {
			line, col := a.list[i].LineCol()
			a.errorf(lexer.LineCol(line, col), "%s takes %s here", a.name, kindName(k))
			return false
		}
	}
	return true
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// noTests reports tests where none can stand. Mostly a semicolon is missing: go-sieve then reads the next command as a test.
func (a *arguments) noTests(tests []parser.Test) {
	if len(tests) > 0 {
		a.errorf(tests[0].Position, `%s takes no test; is a ";" missing before %s?`, a.name, tests[0].Id)
	}
}

// strings are the strings of a positional argument as they are written.
func (a *arguments) strings(i int) []string { return stringsOf(a.list[i]) }

func stringsOf(arg parser.Arg) []string {
	switch arg := arg.(type) {
	case parser.StringArg:
		return []string{arg.Value}
	case parser.StringListArg:
		return arg.Value
	}
	return nil
}

// templates are the strings of a positional argument with their variables.
func (a *arguments) templates(i int) []*template { return a.templatesOf(a.list[i]) }

func (a *arguments) templatesOf(arg parser.Arg) []*template {
	var out []*template
	for i, s := range stringsOf(arg) {
		t, err := a.template(s)
		if err != nil {
			a.errorf(a.elementAt(arg, i), "%v", err)
			t = &template{}
		}
		out = append(out, t)
	}
	return out
}

// constant is a tagged argument that is one string without variables.
func (a *arguments) constant(tag string) (value string, pos lexer.Position, ok bool) {
	arg := a.tags[tag]
	if arg == nil {
		return "", a.pos, false
	}
	line, col := arg.LineCol()
	pos = lexer.LineCol(line, col)
	t := a.templatesOf(arg)[0]
	if len(t.parts) > 0 {
		a.errorf(pos, ":%s can't have variables", tag)
		return "", pos, false
	}
	return t.text, pos, true
}

func (a *arguments) has(tag string) bool { return a.tags[tag] != nil }

func (a *arguments) number(tag string) int {
	n, _ := a.tags[tag].(parser.NumberArg)
	return n.Value
}
