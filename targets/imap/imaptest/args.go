package imaptest

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// arguments takes a command apart from left to right. What does not parse comes out empty, and the command is refused.
type arguments struct {
	parts []part
	bad   bool
}

func (a *arguments) space() {
	a.parts[0].text = strings.TrimLeft(a.parts[0].text, " ")
}

// more says whether anything is left.
func (a *arguments) more() bool {
	a.space()
	return a.parts[0].text != "" || a.parts[0].has
}

// word takes an atom, and everything in brackets or parentheses that belongs to it.
func (a *arguments) word() string {
	a.space()
	t := a.parts[0].text
	depth, i := 0, 0
	for ; i < len(t); i++ {
		switch t[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
		if t[i] == ' ' && depth == 0 {
			break
		}
	}
	a.parts[0].text = t[i:]
	return t[:i]
}

// str takes an astring: atom, quoted or literal.
func (a *arguments) str() string {
	a.space()
	t := a.parts[0].text
	if t == "" && a.parts[0].has {
		return string(a.literal())
	}
	if !strings.HasPrefix(t, `"`) {
		w := a.word()
		a.bad = a.bad || w == ""
		return w
	}
	var b strings.Builder
	for i := 1; i < len(t); i++ {
		switch t[i] {
		case '"':
			a.parts[0].text = t[i+1:]
			return b.String()
		case '\\':
			i++
			if i == len(t) {
				break
			}
			fallthrough
		default:
			b.WriteByte(t[i])
		}
	}
	a.bad = true
	a.parts[0].text = ""
	return ""
}

// literal takes the literal that must come here.
func (a *arguments) literal() []byte {
	a.space()
	if a.parts[0].text != "" || !a.parts[0].has {
		a.bad = true
		return nil
	}
	l := a.parts[0].literal
	a.parts = a.parts[1:]
	return l
}

// at says whether the text that comes next begins with s.
func (a *arguments) at(s string) bool {
	a.space()
	return strings.HasPrefix(a.parts[0].text, s)
}

// uidSet is a parsed sequence set: ranges in order that don't overlap.
type uidSet [][2]uint32

func parseSet(s string, last uint32) (set uidSet, ok bool) {
	number := func(s string) (uint32, bool) {
		if s == "*" {
			return last, true
		}
		n, err := strconv.ParseUint(s, 10, 32)
		return uint32(n), err == nil && n > 0
	}
	for _, r := range strings.Split(s, ",") {
		from, to, ranged := strings.Cut(r, ":")
		a, ok1 := number(from)
		b, ok2 := a, true
		if ranged {
			b, ok2 = number(to)
		}
		if !ok1 || !ok2 {
			return nil, false
		}
		set = append(set, [2]uint32{min(a, b), max(a, b)})
	}
	slices.SortFunc(set, func(a, b [2]uint32) int { return cmp.Compare(a[0], b[0]) })
	merged := set[:1]
	for _, r := range set[1:] {
		if last := &merged[len(merged)-1]; r[0] <= last[1] {
			last[1] = max(last[1], r[1])
		} else {
			merged = append(merged, r)
		}
	}
	return merged, true
}

func (s uidSet) has(n uint32) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i][1] >= n })
	return i < len(s) && s[i][0] <= n
}
