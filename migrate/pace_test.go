package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"poplift/migrate"
)

// TestPaceStopsWhatWasFetchedAhead: what waits to be sent holds all the memory there is, and the source waits for more of it.
func TestPaceStopsWhatWasFetchedAhead(t *testing.T) {
	for range 5 {
		w := newWorld(t, letters(300)...)
		a := w.account()
		a.Pace = func(context.Context, int64) error {
			for n := 0; n < 60; n += len(w.drop.Fetched()) { // of the 64 that there is room for
				time.Sleep(time.Millisecond)
			}
			return &migrate.Error{Op: "pace", Scope: migrate.ScopeRun, Final: true, Err: migrate.ErrVolume}
		}
		rep, err := a.Run(t.Context())
		if !errors.Is(err, migrate.ErrVolume) || rep.Outcomes[migrate.Failed].Messages != 300 {
			t.Errorf("%v, %v", rep.Outcomes, err)
		}
		if rep, err := w.run(t.Context()); err != nil || rep.Outcomes[migrate.Copied].Messages != 300 {
			t.Errorf("the next run: %v, %v", rep.Outcomes, err)
		}
	}
}

// TestPaceStopsInTheMiddle: what was asked for or handed over before is dealt with, the rest stands in the report, and the next run goes on.
func TestPaceStopsInTheMiddle(t *testing.T) {
	for _, side := range []string{"source", "target"} {
		for allowed := range 13 {
			t.Run(fmt.Sprint(side, allowed), func(t *testing.T) {
				w := newWorld(t, letters(12)...)
				a := w.account()
				n, octets := 0, int64(0)
				pace := func(_ context.Context, size int64) error {
					if n == allowed {
						return &migrate.Error{Op: "pace", Scope: migrate.ScopeRun, Final: true, Err: migrate.ErrVolume}
					}
					n++
					octets += size
					return nil
				}
				if side == "source" {
					a.Sources[0].Pace = pace
				} else {
					a.Pace = pace
				}
				troubles := 0
				a.Trouble = func(error) { troubles++ }
				rep, err := a.Run(t.Context())
				if allowed < 12 && !errors.Is(err, migrate.ErrVolume) || allowed == 12 && err != nil {
					t.Fatalf("error %v", err)
				}
				want := int64(allowed)
				if got := rep.Outcomes; got[migrate.Copied].Messages != want || got[migrate.Failed].Messages != 12-want || rep.Listed.Messages != 12 {
					t.Errorf("%d allowed, and the report has %v of %v", allowed, got, rep.Listed)
				}
				if allowed > 0 && octets == 0 || (troubles == 1) != (err != nil) {
					t.Errorf("%d octets, %d troubles", octets, troubles)
				}
				rep, err = w.run(t.Context())
				if err != nil || rep.Outcomes[migrate.Known].Messages != want || rep.Outcomes[migrate.Copied].Messages != 12-want {
					t.Errorf("the next run: %v, %v", rep.Outcomes, err)
				}
				if n := len(w.boxes.Messages("INBOX")); n != 12 {
					t.Errorf("%d messages are there", n)
				}
			})
		}
	}
}
