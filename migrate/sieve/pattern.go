package sieve

import "unicode"

// pattern is the glob of :matches (RFC 5228 2.7.1), cut at its stars. It is matched by hand: go-sieve makes a regular expression of it, which
// doesn't know letters beyond ASCII under the octet comparators, nor line ends, and takes a pattern that ends in a backslash as a mere prefix.
type pattern []segment

// segment is a run of places that each match one character: an octet under the octet comparators, else a character of Unicode.
type segment []glyph

const anyGlyph glyph = -1

// glyph is a folded character, or anyGlyph for a question mark.
type glyph rune

// newPattern reads a pattern. A backslash takes the meaning from what follows; a last one stands for itself.
func newPattern(s string, compare comparator) pattern {
	t := textOf(s, compare)
	out := pattern{nil}
	for i := 0; i < len(t.glyphs); i++ {
		last := &out[len(out)-1]
		switch g := t.glyphs[i]; {
		case g == '*':
			out = append(out, nil)
		case g == '?':
			*last = append(*last, anyGlyph)
		case g == '\\' && i+1 < len(t.glyphs):
			i++
			*last = append(*last, t.glyphs[i])
		default:
			*last = append(*last, g)
		}
	}
	return out
}

// text is a string as its characters under a comparator.
type text struct {
	glyphs []glyph
	starts []int // the octet at which each begins, and the length; nil where each is an octet
}

func textOf(s string, compare comparator) text {
	if compare != unicodeCasemap {
		t := text{glyphs: make([]glyph, len(s))}
		for i, c := range []byte(compare.fold(s)) {
			t.glyphs[i] = glyph(c)
		}
		return t
	}
	var t text
	for i, c := range s { // composed and decomposed letters are not the same here: a match variable must be a piece of the value
		t.glyphs = append(t.glyphs, glyph(unicode.ToTitle(c)))
		t.starts = append(t.starts, i)
	}
	t.starts = append(t.starts, len(s))
	return t
}

// octet is where the i-th character begins.
func (t text) octet(i int) int {
	if t.starts == nil {
		return i
	}
	return t.starts[i]
}

// match returns the ends of the value and of what each wildcard stands for, in octets, as package regexp does; nil where the value doesn't
// match. The wildcards match as little as possible (RFC 5229 3.2): each segment is taken where it first fits, which leaves the others the
// most room, so that nothing is ever tried again.
func (p pattern) match(r *run, value string, t text) ([]int, error) {
	at := []int{0, len(value)}
	note := func(s segment, i int) {
		for j, g := range s {
			if g == anyGlyph {
				at = append(at, t.octet(i+j), t.octet(i+j+1))
			}
		}
	}
	i, n := 0, len(t.glyphs)
	for k, s := range p {
		from, to := i, n-len(s) // where the segment can stand
		switch {
		case k == 0:
			to = min(to, 0)
		case k == len(p)-1:
			from = max(i, to)
		}
		if len(p) == 1 && n != len(s) {
			return nil, nil
		}
		found, err := s.find(r, t.glyphs, from, to)
		if found < 0 || err != nil {
			return nil, err
		}
		if k > 0 {
			at = append(at, t.octet(i), t.octet(found))
		}
		note(s, found)
		i = found + len(s)
	}
	return at, nil
}

// find returns the first place between from and to, both included, where the segment stands; -1 for none.
func (s segment) find(r *run, in []glyph, from, to int) (int, error) {
	for i := from; i <= to; i++ {
		n := s.common(in[i:])
		if n == len(s) {
			return i, nil
		}
		if err := r.spend(n+1, 1); err != nil {
			return -1, err
		}
	}
	return -1, nil
}

// common is how many places of the segment match the beginning of in, which is not shorter.
func (s segment) common(in []glyph) int {
	for j, g := range s {
		if g != anyGlyph && g != in[j] {
			return j
		}
	}
	return len(s)
}
