package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"poplift/migrate"
)

// environment is what the process was given. Commands take everything from here, so that tests can give their own.
type environment struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	// columns is the width of the terminal that stderr is, now; 0 when it is none.
	columns func() int
	// ask prompts for a secret on the terminal; nil when there is none.
	ask func() asker
	// hangups hands over each SIGHUP until stop is called; nil is the process's own.
	hangups func() (c <-chan os.Signal, stop func())
	timing  timing
}

// timing is how long things take. The zero value is what is right for people and servers; tests are in more of a hurry.
type timing struct {
	// connect and stall are those of mailnet.Endpoint.
	connect, stall time.Duration
	// pause and after do the waiting; nil is the real thing.
	pause func(context.Context, time.Duration) error
	after func(time.Duration) <-chan time.Time
	// jitter picks a time from 0 up to most; nil picks at random.
	jitter func(most time.Duration) time.Duration
}

// sleep waits for d, or until ctx ends.
func (env *environment) sleep(ctx context.Context, d time.Duration) error {
	if env.timing.pause != nil {
		return env.timing.pause(ctx, d)
	}
	return sleep(ctx, d)
}

// after is time.After.
func (env *environment) after(d time.Duration) <-chan time.Time {
	if env.timing.after != nil {
		return env.timing.after(d)
	}
	return time.After(d)
}

// jitter is a time from 0 up to most.
func (env *environment) jitter(most time.Duration) time.Duration {
	switch {
	case most <= 0:
		return 0
	case env.timing.jitter != nil:
		return env.timing.jitter(most)
	}
	return rand.N(most + 1)
}

// onHangup hands over each SIGHUP until stop is called. One that comes while another waits is the same one.
func (env *environment) onHangup() (c <-chan os.Signal, stop func()) {
	if env.hangups != nil {
		return env.hangups()
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup, func() { signal.Stop(hup) }
}

// realEnvironment is the process's own.
func realEnvironment() *environment {
	return &environment{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now, ask: terminalPrompt,
		columns: func() int {
			n, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0
			}
			return n
		}}
}

// outputOptions is how much is shown, and in which form.
type outputOptions struct {
	Quiet, JSON, LogJSON, Verbose bool
}

// ui holds the rules of what goes where: results to stdout, everything on the way to stderr. On a terminal that is a bar with the log above
// it, elsewhere a log line now and then; --quiet leaves only what a person must act on.
type ui struct {
	env *environment
	bar *bar // nil without one
	log *slog.Logger
}

func newUI(env *environment, o outputOptions) *ui {
	u := &ui{env: env}
	terminal := env.columns() > 0
	var w io.Writer = env.stderr
	if terminal && !o.Quiet && !o.LogJSON {
		u.bar = newBar(env.stderr, env.columns)
		w = u.bar
	}
	level := slog.LevelInfo
	switch {
	case o.Quiet:
		level = slog.LevelError
	case o.Verbose:
		level = slog.LevelDebug
	}
	if o.LogJSON {
		u.log = slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	} else {
		colour := terminal && env.getenv("NO_COLOR") == ""
		u.log = slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, NoColor: !colour, TimeFormat: time.TimeOnly}))
	}
	return u
}

// logEvery is how often a run tells how it is going where there is no bar.
const logEvery = 10 * time.Second

// watch shows a run until the function it returns is called.
func (u *ui) watch(p *migrate.Progress) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if u.bar != nil {
			u.bar.run(p, done)
		} else {
			u.logProgress(p, done)
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		wg.Wait()
	})
}

func (u *ui) logProgress(p *migrate.Progress, stop <-chan struct{}) {
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		s := p.Snapshot()
		what := s.Phase
		if s.Note != "" {
			what = s.Note
		}
		u.log.Info(what, "messages", s.Settled.Messages, "of", s.Listed.Messages,
			"size", humanSize(s.Settled.Octets), "of_size", humanSize(s.Listed.Octets))
	}
}
