package jobs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// template is a text with fields in it, such as {{.User}}@old.example. It is the part of text/template that can do nothing but name a field and pass it
// through pure functions: no loops, no methods, no calls. It means what it means there.
type template struct {
	parts []part
}

// part is literal text, or a field with the functions that it passes through.
type part struct {
	text  string
	field string // "User", or the column's own name behind Extra
	extra bool
	funcs []templateFunc
}

// templateFields are those of every account.
var templateFields = []string{"User", "SourceUser", "TargetUser", "Name", "Job"}

type templateFunc struct {
	name string
	of   func(string) (string, error)
}

// templateFuncs are pure.
func templateFuncs() []templateFunc {
	return []templateFunc{
		{"lower", func(s string) (string, error) { return strings.ToLower(s), nil }},
		{"local", func(s string) (string, error) {
			if i := strings.LastIndexByte(s, '@'); i >= 0 {
				return s[:i], nil
			}
			return s, nil
		}},
		{"domain", func(s string) (string, error) {
			if i := strings.LastIndexByte(s, '@'); i >= 0 {
				return s[i+1:], nil
			}
			return "", fmt.Errorf("%q has no domain", s)
		}},
	}
}

// templateError is a mistake at an offset of the text, in octets.
type templateError struct {
	at        int
	msg, hint string
}

func (e *templateError) Error() string { return e.msg }

// compile reads a template.
func compile(text string) (*template, *templateError) {
	t := &template{}
	for at := 0; at < len(text); {
		open := strings.Index(text[at:], "{{")
		if open < 0 {
			t.parts = append(t.parts, part{text: text[at:]})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{text: text[at : at+open]})
		}
		at += open
		end := strings.Index(text[at:], "}}")
		if end < 0 {
			return nil, &templateError{at, "the closing }} is missing", ""}
		}
		p, err := compileAction(text, at+2, at+end)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, p)
		at += end + 2
	}
	return t, nil
}

// compileAction reads what stands between the braces: ".User", "lower .User", ".User | local | lower".
func compileAction(text string, from, to int) (part, *templateError) {
	var p part
	for n := 0; ; n++ {
		stage, end := to, true
		if i := strings.IndexByte(text[from:to], '|'); i >= 0 {
			stage, end = from+i, false
		}
		words := wordsOf(text, from, stage)
		switch {
		case len(words) == 0:
			return p, &templateError{from, "a field is missing", templateHint()}
		case n == 0 && strings.HasPrefix(words[len(words)-1].text, "."):
			if err := p.setField(words[len(words)-1]); err != nil {
				return p, err
			}
			words = words[:len(words)-1]
		case n == 0:
			last := words[len(words)-1]
			return p, &templateError{last.at, last.text + " is no field", templateHint()}
		}
		if len(words) > 1 {
			return p, &templateError{words[1].at, "a function takes one field", templateHint()}
		}
		for _, w := range words {
			i := slices.IndexFunc(templateFuncs(), func(f templateFunc) bool { return f.name == w.text })
			if i < 0 {
				return p, &templateError{w.at, w.text + " is no function", templateHint()}
			}
			p.funcs = append(p.funcs, templateFuncs()[i])
		}
		if end {
			return p, nil
		}
		from = stage + 1
	}
}

func templateHint() string {
	return "fields are .User, .SourceUser, .TargetUser, .Name, .Job and .Extra.COLUMN; functions are lower, local and domain"
}

type word struct {
	text string
	at   int
}

// wordsOf splits text[from:to] at blanks.
func wordsOf(text string, from, to int) []word {
	var out []word
	for from < to {
		if strings.IndexByte(" \t\r\n", text[from]) >= 0 {
			from++
			continue
		}
		end := from
		for end < to && strings.IndexByte(" \t\r\n", text[end]) < 0 {
			end++
		}
		out = append(out, word{text[from:end], from})
		from = end
	}
	return out
}

func (p *part) setField(w word) *templateError {
	name := strings.TrimPrefix(w.text, ".")
	if column, ok := strings.CutPrefix(name, "Extra."); ok && columnName(column) {
		p.field, p.extra = column, true
		return nil
	}
	if slices.Contains(templateFields, name) {
		p.field = name
		return nil
	}
	hint := templateHint()
	for _, f := range templateFields {
		if distance(strings.ToLower(name), strings.ToLower(f)) <= 2 {
			hint = "did you mean ." + f + "?"
			break
		}
	}
	return &templateError{w.at, w.text + " is no field", hint}
}

// columnName says whether a column can be named behind .Extra.
func columnName(s string) bool { return envName(s) && utf8.RuneCountInString(s) == len(s) }

// facts are the values of an account's fields.
type facts struct {
	user, sourceUser, targetUser, name, job string
	extra                                   map[string]string
}

var errNoValue = errors.New("is empty here")

func (f *facts) value(p part) (string, error) {
	v, ok := "", true
	switch {
	case p.extra:
		if v, ok = f.extra[p.field]; !ok {
			return "", fmt.Errorf("there is no column %s; name it in extra_columns", p.field)
		}
	case p.field == "User":
		v = f.user
	case p.field == "SourceUser":
		v = f.sourceUser
	case p.field == "TargetUser":
		v = f.targetUser
	case p.field == "Name":
		v = f.name
	case p.field == "Job":
		v = f.job
	}
	if v == "" {
		return "", fmt.Errorf(".%s %w", p.fieldName(), errNoValue)
	}
	return v, nil
}

func (p part) fieldName() string {
	if p.extra {
		return "Extra." + p.field
	}
	return p.field
}

// expand fills the fields in, each through escape, which makes a value harmless for where it will stand.
func (t *template) expand(f *facts, escape func(string) (string, error)) (string, error) {
	if len(t.parts) == 1 && t.parts[0].field == "" {
		return t.parts[0].text, nil
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.field == "" {
			b.WriteString(p.text)
			continue
		}
		v, err := f.value(p)
		for _, fn := range p.funcs {
			if err == nil {
				v, err = fn.of(v)
			}
		}
		if err == nil && escape != nil {
			v, err = escape(v)
		}
		if err != nil {
			return "", err
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// escapeURL keeps a value inside its part of an address.
func escapeURL(s string) (string, error) {
	if !strings.ContainsAny(s, "%/:?#") {
		return s, nil
	}
	return strings.NewReplacer("%", "%25", "/", "%2F", ":", "%3A", "?", "%3F", "#", "%23").Replace(s), nil
}

// escapePath keeps a value to one name in a path: a user called ../../root must not lead elsewhere.
func escapePath(s string) (string, error) {
	if s == "." || s == ".." || strings.ContainsAny(s, "/\\\x00") {
		return "", fmt.Errorf("%q can't be part of a path", s)
	}
	return s, nil
}
