package imap

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// flagsOf are a mailbox's flags by UID, sorted.
func flagsOf(s *imaptest.Server, mailbox string) map[uint32]string {
	out := map[uint32]string{}
	for _, m := range s.Messages(mailbox) {
		slices.Sort(m.Flags)
		out[m.UID] = strings.Join(m.Flags, " ")
	}
	return out
}

func deliver(s *imaptest.Server, mailbox string, n int) {
	for i := range n {
		s.Deliver(mailbox, []byte(mail(i, 50)))
	}
}

func count(log []string, what string) (n int) {
	for _, l := range log {
		if strings.Contains(l, what) {
			n++
		}
	}
	return n
}

func TestAddFlags(t *testing.T) {
	s := serve(t, nil)
	deliver(s, "INBOX", 6)
	x := open(t, config(s))
	mb := folder(t, x)
	if err := x.AddFlags(t.Context(), mb, []uint32{5, 1, 2, 2, 99, 0}, []migrate.Flag{migrate.Seen, `\FLAGGED`, "$label1", "$Label1", `\Recent`, `\Odd`, "my tag", ""}); err != nil {
		t.Fatal(err)
	}
	if err := x.AddFlags(t.Context(), mb, []uint32{1}, []migrate.Flag{migrate.Answered}); err != nil {
		t.Fatal(err)
	}
	for _, nothing := range []func() error{
		func() error { return x.AddFlags(t.Context(), mb, nil, []migrate.Flag{migrate.Seen}) },
		func() error { return x.AddFlags(t.Context(), mb, []uint32{1}, nil) },
		func() error { return x.AddFlags(t.Context(), mb, []uint32{0}, []migrate.Flag{migrate.Seen}) },
		func() error { return x.AddFlags(t.Context(), mb, []uint32{1}, []migrate.Flag{`\Recent`}) },
	} {
		if err := nothing(); err != nil {
			t.Error(err)
		}
	}
	set := `$label1 \Flagged \Seen my_tag`
	want := map[uint32]string{1: `$label1 \Answered \Flagged \Seen my_tag`, 2: set, 3: "", 4: "", 5: set, 6: ""}
	if got := flagsOf(s, "INBOX"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	log := s.Log()
	if count(log, `UID STORE 1:2,5,99 +FLAGS.SILENT (\Seen \Flagged $label1 my_tag)`) != 1 || count(log, "UID STORE") != 2 || count(log, "UNSELECT") != 4 {
		t.Errorf("%q", log)
	}
	if mb := folder(t, x); mb.Messages != 6 { // go-imap works on the same connection afterwards
		t.Errorf("%+v", mb)
	}
}

func TestAddFlagsToWhatCannotBeChanged(t *testing.T) {
	cases := map[string]struct {
		change func(*imaptest.Switches)
		dryRun bool
		scope  migrate.Scope
		final  bool
		is     error
	}{
		"dry run":   {nil, true, migrate.ScopeRun, true, errReadOnly},
		"read-only": {func(w *imaptest.Switches) { w.Locked = func(string) bool { return true } }, false, migrate.ScopeFolder, true, errLocked},
		"no UNSELECT": {func(w *imaptest.Switches) {
			w.Caps, w.ReadOnly = imaptest.Without(imaptest.DefaultCaps, "UNSELECT"), true
		}, false, migrate.ScopeFolder, true, errLocked},
		"gone": {func(w *imaptest.Switches) {
			w.Intercept = func(verb, _ string) string {
				if verb == "SELECT" {
					return "NO [NONEXISTENT] no such mailbox"
				}
				return ""
			}
		}, false, migrate.ScopeFolder, false, nil},
		"refused": {func(w *imaptest.Switches) {
			w.Intercept = func(_, args string) string {
				if strings.Contains(args, "STORE") {
					return "NO can't"
				}
				return ""
			}
		}, false, migrate.ScopeFolder, true, nil},
		"no rights": {func(w *imaptest.Switches) {
			w.Intercept = func(_, args string) string {
				if strings.Contains(args, "STORE") {
					return "NO [NOPERM] no"
				}
				return ""
			}
		}, false, migrate.ScopeRun, true, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.change)
			deliver(s, "INBOX", 2)
			cfg := config(s)
			cfg.ReadOnly = c.dryRun
			x := open(t, cfg)
			mb := folder(t, x)
			err := x.AddFlags(t.Context(), mb, []uint32{1}, []migrate.Flag{migrate.Seen, "a"})
			if err == nil {
				t.Fatal("no error")
			}
			if e := class(t, err); e.Scope != c.scope || e.Final != c.final || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v: %+v", err, e)
			}
			if mb := folder(t, x); mb.Messages != 2 {
				t.Errorf("the connection is out of order: %+v", mb)
			}
		})
	}
}

func TestAddFlagsToAMailboxMadeAnew(t *testing.T) {
	s := serve(t, nil)
	deliver(s, "INBOX", 2)
	x := open(t, config(s))
	mb := folder(t, x)
	s.Account(imaptest.User).SetUIDValidity("INBOX", 77, 1)
	err := x.AddFlags(t.Context(), mb, []uint32{1}, []migrate.Flag{migrate.Seen})
	if err == nil || class(t, err).Scope != migrate.ScopeSession || count(s.Log(), "STORE") > 0 {
		t.Error(err)
	}
}

// reports is a log handler's output.
func reports(cfg *Config) *bytes.Buffer {
	var b bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelInfo}))
	return &b
}

// A folder that keeps only some flags gets only those, and each of the others is told of once.
func TestFlagsThatTheFolderDoesNotKeep(t *testing.T) {
	for _, strict := range []bool{false, true} {
		s := serve(t, func(w *imaptest.Switches) {
			w.StrictFlags = strict
			w.Keeps = func(mailbox string) string {
				if mailbox == "INBOX" {
					return `\Seen \Flagged $MDNSent`
				}
				return ""
			}
		})
		deliver(s, "INBOX", 3)
		deliver(s, "Free", 1)
		cfg := config(s)
		said := reports(&cfg)
		x := open(t, cfg)
		flags := []migrate.Flag{migrate.Seen, migrate.Answered, "$MDNSENT", "$Forwarded"}
		for _, uid := range []uint32{1, 3} {
			if err := x.AddFlags(t.Context(), folder(t, x), []uint32{uid}, flags); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.AddFlags(t.Context(), folder(t, x, "Free"), []uint32{1}, flags); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(flagsOf(s, "INBOX"), flagsOf(s, "Free")); got != `map[1:$MDNSENT \Seen 2: 3:$MDNSENT \Seen] map[1:$Forwarded $MDNSENT \Answered \Seen]` {
			t.Error(got)
		}
		if n := strings.Count(said.String(), "does not keep"); n != 2 {
			t.Errorf("%d reports:\n%s", n, said)
		}
		ups := mails(t, folder(t, x), 5, 100)
		ups[2].Flags = flags
		if o := upload(t, x, ups); o.err != nil || count(s.Log(), "$Forwarded") != 1 { // known by now: nothing is refused
			t.Error(o.err, count(s.Log(), "$Forwarded"))
		}
	}
}

// TestAppendAsksWhichFlagsAFolderKeeps: a server that refuses unknown keywords costs one refused command and one question for each folder, and
// no flag that it keeps.
func TestAppendAsksWhichFlagsAFolderKeeps(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		for _, unselect := range []bool{true, false} {
			s := serve(t, func(w *imaptest.Switches) {
				w.Caps, w.StrictFlags = caps, true
				if !unselect {
					w.Caps = imaptest.Without(caps, "UNSELECT")
				}
				w.Keeps = func(mailbox string) string {
					if mailbox == "INBOX" {
						return `\Answered \Flagged \Deleted \Seen \Draft $Forwarded`
					}
					return ""
				}
			})
			x := open(t, config(s))
			ups := append(mails(t, folder(t, x), 300, 200), mails(t, folder(t, x, "Free"), 100, 200)...)
			for i := range ups {
				ups[i].Flags = []migrate.Flag{migrate.Seen, migrate.Forwarded, "tag"}
			}
			o := upload(t, x, ups)
			if o.err != nil || len(o.stored) != 400 {
				t.Fatal(len(o.stored), o.err)
			}
			for uid, got := range flagsOf(s, "INBOX") {
				if got != `$Forwarded \Seen` {
					t.Fatalf("%d: %s", uid, got)
				}
			}
			for uid, got := range flagsOf(s, "Free") {
				if got != `$Forwarded \Seen tag` {
					t.Fatalf("%d: %s", uid, got)
				}
			}
			if n := count(s.Log(), "SELECT INBOX") + count(s.Log(), `SELECT "INBOX"`); n != 1 {
				t.Errorf("asked %d times", n)
			}
		}
	})
}

// A keyword that PERMANENTFLAGS allows and the server refuses all the same (Dovecot: longer than 50 octets) costs that keyword, and nothing after it
// is known.
func TestKeywordThatTheServerRefuses(t *testing.T) {
	long := strings.Repeat("k", 60)
	s := serve(t, func(w *imaptest.Switches) {
		w.Intercept = func(_, args string) string {
			if strings.Contains(args, long) {
				return "NO [CANNOT] Keyword length too long"
			}
			return ""
		}
	})
	cfg := config(s)
	said := reports(&cfg)
	x := open(t, cfg)
	ups := mails(t, folder(t, x), 250, 100)
	for i := range ups {
		ups[i].Flags = append(ups[i].Flags, "good")
		if i%3 == 0 {
			ups[i].Flags = append(ups[i].Flags, migrate.Flag(long))
		}
	}
	if o := upload(t, x, ups); o.err != nil || len(o.stored) != 250 {
		t.Fatal(o.err)
	}
	for uid, got := range flagsOf(s, "INBOX") {
		if got != `\Seen good` {
			t.Errorf("uid %d: %s", uid, got)
		}
	}
	appended := count(s.Log(), long)
	if err := x.AddFlags(t.Context(), folder(t, x), []uint32{1, 2}, []migrate.Flag{migrate.Flag(long), migrate.Flagged, migrate.Flag(long + "2")}); err != nil {
		t.Fatal(err)
	}
	if got := flagsOf(s, "INBOX"); got[1] != `\Flagged \Seen good` || got[2] != `\Flagged \Seen good` {
		t.Errorf("%s, %s", got[1], got[2])
	}
	if n := strings.Count(said.String(), "may refuse"); n != 2 {
		t.Errorf("%d reports:\n%s", n, said)
	}
	if appended >= 84 {
		t.Errorf("%d commands were sent with it, for 84 messages", appended)
	}
}

// A keyword that is refused for another reason is known once a message had no other.
func TestKeywordThatTheServerRefusesForNoReason(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.Intercept = func(_, args string) string {
			if strings.Contains(args, "bad") {
				return "BAD no"
			}
			return ""
		}
	})
	x := open(t, config(s))
	ups := mails(t, folder(t, x), 20, 100)
	ups[3].Flags = []migrate.Flag{"good", "bad"} // which of them, nobody knows
	ups[5].Flags = []migrate.Flag{"bad"}
	for _, u := range ups { // one by one, so that what was learnt counts
		if o := upload(t, x, []migrate.Upload{u}); o.err != nil || len(o.stored) != 1 {
			t.Fatal(o.err)
		}
	}
	ups[3].Flags = []migrate.Flag{"good", "bad"}
	before := count(s.Log(), "bad")
	if o := upload(t, x, ups[3:4]); o.err != nil || flagsOf(s, "INBOX")[21] != "good" || count(s.Log(), "bad") != before {
		t.Errorf("%v %q", o.err, flagsOf(s, "INBOX")[21])
	}
}

// exchange has a server that forgets \Flagged with APPEND.
func exchange(w *imaptest.Switches) {
	w.ID, w.DropOnAppend = `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`, []string{`\Flagged`}
}

func starred(t *testing.T, mb migrate.Mailbox, n int) []migrate.Upload {
	ups := mails(t, mb, n, 100)
	for i := range ups {
		if i%3 == 0 {
			ups[i].Flags = []migrate.Flag{migrate.Seen, migrate.Flagged}
		}
	}
	return ups
}

func TestFlaggedIsStoredWhereAppendForgetsIt(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) { exchange(w); w.Caps = caps })
		x := open(t, config(s))
		for range 2 { // the connection for it is used again
			if o := upload(t, x, starred(t, folder(t, x, "A"), 250)); o.err != nil || len(o.stored) != 250 {
				t.Fatal(o.err)
			}
		}
		for i, m := range s.Messages("A") {
			if slices.Contains(m.Flags, `\Flagged`) != (i%250%3 == 0) {
				t.Fatalf("%d: %v", i, m.Flags)
			}
		}
		if s.Connections() != 3 {
			t.Errorf("%d connections", s.Connections())
		}
		s.Change(func(w *imaptest.Switches) { w.Locked = func(string) bool { return true } })
		if o := upload(t, x, starred(t, folder(t, x, "A"), 4)); o.err != nil || len(o.stored) != 4 { // it is only a flag
			t.Error(o.err)
		}
	})
}

func TestFlaggedWithoutUIDs(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) { exchange(w); w.Caps = imaptest.Without(imaptest.DefaultCaps, "UIDPLUS") })
	cfg := config(s)
	said := reports(&cfg)
	x := open(t, cfg)
	if o := upload(t, x, starred(t, folder(t, x), 50)); o.err != nil || strings.Count(said.String(), "may forget") != 1 || s.Connections() != 2 {
		t.Error(o.err, said, s.Connections())
	}
}

// TestFlaggedCutAnywhere: a message whose receipt is given is flagged, wherever the connection for it is cut.
func TestFlaggedCutAnywhere(t *testing.T) {
	fired := 0
	for k := int64(1); k < 700; k += 23 {
		s := serve(t, func(w *imaptest.Switches) {
			exchange(w)
			w.Cut = func(n int) (int64, int64) {
				if n == 3 {
					return k, 0
				}
				return 0, 0
			}
		})
		x := open(t, config(s))
		o := upload(t, x, starred(t, folder(t, x), 20))
		if o.err != nil {
			fired++
			if e := class(t, o.err); e.Scope != migrate.ScopeSession {
				t.Fatal(o.err)
			}
		}
		got := flagsOf(s, "INBOX")
		for _, rc := range o.stored {
			if slices.Contains(rc.Upload.Flags, migrate.Flagged) && got[rc.UID] != `\Flagged \Seen` {
				t.Fatalf("cut at %d: uid %d has %s", k, rc.UID, got[rc.UID])
			}
		}
		x.Close()
		s.Close()
	}
	if fired < 5 {
		t.Errorf("only %d cuts fired", fired)
	}
}

func TestWireFlag(t *testing.T) {
	for in, want := range map[migrate.Flag]string{`\seen`: `\Seen`, `\Recent`: "", `\*`: "", `\Odd`: "", "": "", "$label1": "$label1", "a b": "a_b", "x]y": "x_y", `a\b"(c){*%`: "a_b__c____",
		"größe": "gr&APYA3w-e", "tab\tx": "tab&AAk-x", "NIL": "NIL", migrate.Flag(strings.Repeat("x", 201)): "", migrate.Flag(strings.Repeat("ü", 100)): "", "\xff": "&,,0-", "[Gmail]": "_Gmail_"} {
		if got := wireFlag(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzWireFlag: what is sent is a flag by the grammar, whatever it was.
func FuzzWireFlag(f *testing.F) {
	for _, s := range []string{"a b", `\Seen`, "ü", "x\r\nDELETE", "&-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := wireFlag(migrate.Flag(in))
		if len(out) > maxKeyword || strings.ContainsAny(out, " (){%*\"[]\r\n") || strings.LastIndexByte(out, '\\') > 0 || strings.ContainsFunc(out, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q → %q", in, out)
		}
	})
}

// TestUIDSets: the sets hold each UID once, in order, and are short enough for any server.
func TestUIDSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uids := rapid.SliceOf(rapid.Uint32Range(0, rapid.SampledFrom([]uint32{20, 5000, 1<<32 - 1}).Draw(t, "most"))).Draw(t, "uids")
		if rapid.Bool().Draw(t, "run") {
			for i := range rapid.Uint32Range(0, 10000).Draw(t, "length") {
				uids = append(uids, 1<<31+i)
			}
		}
		want := slices.Clone(uids)
		slices.Sort(want)
		want = slices.DeleteFunc(slices.Compact(want), func(u uint32) bool { return u == 0 })
		var got []uint32
		for _, s := range uidSets(uids) {
			parsed, ok := parseUIDs(s.text, len(s.uids))
			if !ok || !slices.Equal(parsed, s.uids) || len(s.text) > maxSet+25 || len(s.uids) > maxAtOnce || len(s.uids) == 0 {
				t.Fatalf("%q: %d", s.text, len(s.uids))
			}
			got = append(got, s.uids...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d UIDs of %d", len(got), len(want))
		}
	})
}

func TestAddFlagsInCommandsThatAreNotTooLong(t *testing.T) {
	s := serve(t, nil)
	deliver(s, "INBOX", 8_000)
	x := open(t, config(s))
	var odd []uint32
	for i := range uint32(4_000) {
		odd = append(odd, 2*i+1)
	}
	flags := []migrate.Flag{migrate.Seen}
	for i := range 30 {
		flags = append(flags, migrate.Flag(fmt.Sprintf("tag%03d%s", i, strings.Repeat("x", 100))))
	}
	if err := x.AddFlags(t.Context(), folder(t, x), odd, flags); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Messages("INBOX") {
		if want := int(m.UID%2) * 31; len(m.Flags) != want {
			t.Fatalf("uid %d has %d flags", m.UID, len(m.Flags))
		}
	}
	for _, l := range s.Log() {
		if len(l) > 8000 {
			t.Errorf("a command of %d octets", len(l))
		}
	}
}
