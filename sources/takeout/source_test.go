package takeout

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/filestoretest"
)

func msg(number int, labels, subject string) string {
	return fmt.Sprintf("From %d@xxx Fri May 23 16:35:53 +0000 2025\r\nX-GM-THRID: 1\r\nX-Gmail-Labels: %s\r\n", 1832929883591034000+int64(number), labels) + body(subject) + "\r\n"
}

func body(subject string) string {
	return "Date: Fri, 23 May 2025 18:00:00 +0200\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@example.org>\r\n\r\ntext of " + subject + "\r\n"
}

func export(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func dump(t *testing.T, o Options) []string {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out []string
	var all []migrate.Entry
	texts := map[string]string{}
	for e, err := range s.List(t.Context()) {
		if err != nil {
			out = append(out, "error "+err.Error())
			continue
		}
		var b bytes.Buffer
		if err := s.Read(t.Context(), e, &b); err != nil {
			t.Errorf("read %s: %v", e.ID, err)
		}
		if _, twice := texts[e.ID]; twice || !e.Stable {
			t.Errorf("ID %s twice or not stable", e.ID)
		}
		texts[e.ID] = b.String()
		all = append(all, e)
		_, subject, _ := strings.Cut(b.String(), "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		out = append(out, fmt.Sprintf("%v %s: %s %s", e.Folder, e.Role, subject, fmt.Sprint(e.Flags)))
	}
	slices.Reverse(all)
	for _, e := range all {
		var b bytes.Buffer
		if err := s.Read(t.Context(), e, &b); err != nil || b.String() != texts[e.ID] {
			t.Errorf("read %s again: %v, %q", e.ID, err, b.String())
		}
	}
	return out
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

var all = msg(1, "Inbox,Unread,Important,Category Updates", "one") +
	msg(2, "Archived,Opened,Work/2019,=?UTF-8?Q?Caf=C3=A9?=,Starred", "two") +
	msg(3, "=?UTF-8?Q?Envoy=C3=A9,Ouvert,Clients?=", "three") +
	msg(4, "Drafts", "four") +
	msg(5, "Trash,Inbox,Work", "five") +
	msg(6, "Spam,Unread", "six") +
	msg(7, "Chat,Opened", "seven") +
	msg(8, "Archived,Opened,IMAP_$Forwarded,IMAP_NotJunk,Muted", "eight") +
	msg(9, "Inbox,Opened,Work,Unknown word", "nine")

func TestKeywordsAreTheDefault(t *testing.T) {
	dir := export(t, map[string]string{"Takeout/Mail/All mail Including Spam and Trash.mbox": all, "Takeout/archive_browser.html": "<html>"})
	same(t, dump(t, Options{Path: dir}),
		`INBOX inbox: one [$Important]`,
		`Work/2019 : two [\Seen \Flagged Caf&AOk-]`,
		`Sent sent: three [\Seen Clients]`,
		`Drafts drafts: four [\Seen \Draft]`,
		`Trash trash: five [\Seen Work]`,
		`Junk junk: six []`,
		`Archive archive: eight [\Seen $muted $Forwarded $NotJunk]`,
		`INBOX inbox: nine [\Seen Work Unknown_word]`)
}

func TestCopiesAndPrimary(t *testing.T) {
	dir := export(t, map[string]string{"All.mbox": all})
	same(t, dump(t, Options{Path: dir, Labels: Copies, Chats: true}),
		`INBOX inbox: one [$Important]`,
		`Work/2019 : two [\Seen \Flagged]`,
		`Café : two [\Seen \Flagged]`,
		`Sent sent: three [\Seen]`,
		`Clients : three [\Seen]`,
		`Drafts drafts: four [\Seen \Draft]`,
		`Trash trash: five [\Seen]`,
		`Junk junk: six []`,
		`Chats : seven [\Seen]`,
		`Archive archive: eight [\Seen $muted $Forwarded $NotJunk]`,
		`INBOX inbox: nine [\Seen]`,
		`Work : nine [\Seen]`,
		`Unknown word : nine [\Seen]`)
	if got := dump(t, Options{Path: filepath.Join(dir, "All.mbox"), Labels: Primary}); len(got) != 8 || got[7] != `INBOX inbox: nine [\Seen]` {
		t.Errorf("%q", got)
	}
}

func TestFilesThatOverlapAreMerged(t *testing.T) {
	dir := export(t, map[string]string{
		"Mail/Inbox.mbox":          msg(1, "Inbox,Opened", "one") + msg(2, "Inbox,Opened", "two"),
		"Mail/Work.mbox":           msg(2, "Work,Opened", "two") + msg(3, "Work,Opened,Starred", "three"),
		"Mail/Sent.mbox":           msg(3, "Sent", "three") + strings.Replace(msg(4, "", "four"), "X-Gmail-Labels: \r\n", "", 1),
		"Mail/User Settings.json":  "{}",
		"Mail/not mail.mbox":       "hello\n",
		"Mail/Inbox again.mbox":    msg(1, "Inbox,Opened", "one") + msg(11, "Inbox,Opened", "one"),
		"Mail/2/Empty.mbox":        "",
		"Mail/2/deep/Labels/A.txt": msg(2, "Other", "two"),
	})
	same(t, dump(t, Options{Path: dir}),
		`INBOX inbox: two [\Seen Other Work]`,
		`INBOX inbox: one [\Seen]`,
		`INBOX inbox: one [\Seen]`, // another message with the same text
		`Sent sent: three [\Seen \Flagged Work]`,
		`Sent sent: four []`)
}

func TestListWithinAListing(t *testing.T) {
	for _, files := range []map[string]string{{"a.mbox": all}, {"a.mbox": all, "b.mbox": msg(1, "Inbox,Work", "one") + msg(10, "Work", "ten")}} {
		s, err := Open(Options{Path: export(t, files), Labels: Copies})
		if err != nil {
			t.Fatal(err)
		}
		filestoretest.ListWithin(t, s)
	}
}

func TestIDsAndDates(t *testing.T) {
	list := func(text string) (out []migrate.Entry) {
		s, err := Open(Options{Path: export(t, map[string]string{"a.mbox": text})})
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range s.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, e)
		}
		return out
	}
	before := list(msg(1, "Inbox,Unread", "one") + msg(2, "Inbox", "two"))
	after := list(msg(2, "Archived,Opened", "two") + msg(1, "Inbox,Unread,And a label", "one") + msg(1, "Inbox", "one"))
	if before[0].ID != after[1].ID || before[1].ID != after[0].ID || after[2].ID != before[0].ID+".2" {
		t.Errorf("%v, %v", before, after)
	}
	if e := before[0]; !e.Date.Equal(time.Date(2025, 5, 23, 16, 35, 53, 0, time.UTC)) || e.DateRule != "From_ line" || e.Size != after[1].Size {
		t.Errorf("%+v, %+v", e, after[1])
	}
}

func TestBodiesAreExact(t *testing.T) {
	s, err := Open(Options{Path: export(t, map[string]string{"a.mbox": msg(1, "Inbox", "one") + ">From me\r\n>>From you\r\n\r\n"})})
	if err != nil {
		t.Fatal(err)
	}
	src := filestore.New(s, filestore.Options{Pool: migrate.NewPool(1<<20, "")})
	defer src.Close()
	for m, err := range src.Fetch(t.Context(), func(yield func(migrate.Entry) bool) {
		for e, err := range src.Messages(t.Context()) {
			if err != nil || !yield(e) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := m.Body.WriteTo(&b); err != nil || b.String() != body("one")+"\r\nFrom me\r\n>From you\r\n" {
			t.Errorf("%v, %q", err, b.String())
		}
		m.Body.Release()
	}
}

func TestChangesAreNoticed(t *testing.T) {
	dir := export(t, map[string]string{"a.mbox": msg(1, "Inbox", "one") + msg(2, "Inbox", "two")})
	s, err := Open(Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	var entries []migrate.Entry
	for e, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.mbox"), []byte(msg(3, "Inbox", "three")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := s.Read(t.Context(), e, &bytes.Buffer{}); !errors.Is(err, filestore.ErrChanged) {
			t.Errorf("%v", err)
		}
	}
}

func TestDetect(t *testing.T) {
	dir := export(t, map[string]string{"t/Mail/a.mbox": all, "plain/a.mbox": "From joe@example.org Fri May 23 16:35:53 2025\nSubject: x\n\nX-Gmail-Labels: y\n",
		"noid/a": "From joe@example.org Fri May 23 16:35:53 2025\nX-Gmail-Labels: y\nSubject: x\n\n", "nolabels/a": "From 1832929883591034000@xxx\nSubject: x\n\n"})
	for name, want := range map[string]bool{"t": true, "t/Mail/a.mbox": true, "plain": false, "noid": true, "nolabels": true, "missing": false} {
		if got := Detect(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, name := range []string{"plain", "missing"} {
		if _, err := Open(Options{Path: filepath.Join(dir, name)}); err == nil || !strings.HasPrefix(err.Error(), "takeout") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
