package route

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
)

// SyntaxError says where a pattern, a rule or a map file can't be read.
type SyntaxError struct {
	// Line counts from 1; it is 0 where there is only one. Column counts characters from 1.
	Line, Column int
	Text         string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("column %d: %s", e.Column, e.Text)
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// roleWords are the roles as they are written behind a backslash; those of SPECIAL-USE (RFC 6154) have its names.
var roleWords = []struct {
	word string
	role migrate.Role
}{
	{"Inbox", migrate.RoleInbox}, {"Archive", migrate.RoleArchive}, {"Drafts", migrate.RoleDrafts}, {"Junk", migrate.RoleJunk},
	{"Outbox", migrate.RoleOutbox}, {"Sent", migrate.RoleSent}, {"Templates", migrate.RoleTemplates}, {"Trash", migrate.RoleTrash},
}

// roleText writes a role as the parser reads it; empty for one that isn't known.
func roleText(r migrate.Role) string {
	for _, w := range roleWords {
		if w.role == r {
			return `\` + w.word
		}
	}
	return ""
}

// escapable are the characters that a backslash takes their meaning from.
const escapable = `\/*=#"[]- `

// parser reads one line.
type parser struct {
	s    string
	pos  int
	line int
	// comments says that "#" begins one, at the beginning or behind a blank.
	comments bool
}

func (p *parser) errorAt(pos int, format string, args ...any) error {
	return &SyntaxError{Line: p.line, Column: utf8.RuneCountInString(p.s[:pos]) + 1, Text: fmt.Sprintf(format, args...)}
}

func (p *parser) blanks() {
	for p.pos < len(p.s) && isBlank(p.s[p.pos]) {
		p.pos++
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func (p *parser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

// ended says that nothing more stands in the line but a comment.
func (p *parser) ended() bool {
	return p.pos >= len(p.s) || p.comments && p.s[p.pos] == '#' && (p.pos == 0 || isBlank(p.s[p.pos-1]))
}

// role reads a role's word, if one stands here.
func (p *parser) role() (migrate.Role, bool) {
	if p.peek() != '\\' {
		return "", false
	}
	end := p.pos + 1
	for end < len(p.s) && (p.s[end]|0x20 >= 'a' && p.s[end]|0x20 <= 'z') {
		end++
	}
	for _, w := range roleWords {
		if strings.EqualFold(w.word, p.s[p.pos+1:end]) {
			p.pos = end
			return w.role, true
		}
	}
	return "", false
}

// escape reads what stands behind a backslash. `\e` stands for no character at all, so that an empty name can be written.
func (p *parser) escape() (octets string, err error) {
	at := p.pos
	p.pos++
	c := p.peek()
	switch {
	case p.pos >= len(p.s):
		return "", p.errorAt(at, `a lone "\" at the end; "\\" means itself`)
	case strings.IndexByte(escapable, c) >= 0:
		p.pos++
		return string(c), nil
	case c == 'e':
		p.pos++
		return "", nil
	case c == 'x' && p.pos+2 < len(p.s):
		if n, err := strconv.ParseUint(p.s[p.pos+1:p.pos+3], 16, 8); err == nil {
			p.pos += 3
			return string([]byte{byte(n)}), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.pos:])
	return "", p.errorAt(at, `"\%c" means nothing; "\\" is a backslash, "\x0A" an octet, and roles are \Sent, \Drafts, \Trash, \Junk, \Archive`, r)
}

// side is one side of a rule.
type side struct {
	parts []part
	// before is a role in front of the parts (`\Sent/2019`), behind one that follows a blank.
	before, behind migrate.Role
}

type tokenKind uint8

const (
	endToken tokenKind = iota
	textToken
	blankToken
	slashToken
	starToken
	deepToken
	roleToken
)

type token struct {
	kind tokenKind
	at   int
	text string
	role migrate.Role
}

func (p *parser) sideEnded(left bool) bool { return p.ended() || left && p.peek() == '=' }

// token reads the next one. A role is one only as a word of its own.
func (p *parser) token(left bool) (token, error) {
	t := token{at: p.pos}
	if p.sideEnded(left) {
		return t, nil
	}
	c := p.peek()
	r, width := utf8.DecodeRuneInString(p.s[p.pos:])
	switch {
	case c == '\\':
		if p.pos == 0 || isBlank(p.s[p.pos-1]) || p.s[p.pos-1] == '=' {
			if role, ok := p.role(); ok {
				t.kind, t.role = roleToken, role
				return t, nil
			}
		}
		var err error
		t.kind = textToken
		t.text, err = p.escape()
		return t, err
	case c == '*':
		for p.peek() == '*' {
			p.pos++
		}
		t.kind = starToken
		if n := p.pos - t.at; n == 2 {
			t.kind = deepToken
		} else if n > 2 {
			return t, p.errorAt(t.at, `%d asterisks; "*" is part of a name, "**" any number of names, "\*" an asterisk`, n)
		}
		return t, nil
	case isBlank(c):
		p.blanks()
		t.kind, t.text = blankToken, p.s[t.at:p.pos]
		return t, nil
	case r == utf8.RuneError && width <= 1:
		return t, p.errorAt(p.pos, "an octet that is no UTF-8")
	case unicode.IsControl(r):
		return t, p.errorAt(p.pos, `a control character; write its octets as \x%02X`, r)
	}
	t.kind, t.text = textToken, p.s[p.pos:p.pos+width]
	if c == '/' {
		t.kind = slashToken
	}
	p.pos += width
	return t, nil
}

// partReader gathers one name. Blanks around it don't count.
type partReader struct {
	part
	piece  []byte
	blanks string
	begun  bool
}

func (b *partReader) take(t token) {
	switch t.kind {
	case blankToken:
		if b.begun {
			b.blanks = t.text
		}
		return
	case textToken:
		b.piece = append(append(b.piece, b.blanks...), t.text...)
	case deepToken:
		b.deep = true
		fallthrough
	case starToken:
		b.pieces = append(b.pieces, string(b.piece)+b.blanks)
		b.piece = nil
	}
	b.begun, b.blanks = true, ""
}

// done ends the name that began at an offset.
func (b *partReader) done(p *parser, at int) (part, error) {
	if !b.begun {
		return part{}, p.errorAt(at, `a folder's name is missing; "\e" is an empty one`)
	}
	if b.deep {
		if len(b.pieces) != 1 || b.pieces[0] != "" || len(b.piece) > 0 {
			return part{}, p.errorAt(at, `"**" must be a name of its own; "\*" is an asterisk`)
		}
		return part{deep: true}, nil
	}
	b.pieces = append(b.pieces, string(b.piece))
	for _, s := range b.pieces {
		b.folded = append(b.folded, foldedName(s).key)
	}
	return b.part, nil
}

// readSide reads names up to the end, and on the left up to "=".
func (p *parser) readSide(left bool) (s side, err error) {
	p.blanks()
	b, at := partReader{}, p.pos
	for {
		t, err := p.token(left)
		if err != nil {
			return s, err
		}
		switch t.kind {
		case roleToken:
			first := len(s.parts) == 0 && !b.begun
			if !first {
				s.behind = t.role
			} else if s.before = t.role; !left && p.peek() == '/' {
				p.pos++
				at = p.pos
				continue
			}
			if p.blanks(); !p.sideEnded(left) {
				return s, p.errorAt(p.pos, `nothing can stand behind %s here; "\\" is a backslash in a name`, roleText(t.role))
			}
			if first {
				return s, nil
			}
		case endToken, slashToken:
			x, err := b.done(p, at)
			if err != nil {
				return s, err
			}
			s.parts = append(s.parts, x)
			if t.kind == endToken {
				return s, nil
			}
			b, at = partReader{}, p.pos
		default:
			b.take(t)
		}
	}
}

// quoted reads a target's whole name in double quotes, in which only `"` and `\` are special.
func (p *parser) quoted() (string, error) {
	start := p.pos
	p.pos++
	var b strings.Builder
	for p.pos < len(p.s) {
		c := p.peek()
		r, width := utf8.DecodeRuneInString(p.s[p.pos:])
		switch {
		case c == '"':
			p.pos++
			if b.Len() == 0 {
				return "", p.errorAt(start, "a folder's name is missing")
			}
			return b.String(), nil
		case c == '\\':
			octets, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteString(octets)
			continue
		case r == utf8.RuneError && width <= 1:
			return "", p.errorAt(p.pos, "an octet that is no UTF-8")
		case unicode.IsControl(r):
			return "", p.errorAt(p.pos, `a control character; write \x%02X`, r)
		}
		b.WriteString(p.s[p.pos : p.pos+width])
		p.pos += width
	}
	return "", p.errorAt(start, "the closing quote is missing")
}
