package imap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"poplift/migrate"
)

// Append uploads messages as they come and yields their receipts in the same order; see migrate.Target.
//
// A batch that is refused is sent again in halves until the refusal falls on single messages, so that one bad message costs one message.
// What comes back from such a batch lies behind batches that were on their way already: the order within the folder is lost there, and only
// there.
func (t *Target) Append(ctx context.Context, uploads iter.Seq[migrate.Upload]) iter.Seq2[migrate.Receipt, error] {
	return func(yield func(migrate.Receipt, error) bool) {
		rctx, cut := context.WithCancelCause(ctx)
		r := &run{t: t, outer: ctx, ctx: rctx, cut: cut, in: make(chan migrate.Upload), stopped: make(chan struct{}), wake: make(chan struct{}, 1),
			settled: make(chan struct{}, 1), flown: make(chan struct{}, 1)}
		var wg sync.WaitGroup
		wg.Go(func() { r.feed(uploads) })
		wg.Go(r.work)
		defer cut(nil)
		defer wg.Wait()
		defer r.stop()
		r.deliver(yield)
	}
}

// run is one Append on its way: feed takes uploads in, work (and within it send) puts them on the wire, answers reads what the server says, and
// deliver gives the receipts out, each on a goroutine of its own.
type run struct {
	t       *Target
	outer   context.Context // the caller's
	ctx     context.Context // ends also when the caller wants no more
	cut     context.CancelCauseFunc
	in      chan migrate.Upload
	stopped chan struct{}

	wake    chan struct{} // send: something changed
	settled chan struct{} // deliver: something was settled
	flown   chan struct{} // answers: something is on its way, or nothing will be

	mu       sync.Mutex
	order    []*item    // not yet delivered, in order of upload
	flights  []*command // sent, at least in part, and not answered
	octets   int64      // in flights
	uploaded int64      // in all
	again    []batch    // to be sent again, in order of upload
	taken    int        // uploads so far
	early    *command   // was refused before it was sent whole: the connection is of no use any more
	how      status     // early was refused
	err      error      // ended everything
	lane     *lane      // in use
	ended    bool       // no more comes, all is answered
	sent     bool       // this connection's sender has ended

	asking    map[string]bool // mailboxes whose flags are being asked for
	held      []batch         // refused, and waiting for that
	unstarred bool            // that \Flagged may be lost was said
	limited   int             // messages refused with LIMIT since one was stored
}

// batch is what is sent again after a refusal.
type batch struct {
	items []*item
	// inTurn sends it when nothing else is on its way: another batch must not take the room that it was refused for.
	inTurn bool
	// check, when not nil, was the answer to the one item: the server said that there is no such mailbox, and is asked whether it means it
	// (mailutils imap4d 3.15 says so of messages whose header it doesn't like).
	check *status
	// flags asks instead which flags the mailbox keeps: the command was refused, and may have had one that it doesn't.
	flags bool
}

// item is an upload that waits for its receipt.
type item struct {
	up      migrate.Upload
	n       int // counts uploads
	octets  int64
	longest int      // keyword that may be sent, in octets; 0 is none
	sent    []string // flags as they went out last
	dropped []string // keywords that went out before that
	star    bool     // \Flagged is to be set by STORE before the receipt is given
	done    bool
	receipt migrate.Receipt
	err     error
}

// command is one APPEND.
type command struct {
	tag     string
	mailbox string
	items   []*item
	octets  int64
	check   *status   // it is no APPEND but the question that batch.check tells of
	flags   bool      // or that batch.flags tells of
	whole   bool      // all of it is written
	goOn    chan bool // the answer to a synchronizing literal: true is "+"
	asking  bool      // it waits for that
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// feed ranges over the uploads.
func (r *run) feed(uploads iter.Seq[migrate.Upload]) {
	defer close(r.in)
	for u := range uploads {
		select {
		case r.in <- u:
		case <-r.stopped:
			return
		}
	}
}

// stop cuts what is on its way and makes every goroutine end.
func (r *run) stop() {
	r.mu.Lock()
	ended := r.ended
	r.mu.Unlock()
	if !ended {
		r.cut(errStopped)
	}
	r.fail(errStopped)
	close(r.stopped)
}

// fail ends the run; the first cause counts.
func (r *run) fail(err error) {
	r.mu.Lock()
	if r.err == nil && !r.ended {
		r.err = err
	}
	r.mu.Unlock()
	signal(r.wake)
	signal(r.settled)
	signal(r.flown)
}

// deliver yields what is settled, in order.
func (r *run) deliver(yield func(migrate.Receipt, error) bool) {
	for {
		r.mu.Lock()
		var front *item
		if len(r.order) > 0 {
			front = r.order[0]
		}
		ready := front != nil && front.done
		star := ready && front.star
		if ready && !star {
			r.order = r.order[1:]
		}
		err, ended := r.err, r.ended
		r.mu.Unlock()
		switch {
		case star && err == nil:
			if err := r.star(front.up.Mailbox); err != nil {
				r.fail(err)
				yield(front.receipt, because(r.outer, err))
				return
			}
		case ready && !star:
			if !yield(front.receipt, front.err) || front.err != nil && !errors.Is(front.err, migrate.ErrRejected) {
				return
			}
		case err != nil:
			rc := migrate.Receipt{}
			if front != nil {
				rc.Upload = front.up
			}
			yield(rc, because(r.outer, err))
			return
		case ended:
			return
		default:
			select {
			case <-r.settled:
			case <-r.outer.Done():
				r.fail(context.Cause(r.outer))
			}
		}
	}
}

// work makes lanes until everything is answered: one, as a rule.
func (r *run) work() {
	redials := 0
	// The engine appends when something is expected to come: the lane's round trips pass while the source's first answer is on its way. A failure
	// counts only once there is something to send.
	_, early := r.t.openLane(r.ctx)
	for {
		first, ok := r.waitForWork()
		if !ok {
			return
		}
		var it *item
		if first != nil {
			if it = r.enqueue(*first); it == nil {
				continue
			}
		}
		var ended bool
		err := early
		if early = nil; err == nil {
			ended, err = r.connection(it, &redials)
		}
		if err != nil {
			r.fail(err)
		}
		if ended || err != nil {
			return
		}
	}
}

// waitForWork waits for the first message, so that no further lane is made for nothing.
func (r *run) waitForWork() (first *migrate.Upload, ok bool) {
	r.mu.Lock()
	pending := len(r.again) > 0
	r.mu.Unlock()
	if pending {
		return nil, true
	}
	select {
	case u, more := <-r.in:
		if more {
			return &u, true
		}
		r.mu.Lock()
		r.ended = true
		r.mu.Unlock()
		signal(r.settled)
	case <-r.stopped:
	}
	return nil, false
}

// connection sends over one lane, until all is answered (ended) or the lane is of no use any more and another must go on.
func (r *run) connection(first *item, redials *int) (ended bool, err error) {
	l, err := r.t.openLane(r.ctx)
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	r.lane, r.sent = l, false
	failed := r.err != nil
	r.mu.Unlock()
	if failed { // stopped meanwhile
		r.t.dropLane(l)
		return false, errStopped
	}
	defer context.AfterFunc(r.ctx, func() { l.w.conn.Close() })()
	var answering sync.WaitGroup
	answering.Go(func() { r.answers(l) })
	s := &sender{run: r, lane: l}
	err = s.send(first)
	r.mu.Lock()
	r.sent = true
	r.mu.Unlock()
	signal(r.flown)
	answering.Wait() // after a failed write, what the server had still to say is read
	if err = r.afterwards(l, err, redials); err == nil {
		r.mu.Lock()
		ended = r.ended
		r.mu.Unlock()
	}
	return ended, err
}

// afterwards says how to go on when a lane's sender and reader have both ended.
func (r *run) afterwards(l *lane, err error, redials *int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lane = nil
	if r.early == nil {
		if r.err != nil {
			err = r.err
		}
		if err != nil {
			r.t.dropLane(l)
		}
		return err
	}
	// The command that was refused in the middle is refused for certain, all of it. Those before it must have been answered.
	c, st := r.early, r.how
	r.early = nil
	before := len(r.flights) > 0 && r.flights[0] != c
	r.flights, r.octets = nil, 0
	r.t.dropLane(l)
	if *redials++; *redials > maxRedials || before {
		return &migrate.Error{Op: "imap append", Subject: c.mailbox, Err: fmt.Errorf("refused in the middle of a command: %w", answered{st})}
	}
	return r.refused(c, st)
}

// enqueue takes an upload in; nil when it is settled by that. What the server would refuse for certain is refused here: an empty message (RFC
// 9051 6.3.12; servers die on the empty literal) and one above its limit.
func (r *run) enqueue(u migrate.Upload) *item {
	it := &item{up: u, octets: u.Message.Body.Len(), longest: maxKeyword}
	it.receipt.Upload = u
	limit := r.t.MaxSize(u.Mailbox)
	switch {
	case it.octets == 0:
		it.err = rejected(u.Mailbox.Name, errors.New("an empty message; IMAP can't store one"))
	case limit > 0 && it.octets > limit:
		it.err = rejected(u.Mailbox.Name, fmt.Errorf("%d octets; the server takes %d at most (APPENDLIMIT)", it.octets, limit))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken++
	it.n = r.taken
	r.order = append(r.order, it)
	if it.err == nil {
		return it
	}
	it.done = true
	signal(r.settled)
	return nil
}
