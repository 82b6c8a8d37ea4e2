package imap

import (
	"bytes"
	"fmt"
	"strings"

	"poplift/migrate"
)

// guard follows the commands that leave a connection, line by line and over literals, whoever wrote them. On a read-only connection it
// refuses every command that is not known to only read, once and for good, so that a dry run can't write however it is programmed.
type guard struct {
	readOnly bool
	line     []byte // the command's current line as far as it was written
	literal  int64  // octets of a literal still to come
	inside   bool   // the line continues a command
	refused  error

	// each, when not nil, is told of every line: the text, whether it begins a command, and the length of the literal that follows.
	each func(line []byte, begins bool, literal int64)
}

// reading are the commands that change nothing on the server.
var reading = map[string]bool{"CAPABILITY": true, "NOOP": true, "LOGOUT": true, "ID": true, "STARTTLS": true, "AUTHENTICATE": true, "LOGIN": true,
	"COMPRESS": true, "NAMESPACE": true, "LIST": true, "XLIST": true, "STATUS": true, "EXAMINE": true, "FETCH": true, "SEARCH": true, "UID FETCH": true,
	"UID SEARCH": true, "GETQUOTA": true, "GETQUOTAROOT": true, "UNSELECT": true}

// maxCommand bounds a command line; Dovecot stops reading at 64 KiB.
const maxCommand = 60 << 10

// check looks at octets on their way out. An error means that none of them may go.
func (g *guard) check(p []byte) error {
	for len(p) > 0 && g.refused == nil {
		if g.literal > 0 {
			n := min(g.literal, int64(len(p)))
			g.literal -= n
			p = p[n:]
			continue
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			g.line = append(g.line, p...)
			break
		}
		g.line = append(g.line, p[:i+1]...)
		p = p[i+1:]
		g.whole(bytes.TrimRight(g.line, "\r\n"))
		g.line = g.line[:0]
	}
	if len(g.line) > maxCommand {
		g.refused = fmt.Errorf("imap: a command of more than %d octets", maxCommand)
	}
	return g.refused
}

func (g *guard) whole(line []byte) {
	head := line
	if bytes.HasSuffix(line, []byte("+}")) {
		head = append(bytes.Clone(line[:len(line)-2]), '}')
	}
	n, _, ok := literalLength(head)
	begins := !g.inside
	if begins && g.readOnly {
		if verb := verbOf(line); !reading[verb] {
			g.refused = &migrate.Error{Op: "imap", Subject: strings.ToLower(verb), Scope: migrate.ScopeRun, Final: true, Err: errReadOnly}
			return
		}
	}
	if !ok {
		n = 0
	}
	g.literal, g.inside = n, ok
	if g.each != nil {
		g.each(line, begins, n)
	}
}

// verbOf is the command's name in upper case, with what follows UID.
func verbOf(line []byte) string {
	_, rest := word(line)
	verb, rest := word(rest)
	name := strings.ToUpper(string(verb))
	if name == "UID" {
		what, _ := word(rest)
		name += " " + strings.ToUpper(string(what))
	}
	return name
}
