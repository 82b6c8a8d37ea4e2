package route

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"poplift/migrate"
)

// plainNames mean nothing, and nastily much.
var plainNames = []string{"Work", "work", "WORK", "a/b", "a∕b", "a.b", "a․b", "v1.0", "100%", "100﹪", "*", "∗", ".", "..", "", " ", "  x ", "x.",
	"x․", ".x", "~home", "∼home",
	"#news", "﹟news", "inbox", "INBOX", "Inbox", "É", "E\u0301", "ß", "SS", "ss", "İ", "a\x00b", "a␀b", "a\nb", "a\x7f", "\u0085", "\xff",
	"\xff\xfe", "\ufffd", "\uffff",
	"ˈ", "ˈˈ", "ˈFFˈ", "ˈ0085ˈ", "ˈnameless", "›", "a›b", "b", "a", "日本語", "📁", "\\", "∖", "\"q\"", "{x}", "=", "a=b", "-", "[x]", "&", "&-",
	"&AMk-", "x\u0338", "/\u0338", "|\u0338",
	"work-3f9a1c2e", "Вася", "כתב", "a\u202eb", "\u00a0", "\u3000", "ſ", "K", "\u0345", "ͅα", "Ǆ", "ǅ", "\ud7ff", "[Gmail]", "[Google Mail]",
	strings.Repeat("x", 200), strings.Repeat("x", 300),
	strings.Repeat("ü", 120), strings.Repeat("日", 100) + "1", strings.Repeat("日", 100) + "2", strings.Repeat("😀", 80)}

// specialNames mean something.
func specialNames() []string {
	out := []string{"Outbox", "Templates", "Verschickt", "[Gmail]", "sent", "SENT", "Sent-1a2b3c4d"}
	for _, l := range append([]language{english}, languages...) {
		out = append(out, strings.Split(strings.Join([]string{l.sent, l.drafts, l.trash, l.junk, l.archive}, "|"), "|")...)
	}
	return out
}

func drawName(t *rapid.T, pools ...[]string) string {
	if rapid.IntRange(0, 9).Draw(t, "made up") == 0 {
		return rapid.StringN(0, 30, 80).Draw(t, "name")
	}
	return rapid.SampledFrom(pools[rapid.IntRange(0, len(pools)-1).Draw(t, "pool")]).Draw(t, "name")
}

func drawPath(t *rapid.T, pools ...[]string) migrate.Path {
	depth := rapid.SampledFrom([]int{0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 5, 5, 40}).Draw(t, "depth")
	if depth == 40 {
		return append(slices.Repeat(migrate.Path{"deeper and"}, rapid.IntRange(20, 80).Draw(t, "deep")), drawName(t, pools...))
	}
	var p migrate.Path
	for range depth {
		p = append(p, drawName(t, pools...))
	}
	return p
}

// drawPlain draws folders of one source whose names tell nothing.
func drawPlain(t *rapid.T) []migrate.SourceFolder {
	var out []migrate.SourceFolder
	seen := map[string]bool{}
	for range rapid.IntRange(1, 15).Draw(t, "folders") {
		p := drawPath(t, plainNames)
		if k := joinedKey(p); !seen[k] {
			seen[k] = true
			out = append(out, migrate.SourceFolder{Source: "s", Path: p, Messages: 1})
		}
	}
	return out
}

// drawAny draws folders of some sources, some with roles, and some with names that tell one.
func drawAny(t *rapid.T) []migrate.SourceFolder {
	special := specialNames()
	var out []migrate.SourceFolder
	seen := map[string]bool{}
	for range rapid.IntRange(1, 20).Draw(t, "folders") {
		f := migrate.SourceFolder{Source: rapid.SampledFrom([]string{"", "a", "b [x]"}).Draw(t, "source"), Path: drawPath(t, special, special,
			plainNames)}
		if rapid.IntRange(0, 3).Draw(t, "has role") == 0 {
			f.Role = rapid.SampledFrom(append([]migrate.Role{migrate.RoleInbox, "unheard of"}, known...)).Draw(t, "role")
		}
		if k := joinedKey(append([]string{f.Source, string(f.Role)}, f.Path...)); !seen[k] {
			seen[k] = true
			out = append(out, f)
		}
	}
	return out
}

func drawServer(t *rapid.T) server { return rapid.SampledFrom(servers()).Draw(t, "server") }

// drawLayout draws one that no server has.
func drawLayout(t *rapid.T) migrate.Layout {
	if rapid.Bool().Draw(t, "real") {
		return drawServer(t).layout
	}
	special := specialNames()
	l := migrate.Layout{Delimiter: rapid.SampledFrom([]string{"", "/", ".", "\\", "^", "-", ";", "~"}).Draw(t, "delimiter")}
	l.Prefix = rapid.SampledFrom([]string{"", "", "INBOX", "mail"}).Draw(t, "prefix")
	if l.Prefix != "" {
		l.Prefix += l.Delimiter
	}
	l.Refused = rapid.SampledFrom([]string{"", "/.", "!\"#$&'()+,-:;<=>?@[\\]^_`{|}~ ", "é日"}).Draw(t, "refused")
	l.MaxName, l.MaxWhole = rapid.SampledFrom([]int{0, 40, 255}).Draw(t, "longest name"), rapid.SampledFrom([]int{0, 50, 400}).Draw(t,
		"longest whole name")
	l.UTF8, l.BasicPlane, l.MailOrChildren = rapid.Bool().Draw(t, "utf8"), rapid.Bool().Draw(t, "basic plane"), rapid.Bool().Draw(t,
		"mail or children")
	l.Boxes = append(l.Boxes, migrate.Box{Name: "INBOX", NoInferiors: rapid.Bool().Draw(t, "noinferiors")})
	seen := map[string]bool{}
	for range rapid.IntRange(0, 12).Draw(t, "boxes") {
		b := migrate.Box{NoSelect: rapid.IntRange(0, 5).Draw(t, "noselect") == 0, NoInferiors: rapid.IntRange(0, 5).Draw(t, "noinferiors") == 0}
		var comps []string
		for range rapid.IntRange(1, 3).Draw(t, "depth") {
			if c := drawName(t, special, plainNames); c != "" && !strings.Contains(c, l.Delimiter) {
				comps = append(comps, c)
			}
		}
		b.Name = l.Prefix + strings.Join(comps, l.Delimiter)
		if rapid.IntRange(0, 4).Draw(t, "marked") == 0 {
			b.Role = rapid.SampledFrom(known[:5]).Draw(t, "role")
		}
		if len(comps) > 0 && !seen[b.Name] && !isInbox(b.Name) {
			seen[b.Name] = true
			l.Boxes = append(l.Boxes, b)
		}
	}
	return l
}

func route(t interface{ Fatal(...any) }, o Options, l migrate.Layout, folders []migrate.SourceFolder) []migrate.Way {
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ways, err := e.Route(l, folders)
	if err != nil {
		t.Fatal(err)
	}
	return ways
}

func nfc(p migrate.Path) string {
	c := make([]string, len(p))
	for i, n := range p {
		c[i] = norm.NFC.String(n)
	}
	if len(c) == 0 {
		c = []string{"INBOX"}
	}
	if isInbox(c[0]) {
		c[0] = "INBOX"
	}
	return joinedKey(c)
}

// Folders whose names tell nothing have each a folder of their own, unless their names are one text.
func TestRoutesArePlainlyInjective(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, from := drawLayout(t), map[string]string{}
		for _, w := range route(t, Options{}, l, drawPlain(t)) {
			k := nfc(w.From.Path)
			if other, ok := from[w.Name]; ok && other != k {
				t.Fatalf("%q and %q both go to %q", other, k, w.Name)
			}
			from[w.Name] = k
		}
	})
}

// Folders share one only by a role, theirs or that of one above, or by being one text.
func TestOnlyRulesMerge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		folders := drawAny(t)
		ways := route(t, Options{}, drawLayout(t), folders)
		roles := map[string]migrate.Role{}
		for _, w := range ways {
			k := nfc(w.From.Path)
			if r, ok := roles[k]; ok && r != w.Role {
				t.Skip("one path with two roles")
			}
			roles[k] = w.Role
		}
		from := map[string]string{}
		for _, w := range ways {
			k := nfc(w.From.Path)
			if len(w.From.Path) == 0 && w.Role != "" {
				k = string(w.Role) + " " + nfc(migrate.Path{"-"})
			}
			for i := len(w.From.Path); i > 0; i-- {
				r := roles[nfc(w.From.Path[:i])]
				if word, _, _ := RoleOf(w.From.Path[0]); r == "" && i == 1 && strings.HasPrefix(w.Why, "below "+roleText(word)) {
					r = word // called like a role's folder, which counts even without mail of its own
				}
				if r != "" {
					k = string(r) + " " + nfc(append(migrate.Path{"-"}, w.From.Path[i:]...))
					break
				}
			}
			if other, ok := from[w.Name]; ok && other != k {
				t.Fatalf("%q and %q both go to %q: %+v", other, k, w.Name, ways)
			}
			from[w.Name] = k
		}
	})
}

// Every name can be made on every kind of server.
func TestNamesAreLegal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, legal)
}

func legal(t *rapid.T) {
	s := drawServer(t)
	folders := drawAny(t)
	ways := route(t, Options{}, s.layout, folders)
	byKey := map[string]string{}
	for _, b := range s.layout.Boxes {
		byKey[Fold(b.Name)] = b.Name
	}
	holds := map[string]bool{}
	for _, w := range ways {
		if b := indexBoxes(s.layout).at(w.Name); b != nil {
			if b.NoSelect || w.Create {
				t.Fatalf("%+v", w)
			}
			continue
		}
		if err := s.takes(w.Name); err != nil || !w.Create {
			t.Fatalf("%s: %+v: %v", s.name, w, err)
		}
		if other, ok := byKey[Fold(w.Name)]; ok && other != w.Name {
			t.Fatalf("%s: %q and %q are one to a server that doesn't mind case", s.name, other, w.Name)
		}
		byKey[Fold(w.Name)] = w.Name
		holds[w.Name] = true
	}
	for name := range holds {
		for up := name; s.layout.MailOrChildren && strings.Contains(up, s.layout.Delimiter); {
			up = up[:strings.LastIndex(up, s.layout.Delimiter)]
			if holds[up] || isInbox(up) {
				t.Fatalf("%s: %q holds mail and %q", s.name, up, name)
			}
		}
	}
}

// A second run, with the folders of the first there, goes the same ways, in whatever order the folders come.
func TestSecondRunGoesTheSameWays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, secondRun)
}

func secondRun(t *rapid.T) {
	l, folders, o := drawLayout(t), drawAny(t), drawOptions(t)
	first := route(t, o, l, folders)
	sameAgain(t, o, made(l, first, rapid.Bool().Draw(t, "marked"), drawParents(t, l, o)), first, first)
}

// So does one after a run that was cut off, for all folders that have been made.
func TestRunAfterACutGoesTheSameWays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, folders, o := drawLayout(t), drawAny(t), drawOptions(t)
		l.Boxes = slices.DeleteFunc(slices.Clone(l.Boxes),
			func(b migrate.Box) bool { return b.NoSelect }) // after a cut nobody can tell them from parents
		first := route(t, o, l, folders)
		done := slices.DeleteFunc(slices.Clone(first), func(migrate.Way) bool { return rapid.IntRange(0, 3).Draw(t, "cut off") == 0 })
		sameAgain(t, o, made(l, done, rapid.Bool().Draw(t, "marked"), drawParents(t, l, o)), first, done)
	})
}

// drawParents draws how a server lists the folders between.
func drawParents(t *rapid.T, l migrate.Layout, o Options) string {
	parents := rapid.SampledFrom([]string{"", "noselect", "select"}).Draw(t, "parents")
	switch {
	case parents == "select" && l.MailOrChildren:
		return "noselect"
	case parents == "select" && o.Map != nil:
		return "" // the user's own names can want to be above folders that are there, which no server makes mailboxes of by itself
	}
	return parents
}

func sameAgain(t *rapid.T, o Options, l migrate.Layout, first, done []migrate.Way) {
	var folders []migrate.SourceFolder
	for _, w := range first {
		folders = append(folders, w.From)
	}
	second := map[string]migrate.Way{}
	for _, w := range route(t, o, l, rapid.Permutation(folders).Draw(t, "order")) {
		second[lineKey(w)+joinedKey(w.From.Path)] = w
	}
	for _, w := range done {
		x := second[lineKey(w)+joinedKey(w.From.Path)]
		if x.Name != w.Name || x.Role != w.Role || x.Excluded != w.Excluded || x.Create {
			t.Fatalf("first %+v\nthen  %+v", w, x)
		}
	}
}

// Folders that come later move none of those that are there, unless they are above them: a folder without mail has no name of its own until it
// gets some.
func TestLaterFoldersMoveNone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := servers()[0].layout
		folders, more := drawPlain(t), drawPlain(t)
		more = slices.DeleteFunc(more, func(m migrate.SourceFolder) bool {
			return slices.ContainsFunc(folders, func(f migrate.SourceFolder) bool { return strings.HasPrefix(nfc(f.Path), nfc(m.Path)) })
		})
		first := route(t, Options{}, l, folders)
		later := route(t, Options{}, made(l, first, true, ""), append(slices.Clone(folders), more...))
		for i, w := range first {
			if later[i].Name != w.Name {
				t.Fatalf("first %+v\nthen  %+v", w, later[i])
			}
		}
	})
}

// The plan, written down and given back, is the same plan.
func TestPlanComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, folders := drawLayout(t), drawAny(t)
		ways := route(t, drawOptions(t), l, folders)
		var file bytes.Buffer
		if err := WriteMapFile(&file, ways); err != nil {
			t.Fatal(err)
		}
		text := file.String()
		rules, err := ParseMapFile(&file)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for i, w := range route(t, Options{Map: rules}, l, folders) {
			if x := ways[i]; w.Name != x.Name || w.Role != x.Role || w.Create != x.Create || (w.Excluded == "") != (x.Excluded == "") {
				t.Fatalf("%+v\nbecame %+v by\n%s", x, w, text)
			}
		}
	})
}

// drawOptions draws rules of the user; mostly none.
func drawOptions(t *rapid.T) Options {
	var o Options
	pick := func(from ...string) string { return rapid.SampledFrom(from).Draw(t, "rule") }
	for range rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "rules") {
		r, err := ParseRule(pick("Work=Old", "work=Old/Work", "*=**", "Archive/**=Old/**", "Work=\\Sent", "INBOX=Old", "Sent=Sent", "*/b=*",
			"Trash=-", "Gesendet=\"X\" \\Sent",
			"a*=b*", "\\Sent=Sent Items", "**=All/**", "Work=Gesendet", "Papierkorb=Sent"))
		if err == nil {
			o.Map = append(o.Map, r)
		}
	}
	o.Into = pick("", "", "", "Old", "\\Archive/Old", "INBOX/Old", "\"Old\"")
	if s := pick("", "", "Work", "\\Trash"); s != "" {
		o.Exclude = []string{s}
	}
	return o
}

// The engine holds nothing that a run changes.
func TestEngineIsShared(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Map: rulesOf(t, "Old/*=*", "straße=Weg"), Exclude: []string{"É*"}})
	if err != nil {
		t.Fatal(err)
	}
	from := manyFolders(50)
	for _, n := range plainNames {
		from = append(from, migrate.SourceFolder{Path: migrate.Path{n}})
	}
	want, _ := e.Route(servers()[0].layout, from)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			got, err := e.Route(servers()[0].layout, from)
			if err != nil || !slices.EqualFunc(got, want, func(a, b migrate.Way) bool { return a.Name == b.Name && a.Why == b.Why }) {
				t.Errorf("another answer: %v", err)
			}
		})
	}
	wait.Wait()
}

// FuzzRoute looks for names that no server takes, and for second runs that go other ways.
func FuzzRoute(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		legal(t)
		secondRun(t)
	}))
}
