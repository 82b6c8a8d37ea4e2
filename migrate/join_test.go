package migrate_test

import (
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/migrate/migratetest"
)

// shelved is a letter as a client's store has it.
func shelved(l migratetest.Letter, folder string, flags ...migrate.Flag) migratetest.Letter {
	l.UIDL, l.ID = l.ID, "mbox:"+l.ID
	l.Folder, l.Flags = migrate.Path(strings.Split(folder, "/")), flags
	return l
}

func uidl(l migratetest.Letter) migratetest.Letter {
	l.ID = "uidl-0000-" + l.ID
	return l
}

// joined is a maildrop of eight letters and a store that has half of them, in folders of its own, and some that the maildrop has no more.
func joined(t *testing.T) (*world, []migratetest.Letter) {
	var ls []migratetest.Letter
	for _, l := range letters(10) {
		ls = append(ls, uidl(l))
	}
	w := newWorld(t, slices.Clone(ls[:8])...)
	partial := shelved(ls[2], "Work", migrate.Seen, "$label1")
	partial.Raw, partial.Partial = partial.Raw[:len(partial.Raw)/2], true
	noUIDL := shelved(ls[3], "Work")
	noUIDL.UIDL = ""
	other := shelved(ls[4], "Work") // the same name, and other octets
	other.Raw += "more\r\n"
	w.shelf = &migratetest.Maildrop{Pool: w.drop.Pool, Letters: []migratetest.Letter{shelved(ls[0], "Work", migrate.Seen), shelved(ls[1], "Home", migrate.Answered),
		partial, noUIDL, other, shelved(ls[8], "Home"), shelved(ls[9], "Home")}}
	return w, ls
}

func TestJoin(t *testing.T) {
	w, ls := joined(t)
	rep := w.must(t, "copied 11, duplicate 4")
	if want := (migrate.Reason{Outcome: migrate.Duplicate, Text: "the maildrop has the whole of it"}); rep.Reasons[want].Messages != 1 || len(rep.Problems) != 0 {
		t.Errorf("reasons %v, problems %v", rep.Reasons, rep.Problems)
	}
	w.holds(t, "Work", append(raws(ls[0], ls[3]), ls[4].Raw+"more\r\n", ls[2].Raw)...)
	w.holds(t, "Home", raws(ls[1], ls[8], ls[9])...)
	w.holds(t, "INBOX", raws(ls[4], ls[5], ls[6], ls[7])...)
	if m := w.boxes.Messages("Work")[3]; !slices.Equal(m.Flags, []migrate.Flag{migrate.Seen, "$label1"}) {
		t.Errorf("the message that was partial has flags %v", m.Flags)
	}
	if got := w.drop.Fetched(); slices.Contains(got, ls[0].ID) || slices.Contains(got, ls[1].ID) {
		t.Errorf("what the client has was downloaded: %v", got)
	}
	rep = w.must(t, "known 14, duplicate 1")
	if got := w.drop.Fetched(); len(got) != 0 {
		t.Errorf("the second run fetched %v", got)
	}
}

func TestJoinWithTwinsKept(t *testing.T) {
	w, ls := joined(t)
	twin := ls[3]
	twin.ID += "-twin"
	w.drop.Letters = append(w.drop.Letters, twin)
	w.twins = true
	w.must(t, "copied 12, duplicate 4") // the client has one of the two
	w.must(t, "known 15, duplicate 1")
}

func TestJoinDryRunSaysTheSame(t *testing.T) {
	w, _ := joined(t)
	rep := w.must(t, "copied 11, duplicate 4")
	dry, _ := joined(t)
	dry.dry = true
	// By its octets one more is the same, and one that has the same UIDL is another: both take reading.
	got := dry.must(t, "copied 11, duplicate 4")
	if got.Listed.Messages != rep.Listed.Messages {
		t.Errorf("listed %v, want %v", got.Listed, rep.Listed)
	}
}

func TestPartialWithoutItsWhole(t *testing.T) {
	w, ls := joined(t)
	w.drop.Letters = slices.Delete(w.drop.Letters, 2, 3)
	rep := w.must(t, "copied 10, duplicate 3, failed 1")
	if len(rep.Problems) != 1 || rep.Problems[0].ID != "mbox:"+ls[2].ID {
		t.Errorf("problems %v", rep.Problems)
	}
	w.drop.Letters = slices.Insert(w.drop.Letters, 2, ls[2]) // it comes to light
	w.must(t, "known 13, copied 1, duplicate 1")
}

func TestShortUIDLsAreNames(t *testing.T) {
	l := letter("1", "")
	l.ID = "1"
	half := shelved(l, "Work")
	half.Raw, half.Partial = half.Raw[:60], true
	w := newWorld(t, l)
	w.shelf = &migratetest.Maildrop{Pool: w.drop.Pool, Letters: []migratetest.Letter{half}}
	w.must(t, "copied 1, failed 1") // "1" is the name of a message in every maildrop that numbers them
	w = newWorld(t, l)
	w.shelf = &migratetest.Maildrop{Pool: w.drop.Pool, Letters: []migratetest.Letter{half}, Remembers: []migrate.Memory{{Maildrop: "me@old", UIDLs: []string{"1"}}}}
	w.must(t, "copied 1, duplicate 1")
	w.holds(t, "Work", l.Raw)
}

func TestWhatTheClientThrewAway(t *testing.T) {
	w, ls := joined(t)
	w.shelf.Remembers = []migrate.Memory{{Maildrop: "me@old", UIDLs: []string{ls[0].ID, ls[2].ID, ls[5].ID}}}
	deleted := shelved(ls[6], "Trash")
	deleted.Deleted = true
	w.shelf.Letters = append(w.shelf.Letters, deleted)
	w.rules.LeaveThrownAway = true
	w.must(t, "copied 9, duplicate 4, skipped 3")
	w.holds(t, "INBOX", raws(ls[4], ls[7])...)
	w.rules.LeaveThrownAway = false
	w.must(t, "known 12, copied 2, duplicate 1, skipped 1")
}

// TestPartialsAreCountedOnce: a connection that dies has the store listed again.
func TestPartialsAreCountedOnce(t *testing.T) {
	w, _ := joined(t)
	died := false
	w.boxes.Fail = func(string) error {
		if died {
			return nil
		}
		died = true
		return migratetest.ErrCut
	}
	w.must(t, "copied 11, duplicate 4")
	if !died {
		t.Error("no connection died")
	}
}

func TestJoinCrashes(t *testing.T) {
	calm, _ := joined(t)
	calm.crash = &migratetest.Crasher{}
	calm.must(t, "copied 11, duplicate 4")
	for at := 1; ; at++ {
		w, _ := joined(t)
		w.crash = &migratetest.Crasher{At: at}
		w.run(t.Context())
		if !w.crash.Struck() {
			if at < 50 {
				t.Fatalf("only %d steps", at)
			}
			return
		}
		w.boxes.Drain()
		w.crash = nil
		if _, err := w.run(t.Context()); err != nil {
			t.Fatalf("step %d: %v", at, err)
		}
		if got, want := w.boxes.Dump(), calm.boxes.Dump(); got != want {
			t.Fatalf("step %d:\n%s\nwant\n%s", at, got, want)
		}
		w.must(t, "known 14, duplicate 1")
	}
}
