package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// leftover deals with a message that the target has refused for good: it is relayed, or kept, or has failed.
func (s *session) leftover(ctx context.Context, f *flight, refusal error) error {
	reason, hint := refusal.Error(), HintOf(refusal)
	f.record.know(f.body)
	if settled, err := s.leftBefore(f); settled || err != nil {
		return err
	}
	if s.Relay != nil {
		if err := s.intend(f.record); err != nil {
			return err
		}
		err := s.outlets.relay.offer(ctx, s, s.Relay, f.upload)
		switch {
		case err == nil:
			s.outlets.leave(f.record, Relayed)
			return s.ledger.settled(f, Relayed, reason, "")
		case errors.Is(err, ErrUncertain), errors.Is(err, ErrPartly):
			s.outlets.leave(f.record, Uncertain)
			return s.ledger.settled(f, Uncertain, fmt.Sprintf("%s; the relay: %v", reason, err), hintUncertain)
		case !errors.Is(err, ErrRejected) && !errors.Is(err, errCeiling): // not now
			return s.ledger.settled(f, Failed, fmt.Sprintf("%s; the relay: %v", reason, err), HintOf(err))
		}
		reason = fmt.Sprintf("%s; the relay: %v", reason, err)
		if errors.Is(err, errCeiling) {
			hint = hintCeiling
		}
	}
	return s.keepLeft(ctx, f, reason, hint)
}

// keepLeft keeps what nobody takes, or leaves it on the source.
func (s *session) keepLeft(ctx context.Context, f *flight, reason, hint string) error {
	switch {
	case f.whole:
		s.outlets.leave(f.record, Kept)
		return s.ledger.settled(f, Kept, reason, hint)
	case s.Keep != nil:
		err := s.outlets.keep.offer(ctx, s, s.Keep, f.upload)
		if err == nil {
			s.outlets.leave(f.record, Kept)
			return s.ledger.settled(f, Kept, reason, hint)
		}
		reason, hint = fmt.Sprintf("%s; it could not be kept: %v", reason, err), HintOf(err)
	}
	return s.ledger.settled(f, Failed, reason, hint)
}

// full says whether a target that is a relay has had as many messages as a run may relay.
func (s *session) full() bool {
	return s.Landing == Relayed && s.RelayMax > 0 && s.outlets.landed.Load()+s.ledger.underWay() >= int64(s.RelayMax)
}

// beyond deals with a message that is one too many for the relay that the target is.
func (s *session) beyond(ctx context.Context, f *flight) error {
	s.ledger.withdraw(f)
	f.record.know(f.body)
	return s.keepLeft(ctx, f, ceiling(s.RelayMax).Error(), hintCeiling)
}

// relayedTo is what an answer makes of a message, when the target is a relay and may have it.
func (s *session) relayedTo(err error) Outcome {
	switch {
	case s.Landing != Relayed:
		return None
	case err == nil:
		s.outlets.landed.Add(1)
		return Relayed
	case errors.Is(err, ErrPartly), errors.Is(err, ErrUncertain):
		s.outlets.landed.Add(1)
		return Uncertain
	}
	return None
}

// errCeiling says that no more may be relayed in this run.
var errCeiling = errors.New("no more may be relayed in this run")

const hintCeiling = "raise the ceiling, or retry what was kept in another run"

func ceiling(limit int) error { return fmt.Errorf("%w: there have been %d", errCeiling, limit) }

// wholeID is the end of the ID of a record that tells where the whole of a stripped message is kept. StrippedReason begins the Reason of the other one.
const (
	wholeID        = "\x00whole"
	StrippedReason = "without "
)

// Whole says whether a record tells where the whole of a message is kept whose lighter form the target has.
func (r Record) Whole() bool { return strings.HasSuffix(r.ID, wholeID) }

// Redirect says whether a record is about one redirect of a message, which has a record of its own.
func (r Record) Redirect() bool { return strings.Contains(r.ID, redirectMark) }

// strip puts a lighter message in the place of one that has too much in it, once the whole of it is kept. What can't be kept isn't stripped.
func (s *session) strip(ctx context.Context, m *Message, rec *Record) (stripped bool, err error) {
	if s.Strip == nil || s.Keep == nil {
		return false, nil
	}
	lighter, left, err := s.Strip(ctx, m.Body)
	if err != nil || lighter == nil {
		return false, err
	}
	whole := *rec
	whole.know(m.Body)
	if err := s.outlets.keep.offer(ctx, s, s.Keep, Upload{Message: m, Flags: m.Flags, Date: rec.Date}); err != nil {
		s.books.tell(Problem{Source: s.name, ID: m.ID, Subject: whole.Subject, Folder: m.Folder.String(), Size: m.Body.Len(), Date: rec.Date, Outcome: Copied,
			Reason: "it goes up whole, since it could not be kept: " + err.Error(), Hint: HintOf(err)})
		return false, lighter.Release()
	}
	id, _ := lighter.Seal()
	whole.ID += wholeID
	whole.Outcome, whole.Reason = Kept, "the target has it "+StrippedReason+left
	rec.Size, rec.Reason, rec.Identity.Envelope = lighter.Len(), StrippedReason+left, id.Envelope
	s.books.tell(Problem{Source: s.name, ID: m.ID, Subject: whole.Subject, Folder: m.Folder.String(), Size: m.Body.Len(), Date: rec.Date, Outcome: Copied,
		Reason: whole.Reason + "; the whole message is kept"})
	m.Body.Release()
	m.Body = lighter
	return true, s.ledger.amendAt(whole, s.Now())
}

// intend writes down, durably, that a message is about to be sent to a relay, which can't be asked afterwards whether it has it. A run that is killed
// before the answer is written leaves it uncertain, and nobody gets it twice.
func (s *session) intend(rec Record) error {
	rec.Outcome, rec.Reason = Uncertain, "it was being sent to the relay when the run ended"
	if err := s.ledger.amendAt(rec, s.Now()); err != nil {
		return err
	}
	return s.ledger.commit()
}

// leftBefore settles a leftover whose twin was one, in this run or an earlier one: nobody wants the same message relayed twice, or kept twice in
// one folder.
func (s *session) leftBefore(f *flight) (bool, error) {
	if s.KeepTwins {
		return false, nil
	}
	o, err := s.outlets.twin(s.run, f.record)
	switch {
	case err != nil || o == None:
		return false, err
	case o == Uncertain:
		return true, s.ledger.settled(f, Uncertain, "the same message was sent to the relay, which never answered", hintUncertain)
	}
	f.body.Release()
	rec := f.record
	rec.Outcome, rec.UID = Duplicate, 0
	return true, s.ledger.record(rec, Duplicate, f.tally, "")
}

// leftKey is what makes two leftovers the same: the digest, and for a kept one its folder, for a redirected one the recipient.
type leftKey struct {
	digest Digest
	where  string
}

// redirectMark stands in the ID of a record of a redirect, between the message's own and the recipient.
const redirectMark = "\x00redirect\x00"

// keyOfLeft returns the key of a record that may be a leftover's.
func keyOfLeft(rec Record, what Outcome) (k leftKey, ok bool) {
	k.digest = rec.Identity.Digest
	if _, to, is := strings.Cut(rec.ID, redirectMark); is {
		k.where = redirectMark + to
		return k, what != Failed
	}
	if what == Kept {
		k.where = rec.Folder
	}
	return k, (what == Relayed || what == Kept || what == Uncertain) && !rec.Whole()
}

// twin returns what became of a message of the same digest that the target didn't get, or None. Given a redirect's record, it is about redirects to
// the same recipient.
func (o *outlets) twin(r *run, rec Record) (Outcome, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.load(r); err != nil {
		return None, err
	}
	k, _ := keyOfLeft(rec, Relayed)
	if was := o.left[k]; was != None || k.where != "" {
		return was, nil
	}
	k.where = rec.Folder
	return o.left[k], nil
}

func (o *outlets) load(r *run) error {
	if o.left != nil {
		return nil
	}
	left := map[leftKey]Outcome{}
	for _, src := range r.Sources {
		for rec, err := range r.Store.Records(src.Name) {
			if err != nil {
				return stateError(err)
			}
			if k, ok := keyOfLeft(rec, rec.Outcome); ok && !r.Rules.again(rec) {
				left[k] = rec.Outcome
			}
		}
	}
	o.left = left
	return nil
}

// leave notes what became of a leftover, for its twins.
func (o *outlets) leave(rec Record, what Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if k, ok := keyOfLeft(rec, what); ok && o.left != nil {
		o.left[k] = what
	}
}

const hintUncertain = "ask the recipient whether it has come; poplift retry --id sends it again"

// outlets are where leftovers go, opened when the first one comes and for the whole run.
type outlets struct {
	relay, keep outlet
	landed      atomic.Int64 // messages of this run that the target took, when that is a relay
	foreseen    int          // messages that a dry run would relay

	mu   sync.Mutex
	left map[leftKey]Outcome // leftovers of all runs; nil until there is one
}

func (o *outlets) close() error { return errors.Join(o.relay.close(), o.keep.close()) }

// outlet is one of them. It is used by the goroutine that takes receipts, and for redirected mail by the one that fetches.
type outlet struct {
	mu     sync.Mutex
	target Target
	end    context.CancelFunc // of the target's connection
	ways   ways
	max    int // 0 is no bound
	taken  int // messages of this run, those that may have been among them
	deaths int
	broken error // it is not opened again in this run
}

// maxDeaths is how often a relay may break off before it is left alone for the rest of the run.
const maxDeaths = 3

// errLeftAlone is what an outlet says once it has failed for good. The messages that it is said of were not sent, whatever became of those before.
var errLeftAlone = errors.New("left alone for the rest of this run")

// offer sends one message and waits for the answer.
func (o *outlet) offer(ctx context.Context, s *session, open func(context.Context) (Target, error), u Upload) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.max > 0 && o.taken >= o.max {
		return ceiling(o.max)
	}
	if err := o.open(ctx, open); err != nil {
		return err
	}
	var err error
	if u.Mailbox, err = o.mailbox(ctx, s, u.Message.Entry); err != nil {
		return err
	}
	answered := false
	for _, err = range o.target.Append(ctx, func(yield func(Upload) bool) { yield(u) }) {
		answered = true
	}
	if !answered && err == nil {
		err = errors.New("no answer")
	}
	uncertain := errors.Is(err, ErrUncertain)
	if err == nil || uncertain || errors.Is(err, ErrPartly) {
		o.taken++
	}
	if err == nil || errors.Is(err, ErrPartly) && !uncertain || errors.Is(err, ErrRejected) || classOf(err).Scope == ScopeMessage && !uncertain {
		return err
	}
	o.deaths++ // the session has ended
	if e := classOf(err); e.Final || e.Scope == ScopeRun || o.deaths >= maxDeaths {
		o.leaveAlone(err)
	}
	o.hangUp()
	return err
}

func (o *outlet) leaveAlone(err error) {
	o.broken = &Error{Op: "open", Scope: ScopeRun, Hint: HintOf(err), Err: fmt.Errorf("%w: %v", errLeftAlone, err)} // %v: it is not said of the same message
}

// open opens the target once. The connection outlives the session that needs it first, but not ctx as long as it is being made.
func (o *outlet) open(ctx context.Context, open func(context.Context) (Target, error)) error {
	if o.broken != nil || o.target != nil {
		return o.broken
	}
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
	t, err := open(life)
	if !stop() && err == nil {
		t.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		end(nil)
		o.leaveAlone(err)
		return err
	}
	o.target, o.end, o.ways = t, func() { end(nil) }, ways{byKey: map[string]Way{}}
	if l, ok := t.(Layouter); ok {
		o.ways.layout, err = l.Layout(ctx)
	}
	return err
}

// mailbox is where a leftover goes: a relay has no folders.
func (o *outlet) mailbox(ctx context.Context, s *session, e Entry) (Mailbox, error) {
	t, ok := o.target.(Opener)
	if !ok {
		return Mailbox{Name: e.Folder.String()}, nil
	}
	w, err := o.ways.of(s.Router, s.name, e)
	if err != nil {
		return Mailbox{}, err
	}
	return t.OpenNamed(ctx, w.Name, w.Role)
}

func (o *outlet) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hangUp()
}

func (o *outlet) hangUp() error {
	if o.target == nil {
		return nil
	}
	err := o.target.Close()
	o.end()
	o.target = nil
	return err
}
