package main

import (
	"context"
	"errors"
	"fmt"

	"poplift/cmd/poplift/jobs"
	"poplift/migrate"
)

// gate lets messages go over one end of an account as its server's rates and the account's volume allow. A nil gate lets everything through.
type gate struct {
	rates  *rates
	volume *volume
	way    way
}

// gateOf is that of an end, or nil for one that the jobs file doesn't know.
func (c *campaign) gateOf(a *jobs.Account, e endpoint) *gate {
	end := endOfAccount(a, e)
	if end.Host == "" {
		return nil
	}
	g := &gate{rates: c.ratesOf(end), volume: c.volumeOf(end), way: up}
	if schemes[e.Scheme].role == roleSource {
		g.way = down
	}
	return g
}

// pace is the end's Pace. next, which may be nil, is the gate that a message has to go through behind this one: none is asked for that would have to
// wait there.
func (g *gate) pace(next *gate) func(context.Context, int64) error {
	if g == nil && next == nil {
		return nil
	}
	return func(ctx context.Context, octets int64) error {
		if next != nil {
			if err := next.volume.fits(next.way, octets); err != nil {
				return err
			}
		}
		if g == nil {
			return nil
		}
		if err := g.volume.take(g.way, octets); err != nil {
			return err
		}
		return g.rates.wait(ctx)
	}
}

// count takes note of octets on the wire; it is nil where nothing is to be counted.
func (g *gate) count() func(read, written int) {
	if g == nil {
		return nil
	}
	return g.volume.count()
}

// gated keeps open from being called while the server wants to be left alone.
func gated[T any](g *gate, open func(context.Context) (T, error)) func(context.Context) (T, error) {
	if g == nil {
		return open
	}
	return func(ctx context.Context) (none T, err error) {
		if err := g.volume.open(); err != nil {
			return none, err
		}
		return open(ctx)
	}
}

// trouble learns from what ended a session of an account: a server that had no room, or was asked for too much at a time, is asked for less, and one that
// says that it is enough for today is left alone.
func (c *campaign) trouble(a *jobs.Account) func(error) {
	return func(err error) {
		var e *migrate.Error
		if !errors.As(err, &e) {
			return
		}
		end, ok := endAt(a, e)
		if !ok {
			return
		}
		switch {
		case c.opts.DryRun:
		case errors.Is(e, migrate.ErrVolume):
			c.volumeOf(end).refused()
		case e.Crowded, e.Throttled:
			if c.ratesOf(end).refused() {
				c.log.Debug("the server is asked for less at a time", "server", end.Address(), "err", err)
			}
		}
	}
}

// settle writes down what an account's try, which ended with err, brought over the wire. told says that a person is to hear that it is enough for today.
func (c *campaign) settle(a *jobs.Account, err error) (told bool, failed error) {
	if c.opts.DryRun {
		return false, nil
	}
	var errs []error
	for _, e := range append([]jobs.Endpoint{a.Target}, a.Sources...) {
		if e.OnDisk() {
			continue
		}
		news, err := c.volumeOf(e).end(err == nil || errors.Is(err, errLeft))
		told = told || news
		errs = append(errs, err)
	}
	return told, errors.Join(errs...)
}

// tellVolume says in a quiet run, once until an account is through, that it waits for its provider. Other runs log it each time.
func (c *campaign) tellVolume(a *jobs.Account, err error) {
	if c.opts.Output.Quiet && !c.opts.Output.JSON {
		fmt.Fprintf(c.env.stderr, "%s: %v\n  hint: %s\n", a.ID(), err, migrate.HintOf(err))
	}
}
