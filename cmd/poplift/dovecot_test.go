package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poplift/migrate/migratetest/lab"
)

// The tests in this file and in dovecot_faults_test.go run the program, as a process of its own, against a real Dovecot. What lies there afterwards
// is asked over IMAP, by a client that shares no code with the program.

// startDovecot skips the test where there is no Dovecot, or fails it where one is required: a gate must not be green for lack of a server.
func startDovecot(t *testing.T, o lab.Options) *lab.Dovecot {
	t.Helper()
	d, err := lab.StartDovecot(o)
	if errors.Is(err, lab.ErrUnavailable) && os.Getenv("POPLIFT_REQUIRE_DOVECOT") == "" {
		t.Skipf("%v; install dovecot-imapd and dovecot-pop3d 2.3 to run this test", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Stop()
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", lastLines(d.Log(), 30))
		}
		d.Close()
	})
	return d
}

func lastLines(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(len(all)-lines, 0):], "\n")
}

// pair is one account to be copied: a maildrop, a mailbox, and the program between them with a state of its own.
type pair struct {
	t              *testing.T
	target         *lab.Dovecot
	user           string // of the target
	source, url    string
	env            map[string]string
	state          string
	args           []string
	program, shell string // shell is a command that runs before the program, in its process
	command        string // of the program; empty is copy
}

// newPair copies from one user of a Dovecot to another, in clear connections that are upgraded.
func newPair(t *testing.T, d *lab.Dovecot, from, to string) *pair {
	t.Helper()
	program, err := exec.LookPath("poplift") // TestMain has put the test binary there under this name
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, target: d, user: to, state: t.TempDir(), program: program}
	p.source, p.url = "pop3://"+from+"@"+d.POP3, "imap://"+to+"@"+d.IMAP
	p.args = []string{"--tls-ca", d.CAFile}
	p.env = map[string]string{"POPLIFT_SOURCE_PASSWORD": "pass" + from[4:], "POPLIFT_TARGET_PASSWORD": "pass" + to[4:]}
	return p
}

// ended is what a run has left.
type ended struct {
	jsonReport
	code   int // -1 when a signal ended it
	stderr string
}

// childTimeout is for runs that hang. No run of these tests needs a tenth of it.
const childTimeout = 2 * time.Minute

// child is the program, not yet started.
func (p *pair) child(args ...string) (cmd *exec.Cmd, finish func() ended) {
	p.t.Helper()
	args = slices.Concat([]string{cmp.Or(p.command, "copy"), "--json", "--state", p.state}, p.args, args, []string{p.source, p.url})
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	if p.shell != "" {
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", p.shell + `; exec "$0" "$@"`, p.program}, args...)...)
	} else {
		cmd = exec.CommandContext(ctx, p.program, args...)
	}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.state}
	for k, v := range p.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	made := time.Now()
	return cmd, func() ended {
		p.t.Helper()
		defer cancel()
		cmd.Wait()
		p.t.Logf("%v after it was set up, the program ended: %v", time.Since(made), cmd.ProcessState)
		e := ended{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
		if ctx.Err() != nil {
			p.t.Fatalf("the program hung:\n%s", &stderr)
		}
		if strings.Contains(e.stderr, "DATA RACE") || strings.Contains(e.stderr, "panic:") {
			p.t.Errorf("the program broke:\n%s", &stderr)
		}
		if e.code >= 0 && stdout.Len() > 0 {
			if err := json.Unmarshal(stdout.Bytes(), &e.jsonReport); err != nil {
				p.t.Fatalf("the report isn't JSON: %v\n%s", err, &stdout)
			}
			p.adds(e)
		}
		return e
	}
}

// adds checks that every message is in exactly one row.
func (p *pair) adds(e ended) {
	p.t.Helper()
	if sum := e.Known + e.Copied + e.Adopted + e.Duplicate + e.Skipped + e.Relayed + e.Kept + e.Failed; sum != e.Listed || e.ExitCode != e.code {
		p.t.Errorf("the report doesn't add up, or its exit code isn't %d: %+v", e.code, e.jsonReport)
	}
}

// run runs the program to its end and expects this exit code.
func (p *pair) run(code int, args ...string) ended {
	p.t.Helper()
	cmd, finish := p.child(args...)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	e := finish()
	if e.code != code {
		p.t.Fatalf("exit code %d, want %d\n%+v\n%s", e.code, code, e.jsonReport, e.stderr)
	}
	return e
}

// counts expects these numbers of a report.
func (e ended) counts(t *testing.T, known, copied, adopted, duplicate, failed int) {
	t.Helper()
	want := [5]int64{int64(known), int64(copied), int64(adopted), int64(duplicate), int64(failed)}
	if got := [5]int64{e.Known, e.Copied, e.Adopted, e.Duplicate, e.Failed}; got != want {
		t.Errorf("known, copied, adopted, duplicate, failed are %v, want %v\n%s", got, want, e.stderr)
	}
}

// stored is what lies on the target now.
func (p *pair) stored() []lab.Stored {
	p.t.Helper()
	out, err := p.target.Mailbox(p.user, "INBOX")
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// forget deletes the state.
func (p *pair) forget() {
	p.t.Helper()
	if err := os.RemoveAll(p.state); err != nil {
		p.t.Fatal(err)
	}
}

// same says whether the octets are those of the message. POP3 can't carry a message without a last line end, and gives it one.
func same(got, want []byte) bool {
	return bytes.Equal(got, want) || !bytes.HasSuffix(want, []byte("\r\n")) && bytes.Equal(got, append(bytes.Clone(want), "\r\n"...))
}

// exact expects these messages on the target, octet for octet, in this order, none twice, with the dates of their headers.
func (p *pair) exact(want []lab.Message) {
	p.t.Helper()
	got := p.stored()
	if len(got) != len(want) {
		p.t.Errorf("the target holds %d messages, want %d: %s", len(got), len(want), differences(got, want))
		return
	}
	bad := 0
	for i, m := range want {
		if !same(got[i].Raw, m.Raw) {
			p.t.Errorf("message %d (UID %d) is not that of the maildrop: %s", i+1, got[i].UID, differences(got, want))
			return
		}
		if !got[i].Date.Equal(m.Date) {
			if bad++; bad < 4 {
				p.t.Errorf("message %d (UID %d) has the date %v, want %v", i+1, got[i].UID, got[i].Date, m.Date)
			}
		}
	}
}

// differences tells what is missing, what is there too often, and whether order is all that is wrong.
func differences(got []lab.Stored, want []lab.Message) string {
	balance := map[string]int{}
	key := func(b []byte) string { return strings.TrimSuffix(string(b), "\r\n") }
	for _, m := range want {
		balance[key(m.Raw)]--
	}
	for _, m := range got {
		balance[key(m.Raw)]++
	}
	var missing, surplus int
	for _, n := range balance {
		missing += max(-n, 0)
		surplus += max(n, 0)
	}
	return fmt.Sprintf("%d missing or changed, %d surplus or changed", missing, surplus)
}

// untwinned leaves out exact copies of earlier messages.
func untwinned(mail []lab.Message) []lab.Message {
	return slices.DeleteFunc(slices.Clone(mail), func(m lab.Message) bool { return m.Twin })
}

func load(t *testing.T, d *lab.Dovecot, user string, mail []lab.Message) {
	t.Helper()
	if err := d.Load(user, mail...); err != nil {
		t.Fatal(err)
	}
}

func TestDovecotIsCopiedExactly(t *testing.T) {
	t.Parallel()
	mail := slices.Collect(lab.Corpus(300, 1))
	for _, c := range []struct {
		name  string
		plain bool
		set   func(*pair)
		says  string // in the transcript of both sides
	}{
		{"cleartext", true, func(p *pair) { p.args = []string{"--allow-cleartext"} }, ""},
		{"starttls", false, func(p *pair) {}, "TLS"},
		{"tls", false, func(p *pair) {
			p.source, p.url = "pop3s://user1@"+p.target.POP3S, "imaps://user2@"+p.target.IMAPS
		}, "TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := startDovecot(t, lab.Options{Users: 3, NoTLS: c.plain})
			load(t, d, "user1", mail)
			p := newPair(t, d, "user1", "user2")
			c.set(p)
			p.copyThrice(mail)
			p.dedupe(mail)
		})
	}
}

// copyThrice copies, copies nothing, and adopts what lies there when nothing is remembered.
func (p *pair) copyThrice(mail []lab.Message) {
	t := p.t
	t.Helper()
	n := len(mail)
	p.run(exitDone, "--dedupe=off").counts(t, 0, n, 0, 0, 0)
	p.exact(mail)
	before := p.stored()

	trace := filepath.Join(t.TempDir(), "trace")
	p.run(exitDone, "--dedupe=off", "--trace", trace).counts(t, n, 0, 0, 0, 0)
	said, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"RETR", "APPEND ", "STORE"} {
		if i := bytes.Index(said, []byte(`C: "`+never)); i >= 0 || bytes.Contains(said, []byte(" "+never+" ")) {
			t.Errorf("the second run said %s:\n%s", never, said)
		}
	}
	if !bytes.Contains(said, []byte("UIDL")) {
		t.Errorf("the transcript isn't one:\n%s", said)
	}

	p.forget()
	p.run(exitDone, "--dedupe=off").counts(t, 0, 0, n, 0, 0)
	unchanged := func(a, b lab.Stored) bool {
		return a.UID == b.UID && a.Seen == b.Seen && a.Date.Equal(b.Date) && bytes.Equal(a.Raw, b.Raw)
	}
	if !slices.EqualFunc(before, p.stored(), unchanged) {
		t.Error("a run without state has changed the mailbox")
	}
}

// dedupe copies the same maildrop to another account in the default way.
func (p *pair) dedupe(mail []lab.Message) {
	p.t.Helper()
	q := *p
	q.user, q.state = "user3", p.t.TempDir()
	q.url = strings.Replace(p.url, "user2", "user3", 1)
	q.env["POPLIFT_TARGET_PASSWORD"] = "pass3"
	single := untwinned(mail)
	q.run(exitDone).counts(p.t, 0, len(single), 0, len(mail)-len(single), 0)
	q.exact(single)
	again := q.run(exitDone)
	if again.Copied != 0 || again.Adopted != 0 || again.Failed != 0 {
		p.t.Errorf("the second run: %+v", again.jsonReport)
	}
}

// TestDovecotSurvivesKills kills runs at random moments, one or more times, and expects that the same command completes what is left.
// POPLIFT_KILLS sets how many accounts are copied that way, POPLIFT_KILLS_SEED repeats a choice of moments.
func TestDovecotSurvivesKills(t *testing.T) {
	t.Parallel()
	kills, messages := 8, 250
	if s := os.Getenv("POPLIFT_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		kills, messages = n, 1000
	}
	seed := rand.Uint64()
	if s := os.Getenv("POPLIFT_KILLS_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("POPLIFT_KILLS_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 9))
	mail := slices.Collect(lab.Corpus(messages, 2))
	d := startDovecot(t, lab.Options{Users: 4*kills + 2})
	load(t, d, "user1", mail)

	whole := newPair(t, d, "user1", "user2")
	start := time.Now()
	whole.run(exitDone, "--dedupe=off")
	length := time.Since(start)
	whole.exact(mail)

	struck, filling := 0, 0
	for i := 0; (struck < kills || filling < kills/4) && i < 4*kills; i++ {
		p := newPair(t, d, "user1", fmt.Sprintf("user%d", i+3))
		for more := true; more; more = rng.IntN(3) == 0 {
			at := time.Duration(rng.Int64N(int64(length)))
			dead, took := p.killAt(at)
			lose := i%4 == 3 // the state, too
			t.Logf("account %d: killed after %v of %v: %v; state lost: %v", i+1, at, length, dead, lose)
			if !dead {
				length = min(length, took)
				continue
			}
			struck++
			if lose {
				p.forget()
			}
		}
		e := p.run(exitDone, "--dedupe=off") // at once, when the server may not have noticed yet
		t.Logf("account %d: known %d, copied %d, adopted %d", i+1, e.Known, e.Copied, e.Adopted)
		if e.Copied > 0 && e.Copied < int64(messages) {
			filling++
		}
		if e.Failed != 0 || e.Duplicate != 0 || e.Known+e.Copied+e.Adopted != int64(messages) {
			t.Errorf("account %d: the last run: %+v", i+1, e.jsonReport)
		}
		p.exact(mail)
		if t.Failed() {
			t.FailNow() // the server's log ends with what has to do with it
		}
	}
	t.Logf("%d runs were killed, and %d last runs found the mailbox partly filled", struck, filling)
	if struck < kills || filling == 0 {
		t.Errorf("only %d of %d kills struck, and %d last runs found the mailbox partly filled", struck, kills, filling)
	}
}

// killAt starts a run and kills it so much later, unless it has ended by then.
func (p *pair) killAt(at time.Duration) (dead bool, took time.Duration) {
	p.t.Helper()
	cmd, finish := p.child("--dedupe=off")
	start := time.Now()
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	timer := time.AfterFunc(at, func() { cmd.Process.Kill() })
	defer timer.Stop()
	e := finish()
	if e.code > 0 {
		p.t.Fatalf("the run ended by itself with %d:\n%s", e.code, e.stderr)
	}
	return e.code < 0, time.Since(start)
}
