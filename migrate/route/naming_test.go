package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
)

func with(l migrate.Layout, boxes ...migrate.Box) migrate.Layout {
	l.Boxes = append(slices.Clone(l.Boxes), boxes...)
	return l
}

// Folders that are there are used, and those that can't take mail or folders are not.
func TestFoldersThatAreThere(t *testing.T) {
	t.Parallel()
	sdbox, courier, exchange := serverNamed(t, "dovecot sdbox"), serverNamed(t, "courier"), serverNamed(t, "exchange")
	mbox := migrate.Layout{Delimiter: "/", MailOrChildren: true, Boxes: []migrate.Box{{Name: "INBOX"}, {Name: "Work", NoInferiors: true},
		{Name: "Dir", NoSelect: true},
		{Name: "Sent", Role: migrate.RoleSent, NoInferiors: true}, {Name: "Implied/x", NoInferiors: true}}}
	cases := map[string]struct {
		layout migrate.Layout
		lines  string
	}{
		"another case": {with(sdbox, migrate.Box{Name: "work"}, migrate.Box{Name: "LISTS/go"}), `
			Work → work
			Work/a → + work/a
			lists/Go → LISTS/go
			lists/rust → + LISTS/rust`},
		"both cases": {with(sdbox, migrate.Box{Name: "work"}, migrate.Box{Name: "Work"}), `
			WORK → + WORK-1c512dcf
			Work → Work
			work → work`},
		"the second of two by its name": {with(sdbox, migrate.Box{Name: "work"}), `
			Work → + Work-5677338f
			work → work`},
		"decomposed": {with(courier, migrate.Box{Name: "INBOX.E\u0301te\u0301"}), `
			Été → INBOX.E` + "\u0301te\u0301" + `
			Été/Nice → + INBOX.E` + "\u0301te\u0301" + `.Nice`},
		"named as we never would": {with(sdbox, migrate.Box{Name: "50%"}, migrate.Box{Name: "#x"}, migrate.Box{Name: "50﹪"}), `
			50% → 50%
			50﹪ → + 50ˈ﹪
			#x → #x
			#y → + ﹟y`},
		"no mail in it": {with(sdbox, migrate.Box{Name: "Lists", NoSelect: true}, migrate.Box{Name: "Lists/Lists"}), `
			Lists → Lists/Lists
			Lists/a → + Lists/a`},
		"no mail in it, and the name inside is another's": {with(sdbox, migrate.Box{Name: "Lists", NoSelect: true}), `
			Lists → + Lists/Lists-afc14645
			Lists/Lists → + Lists/Lists`},
		"no folders in it": {with(sdbox, migrate.Box{Name: "Work", NoInferiors: true}), `
			Work → Work
			Work/a → + Work›a
			Work/a/b → + Work›a/b
			Work›a → + Workˈ›a`},
		"no folders in INBOX": {migrate.Layout{Delimiter: "/", Boxes: []migrate.Box{{Name: "Inbox", NoInferiors: true}}}, `
			INBOX → INBOX
			INBOX/a → + INBOX›a
			a → + a`},
		"a folder's mail or others": {mbox, `
			Work → Work
			Work/a → + Work›a
			Dir → + Dir/Dir
			Dir/a → + Dir/a
			Sent → Sent \Sent
			Sent/2019 → + Sent›2019
			Implied → + Implied/Implied
			Implied/x → Implied/x
			Implied/y/z → + Implied/y/z`},
		"INBOX's children and others": {courier, `
			INBOX/a → + INBOX.a-abdc398d
			a → + INBOX.a
			INBOX/b → + INBOX.b`},
		"called so, and not marked": {with(courier, migrate.Box{Name: "INBOX.Gesendet"}, migrate.Box{Name: "INBOX.Sent Items"}, migrate.Box{Name: "INBOX.Bin", NoSelect: true}), `
			Envoyés → INBOX.Sent Items \Sent
			Corbeille → + INBOX.Corbeille \Trash`},
		"called so in another language": {with(courier, migrate.Box{Name: "INBOX.Gesendet"}), `
			Sent{sent} → INBOX.Gesendet \Sent
			Sent/2019 → + INBOX.Gesendet.2019`},
		"marked twice": {with(exchange, box("Y", migrate.RoleTrash), box("X/Trash", migrate.RoleTrash), box("Z", migrate.RoleSent)), `
			Trash{trash} → Y \Trash
			Sent{sent} → Z \Sent`},
		"marked, and no mail in it": {migrate.Layout{Delimiter: "/", Boxes: []migrate.Box{{Name: "Sent", Role: migrate.RoleSent, NoSelect: true}}}, `
			Sent{sent} → + Sent-2e375a12 \Sent`},
		"two clients with one name for two things": {sdbox, `
			a: Trash{archive} → Archive \Archive
			b: Trash{trash} → Trash \Trash`},
		"the same on a bare server": {courier, `
			a: Trash{archive} → + INBOX.Archive \Archive
			b: Trash{trash} → + INBOX.Trash \Trash`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, Options{}, c.layout, c.lines)
		})
	}
}

func TestLongNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("日本", 80)
	maildir := serverNamed(t, "dovecot maildir")
	ways := route(t, Options{}, maildir, []migrate.SourceFolder{{Path: migrate.Path{long + "1"}}, {Path: migrate.Path{long + "2"}},
		{Path: migrate.Path{long + "2", "below the long name"}},
		{Path: migrate.Path{strings.Repeat("y", 150), strings.Repeat("z", 150)}}})
	for i, w := range ways {
		if err := servers()[0].takes(w.Name); err != nil || !strings.Contains(w.Why, "shortened") {
			t.Errorf("%d: %+v: %v", i, w, err)
		}
	}
	if a, b := ways[0].Name, ways[1].Name; a == b || !strings.HasPrefix(a, "日本日本") || !strings.HasPrefix(ways[3].Name, "yyy") {
		t.Errorf("%q %q", a, b)
	}
	if got := ways[2].Name; strings.Contains(got, "/") || !strings.HasSuffix(got, "-"+got[len(got)-8:]) {
		t.Errorf("below a name that takes all the room: %q", got)
	}
}

// 300 levels are 300 on a server that takes them, and fewer on one that has no room for so many.
func TestDeepTrees(t *testing.T) {
	t.Parallel()
	var from []migrate.SourceFolder
	for depth := 1; depth <= 300; depth++ {
		var p migrate.Path
		for i := range depth {
			p = append(p, fmt.Sprintf("level %d", i))
		}
		from = append(from, migrate.SourceFolder{Path: p})
	}
	for _, s := range servers() {
		seen := map[string]bool{}
		ways := route(t, Options{}, s.layout, from)
		for _, w := range ways {
			if err := s.takes(w.Name); err != nil || seen[w.Name] {
				t.Fatalf("%s: %+v: %v", s.name, w, err)
			}
			seen[w.Name] = true
		}
		if s.name == "dovecot sdbox" && strings.Count(ways[250].Name, "/") != 250 {
			t.Errorf("%s: %q", s.name, ways[250].Name)
		}
		again := route(t, Options{}, made(s.layout, ways, true, ""), from)
		for i := range again {
			if again[i].Name != ways[i].Name {
				t.Fatalf("%s: %q, then %q", s.name, ways[i].Name, again[i].Name)
			}
		}
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	from := folders(`
		INBOX{inbox}
		INBOX/a.b
		Envoyés
		Envoyés/2019
		Trash{trash}
		Templates{templates}
		Old
		Old/x
		Work
		work`)
	ways := route(t, Options{Map: rulesOf(t, "Old=New")}, serverNamed(t, "dovecot maildir"), from)
	for i, want := range []string{"the client's role", "the same name, written so that the target takes it", `the target's \Sent (the name, in French)`, `below \Sent`,
		`the target's \Trash`, "the client's role", "your map", "your map, of a folder above", "the same name", "the same name, kept apart from Work"} {
		if ways[i].Why != want {
			t.Errorf("%v: %s, want %s", ways[i].From.Path, ways[i].Why, want)
		}
	}
}

// manyFolders and manyBoxes make 10,000 each, half of which are the same.
func manyFolders(n int) []migrate.SourceFolder {
	var out []migrate.SourceFolder
	for i := range n {
		out = append(out, migrate.SourceFolder{Source: "s", Path: migrate.Path{fmt.Sprintf("Bereich %d", i%100), fmt.Sprintf("Jahr Ä%d",
			i/100%10), fmt.Sprintf("Kunde %d & Söhne", i)},
			Messages: 1})
	}
	return out
}

func manyBoxes(l migrate.Layout, n int) migrate.Layout {
	out := with(l)
	for i := range n {
		out.Boxes = append(out.Boxes, migrate.Box{Name: fmt.Sprintf("BEREICH %d/Jahr Ä%d/Kunde %d & Söhne", i%100, i/100%10, i*2)})
	}
	return out
}

func TestManyFolders(t *testing.T) {
	t.Parallel()
	l, from := manyBoxes(serverNamed(t, "dovecot sdbox"), 3000), manyFolders(3000)
	seen := map[string]bool{}
	there := 0
	for _, w := range route(t, Options{}, l, from) {
		if seen[w.Name] {
			t.Fatalf("twice %q", w.Name)
		}
		if seen[w.Name] = true; !w.Create {
			there++
		}
	}
	if there == 0 {
		t.Error("no folder that is there was found")
	}
}

func BenchmarkRoute(b *testing.B) {
	l, from := manyBoxes(servers()[2].layout, 10_000), manyFolders(10_000)
	e, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	ways, err := e.Route(l, from)
	if err != nil {
		b.Fatal(err)
	}
	var file strings.Builder
	if err := WriteMapFile(&file, ways); err != nil {
		b.Fatal(err)
	}
	rules, err := ParseMapFile(strings.NewReader(file.String()))
	if err != nil {
		b.Fatal(err)
	}
	planned, err := New(Options{Map: rules})
	if err != nil {
		b.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"10,000 folders and boxes":       func() error { _, err := e.Route(l, from); return err },
		"the same by a plan":             func() error { _, err := planned.Route(l, from); return err },
		"reading a plan of 10,000 lines": func() error { _, err := ParseMapFile(strings.NewReader(file.String())); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
