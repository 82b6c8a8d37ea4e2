package mbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// corpora holds real mail, beside the checkout. The tests are complete without it.
const corpora = "../../../shared/corpora"

func manifest(t *testing.T, name string) (rows [][]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpora, "manifest", name))
	if err != nil {
		t.Skip("no corpora here")
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n") {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

func corpus(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpora, name))
	if err != nil {
		t.Skip("no corpora here")
	}
	return string(b)
}

// The octets that Thunderbird's own test suite expects.
func TestCorporaThunderbird(t *testing.T) {
	files, _ := filepath.Glob(corpora + "/thunderbird/gtest-cases/*.mbox")
	if len(files) == 0 {
		t.Skip("no corpora here")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, _ := os.ReadFile(f)
			want, _ := filepath.Glob(strings.TrimSuffix(f, ".mbox") + ".expect-*")
			got := split(t, string(data), Auto)
			if len(got) != len(want) {
				t.Fatalf("%d parts, want %d: %+v", len(got), len(want), got)
			}
			for i, w := range want {
				b, _ := os.ReadFile(w)
				if got[i].text != string(b) {
					t.Errorf("part %d is\n%q, want\n%q", i, got[i].text, b)
				}
			}
		})
	}
}

func TestCorporaOctets(t *testing.T) {
	for _, c := range []struct {
		file, manifest string
		variant        Variant
	}{
		{"mbox/mail-box-perl/mbox.src", "mail-box-perl", CL},
		{"mbox/mimekit/content-length.mbox.txt", "mimekit-content-length", CL},
		{"mbox/ponymail/maven-dev-2017-11-mboxvm.mbox", "ponymail-maven-dev-2017-11-mboxvm", RD},
		{"takeout/got-your-back/takeout.mbox", "takeout-got-your-back", RD},
	} {
		t.Run(c.manifest, func(t *testing.T) {
			rows := manifest(t, c.manifest+".tsv")
			data := corpus(t, c.file)
			got := split(t, data, Auto)
			if len(got) != len(rows) {
				t.Fatalf("%d messages, want %d", len(got), len(rows))
			}
			for i, row := range rows {
				p := got[i].part
				if p.Variant != c.variant || p.Doubtful != "" || len(p.Kept) > 0 {
					t.Errorf("%d: %v, %q, kept %v", i, p.Variant, p.Doubtful, p.Kept)
				}
				if !isSum(data[p.Start:p.End], row[3]) {
					t.Errorf("%d: other octets than in the manifest, %d of them, want %s", i, p.Len(), row[2])
				}
				if row[4] != "" && !isSum(got[i].text, row[4]) {
					t.Errorf("%d: unquoted otherwise than in the manifest", i)
				}
			}
		})
	}
}

// isSum compares with LF line ends, and without counting those at the end: some readers leave the empty line before a From_ line in the message.
func isSum(s, sum string) bool {
	s = strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for range 20 {
		if h := sha256.Sum256([]byte(s)); hex.EncodeToString(h[:]) == sum {
			return true
		}
		s += "\n"
	}
	return false
}

// Eleven readers have counted these files. Where they differ, most of them are right but for these.
func TestCorporaCounts(t *testing.T) {
	special := map[string]int{
		// The second line "From Russia with love" has one line with a colon after it and then an empty one; no header has so little.
		"mbox/mimekit/unmunged.mbox.txt": 2,
		// "From this principle, …" in prose; readers that count 3 take any "From ", the one that counts 1 believes a length that leads nowhere.
		"mbox/mail-mbox-messageparser/separators2.sep": 2,
		// Not one empty line before a From_ line, but 54 of them with a sender, a date and a header.
		"mbox/mail-mbox-messageparser/malformed.txt": 54,
		// "From perl5-porters:" is a headline in the first message, which is 100 octets shorter than it says.
		"mbox/email-folder/mboxcl2.lies": 3,
		// Bare CRs, which no other reader takes for line ends: it is testmbox, of ten messages.
		"mbox/email-folder/testmbox.mac": 10,
		// A bare "From " in prose, after a paragraph; Thunderbird's own test says 2.
		"thunderbird/mailnews-test-data/data/mbox_unquoted": 2,
		// A text about mail files with examples in it.
		"thunderbird/mailnews-test-data/data/readme.txt": 0,
	}
	for _, row := range manifest(t, "mbox-counts-11-readers.tsv")[1:] {
		want, ok := special[row[0]]
		if !ok {
			want = mostSay(row[2:13])
		}
		data := corpus(t, row[0])
		r := strings.NewReader(data)
		var parts []Part
		for p, err := range Scan(t.Context(), r, r.Size(), ScanOptions{}) {
			if err != nil && !(errors.Is(err, ErrNotMbox) && want == 0) {
				t.Errorf("%s: %v", row[0], err)
				continue
			}
			if err == nil {
				parts = append(parts, p)
			}
		}
		if len(parts) != want || Sniff([]byte(data)) != (want > 0) {
			t.Errorf("%s: %d messages, want %d; the readers say %v", row[0], len(parts), want, row[2:13])
		}
		if err := join(data, parts); err != nil {
			t.Errorf("%s: %v", row[0], err)
		}
	}
}

// mostSay is the number that is in most columns.
func mostSay(columns []string) int {
	votes := map[string]int{}
	best := columns[0]
	for _, c := range columns {
		if votes[c]++; votes[c] > votes[best] {
			best = c
		}
	}
	n := 0
	for _, d := range best {
		n = n*10 + int(d-'0')
	}
	return n
}

// plain leaves out what the twins differ in beside their line ends.
func plain(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.TrimRight(regexp.MustCompile(`(?m)^(Content-Length|Lines): .*\n`).ReplaceAllString(s, ""), "\n")
}

// The same mail with LF, CRLF and CR, with lengths that hold and not, and compressed.
func TestCorporaTwins(t *testing.T) {
	for _, c := range [][2]string{
		{"mbox/email-folder/testmbox", "mbox/email-folder/testmbox.mac"},
		{"mbox/email-folder/testmbox", "mbox/email-folder/testmbox.dos"},
		{"mbox/mail-box-perl/mbox.src", "mbox/mail-box-perl/mbox.win"},
		{"mbox/email-folder/mboxcl2", "mbox/email-folder/mboxcl2.lies"},
	} {
		a, b := split(t, corpus(t, c[0]), Auto), split(t, corpus(t, c[1]), Auto)
		if len(a) != len(b) {
			t.Errorf("%v: %d and %d messages", c, len(a), len(b))
			continue
		}
		for i := range a {
			if x, y := plain(a[i].text), plain(b[i].text); x != y {
				t.Errorf("%v: message %d is\n%q and\n%q", c, i, x, y)
			}
		}
	}
	if _, err := os.Stat(corpora); err != nil {
		return
	}
	for path, want := range map[string]int{
		"mbox/mail-mbox-messageparser/mailarc-2.txt.gz": 5, "mbox/mail-mbox-messageparser/mailarc-2.txt.bz2": 5,
		"mbox/grepmail/mailarc-1.txt.gz": 16, "mbox/grepmail/mailarc-1.txt.bz2": 16, "mbox/ietf-mailarchive/mailbox_mmdf": 5,
	} {
		s := openStore(t, Options{Path: filepath.Join(corpora, path)})
		entries := mustList(t, s)
		if len(entries) != want {
			t.Errorf("%s: %d messages, want %d", path, len(entries), want)
		}
		for _, e := range entries {
			read(t, s, e)
		}
	}
	for _, path := range []string{"mbox/grepmail/mailarc-1.txt.xz", "mbox/grepmail/mailarc-1.txt.lz", "mbox/grepmail/non-mailbox.txt.gz"} {
		if got, failed := listed(t, openStore(t, Options{Path: filepath.Join(corpora, path)})); len(got) > 0 || len(failed) != 1 {
			t.Errorf("%s: %d messages, %v", path, len(got), failed)
		}
	}
}
