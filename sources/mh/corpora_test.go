package mh

import (
	"archive/tar"
	"compress/bzip2"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/sources/filestore/filestoretest"
)

// corpora holds real mail, beside the checkout. The tests are complete without it.
const corpora = filestoretest.Corpora + "/other"

func TestCorporaPlain(t *testing.T) {
	for dir, want := range map[string]int{"mairix/mh": 13, "mh": 4} {
		root := filepath.Join(corpora, dir)
		if _, err := os.Stat(root); err != nil {
			t.Skip("no corpora here")
		}
		if !Detect(root) {
			t.Errorf("%s is not detected", dir)
		}
		s := openStore(t, root)
		entries, failed := filestoretest.List(t, s)
		filestoretest.WantErrors(t, failed)
		if len(entries) != want {
			t.Errorf("%s: %d messages, want %d", dir, len(entries), want)
		}
		for _, e := range entries {
			rel, _, _ := strings.Cut(e.ID, "#")
			octets, err := os.ReadFile(filepath.Join(root, rel))
			if err != nil {
				t.Fatal(err)
			}
			if got := filestoretest.Read(t, s, e); !strings.HasSuffix(string(octets), got) || len(octets)-len(got) > 100 {
				t.Errorf("%s differs", e.ID)
			}
		}
	}
}

// TestCorporaSylpheed: a mailbox that Sylpheed has written, from the importer of KDE.
func TestCorporaSylpheed(t *testing.T) {
	f, err := os.Open(filepath.Join(corpora, "kde-mailimporter/sylpheed/sylpheed.tar.bz2"))
	if err != nil {
		t.Skip("no corpora here")
	}
	defer f.Close()
	root := t.TempDir()
	octets := map[string]string{}
	for in := tar.NewReader(bzip2.NewReader(f)); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else if b, e := io.ReadAll(in); e == nil {
			octets[strings.TrimPrefix(h.Name, "Mail/")] = string(b)
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := openStore(t, filepath.Join(root, "Mail"))
	entries, failed := filestoretest.List(t, s)
	filestoretest.WantErrors(t, failed)
	folders := map[string]int{}
	for _, e := range entries {
		rel, _, _ := strings.Cut(e.ID, "#")
		if got := filestoretest.Read(t, s, e); got != octets[rel] {
			t.Errorf("%s differs", rel)
		}
		if !slices.Equal(e.Flags, []migrate.Flag{migrate.Seen}) || e.Deleted {
			t.Errorf("%s: %v", rel, e.Flags)
		}
		folders[e.Folder.String()+" "+string(e.Role)]++
	}
	want := map[string]int{"INBOX inbox": 6, "inbox/kmail-devel ": 11, "inbox/kmail-devel/bugs ": 11, "trash trash": 6, "Mailinglists/hal ": 8,
		"Mailinglists/hal/commit ": 7}
	for k, n := range want {
		if folders[k] != n {
			t.Errorf("%q: %d messages, want %d", k, folders[k], n)
		}
	}
	if len(entries) != 49 || len(folders) != len(want) {
		t.Error(len(entries), folders)
	}
}
