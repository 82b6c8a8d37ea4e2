package thunderbird

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stamped writes a folder as the client has left it at some time, in place where it is there.
func stamped(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// A large folder is read once: the next process knows it, also after mail was appended and flags were set.
func TestLargeFoldersAreReadOnce(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "Inbox")
	var parts []string
	for i := range 700 {
		parts = append(parts, msg("0000", strings.Repeat("x", 200)+string(rune('a'+i%26))+strings.Repeat("y", i)))
	}
	fresh := func() []string { return dump(t, open(t, Options{Path: dir})) }
	cached := func() []string { return dump(t, open(t, Options{Path: dir, CacheDir: cache})) }
	stamped(t, path+".msf", "", time.Now())
	began := time.Now().Add(-time.Hour)
	stamped(t, path, strings.Join(parts, ""), began)
	want := fresh()
	same(t, cached(), want...)
	same(t, cached(), want...)

	// Nothing but its octets tells that this isn't the same file: a list that still finds everything has not read it.
	stamped(t, path, strings.ReplaceAll(strings.Join(parts, ""), "From - Tue", "Xrom - Tue"), began)
	n := 0
	for _, err := range open(t, Options{Path: dir, CacheDir: cache}).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != len(parts) {
		t.Errorf("%d messages of %d: the folder was read again", n, len(parts))
	}

	parts[10] = strings.Replace(parts[10], "Status: 0000", "Status: 0009", 1) // read, and thrown away
	parts[500] = strings.Replace(parts[500], "X-Mozilla-Keys: "+strings.Repeat(" ", 7), "X-Mozilla-Keys: $label1", 1)
	stamped(t, path, strings.Join(parts, ""), began.Add(time.Minute))
	want = fresh()
	same(t, cached(), want...)
	if !strings.Contains(want[10], "deleted") || !strings.Contains(want[500], "$label1") {
		t.Errorf("%s, %s", want[10], want[500])
	}
	parts[699] = strings.Replace(parts[699], "Status: 0000", "Status: 0001", 1)
	stamped(t, path, strings.Join(parts, "")+msg("0000", "new"), began.Add(2*time.Minute))
	want = fresh()
	same(t, cached(), want...)
	if last := want[len(want)-1]; !strings.Contains(last, "new") {
		t.Error(last)
	}
	stamped(t, path, strings.Join(parts[350:], ""), began.Add(3*time.Minute)) // it was compacted
	same(t, cached(), fresh()...)
}

// A partial message is one that a person may have to look for.
func TestPartialMessagesTellTheirSubject(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "Inbox")
	text := strings.Replace(msg("0400", "=?UTF-8?Q?Caf=C3=A9?="), "\n\ntext", "\n and more\n\ntext", 1)
	stamped(t, path, text+msg("0000", "whole"), time.Now())
	stamped(t, path+".msf", "", time.Now())
	var got []string
	for e, err := range open(t, Options{Path: dir}).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Subject)
	}
	same(t, got, "=?UTF-8?Q?Caf=C3=A9?= and more", "")
}
