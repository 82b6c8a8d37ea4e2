// Package filestoretest is what the tests of the packages that read mail on disk have in common: trees to read, and a listing that holds a store to
// the contract of [filestore.Store].
package filestoretest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// Tree writes files below a new directory, and returns it. A name that ends with a slash is a directory.
func Tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		Write(t, filepath.Join(root, filepath.FromSlash(name)), text, strings.HasSuffix(name, "/"))
	}
	return root
}

// Write writes one file, or makes one directory, with those above it.
func Write(t testing.TB, path, text string, isDir bool) {
	t.Helper()
	dir := filepath.Dir(path)
	if isDir {
		dir = path
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil && !isDir {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// List collects what a store yields: the entries, and the errors. No error may end the sequence, and no two entries may have one ID.
func List(t testing.TB, s filestore.Store) (entries []migrate.Entry, failed []error) {
	t.Helper()
	ids := map[string]bool{}
	for e, err := range s.List(context.Background()) {
		if err != nil {
			var m *migrate.Error
			if !errors.As(err, &m) || m.Scope != migrate.ScopeMessage && m.Scope != migrate.ScopeFolder {
				t.Errorf("%v ends the sequence", err)
			}
			failed = append(failed, err)
			continue
		}
		if ids[e.ID] {
			t.Errorf("two entries have the ID %q", e.ID)
		}
		ids[e.ID] = true
		entries = append(entries, e)
	}
	return entries, failed
}

// Read returns a message.
func Read(t testing.TB, s filestore.Store, e migrate.Entry) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Read(context.Background(), e, &b); err != nil {
		t.Errorf("%s: %v", e.ID, err)
	}
	return b.String()
}

// ListWithin lists a store again from within a listing, as the engine does when it wants to know what is still there, and sees that the messages behind
// that are read as they are without it.
func ListWithin(t testing.TB, s filestore.Store) {
	t.Helper()
	texts := map[string]string{}
	for _, nested := range []bool{false, true} {
		n := 0
		for e, err := range s.List(context.Background()) {
			if err != nil {
				continue // List tells
			}
			if n++; nested && n%3 == 1 {
				List(t, s)
			}
			text := Read(t, s, e)
			if nested && text != texts[e.ID] {
				t.Errorf("%s is read as %q, and was %q", e.ID, text, texts[e.ID])
			}
			texts[e.ID] = text
		}
		if n < 4 {
			t.Errorf("%d messages are too few to tell", n)
		}
	}
}

// WantErrors compares errors with what they have in them, paths with slashes.
func WantErrors(t testing.TB, failed []error, want ...string) {
	t.Helper()
	if len(failed) != len(want) {
		t.Fatalf("errors %v, want %q", failed, want)
	}
	for i, w := range want {
		if !strings.Contains(failed[i].Error(), filepath.FromSlash(w)) {
			t.Errorf("%v, want %q", failed[i], w)
		}
	}
}

// Corpora is real mail, beside the checkout: as seen from a package two levels below its top. The tests are complete without it.
const Corpora = "../../../shared/corpora"

// Manifest maps the places below one directory to the SHA-256 of their octets with LF line ends, as one of the corpora's manifests has it. Without
// the corpora the test is skipped.
func Manifest(t testing.TB, file, below string) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(Corpora, "manifest", file))
	if err != nil {
		t.Skip("no corpora here")
	}
	defer f.Close()
	sums := map[string]string{}
	for in := bufio.NewScanner(f); in.Scan(); {
		col := strings.Split(in.Text(), "\t")
		if rest, ok := strings.CutPrefix(col[1], below); ok {
			sums[rest] = col[3]
		}
	}
	return sums
}

// LFSum is the SHA-256 of a text with LF line ends.
func LFSum(s string) string {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(s, "\r\n", "\n")))
	return hex.EncodeToString(sum[:])
}
