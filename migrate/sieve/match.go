package sieve

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"

	"github.com/foxcpp/go-sieve/lexer"
	"golang.org/x/text/unicode/norm"
)

// comparator says which strings are equal, and in what order they stand (RFC 4790, RFC 5051).
type comparator string

const (
	octet          comparator = "i;octet"
	asciiCasemap   comparator = "i;ascii-casemap"
	asciiNumeric   comparator = "i;ascii-numeric"
	unicodeCasemap comparator = "i;unicode-casemap"
)

// fold brings s into the form in which equal strings have equal octets.
func (c comparator) fold(s string) string {
	switch c {
	case asciiCasemap:
		return lowerASCII(s)
	case unicodeCasemap:
		return norm.NFKD.String(strings.Map(unicode.ToTitle, s)) // RFC 5051 2
	default:
		return s
	}
}

// order compares folded strings.
func (c comparator) order(a, b string) int {
	if c == asciiNumeric {
		return compareNumbers(a, b)
	}
	return strings.Compare(a, b)
}

// compareNumbers compares the digits that strings begin with, of any length; a string that begins with none is above all numbers (RFC 4790
// 9.1).
func compareNumbers(a, b string) int {
	x, xok := leadingNumber(a)
	y, yok := leadingNumber(b)
	switch {
	case !xok && !yok:
		return 0
	case !xok:
		return 1
	case !yok:
		return -1
	case len(x) != len(y):
		return len(x) - len(y)
	default:
		return strings.Compare(x, y)
	}
}

func leadingNumber(s string) (string, bool) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return strings.TrimLeft(s[:n], "0"), n > 0
}

// relations are the operators of RFC 5231 4 over the outcome of a comparison.
var relations = map[string]func(int) bool{
	"gt": func(n int) bool { return n > 0 }, "ge": func(n int) bool { return n >= 0 },
	"lt": func(n int) bool { return n < 0 }, "le": func(n int) bool { return n <= 0 },
	"eq": func(n int) bool { return n == 0 }, "ne": func(n int) bool { return n != 0 },
}

// matchTags are the options of every test that compares strings.
var matchTags = []string{"is", "contains", "matches", "regex", "value", "count", "comparator"}

// maxMatches is the highest match variable.
const maxMatches = 99

// matcher is the MATCH-TYPE, the COMPARATOR and the keys of a test.
type matcher struct {
	how      string // is, contains, matches, regex, value or count
	compare  comparator
	relation func(int) bool
	keys     []*template
	ready    []key // for those keys that have no variables
	silent   bool  // sets no match variables (RFC 5173 6)
}

// key is what values are matched with.
type key struct {
	text    string // folded
	pattern pattern
	regex   *regexp.Regexp
	cost    int // of looking for it, for each octet of a value
	made    int // of making it
}

// matcher reads the options that all comparing tests have. keys are the strings to match with.
func (a *arguments) matcher(keys []*template) *matcher {
	m := &matcher{how: "is", compare: asciiCasemap, keys: keys}
	for _, how := range matchTags[:6] {
		if a.has(how) {
			m.how = how
		}
	}
	if m.how == "value" || m.how == "count" {
		if name, pos, ok := a.constant(m.how); ok {
			if m.relation = relations[strings.ToLower(name)]; m.relation == nil {
				a.errorf(pos, "%q is no relation; there are gt, ge, lt, le, eq and ne", name)
			}
		}
	}
	if name, pos, ok := a.constant("comparator"); ok {
		m.compare = a.comparator(name, pos)
	}
	if m.compare == asciiNumeric && (m.how == "contains" || m.how == "matches" || m.how == "regex") {
		a.errorf(a.pos, ":%s can't be used with the comparator %q", m.how, m.compare)
	}
	for _, t := range keys {
		var k key
		if len(t.parts) == 0 {
			var err error
			if k, err = m.key(t.text); err != nil {
				a.errorf(a.pos, "%q: %v", t.text, err)
			}
		}
		m.ready = append(m.ready, k)
	}
	return m
}

// comparator checks a comparator's name. All but two are to be required (RFC 5228 2.7.3), but Proton's own scripts don't.
func (c *compiler) comparator(name string, pos lexer.Position) comparator {
	switch found := comparator(strings.ToLower(name)); found {
	case octet, asciiCasemap:
		return found
	case asciiNumeric, unicodeCasemap:
		if !c.requires["comparator-"+string(found)] {
			c.warnf(pos, "a strict server wants: require %q;", "comparator-"+string(found))
		}
		return found
	default:
		c.errorf(pos, "there is no comparator %q; there are %s, %s, %s and %s", name, octet, asciiCasemap, asciiNumeric, unicodeCasemap)
		return asciiCasemap
	}
}

// key prepares what values are matched with.
func (m *matcher) key(s string) (key, error) {
	switch m.how {
	case "matches":
		return key{pattern: newPattern(s, m.compare), made: 64 + 16*len(s)}, nil
	case "regex":
		return newRegex(s, m.compare != octet)
	default:
		return key{text: m.compare.fold(s), cost: 1, made: 64 + 8*len(s)}, nil
	}
}

// Bounds of regular expressions. Go's run in linear time; what counts is their length in instructions.
const (
	maxRegex        = 1 << 10
	maxInstructions = 2000
)

// newRegex reads a POSIX extended regular expression (draft-ietf-sieve-regex 4): leftmost, longest.
func newRegex(s string, fold bool) (key, error) {
	if len(s) > maxRegex {
		return key{}, fmt.Errorf("a regular expression has at most %d octets", maxRegex)
	}
	// As regcomp of GNU does it without REG_NEWLINE, with its \w, \s and \b, which scripts use: to most servers that is what :regex is.
	flags := syntax.POSIX | syntax.PerlX | syntax.OneLine | syntax.DotNL | syntax.ClassNL
	if fold {
		flags |= syntax.FoldCase
	}
	parsed, err := syntax.Parse(s, flags)
	if err != nil {
		return key{}, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return key{}, err
	}
	if len(program.Inst) > maxInstructions {
		return key{}, errors.New("this regular expression is too large")
	}
	re, err := regexp.Compile(parsed.String())
	if err != nil {
		return key{}, err
	}
	re.Longest()
	return key{regex: re, cost: 2 * len(program.Inst), made: 64 * maxRegex}, nil
}

// prepare returns the keys as they are now.
func (m *matcher) prepare(r *run) ([]key, error) {
	keys := m.ready
	for i, t := range m.keys {
		if len(t.parts) == 0 {
			continue
		}
		if &keys[0] == &m.ready[0] {
			keys = append([]key(nil), keys...)
		}
		k, err := m.key(t.expand(r))
		if err != nil {
			return nil, err
		}
		if err := r.spend(1, k.made); err != nil {
			return nil, err
		}
		keys[i] = k
	}
	return keys, nil
}

// any says whether one of the values matches one of the keys, and keeps the match variables of the first that does. values are made one
// after the other, as long as they are asked for: no more is read of a message than decides the test.
func (m *matcher) any(r *run, values func(yield func(string) bool)) (found bool, err error) {
	if m.how == "count" {
		n := 0
		for range values {
			n++
		}
		return m.counted(r, n)
	}
	keys, err := m.prepare(r)
	if err != nil {
		return false, err
	}
	for v := range values {
		if found, err = m.one(r, keys, v); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// counted compares a number with the keys (RFC 5231 4.2): as numbers, whatever the comparator, because 10 is more than 9 to who writes :count.
func (m *matcher) counted(r *run, n int) (bool, error) {
	for _, k := range expandAll(r, m.keys) {
		if m.relation(compareNumbers(strconv.Itoa(n), k)) {
			return true, nil
		}
	}
	return false, nil
}

func (m *matcher) one(r *run, keys []key, value string) (bool, error) {
	var folded string
	var glyphs text
	switch m.how {
	case "matches":
		r.charge(len(value), 4)
		glyphs = textOf(value, m.compare)
	case "regex":
	default:
		folded = m.compare.fold(value)
	}
	if m.compare == unicodeCasemap {
		r.charge(len(value), 12)
	}
	for _, k := range keys {
		if err := r.spend(16+len(value)*k.cost, 1); err != nil {
			return false, err
		}
		ok := false
		switch m.how {
		case "is":
			ok = m.compare.order(folded, k.text) == 0
		case "contains":
			ok = strings.Contains(folded, k.text)
		case "value":
			ok = m.relation(m.compare.order(folded, k.text))
		case "matches":
			at, err := k.pattern.match(r, value, glyphs)
			if err != nil {
				return false, err
			}
			if ok = at != nil; ok && !m.silent {
				r.setMatched(value, at)
			}
		case "regex":
			at := k.regex.FindStringSubmatchIndex(value)
			if ok = at != nil; ok && !m.silent {
				r.setMatched(value, at)
			}
		}
		if ok {
			return true, nil
		}
	}
	return false, nil
}
