package mbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foldersOf lists a tree as "folder role", once for each message.
func foldersOf(t *testing.T, o Options) string {
	t.Helper()
	var out []string
	for _, e := range mustList(t, openStore(t, o)) {
		out = append(out, strings.TrimSpace(e.Folder.String()+" "+string(e.Role)))
	}
	return strings.Join(out, "|")
}

// Files with one message each are messages of one folder where all speaks for it, and folders where it doesn't.
func TestLooseMessages(t *testing.T) {
	letter := "From: x@example.org\nTo: y@example.org\n\nx\n"
	many := map[string]string{}
	for i := range manyLoose {
		many[fmt.Sprintf("corpus/%c%c", 'a'+i/26, 'a'+i%26)] = first
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"named by numbers", map[string]string{"ham/00001.7c53336b37003a9286aba55d2945844c": first, "ham/00002.9c4069e25e1ef370c078db7ee85ff9ac": second}, "ham|ham"},
		{"at the top", map[string]string{"1.msg": first, "2.msg": second, "3.eml": third}, "INBOX inbox|INBOX inbox"},
		{"among letters without a From_ line", map[string]string{"x/a": first, "x/b": letter, "x/c": letter}, "x"},
		{"letters beside a client's folders", map[string]string{"x/Drafts": first, "x/Trash": second, "x/b": letter, "x/c": letter, "x/d": letter}, "x/Drafts|x/Trash"},
		{"letters beside folders", map[string]string{"x/a": first, "x/b": second, "x/big": first + third, "x/c": letter, "x/d": letter}, "x/a|x/b|x/big|x/big"},
		{"many", many, strings.TrimSuffix(strings.Repeat("corpus|", manyLoose), "|")},
		{"folders with one message", map[string]string{"Mail/Sent": first, "Mail/Drafts": second, "Mail/2019": third}, "Mail/2019|Mail/Drafts|Mail/Sent"},
		{"folders with several beside", map[string]string{"a/0001.x": first + second, "a/0002.x": first}, "a/0001.x|a/0001.x|a/0002.x"},
		{"called mboxes", map[string]string{"a/one.mbox": first, "a/letter": letter}, "a/one"},
		{"one letter among folders", map[string]string{"a/x": first + second, "a/y": third, "a/letter": letter}, "a/x|a/x|a/y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range c.files {
				write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
			}
			if got := foldersOf(t, Options{Path: dir}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A single message has nothing that was quoted.
func TestLooseMessagesAreVerbatim(t *testing.T) {
	dir := t.TempDir()
	text := "From: x@example.org\nTo: y@example.org\n\n>From here\n>>From there\n"
	write(t, dir+"/ham/0001.abc", fromA+text)
	write(t, dir+"/archive.tar", string(tarred(t, [2]string{"ham/0001.abc", fromA + text})))
	s := openStore(t, Options{Path: dir})
	got := mustList(t, s)
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	for i, folder := range []string{"archive/ham", "ham"} {
		if e := got[i]; e.Folder.String() != folder || read(t, s, e) != text || e.Date.Year() != 2004 {
			t.Errorf("%+v: %q", e, read(t, s, e))
		}
	}
}

// The trees of Evolution 1 and 2, named at any height.
func TestEvolutionTrees(t *testing.T) {
	two := map[string]string{
		"mail/local/Inbox": first, "mail/local/Inbox.cmeta": "x", "mail/local/Drafts": second, "mail/local/Outbox": third, "mail/local/Inbox.ev-summary": "x",
		"mail/local/Lists.sbd/HAL": first, "mail/local/Lists.sbd/HAL.ibex.index": "x", "mail/local/Lists.sbd/HAL.sbd/commit": first,
	}
	one := map[string]string{
		"local/Inbox/mbox": first, "local/Inbox/local-metadata.xml": "<x/>", "local/Sent/mbox": second, "local/Sent/local-metadata.xml": "<x/>",
		"local/Inbox/subfolders/Lists/mbox": first, "local/Inbox/subfolders/Lists/mbox.ev-summary": "x",
		"local/Inbox/subfolders/Lists/subfolders/HAL/mbox": first, "local/Inbox/subfolders/Lists/subfolders/HAL/local-metadata.xml": "<x/>",
	}
	for _, c := range []struct {
		name, below, want string
		files             map[string]string
	}{
		{"2", "", "Drafts drafts|INBOX inbox|Outbox outbox|Lists/HAL|Lists/HAL/commit", two},
		{"2, below local", "mail/local", "Drafts drafts|INBOX inbox|Outbox outbox|Lists/HAL|Lists/HAL/commit", two},
		{"1", "", "INBOX inbox|INBOX/Lists|INBOX/Lists/HAL|Sent sent", one},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range c.files {
				write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
			}
			if got := foldersOf(t, Options{Path: filepath.Join(dir, filepath.FromSlash(c.below))}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// kmailIndex is an index with the status of messages by their offsets and sizes.
func kmailIndex(messages ...[3]uint32) string {
	b := []byte("# KMail-Index V1506\n\x00\x08\x00\x00\x00\x78\x56\x34\x12\x04\x00\x00\x00")
	for _, m := range messages {
		b = binary.LittleEndian.AppendUint32(b, 30)
		for i, kind := range []uint32{7, 9, 16} {
			b = binary.LittleEndian.AppendUint32(b, kind)
			b = binary.LittleEndian.AppendUint16(b, 4)
			b = binary.LittleEndian.AppendUint32(b, m[i])
		}
	}
	return string(b)
}

// KMail's index is believed where it fits, and only there.
func TestKMailIndex(t *testing.T) {
	dir := t.TempDir()
	mbox := fromA + "Status: R\nX-Status: NC\n" + headA + "one\n\n" + fromB + headB + "two\n\n" + fromA + headA + "three\n"
	write(t, dir+"/sent-mail", mbox)
	write(t, dir+"/.sent-mail.directory/2003", first)
	second := uint32(strings.Index(mbox, headB))
	write(t, dir+"/.sent-mail.index", kmailIndex(
		[3]uint32{uint32(len(fromA)), uint32(strings.Index(mbox, "\n\n"+fromB) + 1 - len(fromA)), 0x4 | 0x20 | 0x200},
		[3]uint32{second, uint32(len(headB) + len("two\n")), 0x4 | 0x10},
		[3]uint32{uint32(strings.LastIndex(mbox, headA)), 99, 0x4 | 0x40}))
	var got []string
	for _, e := range mustList(t, openStore(t, Options{Path: dir})) {
		got = append(got, fmt.Sprintf("%s %s %v %v", e.Folder, e.Role, e.Flags, e.Deleted))
	}
	want := []string{"sent-mail sent [\\Seen \\Answered \\Flagged] false", "sent-mail sent [\\Seen] true", "sent-mail sent [] false", "sent-mail/2003  [] false"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	write(t, dir+"/.sent-mail.index", "# KMail-Index V9999\n")
	if got := mustList(t, openStore(t, Options{Path: dir})); len(got) != 4 || len(got[0].Flags) != 0 {
		t.Errorf("an index that can't be read: %+v", got)
	}
}

func TestSkip(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a/x", first)
	write(t, dir+"/b/x", first)
	write(t, dir+"/y", first)
	got := foldersOf(t, Options{Path: dir, Skip: func(p string) bool { return p == filepath.Join(dir, "a") || filepath.Base(p) == "y" }})
	if got != "b/x" {
		t.Error(got)
	}
}

// A small file is scanned again, a large one is not.
func TestSmallFilesHaveNoIndex(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	write(t, dir+"/small", first)
	write(t, dir+"/large", strings.Repeat(first, minIndexed/len(first)+1))
	s, err := Open(Options{Path: dir, CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustList(t, s)
	if names, err := os.ReadDir(cache); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}
