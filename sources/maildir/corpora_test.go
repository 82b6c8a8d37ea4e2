package maildir

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/sources/filestore/filestoretest"
)

// corpora holds real mail, beside the checkout. The tests are complete without it.
const corpora = filestoretest.Corpora

func TestCorporaNotmuch(t *testing.T) {
	want := filestoretest.Manifest(t, "notmuch.tsv", "")
	s := openStore(t, filepath.Join(corpora, "maildir/notmuch"))
	entries, failed := filestoretest.List(t, s)
	for _, err := range failed {
		t.Error(err)
	}
	for _, e := range entries {
		got := filestoretest.Read(t, s, e)
		path, err := s.where(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(s.root, path)
		if sum := filestoretest.LFSum(got); sum != want[filepath.ToSlash(rel)] {
			t.Errorf("%s: %s, want %s", rel, sum, want[filepath.ToSlash(rel)])
		}
		delete(want, filepath.ToSlash(rel))
	}
	for rel := range want {
		if strings.Contains(rel, "/cur/") || strings.Contains(rel, "/new/") {
			t.Errorf("%s is missing", rel)
		}
	}
	t.Logf("%d messages; %d files of the corpus lie beside cur and new", len(entries), len(want))
}

func TestCorporaMuAndMairix(t *testing.T) {
	for dir, want := range map[string]int{"maildir/mu": 37, "other/mairix/maildir": 11} {
		if !hasCorpus(dir) {
			t.Skip("no corpora here")
		}
		s := openStore(t, filepath.Join(corpora, dir))
		n := 0
		for e, err := range s.List(context.Background()) {
			if err != nil {
				t.Error(err)
				continue
			}
			path, err := s.where(e.ID)
			if err != nil {
				t.Fatal(err)
			}
			octets, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := filestoretest.Read(t, s, e); got != string(octets) {
				t.Errorf("%s differs", path)
			}
			n++
		}
		if n != want {
			t.Errorf("%s: %d messages, want %d", dir, n, want)
		}
	}
}

func hasCorpus(dir string) bool {
	_, err := os.Stat(filepath.Join(corpora, dir))
	return err == nil
}
