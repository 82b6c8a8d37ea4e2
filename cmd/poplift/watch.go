package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// defaultInterval is how often watch runs when nobody says.
const defaultInterval = 15 * time.Minute

// runWatch is the whole of `poplift watch`: run, wait, run again, until ctx ends. A run that fails doesn't end it: the next may go better.
func runWatch(ctx context.Context, env *environment, o campaignOptions, interval, jitter time.Duration) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	defer daemon.SdNotify(false, daemon.SdNotifyStopping)
	for first := true; ; first = false {
		began := env.now()
		every, most := interval, jitter
		c, err := newCampaign(env, o)
		if err == nil {
			if first {
				daemon.SdNotify(false, daemon.SdNotifyReady)
			}
			daemon.SdNotify(false, "STATUS=copying")
			every, most = c.schedule(interval, jitter)
			err = c.run(ctx)
		} else if first {
			return err // a file that was wrong from the beginning won't mend itself
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		u := newUI(env, o.Output)
		if err != nil && !errors.Is(err, errLeft) {
			u.log.Error("the run ended", "err", err)
		}
		wait := max(every-env.now().Sub(began), time.Second)
		if most > 0 {
			wait += rand.N(most)
		}
		u.log.Info("next run", "in", humanTime(wait))
		daemon.SdNotify(false, "STATUS=waiting")
		if err := pause(ctx, wait, hup); err != nil {
			return err
		}
	}
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

// pause waits for d, or until hup says that the jobs file is to be read now.
func pause(ctx context.Context, d time.Duration, hup <-chan os.Signal) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-hup:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
