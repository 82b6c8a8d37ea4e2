package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/migrate/migratetest"
)

// refusing is a maildrop of twelve letters of which the target refuses two, one of them twice.
func refusing(t *testing.T) *world {
	ls := letters(12)
	ls = append(ls, migratetest.Letter{ID: "twin", Raw: ls[3].Raw})
	w := newWorld(t, ls...)
	w.boxes.Refuse = func(raw string) string {
		if strings.Contains(raw, "<3@") || strings.Contains(raw, "<7@") {
			return "too big"
		}
		return ""
	}
	return w
}

func TestLeftoversAreRelayed(t *testing.T) {
	w := refusing(t)
	w.relay, w.keep = &migratetest.Mailboxes{}, &migratetest.Mailboxes{}
	rep := w.must(t, "copied 10, duplicate 1, relayed 2")
	if got := w.relay.Raws("relay"); !slices.Equal(got, raws(w.drop.Letters[3], w.drop.Letters[7])) {
		t.Errorf("relayed %.80q", got)
	}
	if len(rep.Problems) != 2 || rep.Problems[0].Outcome != migrate.Relayed || !strings.Contains(rep.Problems[0].Reason, "too big") {
		t.Errorf("problems %+v", rep.Problems)
	}
	w.must(t, "known 13")
	if n := w.relay.Appended(); n != 2 {
		t.Errorf("%d were relayed in two runs", n)
	}
}

func TestLeftoversAreKept(t *testing.T) {
	w := refusing(t)
	w.relay, w.keep = &migratetest.Mailboxes{Refuse: func(raw string) string {
		if strings.Contains(raw, "<3@") {
			return "no such user"
		}
		return ""
	}}, &migratetest.Mailboxes{}
	w.drop.Letters[3].Folder, w.drop.Letters[12].Folder = migrate.Path{"Old", "Work"}, migrate.Path{"Old", "Work"}
	rep := w.must(t, "copied 10, duplicate 1, relayed 1, kept 1")
	if got := w.keep.Raws("Old/Work"); !slices.Equal(got, raws(w.drop.Letters[3])) {
		t.Errorf("kept %.80q", got)
	}
	if r := rep.Problems[0].Reason; !strings.Contains(r, "too big") || !strings.Contains(r, "no such user") {
		t.Errorf("reason %q", r)
	}
	w.must(t, "known 13")
}

func TestLeftoversNobodyTakes(t *testing.T) {
	w := refusing(t)
	w.keep = &migratetest.Mailboxes{Fail: func(string) error {
		return &migrate.Error{Op: "maildir", Scope: migrate.ScopeRun, Final: true, Err: errors.New("disk full")}
	}}
	rep := w.must(t, "copied 10, failed 3")
	if r := rep.Problems[0].Reason; !strings.Contains(r, "disk full") {
		t.Errorf("reason %q", r)
	}
	w.keep.Fail = nil
	w.must(t, "known 10, duplicate 1, kept 2")
}

// TestAnUncertainRelayIsNotTriedAgain: the relay had the whole message and never answered.
func TestAnUncertainRelayIsNotTriedAgain(t *testing.T) {
	w := refusing(t)
	lost := fmt.Errorf("%w: connection lost", migrate.ErrUncertain)
	w.relay = &migratetest.Mailboxes{Fail: func(raw string) error {
		if strings.Contains(raw, "<3@") {
			return lost
		}
		return nil
	}}
	w.must(t, "copied 10, relayed 1, failed 2")
	w.relay.Fail = nil
	rep := w.must(t, "known 11, failed 2")
	i := slices.IndexFunc(rep.Problems, func(p migrate.Problem) bool { return p.ID == "3" })
	if i < 0 || !strings.Contains(rep.Problems[i].Reason, "connection lost") || !strings.Contains(rep.Problems[i].Hint, "retry") || rep.Problems[i].Subject != "letter 3" {
		t.Errorf("problems %+v", rep.Problems)
	}
}

func TestARelayThatDiesIsLeftAlone(t *testing.T) {
	w := refusing(t)
	opened := 0
	w.relay = &migratetest.Mailboxes{Fail: func(string) error { opened++; return errors.New("421 closing") }}
	w.must(t, "copied 10, failed 3")
	if opened < 2 || opened > 3 { // the twin may have gone with the first
		t.Errorf("%d tries", opened)
	}
	w.relay.Fail = nil
	w.must(t, "known 10, duplicate 1, relayed 2")
}

// scripted files by the letter's number.
type scripted func(id string) migrate.Verdict

func (f scripted) File(_ context.Context, m *migrate.Message) (migrate.Verdict, error) {
	return f(m.ID), nil
}

func filed(t *testing.T) *world {
	w := newWorld(t, letters(8)...)
	lists := migrate.Filing{Folder: migrate.Path{"Lists", "go"}, Flags: []migrate.Flag{"$list"}}
	w.filer = scripted(func(id string) migrate.Verdict {
		switch id {
		case "1":
			return migrate.Verdict{Filings: []migrate.Filing{lists}}
		case "2":
			return migrate.Verdict{Filings: []migrate.Filing{{}, lists}}
		case "3":
			return migrate.Verdict{}
		case "4":
			return migrate.Verdict{Redirect: []string{"you@new"}}
		case "5":
			return migrate.Verdict{Redirect: []string{"you@new"}, Filings: []migrate.Filing{{}}}
		}
		return migrate.Verdict{Filings: []migrate.Filing{{}}}
	})
	w.relay = &migratetest.Mailboxes{}
	return w
}

func TestMailIsFiled(t *testing.T) {
	w := filed(t)
	w.must(t, "copied 6, skipped 1, relayed 1")
	ls := w.drop.Letters
	w.holds(t, "INBOX", raws(ls[0], ls[2], ls[5], ls[6], ls[7])...)
	w.holds(t, "Lists/go", raws(ls[1], ls[2])...)
	if got := w.boxes.Messages("Lists/go")[0].Flags; !slices.Equal(got, []migrate.Flag{"$list"}) {
		t.Errorf("flags %v", got)
	}
	if got := w.relay.Raws("you@new"); !slices.Equal(got, raws(ls[4], ls[5])) {
		t.Errorf("redirected %.60q", got)
	}
	w.drop.Fetched()
	w.must(t, "known 7, skipped 1")
	if got := w.drop.Fetched(); len(got) != 0 {
		t.Errorf("the second run fetched %v", got)
	}
}

func TestFilingThroughEveryCrash(t *testing.T) {
	calm := filed(t)
	calm.crash = &migratetest.Crasher{}
	calm.must(t, "copied 6, skipped 1, relayed 1")
	for at := 1; ; at++ {
		w := filed(t)
		w.crash = &migratetest.Crasher{At: at}
		w.run(t.Context())
		if !w.crash.Struck() {
			if at < 20 {
				t.Fatalf("only %d steps", at)
			}
			return
		}
		w.crash = nil
		if _, err := w.run(t.Context()); err != nil {
			t.Fatalf("step %d: %v", at, err)
		}
		if got, want := w.boxes.Dump(), calm.boxes.Dump(); got != want {
			t.Fatalf("step %d:\n%s\nwant\n%s", at, got, want)
		}
		// A message that may have been on its way to the relay is told, and not sent again.
		rep, err := w.run(t.Context())
		got := counts(t, rep)
		doubtful := got == "known 6, skipped 1, failed 1" && len(rep.Problems) == 1 && rep.Problems[0].Outcome == migrate.Uncertain
		if err != nil || got != "known 7, skipped 1" && !doubtful {
			t.Fatalf("step %d: %s, %v", at, got, err)
		}
		if n := len(w.relay.Raws("you@new")); n > 2 || n < 2 && !doubtful && len(rep.Problems) > 0 {
			t.Fatalf("step %d: %d redirected", at, n)
		}
	}
}

// TestRetry: the target's limit was raised, and what was kept is tried again; what was sent and not answered for only when it is named.
func TestRetry(t *testing.T) {
	w := refusing(t)
	w.keep = &migratetest.Mailboxes{}
	w.relay = &migratetest.Mailboxes{Refuse: func(raw string) string { return "closed" }, Fail: func(raw string) error {
		if strings.Contains(raw, "<3@") {
			return fmt.Errorf("%w: connection lost", migrate.ErrUncertain)
		}
		return nil
	}}
	w.must(t, "copied 10, kept 1, failed 2")
	for rec := range w.store.Records("pop3:me@old") {
		if want := "<" + strings.TrimSuffix(rec.ID, "in") + "@example.org>"; (rec.Outcome == migrate.Kept || rec.ID == "3") && rec.MessageID != want {
			t.Errorf("%s has Message-ID %q", rec.ID, rec.MessageID)
		}
	}
	w.relay, w.boxes.Refuse = nil, nil
	w.must(t, "known 11, failed 2")
	w.rules.Retry = func(rec migrate.Record) bool { return rec.Outcome == migrate.Kept }
	w.must(t, "known 10, copied 1, failed 2")
	w.rules.Retry = func(rec migrate.Record) bool { return rec.ID == "3" || rec.ID == "twin" }
	w.must(t, "known 11, copied 1, duplicate 1")
	w.rules.Retry = nil
	w.must(t, "known 13")
}

// TestStrippedMessages: the target gets the lighter one, the whole is kept, and a lost store doubles nothing.
func TestStrippedMessages(t *testing.T) {
	ls := letters(5)
	ls[2].Raw += strings.Repeat("attachment ", 50) + "\r\n"
	w := newWorld(t, ls...)
	w.keep = &migratetest.Mailboxes{}
	pool := migrate.NewPool(1<<20, t.TempDir())
	w.strip = func(ctx context.Context, body *migrate.Spool) (*migrate.Spool, string, error) {
		var b strings.Builder
		body.WriteTo(&b)
		if !strings.Contains(b.String(), "attachment") {
			return nil, "", nil
		}
		sp := pool.NewSpool(ctx)
		sp.Write([]byte(strings.ReplaceAll(b.String(), "attachment ", "")))
		return sp, "attachment", nil
	}
	rep := w.must(t, "copied 5")
	light := strings.ReplaceAll(ls[2].Raw, "attachment ", "")
	w.holds(t, "INBOX", ls[0].Raw, ls[1].Raw, light, ls[3].Raw, ls[4].Raw)
	if got := w.keep.Raws("INBOX"); !slices.Equal(got, raws(ls[2])) {
		t.Errorf("kept %.60q", got)
	}
	if len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].Reason, "without attachment; the whole message is kept") {
		t.Errorf("problems %+v", rep.Problems)
	}
	w.must(t, "known 5")
	if got := w.verify(t, 1); !strings.Contains(got, "altered 0: ") {
		t.Error(got)
	}
	w.store = migratetest.NewStore()
	w.must(t, "adopted 5")
	w.holds(t, "INBOX", ls[0].Raw, ls[1].Raw, light, ls[3].Raw, ls[4].Raw)
}

// TestRedirectsThatFail: a message that was to go only to somebody who doesn't get it is not lost, and one that is filed as well is filed.
func TestRedirectsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		refuse string
		first  string
		second string
		sent   int
	}{
		"refused":   {nil, "no such user", "copied 6, skipped 1, kept 1", "known 7, skipped 1", 0},
		"later":     {&migrate.Error{Op: "relay", Scope: migrate.ScopeMessage, Err: errors.New("451 later")}, "", "copied 5, skipped 1, failed 2", "known 5, copied 1, skipped 1, relayed 1", 2},
		"uncertain": {fmt.Errorf("%w: connection lost", migrate.ErrUncertain), "", "copied 6, skipped 1, failed 1", "known 6, skipped 1, failed 1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := filed(t)
			w.keep = &migratetest.Mailboxes{}
			w.relay.Fail = func(string) error { return c.err }
			w.relay.Refuse = func(string) string { return c.refuse }
			w.must(t, c.first)
			w.relay.Fail, w.relay.Refuse = nil, nil
			w.must(t, c.second)
			if got := len(w.relay.Raws("you@new")); got != c.sent {
				t.Errorf("%d were redirected", got)
			}
			ls := w.drop.Letters
			if kept := w.keep.Raws("INBOX"); name == "refused" && !slices.Equal(kept, raws(ls[4])) {
				t.Errorf("kept %.60q", kept)
			}
			if !slices.Contains(w.boxes.Raws("INBOX"), ls[5].Raw) {
				t.Error("the one that was to be filed as well isn't")
			}
			if name != "uncertain" {
				return
			}
			w.rules.Retry = func(rec migrate.Record) bool { return strings.HasPrefix(rec.ID, "4") }
			w.must(t, "known 6, skipped 1, relayed 1")
			if got := w.relay.Raws("you@new"); !slices.Equal(got, raws(ls[4])) {
				t.Errorf("redirected again: %.60q", got)
			}
		})
	}
}

// TestARedirectIsNoTwin: that a message went to somebody else says nothing about its place on the target.
func TestARedirectIsNoTwin(t *testing.T) {
	w := filed(t)
	w.keep = &migratetest.Mailboxes{}
	w.boxes.Refuse = func(raw string) string {
		if strings.Contains(raw, "<5@") {
			return "too big"
		}
		return ""
	}
	rep, err := w.run(t.Context())
	if err != nil || rep.Outcomes[migrate.Relayed].Messages != 2 || len(w.relay.Raws("relay")) != 1 {
		t.Errorf("%s, %v; relayed as a leftover: %d", counts(t, rep), err, len(w.relay.Raws("relay")))
	}
}

// TestTheRelayIsTheTarget: each message once, up to the ceiling, and what is above it is kept.
func TestTheRelayIsTheTarget(t *testing.T) {
	ls := letters(9)
	ls = append(ls, migratetest.Letter{ID: "twin", Raw: ls[1].Raw})
	w := newWorld(t, ls...)
	w.keep = &migratetest.Mailboxes{}
	run := func(ceiling int, want string) {
		t.Helper()
		w.now = w.now.Add(time.Hour)
		a := w.account()
		a.OpenTarget, a.Landing, a.RelayMax = w.boxes.OpenRelay, migrate.Relayed, ceiling
		rep, err := a.Run(t.Context())
		if got := counts(t, rep); err != nil || got != want {
			t.Errorf("counts: %s, want %s; %v", got, want, err)
		}
	}
	run(4, "duplicate 1, relayed 4, kept 5")
	run(4, "known 10")
	w.drop.Letters = append(w.drop.Letters, migratetest.Letter{ID: "late twin", Raw: ls[2].Raw}, migratetest.Letter{ID: "kept twin", Raw: ls[8].Raw})
	run(4, "known 10, duplicate 2")
	w.rules.Retry = func(rec migrate.Record) bool { return rec.Outcome == migrate.Kept }
	run(0, "known 7, relayed 5")
	if got := w.boxes.Raws("relay"); !slices.Equal(got, raws(ls[:9]...)) {
		t.Errorf("relayed %d: %.80q", len(got), got)
	}
}

// TestOutletsOutliveASession: the relay and the dead-letter tree stay open from one source to the next, and a context that belonged to the first
// session doesn't cut them.
func TestOutletsOutliveASession(t *testing.T) {
	w := refusing(t)
	w.shelf = &migratetest.Maildrop{Letters: []migratetest.Letter{letter("3", "another")}, Pool: w.drop.Pool}
	w.relay = &migratetest.Mailboxes{}
	a := w.account()
	var lives []context.Context
	a.Relay = func(ctx context.Context) (migrate.Target, error) {
		lives = append(lives, ctx)
		return w.relay.OpenRelay(ctx)
	}
	w.relay.Fail = func(string) error { return lives[len(lives)-1].Err() }
	rep, err := a.Run(t.Context())
	if err != nil || rep.Outcomes[migrate.Relayed].Messages != 3 || len(lives) != 1 {
		t.Errorf("%s, %v; opened %d times", counts(t, rep), err, len(lives))
	}
	if lives[0].Err() == nil {
		t.Error("the relay's context outlives the run")
	}
}

// TestWhatARelayNeverGotIsNotUncertain: once a relay is left alone, its last word is not said of messages that weren't sent.
func TestWhatARelayNeverGotIsNotUncertain(t *testing.T) {
	w := newWorld(t, letters(8)...)
	w.boxes.Refuse = func(string) string { return "no" }
	sent := 0
	w.relay = &migratetest.Mailboxes{Fail: func(string) error {
		sent++
		return fmt.Errorf("%w: connection lost", migrate.ErrUncertain)
	}}
	rep := w.must(t, "failed 8")
	uncertain := 0
	for _, p := range rep.Problems {
		if p.Outcome == migrate.Uncertain {
			uncertain++
		}
	}
	if uncertain != sent || sent == 8 {
		t.Errorf("%d were sent, %d are uncertain", sent, uncertain)
	}
	w.relay.Fail = nil
	w.must(t, fmt.Sprintf("relayed %d, failed %d", 8-sent, sent))
}

// TestKeptInEachFolder: two of the same that go to two folders are kept for both.
func TestKeptInEachFolder(t *testing.T) {
	w := refusing(t)
	w.keep = &migratetest.Mailboxes{}
	w.drop.Letters[12].Folder = migrate.Path{"Old"}
	w.must(t, "copied 10, kept 3")
	w.boxes.Refuse = nil
	w.rules.Retry = func(rec migrate.Record) bool { return rec.Outcome == migrate.Kept }
	w.must(t, "known 10, copied 3")
	w.holds(t, "Old", w.drop.Letters[3].Raw)
}

// TestNobodyGetsARelayedMessageTwice: whenever the run is killed, the relay has each message at most once, and one it may have is not sent again.
func TestNobodyGetsARelayedMessageTwice(t *testing.T) {
	for at := 1; ; at++ {
		w := refusing(t)
		w.relay = &migratetest.Mailboxes{}
		w.crash = &migratetest.Crasher{At: at}
		w.relay.Crash = w.crash
		w.run(t.Context())
		if !w.crash.Struck() {
			if at < 30 {
				t.Fatalf("only %d steps", at)
			}
			return
		}
		w.boxes.Drain()
		w.crash, w.relay.Crash = nil, nil
		rep, err := w.run(t.Context())
		if err != nil {
			t.Fatalf("step %d: %v", at, err)
		}
		got := w.relay.Raws("relay")
		for i, raw := range got {
			if slices.Contains(got[:i], raw) {
				t.Fatalf("step %d: relayed twice: %.80q", at, raw)
			}
		}
		if len(got) < 2 && rep.Outcomes[migrate.Failed].Messages == 0 {
			t.Fatalf("step %d: %d relayed, and nobody is told", at, len(got))
		}
	}
}
