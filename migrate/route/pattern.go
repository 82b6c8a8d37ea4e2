package route

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"poplift/migrate"
)

// pattern says which folders of the source are meant.
type pattern struct {
	// text is as the user wrote it.
	text string
	// parts are the names from the outermost on; none with a role means every folder of that role.
	parts []part
	// role narrows it to folders that are this to their client, or by their name.
	role migrate.Role
}

// part is one name of a pattern or of what it is mapped to.
type part struct {
	// deep stands for any number of names ("**"), also for none.
	deep bool
	// pieces are what stands before, between and behind the stars in the name; folded are the same, folded.
	pieces, folded []string
}

func (p part) literal() bool { return !p.deep && len(p.pieces) == 1 }

// literal says that only one folder is meant, whose names are returned.
func (p *pattern) literal() ([]string, bool) {
	var names []string
	for _, x := range p.parts {
		if !x.literal() {
			return nil, false
		}
		names = append(names, x.pieces[0])
	}
	return names, len(names) > 0
}

// wildcards are the kinds of those in parts, in order: true for a deep one.
func wildcards(parts []part) []bool {
	var out []bool
	for _, x := range parts {
		if x.deep {
			out = append(out, true)
		} else {
			out = append(out, make([]bool, len(x.pieces)-1)...)
		}
	}
	return out
}

// name is one name of a folder, in a form to be compared.
type name struct {
	text string
	key  string
	// from has for each octet of key the octet of text that it comes from, -1 within what one character became; nil where key is text.
	from []int
}

func exactName(s string) name { return name{text: s, key: s} }

// foldedName folds so that what a star stands for can be told in the text. NFC comes first only, which differs from Fold where folding gives
// something to compose; that happens in no writing of a name.
func foldedName(s string) name {
	if ascii(s) {
		return name{text: s, key: strings.ToLower(s)}
	}
	s = norm.NFC.String(s)
	n := name{text: s}
	var key strings.Builder
	fold := cases.Fold()
	for i := 0; i < len(s); {
		r, width := utf8.DecodeRuneInString(s[i:])
		f := string(unicode.ToLower(r))
		if r >= utf8.RuneSelf {
			f = fold.String(s[i : i+width])
		}
		key.WriteString(f)
		n.from = append(n.from, i)
		for range len(f) - 1 {
			n.from = append(n.from, -1)
		}
		i += width
	}
	n.key = key.String()
	return n
}

// at is where the text has what stands at offset i of the key, or -1.
func (n name) at(i int) int {
	switch {
	case n.from == nil:
		return i
	case i == len(n.key):
		return len(n.text)
	}
	return n.from[i]
}

// capture is what a wildcard stands for: part of a name, or some names.
type capture []string

// match compares one name. Every star takes as little as it can.
func (n name) match(pieces []string) ([]capture, bool) {
	last := len(pieces) - 1
	if last == 0 {
		return nil, n.key == pieces[0]
	}
	pos, end := len(pieces[0]), len(n.key)-len(pieces[last])
	if pos > end || !strings.HasPrefix(n.key, pieces[0]) || !strings.HasSuffix(n.key, pieces[last]) || n.at(pos) < 0 || n.at(end) < 0 {
		return nil, false
	}
	var out []capture
	for _, piece := range pieces[1:last] {
		i := n.find(piece, pos, end)
		if i < 0 {
			return nil, false
		}
		out = append(out, capture{n.text[n.at(pos):n.at(i)]})
		pos = i + len(piece)
	}
	return append(out, capture{n.text[n.at(pos):n.at(end)]}), true
}

// find looks for a piece between whole characters of the text.
func (n name) find(piece string, pos, end int) int {
	for {
		i := strings.Index(n.key[pos:end], piece)
		if i < 0 {
			return -1
		}
		i += pos
		if n.at(i) >= 0 && n.at(i+len(piece)) >= 0 {
			return i
		}
		pos = i + 1
	}
}

// matchParts compares names one by one.
func matchParts(parts []part, names []name, folded bool) ([]capture, bool) {
	var out []capture
	for i, p := range parts {
		pieces := p.pieces
		if folded {
			pieces = p.folded
		}
		c, ok := names[i].match(pieces)
		if !ok {
			return nil, false
		}
		out = append(out, c...)
	}
	return out, true
}

// match compares a whole path, and returns what the wildcards stand for. Like a star within a name, every deep one takes as little as it can.
func (p *pattern) match(names []name, folded bool) ([]capture, bool) {
	isDeep := func(x part) bool { return x.deep }
	first := slices.IndexFunc(p.parts, isDeep)
	if first < 0 {
		if len(p.parts) != len(names) {
			return nil, false
		}
		return matchParts(p.parts, names, folded)
	}
	if first > len(names) {
		return nil, false
	}
	out, ok := matchParts(p.parts[:first], names[:first], folded)
	rest := p.parts[first:]
	names = names[first:]
	for ok {
		rest = rest[1:]
		next := slices.IndexFunc(rest, isDeep)
		block := rest
		if next >= 0 {
			block = rest[:next]
		}
		at, caps := len(names)-len(block), []capture(nil)
		if next < 0 { // the last block ends where the path ends
			if at < 0 {
				return nil, false
			}
			caps, ok = matchParts(block, names[at:], folded)
			return append(append(out, texts(names[:at])), caps...), ok
		}
		from := 0
		for ok = false; !ok && from <= at; from++ {
			caps, ok = matchParts(block, names[from:from+len(block)], folded)
		}
		if ok {
			out = append(append(out, texts(names[:from-1])), caps...)
			names, rest = names[from-1+len(block):], rest[next:]
		}
	}
	return nil, false
}

func texts(names []name) capture {
	out := capture{}
	for _, n := range names {
		out = append(out, n.text)
	}
	return out
}

// fill puts what the wildcards stand for into the parts of what is mapped to. It is false where that gives no name, or an empty one.
func fill(parts []part, caps []capture) ([]string, bool) {
	var names []string
	for _, p := range parts {
		if p.deep {
			names = append(names, caps[0]...)
			caps = caps[1:]
			continue
		}
		s := p.pieces[0]
		for _, piece := range p.pieces[1:] {
			s += caps[0][0] + piece
			caps = caps[1:]
		}
		if s == "" && !p.literal() {
			return nil, false
		}
		names = append(names, s)
	}
	return names, len(names) > 0
}
