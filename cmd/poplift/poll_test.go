package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestPollWithNothingNewWritesNoState: thousands of accounts are polled every few minutes, mostly for nothing.
func TestPollWithNothingNewWritesNoState(t *testing.T) {
	l := newJobsLab(t)
	pop, target := l.pop(nil), l.imap(nil)
	l.account("me", pop, target, 50)
	l.write()
	type file struct {
		octets []byte
		info   os.FileInfo
	}
	look := func() file {
		if _, stderr, err := l.run(nil); err != nil {
			t.Fatalf("%v\n%s", err, stderr)
		}
		found, _ := filepath.Glob(filepath.Join(l.dir, "state", "*.db"))
		if len(found) != 1 {
			t.Fatalf("state files: %q", found)
		}
		octets, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return file{octets, info}
	}
	first := look()
	for range 2 {
		if now := look(); !bytes.Equal(now.octets, first.octets) || !now.info.ModTime().Equal(first.info.ModTime()) {
			t.Errorf("the state was written: %v, then %v", first.info.ModTime(), now.info.ModTime())
		}
	}
	if err := exactly(target, "me", 50); err != nil {
		t.Error(err)
	}
}
