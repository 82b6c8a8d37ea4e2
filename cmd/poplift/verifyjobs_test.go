package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/sources/pop3/pop3test"
)

// verify is `poplift verify` over the lab's file, and the report as CSV after it.
func (l *jobsLab) verify(want error) (stdout, csv string) {
	l.t.Helper()
	env, out, _ := l.env()
	if err := runVerify(l.t.Context(), env, campaignOptions{File: l.file()}, 1); !errors.Is(err, want) {
		l.t.Errorf("verify: %v, want %v", err, want)
	}
	path := filepath.Join(l.dir, "after.csv")
	env, _, _ = l.env()
	if err := runReport(env, campaignOptions{File: l.file()}, []string{path}); err != nil {
		l.t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		l.t.Fatal(err)
	}
	return out.String(), string(text)
}

// TestVerifyKeepsAccountsOfOneTargetApart: two old mailboxes went into one new one, and what is wrong with the one is not said of the other.
func TestVerifyKeepsAccountsOfOneTargetApart(t *testing.T) {
	l := newJobsLab(t)
	pop, target := l.pop(nil), l.imap(nil)
	l.account("good", pop, target, 3)
	l.account("bad", pop, target, 3)
	l.lines[1] = strings.Replace(l.lines[1], "password: new-bad}", "user: good, password: new-good}, into: Bad", 1)
	l.write()
	if _, stderr, err := l.run(nil); err != nil {
		t.Fatal(err, stderr)
	}
	pop.Add("bad", pop3test.Msg{UIDL: "bad-3", Raw: jobsMail("bad", 3)})
	stdout, csv := l.verify(errAccounts)
	if !strings.Contains(stdout, "1 of 2 accounts are safe") {
		t.Error(stdout)
	}
	for account, want := range map[string]string{"lab,good,": ",safe,", "lab,bad,": ",not safe,"} {
		if line := lineOf(csv, account); !strings.Contains(line, want) {
			t.Errorf("%s: %q has no %s", account, line, want)
		}
	}
}

// TestVerifySaysThatATargetOnDiskIsNotVerified: nobody has compared anything, so that nothing is called safe.
func TestVerifySaysThatATargetOnDiskIsNotVerified(t *testing.T) {
	l := newJobsLab(t)
	pop := l.pop(nil)
	l.account("me", pop, l.imap(nil), 3)
	if err := os.Mkdir(filepath.Join(l.dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	l.lines[0] = l.lines[0][:strings.Index(l.lines[0], "target:")] + "target: 'maildir:" + filepath.Join(l.dir, "mail") + "'}"
	l.write()
	if _, stderr, err := l.run(nil); err != nil {
		t.Fatal(err, stderr)
	}
	stdout, csv := l.verify(errAccounts)
	for _, want := range []string{"not verified", "nobody can ask this kind of target", "hint: keep the old server", "0 of 1 account is safe"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in %s", want, stdout)
		}
	}
	if line := lineOf(csv, "lab,me,"); strings.Contains(line, ",safe,") {
		t.Error(line)
	}
}

func lineOf(text, begin string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, begin) {
			return line
		}
	}
	return ""
}
