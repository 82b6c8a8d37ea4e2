package sieve

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what a script builds. RFC 5229 6 asks for 128 variables of 4000 characters with names of 32.
const (
	maxName      = 64
	maxVariable  = 16 << 10
	maxVariables = 1000
	maxString    = 64 << 10
)

// template is a string of a script.
type template struct {
	text  string // what it is, if it has no parts
	parts []part
}

// part is a piece of a string: text, a variable, or a match variable.
type part struct {
	text, variable string
	match          int // used where variable and text are empty
}

// The grammars of RFC 5228 2.4.2.4 and RFC 5229 3. Both are linear in Go. go-sieve puts the digits of ${hex:4 0} together to one octet.
var (
	encoded     = regexp.MustCompile(`(?i)\$\{(hex|unicode):[ \t\r\n]*((?:[0-9a-f]+[ \t\r\n]+)*[0-9a-f]+)[ \t\r\n]*\}`)
	variableRef = regexp.MustCompile(`(?i)\$\{((?:[a-z_][a-z0-9_]*\.(?:(?:[a-z_][a-z0-9_]*|[0-9]+)\.)*)?)([a-z_][a-z0-9_]*|[0-9]+)\}`)
	identifier  = regexp.MustCompile(`(?i)^[a-z_][a-z0-9_]*$`)
)

// template reads a string as the required extensions say: encoded characters first, then variables (RFC 5229 3.1).
func (c *compiler) template(s string) (*template, error) {
	if c.requires["encoded-character"] {
		var err error
		if s, err = decodeCharacters(s); err != nil {
			return nil, err
		}
	}
	t := &template{text: s}
	if !c.requires["variables"] {
		return t, nil
	}
	end := 0
	for _, m := range variableRef.FindAllStringSubmatchIndex(s, -1) {
		if m[2] != m[3] {
			return nil, fmt.Errorf("there are no variables ${%s…}", s[m[2]:m[3]])
		}
		if m[0] > end {
			t.parts = append(t.parts, part{text: s[end:m[0]]})
		}
		name := s[m[4]:m[5]]
		p := part{variable: strings.ToLower(name)}
		if name[0] >= '0' && name[0] <= '9' {
			n, err := strconv.Atoi(name)
			if err != nil || n > maxMatches {
				return nil, fmt.Errorf("there are no match variables above ${%d}", maxMatches)
			}
			p = part{match: n}
		}
		t.parts = append(t.parts, p)
		end = m[1]
	}
	if len(t.parts) > 0 && end < len(s) {
		t.parts = append(t.parts, part{text: s[end:]})
	}
	return t, nil
}

// decodeCharacters replaces ${hex:…} and ${unicode:…}. What doesn't fit the grammar is left as it is.
func decodeCharacters(s string) (string, error) {
	var fault error
	out := encoded.ReplaceAllStringFunc(s, func(ref string) string {
		m := encoded.FindStringSubmatch(ref)
		var b strings.Builder
		for _, digits := range strings.Fields(m[2]) {
			if strings.EqualFold(m[1], "hex") {
				if len(digits) > 2 {
					return ref
				}
				n, _ := strconv.ParseUint(digits, 16, 8)
				b.WriteByte(byte(n))
				continue
			}
			n, err := strconv.ParseUint(digits, 16, 32)
			if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
				fault = fmt.Errorf("%s is no character of Unicode", digits)
				return ref
			}
			b.WriteRune(rune(n))
		}
		return b.String()
	})
	return out, fault
}

// expand puts in the variables as they are now. What comes out is cut to maxString.
func (t *template) expand(r *run) string {
	if len(t.parts) == 0 {
		return t.text
	}
	var b strings.Builder
	for _, p := range t.parts {
		s := p.text
		switch {
		case s != "":
		case p.variable != "":
			s = r.variables[p.variable]
		case p.match < len(r.matched):
			s = r.matched[p.match]
		}
		b.WriteString(s[:min(len(s), maxString+1-b.Len())])
	}
	r.charge(b.Len(), 1)
	return cut(b.String(), maxString)
}

func expandAll(r *run, ts []*template) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.expand(r)
	}
	return out
}

// cut shortens a string to limit octets, and not in the middle of a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for i := range utf8.UTFMax {
		if utf8.RuneStart(s[limit-i]) {
			return s[:limit-i]
		}
	}
	return s[:limit]
}

// variableName checks the name in set and in the flag commands, which must be constant (RFC 5229 4).
func (c *compiler) variableName(t *template) (string, error) {
	name := strings.ToLower(t.text)
	switch {
	case len(t.parts) > 0:
		return "", errors.New("the name of a variable can't have variables")
	case !identifier.MatchString(name):
		return "", fmt.Errorf("%q is no name of a variable that can be set", t.text)
	case len(name) > maxName:
		return "", fmt.Errorf("the name of a variable has at most %d characters", maxName)
	}
	c.variables[name] = true
	if len(c.variables) > maxVariables {
		return "", fmt.Errorf("the script has more than %d variables", maxVariables)
	}
	return name, nil
}

// modifiers are those of set, in the order in which they are applied (RFC 5229 4.1). They change letters of ASCII only; go-sieve's change
// all, and break the first letter if it is none of ASCII.
func (a *arguments) modifiers() []func(string) string {
	var out []func(string) string
	for _, m := range []struct {
		tag   string
		apply func(string) string
	}{
		{"lower", lowerASCII}, {"upper", upperASCII},
		{"lowerfirst", func(s string) string { return lowerASCII(s[:min(1, len(s))]) + s[min(1, len(s)):] }},
		{"upperfirst", func(s string) string { return upperASCII(s[:min(1, len(s))]) + s[min(1, len(s)):] }},
		{"quotewildcard", strings.NewReplacer("*", `\*`, "?", `\?`, `\`, `\\`).Replace},
		{"length", func(s string) string { return strconv.Itoa(utf8.RuneCountInString(s)) }},
	} {
		if a.has(m.tag) {
			out = append(out, m.apply)
		}
	}
	return out
}

func lowerASCII(s string) string { return mapASCII(s, 'A', 'Z') }
func upperASCII(s string) string { return mapASCII(s, 'a', 'z') }

// mapASCII changes the case of the letters from first to last. The length in octets stays.
func mapASCII(s string, first, last byte) string {
	for i := range len(s) {
		if s[i] < first || s[i] > last {
			continue
		}
		b := []byte(s)
		for ; i < len(b); i++ {
			if b[i] >= first && b[i] <= last {
				b[i] ^= 0x20
			}
		}
		return string(b)
	}
	return s
}
