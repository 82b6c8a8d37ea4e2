package route

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"poplift/migrate"
)

const sampleFile = "\ufeff# a plan\r\n" + `
Work = Projects   # with a comment
	a\#b=C#sharp
Old/* = Archive/*

[pop3s://me@old.example/ #1]
Work = -
\Sent = "Gesendet" \Sent # the target's
[Gmail]/All Mail = \Archive
[a\]b]   # a source with a bracket
INBOX = Inbox/"quoted"
Work \Outbox = Later
Work = Now`

func TestParseMapFile(t *testing.T) {
	t.Parallel()
	rules, err := ParseMapFile(strings.NewReader(sampleFile))
	if err != nil {
		t.Fatal(err)
	}
	l := serverNamed(t, "dovecot sdbox")
	folders := []migrate.SourceFolder{{Source: "x", Path: migrate.Path{"Work"}}, {Source: "x", Path: migrate.Path{"a#b"}}, {Source: "x",
		Path: migrate.Path{"Old", "y"}},
		{Source: "pop3s://me@old.example/ #1", Path: migrate.Path{"Work"}}, {Source: "pop3s://me@old.example/ #1", Path: migrate.Path{"Sent"}},
		{Source: "pop3s://me@old.example/ #1", Path: migrate.Path{"[Gmail]", "All Mail"}}, {Source: "a]b", Path: migrate.Path{"Work"}},
		{Source: "a]b", Path: migrate.Path{"Work"}, Role: migrate.RoleOutbox}, {Source: "a]b"}}
	want := []string{"Projects", "C#sharp", "Archive/y", "", "Gesendet", "Archive", "Now", "Later", `INBOX/"quoted"`}
	for i, w := range route(t, Options{Map: rules}, l, folders) {
		if w.Name != want[i] {
			t.Errorf("%+v → %q, want %q", w.From, w.Name, want[i])
		}
	}
}

func TestMapFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		file string
		want string
	}{
		"no rule":        {"a = b\n\nc\n", `line 3, column 2: "=" is missing`},
		"a bad escape":   {"a = b\n  ü\\q = c", `line 2, column 4: "\q" means nothing`},
		"twice":          {"a = b\n# x\na = c", "line 3, column 1: this folder has a rule in line 1 already"},
		"no UTF-8":       {"a = b\xff", "line 1, column 6: an octet that is no UTF-8"},
		"section":        {"[a\\q]\n", `line 1, column 3: "\q"`},
		"open section":   {"[a\n", `line 1, column 3: "=" is missing`},
		"too long":       {"a = b\n" + strings.Repeat("x", maxMapLine+1), "line 2, column 65536: the line is too long"},
		"all are listed": {"a\nb\nc=d\ne", "line 4, column 2"},
		"comment only":   {"a = # nothing", "line 1, column 5: a folder's name is missing"},
	}
	for name, c := range cases {
		_, err := ParseMapFile(strings.NewReader(c.file))
		var e *SyntaxError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := ParseMapFile(strings.NewReader(strings.Repeat("x\n", 1000))); strings.Count(err.Error(), "\n") != maxMapErrors-1 {
		t.Errorf("%v", err)
	}
	if _, err := ParseMapFile(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := ParseMapFile(&endless{}); err == nil || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("%v", err)
	}
	for _, file := range []string{"a = b\nA = c\n", "[x]\na = b\n[y]\na = c\n", "a = b\na \\Sent = c", "a* = b\na* = c"} {
		if rules, err := ParseMapFile(strings.NewReader(file)); err != nil || len(rules) != 2 {
			t.Errorf("%q: %d rules, %v", file, len(rules), err)
		}
	}
}

// endless is a file of comments without an end.
type endless struct{}

func (*endless) Read(p []byte) (int, error) {
	return copy(p, strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", 1+len(p)/1003)), nil
}

func TestWriteMapFile(t *testing.T) {
	t.Parallel()
	ways := []migrate.Way{
		{From: migrate.SourceFolder{Source: "a", Messages: 1234, Octets: 5_600_000}, Name: "INBOX", Role: migrate.RoleInbox, Why: "the inbox"},
		{From: migrate.SourceFolder{Source: "a", Path: migrate.Path{"Sent"}, Messages: 1}, Name: "Gesendet", Role: migrate.RoleSent,
			Create: true, Why: "the client's role"},
		{From: migrate.SourceFolder{Source: "a", Path: migrate.Path{"Trash"}}, Excluded: "excluded by \"x\ny\""},
		{From: migrate.SourceFolder{Source: "b", Path: migrate.Path{"[x]", "a/b", "", " =#*\"\\ "}}, Name: "x\"\\\n"},
		{From: migrate.SourceFolder{Source: "b", Path: migrate.Path{"W"}}, Name: "W"},
		{From: migrate.SourceFolder{Source: "b", Path: migrate.Path{"W"}, Role: migrate.RoleOutbox}, Name: "Outbox", Role: migrate.RoleOutbox},
	}
	var b bytes.Buffer
	if err := WriteMapFile(&b, ways); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(b.String(), mapHead)
	want := `
[a]
INBOX                        = "INBOX"                      # 1234 messages, 5.6 MB: the inbox
Sent                         = "Gesendet" \Sent             # 1 messages, 0 B: the client's role, new
Trash                        = -                            # 0 messages, 0 B: excluded by "x?y"

[b]
\[x]/a\/b/\e/\ \=\#\*\"\\\   = "x\"\\\x0A"                  # 0 messages, 0 B: 
W                            = "W"                          # 0 messages, 0 B: 
W \Outbox                    = "Outbox" \Outbox             # 0 messages, 0 B: 
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := WriteMapFile(failing{}, ways); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestOctets(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1 << 62: "4.6 EB"} {
		if got := octets(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// A file that can be read gives rules that can be used; one that can't says where.
func FuzzParseMapFile(f *testing.F) {
	f.Add(sampleFile)
	f.Add(mapHead)
	f.Add("a**b = c\n[\nx = \"\\\"")
	f.Add("\\Sent/x = \\Trash\n*-*/** = */*\n")
	f.Fuzz(func(t *testing.T, file string) {
		rules, err := ParseMapFile(strings.NewReader(file))
		if err != nil {
			var e *SyntaxError
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
				t.Fatalf("%v", err)
			}
			return
		}
		l := servers()[0].layout
		for _, w := range route(t, Options{Map: rules}, l, fuzzFolders) {
			if (w.Name == "") == (w.Excluded == "") {
				t.Fatalf("%+v", w)
			}
		}
	})
}

var fuzzFolders = []migrate.SourceFolder{{}, {Path: migrate.Path{"a"}}, {Path: migrate.Path{"x-y-z", "b"}}, {Path: migrate.Path{"Sent"},
	Role: migrate.RoleSent},
	{Path: migrate.Path{"STRASSE", "", "\xff"}}, {Path: migrate.Path{"a", "b", "c", "d", "e"}}}

// A pattern that is read means what was written: with every wildcard filled, it matches, and gives the fillings back on the right side.
func FuzzPattern(f *testing.F) {
	f.Add("Old/*", "Old/a")
	f.Add("**/x*y/**", "a/b/xy/c")
	f.Add(`\Sent`, "Sent")
	f.Add("*-*-*", "a--b-c")
	f.Add("straße*", "STRASSEN")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, err := parsePattern(pattern)
		if err != nil {
			return
		}
		names := strings.Split(path, "/")
		for _, fold := range []bool{false, true} {
			as := exactName
			if fold {
				as = foldedName
			}
			caps, ok := p.match(all(names, as), fold)
			if !ok || len(p.parts) == 0 {
				continue
			}
			back, ok := fill(p.parts, caps)
			if ok && !slices.EqualFunc(back, names, func(a, b string) bool { return as(a).key == as(b).key }) {
				t.Fatalf("%q on %q gives %q and that %q", pattern, names, caps, back)
			}
		}
	})
}
