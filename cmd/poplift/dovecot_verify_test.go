package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poplift/migrate/migratetest/lab"
	"poplift/state"
)

// proof is an account of a jobs file whose mail comes from a Thunderbird profile and a maildrop of a real server.
type proof struct {
	*jobsLab
	t *testing.T
}

func newProof(t *testing.T, d *lab.Dovecot, p *profile) *proof {
	l := newJobsLab(t)
	l.clock = time.Now
	text := fmt.Sprintf(`state: %s/state
jobs:
  - name: lab
    accounts:
      - user: zoe
        sources: [{path: 'thunderbird:%s'}, {url: 'pop3://user1@%s', password: pass1, tls_ca: '%s'}]
        target: {url: 'imap://user2@%s', password: pass2, tls_ca: '%s'}
`, l.dir, p.dir, d.POP3, d.CAFile, d.IMAP, d.CAFile)
	if err := os.WriteFile(l.file(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &proof{l, t}
}

// poplift runs a command on the jobs file and expects an exit code.
func (p *proof) poplift(code int, args ...string) string {
	p.t.Helper()
	env, stdout, stderr := p.env()
	err := run(p.t.Context(), env, append(append([]string{"poplift"}, args...), p.file()))
	if exitCode(err) != code {
		p.t.Fatalf("%v: exit code %d, want %d: %v\n%s\n%s", args, exitCode(err), code, err, stdout, stderr)
	}
	return stdout.String()
}

// verify verifies with everything read whole, on the screen and as JSON, and expects the screen to say all of this.
func (p *proof) verify(code int, says ...string) state.Verification {
	p.t.Helper()
	screen := p.poplift(code, "verify", "--sample", "all")
	for _, want := range says {
		if !strings.Contains(screen, want) {
			p.t.Errorf("the screen doesn't say %q:\n%s", want, screen)
		}
	}
	p.t.Logf("the screen:\n%s", screen)
	var list []verified
	if err := json.Unmarshal([]byte(p.poplift(code, "verify", "--sample", "all", "--json")), &list); err != nil || len(list) != 1 {
		p.t.Fatalf("%d accounts, %v", len(list), err)
	}
	v := list[0].Verification
	if v.Listed.Messages != v.Placed.Messages+v.Relayed.Messages+v.Kept.Messages+v.Left.Messages+v.Missing.Messages || v.Expected != v.Found+v.Moved+v.Gone {
		p.t.Errorf("it doesn't add up: %+v", v)
	}
	return v
}

// TestDovecotVerify: what was copied is proven; and of what its user, or somebody else, has changed since, each thing is told.
func TestDovecotVerify(t *testing.T) {
	t.Parallel()
	d := startDovecot(t, lab.Options{Users: 2, SpecialUse: true})
	p := newProof(t, d, french(t, d, "user1"))
	if v := p.verify(exitAccounts); v.Missing.Messages != 111 || v.Safe {
		t.Errorf("before the copy: %+v", v)
	}
	p.poplift(exitDone, "run", "--quiet")
	v := p.verify(exitDone, "lab/zoe: safe to switch off", "112 messages = 111 on the target + 1 left out", "68 put there = 68 in their place",
		"45 messages with flags: all there", "68 messages read whole: all as they were copied", "1 of 1 account is safe to switch off.")
	if !v.Safe || v.Flagged != 45 || v.FlagsDiffer != 0 || v.Read != 68 || v.Altered != 0 || len(v.Problems) != 0 {
		t.Errorf("after the copy: %+v", v)
	}

	// UIDs of INBOX are in the order of the numbers: 1 is unread, 2 is $label1, 3 is travail, 4 is \Flagged, and so on.
	if err := d.Do("user2", "SELECT INBOX", `UID STORE 1 +FLAGS (\Seen mine)`, `UID STORE 2,7 -FLAGS (\Seen)`, `UID STORE 4 -FLAGS (\Flagged)`, `UID STORE 3 -FLAGS (travail)`,
		"CREATE Elsewhere", "UID MOVE 12 Elsewhere"); err != nil {
		t.Fatal(err)
	}
	v = p.verify(exitDone, "lab/zoe: safe to switch off", "68 put there = 67 in their place + 1 moved", "44 messages with flags: 4 messages lack one",
		`INBOX: 2 of the 26 messages that should have \Seen lack it (UID 2, 7)`, `that should have \Flagged lack it (UID 4)`, `that should have travail lack it (UID 3)`,
		"1 of the messages that were put into INBOX lie in Elsewhere now: somebody moved them", "no mail is missing")
	if v.FlagsDiffer != 4 || v.Moved != 1 || v.Gone != 0 || len(v.Problems) != 4 {
		t.Errorf("after its user: %+v", v)
	}

	if err := d.Do("user2", "SELECT INBOX", `UID STORE 20 +FLAGS (\Deleted)`, "EXPUNGE"); err != nil {
		t.Fatal(err)
	}
	v = p.verify(exitAccounts, "lab/zoe: NOT SAFE", "because  1 copied message is not on the target any more: somebody deleted it",
		"68 put there = 66 in their place + 1 moved + 1 deleted", "deleted on the target, from INBOX", "0 of 1 account is safe to switch off.")
	if v.Safe || v.Gone != 1 || v.Moved != 1 {
		t.Errorf("with one deleted: %+v", v)
	}

	page := filepath.Join(p.dir, "report.html")
	p.poplift(exitDone, "report", "--out", page)
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(html), "&#43;", "+")
	for _, want := range []string{"Not yet safe to switch off", "1 copied message is not on the target any more", "travail", "66 in their place + 1 moved + 1 deleted", "done, not safe"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page doesn't say %q", want)
		}
	}
}
