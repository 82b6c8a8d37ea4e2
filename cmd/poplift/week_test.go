package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
)

// The simulated week.
const (
	weekAccounts  = 30
	weekKills     = 3    // a day, by kill -9 in the middle of an upload
	weekDropped   = 0.05 // of connections
	weekClockBase = "POPLIFT_TEST_CLOCK"
)

// hastyMain is poplift with the clock of the simulated week; TestMain knows it as a program, so that it can be killed.
func hastyMain() {
	base, _ := strconv.ParseInt(os.Getenv(weekClockBase), 10, 64)
	env := realEnvironment()
	env.now, env.timing = hurried(time.Unix(base, 0)), hasty()
	ctx, stop := interruptible(context.Background())
	err := run(ctx, env, os.Args)
	stop()
	explain(os.Stderr, err)
	os.Exit(exitCode(err))
}

// hasty waits a thousandth as long as it should.
func hasty() timing {
	return timing{
		connect: 5 * time.Second, stall: 5 * time.Second,
		pause: func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/1000) },
		after: func(d time.Duration) <-chan time.Time { return time.After(d / 1000) },
	}
}

// week is the maildrops, the mailboxes, and what must be where.
type week struct {
	*jobsLab
	pop     *pop3test.Server
	target  *imaptest.Server
	rng     *rand.Rand
	seed    uint64
	sent    [weekAccounts]int // messages that each maildrop got
	dropped atomic.Int64
	kill    atomic.Pointer[func()] // called once when a message has arrived
	base    time.Time
}

func newWeek(t *testing.T, seed uint64) *week {
	w := &week{jobsLab: newJobsLab(t), rng: rand.New(rand.NewPCG(seed, 1)), seed: seed, base: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
	w.timing = hasty()
	// Which connections are dropped, and after how much, depends on their number only.
	drop := func(n int, salt uint64) (int64, int64) {
		r := rand.New(rand.NewPCG(seed+salt, uint64(n)))
		if r.Float64() >= weekDropped {
			return -1, -1
		}
		w.dropped.Add(1)
		return r.Int64N(4000), r.Int64N(4000)
	}
	w.pop = w.jobsLab.pop(func(s *pop3test.Server) { s.Cut = func(n int) (int64, int64) { return drop(n, 1) } })
	w.target = w.imap(func(sw *imaptest.Switches) {
		sw.Cut = func(n int) (in, out int64) {
			in, out = drop(n, 2)
			return max(in, 0), max(out, 0)
		}
		sw.RefuseAppend = func(int, []byte) string {
			if kill := w.kill.Swap(nil); kill != nil {
				(*kill)()
			}
			return ""
		}
	})
	for i := range weekAccounts {
		w.account(weekUser(i), w.pop, w.target, 0)
	}
	w.write("limits: {concurrency: 8}")
	return w
}

func weekUser(i int) string { return fmt.Sprintf("user%02d", i) }

// mail delivers what comes in an hour.
func (w *week) mail() {
	for i := range weekAccounts {
		for range w.rng.IntN(3) {
			user, n := weekUser(i), w.sent[i]
			w.sent[i]++
			w.pop.Add(user, pop3test.Msg{UIDL: fmt.Sprintf("%s-%d", user, n), Raw: jobsMail(user, n)})
		}
	}
}

// cron is a quiet run at an hour of the week. It may find accounts held by another run; nothing else is news.
func (w *week) cron(hour int) {
	env, stdout, stderr := w.env()
	env.now = hurried(w.base.Add(time.Duration(hour) * time.Hour))
	err := runCampaign(w.t.Context(), env, campaignOptions{File: w.file(), Output: outputOptions{Quiet: true}})
	if code := exitCode(err); code != exitDone && code != exitLocked {
		w.t.Errorf("seed %d, hour %d: code %d: %v", w.seed, hour, code, err)
	}
	if said := stdout.String() + stderr.String(); said != "" {
		w.t.Errorf("seed %d, hour %d: a quiet run said %s", w.seed, hour, said)
	}
}

// killed is a run in a process of its own that is killed while it uploads.
func (w *week) killed(hour int) bool {
	exe, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(exe, "run", "--quiet", w.file())
	cmd.Args[0] = "poplift-hasty"
	cmd.Env = append(os.Environ(), weekClockBase+"="+strconv.FormatInt(w.base.Add(time.Duration(hour)*time.Hour).Unix(), 10))
	var out said
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	kill := func() { cmd.Process.Kill() }
	w.kill.Store(&kill)
	cmd.Wait()
	w.kill.Store(nil)
	if out.String() != "" {
		w.t.Errorf("seed %d, hour %d: a run that was to be killed said %s (%v)", w.seed, hour, &out, cmd.ProcessState)
	}
	return !cmd.ProcessState.Exited() // a signal ended it
}

// TestAWeekFromCron: a week of mail for thirty people, with a twentieth of all connections dropped, runs that overlap and runs that are killed. What stood in
// a maildrop at a poll is on the target exactly once, and nobody got mail from cron.
func TestAWeekFromCron(t *testing.T) {
	t.Parallel()
	w := newWeek(t, 20260105)
	kills := 0
	days := 7
	if raceDetector {
		days = 2 // each takes three times as long then; what could race has met by that time
	}
	for hour := range days * 24 {
		w.mail()
		switch hour % 24 {
		case 3, 11, 19:
			if w.killed(hour) {
				kills++
			}
			w.cron(hour)
		case 1, 5, 9, 13, 17, 21:
			var both sync.WaitGroup
			both.Go(func() { w.cron(hour) })
			both.Go(func() { w.cron(hour) })
			both.Wait()
		default:
			w.cron(hour)
		}
		if t.Failed() {
			return
		}
	}
	w.cron(days * 24)
	total := 0
	for i := range weekAccounts {
		total += w.sent[i]
		if err := exactly(w.target, weekUser(i), w.sent[i]); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d messages, %d connections dropped, %d runs killed", total, w.dropped.Load(), kills)
	if kills != days*weekKills || w.pop.Fired("cut") < 7*days {
		t.Errorf("%d runs were killed and %d POP3 connections broke: too few", kills, w.pop.Fired("cut"))
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, "state", "refused", "*")); len(left) > 0 {
		t.Errorf("a dropped connection was taken for a refusal: %v", left)
	}
}
