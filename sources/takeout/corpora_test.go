package takeout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
)

// corpora has real mail, where it is there.
const corpora = "../../../shared/corpora"

// TestAgainstTheManifest compares with what other readers made of a real export: 39 messages, in folders that were looked up by hand.
func TestAgainstTheManifest(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(corpora, "manifest/takeout-got-your-back.tsv"))
	if err != nil {
		t.Skip("no corpora")
	}
	var want []string
	for row := range strings.SplitSeq(strings.TrimSpace(string(manifest)), "\n") {
		want = append(want, strings.Split(row, "\t")[3])
	}
	s, err := Open(Options{Path: filepath.Join(corpora, "takeout")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	folders := map[string]int{}
	unread := 0
	for e, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := s.Read(t.Context(), e, &b); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(b.String(), "\r\n", "\n")
		got = append(got, anyOf(want, text, strings.TrimSuffix(text, "\n")))
		folders[e.Folder.String()]++
		if !slices.Contains(e.Flags, migrate.Seen) {
			unread++
		}
		if e.Date.Year() != 2019 || e.UIDL != "" || e.Deleted {
			t.Errorf("%+v", e)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d messages, or others", len(got), len(want))
	}
	if text := fmt.Sprint(folders); text != "map[1.Organizační:2 INBOX:27 takeout:2 ☯:8]" || unread != 29 {
		t.Errorf("%s, %d unread", text, unread)
	}
}

// anyOf returns the digest of the text that is wanted; the last newline is nobody's.
func anyOf(want []string, texts ...string) string {
	for _, text := range texts {
		sum := sha256.Sum256([]byte(text))
		if d := hex.EncodeToString(sum[:]); slices.Contains(want, d) {
			return d
		}
	}
	return "none"
}
