package applemail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/filestoretest"
)

func body(subject string) string {
	return "Date: Fri, 29 Mar 2013 23:09:06 +0000\nSubject: " + subject + "\n\ntext of " + subject + "\n"
}

// msg is a message that came in March 2013.
func msg(subject string, flags int64) string {
	return emlxFile(body(subject), flagsList(flags, 1364598546))
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dump lists a store as lines "folder: subject flags extras <role>", and reads every message on the way.
func dump(t *testing.T, path string) []string {
	t.Helper()
	s := open(t, path)
	var out []string
	ids := map[string]bool{}
	for e, err := range s.List(t.Context()) {
		if err != nil {
			out = append(out, fmt.Sprintf("%v: error %v", e.Folder, err))
			continue
		}
		if ids[e.ID] || !e.Stable {
			t.Errorf("ID %s twice or not stable", e.ID)
		}
		ids[e.ID] = true
		var b bytes.Buffer
		if err := s.Read(t.Context(), e, &b); err != nil {
			t.Errorf("read %s: %v", e.ID, err)
		}
		_, subject, _ := strings.Cut(b.String(), "Subject: ")
		subject, _, _ = strings.Cut(subject, "\n")
		line := fmt.Sprintf("%v: %s", e.Folder, strings.TrimSpace(subject))
		for _, f := range e.Flags {
			line += " " + string(f)
		}
		if e.Deleted {
			line += " deleted"
		}
		if e.Partial {
			line += " partial"
		}
		if e.Role != "" {
			line += " <" + string(e.Role) + ">"
		}
		out = append(out, line)
	}
	return out
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

const (
	one   = "1F0A8E0C-1234-4ABC-8DEF-0123456789AB"
	two   = "2F0A8E0C-1234-4ABC-8DEF-0123456789AB"
	inner = "3F0A8E0C-1234-4ABC-8DEF-0123456789AB"
)

func TestNewTree(t *testing.T) {
	files := map[string]string{
		"V9/" + one + "/INBOX.mbox/" + inner + "/Data/Messages/1.emlx":                             msg("of the old version", 0),
		"V10/MailData/Envelope Index":                                                              "SQLite",
		"V10/" + one + "/INBOX.mbox/" + inner + "/Data/Messages/9.emlx":                            msg("nine", 1),
		"V10/" + one + "/INBOX.mbox/" + inner + "/Data/Messages/10.emlx":                           msg("ten", 1|1<<1),
		"V10/" + one + "/INBOX.mbox/" + inner + "/Data/2/1/Messages/12001.emlx":                    msg("far", 1<<2|1<<24|1<<33),
		"V10/" + one + "/INBOX.mbox/" + inner + "/Data/2/1/Messages/.hidden.emlx":                  "x",
		"V10/" + one + "/INBOX.mbox/" + inner + "/Data/Attachments/10/2/x.txt":                     "x",
		"V10/" + one + "/INBOX.mbox/Info.plist":                                                    plist(),
		"V10/" + one + "/INBOX.mbox/Below.mbox/" + inner + "/Data/Messages/3.emlx":                 msg("below", 1),
		"V10/" + one + "/Drafts.mbox/" + inner + "/Data/Messages/4.emlx":                           msg("draft", 1|1<<6),
		"V10/" + one + "/Sent Messages.mbox/" + inner + "/Data/Messages/5.emlx":                    msg("sent", 1|1<<6),
		"V10/" + one + "/Deleted Messages.mbox/" + inner + "/Data/Messages/6.emlx":                 msg("trash", 1),
		"V10/" + one + "/[Gmail].mbox/Spam.mbox/" + inner + "/Data/Messages/7.emlx":                msg("spam", 0),
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/8.partial.emlx":       emlxFile(partialMessage, flagsList(1, 1)),
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/11.partial.emlx":      emlxFile(partialMessage, flagsList(1, 1)),
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/13.partial.emlx":      msg("half", 1),
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/13.emlx":              msg("whole", 1),
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Attachments/11/1.2/a.html":     "a",
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Attachments/11/2/a b.bin":      "b",
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Attachments/11/3.2/some.log":   "c",
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/14.emlx":              "no number",
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/15.emlx":              emlxFile(body("no list"), ""),
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/notes.txt":            "x",
		"V10/Mailboxes/Alt.mbox/" + inner + "/Data/Messages/16.emlx":                               msg("local", 1),
		"V10/" + two + "/INBOX.mbox/" + inner + "/Data/":                                           "",
		"V2/POP-joe@pop.example.org/INBOX.mbox/" + inner + "/Data/Messages/1.emlx":                 msg("old", 0),
		"V10/" + one + "/Projekte.mbox/2020.mbox/" + inner + "/Data/Messages/17.emlx/not a file/x": "",
	}
	dir := filestoretest.Tree(t, files)
	want := []string{
		`Deleted Messages: trash \Seen <trash>`,
		`Drafts: draft \Seen \Draft <drafts>`,
		`INBOX: far \Answered $Junk <inbox>`,
		`INBOX: nine \Seen <inbox>`,
		`INBOX: ten \Seen deleted <inbox>`,
		`INBOX/Below: below \Seen`,
		`Projekte/2020: three attachments \Seen partial`,
		`Projekte/2020: three attachments \Seen`,
		`Projekte/2020: whole \Seen`,
		``, // 14
		`Projekte/2020: no list`,
		``, // 17
		`Sent Messages: sent \Seen <sent>`,
		`[Gmail]/Spam: spam <junk>`,
	}
	if err := os.RemoveAll(filepath.Join(dir, "V10", two)); err != nil {
		t.Fatal(err)
	}
	check := func(got []string, want ...string) {
		t.Helper()
		for i := range want {
			if want[i] == "" && i < len(got) && strings.HasPrefix(got[i], "Projekte/2020: error read message") {
				got[i] = ""
			}
		}
		same(t, got, want...)
	}
	check(dump(t, filepath.Join(dir, "V10", one)), want...)
	filestoretest.ListWithin(t, open(t, dir))
	check(dump(t, dir), append(slices.Clone(want), `On My Mac/Alt: local \Seen`)...)
	same(t, dump(t, filepath.Join(dir, "V10", one, "Sent Messages.mbox")), `Sent Messages: sent \Seen <sent>`)
	same(t, dump(t, filepath.Join(dir, "V10", one, "INBOX.mbox")), want[2:6]...)

	// Two accounts.
	if err := os.Rename(filepath.Join(dir, "V2", "POP-joe@pop.example.org"), filepath.Join(dir, "V10", "POP-joe@pop.example.org")); err != nil {
		t.Fatal(err)
	}
	got := dump(t, filepath.Join(dir, "V10"))
	for _, line := range []string{one + `/INBOX: nine \Seen <inbox>`, "joe@pop.example.org/INBOX: old <inbox>", `On My Mac/Alt: local \Seen`} {
		if !slices.Contains(got, line) {
			t.Errorf("no %q in %q", line, got)
		}
	}
}

func TestOldTree(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{
		"POP-joe@pop.example.org/INBOX.mbox/Messages/2.emlx":       msg("in", 1),
		"POP-joe@pop.example.org/INBOX.mbox/mbox":                  "From x\n\nleft from before\n",
		"POP-joe@pop.example.org/MessageUidsAlreadyDownloaded":     "x",
		"Mailboxes/Work.mbox/Messages/3.emlx":                      msg("work", 1),
		"Mailboxes/Work/Old.mbox/Messages/4.emlx":                  msg("old work", 1),
		"Mailboxes/Work/Deep/Older.mbox/Messages/5.emlx":           msg("older work", 1),
		"IMAP-ann@imap.example.org/INBOX.imapmbox/Messages/6.emlx": msg("imap", 1),
		"Bundles/x.mailbundle/Contents/Info.plist":                 plist(),
	})
	same(t, dump(t, dir),
		`ann@imap.example.org/INBOX: imap \Seen <inbox>`,
		`On My Mac/Work/Deep/Older: older work \Seen`,
		`On My Mac/Work/Old: old work \Seen`,
		`On My Mac/Work: work \Seen`,
		`joe@pop.example.org/INBOX: in \Seen <inbox>`)
	same(t, dump(t, filepath.Join(dir, "Mailboxes")), `Work/Deep/Older: older work \Seen`, `Work/Old: old work \Seen`, `Work: work \Seen`)
}

func mboxOf(subjects ...string) string {
	s := ""
	for _, subject := range subjects {
		s += "From joe@example.org Fri Mar 29 23:09:06 2013\n" + body(subject) + "\n"
	}
	return s
}

func TestExportedPackages(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{
		"Export/INBOX.mbox/mbox":              mboxOf("a", "b"),
		"Export/INBOX.mbox/table_of_contents": "\x00\x01",
		"Export/Drafts.mbox/mbox":             mboxOf("c"),
		"Export/Work.mbox/mbox":               mboxOf("d"),
		"Export/Work/Old.mbox/mbox":           mboxOf("e"),
		"Export/Empty.mbox/mbox":              "",
		"Export/plain.mbox":                   mboxOf("not a package"),
	})
	same(t, dump(t, filepath.Join(dir, "Export")), `Drafts: c \Draft <drafts>`, `INBOX: a <inbox>`, `INBOX: b <inbox>`, `Work/Old: e`, `Work: d`)
	same(t, dump(t, filepath.Join(dir, "Export", "Work.mbox")), `Work: d`)
	if Detect(filepath.Join(dir, "Export", "plain.mbox")) {
		t.Error("a file is no package")
	}
	s := open(t, dir)
	if err := s.Read(t.Context(), migrate.Entry{ID: "Export/Work.mbox" + packageMark + "x"}, &bytes.Buffer{}); !errors.Is(err, filestore.ErrChanged) {
		t.Errorf("never listed: %v", err)
	}
}

func TestDates(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{
		"A.mbox/Messages/1.emlx": msg("unix", 1), "A.mbox/Messages/2.emlx": emlxFile(body("apple"), flagsList(1, 1364598546-epoch2001)),
		"A.mbox/Messages/3.emlx": emlxFile(body("none"), plist()),
	})
	s := open(t, dir)
	var got []migrate.Entry
	for e, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	want := time.Date(2013, 3, 29, 23, 9, 6, 0, time.UTC)
	for _, e := range got[:2] {
		if !e.Date.Equal(want) || e.DateRule != "date-received" || !e.Fallback.IsZero() || e.Size == 0 {
			t.Errorf("%+v", e)
		}
	}
	if e := got[2]; !e.Date.IsZero() || e.Fallback.IsZero() || e.DateRule != "file time" {
		t.Errorf("%+v", e)
	}
	if err := os.Remove(filepath.Join(dir, "A.mbox/Messages/1.emlx")); err != nil {
		t.Fatal(err)
	}
	if err := s.Read(t.Context(), got[0], &bytes.Buffer{}); !errors.Is(err, filestore.ErrChanged) {
		t.Errorf("removed: %v", err)
	}
}

func TestHostileTrees(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{
		"A.mbox/Messages/1.emlx":                                    msg("a", 1),
		strings.Repeat("d.mbox/", 300) + "Messages/1.emlx":          msg("deep", 1),
		"...mbox/Messages/1.emlx":                                   msg("dots", 1),
		"Huge.mbox/Messages/1.emlx":                                 "9223372036854775807\n" + body("huge"),
		"Broken.mbox/" + inner + "/Data/x/Messages/1.emlx":          msg("not below a digit", 1),
		"Broken.mbox/" + inner + "/Data/1/Messages/1.emlx":          msg("broken", 1),
		"Broken.mbox/" + inner + "/Data/1/Messages/1.partial.emlx/": "",
	})
	want := []string{`A: a \Seen`, `Broken: broken \Seen`}
	if runtime.GOOS != "windows" {
		for link, to := range map[string]string{"Loop.mbox": "A.mbox", "A.mbox/Self.mbox": "..", "Broken.mbox/" + inner + "/Data/2": "."} {
			if err := os.Symlink(to, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := dump(t, dir)
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no %q", line)
		}
	}
	text := strings.Join(got, "\n")
	for what, n := range map[string]int{": deep": 1, "read already": 3, "it is cut off": 1, ": dots": 0} {
		if strings.Count(text, what) != n && runtime.GOOS != "windows" {
			t.Errorf("%q not %d times in\n%.3000s", what, n, text)
		}
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	s := open(t, filestoretest.Tree(t, map[string]string{"A.mbox/Messages/1.emlx": msg("a", 1), "A.mbox/Messages/2.emlx": msg("b", 1), "B.mbox/mbox": mboxOf("c")}))
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	cause := errors.New("enough")
	n := 0
	for _, err := range s.List(ctx) {
		if n++; n == 1 {
			cancel(cause)
		} else if !errors.Is(err, cause) {
			t.Errorf("message %d: %v", n, err)
		}
	}
	if n != 2 {
		t.Errorf("%d", n)
	}
}

func TestDetect(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{"mail/V5/" + one + "/A.mbox/Messages/1.emlx": "", "export/A.mbox/mbox": "", "file.mbox": mboxOf("x"), "none/a/b.mbox/x": "",
		"empty/": ""})
	for name, want := range map[string]bool{"mail": true, "export": true, "export/A.mbox": true, "file.mbox": false, "none": false, "empty": false, "missing": false} {
		if got := Detect(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, name := range []string{"none", "missing"} {
		if _, err := Open(Options{Path: filepath.Join(dir, name)}); err == nil || !strings.HasPrefix(err.Error(), "apple mail") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRealFiles reads emlx files that others have published.
func TestRealFiles(t *testing.T) {
	const corpora = "../../../shared/corpora/other/emlx"
	files := map[string]string{}
	for i, name := range []string{"emlx-mikez/plaintext.emlx", "emlx-mikez/richtext.emlx", "emlx-tika/testEMLX.emlx"} {
		b, err := os.ReadFile(filepath.Join(corpora, filepath.FromSlash(name)))
		if err != nil {
			t.Skip("no corpora")
		}
		files[fmt.Sprintf("INBOX.mbox/Messages/%d.emlx", i+1)] = string(b)
	}
	s := open(t, filestoretest.Tree(t, files))
	var got []string
	for e, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := s.Read(t.Context(), e, &b); err != nil || int64(b.Len()) != e.Size {
			t.Errorf("%s: %d octets of %d, %v", e.ID, b.Len(), e.Size, err)
		}
		got = append(got, fmt.Sprint(e.Size, e.Date.Year(), e.Flags))
	}
	same(t, got, `497 2020 [\Seen $NotJunk]`, `639 2021 [\Seen $NotJunk]`, `1795 1 []`)
}

// Messages that were dragged out of the program lie in directories of their own.
func TestLooseMessages(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{
		"a.emlx": msg("a", 1), "sub/b.emlx": msg("b", 1<<4), "sub/not.emlx": "words", "other/readme": "x",
	})
	if !Detect(dir) || Detect(filepath.Join(dir, "other")) {
		t.Error("detected wrongly")
	}
	s := open(t, dir)
	if !s.Reads(filepath.Join(dir, "a.emlx")) || s.Reads(filepath.Join(dir, "other")) || s.Reads(dir) {
		t.Error("claims what it doesn't read")
	}
	entries, failed := filestoretest.List(t, s)
	filestoretest.WantErrors(t, failed, "sub/not.emlx: no emlx file")
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %v %q", e.Folder, e.Flags, filestoretest.Read(t, s, e)))
	}
	same(t, got, fmt.Sprintf(`INBOX [\Seen] %q`, body("a")), fmt.Sprintf(`sub [\Flagged] %q`, body("b")))
}

// A message or a mailbox that may not be read costs just that.
func TestUnreadable(t *testing.T) {
	filestoretest.AsOrdinaryUser(t)
	dir := filestoretest.Tree(t, map[string]string{"INBOX.mbox/Messages/1.emlx": msg("a", 1), "INBOX.mbox/Messages/2.emlx": msg("b", 1), "Old.mbox/Messages/3.emlx": msg("c", 1)})
	for _, name := range []string{"INBOX.mbox/Messages/2.emlx", "Old.mbox/Messages"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o700) })
	}
	entries, failed := filestoretest.List(t, open(t, dir))
	if len(entries) != 1 {
		t.Errorf("%+v", entries)
	}
	filestoretest.WantErrors(t, failed, "INBOX.mbox/Messages/2.emlx", "Old.mbox/Messages: ")
}
