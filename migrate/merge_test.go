package migrate_test

import (
	"fmt"
	"slices"
	"testing"

	"poplift/migrate"
	"poplift/migrate/migratetest"
)

func flagsIn(w *world, box string) string {
	var out []string
	for _, m := range w.boxes.Messages(box) {
		slices.Sort(m.Flags)
		out = append(out, fmt.Sprint(m.Flags))
	}
	return fmt.Sprint(out)
}

// flagged is a store of three letters with flags, two of which lie on the target already, one with a flag of its own.
func flagged(t *testing.T) *world {
	ls := letters(3)
	ls[0].Flags, ls[1].Flags, ls[2].Flags = []migrate.Flag{migrate.Seen}, []migrate.Flag{migrate.Seen, migrate.Flagged}, []migrate.Flag{migrate.Seen}
	w := newWorld(t, ls...)
	w.boxes.Deliver("INBOX", ls[1].Raw, ls[0].Raw)
	w.boxes.Flag("INBOX", 1, "$label2")
	return w
}

func TestFlagsOfAdoptedMailAreMerged(t *testing.T) {
	w := flagged(t)
	w.must(t, "copied 1, adopted 2")
	if got, want := flagsIn(w, "INBOX"), `[[$label2 \Flagged \Seen] [\Seen] [\Seen]]`; got != want {
		t.Errorf("flags %s, want %s", got, want)
	}
	w.boxes.Unflag("INBOX", 1) // the user's own doing
	w.must(t, "known 3")
	if got, want := flagsIn(w, "INBOX"), `[[] [\Seen] [\Seen]]`; got != want {
		t.Errorf("a later run changed flags: %s, want %s", got, want)
	}
}

func TestFlagsOfTwinsAreMerged(t *testing.T) {
	ls := letters(4)
	twin := ls[3]
	twin.ID, twin.Flags = "twin", []migrate.Flag{migrate.Flagged}
	early := ls[3]
	early.ID, early.Flags = "early", []migrate.Flag{migrate.Seen}
	w := newWorld(t, append([]migratetest.Letter{early}, append(ls, twin)...)...)
	w.must(t, "copied 4, duplicate 2")
	if got, want := flagsIn(w, "INBOX"), `[[\Flagged \Seen] [] [] []]`; got != want {
		t.Errorf("flags %s, want %s", got, want)
	}
	w.must(t, "known 6")
	late := ls[0]
	late.ID, late.Flags = "late", []migrate.Flag{"$label1"}
	w.drop.Letters = append(w.drop.Letters, late)
	w.must(t, "known 6, duplicate 1")
	if got, want := flagsIn(w, "INBOX"), `[[\Flagged \Seen] [$label1] [] []]`; got != want {
		t.Errorf("flags %s, want %s", got, want)
	}
}

func TestFlagsAreMergedThroughEveryCrash(t *testing.T) {
	calm := flagged(t)
	calm.crash = &migratetest.Crasher{}
	calm.must(t, "copied 1, adopted 2")
	for at := 1; ; at++ {
		w := flagged(t)
		w.crash = &migratetest.Crasher{At: at}
		w.run(t.Context())
		if !w.crash.Struck() {
			if at < 15 {
				t.Fatalf("only %d steps", at)
			}
			return
		}
		w.crash = nil
		if _, err := w.run(t.Context()); err != nil {
			t.Fatalf("step %d: %v", at, err)
		}
		if got, want := w.boxes.Dump()+flagsIn(w, "INBOX"), calm.boxes.Dump()+flagsIn(calm, "INBOX"); got != want {
			t.Fatalf("step %d:\n%s\nwant\n%s", at, got, want)
		}
	}
}

// TestOlderDigestsStayOfUse: a record whose digest was made by other rules is proved by reading, once.
func TestOlderDigestsStayOfUse(t *testing.T) {
	ls := letters(3)
	w := newWorld(t, ls...)
	w.must(t, "copied 3")
	for _, l := range ls {
		rec, _, _ := w.store.Record("pop3:me@old", l.ID)
		rec.Identity.Version, rec.Identity.Digest = 200, migrate.Digest{0xff}
		w.store.Commit(&migrate.Batch{Records: []migrate.Record{rec}})
	}
	w.must(t, "known 3")
	for i := range ls {
		ls[i].ID = "new " + ls[i].ID // the server has renumbered
	}
	w.drop.Letters = append(ls, migratetest.Letter{ID: "twin", Raw: ls[0].Raw})
	w.must(t, "known 3, duplicate 1")
	w.must(t, "known 4")
	w.holds(t, "INBOX", raws(ls...)...)
}
