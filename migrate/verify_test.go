package migrate_test

import (
	"fmt"
	"strings"
	"testing"

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
	safe, why := v.Safe()
	return fmt.Sprintf("listed %d placed %d missing %d found %d gone %d read %d altered %d safe %v %s", v.Listed.Messages, v.Placed.Messages, v.Missing.Messages,
		v.Found, v.Gone, v.Read, v.Altered, safe, why)
}

func TestVerify(t *testing.T) {
	ls := append(letters(20), migratetest.Letter{ID: "twin", Raw: letters(1)[0].Raw})
	w := newWorld(t, ls...)
	if got, want := w.verify(t, 0), "listed 21 placed 0 missing 21 found 0 gone 0 read 0 altered 0 safe false 21 messages are on the source only"; got != want {
		t.Errorf("before: %s", got)
	}
	w.must(t, "copied 20, duplicate 1")
	if got, want := w.verify(t, 1), "listed 21 placed 21 missing 0 found 20 gone 0 read 20 altered 0 safe true "; got != want {
		t.Errorf("after: %s", got)
	}
	some := w.verify(t, 0.5)
	if strings.Contains(some, "read 0 ") || strings.Contains(some, "read 20 ") || some != w.verify(t, 0.5) {
		t.Errorf("half of it: %s", some)
	}
	w.drop.Letters = append(w.drop.Letters, letter("new", ""))
	w.boxes.Change("INBOX", 3, func(raw string) string { return raw + "forged\r\n" })
	w.boxes.Remove("INBOX", 4)
	if got, want := w.verify(t, 1), "listed 22 placed 21 missing 1 found 19 gone 1 read 19 altered 1 safe false 1 messages are on the source only"; got != want {
		t.Errorf("spoiled: %s", got)
	}
	w.drop.Letters = w.drop.Letters[:21]
	if got := w.verify(t, 0); !strings.HasSuffix(got, "safe false 1 copied messages are not where they were put: somebody moved or deleted them") {
		t.Errorf("gone: %s", got)
	}
	w.boxes.Renew("INBOX", func(int) bool { return true })
	if got := w.verify(t, 0); !strings.Contains(got, "found 0 gone 20") {
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
