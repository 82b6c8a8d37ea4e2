package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"poplift/migrate"
)

func verification(problems int) migrate.Verification {
	v := migrate.Verification{Listed: migrate.Tally{Messages: 9, Octets: 900}, Placed: migrate.Tally{Messages: 8, Octets: 800}, Missing: migrate.Tally{Messages: 1, Octets: 100},
		Expected: 8, Found: 6, Moved: 1, Gone: 1, Flagged: 5, FlagsDiffer: 2, Read: 3,
		Folders: []migrate.VerifiedFolder{{Name: "INBOX", Messages: 12, Expected: 8, Found: 6, Moved: 1, Gone: 1, Flagged: 5, FlagsDiffer: 2}}}
	for i := range problems {
		v.Problems = append(v.Problems, migrate.Problem{Source: "pop3", ID: fmt.Sprint(i), Folder: "INBOX", Size: 100, Outcome: migrate.Failed, Reason: "not copied yet", Hint: "run"})
	}
	return v
}

func TestVerification(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made by it")
	if _, err := ReadVerification(dir, "me"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	want := NewVerification("me", testTime(), 0.5, verification(1))
	if want.Safe || len(want.Reasons) != 2 || want.Listed.Messages != 9 || want.Folders[0].FlagsDiffer != 2 || want.Problems[0].Hint != "run" {
		t.Errorf("%+v", want)
	}
	if err := WriteVerification(dir, "me", want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadVerification(dir, "me"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	if info, err := os.Stat(VerificationPath(dir, "me")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read it: %v, %v", info.Mode(), err)
	}
	if list, err := ListStatus(dir); len(list) != 0 || err != nil {
		t.Errorf("it is taken for a status: %v, %v", list, err)
	}
	many := NewVerification("you", testTime(), 1, verification(keptProblems+7))
	if err := WriteVerification(dir, "me", many); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadVerification(dir, "me"); err != nil || got.Account != "you" || len(got.Problems) != keptProblems || got.Dropped != 7 {
		t.Errorf("%d problems, %d dropped, %v", len(got.Problems), got.Dropped, err)
	}
	if err := os.WriteFile(VerificationPath(dir, "me"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadVerification(dir, "me"); err == nil || !reflect.DeepEqual(got, Verification{}) {
		t.Errorf("broken: %+v, %v", got, err)
	}
}

// TestVerificationsAtOnce: two of one account don't exclude each other, and one of them stands in the end.
func TestVerificationsAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := WriteVerification(dir, "me", NewVerification("me", testTime(), 0, verification(100))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if v, err := ReadVerification(dir, "me"); err != nil || len(v.Problems) != 100 {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || !strings.HasSuffix(entries[0].Name(), ".verified") {
		t.Errorf("%v, %v", entries, err)
	}
}
