package takeout

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Large files are read once: the next process knows them, and so does a later pass over them of the same one.
func TestLargeFilesAreReadOnce(t *testing.T) {
	cache, began := t.TempDir(), time.Now().Add(-time.Hour)
	texts := map[string]string{}
	for i := range 3000 {
		name := []string{"Inbox.mbox", "Work.mbox"}[i%2]
		texts[name] += msg(i, []string{"Inbox", `"Work, old",Starred`, "=?UTF-8?Q?Entw=C3=BCrfe?="}[i%3], "n"+strings.Repeat("x", i%80))
		texts["Inbox.mbox"] += strings.Repeat(msg(i, "Unread", "n"), (i+1)/3000) // the last one is in both
	}
	dir := export(t, texts)
	stamp := func() {
		for name := range texts {
			if err := os.Chtimes(filepath.Join(dir, name), began, began); err != nil {
				t.Fatal(err)
			}
		}
	}
	stamp()
	want := entries(t, Options{Path: dir, Labels: Copies})
	for range 2 {
		same(t, entries(t, Options{Path: dir, Labels: Copies, CacheDir: cache}), want...)
	}
	files, _ := filepath.Glob(cache + "/*.mboxindex")
	if len(files) != 2 {
		t.Errorf("in the cache: %q", files)
	}

	// Nothing but their octets tells that these aren't the same files: a list that still finds everything has not read them.
	for name, text := range texts {
		head, rest := text[:20<<10], text[20<<10:]
		if err := os.WriteFile(filepath.Join(dir, name), []byte(head+strings.ReplaceAll(rest, "From 1", "Xrom 1")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stamp()
	same(t, entries(t, Options{Path: dir, Labels: Copies, CacheDir: cache}), want...)
}

// entries lists a store, and reads each message of the first file's beginning at once.
func entries(t *testing.T, o Options) (out []string) {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for e, err := range s.List(t.Context()) {
		var b bytes.Buffer
		if err == nil && len(out) < 20 {
			err = s.Read(t.Context(), e, &b)
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Date = e.Date.UTC() // two zones without a difference have two names
		out = append(out, fmt.Sprintf("%+v %s", e, &b))
	}
	return out
}
