package migrate

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"syscall"
	"time"
)

// fruitless is how many sessions in a row may end without one message settled before a run gives up. Any progress starts the count anew.
const fruitless = 4

// run is one call of Account.Run.
type run struct {
	*Account
	books *books
	start time.Time
	// strikes counts, for messages that were being moved when a connection died, how often that happened.
	strikes map[RecordKey]int
	// opened says that both ends were reached once.
	opened bool
	// givenUp counts the messages that failed by their strikes.
	givenUp int64
	// listing is a hash of what the last session's source listed, to tell whether a windowed source has moved on.
	listing uint64
	seed    maphash.Seed
	join    *join
	outlets outlets
}

// Strikes at which a message is sent with no other in flight, and at which it is given up so that the rest can go on.
const (
	strikesAlone  = 2
	strikesGiveUp = 4
)

// maxGivenUp is how many messages may be given up before it is the server that is broken, not they.
const maxGivenUp = 20

// Run moves what is new and returns what it came to. The Report is whole even with an error: every listed message is in it. The error
// is nil when every message could be dealt with, though some may have failed one by one (Report.Outcomes[Failed]); context.Cause(ctx)
// when it was interrupted; otherwise what stopped the run.
func (a *Account) Run(ctx context.Context) (Report, error) {
	r := &run{Account: a, books: newBooks(a.Progress), start: a.Now(), strikes: map[RecordKey]int{}, seed: maphash.MakeSeed(),
		join: newJoin(a.Sources)}
	r.books.report.DryRun, r.outlets.relay.max = a.DryRun, a.RelayMax
	if err := inOrder(a.Sources); err != nil {
		return r.books.close(), &Error{Op: "run", Subject: a.Name, Scope: ScopeRun, Final: true, Err: err}
	}
	var errs []error
	for _, src := range a.Sources {
		err := r.source(ctx, src)
		why := "not reached"
		if err != nil {
			errs = append(errs, err)
			why = err.Error()
		}
		if ctx.Err() != nil {
			why = "not reached: interrupted"
		}
		r.books.closeListing(why, HintOf(err), src.Name)
		if e := classOf(err); err != nil && (ctx.Err() != nil || e.Scope == ScopeRun) {
			break
		}
	}
	errs = append(errs, r.closeGaps(), r.outlets.close())
	rep := r.books.close()
	rep.Elapsed = a.Now().Sub(r.start)
	return rep, errors.Join(errs...)
}

// source runs sessions until one of them has nothing left to do, or another would be of no use. A reconnect is a new session: there is no
// second way of recovery.
func (r *run) source(ctx context.Context, src NamedSource) error {
	for tries := 0; ; {
		before, givenUp := r.books.moved(), r.givenUp
		more, err := r.session(ctx, src)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			if !more || r.books.moved() == before {
				return nil
			}
			continue
		}
		if r.Trouble != nil {
			r.Trouble(err)
		}
		tries++
		gain := r.books.moved() - before - (r.givenUp - givenUp)
		if gain > 0 || r.givenUp > givenUp && r.givenUp <= maxGivenUp && r.books.moved() > r.givenUp {
			tries = 1
		}
		e := classOf(err)
		if e.Final || e.Scope == ScopeRun || tries > fruitless || !r.opened && unreachable(err) {
			return err
		}
		wait := e.After
		if wait == 0 {
			wait = time.Second << (tries - 1)
		}
		r.Log.Warn("the session ended; trying again", "source", src.Name, "err", err, "in", wait)
		r.books.progress.phase("waiting", fmt.Sprintf("%v; trying again in %v", err, wait))
		if r.Sleep(ctx, wait) != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err // whoever gave us the clock has better things to do than to wait
		}
	}
}

// unreachable is a server that was named or numbered wrongly, or isn't running: waiting for it is of use only where it was there before.
func unreachable(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound || errors.Is(err, syscall.ECONNREFUSED)
}

// strike counts a death of the connection against the messages that were being moved.
func (r *run) strike(keys ...RecordKey) {
	for _, k := range keys {
		r.strikes[k]++
	}
}
