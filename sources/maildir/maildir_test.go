package maildir

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

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

// brief writes entries down as "folder|flags|id".
func brief(entries []migrate.Entry) []string {
	var out []string
	for _, e := range entries {
		s := fmt.Sprintf("%s|%v|%s", e.Folder, e.Flags, e.ID)
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

func wantEntries(t *testing.T, s filestore.Store, want ...string) {
	t.Helper()
	entries, failed := filestoretest.List(t, s)
	for _, err := range failed {
		t.Error(err)
	}
	if got := brief(entries); !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestMaildirPlusPlus(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"cur/1000000002.b.host:2,S":                        mail,
		"cur/1000000001.a.host:2,FRSa":                     mail,
		"cur/1000000003.c.host:2,ST":                       mail,
		"cur/1000000004.d.host":                            mail,
		"new/1000000005.e.host":                            mail,
		"new/1000000006.f.host:2,S":                        mail,
		"tmp/1000000007.g.host":                            mail,
		"cur/.hidden":                                      mail,
		"dovecot.index.log":                                "x",
		"dovecot-keywords":                                 "0 $Junk\n1 other\n",
		"subscriptions":                                    "Sent\n",
		".Entw&APw-rfe/cur/1:2,D":                          mail,
		".Lists.Go nuts/new/1.x":                           mail,
		".Lists.Go nuts/cur/":                              "",
		".Lists.Go nuts/maildirfolder":                     "",
		".R&D/cur/1":                                       mail,
		".notmuch/xapian/cur.db":                           "x",
		".Größe/cur/9:2,P":                                 mail,
		".Größe/cur/maildirsize":                           "x",
		".Größe/courierimapkeywords/:list":                 "x",
		".empty/cur/":                                      "",
		".B&AOQ-r.&ZeVnLIqe-/cur/1000000001.M1P1.h,S=3:2,": mail,
	})
	filestoretest.ListWithin(t, openStore(t, root))
	wantEntries(t, openStore(t, root),
		`INBOX|[\Flagged \Answered \Seen $Junk]|1000000001.a.host|inbox`,
		`INBOX|[\Seen]|1000000002.b.host|inbox`,
		`INBOX|[\Seen]|1000000003.c.host|deleted|inbox`,
		`INBOX|[]|1000000004.d.host|inbox`,
		`INBOX|[]|1000000005.e.host|inbox`,
		`INBOX|[]|1000000006.f.host|inbox`,
		`Bär/日本語|[]|.B&AOQ-r.&ZeVnLIqe-/1000000001.M1P1.h,S=3`,
		`Entwürfe|[\Draft]|.Entw&APw-rfe/1`,
		`Größe|[$Forwarded]|.Größe/9`,
		`Lists/Go nuts|[]|.Lists.Go nuts/1.x`,
		`R&D|[]|.R&D/1`,
	)
}

func TestNestedDirectories(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"a/cur/1:2,S":         mail,
		"a/b.c/new/2":         mail,
		"a/b.c/d/e/cur/3:2,":  mail,
		"account/.Sent/cur/4": mail,
		"account/cur/5":       mail,
	})
	wantEntries(t, openStore(t, root),
		`a|[\Seen]|a/1`, `a/b.c|[]|a/b.c/2`, `a/b.c/d/e|[]|a/b.c/d/e/3`, `account|[]|account/5`, `account/Sent|[]|account/.Sent/4`)
}

func TestKMail(t *testing.T) {
	files := map[string]string{
		"local-mail/inbox/cur/1:2,S":                            mail,
		"local-mail/inbox/new/":                                 "",
		"local-mail/.inbox.directory/Work/cur/2":                mail,
		"local-mail/.inbox.directory/.Work.directory/A.B/cur/3": mail,
		"local-mail/.inbox.index":                               "x",
		"local-mail/drafts/cur/4:2,S":                           mail,
		"local-mail/outbox/cur/5:2,S":                           mail,
		"local-mail/sent-mail/cur/6:2,S":                        mail,
		"local-mail/Q&A-Team/cur/7":                             mail,
		".local-mail.directory/More/new/8":                      mail,
	}
	wantEntries(t, openStore(t, filepath.Join(filestoretest.Tree(t, files), "local-mail")),
		`Q&A-Team|[]|Q&A-Team/7`,
		`drafts|[\Seen \Draft]|drafts/4|drafts`,
		`INBOX|[\Seen]|inbox/1|inbox`,
		`INBOX/Work|[]|.inbox.directory/Work/2`,
		`INBOX/Work/A.B|[]|.inbox.directory/.Work.directory/A.B/3`,
		`outbox|[\Seen]|outbox/5|outbox`,
		`sent-mail|[\Seen]|sent-mail/6|sent`,
		`More|[]|../.local-mail.directory/More/8`,
	)
}

func TestEvolution(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"cur/1:2,S": mail, "new/": "", "..maildir++": "maildir++ 1", ".Drafts.cmeta": "x", ".cmeta": "x", "folders.db": "x",
		".Drafts/cur/2:2,S": mail, ".Outbox/cur/3:2,S": mail, ".Trash/cur/4:2,S": mail, ".a_2Eb_5Fc.d/cur/5": mail, "..Kid/cur/6": mail,
	})
	wantEntries(t, openStore(t, root),
		`INBOX|[\Seen]|1|inbox`,
		`INBOX/Kid|[]|..Kid/6`,
		`Drafts|[\Seen \Draft]|.Drafts/2|drafts`,
		`Outbox|[\Seen]|.Outbox/3|outbox`,
		`Trash|[\Seen]|.Trash/4|trash`,
		`a.b_c/d|[]|.a_2Eb_5Fc.d/5`,
	)
}

func TestOrderAndUIDLOfDovecot(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"cur/1000000009.a,S=9,W=9:2,S": mail, "cur/1000000005.b:2,": mail, "cur/1000000001.c:2,": mail, "new/1000000003.d": mail,
		"dovecot-uidlist": "3 V1275660208 N25022 G3085f01b\n7 W10 Pone :1000000005.b\nbad\n8 Ptwo O5 :1000000009.a,S=9,W=9\n9 :1000000003.d\n",
	})
	entries, _ := filestoretest.List(t, openStore(t, root))
	var got []string
	for _, e := range entries {
		got = append(got, e.ID+" "+e.UIDL)
	}
	want := []string{"1000000005.b one", "1000000009.a,S=9,W=9 two", "1000000003.d ", "1000000001.c "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if e := entries[1]; e.Date.Unix() != 1000000009 || e.DateRule != "file name" || e.Size != int64(len(mail)) || e.Fallback.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestDateWithoutEpoch(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"cur/abc:2,": mail, "new/": ""})
	at := time.Date(2011, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(root, "cur", "abc:2,"), at, at); err != nil {
		t.Fatal(err)
	}
	entries, _ := filestoretest.List(t, openStore(t, root))
	if e := entries[0]; !e.Date.IsZero() || !e.Fallback.Equal(at) || e.DateRule != "file time" {
		t.Errorf("%+v", e)
	}
}

func TestIDSurvivesFlagsAndMoves(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"new/1.a": mail, "cur/2.b:2,": mail + "2", ".X/cur/1.a:2,": mail + "3"})
	s := openStore(t, root)
	before, _ := filestoretest.List(t, s)
	for from, to := range map[string]string{"new/1.a": "cur/1.a:2,RS", "cur/2.b:2,": "cur/2.b:2,FS", ".X/cur/1.a:2,": ".X/cur/1.a:2,T"} {
		if err := os.Rename(filepath.Join(root, from), filepath.Join(root, to)); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{mail, mail + "2", mail + "3"} {
		if got := filestoretest.Read(t, s, before[i]); got != want {
			t.Errorf("%s: %q", before[i].ID, got)
		}
	}
	after, _ := filestoretest.List(t, s)
	for i := range before {
		if before[i].ID != after[i].ID || !after[i].Stable {
			t.Errorf("%q became %q", before[i].ID, after[i].ID)
		}
	}
}

func TestTwinsAreBothRead(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"cur/1.a:2,": mail + "1", "cur/1.a:2,S": mail + "2", "new/1.a": mail + "3", ".X/cur/1.a:2,S": mail + "4"})
	s := openStore(t, root)
	wantEntries(t, s, `INBOX|[]|new/1.a|inbox|unstable`, `INBOX|[]|cur/1.a:2,|inbox|unstable`, `INBOX|[\Seen]|cur/1.a:2,S|inbox|unstable`,
		`X|[\Seen]|.X/1.a`)
	entries, _ := filestoretest.List(t, s)
	for i, end := range []string{"3", "1", "2", "4"} {
		for _, fresh := range []bool{false, true} {
			if fresh {
				s.last = nil
			}
			if got := filestoretest.Read(t, s, entries[i]); got != mail+end {
				t.Errorf("%s: %q", entries[i].ID, got)
			}
		}
	}
}

func TestWindowsNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"1.a:2,FS": {"1.a", "FS"}, "1.a;2,S": {"1.a", "S"}, "4.host!2,ST": {"4.host", "ST"}, "1.a-2,": {"1.a", ""}, "1.a_2,Sa": {"1.a", "Sa"},
		"1.a\uf03a2,S": {"1.a", "S"}, "1294156254.3884_2,S=1355": {"1294156254.3884_2,S=1355", ""}, "1.a_2,S=5:2,RS": {"1.a_2,S=5", "RS"},
		"1.a,S=5-2,F": {"1.a,S=5", "F"}, "1.a:1,x": {"1.a", ""}, "1.a:2,S,extra": {"1.a", "S"}, ":2,S": {":2,S", ""}, "": {"", ""},
	} {
		if base, letters := splitName(name); base != want[0] || letters != want[1] {
			t.Errorf("%q is %q and %q", name, base, letters)
		}
	}
}

func TestEpochs(t *testing.T) {
	for name, want := range map[string]int64{
		"1294156254.3884_5.spencer": 1294156254, "1252168370_3.14675.cthulhu!2,S": 1252168370, "1294156254123.R1.host": 1294156254,
		"1294156254": 1294156254, "12941562541234567.x": 0, "1.x": 0, "4e1243bd": 0, "5294156254.x": 0, "1294156254abc": 0, "": 0, "99999999.a": 0,
	} {
		if got := epochOf(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}

func TestFolderNames(t *testing.T) {
	for name, want := range map[string]string{
		"Entw&APw-rfe": "Entwürfe", "A &- B": "A & B", "R&D": "R&D", "Q&A-Team": "Q&A-Team", "Tom&Max-Archiv": "Tom&Max-Archiv", "Grö&AOQ-": "Grö&AOQ-",
		"caf\xe9": "café", "&2D3eAA-": "😀", "&2D0-": "&2D0-", "..": "..", "plain": "plain", "&": "&", "&AGEAYg-": "&AGEAYg-",
	} {
		if got := decodeName(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestDetect(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{
		"yes/cur/": "", "yes/new/": "", "below/a/b/cur/": "", "below/a/b/tmp/": "", "no/cur/x": "", "file": "x", "empty/": "", "git/.git/refs/new/": "",
	})
	for name, want := range map[string]bool{"yes": true, "below": true, "no": false, "file": false, "empty": false, "git": false, "gone": false} {
		if got := Detect(filepath.Join(root, name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOpenRefusesFiles(t *testing.T) {
	root := filestoretest.Tree(t, map[string]string{"file": "x"})
	for _, name := range []string{"file", "gone"} {
		if _, err := Open(Options{Path: filepath.Join(root, name)}); err == nil || !strings.Contains(err.Error(), "open maildir") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func skipOnWindows(t *testing.T, why string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip(why)
	}
}

// KMail 1 keeps flags in an index beside the folder. They are added to those of the names; an index that lies costs nothing.
func TestKMailIndex(t *testing.T) {
	record := func(name string, status uint32) string {
		var b []byte
		units := utf16.Encode([]rune(name))
		b = binary.LittleEndian.AppendUint32(b, 11)
		b = binary.LittleEndian.AppendUint16(b, uint16(2*len(units)))
		for _, u := range units {
			b = binary.BigEndian.AppendUint16(b, u)
		}
		b = binary.LittleEndian.AppendUint32(b, 16)
		b = binary.LittleEndian.AppendUint16(b, 4)
		b = binary.LittleEndian.AppendUint32(b, status)
		return string(binary.LittleEndian.AppendUint32(nil, uint32(len(b)))) + string(b)
	}
	head := "# KMail-Index V1506\n\x00\x08\x00\x00\x00\x78\x56\x34\x12\x04\x00\x00\x00"
	root := filestoretest.Tree(t, map[string]string{
		"local-mail/inbox/cur/1000000001.a:2,S": mail, "local-mail/inbox/cur/1000000002.b": mail, "local-mail/inbox/new/1000000003.c": mail,
		"local-mail/inbox/cur/1000000004.d:2,F": mail, "local-mail/outbox/cur/1000000005.e:2,S": mail,
		// a was named so before it was read; nobody is there by the name of the last.
		"local-mail/.inbox.index":  head + record("1000000001.a", 1<<5) + record("1000000002.b", 1<<2|1<<9) + record("1000000003.c", 1) + record("gone", 4|1<<4),
		"local-mail/.outbox.index": head[:25] + "\xff\xff\xff\xff",
	})
	wantEntries(t, openStore(t, filepath.Join(root, "local-mail")), `INBOX|[\Seen \Answered]|inbox/1000000001.a|inbox`, `INBOX|[\Seen \Flagged]|inbox/1000000002.b|inbox`,
		`INBOX|[]|inbox/1000000003.c|inbox`, `INBOX|[\Flagged]|inbox/1000000004.d|inbox`, `outbox|[\Seen]|outbox/1000000005.e|outbox`)
}
