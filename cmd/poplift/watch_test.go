//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// manager is a service manager's end of sd_notify.
type manager struct {
	mu    sync.Mutex
	heard []string
}

// newManager sets NOTIFY_SOCKET for this test.
func newManager(t *testing.T) *manager {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	m := &manager{}
	go func() {
		for buf := make([]byte, 4096); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.heard = append(m.heard, string(buf[:n]))
			m.mu.Unlock()
		}
	}()
	return m
}

// all waits until something has been heard that begins like last, and returns what was heard, in short.
func (m *manager) all(t *testing.T, last string) (out []string) {
	t.Helper()
	for range 5000 {
		m.mu.Lock()
		heard := slices.Clone(m.heard)
		m.mu.Unlock()
		if n := len(heard); n > 0 && strings.HasPrefix(heard[n-1], last) {
			for _, s := range heard {
				s, _, _ = strings.Cut(s, "\n")
				out = append(out, strings.TrimPrefix(s, "STATUS="))
			}
			return out
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never heard %s", last)
	return nil
}

// plan is what a jobs file says each time that it is read, for a watcher in a bubble of synctest.
type plan struct {
	every, jitter time.Duration
	pick          func(time.Duration) time.Duration
	takes         func(n int) time.Duration // the n-th run
	wrong         func(n int) error         // the n-th reading
	ends          func(n int) error         // the n-th run
	hangups       chan os.Signal            // made in the bubble
}

// watch runs the plan until the context that make makes ends. What happened comes back, with the time since the start.
func (p plan) watch(ctx context.Context) (lines []string, err error) {
	start, reads, runs := time.Now(), 0, 0
	add := func(what string, n int) { lines = append(lines, fmt.Sprintf("%v %s %d", time.Since(start), what, n)) }
	w := &watcher{
		env: &environment{now: time.Now, timing: timing{jitter: p.pick}, hangups: func() (<-chan os.Signal, func()) { return p.hangups, func() {} }},
		log: slog.New(slog.NewTextHandler(complaints(func() { add("complaint", reads) }), &slog.HandlerOptions{Level: slog.LevelError})),
	}
	w.load = func() (round, error) {
		if reads++; p.wrong != nil && p.wrong(reads) != nil {
			return round{}, p.wrong(reads)
		}
		return round{every: p.every, jitter: p.jitter, run: func(ctx context.Context) error {
			runs++
			add("run", runs)
			if p.takes != nil {
				if err := sleep(ctx, p.takes(runs)); err != nil {
					return err
				}
			}
			if p.ends != nil {
				return p.ends(runs)
			}
			return nil
		}}, nil
	}
	err = w.watch(ctx)
	add("end", runs)
	return lines, err
}

// complaints counts log lines.
type complaints func()

func (f complaints) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

func checkLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("it went\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestWatchCountsFromTheStartOfARun: a long run doesn't put the next one off, but for one that is longer than the interval.
func TestWatchCountsFromTheStartOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errInterrupted)
		defer cancel()
		takes := []time.Duration{0, time.Minute, 14 * time.Minute, 20 * time.Minute, 0, time.Minute}
		lines, err := plan{every: 15 * time.Minute, jitter: 2 * time.Minute,
			pick:  func(most time.Duration) time.Duration { return most / 4 },
			takes: func(n int) time.Duration { return takes[n] }}.watch(ctx)
		if !errors.Is(err, errInterrupted) {
			t.Error(err)
		}
		checkLines(t, lines, "0s run 1", "15m30s run 2", "31m0s run 3", "51m31s run 4", "1h0m0s end 4")
	})
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	env := &environment{}
	least, most := time.Hour, time.Duration(0)
	for range 10000 {
		j := env.jitter(time.Minute)
		least, most = min(least, j), max(most, j)
	}
	if least < 0 || most > time.Minute || least > 5*time.Second || most < 55*time.Second {
		t.Errorf("from %v to %v of 0 to 1m", least, most)
	}
	if j := env.jitter(0); j != 0 {
		t.Errorf("%v without any", j)
	}
}

// TestWatchHangup: SIGHUP ends the pause and has the file read, and the service manager hears of both.
func TestWatchHangup(t *testing.T) {
	m := newManager(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		hangups := make(chan os.Signal, 1)
		go func() {
			time.Sleep(5 * time.Minute)
			hangups <- os.Interrupt
			time.Sleep(5 * time.Minute)
			cancel(errInterrupted)
		}()
		lines, err := plan{every: time.Hour, hangups: hangups}.watch(ctx)
		if !errors.Is(err, errInterrupted) {
			t.Error(err)
		}
		checkLines(t, lines, "0s run 1", "5m0s run 2", "10m0s end 2")
	})
	// The clock of a bubble begins at 2000-01-01 UTC.
	first, second := time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC).Local(), time.Date(2000, 1, 1, 1, 5, 0, 0, time.UTC).Local()
	checkLines(t, m.all(t, "STOPPING"), "READY=1", "copying", "the next run is at "+first.Format(time.DateTime), "RELOADING=1",
		"READY=1", "copying", "the next run is at "+second.Format(time.DateTime), "STOPPING=1")
	if !strings.Contains(strings.Join(m.heard, ""), "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("a reload without its time: %q", m.heard)
	}
}

// TestWatchOutlivesAWrongFile: it keeps to the interval that it knows, and tells once; SIGHUP has it told again.
func TestWatchOutlivesAWrongFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 56*time.Minute, errInterrupted)
		defer cancel()
		hangups := make(chan os.Signal, 1)
		go func() {
			time.Sleep(35 * time.Minute)
			hangups <- os.Interrupt
		}()
		lines, err := plan{every: 10 * time.Minute, hangups: hangups, wrong: func(n int) error {
			if n > 1 && n < 6 {
				return usagef("line 3: no such key")
			}
			return nil
		}}.watch(ctx)
		if !errors.Is(err, errInterrupted) {
			t.Error(err)
		}
		// Read at 0, 10, 20, 30, 35, 45, 55 minutes.
		checkLines(t, lines, "0s run 1", "10m0s complaint 2", "35m0s complaint 5", "45m0s run 2", "55m0s run 3", "56m0s end 3")
	})
}

func TestWatchEndsWithAWrongFirstFile(t *testing.T) {
	m := newManager(t)
	env := &environment{getenv: func(string) string { return "" }, now: time.Now, columns: func() int { return 0 }, stderr: &said{}}
	err := runWatch(t.Context(), env, campaignOptions{File: filepath.Join(t.TempDir(), "none.yaml")}, 0, 0)
	if exitCode(err) != exitUsage {
		t.Errorf("error %v", err)
	}
	if heard := m.all(t, "STOPPING"); len(heard) != 1 {
		t.Errorf("the service manager heard %q", heard)
	}
}

// TestWatchOutlivesARunThatFails, and says only what the run's own summary has not.
func TestWatchOutlivesARunThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute+time.Second)
		defer cancel()
		errs := []error{nil, errAccounts, errElsewhere, errLeft, errors.New("no space left")}
		lines, _ := plan{every: time.Minute, ends: func(n int) error { return errs[n] }}.watch(ctx)
		checkLines(t, lines, "0s run 1", "1m0s run 2", "2m0s run 3", "3m0s run 4", "3m0s complaint 4", "3m1s end 4")
	})
}

// TestWatch is the whole of it, with a SIGHUP of this process and servers: a new account in the file is copied without a wait, and SIGTERM ends it.
func TestWatch(t *testing.T) {
	m := newManager(t)
	l := newJobsLab(t)
	l.clock, l.timing.after = time.Now, nil
	pop, target := l.pop(nil), l.imap(nil)
	l.account("one", pop, target, 2)
	l.write("schedule: {interval: 10h, jitter: 1h}")
	env, _, stderr := l.env()
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		ended <- runWatch(ctx, env, campaignOptions{File: l.file(), Output: outputOptions{Quiet: true}}, 0, 0)
	}()
	m.all(t, "STATUS=the next run is at ")
	l.account("two", pop, target, 3)
	l.write("schedule: {interval: 10h, jitter: 1h}")
	before := len(m.all(t, ""))
	raise(t)
	for range 5000 {
		if heard := m.all(t, ""); len(heard) > before+3 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel(errInterrupted)
	if err := <-ended; exitCode(err) != exitInterrupted {
		t.Errorf("error %v", err)
	}
	for user, n := range map[string]int{"one": 2, "two": 3} {
		if err := exactly(target, user, n); err != nil {
			t.Error(err)
		}
	}
	heard := m.all(t, "STOPPING")
	for i, s := range heard {
		heard[i], _, _ = strings.Cut(s, " at ")
	}
	checkLines(t, heard, "READY=1", "copying", "the next run is", "RELOADING=1", "READY=1", "copying", "the next run is", "STOPPING=1")
	if stderr.String() != "" {
		t.Errorf("it said %s", stderr)
	}
}
