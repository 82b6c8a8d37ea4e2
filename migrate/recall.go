package migrate

import (
	"context"
	"iter"
)

// recall looks for messages without a stable ID among those that earlier runs have read, by their headers alone, so that a server without UIDL
// need not send all of its mail at every poll.
//
// What TOP yields is never an identity: servers cut it, change it, and two bodies can share a header. It is taken as a hint that is strong enough
// to spare a RETR only when every octet of the header is the same, a Message-ID and a Received among them, and the announced size as well. A
// message that TOP tells nothing about, or something else, is read.
func (s *session) recall(ctx context.Context) error {
	h, ok := s.source.(HeaderReader)
	if !ok {
		return nil
	}
	var failed error
	for m, err := range h.Headers(ctx, s.paced(ctx, s.unstable(ctx, &failed), false, &failed)) {
		if err != nil {
			if classOf(err).Scope == ScopeMessage {
				continue // RETR will tell
			}
			return err
		}
		rec, ok, err := s.recalled(ctx, m)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		s.occurrences[rec.Identity.Digest]++
		s.spared[m.Seq] = true
		if rec.Time.Before(s.start) {
			s.books.settle(Known, m.tally(), "")
		} else {
			s.books.repeated(m.tally())
		}
	}
	return failed
}

// unstable yields the fresh entries that could be recalled at all.
func (s *session) unstable(ctx context.Context, failed *error) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for e := range s.freshOnly(ctx, failed) {
			if !e.Stable && e.Size > 0 && !yield(e) {
				return
			}
		}
	}
}

// recalled returns the record of the message that has this header.
func (s *session) recalled(ctx context.Context, m *Message) (Record, bool, error) {
	if !m.Identity.Envelope.HasMessageID() || m.Header.Received.IsZero() {
		return Record{}, false, nil
	}
	dst, err := s.folderOf(ctx, m.Entry)
	if err != nil {
		return Record{}, false, err
	}
	matches, err := s.ledger.matches(dst, m.Identity.Envelope)
	if err != nil {
		return Record{}, false, stateError(err)
	}
	for _, like := range matches {
		if like.Source != s.name {
			continue
		}
		rec, ok, err := s.Store.Record(s.name, digestID(like.Digest, s.occurrences[like.Digest]+1))
		if err != nil {
			return Record{}, false, stateError(err)
		}
		if ok && rec.Outcome.Done() && rec.Identity.Header == m.Identity.Header && rec.Listed == m.Size && rec.UIDValidity == dst.mb.UIDValidity {
			return rec, true, nil
		}
	}
	return Record{}, false, nil
}
