package imap

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

func TestOpenMakesFolders(t *testing.T) {
	dots := func(w *imaptest.Switches) { w.Delimiter, w.Prefix = ".", "INBOX." }
	cases := map[string]struct {
		change func(*imaptest.Switches)
		name   string
		wire   string
	}{
		"inbox":             {nil, "INBOX", "INBOX"},
		"inbox, small":      {nil, "inbox", "INBOX"},
		"below inbox":       {nil, "Inbox/A", "INBOX/A"},
		"umlauts":           {nil, "Entwürfe/R&D", "Entw&APw-rfe/R&-D"},
		"dot":               {nil, "a/v1.0", "a/v1.0"},
		"backslash":         {func(w *imaptest.Switches) { w.Delimiter = `\` }, `a\b`, `a\b`},
		"odd delimiter":     {func(w *imaptest.Switches) { w.Delimiter = "^" }, "a^b", "a^b"},
		"flat":              {func(w *imaptest.Switches) { w.Delimiter = "NIL" }, "a/b", "a/b"},
		"prefix":            {dots, "INBOX.a.b", "INBOX.a.b"},
		"no NAMESPACE":      {func(w *imaptest.Switches) { w.Delimiter, w.Caps = ".", []string{"IMAP4rev1", "AUTH=PLAIN"} }, "a.b", "a.b"},
		"parents wanted":    {func(w *imaptest.Switches) { w.NeedParents = true }, "a/b/c", "a/b/c"},
		"parents, prefix":   {func(w *imaptest.Switches) { dots(w); w.NeedParents = true }, "INBOX.a.b.c", "INBOX.a.b.c"},
		"mail or children":  {func(w *imaptest.Switches) { w.MailOrChildren, w.NeedParents = true, true }, "a/b/c", "a/b/c"},
		"codes hidden":      {func(w *imaptest.Switches) { w.HideCodes = true }, "a", "a"},
		"quote":             {nil, `a"b\c`, `a"b\c`},
		"looks like a list": {nil, "a {3}/(b) *", "a {3}/(b) *"},
		"rev2 names":        {func(w *imaptest.Switches) { w.Caps = append(imaptest.DefaultCaps, "IMAP4rev2", "UTF8=ACCEPT") }, "ü&", "&APw-&-"},
		"lax subscriptions": {func(w *imaptest.Switches) { w.LaxSubscribe = true }, "a", "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.change)
			x := open(t, config(s))
			mb, err := x.OpenNamed(t.Context(), c.name, "")
			if want := strings.Replace(strings.Replace(c.name, "Inbox", "INBOX", 1), "inbox", "INBOX", 1); err != nil || mb.Name != want ||
				mb.UIDValidity == 0 || mb.UIDNext != 1 || mb.Messages != 0 {
				t.Fatalf("%+v, %v", mb, err)
			}
			if c.wire != "INBOX" && !s.Account(imaptest.User).Subscribed(c.wire) {
				t.Errorf("%q is not there or not subscribed: %q", c.wire, s.Account(imaptest.User).Mailboxes())
			}
			if o := upload(t, x, mails(t, mb, 2, 100)); o.err != nil || len(s.Messages(c.wire)) != 2 {
				t.Errorf("%v", o.err)
			}
			again, err := x.OpenNamed(t.Context(), c.name, "")
			if err != nil || again.UIDValidity != mb.UIDValidity || again.UIDNext != 3 || again.Messages != 2 {
				t.Errorf("%+v, %v", again, err)
			}
			l, err := x.Layout(t.Context())
			if err != nil || !slices.ContainsFunc(l.Boxes, func(b migrate.Box) bool { return b.Name == mb.Name }) {
				t.Errorf("not in the layout: %+v, %v", l, err)
			}
		})
	}
}

func TestOpenRefused(t *testing.T) {
	answer := func(verb, line string) func(*imaptest.Switches) {
		return func(w *imaptest.Switches) {
			w.Intercept = func(v, _ string) string {
				if v == verb {
					return line
				}
				return ""
			}
		}
	}
	cases := map[string]struct {
		change func(*imaptest.Switches)
		name   string
		scope  migrate.Scope
		final  bool
	}{
		"server read-only":     {func(w *imaptest.Switches) { w.ReadOnly = true }, "a", migrate.ScopeRun, true},
		"name refused":         {func(w *imaptest.Switches) { w.CreateAnswer = "NO [CANNOT] no" }, "a", migrate.ScopeFolder, true},
		"over quota":           {func(w *imaptest.Switches) { w.CreateAnswer = "NO [OVERQUOTA] no" }, "a", migrate.ScopeRun, true},
		"busy":                 {answer("STATUS", "NO [INUSE] later"), inbox, migrate.ScopeSession, false},
		"status refused":       {answer("STATUS", "NO [CANNOT] not this one"), inbox, migrate.ScopeFolder, true},
		"odd status":           {answer("STATUS", "* STATUS x (\nOK"), inbox, migrate.ScopeFolder, true},
		"no name":              {nil, "a/", migrate.ScopeFolder, true},
		"line end in the name": {nil, "a\r\nb", migrate.ScopeFolder, true},
		"no UTF-8":             {nil, "\xff", migrate.ScopeFolder, true},
		"long":                 {nil, strings.Repeat("x", 5000), migrate.ScopeFolder, true},
		"bye":                  {answer("STATUS", "* BYE [UNAVAILABLE] going down\nCUT"), inbox, migrate.ScopeSession, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			x := open(t, config(serve(t, c.change)))
			_, err := x.OpenNamed(t.Context(), c.name, "")
			if err == nil {
				t.Fatal("opened")
			}
			if e := class(t, err); e.Scope != c.scope || e.Final != c.final {
				t.Errorf("%v: scope %d final %v", err, e.Scope, e.Final)
			}
			if name == "bye" && !strings.Contains(err.Error(), "going down") {
				t.Errorf("the server's last words are lost: %v", err)
			}
		})
	}
}

// TestLastWords: what a server says before it hangs up counts as much as an answer.
func TestLastWords(t *testing.T) {
	for words, want := range map[string]migrate.Error{
		"[UNAVAILABLE] going down": {After: 30 * time.Second, Crowded: true},
		"[THROTTLED] slow down":    {After: 30 * time.Second, Throttled: true},
		"Request is throttled. Suggested Backoff Time: 7000 milliseconds": {After: 7 * time.Second, Throttled: true},
		"[OVERQUOTA] Account exceeded command or bandwidth limits.":       {Scope: migrate.ScopeRun, Final: true, Hint: hintVolume},
		"Autologout; idle for too long":                                   {},
	} {
		x := open(t, config(serve(t, func(w *imaptest.Switches) {
			w.Intercept = func(verb, _ string) string {
				if verb == "STATUS" {
					return "* BYE " + words + "\nCUT"
				}
				return ""
			}
		})))
		_, err := x.OpenNamed(t.Context(), inbox, "")
		e := class(t, err)
		if errors.Is(err, migrate.ErrVolume) != want.Final || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
		if e.Scope != want.Scope || e.Final != want.Final || e.After != want.After || e.Crowded != want.Crowded || e.Throttled != want.Throttled || e.Hint != want.Hint {
			t.Errorf("%s: %+v", words, e)
		}
	}
}

// What servers send in answer to STATUS, and kills go-imap.
func TestOddStatus(t *testing.T) {
	for _, line := range []string{"* STATUS inbox (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 5 )", "* STATUS My (x) box (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 5)", `* status "INBOX" (messages 3 uidnext 4 uidvalidity 5)`,
		"* STATUS {5}\nINBOX (MESSAGES 3  UIDNEXT 4 UIDVALIDITY 5 X-ODD (a b))", "* XYZZY\n* FLAGS ($Forwarded )\n* LIST (\\Noselect) \"\" x\n* OK [FOO [x]] bar\n* STATUS INBOX (UIDVALIDITY 5 UIDNEXT 4 MESSAGES 3)",
		"+ stray\n* 5 FETCH (X-GM-LABELS (\\Inbox))\n* STATUS INBOX (UIDVALIDITY 5 UIDNEXT 4 MESSAGES 3 HIGHESTMODSEQ NIL)"} {
		s := serve(t, func(w *imaptest.Switches) {
			w.Intercept = func(v, _ string) string {
				if v == "STATUS" {
					return line + "\nOK"
				}
				return ""
			}
		})
		if mb := folder(t, open(t, config(s))); mb.Messages != 3 || mb.UIDNext != 4 || mb.UIDValidity != 5 {
			t.Errorf("%s: %+v", line, mb)
		}
	}
}

func TestDryRunCannotWrite(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) { w.Caps = append(imaptest.DefaultCaps, "QUOTA") })
	s.Deliver("INBOX", []byte(mail(1, 100)))
	before := s.Dump()
	cfg := config(s)
	cfg.ReadOnly = true
	x := open(t, cfg)
	inbox := folder(t, x)
	if inbox.Messages != 1 {
		t.Errorf("%+v", inbox)
	}
	if mb := folder(t, x, "New", "One"); mb.UIDValidity != 0 || mb.Name != "New/One" {
		t.Errorf("%+v", mb)
	}
	var next uint32
	for _, err := range x.Index(t.Context(), inbox, 1, &next) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := x.Room(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := upload(t, x, mails(t, inbox, 3, 100))
	if !errors.Is(o.err, errReadOnly) || class(t, o.err).Scope != migrate.ScopeRun {
		t.Error(o.err)
	}
	if s.Connections() != 1 {
		t.Error("a lane was opened")
	}
	// and what the engine would never call
	if _, err := x.ctl.command("DELETE INBOX", ""); !errors.Is(err, errReadOnly) {
		t.Error(err)
	}
	if _, _, err := x.lib.refusal(x.lib.Create("X", nil).Wait()); !errors.Is(err, errReadOnly) {
		t.Error(err)
	}
	x.Close()
	if s.Dump() != before || len(s.Account(imaptest.User).Mailboxes()) != 1 {
		t.Error("something was written")
	}
	for _, l := range s.Log() {
		if verb := verbOf([]byte(l)); !reading[verb] {
			t.Errorf("%s was sent", l)
		}
	}
}

func TestGuardFollowsLiterals(t *testing.T) {
	cases := map[string]bool{
		"a NOOP\r\n":                                                true,
		"a uid fetch 1 (UID)\r\n":                                   true,
		"a UID STORE 1 +FLAGS (\\Seen)\r\n":                         false,
		"a UID EXPUNGE 1\r\n":                                       false,
		"a SELECT INBOX\r\n":                                        false,
		"a  APPEND INBOX {3}\r\nabc\r\n":                            false,
		"a STATUS {4+}\r\nx\r\nx (UIDNEXT)\r\n":                     true,
		"a STATUS {9}\r\nb CREATE \r\n (UIDNEXT)\r\nb DELETE x\r\n": false,
		"a LIST \"\" {10}\r\nb DELETE x\r\n":                        true,
		"\r\n":                                                      false,
		"a\nDELETE x\r\n":                                           false,
		strings.Repeat("x", maxCommand+1):                           false,
	}
	for in, want := range cases {
		for _, size := range []int{1, 3, len(in)} {
			g := guard{readOnly: true}
			var err error
			for rest := in; rest != "" && err == nil; {
				n := min(size, len(rest))
				err = g.check([]byte(rest[:n]))
				rest = rest[n:]
			}
			if (err == nil) != want {
				t.Errorf("%q by %d: %v", in[:min(len(in), 60)], size, err)
			}
		}
	}
}

// TestFolderNameThatTheServerRefuses: Dovecot 2.3 takes no dot in a name on a Maildir, whatever its delimiter is.
func TestFolderNameThatTheServerRefuses(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.Intercept = func(verb, args string) string {
			if (verb == "CREATE" || verb == "STATUS") && strings.Contains(args, ".") {
				return "NO [CANNOT] Character not allowed in mailbox name: '.'"
			}
			return ""
		}
	})
	x := open(t, config(s))
	for range 2 {
		mb, err := x.OpenNamed(t.Context(), "1.Work", "")
		if err != nil || mb.Name != "1\u2024Work" || mb.UIDValidity == 0 {
			t.Errorf("%+v, %v", mb, err)
		}
	}
}
