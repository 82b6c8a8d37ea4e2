package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"poplift/state"
)

// defaultInterval is how often watch runs when nobody says.
const defaultInterval = 15 * time.Minute

// runWatch is the whole of `poplift watch`. interval and jitter are what the command line says; 0 leaves them to the jobs file.
func runWatch(ctx context.Context, env *environment, o campaignOptions, interval, jitter time.Duration) error {
	w := &watcher{env: env, log: newUI(env, o.Output).log, load: func() (round, error) {
		c, err := newCampaign(env, o)
		if err != nil {
			return round{}, err
		}
		every, most := c.schedule(interval, jitter)
		return round{run: c.run, every: every, jitter: most}, nil
	}}
	return w.watch(ctx)
}

// schedule is what the user said, or the jobs file.
func (c *campaign) schedule(interval, jitter time.Duration) (time.Duration, time.Duration) {
	if interval == 0 {
		interval = c.file.Schedule.Interval
	}
	if interval == 0 {
		interval = defaultInterval
	}
	if jitter == 0 {
		jitter = c.file.Schedule.Jitter
	}
	return interval, jitter
}

// round is one run as the jobs file says it, and how long after its start the next one is due: after every, and up to jitter more.
type round struct {
	run           func(context.Context) error
	every, jitter time.Duration
}

// watcher runs, waits and runs again, and tells a service manager about it (sd_notify(3)).
type watcher struct {
	env  *environment
	log  *slog.Logger
	load func() (round, error) // reads the jobs file
	// wrong is what was said about a jobs file that can't be used.
	wrong string
}

// watch returns when ctx ends, with its cause, or when the jobs file is wrong from the beginning: then it won't mend itself. A run that fails, or a file
// that turns wrong later, ends nothing: the next one may go better.
func (w *watcher) watch(ctx context.Context) error {
	hangups, unhook := w.env.onHangup()
	defer unhook()
	stopping := sync.OnceFunc(func() { notify(w.log, daemon.SdNotifyStopping) })
	defer stopping()
	defer context.AfterFunc(ctx, stopping)()
	var now round
	for first := true; ; first = false {
		began := w.env.now()
		next, err := w.load()
		switch {
		case err == nil:
			now, w.wrong = next, ""
		case first:
			return err
		}
		notify(w.log, daemon.SdNotifyReady) // at each reading: it is also the answer to a reload
		if err != nil {
			w.complain(err)
		} else if err := w.run(ctx, now); err != nil {
			return err
		}
		wait := max(now.every-w.env.now().Sub(began), time.Second) + w.env.jitter(now.jitter)
		w.log.Info("next run", "in", humanTime(wait))
		notify(w.log, "STATUS=the next run is at "+w.env.now().Add(wait).Format(time.DateTime))
		if err := w.pause(ctx, wait, hangups); err != nil {
			return err
		}
	}
}

// run is one run. Its error is that of ctx: what else went wrong is logged.
func (w *watcher) run(ctx context.Context, now round) error {
	notify(w.log, "STATUS=copying")
	err := now.run(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && !alreadyTold(err) {
		w.log.Error("the run ended", "err", err)
	}
	return nil
}

// alreadyTold says whether a run's summary has said all there is to say about its error, or has kept quiet for a reason.
func alreadyTold(err error) bool {
	return errors.Is(err, errLeft) || errors.Is(err, errAccounts) || errors.Is(err, state.ErrLocked)
}

// complain tells what is wrong with the jobs file, once, however often it is read.
func (w *watcher) complain(err error) {
	if err.Error() != w.wrong {
		w.log.Error("the jobs file can't be used; it is read again at the next run", "err", err)
	}
	w.wrong = err.Error()
}

// pause waits for d, or until SIGHUP says that the jobs file is to be read now.
func (w *watcher) pause(ctx context.Context, d time.Duration, hangups <-chan os.Signal) error {
	select {
	case <-w.env.after(d):
	case <-hangups:
		w.wrong = "" // whoever asks gets an answer
		notify(w.log, reloading())
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// notify tells the service manager, if there is one, how the service stands.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Debug("sd_notify", "err", err)
	}
}

// reloading says that the jobs file is about to be read; systemd.service(5), Type=notify-reload, wants the time with it. READY must follow.
func reloading() string { return daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() }
