package migrate

import (
	"context"
	"fmt"
)

// preview counts what a run would do. Bodies are not read, so that what the target has already without our knowing counts as to be copied, and of
// what it will refuse only what it says itself is known: a size.
func (s *session) preview(ctx, answer context.Context) error {
	if err := s.readDates(ctx); err != nil {
		return err
	}
	for e, err := range s.fresh(ctx) {
		if err != nil {
			return err
		}
		if s.leftByDate[e.ID] {
			continue
		}
		dst, err := s.folderOf(ctx, e)
		if err != nil {
			return err
		}
		s.foresee(answer, e, dst)
	}
	return nil
}

// foresee counts one message. Who would get mail is told of each single one, because a mistake there can't be taken back.
func (s *session) foresee(ctx context.Context, e Entry, dst *folder) {
	limit := maxSize(s.target, dst.mb)
	tooBig := limit > 0 && e.Size > limit
	if !tooBig && s.Landing != Relayed || tooBig && s.Strip != nil && s.Keep != nil { // the latter may be light enough once it is stripped
		s.books.settle(Copied, e.tally(), "")
		return
	}
	why, detail, what := "", "", Relayed
	if tooBig {
		why = fmt.Sprintf("larger than the %d octets that the target takes", limit)
	}
	switch {
	case s.Landing == Relayed && tooBig, s.Landing != Relayed && s.Relay == nil:
		what = Kept
	case s.RelayMax > 0 && s.outlets.foreseen >= s.RelayMax:
		what, detail = Kept, ceiling(s.RelayMax).Error()
	case s.Landing != Relayed:
		what, detail = s.foreseeRelay(ctx, e)
	}
	if what == Kept && s.Keep == nil {
		what = Failed
	}
	if what == Relayed {
		s.outlets.foreseen++
		detail = "to be relayed to " + s.RelayTo
	}
	if why == "" {
		why, detail = detail, ""
	}
	s.books.settle(what, e.tally(), why)
	if detail != "" {
		detail = "; " + detail
	}
	s.books.tell(Problem{Source: s.name, ID: e.ID, Folder: dst.mb.Name, Size: e.Size, Date: e.Date, Outcome: what, Reason: why + detail})
}

// foreseeRelay asks the relay, which is logged in to for it, how much it takes.
func (s *session) foreseeRelay(ctx context.Context, e Entry) (what Outcome, detail string) {
	o := &s.outlets.relay
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.open(ctx, s.Relay); err != nil {
		return Failed, fmt.Sprintf("the relay: %v", err)
	}
	if limit := maxSize(o.target, Mailbox{}); limit > 0 && e.Size > limit {
		return Kept, fmt.Sprintf("the relay takes %d octets", limit)
	}
	return Relayed, ""
}

// maxSize is what a target says to take at most, in octets; 0 when it doesn't say.
func maxSize(t Target, mb Mailbox) int64 {
	if l, ok := t.(Limiter); ok {
		return l.MaxSize(mb)
	}
	return 0
}
