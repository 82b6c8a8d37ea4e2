package mbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/filestoretest"
)

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s.cache.least = 1
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// listed is what List yields, the errors of files beside the entries.
func listed(t testing.TB, s *Store) (out []migrate.Entry, failed []error) {
	t.Helper()
	ids := map[string]bool{}
	for e, err := range s.List(context.Background()) {
		if err != nil {
			var m *migrate.Error
			if !errors.As(err, &m) || m.Scope != migrate.ScopeFolder {
				t.Fatalf("not of a folder: %v", err)
			}
			failed = append(failed, err)
			continue
		}
		if ids[e.ID] || !e.Stable {
			t.Errorf("ID %q twice, or not stable", e.ID)
		}
		ids[e.ID] = true
		out = append(out, e)
	}
	return out, failed
}

func mustList(t testing.TB, s *Store) []migrate.Entry {
	t.Helper()
	out, failed := listed(t, s)
	for _, err := range failed {
		t.Error(err)
	}
	return out
}

func read(t testing.TB, s *Store, e migrate.Entry) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Read(context.Background(), e, &b); err != nil {
		t.Fatalf("%s: %v", e.ID, err)
	}
	return b.String()
}

// write makes a file that nobody has written to for a while, so that an index of it is believed.
func write(t testing.TB, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	age(t, path, time.Hour)
}

func age(t testing.TB, path string, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

const (
	first  = "From joe@example.org Mon Jan  5 10:00:00 2004\nFrom: Joe <joe@example.org>\nSubject: one\n\nthe first\n\n"
	second = "From ann@example.org Tue Jan  6 11:00:00 2004\nFrom: Ann <ann@example.org>\nSubject: two\n\nthe second\n>From here\n\n"
	third  = "From bob@example.org Wed Jan  7 12:00:00 2004\nFrom: Bob <bob@example.org>\nSubject: three\n\nthe third\n\n"
)

func body(mbox string) string {
	_, m, _ := strings.Cut(mbox, "\n")
	return strings.ReplaceAll(strings.TrimSuffix(m, "\n"), "\n>From", "\nFrom")
}

func TestStoreRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/Lists/go nuts.mbox", first+second)
	write(t, dir+"/inbox", third)
	write(t, dir+"/inbox.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->\n")
	s := openStore(t, Options{Path: dir})
	for range 2 {
		got := mustList(t, s)
		if len(got) != 3 {
			t.Fatalf("%+v", got)
		}
		for i, want := range []struct {
			folder, text string
			date         string
		}{{"INBOX", third, "2004-01-07T12:00:00Z"}, {"Lists/go nuts", first, "2004-01-05T10:00:00Z"}, {"Lists/go nuts", second, "2004-01-06T11:00:00Z"}} {
			e := got[i]
			if e.Folder.String() != want.folder || read(t, s, e) != body(want.text) || e.Date.Format(time.RFC3339) != want.date || e.DateRule != "From_ line" {
				t.Errorf("%+v", e)
			}
		}
	}
}

func TestFlagsAndDates(t *testing.T) {
	old := "From joe@example.org Thu Jan  1 00:00:00 1970\n"
	for _, c := range []struct {
		name, from, header, flags string
		check                     func(e migrate.Entry) bool
	}{
		{"none", fromA, "Subject: x\n", "", func(e migrate.Entry) bool { return e.DateRule == "From_ line" && e.Date.Year() == 2004 }},
		{"read", fromA, "Status: RO\n", `\Seen`, nil},
		{"old", fromA, "Status: O\n", "", nil},
		{"mutt", fromA, "status: RO\nx-status: AF\n", `\Seen \Answered \Flagged`, nil},
		{"draft", fromA, "X-Status: T\n", `\Draft`, nil},
		{"deleted", fromA, "Status: RO\nX-Status: D\n", `\Seen`, func(e migrate.Entry) bool { return e.Deleted }},
		{"keywords that are declared", fromA, "X-IMAPbase: 1234567 12 Work $Label1 NonJunk\nX-Keywords: Work Home\nX-Keywords:  NonJunk\n", "Work $NotJunk", nil},
		{"keywords that are not", fromA, "X-Keywords: Work\n", "", nil},
		{"keywords that IMAP can't carry", fromA, "X-IMAPbase: 1 2 a(b w\xf6rk ok\nX-Keywords: a(b w\xf6rk ok\n", "ok", nil},
		{"Mozilla", fromA, "X-Mozilla-Status: 1005\nX-Mozilla-Status2: 00800000\nX-Mozilla-Keys: $label1 junk   \nStatus: O\n",
			`\Seen \Flagged $Forwarded $MDNSent $label1 $Junk`, nil},
		{"Mozilla, expunged", fromA, "Status: R\nX-Mozilla-Status: 0008\n", "", func(e migrate.Entry) bool { return e.Deleted }},
		{"Mozilla, partial", fromA, "X-UIDL: abc\nX-Mozilla-Status: 0401\n", `\Seen`, func(e migrate.Entry) bool { return e.Partial && e.UIDL == "abc" }},
		{"Evolution", fromA, "Status: RO\nX-Evolution: 0000000a-1139\n", `\Seen \Answered \Flagged $Forwarded`, nil},
		{"Evolution, unread though it was read elsewhere", fromA, "X-Evolution: 0000000a-0000\nStatus: RO\nX-Status: A\n", "", nil},
		{"Evolution, deleted draft and junk, with labels", fromA, "X-Evolution: 0000000a-0086;\n\tflags=\"$Labelwork,Mine\"; tags=\"color=red\"\n",
			`\Draft $Junk $Labelwork Mine`, func(e migrate.Entry) bool { return e.Deleted }},
		{"not Evolution's", fromA, "Status: RO\nX-Evolution: 10-0000\nX-Evolution-Source: pop://joe\n", `\Seen`, nil},
		{"KMail, new", fromA, "Status: R\nX-Status: NT\n", "", nil},
		{"KMail, unread", fromA, "X-Status: UC\nStatus: RO\n", "", nil},
		{"KMail", fromA, "Status: RO\nX-Status: ORAFGHT\n", `\Seen \Answered \Flagged $Forwarded $NotJunk`, nil},
		{"KMail, deleted spam", fromA, "Status: RO\nX-Status: ODP\n", `\Seen $Junk`, func(e migrate.Entry) bool { return e.Deleted }},
		{"no date", "From joe@example.org\n", "Subject: x\n", "", func(e migrate.Entry) bool {
			return e.Date.IsZero() && e.DateRule == "file time" && !e.Fallback.IsZero()
		}},
		{"1970", old, "Subject: x\n", "", func(e migrate.Entry) bool { return e.Date.IsZero() && e.DateRule == "file time" }},
		{"the time of download", "From - Mon Jan  5 10:00:00 2004\n", "Subject: x\n", "", func(e migrate.Entry) bool {
			return e.Date.IsZero() && e.DateRule == "From_ line" && e.Fallback.Year() == 2004
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := t.TempDir() + "/mbox"
			write(t, path, c.from+c.header+"From: x\n\nx\n")
			got := mustList(t, openStore(t, Options{Path: path}))
			if len(got) != 1 {
				t.Fatalf("%+v", got)
			}
			var flags []string
			for _, f := range got[0].Flags {
				flags = append(flags, string(f))
			}
			if strings.Join(flags, " ") != c.flags || c.check != nil && !c.check(got[0]) {
				t.Errorf("%+v", got[0])
			}
		})
	}
}

func TestPseudoMessage(t *testing.T) {
	path := t.TempDir() + "/mbox"
	write(t, path, "From MAILER-DAEMON Mon Jan  5 10:00:00 2004\nFrom: Mail System Internal Data <MAILER-DAEMON@host>\n"+
		"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1234567890 0000000002 Work\nStatus: RO\n\nThis text is part of the folder.\n\n"+
		fromA+"X-Keywords: Work\n"+headA+"x\n")
	s := openStore(t, Options{Path: path, CacheDir: t.TempDir()})
	for range 2 {
		got := mustList(t, s)
		if len(got) != 1 || len(got[0].Flags) != 1 || got[0].Flags[0] != "Work" || s.Pseudo() != 1 {
			t.Errorf("%+v, %d", got, s.Pseudo())
		}
	}
}

func TestDoubtsAreTold(t *testing.T) {
	path := t.TempDir() + "/mbox"
	data := fromA + headA + "x\n\nFrom what he wrote:\nFrom: B\nTo: C\n\n" + fromB + "\ny\n\n" + fromB
	write(t, path, data)
	s := openStore(t, Options{Path: path, CacheDir: t.TempDir()})
	for range 2 {
		if got := mustList(t, s); len(got) != 2 {
			t.Errorf("%+v", got)
		}
		got := s.Doubts()
		if len(got) != 3 || got[0].Offset != int64(strings.Index(data, "From what")) || got[1].Offset != int64(strings.Index(data, fromB)) ||
			!strings.Contains(got[1].Text, "a header after it") || !strings.Contains(got[2].Text, "without a message") {
			t.Errorf("%+v", got)
		}
	}
}

// The names of a tree, and what is not mail in it.
func TestTree(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"INBOX": first, "Entw&APw-rfe": first, "a/b/c": first, "a/..b": first, "A/x": first, "R&D": first, "w\xf6rter": first, "x.mbox": first, ".hidden": first,
		"empty": "", "readme.txt": "From here on, it is a text.\n", "a/b.idx": "\x00\x01\x02", "letter.eml": "From: x\nTo: y\n\nx\n",
	} {
		if name == "w\xf6rter" && os.PathSeparator == '\\' {
			continue
		}
		write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
	}
	s := openStore(t, Options{Path: dir})
	folders := map[string]bool{}
	for _, e := range mustList(t, s) {
		folders[e.Folder.String()] = true
		if read(t, s, e) != body(first) || (e.Role == migrate.RoleInbox) != (e.Folder == nil) {
			t.Errorf("%+v", e)
		}
	}
	for _, want := range []string{"INBOX", "Entwürfe", "a/b/c", "a/..b", "A/x", "R&D", "wörter", "x", ".hidden"} {
		if !folders[want] {
			t.Errorf("no folder %q in %v", want, folders)
		}
		delete(folders, want)
	}
	if len(folders) > 0 {
		t.Errorf("too many: %v", folders)
	}
}

func TestSymlinks(t *testing.T) {
	dir, other := t.TempDir()+"/store", t.TempDir()
	write(t, dir+"/z/real", first)
	write(t, filepath.Dir(dir)+"/beside", third)
	write(t, other+"/far", second)
	for link, to := range map[string]string{
		"a-loop": ".", "z/up": "..", "self": "self", "again": "z/real", "far": other, "nowhere": "gone", "out": "..", "beyond": filepath.Join(other, "far"),
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	s := openStore(t, Options{Path: dir})
	got, failed := listed(t, s)
	if len(got) != 2 || got[0].Folder.String() != "z/real" || len(failed) != 2 || !strings.Contains(failed[0].Error(), "/out: the link leads back") ||
		!strings.Contains(failed[1].Error(), "self") {
		t.Errorf("%+v, %v", got, failed)
	}
}

func TestDeepTree(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+strings.Repeat("/d", 300)+"/mbox", first)
	got := mustList(t, openStore(t, Options{Path: dir}))
	if len(got) != 1 || len(got[0].Folder) != 301 {
		t.Errorf("%+v", got)
	}
}

// A directory or a file that goes away during a List costs what was in it, and says so; the rest is listed.
func TestDisappearing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c/d/e", "c/f", "z/last"} {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), first)
	}
	s := openStore(t, Options{Path: dir})
	var got, failed []string
	for e, err := range s.List(t.Context()) {
		if err != nil {
			failed = append(failed, err.Error())
			continue
		}
		if got = append(got, e.Folder.String()); len(got) == 1 {
			os.Remove(filepath.Join(dir, "b"))
			os.RemoveAll(filepath.Join(dir, "c"))
		}
	}
	if strings.Join(got, " ") != "a z/last" || len(failed) != 2 || !strings.Contains(failed[0], filepath.Join(dir, "b")) ||
		!strings.Contains(failed[1], filepath.Join(dir, "c")) {
		t.Errorf("%q, %q", got, failed)
	}
}

func TestUnreadable(t *testing.T) {
	filestoretest.AsOrdinaryUser(t)
	if _, err := Open(Options{Path: t.TempDir() + "/nothing"}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	dir := t.TempDir()
	write(t, dir+"/a/file", first)
	write(t, dir+"/b/file", second)
	write(t, dir+"/c", third)
	s := openStore(t, Options{Path: dir})
	os.Chmod(dir+"/a", 0)
	os.Chmod(dir+"/c", 0)
	if got, failed := listed(t, s); len(got) != 1 || len(failed) != 2 {
		t.Errorf("%+v, %v", got, failed)
	}
	os.Chmod(dir+"/a", 0o755)
	os.Chmod(dir+"/c", 0o644)
	os.RemoveAll(dir)
	if got, failed := listed(t, s); len(got) > 0 || len(failed) != 1 {
		t.Errorf("%+v, %v", got, failed)
	}
	words := t.TempDir() + "/words"
	write(t, words, "just words\n")
	if got, failed := listed(t, openStore(t, Options{Path: words})); len(got) > 0 || len(failed) != 1 || !errors.Is(failed[0], ErrNotMbox) {
		t.Errorf("%+v, %v", got, failed)
	}
}

// What the client does to a file after it was listed.
func TestChanged(t *testing.T) {
	const status = "Status: O \n"
	flagged := strings.Replace(first, "Subject", status+"Subject", 1)
	for _, c := range []struct {
		name, after string
		want        string // per message, "." read, "!" changed
	}{
		{"nothing", flagged + second + third, "..."},
		{"mail came", flagged + second + third + first, "..."},
		{"a flag was set in place", strings.Replace(flagged, "O ", "RO", 1) + second + third, "..."},
		{"the first one was removed", second + third, "!!!"},
		{"the second one was removed", flagged + third, ".!!"},
		{"the second one was replaced", flagged + strings.Replace(second, "two", "owt", 1) + third, ".!."},
		{"the last one was cut", (flagged + second + third)[:len(flagged+second+third)-20], "..!"},
		{"it was emptied", "", "!!!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := t.TempDir() + "/mbox"
			write(t, path, flagged+second+third)
			s := openStore(t, Options{Path: path})
			entries := mustList(t, s)
			write(t, path, c.after)
			age(t, path, time.Minute)
			got := ""
			for _, e := range entries {
				switch err := s.Read(t.Context(), e, io.Discard); {
				case err == nil:
					got += "."
				case errors.Is(err, filestore.ErrChanged):
					got += "!"
				default:
					t.Error(err)
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	t.Run("it is gone", func(t *testing.T) {
		path := t.TempDir() + "/mbox"
		write(t, path, first)
		s := openStore(t, Options{Path: path})
		entries := mustList(t, s)
		os.Remove(path)
		if err := s.Read(t.Context(), entries[0], io.Discard); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		if err := s.Read(t.Context(), migrate.Entry{ID: "mbox:1"}, io.Discard); err == nil {
			t.Error("an ID of nothing")
		}
	})
}

// IDs stay when mail is appended and when flags are changed, and not when the file is compacted.
func TestIDs(t *testing.T) {
	path := t.TempDir() + "/mbox"
	ids := func(data string) []string {
		write(t, path, data)
		var out []string
		for _, e := range mustList(t, openStore(t, Options{Path: path})) {
			out = append(out, e.ID)
		}
		return out
	}
	before := ids(first + second)
	if after := ids(first + second + third); len(after) != 3 || after[0] != before[0] || after[1] != before[1] {
		t.Errorf("%q, then %q", before, after)
	}
	if after := ids(strings.TrimSuffix(first+second, "\n") + third); len(after) != 3 || after[1] != before[1] {
		t.Errorf("%q, then %q", before, after)
	}
	if after := ids(second); after[0] == before[1] {
		t.Error("compacted:", after)
	}
	if after := ids(strings.Replace(first, "one", "eno", 1) + second); after[0] == before[0] || after[1] != before[1] {
		t.Error("rewritten:", after)
	}
	one := ids(strings.Replace(first, "Subject", "Status: O \nSubject", 1))
	if two := ids(strings.Replace(first, "Subject", "Status: RO\nSubject", 1)); two[0] != one[0] {
		t.Error("flagged:", one, two)
	}
}

func TestListStops(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a", first+second)
	write(t, dir+"/b", third)
	s := openStore(t, Options{Path: dir, CacheDir: t.TempDir()})
	for range s.List(t.Context()) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range s.List(ctx) {
		cancel()
		last = err
		n++
	}
	if !errors.Is(last, context.Canceled) || n > 4 {
		t.Errorf("%d answers, %v", n, last)
	}
	if got := mustList(t, s); len(got) != 3 {
		t.Errorf("%+v", got)
	}
	if err := s.Read(ctx, mustList(t, s)[0], io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A run lists a file several times, and a person need not hear of its doubts as often.
func TestDoubtsAreLoggedOnce(t *testing.T) {
	path := t.TempDir() + "/mbox"
	write(t, path, first+"From \nSubject: doubtful\n\nx\n\n"+second)
	var log bytes.Buffer
	s := openStore(t, Options{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		mustList(t, s)
	}
	if n := strings.Count(log.String(), "doubtful where"); n != 1 || len(s.Doubts()) != 1 {
		t.Errorf("logged %d times: %s", n, &log)
	}
}
