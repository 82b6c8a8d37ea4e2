package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/migrate/migratetest"
)

// letter is a message with its identity headers; more is put into the body.
func letter(id, more string) migratetest.Letter {
	raw := fmt.Sprintf("Received: from a by b; Tue, 5 Mar 2024 15:07:09 +0100\r\nMessage-ID: <%s@example.org>\r\nFrom: a@example.org\r\n"+
		"Subject: letter %s\r\nDate: Tue, 5 Mar 2024 14:00:00 +0000\r\n\r\n%s\r\n", id, id, more)
	return migratetest.Letter{ID: id, Raw: raw}
}

func letters(n int) []migratetest.Letter {
	var out []migratetest.Letter
	for i := range n {
		out = append(out, letter(fmt.Sprint(i), strings.Repeat("text ", i%7)))
	}
	return out
}

// world is a maildrop, mailboxes and a store that outlive the runs.
type world struct {
	verified migrate.Verification // the last one
	drop     *migratetest.Maildrop
	shelf    *migratetest.Maildrop // a client's store, read first; nil is none
	boxes    *migratetest.Mailboxes
	relay    *migratetest.Mailboxes
	keep     *migratetest.Mailboxes
	filer    migrate.Filer
	strip    func(context.Context, *migrate.Spool) (*migrate.Spool, string, error)
	dry      bool
	store    *migratetest.Store
	now      time.Time
	twins    bool
	rules    migrate.Rules
	router   migratetest.Router
	crash    *migratetest.Crasher
	slept    time.Duration
}

func newWorld(t *testing.T, drop ...migratetest.Letter) *world {
	return &world{
		drop:  &migratetest.Maildrop{Letters: drop, Pool: migrate.NewPool(1<<20, t.TempDir())},
		boxes: &migratetest.Mailboxes{Batch: 4}, store: migratetest.NewStore(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// run makes one run, with the world's Crasher in all three ends.
func (w *world) run(ctx context.Context) (migrate.Report, error) {
	w.drop.Crash, w.boxes.Crash, w.store.Crash = w.crash, w.crash, w.crash
	if w.crash != nil && w.crash.CutOnly {
		w.store.Crash = nil // it is no connection
	}
	w.now = w.now.Add(time.Hour)
	return w.account().Run(ctx)
}

func (w *world) account() *migrate.Account {
	a := &migrate.Account{
		Name: "test", Sources: []migrate.NamedSource{{Name: "pop3:me@old", Open: w.drop.Open}}, OpenTarget: w.boxes.Open, Store: w.store,
		Pool: w.drop.Pool, KeepTwins: w.twins, DryRun: w.dry, Rules: w.rules, Strip: w.strip, Router: w.router, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return w.now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			w.slept += d
			if w.crash == nil || w.crash.CutOnly || !w.crash.Struck() {
				w.boxes.Drain() // the server's time goes on as well
			}
			if w.crash != nil && !w.crash.CutOnly && w.crash.Struck() {
				return migratetest.ErrDead
			}
			return ctx.Err()
		},
		Grace: time.Second,
	}
	if w.shelf != nil {
		w.shelf.Crash = w.drop.Crash
		a.Sources[0].Maildrop = "me@old"
		a.Sources = slices.Insert(a.Sources, 0, migrate.NamedSource{Name: "thunderbird:/home/me", Open: w.shelf.Open})
	}
	if w.filer != nil {
		a.Filer, a.FilerName = w.filer, "script 1"
	}
	if w.relay != nil {
		a.Relay = w.relay.OpenRelay
	}
	if w.keep != nil {
		a.Keep = w.keep.Open
	}
	return a
}

// must makes a run that ends well and has these counts, given as "copied 3, duplicate 1".
func (w *world) must(t *testing.T, want string) migrate.Report {
	t.Helper()
	rep, err := w.run(t.Context())
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	if got := counts(t, rep); got != want {
		t.Errorf("counts: %s, want %s\nproblems: %v", got, want, rep.Problems)
	}
	return rep
}

func counts(t *testing.T, rep migrate.Report) string {
	t.Helper()
	var parts []string
	var sum migrate.Tally
	for _, o := range migrate.Outcomes {
		n := rep.Outcomes[o]
		if n.Messages != 0 {
			parts = append(parts, fmt.Sprintf("%v %d", o, n.Messages))
		}
		if n.Messages < 0 || n.Octets < 0 {
			t.Errorf("%v is negative: %+v", o, n)
		}
		sum.Messages += n.Messages
		sum.Octets += n.Octets
	}
	if sum != rep.Listed {
		t.Errorf("the outcomes add up to %+v, listed are %+v", sum, rep.Listed)
	}
	return strings.Join(parts, ", ")
}

func raws(ls ...migratetest.Letter) []string {
	var out []string
	for _, l := range ls {
		out = append(out, l.Raw)
	}
	return out
}

func (w *world) holds(t *testing.T, box string, want ...string) {
	t.Helper()
	if got := w.boxes.Raws(box); !slices.Equal(got, want) {
		t.Errorf("%s holds %d messages, want %d: %.60q", box, len(got), len(want), got)
	}
}

func TestCopyThenNothingThenAdoptAll(t *testing.T) {
	w := newWorld(t, letters(30)...)
	w.must(t, "copied 30")
	w.holds(t, "INBOX", raws(letters(30)...)...)
	m := w.boxes.Messages("INBOX")[0]
	if want := time.Date(2024, 3, 5, 14, 7, 9, 0, time.UTC); !m.Date.Equal(want) {
		t.Errorf("INTERNALDATE %v, want the topmost Received's %v", m.Date, want)
	}
	w.drop.Fetched()
	w.store.Commits()
	w.must(t, "known 30")
	if f := w.drop.Fetched(); len(f) != 0 {
		t.Errorf("the second run fetched %v", f)
	}
	if n := w.store.Commits(); n != 0 {
		t.Errorf("a run with nothing to do wrote %d times", n)
	}
	w.drop.Letters = append(w.drop.Letters, letter("new", ""))
	if w.must(t, "known 30, copied 1"); w.slept != 0 {
		t.Errorf("it waited %v, though every run had ended well", w.slept)
	}
	w.drop.Letters = w.drop.Letters[:30]
	w.boxes.Renew("INBOX", func(i int) bool { return i != 30 })
	w.store = migratetest.NewStore()
	w.must(t, "adopted 30")
	w.holds(t, "INBOX", raws(letters(30)...)...)
	w.must(t, "known 30")
}

func TestTwinsBecomeOneUnlessKept(t *testing.T) {
	a, b := letter("a", "x"), letter("b", "y")
	again := a
	again.ID = "a2"
	w := newWorld(t, a, b, again, again, again)
	w.drop.Letters[3].ID, w.drop.Letters[4].ID = "a3", "a4"
	w.must(t, "copied 2, duplicate 3")
	w.holds(t, "INBOX", a.Raw, b.Raw)
	w.must(t, "known 5")

	kept := newWorld(t, w.drop.Letters...)
	kept.twins = true
	kept.must(t, "copied 5")
	kept.store = migratetest.NewStore()
	kept.must(t, "adopted 5")
	kept.must(t, "known 5")
	kept.holds(t, "INBOX", raws(w.drop.Letters...)...)

	kept.store = migratetest.NewStore()
	kept.twins = false
	kept.must(t, "adopted 2, duplicate 3")
}

func TestSameMessageIDWithAnotherBodyIsAnotherMessage(t *testing.T) {
	a, b := letter("a", "xx"), letter("a", "yy")
	b.ID = "b"
	if len(a.Raw) != len(b.Raw) {
		t.Fatal("the test needs equal sizes")
	}
	w := newWorld(t, a, b)
	w.must(t, "copied 2")
	w.store = migratetest.NewStore()
	w.must(t, "adopted 2")
	w.holds(t, "INBOX", a.Raw, b.Raw)

	// The target has only the second: the first takes it on the word of its size, and gives it back.
	w = newWorld(t, a, b)
	w.boxes.Deliver("INBOX", b.Raw)
	w.must(t, "copied 1, adopted 1")
	w.holds(t, "INBOX", b.Raw, a.Raw)
	w.must(t, "known 2")

	// The same over two runs.
	w = newWorld(t, a)
	w.boxes.Deliver("INBOX", b.Raw)
	w.must(t, "adopted 1")
	w.drop.Letters = append(w.drop.Letters, b)
	w.must(t, "copied 1, adopted 1")
	w.holds(t, "INBOX", b.Raw, a.Raw)
}

func TestMessageWithoutMessageIDIsProvedByItsBody(t *testing.T) {
	a := migratetest.Letter{ID: "a", Raw: "Subject: same\r\n\r\none\r\n"}
	b := migratetest.Letter{ID: "b", Raw: "Subject: same\r\n\r\ntwo\r\n"}
	w := newWorld(t, a)
	w.boxes.Deliver("INBOX", b.Raw)
	w.must(t, "copied 1")
	w.drop.Letters = append(w.drop.Letters, b)
	w.must(t, "known 1, adopted 1")
	w.holds(t, "INBOX", b.Raw, a.Raw)
}

func TestEmptyMessageDoesntTakeThePlaceOfAnEmptyLine(t *testing.T) {
	w := newWorld(t, migratetest.Letter{ID: "empty"}, migratetest.Letter{ID: "line", Raw: "\r\n"})
	w.twins = true
	w.boxes.Refuse = func(raw string) string {
		if raw == "" {
			return "NO an empty message"
		}
		return ""
	}
	w.must(t, "copied 1, failed 1")
	w.store = migratetest.NewStore()
	w.must(t, "adopted 1, failed 1")
}

func TestWhatAnotherToolChangedIsAdopted(t *testing.T) {
	ls := letters(5)
	w := newWorld(t, ls...)
	for i := range ls {
		l := ls[len(ls)-1-i]
		w.boxes.Deliver("INBOX", "Status: RO\r\nX-UID: 12\r\n"+l.Raw)
	}
	w.must(t, "adopted 5")
}

func TestNoUIDPLUS(t *testing.T) {
	w := newWorld(t, letters(9)...)
	w.boxes.NoUIDs = true
	w.must(t, "copied 9")
	// A twin that comes later must not take the first one's place.
	w.twins = true
	twin := w.drop.Letters[3]
	twin.ID = "twin"
	w.drop.Letters = append(w.drop.Letters, twin)
	w.must(t, "known 9, copied 1")
	w.must(t, "known 10")
	w.store = migratetest.NewStore()
	w.must(t, "adopted 10")
}

func TestSourceWithoutStableIDs(t *testing.T) {
	ls := letters(6)
	twin := ls[2]
	twin.ID = "9"
	ls = append(ls, twin)
	for i := range ls {
		ls[i].Unstable = true
		ls[i].ID = fmt.Sprintf("#%d", i+1)
	}
	w := newWorld(t, ls...)
	w.must(t, "copied 6, duplicate 1")
	w.must(t, "known 7")
	w.drop.Letters = append([]migratetest.Letter{letter("new", "")}, ls[1:]...)
	w.drop.Letters[0].Unstable = true
	w.must(t, "known 6, copied 1")

	w = newWorld(t, ls...)
	w.twins = true
	w.must(t, "copied 7")
	w.must(t, "known 7")
	w.store = migratetest.NewStore()
	w.must(t, "adopted 7")
}

func TestHeadersSpareBodiesWhereIDsAreNotStable(t *testing.T) {
	ls := letters(6)
	twin, bare := ls[2], migratetest.Letter{Raw: "Subject: no Message-ID\r\n\r\nx\r\n"}
	ls = append(ls, twin, bare)
	for i := range ls {
		ls[i].Unstable, ls[i].ID = true, fmt.Sprintf("#%d", i+1)
	}
	for _, twins := range []bool{false, true} {
		w := newWorld(t, ls...)
		w.drop.Top, w.twins = true, twins
		if twins {
			w.must(t, "copied 8")
		} else {
			w.must(t, "copied 7, duplicate 1")
		}
		w.drop.Fetched()
		w.must(t, "known 8")
		if f := w.drop.Fetched(); !slices.Equal(f, []string{"#8"}) {
			t.Errorf("fetched %v, want only the one that its header can't tell", f)
		}
		other := letter("3", "txet txet txet ")
		other.ID, other.Unstable = "#9", true
		w.drop.Letters = append(w.drop.Letters, other)
		if len(other.Raw) != len(ls[3].Raw) {
			t.Fatal("the test needs equal sizes")
		}
		w.must(t, "known 8, copied 1") // the same header and size, but there is one more of them
		w.store = migratetest.NewStore()
		w.run(t.Context())
		w.must(t, "known 9")
	}
}

func TestDatesAreReadFromHeadersWhereARuleAsks(t *testing.T) {
	old, young := letter("old", ""), letter("young", "")
	old.Raw = strings.ReplaceAll(old.Raw, "2024", "2014")
	w := newWorld(t, old, young)
	w.drop.Top = true
	w.rules = migrate.Rules{Since: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.must(t, "copied 1, skipped 1")
	if f := w.drop.Fetched(); !slices.Equal(f, []string{"young"}) {
		t.Errorf("fetched %v", f)
	}
}

func TestRenumberedUIDLs(t *testing.T) {
	for _, twins := range []bool{false, true} {
		ls := letters(8)
		twin := ls[1]
		twin.ID = "twin"
		w := newWorld(t, append(ls, twin)...)
		w.twins = twins
		first, err := w.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dump := w.boxes.Dump()
		for i := range w.drop.Letters {
			w.drop.Letters[i].ID = fmt.Sprintf("new-%d", i)
		}
		if want := "known 9"; twins {
			w.must(t, want)
		} else {
			w.must(t, "known 8, duplicate 1")
		}
		if w.boxes.Dump() != dump {
			t.Errorf("twins %v: renumbering changed the target (first run: %s)", twins, counts(t, first))
		}
		w.must(t, "known 9")
	}
}

func TestReusedUIDL(t *testing.T) {
	w := newWorld(t, letters(3)...)
	w.must(t, "copied 3")
	w.drop.Letters[1].Raw = letter("other", "another message under the same UIDL").Raw
	w.must(t, "known 2, copied 1")
	if n := len(w.boxes.Raws("INBOX")); n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
	w.must(t, "known 3")
}

func TestTargetFolderMadeAnew(t *testing.T) {
	w := newWorld(t, letters(10)...)
	w.must(t, "copied 10")
	w.boxes.Renew("INBOX", func(i int) bool { return i != 4 })
	w.must(t, "known 9, copied 1")
	w.must(t, "known 10")
	w.boxes.Renew("INBOX", func(int) bool { return false })
	w.must(t, "copied 10")
}

func TestForeignMailIsLeftAlone(t *testing.T) {
	w := newWorld(t, letters(4)...)
	w.boxes.Deliver("INBOX", letter("x", "").Raw, "no header")
	w.must(t, "copied 4")
	w.boxes.Deliver("INBOX", letter("y", "").Raw)
	w.drop.Letters = append(w.drop.Letters, letter("y", ""), letter("z", ""))
	w.must(t, "known 4, copied 1, adopted 1")
}

func TestMailThatArrivesDuringARunIsSeenInTheNext(t *testing.T) {
	w := newWorld(t, letters(12)...)
	n := 0
	w.boxes.Refuse = func(string) string {
		if n++; n == 5 {
			go w.boxes.Deliver("INBOX", letter("y", "").Raw) // Refuse is called under the mailboxes' lock
		}
		return ""
	}
	w.must(t, "copied 12")
	w.boxes.Refuse = nil
	w.drop.Letters = append(w.drop.Letters, letter("y", ""))
	w.must(t, "known 12, adopted 1")
}

func TestFolders(t *testing.T) {
	w := newWorld(t, letters(6)...)
	w.drop.Letters[1].Folder = migrate.Path{"Old", "Work"}
	twin := w.drop.Letters[0]
	twin.ID, twin.Folder = "twin", migrate.Path{"Old", "Work"}
	w.drop.Letters = append(w.drop.Letters, twin)
	w.must(t, "copied 7")
	w.holds(t, "Old/Work", w.drop.Letters[1].Raw, twin.Raw)
	w.must(t, "known 7")
}

func TestRefusedMessageCostsOneMessage(t *testing.T) {
	w := newWorld(t, letters(10)...)
	bad := w.drop.Letters[6].Raw
	twin := w.drop.Letters[6]
	twin.ID = "twin"
	w.drop.Letters = slices.Insert(w.drop.Letters, 7, twin)
	w.boxes.Refuse = func(raw string) string {
		if raw == bad {
			return "NO [TOOBIG] it is too big"
		}
		return ""
	}
	rep := w.must(t, "copied 9, failed 2")
	if len(rep.Problems) != 2 || rep.Problems[0].ID != "6" || !strings.Contains(rep.Problems[0].Reason, "TOOBIG") {
		t.Errorf("problems: %+v", rep.Problems)
	}
	w.boxes.Refuse = nil
	w.must(t, "known 9, copied 1, duplicate 1")
}

func TestUnreadableMessageCostsOneMessage(t *testing.T) {
	w := newWorld(t, letters(5)...)
	w.drop.Letters[2].Unreadable = true
	w.must(t, "copied 4, failed 1")
	w.drop.Letters[2].Unreadable = false
	w.must(t, "known 4, copied 1")
}

func TestMessageThatKillsConnectionsIsFoundAndLeft(t *testing.T) {
	w := newWorld(t, letters(12)...)
	w.drop.KillsOn = "5"
	rep := w.must(t, "copied 11, failed 1")
	if len(rep.Problems) != 1 || rep.Problems[0].ID != "5" {
		t.Errorf("problems: %+v", rep.Problems)
	}
	w = newWorld(t, letters(12)...)
	bad := w.drop.Letters[7].Raw
	w.boxes.Fail = func(raw string) error {
		if raw == bad {
			return migratetest.ErrCut
		}
		return nil
	}
	rep = w.must(t, "copied 11, failed 1")
	if len(rep.Problems) != 1 || rep.Problems[0].ID != "7" {
		t.Errorf("problems: %+v", rep.Problems)
	}
}

func TestTargetThatIsFullStopsTheRun(t *testing.T) {
	w := newWorld(t, letters(20)...)
	full := &migrate.Error{Op: "append", Scope: migrate.ScopeRun, Final: true, Err: errors.New("NO [OVERQUOTA]"), Hint: "make room"}
	n := 0
	w.boxes.Fail = func(string) error {
		if n++; n > 8 {
			return full
		}
		return nil
	}
	rep, err := w.run(t.Context())
	if !errors.Is(err, full) || migrate.HintOf(err) != "make room" {
		t.Errorf("err = %v", err)
	}
	if got := counts(t, rep); got != "copied 8, failed 12" {
		t.Errorf("counts: %s", got)
	}
	w.boxes.Fail = nil
	w.must(t, "known 8, copied 12")
}

func TestServerThatStaysAwayIsGivenUp(t *testing.T) {
	w := newWorld(t, letters(3)...)
	w.boxes.Fail = func(string) error { return errors.New("connection refused") }
	rep, err := w.run(t.Context())
	if err == nil || counts(t, rep) != "failed 3" {
		t.Errorf("err %v, counts %s", err, counts(t, rep))
	}
	if w.slept == 0 {
		t.Error("it was tried again without waiting")
	}
}

func TestServerThatWasNeverThereIsToldAtOnce(t *testing.T) {
	w := newWorld(t, letters(3)...)
	a := &migrate.Account{Sources: []migrate.NamedSource{{Name: "s", Open: w.drop.Open}}, Store: w.store, Pool: w.drop.Pool, Log: slog.New(slog.DiscardHandler),
		OpenTarget: func(context.Context) (migrate.Target, error) {
			return nil, fmt.Errorf("connect: %w", syscall.ECONNREFUSED)
		}, Now: time.Now,
		Sleep: func(context.Context, time.Duration) error {
			t.Error("it waited for a server that was never there")
			return nil
		}}
	if _, err := a.Run(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("err = %v", err)
	}
}

func TestRules(t *testing.T) {
	old, young := letter("old", ""), letter("young", "")
	old.Raw = strings.ReplaceAll(old.Raw, "2024", "2014")
	big := letter("big", strings.Repeat("x", 5000))
	w := newWorld(t, old, young, big)
	w.rules = migrate.Rules{Since: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), MaxSize: 4000, SeenBefore: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.must(t, "copied 1, skipped 2")
	if m := w.boxes.Messages("INBOX")[0]; !reflect.DeepEqual(m.Flags, []migrate.Flag{migrate.Seen}) {
		t.Errorf("flags %v", m.Flags)
	}
	w.drop.Fetched()
	w.must(t, "known 1, skipped 2")
	if f := w.drop.Fetched(); len(f) != 0 {
		t.Errorf("what a rule had left out was fetched again: %v", f)
	}
	w.rules = migrate.Rules{}
	w.must(t, "known 1, copied 2")
}

func TestWhatTheClientDeletedOrNeverDownloadedIsLeft(t *testing.T) {
	w := newWorld(t, letters(4)...)
	w.drop.Letters[1].Deleted = true
	w.drop.Letters[2].Partial = true
	rep := w.must(t, "copied 2, skipped 1, failed 1")
	if len(rep.Problems) != 1 || rep.Problems[0].ID != "2" || rep.Problems[0].Hint == "" {
		t.Errorf("problems: %+v", rep.Problems)
	}
	w.must(t, "known 2, skipped 1, failed 1")
	w.rules.IncludeDeleted = true
	w.must(t, "known 2, copied 1, failed 1")
}

func TestWindowedSourceIsReadToItsEnd(t *testing.T) {
	w := newWorld(t, letters(25)...)
	w.drop.Window = 10
	w.must(t, "copied 25")
}

func TestInterrupted(t *testing.T) {
	w := newWorld(t, letters(40)...)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	w.boxes.Refuse = func(string) string {
		if n++; n == 10 {
			cancel()
		}
		return ""
	}
	rep, err := w.run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	counts(t, rep)
	got := rep.Outcomes[migrate.Copied].Messages
	if int(got) != len(w.boxes.Raws("INBOX")) || got < 10 || got == 40 {
		t.Errorf("%d copied, %d there", got, len(w.boxes.Raws("INBOX")))
	}
	w.drop.Fetched()
	rep, err = w.run(t.Context())
	if err != nil || rep.Outcomes[migrate.Known].Messages != got {
		t.Errorf("after an interrupt: %v, %s", err, counts(t, rep))
	}
	w.holds(t, "INBOX", raws(letters(40)...)...)
}
