package jobs

import (
	"strings"
	"testing"
	texttemplate "text/template"

	"pgregory.net/rapid"
)

var someFacts = facts{user: "Ada@Old.example", sourceUser: "ada.l", targetUser: "ada@new.example", name: "ada", job: "staff", extra: map[string]string{"dept": "R & D"}}

// inTextTemplate is what text/template makes of a template with the same fields and functions.
func inTextTemplate(text string, f facts) (string, error) {
	funcs := texttemplate.FuncMap{}
	for _, fn := range templateFuncs() {
		funcs[fn.name] = fn.of
	}
	t, err := texttemplate.New("").Funcs(funcs).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{"User": f.user, "SourceUser": f.sourceUser, "TargetUser": f.targetUser, "Name": f.name, "Job": f.job, "Extra": f.extra})
	return b.String(), err
}

// TestTemplatesMeanWhatTheyMeanInTextTemplate: whatever is accepted gives what text/template gives.
func TestTemplatesMeanWhatTheyMeanInTextTemplate(t *testing.T) {
	t.Parallel()
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"{{", "}}", ".User", ".Extra.dept", ".Extra.no", ".Name", ".", "|", " ", "lower", "local", "domain", "upper", "x@y", "é", "/", "{", "}", "$x", "\n"})
		text := strings.Join(rapid.SliceOfN(piece, 0, 14).Draw(t, "pieces"), "")
		tm, bad := compile(text)
		if bad != nil {
			if bad.at < 0 || bad.at > len(text) || bad.msg == "" {
				t.Fatalf("%q: %+v", text, bad)
			}
			return
		}
		got, err := tm.expand(&someFacts, nil)
		want, err2 := inTextTemplate(text, someFacts)
		if (err == nil) != (err2 == nil) || err == nil && got != want {
			t.Fatalf("%q: %q, %v; text/template says %q, %v", text, got, err, want, err2)
		}
		if err == nil && strings.Contains(text, "{{") {
			accepted++
		}
	})
	for _, text := range []string{"{{.User}}", "{{ .User }}@x", "{{.User | local | lower}}", "{{lower .User}}-{{domain .User|lower}}", "a{{.Extra.dept}}b", "{{.Job}}/{{.Name}}", "no fields", ""} {
		tm, bad := compile(text)
		if bad != nil {
			t.Errorf("%q: %v", text, bad)
			continue
		}
		got, err := tm.expand(&someFacts, nil)
		want, err2 := inTextTemplate(text, someFacts)
		if err != nil || err2 != nil || got != want {
			t.Errorf("%q: %q, %v; text/template says %q, %v", text, got, err, want, err2)
		}
	}
}

func TestTemplateMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, msg string
		at        int
	}{
		{"a{{.User", "the closing }} is missing", 1},
		{"{{}}", "a field is missing", 2},
		{"{{ | lower}}", "a field is missing", 2},
		{"{{.User | }}", "a field is missing", 9},
		{"{{.Usre}}", ".Usre is no field", 2},
		{"{{User}}", "User is no field", 2},
		{"{{.User.Name}}", ".User.Name is no field", 2},
		{"{{.Extra}}", ".Extra is no field", 2},
		{"{{lower b}}", "b is no field", 8},
		{"{{.User | upper}}", "upper is no function", 10},
		{"{{upper .User}}", "upper is no function", 2},
		{"{{lower local .User}}", "a function takes one field", 8},
		{"{{.User | lower .User}}", "a function takes one field", 16},
		{"{{if .User}}x{{end}}", "if is no function", 2},
		{"{{range .Extra}}{{end}}", ".Extra is no field", 8},
		{"{{- .User -}}", "-}} is no field", 0},
		{"{{/* x */}}", "/* is no field", 0},
		{"{{printf `%s` .User}}", "a function takes one field", 9},
		{"{{template .User}}", "template is no function", 2},
	} {
		_, bad := compile(c.text)
		switch {
		case bad == nil:
			t.Errorf("%q is accepted", c.text)
		case c.at == 0: // only that it is refused
		case bad.msg != c.msg || bad.at != c.at:
			t.Errorf("%q: %q at %d, want %q at %d", c.text, bad.msg, bad.at, c.msg, c.at)
		}
	}
}

func TestExpandedValuesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"..", ".", "a/b", `a\b`, "../../etc/passwd", "a\x00"} {
		if _, err := escapePath(user); err == nil {
			t.Errorf("%q can be part of a path", user)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		user := rapid.StringOfN(rapid.RuneFrom([]rune("ab@/:?#%[]é. ")), 1, 20, -1).Draw(t, "user")
		tm, _ := compile("pop3s://{{.User}}@pop.old.example:1995")
		text, err := tm.expand(&facts{user: user}, escapeURL)
		if err != nil {
			t.Fatal(err)
		}
		a, bad := parseAddress(text, asSource, "/")
		if bad != nil || a.user != user || a.host != "pop.old.example" || a.port != 1995 {
			t.Fatalf("%q: %q gives %+v, %v", user, text, a, bad)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{{.User}}", "a{{.Extra.x | lower}}b", "{{", "}}", "{{domain .User}}", "{{lower}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tm, bad := compile(text)
		if bad != nil {
			if bad.at < 0 || bad.at > len(text) {
				t.Errorf("%q: at %d", text, bad.at)
			}
			return
		}
		got, err := tm.expand(&someFacts, nil)
		if want, err2 := inTextTemplate(text, someFacts); (err == nil) != (err2 == nil) || err == nil && got != want {
			t.Errorf("%q: %q, %v; text/template says %q, %v", text, got, err, want, err2)
		}
	})
}
