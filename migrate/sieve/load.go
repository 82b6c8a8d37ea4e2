package sieve

import (
	"slices"
	"strings"
	"time"

	"github.com/foxcpp/go-sieve/lexer"
	"github.com/foxcpp/go-sieve/parser"

	"poplift/migrate"
)

// Options are what a script doesn't say itself. The zero value is ready.
type Options struct {
	// Delimiter stands between the names of a folder in the script. Empty is "/", or "." where the script shows that it means that; see the
	// package comment.
	Delimiter string
	// Account is the address that mail is for when its header doesn't tell.
	Account string
	// EnvelopeFrom and EnvelopeTo take the place of what the header tells; "<>" is the null reverse-path.
	EnvelopeFrom, EnvelopeTo string
	// Zone is the time zone of date tests that name none; nil is this machine's.
	Zone *time.Location
}

// Script is a script that can be run. It is immutable; any number of goroutines may use it.
type Script struct {
	file      string
	opts      Options
	delimiter string
	body      []action
	warnings  []*Problem
	budget    int
}

var _ migrate.Filer = (*Script)(nil)

// Load reads a script. The error tells everything that was found, one *Problem a line, with name, line and column; of errors in the grammar
// only the first.
func Load(name string, script []byte) (*Script, error) { return Options{}.Load(name, script) }

// Load is the function of the same name, with options.
func (o Options) Load(name string, script []byte) (*Script, error) {
	c := &compiler{problems: problems{file: name}, requires: map[string]bool{}, variables: map[string]bool{}}
	cmds, tokens := parse(script, &c.problems)
	c.tokens = tokens
	s := &Script{file: name, opts: o, body: c.block(cmds, true), budget: budget}
	if err := c.err(); err != nil {
		return nil, err
	}
	s.delimiter = c.delimiter(o.Delimiter)
	for _, m := range c.mailboxes {
		if _, ok := folderOf(m.text, s.delimiter); m.constant && !ok {
			c.errorf(m.pos, "%q is no name of a folder", m.text)
		}
	}
	s.warnings = c.warnings
	return s, c.err()
}

// Warnings are what the script asks for and doesn't get, and what was guessed.
func (s *Script) Warnings() []*Problem { return slices.Clone(s.warnings) }

// Extensions lists what a script may require.
func Extensions() []string { return slices.Sorted(slices.Values(extensions)) }

// compiler turns go-sieve's tree into actions and tests.
type compiler struct {
	problems
	tokens   []lexer.Token
	requires map[string]bool
	// begun says that something other than require was seen, unknown that an extension was required that isn't there: what follows from that
	// isn't told again.
	begun, unknown bool
	mailboxes      []mailbox
	variables      map[string]bool // that are set
	lookups        int
}

// mailbox is the name of a folder as a script has it.
type mailbox struct {
	text     string
	pos      lexer.Position
	constant bool
}

// action is a command that can be run.
type action func(*run) error

// block compiles commands. Where one is wrong, the others are still looked at.
func (c *compiler) block(cmds []parser.Cmd, top bool) []action {
	var out []action
	for i := 0; i < len(cmds); i++ {
		cmd := cmds[i]
		id := strings.ToLower(cmd.Id)
		if id == "require" {
			c.require(cmd, top)
			continue
		}
		c.begun = true
		var do action
		switch id {
		case "if":
			n := 1
			for i+n < len(cmds) && continues(cmds[i+n-1], cmds[i+n]) {
				n++
			}
			do = c.chain(cmds[i : i+n])
			i += n - 1
		case "elsif", "else":
			c.errorf(cmd.Position, "%s must follow if or elsif", id)
			c.branch(cmd)
		default:
			if cmd.Block != nil && !c.unknown {
				c.errorf(cmd.Position, "%s takes no block", id)
			}
			do = c.command(id, cmd)
		}
		if do != nil {
			out = append(out, do)
		}
	}
	return out
}

// continues says whether next is a further branch of what cmd is a branch of.
func continues(cmd, next parser.Cmd) bool {
	id := strings.ToLower(next.Id)
	return strings.ToLower(cmd.Id) != "else" && (id == "elsif" || id == "else")
}

// branch is one arm of an if; else has no test.
type branch struct {
	test test
	body []action
}

func (c *compiler) chain(cmds []parser.Cmd) action {
	var arms []branch
	for _, cmd := range cmds {
		arms = append(arms, c.branch(cmd))
	}
	return func(r *run) error {
		for _, arm := range arms {
			ok, err := arm.test(r)
			if err != nil {
				return err
			}
			if ok {
				return r.do(arm.body)
			}
		}
		return nil
	}
}

func (c *compiler) branch(cmd parser.Cmd) branch {
	id := strings.ToLower(cmd.Id)
	a := c.arguments(id, cmd.Position, cmd.Args)
	a.want(0)
	out := branch{test: always}
	switch {
	case id == "else" && len(cmd.Tests) > 0:
		t := cmd.Tests[0]
		if strings.EqualFold(t.Id, "if") {
			c.errorf(t.Position, `"else if" is written elsif`)
		} else {
			c.errorf(t.Position, "else takes no test")
		}
	case id != "else" && len(cmd.Tests) != 1:
		c.errorf(cmd.Position, "%s takes one test; several are joined by allof or anyof", id)
	case id != "else":
		out.test = c.test(cmd.Tests[0])
	}
	if cmd.Block == nil {
		c.errorf(cmd.Position, "%s needs a block in braces", id)
	}
	out.body = c.block(cmd.Block, false)
	return out
}

// require notes extensions (RFC 5228 3.2). It must stand before everything else, which go-sieve doesn't check.
func (c *compiler) require(cmd parser.Cmd, top bool) {
	if c.begun || !top {
		c.errorf(cmd.Position, "require must stand before all other commands")
	}
	if cmd.Block != nil || len(cmd.Tests) > 0 {
		c.errorf(cmd.Position, "require takes nothing but a list of extensions")
	}
	a := c.arguments("require", cmd.Position, cmd.Args)
	if !a.want(1) {
		return
	}
	for i, name := range a.strings(0) {
		c.requires[name] = true
		switch {
		case slices.Contains(extensions, name):
		case unsupportedExtension(name):
			c.warnf(c.elementAt(a.list[0], i), "the extension %q is not supported; the script is in order as long as it doesn't use it", name)
		default:
			c.unknown = true
			c.errorf(c.elementAt(a.list[0], i), "the extension %q is not supported; there are %s", name, strings.Join(Extensions(), ", "))
		}
	}
}

// maxLookups bounds how often tokens are searched for a place; a script that is wrong in more places has been told enough.
const maxLookups = 100

// elementAt is the place of one string of a list, which go-sieve's tree doesn't have.
func (c *compiler) elementAt(arg parser.Arg, n int) lexer.Position {
	line, col := arg.LineCol()
	if c.lookups++; c.lookups > maxLookups {
		return lexer.LineCol(line, col)
	}
	at := slices.IndexFunc(c.tokens, func(t lexer.Token) bool { return position(t) == lexer.LineCol(line, col) })
	for ; at >= 0 && at < len(c.tokens); at++ {
		if s, ok := c.tokens[at].(lexer.String); ok {
			if n == 0 {
				return s.Position
			}
			n--
		}
	}
	return lexer.LineCol(line, col)
}

// needs says whether an extension that a word of the language belongs to was required (RFC 5228 2.10.5: if not, it must be as if it weren't
// there).
func (c *compiler) needs(pos lexer.Position, what, extension string) bool {
	for name := range strings.SplitSeq(extension, "|") {
		if name == "" || c.requires[name] {
			return true
		}
	}
	first, _, _ := strings.Cut(extension, "|")
	c.errorf(pos, "%s needs: require %q;", what, first)
	return false
}

// unknownWord reports a word that isn't there, unless an extension that isn't there either may explain it. where is what it should be.
func (c *compiler) unknownWord(pos lexer.Position, word, where string) {
	if why := unsupportedWord(word); why != "" {
		c.errorf(pos, "%s is not supported: %s", word, why)
	} else if !c.unknown {
		c.errorf(pos, "there is no %s %s", where, word)
	}
}
