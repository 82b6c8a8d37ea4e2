package thunderbird

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// msg is a message as the client stores it.
func msg(status, subject string) string {
	return "From - Tue Oct 02 00:26:47 2007\nX-Account-Key: account2\nX-UIDL: uid-" + subject + "\nX-Mozilla-Status: " + status +
		"\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys: " + strings.Repeat(" ", 80) + "\n" + body(subject) + "\n"
}

func body(subject string) string {
	return "Date: Mon, 1 Oct 2007 10:00:00 +0200\nFrom: joe@example.org\nSubject: " + subject + "\n\ntext of " + subject + "\n"
}

func open(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// dump lists a store as lines "folder: subject flags role extras", and reads every message on the way.
func dump(t *testing.T, s *Store) []string {
	t.Helper()
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
		out = append(out, line(e, b.String()))
	}
	return out
}

func line(e migrate.Entry, text string) string {
	_, subject, _ := strings.Cut(text, "Subject: ")
	subject, _, _ = strings.Cut(subject, "\n")
	s := fmt.Sprintf("%v: %s", e.Folder, strings.TrimSpace(subject))
	for _, f := range e.Flags {
		s += " " + string(f)
	}
	for what, is := range map[string]bool{"deleted": e.Deleted, "partial:" + e.UIDL: e.Partial} {
		if is {
			s += " " + what
		}
	}
	if e.Role != "" {
		s += " <" + string(e.Role) + ">"
	}
	return s
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

const indexFile = "// <!-- <mdb:mork:z v=\"1.4\"/> -->\n"

var popAccount = map[string]string{
	"Inbox":             msg("0001", "one") + msg("0009", "gone") + msg("0400", "begun") + msg("0000", "two"),
	"Inbox.msf":         indexFile,
	"Inbox.sbd/Lists":   msg("0001", "list"),
	"Inbox.sbd/Inbox":   msg("0001", "not the inbox"),
	"Sent":              msg("0001", "sent"),
	"Drafts":            msg("0001", "draft"),
	"Templates":         msg("0001", "template"),
	"Trash":             msg("0001", "trash"),
	"Junk":              msg("0001", "junk"),
	"Archives.sbd/2007": msg("0003", "archived"),
	"Archives.sbd/2008": "",
	"Unsent Messages":   msg("0801", "queued"),
	"a%2Fb":             msg("0005", "slash"),
	"No own.sbd/A.sbd/B": strings.ReplaceAll(
		msg("0041", "feed")+msg("0001", "deep"), "\n", "\r\n"),
	"popstate.dat":        popstate,
	"msgFilterRules.dat":  "version=\"9\"\n",
	"notes.txt":           "From what I know this is no mail\n",
	"notes.html":          "<html>",
	"Inbox.mozmsgs/1.eml": "Subject: x\n\n",
}

func TestAccount(t *testing.T) {
	dir := filestoretest.Tree(t, popAccount)
	s := open(t, Options{Path: dir})
	same(t, dump(t, s),
		`Archives/2007: archived \Seen \Answered`,
		`Drafts: draft \Seen \Draft <drafts>`,
		`INBOX: one \Seen <inbox>`,
		`INBOX: gone \Seen deleted <inbox>`,
		`INBOX: begun partial:uid-begun <inbox>`,
		`INBOX: two <inbox>`,
		`INBOX/Inbox: not the inbox \Seen`,
		`INBOX/Lists: list \Seen`,
		`Junk: junk \Seen <junk>`,
		`No own/A/B: deep \Seen`,
		`Sent: sent \Seen <sent>`,
		`Templates: template \Seen <templates>`,
		`Trash: trash \Seen <trash>`,
		`Unsent Messages: queued \Seen <outbox>`,
		`a/b: slash \Seen \Flagged`)
	filestoretest.ListWithin(t, s)
	n := 0
	for range s.PopStates() {
		n++
	}
	if n != 1 {
		t.Errorf("%d files of PopStates", n)
	}
	if got := dump(t, open(t, Options{Path: dir, Feeds: true})); !slices.Contains(got, `No own/A/B: feed \Seen`) {
		t.Errorf("no feed when asked for: %q", got)
	}
}

func TestMessagesComeOutAsTheirSendersWroteThem(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{"Inbox": msg("0001", "one") + ">From - quoted\nX: y\n", "Inbox.msf": indexFile})
	s := open(t, Options{Path: filepath.Join(dir, "Inbox")})
	pool := migrate.NewPool(1<<20, "")
	src := filestore.New(s, filestore.Options{Pool: pool})
	defer src.Close()
	n := 0
	for m, err := range src.Fetch(t.Context(), func(yield func(migrate.Entry) bool) {
		for e, err := range src.Messages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			want := time.Date(2007, 10, 2, 0, 26, 47, 0, time.UTC)
			if !e.Date.IsZero() || !e.Fallback.Equal(want) || e.DateRule != "From_ line" || e.Folder != nil {
				t.Errorf("%+v", e)
			}
			if !yield(e) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		var b bytes.Buffer
		if _, err := m.Body.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(body("one")+"\nFrom - quoted\nX: y\n", "\n", "\r\n")
		if b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
		m.Body.Release()
	}
	if n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestProfileWithSeveralAccounts(t *testing.T) {
	files := map[string]string{"prefs.js": `
user_pref("mail.accountmanager.accounts", "account1,account2,account3,account4,account5");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.account.account2.server", "server2");
user_pref("mail.account.account3.server", "server3");
user_pref("mail.account.account4.server", "server4");
user_pref("mail.account.account5.server", "server5");
user_pref("mail.server.server1.type", "pop3");
user_pref("mail.server.server1.hostname", "pop.example.org");
user_pref("mail.server.server1.userName", "joe");
user_pref("mail.server.server1.directory-rel", "[ProfD]Mail/pop.example.org");
user_pref("mail.server.server2.type", "none");
user_pref("mail.server.server2.name", "Local Folders");
user_pref("mail.server.server2.directory", "C:\\Users\\joe\\Mail\\Local Folders");
user_pref("mail.server.server3.type", "imap");
user_pref("mail.server.server3.directory-rel", "[ProfD]ImapMail/imap.example.org");
user_pref("mail.server.server4.type", "pop3");
user_pref("mail.server.server4.name", "Work");
user_pref("mail.server.server4.directory-rel", "[ProfD]Mail/pop.work.example");
user_pref("mail.server.server5.type", "rss");
user_pref("mail.server.server5.directory-rel", "[ProfD]Mail/Feeds");
`,
		"Mail/pop.example.org/Inbox":      msg("0001", "one"),
		"Mail/pop.example.org/Inbox.msf":  indexFile,
		"Mail/Local Folders/Old":          msg("0001", "old"),
		"Mail/Local Folders/Old.msf":      indexFile,
		"ImapMail/imap.example.org/INBOX": msg("0001", "imap"),
		"Mail/Feeds/News":                 msg("0001", "news"),
		"Mail/Feeds/feeds.json":           "[]",
		"Mail/pop.work.example/Inbox":     msg("0001", "work"),
		"Mail/pop.gone.example/Inbox":     msg("0001", "lost account"),
	}
	s := open(t, Options{Path: filestoretest.Tree(t, files)})
	same(t, dump(t, s),
		`joe@pop.example.org/Inbox: one \Seen <inbox>`,
		`Local Folders/Old: old \Seen`,
		`Work/Inbox: work \Seen <inbox>`,
		`pop.gone.example/Inbox: lost account \Seen <inbox>`)

	// Without mail an account doesn't count, so that one is left to be at the top.
	files["Mail/pop.work.example/Inbox"] = ""
	delete(files, "Mail/pop.gone.example/Inbox")
	dir := filestoretest.Tree(t, files)
	same(t, dump(t, open(t, Options{Path: dir})), `INBOX: one \Seen <inbox>`, `Local Folders/Old: old \Seen`)
	same(t, dump(t, open(t, Options{Path: filepath.Join(dir, "Mail")})), `Local Folders/Old: old \Seen`, `INBOX: one \Seen <inbox>`)
	same(t, dump(t, open(t, Options{Path: filepath.Join(dir, "Mail", "Local Folders")})), `Old: old \Seen`)
	got := dump(t, open(t, Options{Path: dir, IMAP: true, Feeds: true}))
	same(t, got, `joe@pop.example.org/Inbox: one \Seen <inbox>`, `Local Folders/Old: old \Seen`, `imap.example.org/INBOX: imap \Seen <inbox>`,
		`Feeds/News: news \Seen`)

	delete(files, "Mail/pop.example.org/Inbox")
	same(t, dump(t, open(t, Options{Path: filestoretest.Tree(t, files)})), `Old: old \Seen`)
}

func TestProfilesIni(t *testing.T) {
	files := map[string]string{
		"profiles.ini": "[Profile1]\nName=old\nIsRelative=1\nPath=Profiles/old.default\nDefault=1\n\n[Profile0]\nName=x\nIsRelative=1\nPath=Profiles/new.default-release\n" +
			"[InstallABC]\nDefault=Profiles/new.default-release\nLocked=1\n",
		"Profiles/old.default/Mail/Local Folders/Inbox":         msg("0001", "old"),
		"Profiles/new.default-release/Mail/Local Folders/Inbox": msg("0001", "new"),
	}
	var log bytes.Buffer
	s := open(t, Options{Path: filestoretest.Tree(t, files), Log: slog.New(slog.NewTextHandler(&log, nil))})
	same(t, dump(t, s), `INBOX: new \Seen <inbox>`)
	if !strings.Contains(log.String(), "old.default") {
		t.Errorf("nothing is said of the other profile: %s", log.String())
	}
	delete(files, "Profiles/new.default-release/Mail/Local Folders/Inbox")
	same(t, dump(t, open(t, Options{Path: filestoretest.Tree(t, files)})), `INBOX: old \Seen <inbox>`)
}

func TestMaildirStore(t *testing.T) {
	strip := func(s string) string { _, s, _ = strings.Cut(s, "\n"); return s }
	dir := filestoretest.Tree(t, map[string]string{
		"Inbox/cur/1350000001.eml":          strip(msg("0001", "first")),
		"Inbox/cur/1350000002.eml":          msg("0008", "second with a From_ line"),
		"Inbox/cur/1350000003.eml":          "",
		"Inbox/tmp/1350000004.eml":          strip(msg("0001", "never")),
		"Inbox.msf":                         indexFile,
		"Inbox.sbd/Sub/cur/1350000005.eml":  strip(msg("0004", "sub")),
		"Drafts/cur/1350000006.eml":         "Subject: no status\n\nx\n",
		"Empty/cur/":                        "",
		"Empty/tmp/":                        "",
		"Notes/other/x.eml":                 strip(msg("0004", "no folder")),
		"Inbox.sbd/Sub/cur/.hidden":         "x",
		"Inbox.sbd/Sub/tmp/1350000007.part": "x",
	})
	s := open(t, Options{Path: dir})
	got := dump(t, s)
	if len(got) < 4 || !strings.Contains(got[3], "1350000003.eml: the file is empty") {
		t.Fatalf("%q", got)
	}
	got = slices.Delete(got, 3, 4)
	same(t, got, `Drafts: no status \Draft <drafts>`, `INBOX: first \Seen <inbox>`, `INBOX: second with a From_ line deleted <inbox>`,
		`INBOX/Sub: sub \Flagged`)
	one := open(t, Options{Path: filepath.Join(dir, "Inbox")})
	if n := len(dump(t, one)); n != 3 {
		t.Errorf("%d lines from one folder", n)
	}
	for e, err := range one.List(t.Context()) {
		if err != nil {
			continue
		}
		var b bytes.Buffer
		if err := one.Read(t.Context(), e, &b); err != nil || strings.HasPrefix(b.String(), "From ") {
			t.Errorf("%s: %v, %.20q", e.ID, err, b.String())
		}
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(e.ID))); err != nil {
			t.Fatal(err)
		}
		if err := one.Read(t.Context(), e, &b); !errors.Is(err, filestore.ErrChanged) {
			t.Errorf("a message that is gone: %v", err)
		}
	}
}

func TestIDsSurviveWhatTheClientDoes(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{"Inbox": msg("0001", "a") + msg("0001", "b") + msg("0009", "c") + msg("0001", "c") + msg("0001", "b"), "Inbox.msf": indexFile})
	ids := func() map[string]string {
		out := map[string]string{}
		s := open(t, Options{Path: dir})
		for e, err := range s.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := s.Read(t.Context(), e, &b); err != nil {
				t.Fatal(err)
			}
			out[e.ID] = line(e, b.String())
			if e.Deleted {
				delete(out, e.ID)
			}
		}
		return out
	}
	before := ids()
	if len(before) != 4 {
		t.Fatalf("%v", before)
	}
	tagged := strings.Replace(msg("0007", "b"), "X-Mozilla-Keys: ", "X-Mozilla-Keys: $label1 averylongtagthatneedsmoreroomthanwasreserved"+strings.Repeat("x", 80), 1)
	after := filestoretest.Tree(t, map[string]string{"Inbox": tagged + msg("0001", "c") + msg("0001", "b") + msg("0000", "new"), "Inbox.msf": indexFile})
	dir = after
	for id := range ids() {
		if _, ok := before[id]; !ok && !strings.Contains(ids()[id], "new") {
			t.Errorf("%s is new: %s", id, ids()[id])
		}
	}
}

func TestChangesAreNoticed(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{"Inbox": msg("0001", "a") + msg("0001", "b"), "Inbox.msf": indexFile})
	inbox := filepath.Join(dir, "Inbox")
	s := open(t, Options{Path: dir})
	var all []migrate.Entry
	for e, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	read := func(e migrate.Entry) (string, error) {
		var b bytes.Buffer
		err := s.Read(t.Context(), e, &b)
		return b.String(), err
	}
	write := func(text string) {
		if err := os.WriteFile(inbox, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(inbox, time.Now(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	// Flags written in place and mail appended are no harm, in any order of reading.
	write(msg("0003", "a") + msg("0007", "b") + msg("0001", "c"))
	for _, e := range []migrate.Entry{all[1], all[0]} {
		if text, err := read(e); err != nil || !strings.HasSuffix(strings.TrimSpace(text), "text of "+map[bool]string{true: "a", false: "b"}[e.Seq == 1]) {
			t.Errorf("%v: %q", err, text)
		}
	}
	write(msg("0007", "b") + msg("0001", "c"))
	for _, e := range all {
		if _, err := read(e); !errors.Is(err, filestore.ErrChanged) {
			t.Errorf("compacted: %v", err)
		}
	}
	if err := os.Remove(inbox); err != nil {
		t.Fatal(err)
	}
	if _, err := read(all[0]); !errors.Is(err, filestore.ErrChanged) {
		t.Errorf("removed: %v", err)
	}
	// While it is listed.
	write(msg("0001", "a") + msg("0001", "b"))
	i := 0
	for e, err := range s.List(t.Context()) {
		if err != nil {
			continue
		}
		switch i++; i {
		case 1:
			write(msg("0005", "a") + msg("0001", "b") + msg("0001", "c"))
			if _, err := read(e); err != nil {
				t.Errorf("appended while listing: %v", err)
			}
		case 2:
			write(msg("0005", "a"))
			if _, err := read(e); !errors.Is(err, filestore.ErrChanged) {
				t.Errorf("cut while listing: %v", err)
			}
		}
	}
}

func TestHostileTrees(t *testing.T) {
	files := map[string]string{"Inbox": msg("0001", "in"), "Inbox.msf": indexFile, "Bad": "no mail at all\n", "Bad.msf": indexFile,
		"...": msg("0001", "dots"), "%2E%2E": msg("0001", "escaped dots"), strings.Repeat("d.sbd/", 300) + "deep": msg("0001", "deep")}
	dir := filestoretest.Tree(t, files)
	want := 4 // "..." is hidden
	if runtime.GOOS != "windows" {
		for link, to := range map[string]string{"loop.sbd": ".", "nowhere": "missing", "Inbox.sbd": "../" + filepath.Base(dir)} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		want += 2 // the loops are reported
	}
	got := dump(t, open(t, Options{Path: dir}))
	text := strings.Join(got, "\n")
	if len(got) != want || !strings.Contains(text, "Bad: not an mbox") || !strings.Contains(text, "escaped dots") || !strings.Contains(text, ": deep") {
		t.Errorf("%d lines, want %d:\n%.2000s", len(got), want, text)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	s := open(t, Options{Path: filestoretest.Tree(t, popAccount)})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	defer cancel(nil)
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
	dir := filestoretest.Tree(t, map[string]string{
		"account/Inbox":           msg("0001", "x"),
		"mail/pop.x/Inbox":        msg("0001", "x"),
		"sbd/A.sbd/B":             "",
		"plain/a":                 "From joe@example.org Tue Oct 02 00:26:47 2007\nSubject: x\n\ny\n",
		"maildir/cur/1.host:2,S":  "Subject: x\n\ny\n",
		"maildir/new/":            "",
		"lite/cur/1.eml":          "X-Mozilla-Status: 0001\nSubject: x\n\ny\n",
		"empty/":                  "",
		"profile/prefs.js":        "",
		"profiles/profiles.ini":   "",
		"text/notes.msf":          "not an index",
		"popstate/popstate.dat":   "# POP3 State File\n",
		"bodyonly/a":              "From x Tue Oct 02 00:26:47 2007\nSubject: x\n\nX-Mozilla-Status: 0001\n",
		"account/.hidden/ignored": "",
	})
	for name, want := range map[string]bool{"account": true, "account/Inbox": true, "mail": true, "sbd": true, "plain": false, "plain/a": false, "maildir": false,
		"lite": true, "empty": false, "profile": true, "profiles": true, "text": false, "popstate": true, "bodyonly/a": false, "missing": false} {
		if got := Detect(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := Open(Options{Path: filepath.Join(dir, "missing")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Open(Options{Path: filepath.Join(dir, "plain")}); err == nil || !strings.HasPrefix(err.Error(), "thunderbird ") {
		t.Errorf("plain: %v", err)
	}
}

// A folder that may not be read costs that folder.
func TestUnreadable(t *testing.T) {
	filestoretest.AsOrdinaryUser(t)
	dir := filestoretest.Tree(t, map[string]string{"a/Inbox": msg("0000", "a"), "a/Inbox.msf": "", "a/Locked": msg("0000", "b"), "a/Locked.msf": "", "a/Sub.sbd/x": msg("0000", "c")})
	for _, name := range []string{"a/Locked", "a/Sub.sbd"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o700) })
	}
	entries, failed := filestoretest.List(t, open(t, Options{Path: filepath.Join(dir, "a")}))
	if len(entries) != 1 || entries[0].Folder != nil {
		t.Errorf("%+v", entries)
	}
	filestoretest.WantErrors(t, failed, "a/Locked: permission denied", "a/Sub.sbd: permission denied")
}

// Nobody writes into a pipe.
func TestPipes(t *testing.T) {
	dir := filestoretest.Tree(t, map[string]string{"a/Inbox": msg("0000", "a"), "a/Inbox.msf": ""})
	for _, name := range []string{"pipe", "a/pipe", "a/pipe.sbd", "a/pipe.msf"} {
		filestoretest.Pipe(t, filepath.Join(dir, name))
	}
	for _, path := range []string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "pipe")} {
		if Detect(path) != (path != filepath.Join(dir, "pipe")) {
			t.Errorf("%s is detected wrongly", path)
		}
	}
	entries, _ := filestoretest.List(t, open(t, Options{Path: dir}))
	if len(entries) != 1 {
		t.Errorf("%+v", entries)
	}
}

// Single messages with the client's fields in them make no account of a directory, and files that are no folders are left to others.
func TestWhatIsNoAccount(t *testing.T) {
	mbox, letter := msg("0001", "a"), body("b")
	dir := filestoretest.Tree(t, map[string]string{
		"letters/1.eml": "X-Mozilla-Status: 0001\n" + letter, "letters/2.eml": letter,
		"exports/ours": mbox, "exports/other": "From joe@example.org Mon Jan  5 10:00:00 2004\n" + letter,
		"account/Inbox": mbox, "account/Inbox.msf": "", "account/letter.eml": letter, "account/old": mbox, "account/other/x": mbox,
	})
	for name, want := range map[string]bool{"letters": false, "exports": false, "account": true, "": true} {
		if got := Detect(filepath.Join(dir, name)); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	s := open(t, Options{Path: dir})
	for name, want := range map[string]bool{
		"account/Inbox": true, "account/Inbox.msf": true, "account/old": true, "account/letter.eml": false, "account/other": false, "account/other/x": false,
		"account": false, "letters": false, "letters/1.eml": false,
	} {
		if got := s.Reads(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("reads %q: %v", name, got)
		}
	}
	if entries, _ := filestoretest.List(t, s); len(entries) != 2 {
		t.Errorf("%+v", entries)
	}
}
