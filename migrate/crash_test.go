package migrate_test

import (
	"fmt"
	"slices"
	"testing"

	"poplift/migrate"
	"poplift/migrate/migratetest"
)

// The crash matrix: a run dies, or a connection is cut, before and after every effect it has on the maildrop, the mailboxes and the store.
// What goes on from there must end with exactly the mailbox of an undisturbed run, and one more run must do nothing.

type scenario struct {
	name    string
	batch   int
	noUIDs  bool
	twins   bool
	forget  bool // the store is lost with the crash
	top     bool // headers can be read alone
	unnamed bool // the source has no stable IDs
	late    bool // the server stores what it was sent a while after the session died
	window  int  // the source lists so many at a time, and hides what a polite session has read
	foreign bool // somebody else's mail lies there, and more comes between the runs
}

var scenarios = []scenario{
	{name: "batches", batch: 4},
	{name: "one by one", batch: 1},
	{name: "no UIDPLUS", batch: 4, noUIDs: true},
	{name: "twins kept", batch: 3, twins: true},
	{name: "twins kept, no UIDPLUS", batch: 3, twins: true, noUIDs: true},
	{name: "store lost", batch: 4, forget: true},
	{name: "store lost, twins kept", batch: 4, forget: true, twins: true},
	{name: "no stable IDs", batch: 4, unnamed: true},
	{name: "no stable IDs, headers", batch: 4, unnamed: true, top: true, twins: true},
	{name: "no stable IDs, twins kept", batch: 4, unnamed: true, twins: true},
	{name: "late server", batch: 4, late: true},
	{name: "late server, twins kept, no UIDPLUS", batch: 4, late: true, twins: true, noUIDs: true},
	{name: "windowed", batch: 4, window: 6},
	{name: "foreign mail", batch: 4, foreign: true, twins: true},
}

func (sc scenario) world(t *testing.T) *world {
	ls := letters(14)
	for _, i := range []int{2, 2, 9} { // twins, far and near
		twin := ls[i]
		twin.ID = fmt.Sprintf("twin-%d-%d", i, len(ls))
		ls = append(ls, twin)
	}
	same := letter("3", "another body under a known Message-ID")
	same.ID = "same"
	ls = slices.Insert(ls, 5, same, migratetest.Letter{ID: "bare", Raw: "no header\r\n"}, migratetest.Letter{ID: "bare2", Raw: "no header\r\n"})
	for i := range ls {
		ls[i].Unstable = sc.unnamed
	}
	w := newWorld(t, ls...)
	w.boxes.Batch, w.boxes.NoUIDs, w.twins = sc.batch, sc.noUIDs, sc.twins
	w.boxes.Late, w.drop.Window, w.drop.Top = sc.late, sc.window, sc.top
	if sc.foreign {
		w.boxes.Deliver("INBOX", letter("foreign", "").Raw, ls[4].Raw, letter("foreign 2", "").Raw)
	}
	return w
}

func (w *world) intrude(sc scenario) {
	if sc.foreign {
		w.boxes.Deliver("INBOX", letter("foreign 3", "").Raw)
	}
}

func TestCrashMatrix(t *testing.T) {
	for _, cut := range []bool{false, true} {
		for _, sc := range scenarios {
			t.Run(fmt.Sprintf("%s/cut=%v", sc.name, cut), func(t *testing.T) {
				t.Parallel()
				calm := sc.world(t)
				calm.crash = &migratetest.Crasher{}
				if _, err := calm.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				calm.intrude(sc)
				for at := 1; at <= calm.crash.Steps(); at++ {
					sc.strike(t, at, cut, calm.boxes.Dump())
				}
			})
		}
	}
}

// strike disturbs one run at one step and checks what comes of it. Goroutines race, so that the at-th step is not always the same one.
func (sc scenario) strike(t *testing.T, at int, cut bool, want string) {
	t.Helper()
	w := sc.world(t)
	w.crash = &migratetest.Crasher{At: at, CutOnly: cut}
	rep, err := w.run(t.Context())
	counts(t, rep)
	if cut && err != nil && w.crash.Struck() {
		t.Errorf("cut at %d: the run did not recover: %v", at, err)
	}
	w.intrude(sc)
	w.crash = nil
	if sc.forget {
		w.store = migratetest.NewStore()
	}
	if rep, err = w.run(t.Context()); err != nil {
		t.Fatalf("at %d: resume: %v", at, err)
	}
	w.boxes.Drain()
	if got := w.boxes.Dump(); got != want {
		t.Errorf("at %d: the mailbox differs\nresumed: %s\ngot\n%s\nwant\n%s", at, counts(t, rep), got, want)
	}
	w.boxes.Appended()
	w.store.Commits()
	rep, err = w.run(t.Context())
	if err != nil || rep.Outcomes[migrate.Known] != rep.Listed || w.boxes.Appended() != 0 || w.store.Commits() != 0 {
		t.Errorf("at %d: the third run was not idle: %v, %s", at, err, counts(t, rep))
	}
}
