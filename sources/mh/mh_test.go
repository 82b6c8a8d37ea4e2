package mh

import (
	"bytes"
	"context"
	"encoding/binary"
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
	return s
}

func brief(entries []migrate.Entry) []string {
	var out []string
	for _, e := range entries {
		rel, _, _ := strings.Cut(e.ID, "#")
		s := fmt.Sprintf("%s|%v|%s", e.Folder, e.Flags, rel)
		if e.Deleted {
			s += "|deleted"
		}
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

func wantEntries(t *testing.T, root string, want ...string) {
	t.Helper()
	entries, failed := filestoretest.List(t, openStore(t, root))
	filestoretest.WantErrors(t, failed)
	if got := brief(entries); !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// marks writes words in an order of octets.
func marks(order binary.AppendByteOrder, words ...uint32) string {
	var b []byte
	for _, w := range words {
		b = order.AppendUint32(b, w)
	}
	return string(b)
}

func TestPlainMH(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"inbox/1": mail, "inbox/2": mail, "inbox/9": mail, "inbox/10": mail, "inbox/,3": mail, "inbox/#4": mail, "inbox/05": mail, "inbox/x": mail,
		"inbox/.mh_sequences": "cur: 2\nunseen: 2 10-12\nFlagged: 1\n replied: junk\n 9\nreplied:\n\t1 9\nbroken\n",
		"inbox/sub/1":         mail, "lists/Größe/7": mail, "3": mail, "5/6": mail, ".hidden/1": mail,
	})
	wantEntries(t, root,
		`INBOX|[\Seen]|3`, `5|[\Seen]|5/6`,
		`INBOX|[\Seen \Answered \Flagged]|inbox/1|inbox`, `INBOX|[]|inbox/2|inbox`, `INBOX|[\Seen \Answered \Flagged]|inbox/9|inbox`,
		`INBOX|[]|inbox/10|inbox`, `inbox/sub|[\Seen]|inbox/sub/1`, `lists/Größe|[\Seen]|lists/Größe/7`)
}

func TestSylpheed(t *testing.T) {
	le := binary.LittleEndian
	root := filestoretest.Tree(t, map[string]string{
		"inbox/1": mail, "inbox/2": mail, "inbox/3": mail, "inbox/4": mail, "inbox/5": mail,
		"inbox/.sylpheed_mark": marks(le, 2, 1, 0, 2, 3, 3, 4+0x10, 4, 8+0x20+5<<7, 99, 0, 1, 2) + "\x05",
		"inbox/.mh_sequences":  "unseen: 3\n",
		"sent/1":               mail, "sent/.sylpheed_mark": marks(binary.BigEndian, 2, 1, 0x2000+1<<6),
		"draft/1": mail, "draft/.sylpheed_mark": marks(le, 2),
		"queue/1": "AF:\nNF:0\nS:a@b\n\n" + mail, "queue/.sylpheed_mark": marks(le, 2, 1, 0),
		"trash/1": mail, "trash/.sylpheed_mark": marks(le, 7, 1, 0), // a version that nobody knows
		"x/sent/1": mail, "x/sent/.sylpheed_mark": "",
	})
	wantEntries(t, root,
		`draft|[\Draft]|draft/1|drafts`,
		`INBOX|[]|inbox/1|inbox`, `INBOX|[]|inbox/2|inbox`, `INBOX|[\Seen \Answered \Flagged]|inbox/3|inbox`,
		`INBOX|[\Seen $Forwarded $label5]|inbox/4|deleted|inbox`, `INBOX|[]|inbox/5|inbox`,
		`queue|[\Seen]|queue/1|outbox`, `sent|[\Seen]|sent/1|sent`, `trash|[\Seen]|trash/1`, `x/sent|[]|x/sent/1`)
	s := openStore(t, root)
	entries, _ := filestoretest.List(t, s)
	for _, e := range entries {
		if got := filestoretest.Read(t, s, e); got != mail {
			t.Errorf("%s: %q", e.ID, got)
		}
	}
	filestoretest.ListWithin(t, s)
}

func TestClaws(t *testing.T) {
	le := binary.LittleEndian
	minus := ^uint32(0)
	root := filestoretest.Tree(t, map[string]string{
		".claws-mail/folderlist.xml": `<?xml version="1.0" encoding="ISO-8859-1"?><folderlist><folder type="imap" path="Mail"><folderitem type="trash" path="Work"/></folder>
<folder type="mh" name="M" path="Mail"><folderitem type="inbox" name="Eingang" path="Eingang"><folderitem type="normal" path="Eingang/Work"/></folderitem>
<folderitem type="outbox" path="Raus"/><folderitem type="queue" path="Warte &amp; so"/><folderitem type="draft" path="a/Entwurf"/></folder></folderlist>`,
		".claws-mail/tagsrc": "max_id 3\n1\tto do\n2\tImportant\nx\ty\n",
		"Mail/Eingang/1":     mail, "Mail/Eingang/2": mail,
		"Mail/Eingang/.claws_mark":    marks(le, 2, 1, 1<<6+1<<7+0x2000+0x1000+0x800, 2, 1),
		"Mail/Eingang/.sylpheed_mark": marks(le, 2, 2, 0),
		"Mail/Eingang/.claws_tags":    marks(le, 1, 2, minus, 1, 2, 1, 7, minus, 9, 1),
		"Mail/Eingang/Work/1":         mail, "Mail/Raus/1": mail, "Mail/Work/1": mail, "Mail/draft/1": mail, "Mail/draft/.claws_mark": marks(le, 2, 1, 0),
		"Mail/Warte & so/1": "X-Claws-Sign:1\nS:a@b\n c\nX-Claws-End-Special-Headers: 1\n" + mail,
		"Mail/a/Entwurf/1":  "X-Sylpheed-Account-Id:1\r\nX-Sylpheed-End-Special-Headers: 1\r\n\r\n" + mail,
	})
	wantEntries(t, filepath.Join(root, "Mail"),
		`INBOX|[\Seen $label9 $Junk $MDNSent Important to_do]|Eingang/1|inbox`, `INBOX|[]|Eingang/2|inbox`, `Eingang/Work|[\Seen]|Eingang/Work/1`,
		`Raus|[\Seen]|Raus/1|sent`, `Warte & so|[\Seen]|Warte & so/1|outbox`, `Work|[\Seen]|Work/1`, `a/Entwurf|[\Seen \Draft]|a/Entwurf/1|drafts`,
		`draft|[\Seen]|draft/1`)
	s := openStore(t, filepath.Join(root, "Mail"))
	entries, _ := filestoretest.List(t, s)
	for _, e := range entries {
		if got := filestoretest.Read(t, s, e); got != mail {
			t.Errorf("%s: %q", e.ID, got)
		}
	}
}

func TestSpecialHeaders(t *testing.T) {
	for _, text := range []string{mail, "Received: x\n" + mail, "S: x\n\n" + mail, "X-Claws-Sign:1\n" + mail + "X-Claws-End-Special-Headers: 1\n", "AF:\n", ""} {
		if n := specialHeaders([]byte(text)); n != 0 {
			t.Errorf("%d of %q", n, text)
		}
	}
}

func TestIDs(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"1": mail, "2": mail + "2", "3": mail + "3", "4": mail + "4"})
	s := openStore(t, root)
	before, _ := filestoretest.List(t, s)
	for from, to := range map[string]string{"3": "2", "4": "3"} { // packed after 2 was removed
		if err := os.WriteFile(filepath.Join(root, to), []byte(mail+from), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(root, "4")); err != nil {
		t.Fatal(err)
	}
	after, _ := filestoretest.List(t, s)
	if len(after) != 3 || after[0].ID != before[0].ID || after[1].ID == before[1].ID || after[2].ID == before[2].ID {
		t.Errorf("%q, %q", brief(before), brief(after))
	}
	for _, e := range before[1:] {
		if err := s.Read(context.Background(), e, &bytes.Buffer{}); !errors.Is(err, filestore.ErrChanged) {
			t.Errorf("%s: %v", e.ID, err)
		}
	}
}

func TestTrouble(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	outside := filestoretest.Tree(t, map[string]string{"7": mail})
	root := filestoretest.Tree(t, map[string]string{"a/1": mail, "a/2": "", strings.Repeat("d/", 300) + "2": mail})
	for name, to := range map[string]string{"a/loop": root, "b": "a", "out": outside, "a/3": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	entries, failed := filestoretest.List(t, openStore(t, root))
	if len(entries) != 3 || len(entries[1].Folder) != 300 {
		t.Errorf("%q", brief(entries))
	}
	filestoretest.WantErrors(t, failed, "a/2: the file is empty", "a/3: the link leads nowhere", "a/loop: the link leads back")
}

func TestUnreadable(t *testing.T) {
	filestoretest.AsOrdinaryUser(t)
	root := filestoretest.Tree(t, map[string]string{"a/1": mail, "b/2": mail, "b/3": mail, "b/.mh_sequences": "unseen: 3"})
	for _, name := range []string{"a", "b/2", "b/.mh_sequences"} {
		path := filepath.Join(root, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o700) })
	}
	entries, failed := filestoretest.List(t, openStore(t, root))
	if len(entries) != 1 {
		t.Errorf("%q", brief(entries))
	}
	filestoretest.WantErrors(t, failed, "read folder "+filepath.Join(root, "a"), "b/2")
}

func TestDisappearing(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"a/1": mail, "a/2": mail, "a/4": mail, "b/3": mail, "b/4": mail, "b/5": mail})
	var got []string
	var failed []error
	for e, err := range openStore(t, root).List(context.Background()) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		got = append(got, e.ID[:3])
		os.RemoveAll(filepath.Join(root, "a"))
		if len(got) == 2 {
			os.Remove(filepath.Join(root, "b", "4"))
		}
	}
	if strings.Join(got, " ") != "a/1 b/3 b/5" {
		t.Error(got)
	}
	filestoretest.WantErrors(t, failed, "read folder "+filepath.Join(root, "a"))
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n := 0
	for e, err := range openStore(t, filestoretest.Tree(t, map[string]string{"1": mail, "a/1": mail})).List(ctx) {
		if n++; !errors.Is(err, context.Canceled) {
			t.Error(e, err)
		}
	}
	if n != 1 {
		t.Error(n)
	}
}

func TestDetect(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"mh/a/1": mail, "claws/inbox/.claws_mark": marks(binary.LittleEndian, 2), "numbers/1": "text", "empty/": "", "maildir/cur/1": mail,
		"maildir/new/": "", "names/a.eml": mail, "bad/.claws_mark": "x y z 12", "zero/0": mail, "file": mail,
	})
	for name, want := range map[string]bool{"mh": true, "claws": true, "numbers": false, "empty": false, "maildir": false, "names": false, "bad": false,
		"zero": false, "file": false, "gone": false} {
		if got := Detect(filepath.Join(root, name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, name := range []string{"file", "gone"} {
		if _, err := Open(Options{Path: filepath.Join(root, name)}); err == nil || !strings.Contains(err.Error(), "open mh") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
