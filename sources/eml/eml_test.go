package eml

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/filestoretest"
)

const mail = "From: a@example.org\nSubject: s\n\nbody\n"

func openStore(t testing.TB, root string) *Store {
	t.Helper()
	s, err := Open(Options{Path: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func brief(entries []migrate.Entry) []string {
	var out []string
	for _, e := range entries {
		s := fmt.Sprintf("%s|%v|%s", e.Folder, e.Flags, pathOf(e.ID))
		if e.Role != "" {
			s += "|" + string(e.Role)
		}
		if !e.Stable {
			s += "|unstable"
		}
		out = append(out, s)
	}
	return out
}

func wantEntries(t *testing.T, entries []migrate.Entry, want ...string) {
	t.Helper()
	if got := brief(entries); !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

func TestTree(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"10.eml": mail, "9.eml": "X-Unsent: 1\n" + mail, "no extension": "Received: x\n\tby y\n" + mail, "notes.txt": "just text\n",
		"Account (user 12)/Inbox/1A2B-00000001.eml": mail, "Account (user 12)/Inbox/placeholder.eml": "", "Account (user 12)/Inbox/empty": "",
		"Account (user 12)/Inbox/broken.EML": "\x00\x01\x02", "Account (user 12)/Inbox/account.oeaccount": "<x/>", "Größe/z.eml.gz": gzipped(mail),
		".hidden/x.eml": mail, "._9.eml": mail, "__MACOSX/9.eml": mail, "all.mbox": "From a Thu Jan  1\n" + mail + "\nFrom b Thu Jan  1\n" + mail,
		"one.mbox": "From a Thu Jan  1\n" + mail, "cr.eml": "Subject: s\r\rbody\r",
	})
	s := openStore(t, root)
	entries, failed := filestoretest.List(t, s)
	wantEntries(t, entries, `INBOX|[\Draft]|9.eml`, `INBOX|[]|10.eml`, `INBOX|[]|cr.eml`, `INBOX|[]|no extension`, `INBOX|[]|one.mbox`,
		`Account (user 12)/Inbox|[]|Account (user 12)/Inbox/1A2B-00000001.eml`, `Größe|[]|Größe/z.eml.gz`)
	filestoretest.WantErrors(t, failed, "all.mbox: it holds several messages", "broken.EML: it does not begin", "placeholder.eml: the file is empty")
	for i, want := range map[int]string{1: mail, 2: "Subject: s\n\nbody\n", 4: mail, 5: mail, 6: mail} {
		if got := filestoretest.Read(t, s, entries[i]); got != want {
			t.Errorf("%s: %q", entries[i].ID, got)
		}
	}
	filestoretest.ListWithin(t, s)
	if e := entries[0]; !e.Date.IsZero() || e.Fallback.IsZero() || e.DateRule != "file time" {
		t.Errorf("%+v", e)
	}
}

func TestOneFile(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"a.eml": mail, "b.eml": mail, "c/d.eml": mail})
	s := openStore(t, filepath.Join(root, "a.eml"))
	entries, failed := filestoretest.List(t, s)
	filestoretest.WantErrors(t, failed)
	wantEntries(t, entries, `INBOX|[]|a.eml`)
	if got := filestoretest.Read(t, s, entries[0]); got != mail {
		t.Errorf("%q", got)
	}
}

func TestChangedSinceListed(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"1.eml": mail, "2.eml": mail, "3.eml": mail})
	s := openStore(t, root)
	entries, _ := filestoretest.List(t, s)
	for name, text := range map[string]string{"1.eml": mail + "more", "2.eml": strings.Replace(mail, "body", "ydob", 1)} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(root, "3.eml")); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := s.Read(context.Background(), e, &bytes.Buffer{}); !errors.Is(err, filestore.ErrChanged) {
			t.Errorf("%s: %v", e.ID, err)
		}
	}
}

func TestProton(t *testing.T) {
	meta := func(s string) string { return `{"Version":1,"Payload":` + s + `}` }
	root := filestoretest.Tree(t, map[string]string{
		"labels.json": meta(`[{"ID":"aaaaa==","Name":"Kid","Path":"Work/A\\/B/Kid","Type":3},{"ID":"bbbbb==","Name":"to do","Path":"to do","Type":1}]`),
		"1.eml":       mail, "1.metadata.json": meta(`{"LabelIDs":["0","5","10"],"Unread":0,"IsReplied":1,"Time":1700000000}`),
		"2.eml": mail, "2.metadata.json": meta(`{"LabelIDs":["5","aaaaa==","bbbbb=="],"Unread":true,"IsForwarded":true,"Time":0}`),
		"3.eml": mail, "3.metadata.json": meta(`{"LabelIDs":["1","8","5"],"Unread":0}`),
		"4.eml": mail, "4.metadata.json": "broken",
		"5.eml": mail, "5metadata.json": `{"LabelIDs":["3","5"],"Unread":1,"Time":1700000001}`,
		"6.eml": mail, "6.metadata.json": meta(`{"LabelIDs":["9","2"]}`),
		"7.eml": mail, "7.metadata.json": meta(`{"LabelIDs":["7","0","2"],"Unread":1}`),
	})
	entries, failed := filestoretest.List(t, openStore(t, root))
	filestoretest.WantErrors(t, failed)
	wantEntries(t, entries,
		`INBOX|[\Seen \Answered \Flagged]|1.eml|inbox`, `Work/A/B/Kid|[$Forwarded to_do]|2.eml`, `Drafts|[\Seen \Draft]|3.eml|drafts`,
		`INBOX|[]|4.eml`, `Trash|[]|5.eml|trash`, `Outbox|[\Seen]|6.eml|outbox`, `INBOX|[]|7.eml|inbox`)
	if e := entries[0]; e.Date.Unix() != 1700000000 || e.DateRule != "Proton metadata" {
		t.Errorf("%+v", e)
	}
	if p := entries[1].Folder; !slices.Equal(p, migrate.Path{"Work", "A/B", "Kid"}) || !entries[1].Date.IsZero() {
		t.Errorf("%q", p)
	}
}

func zipOf(t testing.TB, files ...[2]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mail.bin")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, file := range files {
		w, err := z.Create(file[0])
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(file[1]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestZip(t *testing.T) {
	path := zipOf(t, [2]string{"Sent/10.eml", mail + "10"}, [2]string{"Sent/9.eml", mail + "9"}, [2]string{"../../x\\y.eml", mail},
		[2]string{"dir/", ""}, [2]string{"a/0.eml", ""}, [2]string{"Sent/9.eml", mail + "nine"}, [2]string{"__MACOSX/9.eml", mail},
		[2]string{"b/readme.txt", "hello"}, [2]string{"z.eml.gz", gzipped(mail)}, [2]string{"b/bad.eml", "hello"})
	if !Detect(path) {
		t.Error("not detected")
	}
	s := openStore(t, path)
	entries, failed := filestoretest.List(t, s)
	filestoretest.WantErrors(t, failed, "a/0.eml: the file is empty", "b/bad.eml: it does not begin")
	wantEntries(t, entries, `x|[]|../../x\y.eml`, `Sent|[]|Sent/9.eml`, `Sent|[]|Sent/9.eml|unstable`, `Sent|[]|Sent/10.eml`, `INBOX|[]|z.eml.gz`)
	for i, end := range []string{"", "9", "nine", "10", ""} {
		if got := filestoretest.Read(t, s, entries[i]); got != mail+end {
			t.Errorf("%s: %q", entries[i].ID, got)
		}
	}
	if err := s.Read(context.Background(), migrate.Entry{ID: "Sent/9.eml#1.2", Seq: 77}, &bytes.Buffer{}); !errors.Is(err, filestore.ErrChanged) {
		t.Error(err)
	}
}

func tarOf(t testing.TB, files ...[2]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f[0], Size: int64(len(f[1])), Typeflag: tar.TypeReg, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(f[1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zimbraSample is what the export of Zimbra writes before a message, as ItemData.java has it.
const zimbraSample = `{"id":257,"uuid":"x","type":5,"parent_id":-257,"folder_id":2,"index_id":0,"imap_id":257,"date":1384523456,"size":60,` +
	`"unread":0,"flags":2,"subject":"s","FlagStr":"frw","Path":"/Inbox/s","TagNames":"to do:a\\:b","Ver":10}`

func TestZimbra(t *testing.T) {
	meta := func(folder int, flags, path string) string {
		return fmt.Sprintf(`{"type":5,"folder_id":%d,"date":1384523456,"FlagStr":%q,"Path":%q,"Ver":10}`, folder, flags, path)
	}
	files := [][2]string{
		{"Inbox.meta", `{"type":1,"folder_id":1,"Path":"/Inbox","Ver":10}`},
		{"Inbox/257-s.eml.meta", zimbraSample}, {"Inbox/257-s.eml", mail},
		{"Inbox!1/900-s.eml.meta", meta(2, "u", "/Inbox/s")}, {"Inbox!1/900-s.eml", mail + "900"},
		{"Sent/3.eml.meta", meta(5, "sd", "/Sent/x")}, {"Sent/3.eml", mail},
		{"Inbox/a_b/4.eml.meta", meta(300, "x", "/Inbox/a:b/x")}, {"Inbox/a_b/4.eml", mail},
		{"Loose/5.eml", mail}, {"Loose/5.eml.meta", "not JSON"}, {"Contacts/joe.meta", `{"type":6}`},
	}
	asTree := map[string]string{}
	for _, f := range files {
		asTree[f[0]] = f[1]
	}
	dir := filestoretest.Tree(t, map[string]string{"x.tgz": gzipped(tarOf(t, files...)), "x.tar": tarOf(t, files...)})
	for name, path := range map[string]string{"tgz": dir + "/x.tgz", "tar": dir + "/x.tar", "zip": zipOf(t, files...), "unpacked": filestoretest.Tree(t, asTree)} {
		t.Run(name, func(t *testing.T) {
			if !Detect(path) {
				t.Error("not detected")
			}
			s := openStore(t, path)
			entries, failed := filestoretest.List(t, s)
			filestoretest.WantErrors(t, failed)
			slices.SortFunc(entries, func(a, b migrate.Entry) int { return strings.Compare(a.ID, b.ID) })
			wantEntries(t, entries, `INBOX|[]|Inbox!1/900-s.eml|inbox`, `INBOX|[\Seen \Flagged \Answered $Forwarded to_do a:b]|Inbox/257-s.eml|inbox`,
				`Inbox/a:b|[\Seen]|Inbox/a_b/4.eml`, `Loose|[]|Loose/5.eml`, `Sent|[\Seen \Draft]|Sent/3.eml|sent`)
			if e := entries[1]; e.Date.Unix() != 1384523456 || e.DateRule != "Zimbra metadata" || filestoretest.Read(t, s, e) != mail {
				t.Errorf("%+v", e)
			}
			if !entries[2].Deleted || filestoretest.Read(t, s, entries[0]) != mail+"900" {
				t.Errorf("%+v", entries)
			}
		})
	}
}

// Archives in a tree are folders; what leads out of them doesn't; of a tar that is cut off, what is there is read.
func TestArchivesInATree(t *testing.T) {
	whole := tarOf(t, [2]string{"../../etc/1.eml", mail + "1"}, [2]string{"..", mail}, [2]string{"2.eml", mail + strings.Repeat("2", 3000)})
	zipped, err := os.ReadFile(zipOf(t, [2]string{"in/../1.eml", mail + "z"}))
	if err != nil {
		t.Fatal(err)
	}
	root := filestoretest.Tree(t, map[string]string{"old!/a.tar": whole[:4000], "old!/b.zip": string(zipped), "old!/c.zip": string(zipped[:40]), "1.eml": mail,
		"none.tar": tarOf(t, [2]string{"readme", "x"})})
	if !Detect(root) {
		t.Error("not detected")
	}
	s := openStore(t, root)
	entries, failed := filestoretest.List(t, s)
	filestoretest.WantErrors(t, failed, "a.tar: 2.eml")
	wantEntries(t, entries, `INBOX|[]|1.eml`, `old!/a|[]|old!/a.tar!/..`, `old!/a/etc|[]|old!/a.tar!/../../etc/1.eml`, `old!/b/in|[]|old!/b.zip!/in/../1.eml`)
	for i, end := range []string{"", "", "1", "z"} {
		if got := filestoretest.Read(t, s, entries[i]); got != mail+end {
			t.Errorf("%s: %q", entries[i].ID, got)
		}
	}
}

// Empty lines before the header would make a body of it.
func TestEmptyLinesBeforeTheHeader(t *testing.T) {
	s := openStore(t, filestoretest.Tree(t, map[string]string{"1.eml": "\r\n\n" + mail, "2.eml": "From joe Mon Jan  5 10:00:00 2004\n\n" + mail}))
	entries, failed := filestoretest.List(t, s)
	filestoretest.WantErrors(t, failed)
	for _, e := range entries {
		if got := filestoretest.Read(t, s, e); got != mail {
			t.Errorf("%s: %q", e.ID, got)
		}
	}
}

// What package mbox reads is left to it.
func TestLeaveMboxAndSkip(t *testing.T) {
	from := "From joe@example.org Mon Jan  5 10:00:00 2004\n" + mail
	root := filestoretest.Tree(t, map[string]string{"a": from, "b.eml": from, "c": mail, "x/d": mail})
	s, err := Open(Options{Path: root, LeaveMbox: true, Skip: func(p string) bool { return filepath.Base(p) == "x" }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	entries, failed := filestoretest.List(t, s)
	filestoretest.WantErrors(t, failed)
	wantEntries(t, entries, `INBOX|[]|b.eml`, `INBOX|[]|c`)
}

func TestDamagedZip(t *testing.T) {
	path := zipOf(t, [2]string{"1.eml", mail + strings.Repeat("x", 50<<10)}, [2]string{"2.eml", mail})
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	octets[90] ^= 0xff // in the compressed body
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, path)
	entries, failed := filestoretest.List(t, s)
	for _, e := range entries {
		if pathOf(e.ID) == "1.eml" {
			if err := s.Read(context.Background(), e, &bytes.Buffer{}); err == nil {
				t.Error("damage was not noticed")
			}
		}
	}
	if len(entries)+len(failed) != 2 {
		t.Error(entries, failed)
	}
	if err := os.WriteFile(path, octets[:60], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: path}); err == nil {
		t.Error("half an archive was opened")
	}
}

func TestDetect(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"tree/a/b/1.eml": mail, "noext/1": mail, "fake/1.eml": "text", "empty/": "", "mbox/m": "From a Thu Jan  1\n" + mail + "\nFrom b Thu Jan  1\n" + mail,
		"file.eml": mail, "zip.eml": "PK\x03\x04", "text": "hello",
	})
	for name, want := range map[string]bool{"tree": true, "noext": true, "fake": false, "empty": false, "mbox": false, "file.eml": true, "zip.eml": false,
		"text": false, "gone": false} {
		if got := Detect(filepath.Join(root, name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLinksAndDepth(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	outside := filestoretest.Tree(t, map[string]string{"7.eml": mail})
	root := filestoretest.Tree(t, map[string]string{"a/1.eml": mail, strings.Repeat("d/", 300) + "2.eml": mail})
	for name, to := range map[string]string{"a/loop": root, "b": "a", "out": outside, "a/gone.eml": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	entries, failed := filestoretest.List(t, openStore(t, root))
	if len(entries) != 3 || len(entries[1].Folder) != 300 {
		t.Errorf("%q", brief(entries))
	}
	filestoretest.WantErrors(t, failed, "a/gone.eml", "a/loop: the link leads back")
}

func TestUnreadable(t *testing.T) {
	filestoretest.AsOrdinaryUser(t)
	root := filestoretest.Tree(t, map[string]string{"a/1.eml": mail, "b/2.eml": mail, "b/3.eml": mail})
	for _, name := range []string{"a", "b/2.eml"} {
		path := filepath.Join(root, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o700) })
	}
	entries, failed := filestoretest.List(t, openStore(t, root))
	wantEntries(t, entries, `b|[]|b/3.eml`)
	filestoretest.WantErrors(t, failed, "read folder "+filepath.Join(root, "a"), "b/2.eml")
}

func TestDisappearingFolder(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"a/1.eml": mail, "a/2.eml": mail, "a/4.eml": mail, "b/3.eml": mail})
	var got []string
	var failed []error
	for e, err := range openStore(t, root).List(context.Background()) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		got = append(got, pathOf(e.ID))
		if err := os.RemoveAll(filepath.Join(root, "a")); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(got, " ") != "a/1.eml b/3.eml" {
		t.Error(got)
	}
	filestoretest.WantErrors(t, failed, "read folder "+filepath.Join(root, "a"))
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, path := range []string{filestoretest.Tree(t, map[string]string{"1.eml": mail}), zipOf(t, [2]string{"1.eml", mail})} {
		for e, err := range openStore(t, path).List(ctx) {
			if !errors.Is(err, context.Canceled) {
				t.Error(e, err)
			}
		}
	}
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"", "1", "2", "09", "9", "10", "a", "a1", "a2b", "a10", "b"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareNatural)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
