package migrate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/migrate/migratetest"
)

func (w *world) verify(t *testing.T, sample float64) string {
	t.Helper()
	a := w.account()
	v, err := a.Verify(t.Context(), sample)
	if err != nil {
		t.Fatal(err)
	}
	sum := v.Placed.Messages + v.Relayed.Messages + v.Kept.Messages + v.Left.Messages + v.Missing.Messages
	if sum != v.Listed.Messages {
		t.Errorf("the parts add up to %d of %d", sum, v.Listed.Messages)
	}
	var expected, found, moved, gone, flagged, differ int64
	for _, f := range v.Folders {
		expected, found, moved, gone, flagged, differ = expected+f.Expected, found+f.Found, moved+f.Moved, gone+f.Gone, flagged+f.Flagged, differ+f.FlagsDiffer
	}
	if v.Expected != v.Found+v.Moved+v.Gone || fmt.Sprint(expected, found, moved, gone, flagged, differ) != fmt.Sprint(v.Expected, v.Found, v.Moved, v.Gone, v.Flagged, v.FlagsDiffer) {
		t.Errorf("the folders don't add up: %+v", v)
	}
	w.verified = v
	return fmt.Sprintf("listed %d placed %d missing %d found %d moved %d gone %d read %d altered %d: %s", v.Listed.Messages, v.Placed.Messages, v.Missing.Messages,
		v.Found, v.Moved, v.Gone, v.Read, v.Altered, strings.Join(v.Unsafe(), ", "))
}

func TestVerify(t *testing.T) {
	ls := append(letters(20), migratetest.Letter{ID: "twin", Raw: letters(1)[0].Raw})
	w := newWorld(t, ls...)
	if got, want := w.verify(t, 0), "listed 21 placed 0 missing 21 found 0 moved 0 gone 0 read 0 altered 0: 21 messages are on the source only"; got != want {
		t.Errorf("before: %s", got)
	}
	w.must(t, "copied 20, duplicate 1")
	if got, want := w.verify(t, 1), "listed 21 placed 21 missing 0 found 20 moved 0 gone 0 read 20 altered 0: "; got != want {
		t.Errorf("after: %s", got)
	}
	some := w.verify(t, 0.5)
	if strings.Contains(some, "read 0 ") || strings.Contains(some, "read 20 ") || some != w.verify(t, 0.5) {
		t.Errorf("half of it: %s", some)
	}
	w.drop.Letters = append(w.drop.Letters, letter("new", ""))
	w.boxes.Change("INBOX", 3, func(raw string) string { return raw + "forged\r\n" })
	w.boxes.Remove("INBOX", 4)
	if got, want := w.verify(t, 1), "listed 22 placed 21 missing 1 found 19 moved 0 gone 1 read 19 altered 1: 1 message is on the source only, "+
		"1 message on the target differs from what was copied, 1 copied message is not on the target any more: somebody deleted it"; got != want {
		t.Errorf("spoiled: %s", got)
	}
	w.drop.Letters = w.drop.Letters[:21]
	if got := w.verify(t, 0); !strings.HasSuffix(got, "altered 0: 1 copied message is not on the target any more: somebody deleted it") {
		t.Errorf("gone: %s", got)
	}
	w.boxes.Renew("INBOX", func(int) bool { return true })
	if got := w.verify(t, 0); !strings.Contains(got, "found 0 moved 18 gone 2 ") {
		t.Errorf("made anew: %s", got)
	}
}

func TestVerifyWithoutStableIDs(t *testing.T) {
	ls := letters(5)
	for i := range ls {
		ls[i].Unstable = true
	}
	w := newWorld(t, ls...)
	w.must(t, "copied 5")
	if got := w.verify(t, 1); !strings.HasPrefix(got, "listed 5 placed 5 missing 0 found 5") {
		t.Error(got)
	}
	w.drop.Letters = append(w.drop.Letters, migratetest.Letter{ID: "6", Raw: letter("6", "").Raw, Unstable: true})
	if got := w.verify(t, 1); !strings.Contains(got, "missing 6") {
		t.Error(got)
	}
}

// told are the problems of the last verification, one on a line.
func (w *world) told() string {
	var lines []string
	for _, p := range w.verified.Problems {
		lines = append(lines, strings.TrimSpace(p.ID+" "+p.Reason))
	}
	return strings.Join(lines, "\n")
}

func (w *world) flags(t *testing.T, want string, told ...string) {
	t.Helper()
	got := w.verify(t, 1)
	if v := w.verified; fmt.Sprintf("%d of %d", v.FlagsDiffer, v.Flagged) != want || w.told() != strings.Join(told, "\n") {
		t.Errorf("%d of %d differ, want %s; %s\n%s", v.FlagsDiffer, v.Flagged, want, got, w.told())
	}
	if len(w.verified.Unsafe()) > 0 {
		t.Error("flags make it unsafe: ", got)
	}
}

func TestVerifyComparesFlags(t *testing.T) {
	ls := letters(8)
	for i := range ls[:6] {
		ls[i].Flags = []migrate.Flag{migrate.Seen, "Work"}
	}
	ls[1].Flags = []migrate.Flag{migrate.Flagged}
	ls[6].Folder, ls[6].Flags = migrate.Path{"Old"}, []migrate.Flag{migrate.Seen}
	w := newWorld(t, append(ls, migratetest.Letter{ID: "twin", Raw: ls[0].Raw, Flags: []migrate.Flag{migrate.Answered}})...)
	w.must(t, "copied 8, duplicate 1")
	w.flags(t, "0 of 7")
	w.boxes.Flag("INBOX", 1, "$Label1")
	w.boxes.Flag("INBOX", 7, migrate.Seen) // the user has read on
	w.flags(t, "0 of 7")
	w.boxes.Unflag("INBOX", 1)
	w.boxes.Flag("INBOX", 1, `\SEEN`)
	w.boxes.Unflag("INBOX", 2)
	w.boxes.Unflag("INBOX", 4)
	w.flags(t, "3 of 7",
		`INBOX: 1 of the 1 messages that should have \Answered lack it (UID 1)`, // a duplicate brought it
		`INBOX: 1 of the 1 messages that should have \Flagged lack it (UID 2)`,
		`INBOX: 1 of the 5 messages that should have \Seen lack it (UID 4)`,
		`INBOX: 2 of the 5 messages that should have Work lack it (UID 1, 4)`)
	for uid := range uint32(9) {
		w.boxes.Unflag("INBOX", uid)
	}
	w.flags(t, "6 of 7",
		`INBOX: 1 of the 1 messages that should have \Answered lack it (UID 1)`,
		`INBOX: 1 of the 1 messages that should have \Flagged lack it (UID 2)`,
		`INBOX: none of the 5 messages that should have \Seen has it`,
		`INBOX: none of the 5 messages that should have Work has it`)
	if f := w.verified.Folders; len(f) != 2 || f[0].Name != "INBOX" || f[0].FlagsDiffer != 6 || f[0].Flagged != 6 || f[1].Flagged != 1 || f[1].FlagsDiffer != 0 {
		t.Errorf("%+v", f)
	}
}

func TestVerifyComparesFlagsByRule(t *testing.T) {
	ls := letters(4)
	ls[3].Unstable = true
	w := newWorld(t, ls...)
	w.rules.AllSeen = true
	w.must(t, "copied 4")
	w.flags(t, "0 of 4")
	w.boxes.Unflag("INBOX", 3)
	w.boxes.Unflag("INBOX", 4)
	w.flags(t, "2 of 4", `INBOX: 2 of the 4 messages that should have \Seen lack it (UID 3, 4)`)
	w.rules = migrate.Rules{SeenBefore: time.Date(2024, 3, 5, 0, 0, 0, 0, time.UTC)} // a day before these letters
	w.flags(t, "0 of 0")
}

// TestVerifyJoined: what the client's store says of mail that the maildrop has whole holds for that mail.
func TestVerifyJoined(t *testing.T) {
	w, _ := joined(t)
	w.must(t, "copied 11, duplicate 4")
	w.flags(t, "0 of 3")
	if got := w.verify(t, 0); !strings.HasPrefix(got, "listed 15 placed 15 missing 0 found 11") {
		t.Errorf("%s\n%s", got, w.told())
	}
	w.boxes.Unflag("Work", 4)
	w.flags(t, "1 of 3", `Work: 1 of the 1 messages that should have $label1 lack it (UID 4)`, `Work: 1 of the 2 messages that should have \Seen lack it (UID 4)`)
	w.drop.Letters = slices.Delete(w.drop.Letters, 2, 3)
	w.store = &migratetest.Store{}
	if w.verify(t, 0); !strings.Contains(w.told(), "only the beginning of the message was downloaded by the client") {
		t.Error(w.told())
	}
}

// TestVerifyFiled: the flags of a script are known of the messages that are read.
func TestVerifyFiled(t *testing.T) {
	ls := letters(2)
	ls[0].Flags = []migrate.Flag{migrate.Seen}
	w := newWorld(t, ls...)
	w.filer = scripted(func(id string) migrate.Verdict {
		if id != "0" {
			return migrate.Verdict{Filings: []migrate.Filing{{Flags: []migrate.Flag{"Rest"}}}}
		}
		return migrate.Verdict{Filings: []migrate.Filing{{Folder: migrate.Path{"Work"}, Flags: []migrate.Flag{"Boss"}}, {Folder: migrate.Path{"Copy"}}}}
	})
	w.must(t, "copied 2")
	w.flags(t, "0 of 3")
	w.boxes.Unflag("Work", 1)
	w.boxes.Unflag("Copy", 1)
	w.boxes.Unflag("INBOX", 1)
	w.flags(t, "3 of 3", `Copy: 1 of the 1 messages that should have \Seen lack it (UID 1)`, `INBOX: 1 of the 1 messages that should have Rest lack it (UID 1)`,
		`Work: 1 of the 1 messages that should have \Seen lack it (UID 1)`, `Work: 1 of the 1 messages that should have Boss lack it (UID 1)`)
	if w.verify(t, 0); w.verified.Flagged != 2 || w.verified.FlagsDiffer != 2 {
		t.Errorf("unread: %+v", w.verified)
	}
}

// TestVerifyFindsWhatWasMoved: mail that its user has filed is neither lost nor somebody else's.
func TestVerifyFindsWhatWasMoved(t *testing.T) {
	ls := letters(5)
	ls[3].Raw, ls[4].Raw = "Subject: x\r\n\r\none\r\n", "Subject: x\r\n\r\ntwo\r\n" // the same envelope and size, and no Message-ID
	w := newWorld(t, ls...)
	w.must(t, "copied 5")
	for _, uid := range []uint32{1, 2, 4} {
		w.boxes.Remove("INBOX", uid)
	}
	w.boxes.Deliver("Archive", letter("other", "").Raw, ls[1].Raw, ls[1].Raw)
	w.boxes.Deliver("Bin", ls[4].Raw) // another one like the fourth, which isn't it
	if got := w.verify(t, 0); got != "listed 5 placed 5 missing 0 found 2 moved 1 gone 2 read 0 altered 0: 2 copied messages are not on the target any more: somebody deleted them" {
		t.Error(got)
	}
	told := strings.Split(w.told(), "\n")
	slices.Sort(told)
	if want := []string{"0 deleted on the target, from INBOX", "1 of the messages that were put into INBOX lie in Archive now: somebody moved them", "3 deleted on the target, from INBOX"}; !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
	w.boxes.Deliver("Bin", ls[3].Raw)
	w.boxes.Deliver("Bin", ls[0].Raw)
	if got := w.verify(t, 0); !strings.Contains(got, "found 2 moved 3 gone 0 ") || len(w.verified.Unsafe()) > 0 {
		t.Error(got)
	}
}

// TestVerifyCountsTwins: of two that are the same, the one that is left doesn't answer for the other.
func TestVerifyCountsTwins(t *testing.T) {
	one := letter("1", "")
	w := newWorld(t, one, migratetest.Letter{ID: "2", Raw: one.Raw})
	w.twins = true
	w.must(t, "copied 2")
	w.boxes.Remove("INBOX", 1)
	if got := w.verify(t, 1); !strings.Contains(got, "found 1 moved 0 gone 1 ") {
		t.Error(got)
	}
}

// TestVerifyKnowsTheRules: what a rule leaves out is not missing, and what stands under an old ID now is.
func TestVerifyKnowsTheRules(t *testing.T) {
	ls := letters(3)
	ls[1].Folder = migrate.Path{"Spam"}
	w := newWorld(t, ls...)
	w.router.Exclude = map[string]string{"Spam": "--exclude"}
	w.must(t, "copied 2, skipped 1")
	if got := w.verify(t, 0); !strings.HasPrefix(got, "listed 3 placed 2 missing 0") || w.verified.Left.Messages != 1 {
		t.Error(got)
	}
	w.drop.Letters[2] = letter("2", "something else altogether")
	if got := w.verify(t, 0); !strings.HasPrefix(got, "listed 3 placed 1 missing 1") || !strings.Contains(w.told(), "2 not copied yet: what was copied under this ID had") {
		t.Error(got, w.told())
	}
}

func TestFindTwins(t *testing.T) {
	w := newWorld(t)
	ls := letters(4)
	client := "X-Mozilla-Status: 0001\r\n" + ls[1].Raw
	w.boxes.Deliver("INBOX", ls[0].Raw, ls[1].Raw, ls[0].Raw, client, ls[2].Raw, strings.Replace(ls[2].Raw, "letter 2\r\n", "letter 2\r\nList-Id: <x>\r\n", 1), ls[0].Raw)
	target, err := w.boxes.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mb, err := target.(migrate.Opener).OpenNamed(t.Context(), "INBOX", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = migrate.FindTwins(t.Context(), target.(migrate.Indexer), mb, func(tw migrate.Twins) error {
		got = append(got, fmt.Sprint(tw.Keep, tw.Others))
		return nil
	})
	if want := "[1 [3 7] 2 [4]]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
}

func TestPlan(t *testing.T) {
	ls := letters(3)
	ls[1].Folder, ls[2].Folder = migrate.Path{"Old", "Work"}, migrate.Path{"Old", "Work"}
	w := newWorld(t, ls...)
	ways, err := w.account().Plan(t.Context())
	if err != nil || len(ways) != 2 || ways[1].Name != "Old/Work" || ways[1].From.Messages != 2 || ways[0].Name != "INBOX" {
		t.Errorf("%+v, %v", ways, err)
	}
	if w.boxes.Dump() != "" || w.store.Commits() != 0 {
		t.Error("a plan wrote something")
	}
}

// TestVerifyLooksForWhatHasNoUID: a server that tells no UIDs has the mail all the same, and it can be missed.
func TestVerifyLooksForWhatHasNoUID(t *testing.T) {
	ls := letters(6)
	w := newWorld(t, ls...)
	w.boxes.NoUIDs = true
	w.must(t, "copied 6")
	for _, id := range []string{"1", "4"} { // the session ended before it could look them up
		rec, ok, err := w.store.Record("pop3:me@old", id)
		if rec.UID = 0; err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := w.store.Commit(&migrate.Batch{Records: []migrate.Record{rec}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.verify(t, 0); !strings.Contains(got, "found 6 moved 0 gone 0 ") || w.told() != "" {
		t.Error(got, w.told())
	}
	w.boxes.Deliver("Archive", ls[1].Raw)
	w.boxes.Remove("INBOX", 2)
	w.boxes.Remove("INBOX", 5)
	if got := w.verify(t, 0); !strings.Contains(got, "found 4 moved 1 gone 1 ") || !strings.Contains(w.told(), "4 deleted on the target, from INBOX") {
		t.Error(got, w.told())
	}
}

// TestVerifyLooksForWhatAnOlderFolderHad: the folder was made anew, and the next run knew only what its source still lists.
func TestVerifyLooksForWhatAnOlderFolderHad(t *testing.T) {
	w := newWorld(t, letters(10)...)
	w.must(t, "copied 10")
	w.drop.Letters = append(w.drop.Letters[5:], letter("new", ""))
	w.boxes.Renew("INBOX", func(i int) bool { return i != 2 })
	w.must(t, "known 5, copied 1")
	if got := w.verify(t, 0); !strings.Contains(got, "found 6 moved 4 gone 1 ") || w.verified.Expected != 11 {
		t.Error(got, w.told())
	}
}

// TestVerifySeeksEachInItsOwnFolderFirst: a copy elsewhere isn't taken for a message that is where it was.
func TestVerifySeeksEachInItsOwnFolderFirst(t *testing.T) {
	w := newWorld(t, letters(4)...)
	w.must(t, "copied 4")
	w.boxes.Deliver("A copy", letters(4)[0].Raw)
	w.boxes.Renew("INBOX", func(int) bool { return true })
	if got := w.verify(t, 0); !strings.Contains(got, "found 0 moved 4 gone 0 ") || strings.Contains(w.told(), "A copy") {
		t.Error(got, w.told())
	}
}

// TestVerifyAsksTheRulesAgain: what a rule left out is missing once the rule is gone.
func TestVerifyAsksTheRulesAgain(t *testing.T) {
	w := newWorld(t, letters(3)...)
	w.rules.Until = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	w.must(t, "skipped 3")
	if got := w.verify(t, 0); !strings.HasPrefix(got, "listed 3 placed 0 missing 0") {
		t.Error(got)
	}
	w.rules.Until = time.Time{}
	if got := w.verify(t, 0); !strings.HasPrefix(got, "listed 3 placed 0 missing 3") || !strings.Contains(w.told(), "a rule that is gone") {
		t.Error(got, w.told())
	}
}

// TestVerifySaysWhenItCannotLook: nobody has compared anything, so nothing is safe.
func TestVerifySaysWhenItCannotLook(t *testing.T) {
	w := newWorld(t, letters(3)...)
	w.must(t, "copied 3")
	a := w.account()
	open := a.OpenTarget
	a.OpenTarget = func(ctx context.Context) (migrate.Target, error) {
		tgt, err := open(ctx)
		return struct{ migrate.Target }{tgt}, err
	}
	if _, err := a.Verify(t.Context(), 0); err == nil || migrate.HintOf(err) == "" {
		t.Errorf("error %v", err)
	}
}
