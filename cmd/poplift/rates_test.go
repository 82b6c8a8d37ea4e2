package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"poplift/cmd/poplift/fleet"
	"poplift/cmd/poplift/jobs"
	"poplift/targets/imap/imaptest"
)

// TestRatesHalveAndGrowBack, by the clock of the bubble.
func TestRatesHalveAndGrowBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rates{now: time.Now, share: 1}
		r.set(jobs.Budget{MessagesPerSecond: 8, BytesPerSecond: 1 << 20})
		want := func(messages float64) {
			t.Helper()
			if got := float64(r.messages.Limit()); got != messages || float64(r.octets.Limit()) != messages*(1<<17) {
				t.Errorf("after %v: %v messages and %v octets a second, want %v", time.Since(r.changed), got, r.octets.Limit(), messages)
			}
		}
		want(8)
		for range 5 { // a gust is one refusal
			if !r.refused() {
				t.Error("there are rates, and refused says no")
			}
		}
		want(4)
		time.Sleep(gust)
		r.refused()
		want(2)
		time.Sleep(calm - time.Second)
		r.calmed()
		want(2)
		time.Sleep(time.Second)
		r.calmed()
		r.calmed()
		want(3)
		for range 10 {
			time.Sleep(calm)
			r.calmed()
		}
		want(8)
		for range 10 {
			r.refused()
			time.Sleep(gust)
		}
		want(0.5)
		r.set(jobs.Budget{MessagesPerSecond: 16, BytesPerSecond: 2 << 20}) // the file was read again
		want(1)
		r.set(jobs.Budget{})
		if r.messages.Limit() != rate.Inf || r.refused() {
			t.Error("a rate that the file has taken back holds on")
		}
	})
}

// TestRatesLetSoManyThrough: before and after a refusal.
func TestRatesLetSoManyThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rates{now: time.Now, share: 1}
		r.set(jobs.Budget{MessagesPerSecond: 10})
		minute := func() (n int) {
			for end := time.Now().Add(time.Minute); time.Now().Before(end); n++ {
				if err := r.wait(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return n
		}
		if n := minute(); n < 595 || n > 615 {
			t.Errorf("%d messages in a minute", n)
		}
		r.refused()
		if n := minute(); n < 295 || n > 315 {
			t.Errorf("%d messages in a minute after a refusal", n)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errRuntime)
		defer cancel()
		for range 20 {
			if err := r.wait(ctx); err != nil {
				if !errors.Is(err, errRuntime) || ctx.Err() == nil {
					t.Errorf("error %v", err)
				}
				return
			}
		}
		t.Error("it doesn't end with its context")
	})
}

// TestLimitersAddUp: a connection keeps to the run's bandwidth and to its server's.
func TestLimitersAddUp(t *testing.T) {
	l := newJobsLab(t)
	l.account("me", l.pop(nil), l.imap(nil), 1)
	for top, want := range map[string][]rate.Limit{
		"{}":                             {},
		"limits: {bwlimit: 1M}":          {1 << 20},
		"limits: {bytes_per_second: 3M}": {3 << 20},
		"limits: {bwlimit: 1M}\nhosts: {127.0.0.1: {bytes_per_second: 2M}}": {1 << 20, 2 << 20},
		"limits: {bwlimit: 2M}\nhosts: {127.0.0.1: {bytes_per_second: 1M}}": {2 << 20, 1 << 20},
	} {
		l.write(strings.TrimPrefix(top, "{}"))
		env, _, _ := l.env()
		c, err := newCampaign(env, campaignOptions{File: l.file()})
		if err != nil {
			t.Fatal(err)
		}
		a := c.accounts[0]
		ends := []endpoint{}
		for _, e := range []jobs.Endpoint{a.Target, a.Sources[0]} {
			ends = append(ends, endpoint{Scheme: e.Scheme, User: e.User, Host: e.Host, Port: e.Port})
		}
		var all [2][]*rate.Limiter
		for i, e := range ends {
			all[i] = c.limitersOf(a, e)
			got := []rate.Limit{}
			for _, l := range all[i] {
				got = append(got, l.Limit())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q: %v for %s, want %v", top, got, e, want)
			}
		}
		if len(want) == 2 && (all[0][0] != all[1][0] || all[0][1] == all[1][1]) {
			t.Error("the run's limit is one, and each server has its own")
		}
	}
}

// TestUserConnections: two maildrops of one mailbox are not read at once where the server lets each mailbox have one session; others go on beside.
func TestUserConnections(t *testing.T) {
	l := newJobsLab(t)
	var mu sync.Mutex
	open, most := map[string]int{}, map[string]int{}
	pop := l.pop(nil)
	target := l.imap(nil)
	for _, user := range []string{"one", "two"} {
		l.account(user, pop, target, 2)
	}
	// The same maildrop into a second mailbox.
	target.AddUser("copy", "new-copy")
	l.lines = append(l.lines, strings.ReplaceAll(strings.Replace(l.lines[0], "user: one", "user: copy, name: copy", 1), "'pop3://", "'pop3://one@"))
	l.lines[2] = strings.Replace(l.lines[2], "password: new-one", "password: new-copy", 1)
	l.write("limits: {concurrency: 3, user_connections: 1}")
	env, _, _ := l.env()
	c, err := newCampaign(env, campaignOptions{File: l.file()})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	both := make(chan struct{})
	c.each(t.Context(), func(_ context.Context, a *jobs.Account) fleet.Verdict {
		user := a.Sources[0].User
		mu.Lock()
		open[user]++
		most[user] = max(most[user], open[user])
		if open["one"] > 0 && open["two"] > 0 {
			once.Do(func() { close(both) })
		}
		mu.Unlock()
		<-both // accounts of other mailboxes are at work at the same time
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		open[user]--
		return fleet.Verdict{}
	}, nil)
	if fmt.Sprint(most) != "map[one:1 two:1]" {
		t.Errorf("sessions at once: %v", most)
	}
}

// TestAThrottledServerIsAskedForLess: what the server says reaches its rates, and those of no other.
func TestAThrottledServerIsAskedForLess(t *testing.T) {
	for name, answer := range map[string]string{
		"code":    "NO [THROTTLED] slow down",
		"backoff": "NO Request is throttled. Suggested Backoff Time: 2500 milliseconds",
		"long":    "NO Request is throttled. Suggested Backoff Time: 40000 milliseconds",
		"limit":   "NO [UNAVAILABLE] too busy",
	} {
		t.Run(name, func(t *testing.T) {
			l := newJobsLab(t)
			refusals := 0
			target := l.imap(func(w *imaptest.Switches) {
				w.RefuseAppend = func(n int, _ []byte) string {
					if n == 3 {
						refusals++
						return answer
					}
					return ""
				}
			})
			l.account("me", l.pop(nil), target, 20)
			l.write("limits: {messages_per_second: 1000}")
			env, _, _ := l.env()
			c, err := newCampaign(env, campaignOptions{File: l.file()})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.run(t.Context()); err != nil {
				t.Error(err)
			}
			a := c.accounts[0]
			if got, other := c.ratesOf(a.Target).share, c.ratesOf(a.Sources[0]).share; refusals != 1 || got >= 1 || other != 1 {
				t.Errorf("%d refusals, and the target's share is %v, the source's %v", refusals, got, other)
			}
		})
	}
}

// TestBandwidthQuotaOfTheServer: Gmail's answer is no full mailbox. The account waits without being tried again, its password stays good, and later it goes on.
func TestBandwidthQuotaOfTheServer(t *testing.T) {
	l := newJobsLab(t)
	over, asked := true, 0
	target := l.imap(func(w *imaptest.Switches) {
		w.RefuseAppend = func(n int, _ []byte) string {
			if over {
				asked++
				return "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)"
			}
			return ""
		}
	})
	l.account("me", l.pop(nil), target, 20)
	l.write()
	now := time.Now()
	l.clock = func() time.Time { return now }
	quiet := func(o *campaignOptions) { o.Output.Quiet = true }
	_, stderr, err := l.run(quiet)
	if exitCode(err) != exitLeft || !strings.Contains(stderr, "today's volume of this provider is used up") || strings.Contains(stderr, "make room") || asked > 3 {
		t.Errorf("code %d, asked %d times, said %s", exitCode(err), asked, stderr)
	}
	before, conns := asked, target.Connections()
	now = now.Add(50 * time.Minute)
	if _, stderr, err := l.run(quiet); exitCode(err) != exitLeft || stderr != "" || asked != before || target.Connections() != conns {
		t.Errorf("soon after: code %d, %d more connections, said %s", exitCode(err), target.Connections()-conns, stderr)
	}
	now, over = now.Add(11*time.Minute), false
	if _, stderr, err := l.run(quiet); err != nil || stderr != "" {
		t.Errorf("later: %v, said %s", err, stderr)
	}
	if err := exactly(target, "me", 20); err != nil {
		t.Error(err)
	}
}
