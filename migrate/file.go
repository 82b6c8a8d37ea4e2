package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// letter is one copy of a message on its way.
type letter struct {
	message *Message
	record  Record
	tally   Tally // zero for all copies but the one that the message is counted by
}

// filed says whether a Filer is asked about an entry: it is in the inbox.
func filed(e Entry) bool { return len(e.Folder) == 0 && (e.Role == "" || e.Role == RoleInbox) }

// file asks the Filer, if there is one, where the message goes. The copy that the message is counted by comes last: when its record is
// written, the others are there. An empty answer means that the message has been dealt with.
func (s *session) file(ctx context.Context, m *Message, rec Record) ([]letter, error) {
	whole := letter{m, rec, m.tally()}
	if s.Filer == nil || !filed(m.Entry) {
		return []letter{whole}, nil
	}
	if old, ok, err := s.Store.Record(s.name, rec.ID); err != nil || ok && old.Outcome.Done() && sameOctets(old, rec) && !s.Rules.again(old) {
		return []letter{whole}, stateError(err) // done: its folder may have been another when the script was
	}
	v, err := s.Filer.File(ctx, m)
	if ctx.Err() != nil {
		return []letter{whole}, context.Cause(ctx)
	}
	if err != nil {
		why := "the Sieve script: " + err.Error()
		if len(v.Filings) == 0 {
			defer m.Body.Release()
			return nil, s.ledger.failed(&flight{record: rec, tally: whole.tally}, why, "")
		}
		s.books.tell(Problem{Source: s.name, ID: m.ID, Size: rec.Size, Date: rec.Date, Outcome: Copied, Reason: why})
	}
	sent := redirected{outcome: Relayed}
	for _, to := range v.Redirect {
		one, err := s.redirect(ctx, whole, to)
		if err != nil {
			return []letter{whole}, err
		}
		if one.outcome == None { // not now, so that nothing is done with it now
			f := &flight{record: rec, tally: whole.tally, body: m.Body}
			return nil, s.ledger.settled(f, Failed, one.reason, one.hint)
		}
		if one.outcome > sent.outcome {
			sent = one
		}
	}
	switch {
	case len(v.Filings) > 0:
		return s.copies(ctx, whole, v.Filings)
	case len(v.Redirect) > 0 && sent.outcome != Relayed:
		return nil, s.unsent(ctx, whole, sent)
	}
	defer m.Body.Release()
	return nil, s.discard(rec, whole.tally, v)
}

// unsent deals with a message that was to go only where it may not have come: it must not be lost.
func (s *session) unsent(ctx context.Context, l letter, sent redirected) error {
	f := &flight{record: l.record, tally: l.tally, body: l.message.Body, upload: Upload{Message: l.message, Flags: l.message.Flags, Date: l.record.Date}}
	f.record.know(f.body)
	if sent.outcome == Uncertain {
		return s.ledger.settled(f, Uncertain, sent.reason, sent.hint)
	}
	return s.keepLeft(ctx, f, sent.reason, sent.hint)
}

// discard settles a message that the Filer wants nowhere, or only redirected.
func (s *session) discard(rec Record, t Tally, v Verdict) error {
	if len(v.Redirect) > 0 {
		rec.Outcome, rec.Reason = Relayed, "redirected to "+v.Redirect[0]
	} else {
		rec.Outcome, rec.Reason = Skipped, discardReason(s.FilerName)
	}
	return s.ledger.record(rec, rec.Outcome, t, rec.Reason)
}

// discardReason names the script, so that another script is asked again.
func discardReason(filer string) string { return "discarded by " + filer }

// copies makes a letter for each filing.
func (s *session) copies(ctx context.Context, whole letter, filings []Filing) ([]letter, error) {
	var out []letter
	for _, f := range filings[1:] {
		c, err := s.another(ctx, whole, f)
		if err != nil {
			return append(out, whole), err
		}
		out = append(out, c)
	}
	whole.message.filedAs(filings[0])
	return append(out, whole), nil
}

func (m *Message) filedAs(f Filing) {
	m.Folder, m.Role = f.Folder, ""
	m.Flags = append(m.Flags[:len(m.Flags):len(m.Flags)], f.Flags...)
}

// another copies a message for one more folder. It has a record of its own and is not counted.
func (s *session) another(ctx context.Context, of letter, f Filing) (letter, error) {
	m := *of.message
	m.filedAs(f)
	m.Body = s.Pool.NewSpool(ctx)
	if _, err := of.message.Body.WriteTo(m.Body); err != nil {
		m.Body.Release()
		return letter{}, err
	}
	m.Body.Seal()
	rec := of.record
	rec.ID = copyID(rec.ID, f)
	return letter{&m, rec, Tally{}}, nil
}

// redirected is what came of a redirect: Relayed, Failed (refused for good), Uncertain, or None when it can't be done now.
type redirected struct {
	outcome      Outcome
	reason, hint string
}

// redirect relays a message once to one address, as the Filer wants it.
func (s *session) redirect(ctx context.Context, l letter, to string) (redirected, error) {
	rec := l.record
	rec.ID += redirectMark + to
	old, ok, err := s.Store.Record(s.name, rec.ID)
	if err != nil {
		return redirected{}, stateError(err)
	}
	if ok && old.Outcome != Failed && !s.Rules.again(old) {
		return redirected{old.Outcome, old.Reason, hintUncertain}, nil
	}
	if s.Relay == nil {
		return redirected{}, &Error{Op: "redirect", Subject: l.message.ID, Scope: ScopeRun, Final: true,
			Err:  errors.New("the script redirects mail, and there is no relay"),
			Hint: "name one (--relay smtp://…), or take the redirect out of the script"}
	}
	if twin, err := s.outlets.twin(s.run, rec); err != nil || twin != None && !s.KeepTwins {
		return redirected{twin, "the same message was redirected to " + to, hintUncertain}, err
	}
	if err := s.intend(rec); err != nil {
		return redirected{}, err
	}
	err = s.outlets.relay.offer(ctx, s, s.Relay, Upload{Message: l.message, Flags: l.message.Flags, Date: rec.Date, To: []string{to}})
	out := redirected{outcome: Relayed}
	if err != nil {
		out.reason, out.hint = fmt.Sprintf("redirect to %s: %v", to, err), HintOf(err)
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrUncertain), errors.Is(err, ErrPartly):
		out.outcome, out.hint = Uncertain, hintUncertain
	case errors.Is(err, ErrRejected):
		out.outcome = Failed
	case errors.Is(err, errLeftAlone):
		rec.Outcome, rec.Reason = Failed, out.reason
		if err := s.ledger.amendAt(rec, s.Now()); err != nil {
			return out, err
		}
		return out, &Error{Op: "redirect", Subject: l.message.ID, Scope: ScopeRun, Final: true, Err: err, Hint: out.hint}
	default:
		rec.Outcome, rec.Reason, out.outcome = Failed, out.reason, None
		return out, s.ledger.amendAt(rec, s.Now())
	}
	rec.Outcome, rec.Reason = out.outcome, out.reason
	rec.know(l.message.Body)
	s.outlets.leave(rec, out.outcome)
	if err != nil {
		s.books.tell(Problem{Source: s.name, ID: l.message.ID, Subject: rec.Subject, Size: rec.Size, Date: rec.Date, Outcome: rec.Outcome, Reason: rec.Reason, Hint: out.hint})
	}
	return out, s.ledger.amendAt(rec, s.Now())
}

// copyID is the ID of the record of one more copy of a message that a Filer wants, and cutCopy takes it apart.
func copyID(id string, f Filing) string { return id + "\x00" + folderKey(f.Folder, "") }

func cutCopy(id string) (of string, isCopy bool) {
	of, _, isCopy = strings.Cut(id, "\x00")
	return of, isCopy
}
