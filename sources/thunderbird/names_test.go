package thunderbird

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFolderNames(t *testing.T) {
	for disk, want := range map[string]string{
		"Inbox":        "Inbox",
		"a%2Fb":        "a/b",
		"50%25 off":    "50% off",
		"%43ON":        "CON",
		"100%":         "100%",
		"x%0Ay":        "x%0Ay",
		"%2E%2E":       "%2E%2E",
		"Entw\xfcrfe":  "Entwürfe",
		"r%C3%A9sumé":  "résumé",
		"caf%E9":       "café",
		"listing01234": "listing01234",
	} {
		if got := folderName(disk, ""); got != want {
			t.Errorf("%q: %q, want %q", disk, got, want)
		}
	}
}

// mork is an index as the client writes it: names of columns in one dictionary, values in another, and a row of cells.
const mork = "// <!-- <mdb:mork:z v=\"1.4\"/> -->\n< <(a=c)> // (f=iso-8859-1)\n  (B8=keywords)(A7=mailboxName)\n  (B1=folderName)(B2=MRUTime)>\n\n" +
	"<(80=1)(81=0)(82=88225a5f)(B1=NAME)(B2\n    =1739412347)>\n{1:^9F {(k^A0:c)(s=9u)} \n  [1(^AC=1)(^A7^82)(^B1^B1)(^B2^B2)]}\n"

func TestHashedNamesAreInTheIndex(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ disk, index, want string }{
		{"88225a5f", "test $CF$84", "test τ"},
		{"Rechnunge88225a5f", `Rechnungen 2019/2020 \(alle\)`, "Rechnungen 2019/2020 (alle)"},
		{"Rechnunge88225a5f", "Something else", "Rechnunge88225a5f"}, // no index of this folder
		{"notahash", "Other", "notahash"},
		{"88225a5f", "$FF$FE", "88225a5f"},
		{"88225a5f", "long\\\nline", "longline"},
	} {
		msf := filepath.Join(dir, "x.msf")
		if err := os.WriteFile(msf, []byte(strings.Replace(mork, "NAME", c.index, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := folderName(c.disk, msf); got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.disk, c.index, got, c.want)
		}
	}
	if got := morkFolderName(strings.Replace(mork, "(^B1^B1)", "(^B1=inline)", 1)); got != "inline" {
		t.Errorf("a literal: %q", got)
	}
	if got := folderName("88225a5f", filepath.Join(dir, "missing.msf")); got != "88225a5f" {
		t.Errorf("without index: %q", got)
	}
}

func TestSkipList(t *testing.T) {
	for _, name := range []string{".hidden", "#x", "x~", "Inbox.msf", "INBOX.MSF", "a.snm", "a.toc", "popstate.dat", "sort.dat", "mailfilt.log", "filters.js",
		"msgFilterRules.dat", "rules.dat", "rulesbackup.dat", "filterlog.html", "junklog.html", "feeds.json", "feeds-backup.json", "feeds.rdf", "feeditems.rdf",
		"feeditems_error.json", "Inbox.mozmsgs", "Inbox.compact-temp", ""} {
		if !skipped(name) {
			t.Errorf("%q is taken for a folder", name)
		}
	}
	for _, name := range []string{"Inbox", "a.b", "dat", "Rules", "2020", "feeds"} {
		if skipped(name) {
			t.Errorf("%q is skipped", name)
		}
	}
}

func FuzzMork(f *testing.F) {
	f.Add(mork)
	f.Add("< <(a=c)>(B1=folderName)>(^B1^B1)(B1=x$")
	f.Fuzz(func(t *testing.T, s string) {
		if name := morkFolderName(s); name != "" && !plausible(name) {
			t.Errorf("%q", name)
		}
	})
}
