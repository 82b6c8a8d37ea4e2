package eml

import (
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/sources/filestore/filestoretest"
	"poplift/sources/filestore/onefile"
)

// corpora holds real mail, beside the checkout. The tests are complete without it.
const corpora = filestoretest.Corpora

// TestCorporaManifests: every message of three corpora, octet by octet. A From_ line before the header is the file's, not the message's.
func TestCorporaManifests(t *testing.T) {
	for _, c := range []struct {
		file, dir string
		left      []string // files that are no messages
	}{
		{"notmuch.tsv", "maildir/notmuch", []string{"README"}},
		{"sisimai-bsd.tsv", "maildir/sisimai", nil},
		{"spamassassin-easy_ham.tsv", "eml/spamassassin", []string{"easy_ham/cmds"}},
	} {
		want := filestoretest.Manifest(t, c.file, "")
		s := openStore(t, filepath.Join(corpora, c.dir))
		entries, failed := filestoretest.List(t, s)
		for _, err := range failed {
			t.Error(err)
		}
		cut := 0
		for _, e := range entries {
			rel := pathOf(e.ID)
			sum := filestoretest.LFSum(filestoretest.Read(t, s, e))
			if sum != want[rel] {
				octets, err := os.ReadFile(filepath.Join(s.root, rel))
				if err != nil {
					t.Fatal(err)
				}
				n := onefile.Preamble(octets)
				if n == 0 || filestoretest.LFSum(string(octets)) != want[rel] || sum != filestoretest.LFSum(string(octets[n:])) {
					t.Errorf("%s: %s, want %s", rel, sum, want[rel])
				}
				cut++
			}
			delete(want, rel)
		}
		for _, rel := range c.left {
			delete(want, rel)
		}
		for rel := range want {
			t.Errorf("%s: %s is missing", c.file, rel)
		}
		t.Logf("%s: %d messages, %d without their From_ line", c.dir, len(entries), cut)
	}
}

// TestCorporaNamedByTheirDigest: the files of this corpus are called after the MD5 of their octets, so that they prove themselves.
func TestCorporaNamedByTheirDigest(t *testing.T) {
	dir := filepath.Join(corpora, "eml/spamassassin/easy_ham")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpora here")
	}
	s := openStore(t, dir)
	entries, _ := filestoretest.List(t, s)
	same := 0
	for _, e := range entries {
		octets, err := os.ReadFile(filepath.Join(dir, pathOf(e.ID)))
		if err != nil {
			t.Fatal(err)
		}
		sum := md5.Sum(octets)
		_, digest, _ := strings.Cut(pathOf(e.ID), ".")
		if hex.EncodeToString(sum[:]) == digest {
			if got := filestoretest.Read(t, s, e); !strings.HasSuffix(string(octets), got) || len(octets)-len(got) > 200 {
				t.Errorf("%s differs", e.ID)
			}
			same++
		}
	}
	t.Logf("%d of %d files have the digest that they are called after", same, len(entries))
}

// TestCorporaOdd: collections of broken messages, named .eml or .txt or not at all. Each file is a message, reported, or no mail.
func TestCorporaOdd(t *testing.T) {
	root := filepath.Join(corpora, "eml")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no corpora here")
	}
	for _, dir := range []string{"cpython", "email-simple-perl", "enmime", "mikel-mail", "mime4j", "stalwart"} {
		s := openStore(t, filepath.Join(root, dir))
		entries, failed := filestoretest.List(t, s)
		for _, e := range entries {
			octets, err := os.ReadFile(filepath.Join(s.root, pathOf(e.ID)))
			if err != nil {
				t.Fatal(err)
			}
			if got := filestoretest.Read(t, s, e); !strings.HasSuffix(string(octets), got) && strings.Contains(string(octets), "\n") {
				t.Errorf("%s differs", e.ID)
			}
		}
		t.Logf("%s: %d messages, %d reported", dir, len(entries), len(failed))
		for _, err := range failed {
			t.Log(err)
		}
	}
}
