package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/sources/filestore/filestoretest"
)

const (
	storeLetter = "From: joe@example.org\nSubject: s\n\nbody\n"
	storeMbox   = "From joe@example.org Mon Jan  5 10:00:00 2004\n" + storeLetter + "\n"
)

// What lies at a path is told by its content, and of a tree with several kinds none is passed over.
func TestKindOf(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"mboxes/a": storeMbox + storeMbox, "letters/1.eml": storeLetter, "both/a": storeMbox + storeMbox, "both/1.eml": storeLetter,
		"one.eml": storeLetter, "one": storeMbox, "from.eml": storeMbox, "words": "nothing of a mail\n", "none/words": "x",
		"lost":                storeLetter + "\n" + storeMbox, // an mbox that has lost its first line
		"pegasus/hierarch.pm": "2,0,\"x\"\n", "pegasus/new.cnm": storeLetter, "deep/x/pegasus/hierarch.pm": "2,0,\"x\"\n", "deep/x/pegasus/new.cnm": storeLetter,
		"deep/1.eml": storeLetter, "eudora/In.mbx": "From ???@??? Thu Jan 01 00:00:00 1970\n" + storeLetter, "eudora/In.toc": "x",
		"dbx/f.dbx": "\xcf\xad\x12\xfe 0123456789abcdef", "md/cur/1:2,S": storeLetter, "md/new/": "", "md/beside/old.mbox": storeMbox,
	})
	for path, want := range map[string]string{
		"mboxes": "mbox", "letters": "single messages", "both": "mbox and single messages", "one.eml": "single messages", "one": "mbox", "lost": "mbox",
		"from.eml": "mbox", "words": "error: no mail that poplift knows", "none": "error: no mail that poplift knows", "gone": "error: no such file",
		"pegasus": "error: Pegasus Mail", "eudora": "error: Eudora", "dbx": "error: Outlook Express", "dbx/f.dbx": "error: undbx",
		"deep": "single messages", "md": "Maildir and mbox",
	} {
		k, err := kindOf(path, filepath.Join(root, filepath.FromSlash(path)))
		if text, bad := strings.CutPrefix(want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q, %v, want %s", path, k.title, err, text)
			}
		} else if err != nil || k.title != want {
			t.Errorf("%s: %q, %v, want %s", path, k.title, err, want)
		}
	}
}

// A store is found again by the name that it has in reports.
func TestParseStoreOfSeveralKinds(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"a": storeMbox + storeMbox, "1.eml": storeLetter})
	for _, raw := range []string{root, "mail:" + root} {
		s, ok, err := parseStore(raw)
		if err != nil || !ok || s.name() != "mail:"+root {
			t.Errorf("%s: %q, %v, %v", raw, s.name(), ok, err)
		}
	}
	if s, ok, err := parseStore("mbox:" + root); err != nil || !ok || s.name() != "mbox:"+root {
		t.Errorf("%q, %v, %v", s.name(), ok, err)
	}
}

// A pipe in a tree, or in its place, must keep nobody waiting.
func TestKindOfPipes(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"a": storeMbox})
	filestoretest.Pipe(t, filepath.Join(root, "pipe"))
	filestoretest.Pipe(t, filepath.Join(root, "pipe.eml"))
	if k, err := kindOf(root, root); err != nil || k.title != "mbox" {
		t.Errorf("%q, %v", k.title, err)
	}
	if k, err := kindOf("pipe", filepath.Join(root, "pipe")); err == nil {
		t.Errorf("a pipe is %q", k.title)
	}
}

// What can't be read says why, not that there is no mail.
func TestKindOfUnreadable(t *testing.T) {
	filestoretest.AsOrdinaryUser(t)
	root := filestoretest.Tree(t, map[string]string{"locked/a": storeMbox})
	if err := os.Chmod(filepath.Join(root, "locked"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(root, "locked"), 0o700) })
	if _, err := kindOf(root, root); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Error(err)
	}
}
