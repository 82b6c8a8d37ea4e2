package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poplift/cmd/poplift/report"
	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
)

// jobsLab is a jobs file and the servers that it speaks of, with a state directory of its own.
type jobsLab struct {
	t      testing.TB
	dir    string
	lines  []string // of accounts
	timing timing
	clock  func() time.Time

	mu     sync.Mutex
	logins map[string]int // tries at POP3 servers, by user
}

func newJobsLab(t testing.TB) *jobsLab {
	l := &jobsLab{t: t, dir: t.TempDir(), logins: map[string]int{}, clock: hurried(time.Now())}
	// Waits for servers are a thousand times shorter than they would be.
	l.timing = timing{
		connect: 10 * time.Second, stall: 10 * time.Second,
		pause: func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/1000) },
		after: func(d time.Duration) <-chan time.Time { return time.After(d / 1000) },
	}
	return l
}

// hurried is a clock that goes a thousand times as fast as the real one, as the waits do.
func hurried(begin time.Time) func() time.Time {
	start := time.Now()
	return func() time.Time { return begin.Add(1000 * time.Since(start)) }
}

// pop starts a POP3 server that counts log-ins.
func (l *jobsLab) pop(change func(*pop3test.Server)) *pop3test.Server {
	s := pop3test.NewUnstartedServer()
	s.SASL = nil // USER and PASS are easily counted
	users := map[int]string{}
	if change != nil {
		change(s)
	}
	own := s.Hook
	s.Hook = func(c *pop3test.Conn, cmd string) pop3test.Fault {
		l.mu.Lock()
		if user, ok := strings.CutPrefix(cmd, "USER "); ok {
			users[c.Number()] = user
		}
		if strings.HasPrefix(cmd, "PASS") {
			l.logins[users[c.Number()]]++
		}
		l.mu.Unlock()
		if own != nil {
			return own(c, cmd)
		}
		return pop3test.Pass()
	}
	s.Start()
	l.t.Cleanup(s.Close)
	return s
}

func (l *jobsLab) imap(change func(*imaptest.Switches)) *imaptest.Server {
	s := imaptest.NewUnstartedServer()
	s.Silent = true
	if change != nil {
		s.Change(change)
	}
	s.Start()
	l.t.Cleanup(s.Close)
	return s
}

// tried is how often a user was logged in, or not.
func (l *jobsLab) tried(user string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logins[user]
}

// account adds a user with n messages to both servers and to the jobs file.
func (l *jobsLab) account(user string, pop *pop3test.Server, imap *imaptest.Server, n int) {
	pop.SetPassword(user, "old-"+user)
	imap.AddUser(user, "new-"+user)
	for i := range n {
		pop.Add(user, pop3test.Msg{UIDL: fmt.Sprintf("%s-%d", user, i), Raw: jobsMail(user, i)})
	}
	l.line(user, "old-"+user, "new-"+user, pop, imap)
}

func (l *jobsLab) line(user, oldPassword, newPassword string, pop *pop3test.Server, imap *imaptest.Server) {
	l.lines = append(l.lines, fmt.Sprintf("      - {user: %s, source: {url: 'pop3://%s', password: %s}, target: {url: 'imap://%s', password: %s}}",
		user, pop.Addr, oldPassword, imap.Addr, newPassword))
}

func jobsMail(user string, i int) []byte {
	return fmt.Appendf(nil, "Message-ID: <%s.%d@jobs>\r\nFrom: a@example.com\r\nTo: %s@example.com\r\nSubject: number %d\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\n\r\nhello\r\n",
		user, i, user, i)
}

// write writes the jobs file.
func (l *jobsLab) write(top ...string) {
	l.t.Helper()
	text := strings.Join(top, "\n") + "\nstate: " + filepath.Join(l.dir, "state") +
		"\ndefaults: {source: {allow_cleartext: true}, target: {allow_cleartext: true}}\njobs:\n  - name: lab\n    accounts:\n" + strings.Join(l.lines, "\n") + "\n"
	if err := os.WriteFile(l.file(), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *jobsLab) file() string { return filepath.Join(l.dir, "jobs.yaml") }

// env is a process's surroundings, and what it says.
func (l *jobsLab) env() (env *environment, stdout, stderr *said) {
	stdout, stderr = &said{}, &said{}
	return &environment{stdout: stdout, stderr: stderr, getenv: ownMemory, now: l.clock, columns: func() int { return 0 },
		ask: func() asker { return nil }, timing: l.timing}, stdout, stderr
}

// ownMemory leaves the collector of this process, which holds the servers too, as it is.
func ownMemory(name string) string {
	return map[string]string{"GOGC": "100", "GOMEMLIMIT": "off"}[name]
}

// said is a buffer that several may write to.
type said struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.String()
}

// run is `poplift run`; what it printed comes back.
func (l *jobsLab) run(change func(*campaignOptions)) (stdout, stderr string, err error) {
	env, out, errs := l.env()
	o := campaignOptions{File: l.file()}
	if change != nil {
		change(&o)
	}
	err = runCampaign(l.t.Context(), env, o)
	return out.String(), errs.String(), err
}

// exactly says what is wrong with a user's inbox, which should hold n messages, each once.
func exactly(s *imaptest.Server, user string, n int) error {
	seen := map[string]int{}
	stored := s.Account(user).Messages("INBOX")
	for _, m := range stored {
		seen[string(m.Raw)]++
	}
	for i := range n {
		if c := seen[string(jobsMail(user, i))]; c != 1 {
			return fmt.Errorf("%s: message %d is there %d times", user, i, c)
		}
	}
	if len(stored) != n {
		return fmt.Errorf("%s: %d messages, want %d", user, len(stored), n)
	}
	return nil
}

// trouble is a night with everything that an admin is afraid of.
type trouble struct {
	*jobsLab
	good       map[string]*imaptest.Server // what must arrive, and where
	throttled  int
	narrow     *pop3test.Server
	hangs      *pop3test.Server
	wantFailed map[string]string // account → what it must say
}

func newTrouble(t *testing.T) *trouble {
	l := newJobsLab(t)
	l.timing.stall = 1500 * time.Millisecond // one of its servers hangs
	x := &trouble{jobsLab: l, good: map[string]*imaptest.Server{}}
	pop, target := l.pop(nil), l.imap(nil)
	for i := range 6 {
		user := fmt.Sprintf("good%d", i)
		l.account(user, pop, target, 20)
		x.good[user] = target
	}
	for _, user := range []string{"wrong1", "wrong2"} {
		pop.SetPassword(user, "right")
		target.AddUser(user, "new-"+user)
		l.line(user, "wrong", "new-"+user, pop, target)
	}
	pop.SetPassword("wrong3", "old-wrong3")
	target.AddUser("wrong3", "right")
	l.line("wrong3", "old-wrong3", "wrong", pop, target)
	for _, user := range []string{"nobody1", "nobody2"} {
		target.AddUser(user, "new-"+user)
		l.line(user, "x", "new-"+user, pop, target)
	}

	l.account("full", pop, l.imap(func(w *imaptest.Switches) { w.Quota, w.Caps = 500, append(slices.Clone(w.Caps), "QUOTA") }), 20)

	x.narrow = l.pop(func(s *pop3test.Server) {
		s.MaxConns = 2
		s.Hook = func(*pop3test.Conn, string) pop3test.Fault {
			for wait := 0; s.Fired("MaxConns") == 0 && wait < 3000; wait++ { // the first two stay until a third one has come
				time.Sleep(time.Millisecond)
			}
			return pop3test.Pass()
		}
	})
	for i := range 4 {
		user := fmt.Sprintf("narrow%d", i)
		l.account(user, x.narrow, target, 20)
		x.good[user] = target
	}

	slow := l.imap(func(w *imaptest.Switches) {
		w.RefuseAppend = func(n int, _ []byte) string {
			if n%3 == 2 && n < 9 {
				x.throttled++
				return "NO [THROTTLED] Request is throttled. Suggested Backoff Time: 40000 milliseconds"
			}
			return ""
		}
	})
	l.account("slow", pop, slow, 20)
	x.good["slow"] = slow

	x.hangs = l.pop(func(s *pop3test.Server) {
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if cmd == "UIDL" {
				return pop3test.Stall()
			}
			return pop3test.Pass()
		}
	})
	l.account("hang", x.hangs, target, 5)
	l.write("limits: {concurrency: 8}")
	x.wantFailed = map[string]string{"wrong1": "refused", "wrong2": "refused", "wrong3": "AUTHENTICATIONFAILED", "nobody1": "refused", "nobody2": "refused",
		"full": "OVERQUOTA", "hang": "nothing moved"}
	return x
}

func TestCheckNamesWhatWillFail(t *testing.T) {
	t.Parallel()
	x := newTrouble(t)
	env, out, _ := x.env()
	err := runCheck(t.Context(), env, campaignOptions{File: x.file(), Output: outputOptions{JSON: true, Quiet: true}}, false)
	if !errors.Is(err, errAccounts) {
		t.Fatalf("error %v", err)
	}
	var list []checked
	if err := json.Unmarshal([]byte(out.String()), &list); err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		user := strings.TrimPrefix(c.Account, "lab/")
		want, bad := x.wantFailed[user]
		switch {
		case user == "full":
			if !c.OK || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "quota") {
				t.Errorf("%s: %+v", user, c)
			}
		case bad && (c.OK || !strings.Contains(c.Error, want)):
			t.Errorf("%s: %+v, want %s", user, c, want)
		case !bad && (!c.OK || c.Messages != 20 || c.New != 20):
			t.Errorf("%s: %+v", user, c)
		}
	}
	for _, user := range []string{"wrong1", "wrong2", "nobody1", "nobody2"} {
		if n := x.tried(user); n != 1 {
			t.Errorf("check tried the log-in of %s %d times", user, n)
		}
	}
	if x.narrow.Fired("MaxConns") == 0 {
		t.Error("the narrow host turned nobody away")
	}
	if _, err := os.Stat(filepath.Join(x.dir, "state")); !os.IsNotExist(err) {
		t.Errorf("check wrote state: %v", err)
	}
}

func TestRunFinishesTheRest(t *testing.T) {
	t.Parallel()
	x := newTrouble(t)
	reports := []string{filepath.Join(x.dir, "r.html"), filepath.Join(x.dir, "r.csv"), filepath.Join(x.dir, "r.json")}
	stdout, stderr, err := x.run(func(o *campaignOptions) { o.Output.Quiet, o.Reports = true, reports })
	if exitCode(err) != exitAccounts {
		t.Fatalf("error %v\n%s%s", err, stdout, stderr)
	}
	for user, s := range x.good {
		if err := exactly(s, user, 20); err != nil {
			t.Error(err)
		}
	}
	if stdout != "" {
		t.Errorf("quiet, and said %s", stdout)
	}
	for user, want := range x.wantFailed {
		i := strings.Index(stderr, "lab/"+user+": ")
		if i < 0 {
			t.Errorf("%s is not named:\n%s", user, stderr)
			continue
		}
		if line, _, _ := strings.Cut(stderr[i:], "\n"); !strings.Contains(line, want) {
			t.Errorf("%s: no %q in %s", user, want, line)
		}
	}
	for user := range x.good {
		if strings.Contains(stderr, "lab/"+user+":") {
			t.Errorf("%s is all right, and named", user)
		}
	}
	for _, user := range []string{"wrong1", "wrong2", "nobody1", "nobody2"} {
		if n := x.tried(user); n != 1 {
			t.Errorf("the log-in of %s was tried %d times", user, n)
		}
	}
	if x.narrow.Fired("MaxConns") == 0 || x.throttled == 0 || x.hangs.Fired("hook") == 0 {
		t.Errorf("faults that never struck: %d turned away, %d throttled, %d hangs", x.narrow.Fired("MaxConns"), x.throttled, x.hangs.Fired("hook"))
	}
	text, err := os.ReadFile(reports[2])
	if err != nil {
		t.Fatal(err)
	}
	for user := range x.wantFailed {
		for _, f := range reports {
			if text, err := os.ReadFile(f); err != nil || !bytes.Contains(text, []byte(user)) {
				t.Errorf("%s is not in %s (%v)", user, filepath.Base(f), err)
			}
		}
	}
	var all struct{ Accounts []json.RawMessage }
	if err := json.Unmarshal(text, &all); err != nil || len(all.Accounts) != len(x.lines) {
		t.Errorf("the report has %d accounts of %d (%v)", len(all.Accounts), len(x.lines), err)
	}
}

// TestRefusedLoginsAreLeftAlone: cron comes every hour, and must not lock anybody's account.
func TestRefusedLoginsAreLeftAlone(t *testing.T) {
	t.Parallel()
	l := newJobsLab(t)
	pop, target := l.pop(nil), l.imap(nil)
	l.account("good", pop, target, 3)
	pop.SetPassword("wrong", "right")
	target.AddUser("wrong", "new-wrong")
	l.line("wrong", "bad", "new-wrong", pop, target)
	l.write()
	now := time.Now().Add(time.Minute) // later than the file
	l.clock = func() time.Time { return now }
	quiet := func(o *campaignOptions) { o.Output.Quiet = true }
	var tries []int
	for range 4 * 24 { // four days
		before := l.tried("wrong")
		_, stderr, err := l.run(quiet)
		if exitCode(err) != exitAccounts {
			t.Fatalf("error %v", err)
		}
		if tried := l.tried("wrong") > before; tried != strings.Contains(stderr, "lab/wrong: ") || !tried && stderr != "" {
			t.Fatalf("tried %v, and said %q", tried, stderr)
		}
		tries = append(tries, l.tried("wrong"))
		now = now.Add(time.Hour)
	}
	// At 0h, 1h, 3h, 7h, 15h, 31h, 55h, 79h.
	for hours, want := range map[int]int{0: 1, 1: 2, 3: 3, 7: 4, 15: 5, 31: 6, 55: 7, 79: 8, 95: 8} {
		if got := tries[hours]; got != want {
			t.Errorf("after %d hours it was tried %d times, want %d", hours, got, want)
		}
	}
	stdout, _, err := l.run(nil)
	if exitCode(err) != exitAccounts || !strings.Contains(stdout, "not tried: the server has refused it (8 times") {
		t.Errorf("error %v, said %s", err, stdout)
	}
	// A person asks for it.
	if l.run(func(o *campaignOptions) { o.Account = "wrong" }); l.tried("wrong") != 9 {
		t.Errorf("%d tries", l.tried("wrong"))
	}
	// The password is mended, and the next run knows.
	l.lines[1] = strings.Replace(l.lines[1], "password: bad", "password: right", 1)
	l.write()
	os.Chtimes(l.file(), now.Add(-24*time.Hour), now.Add(-24*time.Hour)) // the file's time doesn't tell
	if _, stderr, err := l.run(quiet); err != nil || stderr != "" {
		t.Errorf("error %v, said %s", err, stderr)
	}
	if files, _ := filepath.Glob(filepath.Join(l.dir, "state", "refused", "*")); len(files) > 0 {
		t.Errorf("the refusal is still kept: %v", files)
	}
}

// TestATargetsRefusalCountsBeforeASourcesWait: the source would have another try go better, the target never.
func TestATargetsRefusalCountsBeforeASourcesWait(t *testing.T) {
	t.Parallel()
	l := newJobsLab(t)
	pop := l.pop(func(s *pop3test.Server) { s.Quirk.InUse = 3 })
	refused := 0
	target := l.imap(func(w *imaptest.Switches) {
		w.Login = func(string) string {
			refused++
			return "NO [AUTHENTICATIONFAILED] no"
		}
	})
	l.account("me", pop, target, 1)
	l.write()
	if _, _, err := l.run(nil); exitCode(err) != exitAccounts || refused != 1 {
		t.Errorf("error %v, the target refused %d log-ins", err, refused)
	}
}

// TestHooks: each is run in its case only, with a report that holds together.
func TestHooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quota int64
		want  string
	}{"all is well": {0, "success"}, "something is wrong": {10, "failure"}} {
		t.Run(name, func(t *testing.T) {
			l := newJobsLab(t)
			l.account("me", l.pop(nil), l.imap(func(w *imaptest.Switches) { w.Quota = c.quota }), 2)
			l.write()
			_, _, err := l.run(func(o *campaignOptions) {
				o.OnSuccess, o.OnFailure = "cat > "+filepath.Join(l.dir, "success"), "cat > "+filepath.Join(l.dir, "failure")
			})
			if (err == nil) != (c.quota == 0) {
				t.Fatal(err)
			}
			for _, hook := range []string{"success", "failure"} {
				text, err := os.ReadFile(filepath.Join(l.dir, hook))
				if hook != c.want {
					if !os.IsNotExist(err) {
						t.Errorf("%s ran", hook)
					}
					continue
				}
				var got struct {
					Accounts []struct{ Account string }
				}
				if err := json.Unmarshal(text, &got); err != nil || len(got.Accounts) != 1 || got.Accounts[0].Account != "me" {
					t.Errorf("%s got %.2000s (%v)", hook, text, err)
				}
			}
		})
	}
}

// TestWaitLetsOthersGoFirst: an account that another run holds is asked for again while the rest is done.
func TestWaitLetsOthersGoFirst(t *testing.T) {
	t.Parallel()
	l := newJobsLab(t)
	pop, target := l.pop(nil), l.imap(nil)
	for _, user := range []string{"held", "one", "two"} {
		l.account(user, pop, target, 2)
	}
	l.write("limits: {concurrency: 1}")
	env, _, _ := l.env()
	c, err := newCampaign(env, campaignOptions{File: l.file()})
	if err != nil {
		t.Fatal(err)
	}
	j, err := c.job(t.Context(), c.accounts[0])
	if err != nil {
		t.Fatal(err)
	}
	store, err := j.openStore()
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	j.close()

	_, stderr, err := l.run(func(o *campaignOptions) { o.Output.Quiet = true })
	if exitCode(err) != exitLocked || stderr != "" {
		t.Errorf("code %d, said %q", exitCode(err), stderr)
	}
	for _, user := range []string{"one", "two"} {
		if err := exactly(target, user, 2); err != nil {
			t.Error(err)
		}
	}
	if l.tried("held") != 0 {
		t.Error("the held account was logged in")
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		store.Close()
	}()
	if _, _, err := l.run(func(o *campaignOptions) { o.Wait = time.Hour }); err != nil {
		t.Error(err)
	}
	if err := exactly(target, "held", 2); err != nil {
		t.Error(err)
	}
}

// TestMaxRuntime ends a run that hangs, and the next one goes on.
func TestMaxRuntime(t *testing.T) {
	t.Parallel()
	l := newJobsLab(t)
	l.timing.stall = time.Minute
	hang := true
	pop := l.pop(func(s *pop3test.Server) {
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if hang && cmd == "UIDL" {
				return pop3test.Stall()
			}
			return pop3test.Pass()
		}
	})
	target := l.imap(nil)
	for i := range 3 {
		l.account(fmt.Sprint("u", i), pop, target, 2)
	}
	l.write("limits: {concurrency: 2}")
	quiet := func(o *campaignOptions) { o.Output.Quiet, o.MaxRuntime = true, 300*time.Millisecond }
	if _, stderr, err := l.run(quiet); exitCode(err) != exitLeft || stderr != "" {
		t.Errorf("code %d, said %q", exitCode(err), stderr)
	}
	hang = false
	if _, stderr, err := l.run(func(o *campaignOptions) { o.Output.Quiet = true }); err != nil || stderr != "" {
		t.Errorf("error %v, said %q", err, stderr)
	}
	for i := range 3 {
		if err := exactly(target, fmt.Sprint("u", i), 2); err != nil {
			t.Error(err)
		}
	}
}

// TestReloadKeepsWhatHasBegun: SIGHUP changes what has not been started, and nothing else.
func TestReloadKeepsWhatHasBegun(t *testing.T) {
	t.Parallel()
	l := newJobsLab(t)
	target := l.imap(nil)
	var once sync.Once
	var c *campaign
	renewed := make(chan struct{})
	pop := l.pop(func(s *pop3test.Server) {
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if cmd == "UIDL" {
				once.Do(func() {
					// The first account is at work: the second one is taken out of the file, a fourth put in, and the third gets its right password.
					l.lines = []string{l.lines[0], strings.Replace(l.lines[2], "password: bad", "password: old-third", 1), l.lines[3]}
					l.write("limits: {concurrency: 1}")
					raise(l.t)
					<-renewed
				})
			}
			return pop3test.Pass()
		}
	})
	for _, user := range []string{"first", "second", "third", "fourth"} {
		l.account(user, pop, target, 1)
	}
	l.lines[2] = strings.Replace(l.lines[2], "password: old-third", "password: bad", 1)
	fourth := l.lines[3]
	l.lines = l.lines[:3]
	l.write("limits: {concurrency: 1}")
	l.lines = append(l.lines, fourth)
	env, _, stderr := l.env()
	c, err := newCampaign(env, campaignOptions{File: l.file()})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for !strings.Contains(stderr.String(), "read again") {
			time.Sleep(time.Millisecond)
		}
		close(renewed)
	}()
	if err := c.run(t.Context()); err != nil {
		t.Errorf("%v\n%s", err, stderr)
	}
	for user, n := range map[string]int{"first": 1, "second": 0, "third": 1, "fourth": 1} {
		if err := exactly(target, user, n); err != nil {
			t.Error(err)
		}
	}
	var names []string
	for _, a := range c.report(time.Time{}).Accounts {
		names = append(names, a.Name+" "+a.State.String())
	}
	if want := []string{"first done", "third done", "fourth done"}; !slices.Equal(names, want) {
		t.Errorf("the report has %v", names)
	}
}

// TestManyAccountsWithNothingToDo: a poll makes one connection to each side of an account, and no more. BenchmarkAccountsWithNothingToDo looks at memory.
func TestManyAccountsWithNothingToDo(t *testing.T) {
	t.Parallel()
	l := newJobsLab(t)
	pop, target := l.pop(nil), l.imap(nil)
	const n = 100
	for i := range n {
		l.account(fmt.Sprint("user", i), pop, target, 1)
	}
	l.write("limits: {concurrency: 16}")
	if _, stderr, err := l.run(nil); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	conns := pop.Connections() + target.Connections()
	stdout, stderr, err := l.run(func(o *campaignOptions) { o.Output.Quiet = true })
	if err != nil || stdout+stderr != "" {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	if got := pop.Connections() + target.Connections() - conns; got != 2*n {
		t.Errorf("%d connections for %d accounts with nothing to do, want %d", got, n, 2*n)
	}
}

// TestQuietSaysWhatAPersonMustDo, and nothing else.
func TestQuietSaysWhatAPersonMustDo(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"done": {nil, ""}, "locked": {errElsewhere, ""}, "interrupted": {errInterrupted, ""},
		"failed": {&migrate.Error{Op: "imap append", Err: errors.New("OVERQUOTA"), Hint: "make room"}, "lab/me: imap append: OVERQUOTA\n  hint: make room\n"},
	} {
		var out bytes.Buffer
		d := report.Data{Accounts: []report.Account{{Job: "lab", Name: "me", State: stateOf(c.err)}}}
		if c.err != nil {
			d.Accounts[0].Error, d.Accounts[0].Hint = c.err.Error(), migrate.HintOf(c.err)
		}
		if writeCampaign(&out, d, false); out.String() != c.want {
			t.Errorf("%s: %q", name, out.String())
		}
	}
}

var _ io.Writer = (*said)(nil)
