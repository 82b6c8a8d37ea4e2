package sieve

import (
	"net/mail"
	"strings"

	"github.com/foxcpp/go-sieve/lexer"
	"github.com/foxcpp/go-sieve/parser"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// command compiles what is no control structure. It returns nil for what does nothing, or is wrong.
func (c *compiler) command(id string, cmd parser.Cmd) action {
	if ext := commandExtension[id]; ext != "" && !c.needs(cmd.Position, id, ext) {
		return nil
	}
	if why := ignored[id]; why != "" {
		c.warnf(cmd.Position, "%s %s", id, why)
		return nil
	}
	switch id {
	case "keep":
		return c.keep(cmd)
	case "fileinto":
		return c.fileinto(cmd)
	case "redirect":
		return c.redirect(cmd)
	case "discard", "stop", "return":
		a := c.arguments(id, cmd.Position, cmd.Args)
		a.want(0)
		a.noTests(cmd.Tests)
		if id == "discard" {
			return func(r *run) error { return r.discard(cmd.Position) }
		}
		return func(*run) error { return errStop }
	case "set":
		return c.set(cmd)
	case "setflag", "addflag", "removeflag":
		return c.changeFlags(id, cmd)
	case "mark", "unmark": // draft-ietf-sieve-imapflags-05, which servers had before imap4flags
		c.arguments(id, cmd.Position, cmd.Args).want(0)
		flagged := parser.StringArg{Value: string(migrate.Flagged), Position: cmd.Position}
		return c.changeFlags(map[string]string{"mark": "addflag", "unmark": "removeflag"}[id], parser.Cmd{Position: cmd.Position, Args: []parser.Arg{flagged}})
	case "include", "global":
		c.errorf(cmd.Position, "%s is not supported: put the other script's commands into this one", id)
	default:
		c.unknownWord(cmd.Position, cmd.Id, "command")
	}
	return nil
}

// flagsArgument is :flags. Without it, the flags are those that addflag and its like have gathered (RFC 5232 5).
func (a *arguments) flagsArgument() func(*run) []migrate.Flag {
	if !a.has("flags") {
		return func(r *run) []migrate.Flag { return r.flags }
	}
	list := a.templatesOf(a.tags["flags"])
	return func(r *run) []migrate.Flag { return r.flagsIn(expandAll(r, list)) }
}

func (c *compiler) keep(cmd parser.Cmd) action {
	a := c.arguments("keep", cmd.Position, cmd.Args, "flags")
	a.noTests(cmd.Tests)
	if !a.want(0) {
		return nil
	}
	flags := a.flagsArgument()
	return func(r *run) error {
		r.implicitKeep = false
		return r.file(Action{Line: cmd.Line, Column: cmd.Col, Command: "keep", Flags: flags(r)})
	}
}

func (c *compiler) fileinto(cmd parser.Cmd) action {
	a := c.arguments("fileinto", cmd.Position, cmd.Args, "copy", "create", "flags", "mailboxid", "specialuse")
	a.noTests(cmd.Tests)
	if !a.wantKinds(aString) {
		return nil
	}
	name, err := c.template(c.mailboxName(a.strings(0)[0], a.list[0]))
	if err != nil {
		c.errorf(cmd.Position, "%v", err)
		return nil
	}
	c.mailboxes = append(c.mailboxes, mailbox{name.text, cmd.Position, len(name.parts) == 0})
	flags, isCopy := a.flagsArgument(), a.has("copy")
	return func(r *run) error {
		r.implicitKeep = r.implicitKeep && isCopy
		folder, _ := folderOf(name.expand(r), r.script.delimiter) // a name that is none is the inbox (RFC 5228 4.1)
		return r.file(Action{Line: cmd.Line, Column: cmd.Col, Command: "fileinto", Folder: folder, Flags: flags(r)})
	}
}

// mailboxName reads modified UTF-7, in which Cyrus wants names. RFC 5228 wants UTF-8, so that only what can hardly be anything else is taken
// for it: what decodes to letters beyond ASCII and encodes to the same again.
func (c *compiler) mailboxName(s string, arg parser.Arg) string {
	decoded := mutf7.Decode(s)
	if decoded == s || mutf7.Encode(decoded) != s || strings.IndexFunc(decoded, func(r rune) bool { return r > '~' }) < 0 {
		return s
	}
	line, col := arg.LineCol()
	c.warnf(lexer.LineCol(line, col), "%q is taken for modified UTF-7: the folder %q", s, decoded)
	return decoded
}

// redirect is RFC 5228 4.2. It sends nothing: whoever asks for the verdict may.
func (c *compiler) redirect(cmd parser.Cmd) action {
	a := c.arguments("redirect", cmd.Position, cmd.Args, "copy")
	a.noTests(cmd.Tests)
	if !a.wantKinds(aString) {
		return nil
	}
	to, isCopy := a.templates(0)[0], a.has("copy")
	if _, ok := outbound(to.text); len(to.parts) == 0 && !ok {
		c.errorf(cmd.Position, "%q is no address", to.text)
	}
	return func(r *run) error {
		addr, ok := outbound(to.expand(r))
		if !ok {
			return r.failf(cmd.Position, "redirect: %q is no address", to.expand(r))
		}
		r.implicitKeep = r.implicitKeep && isCopy
		return r.redirect(Action{Line: cmd.Line, Column: cmd.Col, Command: "redirect", Address: addr})
	}
}

// maxAddress is what RFC 5321 4.5.3.1.3 leaves of a path, and room for a name.
const maxAddress = 512

// outbound is the address in "a@b" or "name <a@b>" (RFC 5228 2.4.2.3). It is strict, because mail goes there.
func outbound(s string) (string, bool) {
	if len(s) > maxAddress {
		return "", false
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		return "", false
	}
	at := strings.LastIndexByte(a.Address, '@')
	return a.Address[:at] + lowerASCII(a.Address[at:]), true // so that one address is one
}

// set is RFC 5229 4.
func (c *compiler) set(cmd parser.Cmd) action {
	a := c.arguments("set", cmd.Position, cmd.Args, "lower", "upper", "lowerfirst", "upperfirst", "quotewildcard", "length")
	a.noTests(cmd.Tests)
	if !a.wantKinds(aString, aString) {
		return nil
	}
	name, err := c.variableName(a.templates(0)[0])
	if err != nil {
		c.errorf(cmd.Position, "%v", err)
		return nil
	}
	value, modifiers := a.templates(1)[0], a.modifiers()
	return func(r *run) error {
		s := value.expand(r)
		for _, apply := range modifiers {
			s = apply(s)
		}
		r.set(name, s)
		return r.spend(len(s), 4)
	}
}
