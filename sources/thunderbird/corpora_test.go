package thunderbird

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore/filestoretest"
)

// corpora has real mail, where it is there.
const corpora = "../../../shared/corpora/thunderbird"

func real(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpora, filepath.FromSlash(name)))
	if err != nil {
		t.Skip("no corpora")
	}
	return string(b)
}

// texts reads all of a store, by folder.
func texts(t *testing.T, s *Store) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for e, err := range s.List(t.Context()) {
		if err != nil {
			out[e.Folder.String()] = append(out[e.Folder.String()], "error: "+err.Error())
			continue
		}
		var b bytes.Buffer
		if err := s.Read(t.Context(), e, &b); err != nil {
			t.Errorf("%s: %v", e.ID, err)
		}
		out[e.Folder.String()] = append(out[e.Folder.String()], strings.ReplaceAll(b.String(), "\r\n", "\n"))
	}
	return out
}

// TestTheClientsOwnCases reads the mboxes of its test suite as folders, and compares with the messages that it expects of itself.
func TestTheClientsOwnCases(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(corpora, "gtest-cases", "*.mbox"))
	if err != nil || len(cases) == 0 {
		t.Skip("no corpora")
	}
	files := map[string]string{}
	for _, c := range cases {
		name := strings.TrimSuffix(filepath.Base(c), ".mbox")
		files[name] = real(t, "gtest-cases/"+filepath.Base(c))
		files[name+".msf"] = indexFile
	}
	got := texts(t, open(t, Options{Path: filestoretest.Tree(t, files)}))
	for _, c := range cases {
		name := strings.TrimSuffix(filepath.Base(c), ".mbox")
		expected, _ := filepath.Glob(strings.TrimSuffix(c, ".mbox") + ".expect-*")
		slices.Sort(expected)
		var want []string
		for _, e := range expected {
			b, err := os.ReadFile(e)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, strings.ReplaceAll(string(b), "\r\n", "\n"))
		}
		trim := func(s string) string { return strings.TrimRight(s, "\n") }
		if !slices.EqualFunc(got[name], want, func(a, b string) bool { return trim(a) == trim(b) }) {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

func TestRealFolders(t *testing.T) {
	data := "mailnews-test-data/data/"
	files := map[string]string{
		"popstate.dat":      popstate,
		"Inbox":             real(t, "mailnews-local/data/movemailspool"),
		"Archives.sbd/2018": real(t, data+"mbox_modern"),
		"Old":               real(t, data+"mbox_unquoted"),
		"Wiki":              real(t, data+"mbox_mboxrd"),
		"88225a5f":          real(t, data+"mbox_mboxrd"),
		"88225a5f.msf":      real(t, "mailnews-local/data/hashedFolder.msf"),
		"Sent":              real(t, data+"mbox_mboxrd"),
		"Sent.msf":          real(t, "mailnews-base/data/frenchInbox.msf"),
	}
	s := open(t, Options{Path: filestoretest.Tree(t, files)})
	counts := map[string]int{}
	for folder, list := range texts(t, s) {
		counts[folder] = len(list)
	}
	for folder, want := range map[string]int{"INBOX": 3, "Archives/2018": 2, "Old": 2, "Wiki": 2, "test τ": 2, "Sent": 2} {
		if counts[folder] != want {
			t.Errorf("%s: %d, want %d", folder, counts[folder], want)
		}
	}
	var first migrate.Entry
	for e, err := range s.List(t.Context()) {
		if err == nil && e.Folder == nil {
			first = e
			break
		}
	}
	if !slices.Equal(first.Flags, []migrate.Flag{migrate.Seen, "$label4"}) || first.UIDL != "UID18345-1161858178" ||
		!first.Fallback.Equal(time.Date(2007, 10, 2, 0, 26, 47, 0, time.UTC)) {
		t.Errorf("%+v", first)
	}
}
