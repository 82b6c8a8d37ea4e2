package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"poplift/migrate"
)

func TestStatus(t *testing.T) {
	dir := t.TempDir()
	if list, err := ListStatus(filepath.Join(dir, "nothing")); err != nil || list != nil {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := ReadStatus(dir, "me"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	st := Status{PID: os.Getpid(), Started: testTime(), Updated: testTime()}
	st.Set(migrate.Snapshot{
		Phase: "copying", Note: "server gone; trying again in 4s", Listed: migrate.Tally{Messages: 9, Octets: 900},
		Settled:  migrate.Tally{Messages: 3, Octets: 300},
		Outcomes: map[migrate.Outcome]migrate.Tally{migrate.Copied: {Messages: 2, Octets: 200}, migrate.Failed: {Messages: 1, Octets: 100}},
	})
	for _, account := range []string{"you", "me"} {
		if err := WriteStatus(dir, account, st); err != nil {
			t.Fatal(err)
		}
	}
	st.Account = "me"
	got, err := ReadStatus(dir, "me")
	if err != nil || !reflect.DeepEqual(got, st) || !got.Running() {
		t.Errorf("got %+v, %v\nwant %+v", got, err, st)
	}
	data, err := os.ReadFile(StatusPath(dir, "me"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"outcomes": {`, `"copied": {`, `"messages": 2`, `"bytes": 200`, `"phase": "copying"`} {
		if !strings.Contains(string(data), part) {
			t.Errorf("%s lacks %s", data, part)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "broken.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := ListStatus(dir)
	if len(list) != 2 || list[0].Account != "me" || list[1].Account != "you" || err == nil || !strings.Contains(err.Error(), "broken.json") {
		t.Errorf("%+v, %v", list, err)
	}
	got.Finished = true
	if got.Running() {
		t.Error("a run that is done is running")
	}
	if err := WriteStatus(filepath.Join(dir, "nothing"), "me", st); err == nil {
		t.Error("a status was written nowhere")
	}
}

// TestStatusIsReplacedWhole reads while another writes.
func TestStatusIsReplacedWhole(t *testing.T) {
	dir := t.TempDir()
	st := Status{Note: strings.Repeat("long ", 2000)}
	if err := WriteStatus(dir, "me", st); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 200 {
			if err := WriteStatus(dir, "me", st); err != nil && os.PathSeparator == '/' {
				t.Error(err)
			}
		}
	})
	for range 200 {
		if got, err := ReadStatus(dir, "me"); err != nil && os.PathSeparator == '/' || err == nil && got.Note != st.Note {
			t.Fatal(len(got.Note), err)
		}
	}
	wg.Wait()
}

func TestAlive(t *testing.T) {
	for pid, want := range map[int]bool{os.Getpid(): true, os.Getppid(): true, 0: false, -1: false, 1<<31 - 1: false} {
		if Alive(pid) != want {
			t.Errorf("Alive(%d) = %v", pid, !want)
		}
	}
}
