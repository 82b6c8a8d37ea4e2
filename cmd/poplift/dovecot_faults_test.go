package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate/migratetest/lab"
)

// fails expects a run to end with this code and to say these words, whatever their case, in its error and its hint.
func (p *pair) fails(code int, words ...string) ended {
	p.t.Helper()
	e := p.run(code, "--dedupe=off")
	p.says(e, words...)
	return e
}

func (p *pair) says(e ended, words ...string) {
	p.t.Helper()
	if e.Hint == "" && !strings.Contains(e.stderr, "hint: ") {
		p.t.Errorf("the error says nothing of what to do: %+v\n%s", e.jsonReport, e.stderr)
	}
	text := strings.ToLower(e.Error + "\n" + e.Hint + "\n" + e.stderr)
	for _, w := range words {
		if !strings.Contains(text, strings.ToLower(w)) {
			p.t.Errorf("the error doesn't say %q:\n%s\n%s\n%s", w, e.Error, e.Hint, e.stderr)
		}
	}
	p.t.Logf("it says: %s\nhint: %s", e.Error, e.Hint)
}

// completes expects the same command to go on where an earlier run ended, and all to be there.
func (p *pair) completes(mail []lab.Message) {
	p.t.Helper()
	e := p.run(exitDone, "--dedupe=off")
	if e.Failed != 0 || e.Duplicate != 0 || e.Known+e.Copied+e.Adopted != int64(len(mail)) {
		p.t.Errorf("the run that was to complete the work: %+v", e.jsonReport)
	}
	p.exact(mail)
}

// there is how many messages lie in the target's folder, without asking a server that may be down.
func (p *pair) there() int {
	n := 0
	for _, sub := range []string{"new", "cur"} {
		files, _ := os.ReadDir(filepath.Join(p.target.Maildir(p.user), sub))
		n += len(files)
	}
	return n
}

// waitUntil waits for what a child or a server does.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(childTimeout); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// slowly starts a run that takes long and returns when the first messages lie on the target.
func (p *pair) slowly() (cmd *exec.Cmd, finish func() ended) {
	p.t.Helper()
	cmd, finish = p.child("--dedupe=off", "--bwlimit", "3M")
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	waitUntil(p.t, "the first messages on the target", func() bool { return p.there() > 0 })
	return cmd, finish
}

func restart(t *testing.T, d *lab.Dovecot) {
	t.Helper()
	if err := d.Restart(); err != nil {
		t.Fatal(err)
	}
}

func TestDovecotOverQuota(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(250, 3))
	d := startDovecot(t, lab.Options{Users: 2, Quota: "2M"})
	load(t, d, "user1", mail)
	p := newPair(t, d, "user1", "user2")
	e := p.fails(exitFailed, "quota")
	if e.Copied == 0 || e.Copied == int64(len(mail)) {
		t.Errorf("%d messages were copied into 2 MB", e.Copied)
	}
	p.exact(mail[:e.Copied])
	p.fails(exitFailed, "quota") // no better, and no worse
	p.exact(mail[:e.Copied])

	d.Options.Quota = "200M"
	restart(t, d)
	p.completes(mail)
}

func TestDovecotRefusesPasswords(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(5, 4))
	d := startDovecot(t, lab.Options{Users: 2})
	load(t, d, "user1", mail)
	for _, side := range []string{"source", "target"} {
		p := newPair(t, d, "user1", "user2")
		p.env["POPLIFT_"+strings.ToUpper(side)+"_PASSWORD"] = "wr0ng"
		e := p.fails(exitFailed, map[string]string{"source": "pop3", "target": "imap"}[side], "password")
		if strings.Contains(e.Error+e.stderr, "wr0ng") {
			t.Errorf("the password is told: %s", e.stderr)
		}
		if n := p.there(); n != 0 {
			t.Errorf("%d messages arrived", n)
		}
	}
	newPair(t, d, "user1", "user2").completes(mail)
}

// TestDovecotGoesAway stops a server in the middle of a run.
func TestDovecotGoesAway(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(300, 5))
	for _, c := range []struct {
		name  string
		which int // 0 the source, 1 the target
		back  bool
		code  int
	}{{"target", 1, false, exitFailed}, {"target and comes back", 1, true, exitDone}, {"source and comes back", 0, true, exitDone}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := [2]*lab.Dovecot{startDovecot(t, lab.Options{Users: 1}), startDovecot(t, lab.Options{Users: 2})}
			load(t, d[0], "user1", mail)
			p := newPair(t, d[1], "user1", "user2")
			p.source = "pop3://user1@" + d[0].POP3
			p.args = []string{"--tls-ca", bundle(t, d[0].CAFile, d[1].CAFile)}
			_, finish := p.slowly()
			d[c.which].Stop()
			before := p.there()
			if before == len(mail) {
				t.Fatal("all was copied before the server could go away")
			}
			if c.back {
				restart(t, d[c.which])
			}
			e := finish()
			if e.code != c.code {
				t.Fatalf("exit code %d, want %d: %+v\n%s", e.code, c.code, e.jsonReport, e.stderr)
			}
			if c.code != exitDone {
				p.says(e, "imap")
				restart(t, d[c.which])
			}
			p.completes(mail)
		})
	}
}

// TestDovecotTellsOldCounts: while the list of a Maildir's UIDs is locked, by a session that is storing mail or was killed at it, STATUS answers
// what was true before; only EXAMINE waits. Whoever believes STATUS after a crash sends again what lies there.
func TestDovecotTellsOldCounts(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(200, 9))
	d := startDovecot(t, lab.Options{Users: 2})
	load(t, d, "user1", mail)
	p := newPair(t, d, "user1", "user2")
	cmd, finish := p.child("--dedupe=off", "--bwlimit", "1M")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the first octets on the target", func() bool {
		files, _ := os.ReadDir(filepath.Join(d.Maildir(p.user), "tmp"))
		return len(files) > 0 || p.there() > 0
	})
	cmd.Process.Kill()
	finish()
	stored := len(p.stored()) // also waits until the server has nothing more to store
	if stored == len(mail) {
		t.Fatal("all was copied before the run could be killed")
	}
	// The server had begun to store more, and was killed.
	d.Stop()
	late := min(stored+10, len(mail))
	load(t, d, "user2", mail[stored:late])
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	const nobody = 1 << 22 // no process has such a number, and Dovecot breaks the lock after some seconds
	lock := filepath.Join(d.Maildir("user2"), "dovecot-uidlist.lock")
	if err := os.WriteFile(lock, fmt.Appendf(nil, "%d:%s", nobody, host), 0o644); err != nil {
		t.Fatal(err)
	}
	restart(t, d)
	e := p.run(exitDone, "--dedupe=off")
	if got := p.stored(); len(got) != len(mail) {
		t.Errorf("%d messages lay there, of which STATUS told %d; now there are %d, want %d: %s\n%+v", late, stored, len(got), len(mail), differences(got, mail), e.jsonReport)
	}
}

// bundle puts certificates into one file.
func bundle(t *testing.T, files ...string) string {
	t.Helper()
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	out := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(out, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDovecotAndFullDisk: the state can't grow. A limit on the size of files stands for a full disk; the answer to a write differs only in
// its number.
func TestDovecotAndFullDisk(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(600, 6))
	d := startDovecot(t, lab.Options{Users: 2})
	load(t, d, "user1", mail)
	p := newPair(t, d, "user1", "user2")
	for _, blocks := range []string{"0", "80"} { // of 512 octets: no state at all, and one that gets full
		p.shell = "ulimit -f " + blocks
		p.fails(exitFailed, "state")
		t.Logf("%d messages are there", p.there())
	}
	p.shell = ""
	p.completes(mail)
}

func TestDovecotAndTwoRuns(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(300, 7))
	d := startDovecot(t, lab.Options{Users: 2})
	load(t, d, "user1", mail)
	p := newPair(t, d, "user1", "user2")
	cmd, finish := p.slowly()
	p.says(p.run(exitLocked, "--dedupe=off"), "another run")
	cmd.Process.Kill()
	if e := finish(); e.code != -1 {
		t.Errorf("the first run ended by itself, with %d:\n%s", e.code, e.stderr)
	}
	p.completes(mail)
}

// TestDovecotIsReadOnly: by rights of the account, and by those of the file system under it.
func TestDovecotIsReadOnly(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(40, 8))
	t.Run("rights", func(t *testing.T) {
		t.Parallel()
		d := startDovecot(t, lab.Options{Users: 2, ReadOnly: true})
		load(t, d, "user1", mail)
		p := newPair(t, d, "user1", "user2")
		p.fails(exitFailed, "INBOX")
		if n := p.there(); n != 0 {
			t.Errorf("%d messages arrived", n)
		}
		d.Options.ReadOnly = false
		restart(t, d)
		p.completes(mail)
	})
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		d := startDovecot(t, lab.Options{Users: 2})
		load(t, d, "user1", mail)
		load(t, d, "user2", nil)
		mode := func(m os.FileMode) {
			for _, sub := range []string{"new", "cur", "tmp"} {
				if err := os.Chmod(filepath.Join(d.Maildir("user2"), sub), m); err != nil {
					t.Fatal(err)
				}
			}
		}
		p := newPair(t, d, "user1", "user2")
		p.stored() // makes the index, so that only what is tested is forbidden
		mode(0o500)
		p.fails(exitFailed, "INBOX")
		mode(0o700)
		p.completes(mail)
	})
}
