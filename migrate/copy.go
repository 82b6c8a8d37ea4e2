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
	var tgtErr, heldErr error
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
				if s.full() {
					if heldErr = s.beyond(answer, f); heldErr != nil {
						return
					}
					continue
				}
				if s.Pace != nil {
					if heldErr = s.Pace(ctx, f.body.Len()); heldErr != nil {
						f.body.Release()
						return
					}
				}
				if s.Landing == Relayed {
					if heldErr = s.intend(f.record); heldErr != nil {
						f.body.Release()
						return
					}
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
		if tgtErr = s.take(answer, r, err); tgtErr != nil {
			close(laneDone) // before the sequence is left: it waits until it gets no more
			stop()          // the source may be in the middle of a body that nobody wants any more
			break
		}
	}
	if tgtErr == nil {
		if tgtErr = heldErr; tgtErr != nil {
			stop() // what was fetched ahead may hold all the memory that the source waits for
		}
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
	for _, m := range s.ledger.lateMerges() {
		if err := s.merge(answer, m); err != nil {
			return err
		}
	}
	return s.flushMerges(answer)
}

func endsRun(err error) bool {
	e := classOf(err)
	return e.Final || e.Scope == ScopeRun
}

// take writes down one answer of the target. What it returns ends the session.
func (s *session) take(ctx context.Context, r Receipt, err error) error {
	if what := s.relayedTo(err); what != None { // before the message is off the ledger's list, so that a twin finds one or the other
		s.outlets.leave(Record{Identity: r.Upload.Message.Identity}, what)
	}
	switch {
	case err == nil:
		return s.ledger.landed(r)
	case errors.Is(err, ErrPartly): // before ErrRejected, which those who don't have it can mean
		return s.ledger.settled(s.ledger.arrived(), Uncertain, err.Error(), hintUncertain)
	case errors.Is(err, ErrUncertain):
		return errors.Join(s.ledger.settled(s.ledger.arrived(), Uncertain, err.Error(), hintUncertain), err)
	case errors.Is(err, ErrRejected):
		return s.leftover(ctx, s.ledger.arrived(), err)
	case classOf(err).Scope == ScopeMessage: // not now, says a relay
		return s.ledger.settled(s.ledger.arrived(), Failed, err.Error(), HintOf(err))
	}
	return err
}

// bring fetches what is fresh and hands on what has to be uploaded.
func (s *session) bring(ctx, pull context.Context, uploads chan<- *flight, laneDone <-chan struct{}) error {
	send := func(f *flight) error {
		s.ledger.await(f)
		select {
		case uploads <- f:
			return nil
		case <-laneDone:
		case <-ctx.Done():
		}
		f.body.Release()
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return errLaneDone
	}
	var failed error
	for msg, err := range s.source.Fetch(pull, s.paced(pull, s.freshOnly(pull, &failed), true, &failed)) {
		if err != nil {
			if err := s.unfetched(pull, msg, err); err != nil {
				return err
			}
			continue
		}
		if err := s.place(pull, msg, send); err != nil {
			if errors.Is(err, errLaneDone) {
				return nil // the lane's own error says why
			}
			return err
		}
	}
	if failed != nil {
		return failed
	}
	return s.flushMerges(pull)
}

// errLaneDone says that the target takes no more in this session.
var errLaneDone = errors.New("the target takes no more")

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

// place is one message's way once it has been read: known by its octets, left out, a twin, there already, or to be sent. A Filer can make
// several copies of one. The body goes with what is sent, or is released here.
func (s *session) place(ctx context.Context, m *Message, send func(*flight) error) error {
	rec := s.recordOf(m)
	if !m.Stable {
		s.occurrences[m.Identity.Digest]++
		rec.ID = digestID(m.Identity.Digest, s.occurrences[m.Identity.Digest])
	}
	rec.Date = internalDate(m.Entry, m.Header, s.Now())
	copies, err := s.file(ctx, m, rec)
	for i, c := range copies {
		var f *flight
		if err == nil {
			f, err = s.placeCopy(ctx, c)
		}
		if f == nil {
			c.message.Body.Release()
			continue
		}
		err = send(f)
		for _, rest := range copies[i+1:] {
			if err != nil {
				rest.message.Body.Release()
			}
		}
		if err != nil {
			return err
		}
	}
	return err
}

// placeCopy settles one copy of a message, or returns what is to be sent.
func (s *session) placeCopy(ctx context.Context, c letter) (*flight, error) {
	m, rec := c.message, c.record
	dst, err := s.folderOf(ctx, m.Entry)
	if err != nil {
		return nil, err
	}
	if settled, err := s.knownByOctets(rec, c.tally, dst); settled || err != nil {
		return nil, err
	}
	if why := s.Rules.leaveOut(rec.Date, rec.Size); why != "" {
		rec.Outcome, rec.Reason = Skipped, why
		return nil, s.ledger.record(rec, Skipped, c.tally, why)
	}
	if there, err := s.elsewhere(rec.Identity.Digest); there || err != nil {
		if err == nil {
			rec.Outcome = Duplicate
			err = s.ledger.record(rec, Duplicate, c.tally, joinedReason)
		}
		return nil, err
	}
	stripped, err := s.strip(ctx, m, &rec)
	if err != nil {
		return nil, err
	}
	rec.Folder, rec.UIDValidity = dst.mb.Name, dst.mb.UIDValidity
	if err := s.index(ctx, dst); err != nil {
		return nil, err
	}
	f := &flight{record: rec, key: RecordKey{s.name, m.ID}, tally: c.tally, folder: dst, body: m.Body, flags: s.Rules.flags(m.Entry, rec.Date), whole: stripped}
	if !s.KeepTwins && s.ledger.joinTwin(f) {
		return nil, nil
	}
	if settled, err := s.match(ctx, m, f); settled || err != nil {
		return nil, err
	}
	if s.Landing == Relayed {
		if settled, err := s.leftBefore(f); settled || err != nil {
			return nil, err
		}
	}
	if !dst.mark.Dirty {
		s.ledger.mark(dst, func(k *FolderMark) { k.Dirty = true })
		if err := s.ledger.commit(); err != nil {
			return nil, err
		}
	}
	s.Log.Debug("to be sent", "id", m.ID, "folder", dst.mb.Name, "date", dateRule(m, rec.Date))
	f.upload = Upload{Mailbox: dst.mb, Message: m, Flags: f.flags, Date: rec.Date, Alone: s.strikes[f.key] >= strikesAlone}
	return f, nil
}

// knownByOctets settles a message whose record could only be told, or trusted, by what is in it.
func (s *session) knownByOctets(rec Record, t Tally, dst *folder) (bool, error) {
	old, ok, err := s.Store.Record(s.name, rec.ID)
	if err != nil {
		return false, stateError(err)
	}
	if !ok || !old.Outcome.Done() || !sameOctets(old, rec) || s.Rules.again(old) {
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

// sameOctets says whether a message is the one that its ID had a record of. Digests of other rules can't be compared; then it is the ID and the
// exact size.
func sameOctets(old, rec Record) bool {
	if old.Identity.Version == rec.Identity.Version {
		return old.Identity.Digest == rec.Identity.Digest
	}
	return old.Size == rec.Size
}

// match settles a message that the target, or the store, has already.
func (s *session) match(ctx context.Context, m *Message, f *flight) (bool, error) {
	if f.record.Size == 0 {
		return false, nil // canonically it is the same as an empty line, whose place it must not take: no target has an empty message
	}
	if err := s.settleMerges(ctx, f.record.Identity.Envelope); err != nil {
		return false, err
	}
	matches, err := s.ledger.matches(f.folder, f.record.Identity.Envelope)
	if err != nil || len(matches) == 0 {
		return false, err
	}
	c := candidate{s.name, f.record.Identity, f.record.Size}
	gone := func(m2 Match) bool { return s.gone(ctx, m.Entry, m2) }
	d := decide(c, matches, s.KeepTwins, gone, s.bySize)
	switch d.action {
	case duplicate:
		return true, s.isDuplicate(ctx, f, d.matches[0])
	case adopt:
		return true, s.adopt(ctx, f, d.matches[0])
	case rename:
		return true, s.rename(f.record, f.tally, d.matches[0])
	case prove, reprove:
		found, ok, err := s.prove(ctx, f, d.matches)
		switch {
		case err != nil || !ok:
			return false, err
		case d.action == prove:
			return true, s.adopt(ctx, f, found)
		case found.Source == s.name && gone(found):
			return true, s.rename(f.record, f.tally, found)
		}
		return true, s.isDuplicate(ctx, f, found)
	}
	return false, nil
}

// isDuplicate settles a message whose twin lies at m.
func (s *session) isDuplicate(ctx context.Context, f *flight, m Match) error {
	rec := f.record
	rec.Outcome = Duplicate
	return s.merge(ctx, merge{record: rec, outcome: Duplicate, tally: f.tally, folder: f.folder, uid: m.UID, flags: f.flags})
}

// adopt settles a message that lies at m already, where nobody answers for it.
func (s *session) adopt(ctx context.Context, f *flight, m Match) error {
	rec := f.record
	rec.Outcome, rec.UID = Adopted, m.UID
	a := merge{record: rec, outcome: Adopted, tally: f.tally, folder: f.folder, uid: m.UID, flags: f.flags}
	if !m.Claimed() {
		return s.merge(ctx, a)
	}
	// The other record took it for its own by size alone, and was wrong: that one has to be copied yet.
	old, err := s.recordFor(m)
	if err != nil {
		return err
	}
	s.books.unsettle(old.Outcome, !old.Time.Before(s.start), Tally{1, old.Listed})
	s.again = true
	a.forget = []RecordKey{{m.Source, m.ID}}
	return s.merge(ctx, a)
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
