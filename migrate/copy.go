package migrate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ahead is how many messages may wait between being read and being sent. They, and what they leave of the Pool, are what keeps each of the
// two connections busy while the other one pauses for a round trip.
const ahead = 1000

// copy moves the fresh messages: one goroutine fetches and decides, the target's lane sends, this one writes down what was answered.
func (s *session) copy(ctx, pull, answer context.Context, stop func()) error {
	uploads := make(chan *flight, ahead)
	laneDone := make(chan struct{})
	fetched := make(chan error, 1)
	go func() {
		defer close(uploads)
		fetched <- s.bring(ctx, pull, uploads, laneDone)
	}()
	var tgtErr error
	for r, err := range s.target.Append(answer, func(yield func(Upload) bool) {
		for {
			select {
			case f, ok := <-uploads:
				if !ok {
					return
				}
				if ctx.Err() != nil {
					f.body.Release()
					return
				}
				s.ledger.depart(f)
				if !yield(f.upload) {
					return
				}
			case <-laneDone:
				return
			}
		}
	}) {
		if tgtErr = s.take(r, err); tgtErr != nil {
			close(laneDone) // before the sequence is left: it waits until it gets no more
			stop()          // the source may be in the middle of a body that nobody wants any more
			break
		}
	}
	if tgtErr == nil {
		close(laneDone)
	}
	srcErr := <-fetched
	for f := range uploads {
		f.body.Release()
	}
	unanswered := s.ledger.abandon()
	switch {
	case tgtErr != nil:
		if !endsRun(tgtErr) {
			s.strike(unanswered...)
		}
		return tgtErr
	case srcErr != nil:
		return srcErr
	case len(unanswered) > 0:
		return fmt.Errorf("%d messages were sent and not answered for", len(unanswered))
	}
	return nil
}

func endsRun(err error) bool {
	e := classOf(err)
	return e.Final || e.Scope == ScopeRun
}

// take writes down one answer of the target. What it returns ends the session.
func (s *session) take(r Receipt, err error) error {
	switch {
	case err == nil:
		return s.ledger.landed(r)
	case errors.Is(err, ErrRejected):
		return s.ledger.refused(err)
	}
	return err
}

// bring fetches what is fresh and hands on what has to be uploaded.
func (s *session) bring(ctx, pull context.Context, uploads chan<- *flight, laneDone <-chan struct{}) error {
	var failed error
	for msg, err := range s.source.Fetch(pull, s.freshOnly(pull, &failed)) {
		if err != nil {
			if err := s.unfetched(pull, msg, err); err != nil {
				return err
			}
			continue
		}
		f, err := s.place(pull, msg)
		if err != nil || f == nil {
			msg.Body.Release()
			if err != nil {
				return err
			}
			continue
		}
		s.ledger.await(f)
		select {
		case uploads <- f:
			continue
		case <-laneDone:
		case <-ctx.Done():
		}
		f.body.Release()
		return context.Cause(ctx)
	}
	return failed
}

// unfetched deals with a message that could not be read. What it returns ends the session.
func (s *session) unfetched(pull context.Context, msg *Message, err error) error {
	if classOf(err).Scope == ScopeMessage {
		return s.ledger.failed(&flight{record: s.recordOf(msg), tally: msg.tally()}, err.Error(), HintOf(err))
	}
	if msg != nil && !endsRun(err) && pull.Err() == nil { // otherwise it was we who cut it
		s.strike(RecordKey{s.name, msg.ID}, RecordKey{s.name, msg.ID}) // bodies come one by one: there is no other suspect
	}
	return err
}

func (s *session) recordOf(m *Message) Record {
	r := Record{Source: s.name, ID: m.ID, Identity: m.Identity, Listed: m.Size}
	if m.Body != nil {
		r.Size = m.Body.Len()
	}
	return r
}

// place is one message's way once it has been read: known by its octets, left out, a twin, there already, or to be sent. A nil flight means
// that it has been dealt with.
func (s *session) place(ctx context.Context, m *Message) (*flight, error) {
	rec := s.recordOf(m)
	tally := m.tally()
	if !m.Stable {
		s.occurrences[m.Identity.Digest]++
		rec.ID = digestID(m.Identity.Digest, s.occurrences[m.Identity.Digest])
	}
	dst, err := s.folderOf(ctx, m.Entry)
	if err != nil {
		return nil, err
	}
	if settled, err := s.knownByOctets(rec, tally, dst); settled || err != nil {
		return nil, err
	}
	rec.Date = internalDate(m.Entry, m.Header, s.Now())
	if why := s.Rules.leaveOut(rec.Date, rec.Size); why != "" {
		rec.Outcome, rec.Reason = Skipped, why
		return nil, s.ledger.record(rec, Skipped, tally, why)
	}
	rec.Folder, rec.UIDValidity = dst.mb.Name, dst.mb.UIDValidity
	if err := s.index(ctx, dst); err != nil {
		return nil, err
	}
	f := &flight{record: rec, key: RecordKey{s.name, m.ID}, tally: tally, folder: dst, body: m.Body}
	if !s.KeepTwins && s.ledger.joinTwin(f) {
		return nil, nil
	}
	if settled, err := s.match(ctx, m, f); settled || err != nil {
		return nil, err
	}
	if !dst.mark.Dirty {
		s.ledger.mark(dst, func(k *FolderMark) { k.Dirty = true })
		if err := s.ledger.commit(); err != nil {
			return nil, err
		}
	}
	if rec.Date.IsZero() {
		s.Log.Debug("no date in the message: the server takes the time of the copy", "id", m.ID)
	}
	f.upload = Upload{Mailbox: dst.mb, Message: m, Flags: s.Rules.flags(m.Entry, rec.Date), Date: rec.Date, Alone: s.strikes[f.key] >= strikesAlone}
	return f, nil
}

// knownByOctets settles a message whose record could only be told, or trusted, by what is in it.
func (s *session) knownByOctets(rec Record, t Tally, dst *folder) (bool, error) {
	old, ok, err := s.Store.Record(s.name, rec.ID)
	if err != nil {
		return false, stateError(err)
	}
	if !ok || !old.Outcome.Done() || old.Identity.Digest != rec.Identity.Digest {
		return false, nil
	}
	if old.Folder == dst.mb.Name && old.UIDValidity != dst.mb.UIDValidity {
		return false, nil
	}
	if !old.Time.Before(s.start) {
		s.books.repeated(t)
		return true, nil
	}
	at := old.Time
	s.books.settle(Known, t, "")
	if old.Listed == rec.Listed {
		return true, nil
	}
	old.Listed = rec.Listed
	return true, s.ledger.amendAt(old, at)
}

// match settles a message that the target, or the store, has already.
func (s *session) match(ctx context.Context, m *Message, f *flight) (bool, error) {
	if f.record.Size == 0 {
		return false, nil // canonically it is the same as an empty line, whose place it must not take: no target has an empty message
	}
	matches, err := s.ledger.matches(f.folder, f.record.Identity.Envelope)
	if err != nil || len(matches) == 0 {
		return false, err
	}
	c := candidate{s.name, f.record.Identity, f.record.Size}
	d := decide(c, matches, s.KeepTwins, func(m2 Match) bool { return s.gone(ctx, m.Entry, m2) }, s.bySize)
	rec := f.record
	switch d.action {
	case duplicate:
		rec.Outcome = Duplicate
		return true, s.ledger.record(rec, Duplicate, f.tally, "")
	case adopt:
		return true, s.adopt(rec, f.tally, d.matches[0])
	case rename:
		return true, s.rename(rec, f.tally, d.matches[0])
	case prove:
		found, ok, err := s.prove(ctx, f, d.matches)
		if err != nil || !ok {
			return false, err
		}
		return true, s.adopt(rec, f.tally, found)
	}
	return false, nil
}

func (s *session) adopt(rec Record, t Tally, m Match) error {
	rec.Outcome, rec.UID = Adopted, m.UID
	if !m.Claimed() {
		return s.ledger.record(rec, Adopted, t, "")
	}
	// The other record took it for its own by size alone, and was wrong: that one has to be copied yet.
	old, err := s.recordFor(m)
	if err != nil {
		return err
	}
	s.books.unsettle(old.Outcome, !old.Time.Before(s.start), Tally{1, old.Listed})
	s.again = true
	return s.ledger.record(rec, Adopted, t, "", RecordKey{m.Source, m.ID})
}

// recordFor returns the record that has claimed m.
func (s *session) recordFor(m Match) (Record, error) {
	rec, ok, err := s.Store.Record(m.Source, m.ID)
	if err == nil && !ok {
		err = fmt.Errorf("the record of %q is not there, though it has claimed UID %d", m.ID, m.UID)
	}
	return rec, stateError(err)
}

// rename moves a record to the ID that the source has given its message since.
func (s *session) rename(rec Record, t Tally, m Match) error {
	old, err := s.recordFor(m)
	if err != nil {
		return err
	}
	s.Log.Debug("the source lists a known message under a new ID", "was", old.ID, "is", rec.ID)
	key := RecordKey{old.Source, old.ID}
	old.ID, old.Listed = rec.ID, rec.Listed
	return s.ledger.record(old, Known, t, "", key)
}

// prove reads the candidates on the target and returns the first that is the same message.
func (s *session) prove(ctx context.Context, f *flight, candidates []Match) (Match, bool, error) {
	t, ok := s.target.(Indexer)
	if !ok {
		return Match{}, false, nil
	}
	want, err := likeness(f.body)
	if err != nil {
		return Match{}, false, err
	}
	for _, m := range candidates {
		if m.UID == 0 {
			continue
		}
		w := newLikenessWriter()
		if err := t.Read(ctx, f.folder.mb, m.UID, w); err != nil {
			if classOf(err).Scope == ScopeMessage {
				continue // it was expunged meanwhile
			}
			return Match{}, false, err
		}
		if w.sum() == want {
			return m, true, nil
		}
	}
	return Match{}, false, nil
}

// bySize says whether a record may have taken its message on the target on the word of its size.
func (s *session) bySize(m Match) bool {
	rec, ok, err := s.Store.Record(m.Source, m.ID)
	return err == nil && ok && rec.Outcome == Adopted
}

const digestIDPrefix = "sha256:"

// digestID is the record key of the n-th message of a session with this digest, where the source has no stable ID for it.
func digestID(d Digest, n int) string { return fmt.Sprintf("%s%s#%d", digestIDPrefix, d, n) }

func parseDigestID(id string) (d Digest, n int, ok bool) {
	hexa, count, ok := strings.Cut(strings.TrimPrefix(id, digestIDPrefix), "#")
	if !ok || !strings.HasPrefix(id, digestIDPrefix) || len(hexa) != 2*len(d) {
		return d, 0, false
	}
	if _, err := hex.Decode(d[:], []byte(hexa)); err != nil {
		return d, 0, false
	}
	n, ok = digits(count)
	return d, n, ok
}
