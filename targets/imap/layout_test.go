package imap

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// lists answers LIST "" "*", or XLIST, with lines, and leaves the rest to the server.
func lists(lines ...string) func(*imaptest.Switches) {
	return func(w *imaptest.Switches) {
		w.Intercept = func(verb, args string) string {
			if (verb == "LIST" || verb == "XLIST") && strings.Contains(args, `"*"`) {
				return strings.Join(append(slices.Clone(lines), "OK done"), "\n")
			}
			return ""
		}
	}
}

// both makes two changes.
func both(a, b func(*imaptest.Switches)) func(*imaptest.Switches) {
	return func(w *imaptest.Switches) { a(w); b(w) }
}

// shown is a layout in a line a box, for comparison.
func shown(l migrate.Layout) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q max %d %d refused %q either %v\n", l.Prefix, l.Delimiter, l.MaxName, l.MaxWhole, l.Refused, l.MailOrChildren)
	if l.BasicPlane {
		b.WriteString("no emoji\n")
	}
	for _, x := range l.Boxes {
		b.WriteString(x.Name)
		if x.Role != "" {
			b.WriteString(" " + string(x.Role))
		}
		if x.NoSelect {
			b.WriteString(" -mail")
		}
		if x.NoInferiors {
			b.WriteString(" -children")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// What servers said here (Dovecot 2.3, Cyrus 3.6, Courier 5.0, mailutils 3.15), and what others are known to say.
func TestLayout(t *testing.T) {
	caps := func(names ...string) func(*imaptest.Switches) {
		return func(w *imaptest.Switches) { w.Caps = append(imaptest.Without(imaptest.DefaultCaps, "MOVE"), names...) }
	}
	as := func(id, delimiter, prefix string) func(*imaptest.Switches) {
		return func(w *imaptest.Switches) {
			w.ID, w.Delimiter, w.Prefix = `("version" "1" "name" "`+id+`" "support" NIL)`, delimiter, prefix
		}
	}
	noDot := func(w *imaptest.Switches) {
		w.RefuseName = func(name string) string {
			if strings.Contains(name, ".") {
				return "NO [CANNOT] Character not allowed in mailbox name: '.'"
			}
			return ""
		}
	}
	cases := map[string]struct {
		change func(*imaptest.Switches)
		want   string
	}{
		"dovecot": {both(as("Dovecot", "/", ""), lists(`* LIST (\Subscribed \HasNoChildren \Sent) "/" Sent`, `* LIST (\NonExistent \HasChildren) "/" a`,
			`* LIST (\HasNoChildren) "/" a/b`, `* LIST (\HasNoChildren \UnMarked \Junk) "/" "Sp \"am\""`, `* LIST (\HasChildren) "/" INBOX`)),
			`"" "/" max 255 0 refused "" either false|INBOX|Sent sent|Sp "am" junk|a/b`},
		"dovecot on a maildir":                    {both(as("Dovecot", "/", ""), noDot), `"" "/" max 0 253 refused "." either false|INBOX`},
		"dovecot, dots":                           {both(as("Dovecot", ".", ""), noDot), `"" "." max 0 253 refused "/" either false|INBOX`},
		"a refused dot outside of the name space": {both(as("x", "/", "INBOX/"), noDot), `"INBOX/" "/" max 0 0 refused "" either false|INBOX`},
		"dovecot on mbox": {both(as("Dovecot", "/", ""), lists(`* LIST (\HasNoChildren) "/" INBOX`, `* LIST (\NoInferiors \UnMarked \Sent) "/" Sent`, `* LIST (\Noselect \HasChildren) "/" a`,
			`* LIST (\NoInferiors) "/" a/b`)), `"" "/" max 255 0 refused "" either true|INBOX|Sent sent -children|a -mail|a/b -children`},
		"mailutils, empty": {lists(`* LIST (\NoInferiors) NIL INBOX`), `"" "/" max 0 0 refused "" either true|INBOX -children`},
		"cyrus": {both(as("Cyrus IMAPD", "/", ""), lists(`* LIST (\Subscribed \HasNoChildren \archive) "/" Archive`, `* LIST (\HasNoChildren \trash) "/" {3}`+"\n"+`Bin`)),
			`"" "/" max 0 400 refused "!\"%;<>\\^` + "`" + `{|}" either false|Archive archive|Bin trash|INBOX`},
		"cyrus, dots": {both(as("Cyrus IMAPD", ".", "INBOX."), both(func(w *imaptest.Switches) { w.Others, w.Shared = "user.", "shared" }, lists(`* LIST (\HasChildren) "." INBOX`,
			`* LIST (\HasNoChildren \sent) "." INBOX.Sent`, `* LIST (\HasNoChildren \sent) "." user.bob.Sent`, `* LIST (\HasNoChildren \junk) "." shared`))),
			`"INBOX." "." max 0 400 refused "!\"%/;<>\\` + "`" + `{|}" either false|INBOX|INBOX.Sent sent|shared|user.bob.Sent`},
		"courier": {func(w *imaptest.Switches) {
			w.Greeting = "* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE AUTH=PLAIN] Courier-IMAP ready. Copyright"
			w.Caps, w.Delimiter, w.Prefix, w.Shared = []string{"IMAP4rev1", "UIDPLUS", "CHILDREN", "NAMESPACE", "AUTH=PLAIN"}, ".", "INBOX.", "#shared."
			lists(`* LIST (\HasNoChildren) "." "INBOX.Trash"`, `* LIST (\Unmarked \HasChildren) "." "INBOX"`, `* LIST (\Noselect \HasChildren) "." "INBOX.x"`)(w)
		}, `"INBOX." "." max 0 253 refused "/" either false|no emoji|INBOX|INBOX.Trash|INBOX.x -mail`},
		"gmail": {both(caps("X-GM-EXT-1"), lists(`* LIST (\HasNoChildren) "/" "INBOX"`, `* LIST (\HasChildren \Noselect) "/" "[Gmail]"`, `* LIST (\All \HasNoChildren) "/" "[Gmail]/Alle Nachrichten"`,
			`* LIST (\Drafts \HasNoChildren) "/" "[Gmail]/Entw&APw-rfe"`, `* LIST (\HasNoChildren \Important) "/" "[Gmail]/Wichtig"`, `* LIST (\Flagged \HasNoChildren) "/" "[Gmail]/Markiert"`,
			`* LIST (\HasNoChildren \Junk) "/" "[Gmail]/Spam"`, `* LIST (\HasNoChildren) "/" "Work"`)),
			`"" "/" max 0 0 refused "" either false|INBOX|Work|[Gmail] -mail -children|[Gmail]/Alle Nachrichten archive -children|[Gmail]/Entwürfe drafts -children|[Gmail]/Markiert -mail|` +
				`[Gmail]/Spam junk -children|[Gmail]/Wichtig -mail`},
		"a view of all mail": {lists(`* LIST (\All) "/" All`, `* LIST (\Flagged) "/" Stars`), `"" "/" max 0 0 refused "" either false|All -mail|INBOX|Stars -mail`},
		"exchange": {func(w *imaptest.Switches) {
			w.Caps = imaptest.Without(imaptest.DefaultCaps, "SPECIAL-USE", "LIST-EXTENDED")
			lists(`* LIST (\Marked \HasChildren) "/" Inbox`, `* LIST (\HasNoChildren) "/" Inbox/foo`, `* LIST (\HasNoChildren \Trash) "/" "Deleted Items"`, `* LIST (\HasNoChildren) "/" Calendar"`)(w)
		}, `"" "/" max 0 0 refused "" either false|Calendar"|Deleted Items trash|INBOX|INBOX/foo`},
		"xlist": {func(w *imaptest.Switches) {
			w.Caps = append(imaptest.Without(imaptest.DefaultCaps, "SPECIAL-USE", "LIST-EXTENDED"), "XLIST")
			lists(`* XLIST (\HasNoChildren \Inbox) "/" "Posteingang"`, `* XLIST (\Spam) "/" Spam`, `* XLIST (\AllMail) "/" All`, `* XLIST (\Starred) "/" Star`)(w)
		}, `"" "/" max 0 0 refused "" either false|All -mail|INBOX|Spam junk|Star -mail`},
		"flat":         {func(w *imaptest.Switches) { w.Delimiter = "NIL" }, `"" "" max 0 0 refused "/" either false|INBOX`},
		"no NAMESPACE": {func(w *imaptest.Switches) { w.Caps, w.Delimiter = []string{"IMAP4rev1", "AUTH=PLAIN"}, "." }, `"" "." max 0 0 refused "/" either false|INBOX`},
		"odd names": {lists(`* LIST () "/" "Entw`+"\u00fc"+`rfe"`, `* LIST () "/" R&D`, `* LIST () "/" "Lat`+"\xfc"+`n"`, `* LIST () "/" dir/`, `* LIST () "/" &APw-`, `* LIST () "/" &APw-`,
			"* LIST () \"/\" \"a\tb\"", `* LIST () "/" ""`, `* LIST () "/"`, `* LIST (`, `* LIST x "/" y`, `* LIST () "/" `+strings.Repeat("x", maxName+1)),
			"\"\" \"/\" max 0 0 refused \"\" either false|Entwürfe|INBOX|Lat\ufffdn|R&D|dir|ü"},
		"RETURN is not understood": {func(w *imaptest.Switches) {
			w.Intercept = func(_, args string) string {
				if strings.Contains(args, "RETURN") {
					return "* LIST () \"/\" half\nBAD what"
				}
				return ""
			}
		}, `"" "/" max 0 0 refused "" either false|INBOX`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, config(serve(t, c.change)))
			l, err := x.Layout(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(strings.ReplaceAll(c.want, "|", "\n")+"\n", "{\n}", "{|}", 1)
			if got := shown(l); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestLayoutIsAskedForOnce(t *testing.T) {
	s := serve(t, nil)
	s.Account(imaptest.User).SetUse("Sent", `\Sent`)
	x := open(t, config(s))
	first, err := x.Layout(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asked := len(s.Log())
	first.Boxes[0].Name = "changed"
	again, err := x.Layout(t.Context())
	if err != nil || len(s.Log()) != asked || shown(again) != "\"\" \"/\" max 0 0 refused \"\" either false\nINBOX\nSent sent\n" {
		t.Errorf("%v %q %s", err, s.Log(), shown(again))
	}
}

func TestLayoutOfAServerThatListsTooMuch(t *testing.T) {
	l := &listing{}
	for i := range maxBoxes + 1 {
		if l.over {
			t.Fatal(i)
		}
		l.take(fmt.Appendf(nil, `() "/" f%d`, i))
	}
	if !l.over || len(l.boxes) != maxBoxes {
		t.Errorf("%d kept", len(l.boxes))
	}
	var all []string
	for i := range maxNames/maxName + 30 {
		all = append(all, fmt.Sprintf(`* LIST () "/" %05d%s`, i, strings.Repeat("x", maxName-5)))
	}
	x := open(t, config(serve(t, lists(all...))))
	_, err := x.Layout(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	if e := class(t, err); e.Scope != migrate.ScopeRun || !e.Final {
		t.Error(err)
	}
}

func TestLayoutRefused(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.Intercept = func(verb, _ string) string {
			if verb == "LIST" {
				return "NO [UNAVAILABLE] later"
			}
			return ""
		}
	})
	x := open(t, config(s))
	_, err := x.Layout(t.Context())
	if err == nil || class(t, err).Scope != migrate.ScopeSession || class(t, err).After == 0 {
		t.Error(err)
	}
}

// FuzzLayout feeds LIST answers and a NAMESPACE answer: names come out as text, each once, INBOX among them, and those that are written otherwise
// on the wire are known by what they were.
func FuzzLayout(f *testing.F) {
	f.Add(`(("" "/")) NIL NIL`, "(\\Sent) \"/\" Sent\n() \"/\" &APw-\n() NIL inbox")
	f.Add(`(("INBOX." ".")) (("user." ".")) (("" "."))`, "(\\trash) \".\" INBOX.x\n() \".\" \"a\\\"b\"\n() \"/\" {2}\r\nab")
	f.Add(`((`, "(\\Noinferiors) \"\xff\" \xff\n() \"/\" Inbox/x\n() \"/\" INBOX/x")
	f.Fuzz(func(t *testing.T, spaces, lines string) {
		l := &listing{}
		for _, line := range strings.Split(lines, "\n") {
			l.take([]byte(line))
		}
		x := &Target{ctl: &wire{log: discard}, odd: map[string]string{}}
		x.arrange(l, parseNamespace([]byte(spaces)))
		seen := map[string]bool{}
		for _, b := range x.layout.Boxes {
			if seen[b.Name] || !utf8.ValidString(b.Name) || b.Name == "" || strings.ContainsAny(x.wireName(b.Name), "\r\n\x00") {
				t.Fatalf("%q", b.Name)
			}
			seen[b.Name] = true
		}
		if !seen[inbox] || !utf8.ValidString(x.layout.Prefix+x.layout.Delimiter) && spaces == strings.ToValidUTF8(spaces, "") {
			t.Fatalf("%+v", x.layout)
		}
	})
}
