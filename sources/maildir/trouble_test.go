package maildir

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/filestoretest"
	"poplift/sources/filestore/onefile"
)

// wantErrors checks that each error names its place, and that the rest was listed.
func wantErrors(t *testing.T, s filestore.Store, messages int, want ...string) {
	t.Helper()
	entries, failed := filestoretest.List(t, s)
	if len(entries) != messages {
		t.Errorf("%d messages, want %d: %q", len(entries), messages, brief(entries))
	}
	if len(failed) != len(want) {
		t.Fatalf("errors %v, want %q", failed, want)
	}
	for i, w := range want {
		if !strings.Contains(failed[i].Error(), filepath.FromSlash(w)) {
			t.Errorf("%v, want %q", failed[i], w)
		}
	}
}

func TestUnreadable(t *testing.T) {
	filestoretest.AsOrdinaryUser(t)
	root := filestoretest.Tree(t, map[string]string{"cur/1": mail, ".A/cur/2": mail, ".B/cur/3": mail, ".B/new/4": mail, "c/d/cur/5": mail})
	for _, name := range []string{".A", ".B/cur", "c"} {
		path := filepath.Join(root, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o700) })
	}
	wantErrors(t, openStore(t, root), 2, "read folder "+filepath.Join(root, ".B"), "read folder "+filepath.Join(root, "c"))
}

func TestEmptyAndOddFiles(t *testing.T) {
	skipOnWindows(t, "links need a privilege")
	root := filestoretest.Tree(t, map[string]string{"cur/1": mail, "cur/2": "", "new/": "", "cur/sub/x": mail})
	if err := os.Symlink("gone", filepath.Join(root, "cur", "3")); err != nil {
		t.Fatal(err)
	}
	wantErrors(t, openStore(t, root), 1, "read "+filepath.Join(root, "cur/2")+": the file is empty", "cur/3: the link leads nowhere")
}

func TestLinks(t *testing.T) {
	skipOnWindows(t, "links need a privilege")
	outside := filestoretest.Tree(t, map[string]string{"cur/7": mail, "sub/cur/8": mail})
	root := filestoretest.Tree(t, map[string]string{"cur/1": mail, "a/cur/2": mail})
	for name, to := range map[string]string{"a/loop": root, "a/self": ".", "b": "a", "out": outside, "out2": filepath.Join(outside, "sub"), "up": filepath.Dir(root)} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := openStore(t, root)
	wantErrors(t, s, 4, "a/loop: the link leads back", "a/self: the link leads back", "up: the link leads back")
	wantErrors(t, s, 4, "a/loop", "a/self", "up") // nothing is remembered from the first time
}

func TestDeepTree(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{strings.Repeat("d/", 300) + "cur/1": mail})
	entries, failed := filestoretest.List(t, openStore(t, root))
	if len(entries) != 1 || len(failed) != 0 || len(entries[0].Folder) != 300 {
		t.Fatal(len(entries), failed)
	}
	if got := filestoretest.Read(t, openStore(t, root), entries[0]); got != mail {
		t.Errorf("%q", got)
	}
}

func TestNamesOfFoldersAreNeverPaths(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"Maildir/.&AC4ALg-/cur/1": mail, "Maildir/....x/cur/2": mail, "Maildir/..../cur/3": mail, "other/cur/4": mail})
	wantEntries(t, openStore(t, filepath.Join(root, "Maildir")), `&AC4ALg-|[]|.&AC4ALg-/1`, `....|[]|..../3`, `x|[]|....x/2`)
}

func TestDisappearingFolder(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{".A/cur/1": mail, ".A/cur/2": mail, ".B/cur/3": mail})
	var got []string
	var failed []error
	for e, err := range openStore(t, root).List(context.Background()) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		got = append(got, e.ID)
		if err := os.RemoveAll(filepath.Join(root, ".A")); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(got, " ") != ".A/1 .B/3" || len(failed) != 1 || !strings.Contains(failed[0].Error(), "read folder "+filepath.Join(root, ".A")) {
		t.Error(got, failed)
	}
}

func TestRenamedWhileListed(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"new/1": mail, "new/2": mail, "cur/3:2,": mail, "cur/4:2,": mail})
	var got []migrate.Entry
	for e, err := range openStore(t, root).List(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
		if len(got) > 1 {
			continue
		}
		for from, to := range map[string]string{"new/2": "cur/2:2,S", "cur/3:2,": "cur/3:2,F"} {
			if err := os.Rename(filepath.Join(root, from), filepath.Join(root, to)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(filepath.Join(root, "cur/4:2,")); err != nil {
			t.Fatal(err)
		}
	}
	if b := brief(got); len(b) != 3 || b[1] != `INBOX|[\Seen]|2|inbox` || b[2] != `INBOX|[\Flagged]|3|inbox` {
		t.Errorf("%q", b)
	}
}

func TestChangedSinceListed(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"cur/1:2,": mail, "cur/2:2,": mail, "new/": ""})
	s := openStore(t, root)
	entries, _ := filestoretest.List(t, s)
	if err := os.WriteFile(filepath.Join(root, "cur/1:2,"), []byte(mail+"more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "cur/2:2,")); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := s.Read(context.Background(), e, io.Discard); !errors.Is(err, filestore.ErrChanged) {
			t.Errorf("%s: %v", e.ID, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"cur/1:2,": mail, "cur/2:2,": mail})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for e, err := range openStore(t, root).List(ctx) {
		n++
		if n == 1 {
			cancel()
		} else if !errors.Is(err, context.Canceled) {
			t.Error(e, err)
		}
	}
	s := openStore(t, root)
	entries, _ := filestoretest.List(t, s)
	if err := s.Read(ctx, entries[0], io.Discard); n != 2 || !errors.Is(err, context.Canceled) {
		t.Error(n, err)
	}
}

func TestReadsWhatDovecotCompressed(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(mail))
	z.Close()
	root := filestoretest.Tree(t, map[string]string{"cur/1": b.String(), "cur/2": "\x28\xb5\x2f\xfdxx", "cur/3": b.String()[:20], "cur/4": "From a Thu Jan  1\n" + mail, "new/": ""})
	s := openStore(t, root)
	entries, _ := filestoretest.List(t, s)
	for _, i := range []int{0, 3} {
		if got := filestoretest.Read(t, s, entries[i]); got != mail {
			t.Errorf("%d: %q", i, got)
		}
	}
	for _, i := range []int{1, 2} {
		if err := s.Read(context.Background(), entries[i], io.Discard); err == nil {
			t.Errorf("%d was read", i)
		}
	}
}

// TestThroughTheSource: what the engine sees of a store with a fault.
func TestThroughTheSource(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"cur/1": "X-Mozilla-Status: 0001\n" + mail, "cur/2": "", "new/": ""})
	src := filestore.New(openStore(t, root), filestore.Options{Pool: migrate.NewPool(1<<20, "")})
	defer src.Close()
	n := 0
	for e, err := range src.Messages(context.Background()) {
		if err != nil {
			if !errors.Is(err, onefile.ErrEmpty) {
				t.Error(err)
			}
			continue
		}
		for m, err := range src.Fetch(context.Background(), func(yield func(migrate.Entry) bool) { yield(e) }) {
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			m.Body.WriteTo(&b)
			if n++; b.String() != strings.ReplaceAll(mail, "\n", "\r\n") {
				t.Errorf("%q", b.String())
			}
			m.Body.Release()
		}
	}
	if n != 1 {
		t.Error(n, "messages")
	}
}
