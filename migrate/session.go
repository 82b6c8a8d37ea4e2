package migrate

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"sync"
)

// session is one connection to each end: list, look, copy, write down.
type session struct {
	*run
	ledger   *ledger
	name     string
	pace     func(context.Context, int64) error // of the source; may be nil
	maildrop string                             // of the source; empty for a store
	source   Source
	target   Target
	ways     ways
	folders  map[string]*folder
	merges   merges
	// occurrences counts the messages without a stable ID by digest, so that twins among them get records of their own.
	occurrences map[Digest]int
	listedIDs   map[uint64]bool // hashes of the stable IDs listed now; nil until somebody asks
	spared      map[int]bool    // by Entry.Seq: recalled by their headers, or, in a dry run, joined
	unnamed     bool            // the listing has messages without a stable ID
	leftByDate  map[string]bool // in a dry run, which writes no records
	shown       uint64          // a hash of the listing before this session's
	planning    bool            // only the ways are wanted
	lookedAtAll bool            // see lookAtAll
	again       bool            // a message has to be fetched that this session held for dealt with
}

// session opens both ends and moves what is new. more says that another session may find more to do.
func (r *run) session(ctx context.Context, src NamedSource) (more bool, err error) {
	answer, cut := r.grace(ctx)
	defer cut()
	pull, stop := context.WithCancel(ctx)
	defer stop()
	s := &session{run: r, ledger: newLedger(r.Account, r.books), name: src.Name, pace: src.Pace, maildrop: src.Maildrop, folders: map[string]*folder{}, occurrences: map[Digest]int{},
		spared: map[int]bool{}, leftByDate: map[string]bool{}}
	r.books.progress.phase("connecting", "")
	if err := s.open(pull, answer, src); err != nil {
		return false, err
	}
	err = s.move(ctx, pull, answer, stop)
	if cerr := s.ledger.commit(); cerr != nil && !errors.Is(err, cerr) {
		err = errors.Join(cerr, err)
	}
	if err != nil {
		stop() // cuts the source: a polite end would tell the server that all was read
	}
	return s.again || s.windowed() && s.shown != r.listing, errors.Join(err, s.close())
}

// grace returns a context that outlives ctx by the account's grace, for answers to what was already sent.
func (r *run) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	answer, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		r.Sleep(answer, r.Grace)
		cut(context.Cause(ctx))
	})
	return answer, func() {
		cut(context.Canceled)
		if !stop() {
			<-over
		}
	}
}

// open connects to both ends at once, which saves the round trips of one.
func (s *session) open(pull, answer context.Context, src NamedSource) error {
	var wg sync.WaitGroup
	var srcErr, tgtErr error
	wg.Go(func() { s.source, srcErr = src.Open(pull) })
	wg.Go(func() {
		if s.target, tgtErr = s.OpenTarget(answer); tgtErr == nil {
			if tgtErr = s.layOut(answer); tgtErr == nil && s.maildrop != "" && !s.planning {
				s.openAhead(answer)
			}
		}
	})
	wg.Wait()
	if err := both(srcErr, tgtErr); err != nil {
		return errors.Join(err, s.close())
	}
	s.opened = true
	s.join.learn(src, s.source)
	return nil
}

// openAhead opens the folder that a maildrop's mail goes to, if it is there, while the source still makes its listing: a server takes a while to count a large
// one. An error is left to whoever needs the folder.
func (s *session) openAhead(ctx context.Context) {
	if w, err := s.wayOf(Entry{}); err == nil && !w.Create && w.Excluded == "" {
		s.folderOf(ctx, Entry{})
	}
}

// both joins the errors of the two ends, with the one in front that no other session would mend: that is the one that counts.
func both(a, b error) error {
	if e := classOf(b); b != nil && (e.Final || e.Scope == ScopeRun) {
		a, b = b, a
	}
	return errors.Join(a, b)
}

func (s *session) close() error {
	var wg sync.WaitGroup
	var srcErr error
	if s.source != nil {
		wg.Go(func() { srcErr = s.source.Close() })
	}
	if s.target != nil {
		wg.Go(func() { s.target.Close() }) // everything it took has been answered for
	}
	wg.Wait()
	return srcErr
}

func (s *session) windowed() bool {
	w, ok := s.source.(Windowed)
	return ok && w.Windowed()
}

// move is the session's way from the listing to the last commit.
func (s *session) move(ctx, pull, answer context.Context, stop func()) error {
	s.books.progress.phase("listing", "")
	if err := s.list(pull); err != nil {
		return err
	}
	if s.books.left().Messages == 0 {
		return nil
	}
	if s.unnamed {
		if err := s.recall(pull); err != nil || s.books.left().Messages == 0 {
			return err
		}
	}
	s.checkRoom(answer)
	if s.DryRun {
		return s.preview(pull, answer)
	}
	if err := s.readDates(pull); err != nil {
		return err
	}
	s.books.progress.phase("copying", "")
	if err := s.copy(ctx, pull, answer, stop); err != nil {
		return err
	}
	return s.settleFolders(answer)
}

// list counts what the source holds, and what of it is new.
func (s *session) list(ctx context.Context) error {
	s.books.relist()
	s.shown, s.listing = s.listing, 0
	defer s.books.show()
	if err := s.route(ctx); err != nil {
		return err
	}
	for e, err := range s.source.Messages(ctx) {
		if err != nil {
			if classOf(err).Scope != ScopeMessage {
				return err
			}
			s.books.unlisted(Problem{Source: s.name, ID: e.ID, Size: e.Size, Outcome: Failed, Reason: err.Error(), Hint: HintOf(err)}, e.tally())
			continue
		}
		s.join.note(s.name, e)
		if e.Partial {
			s.incomplete(e)
			continue
		}
		s.listing += maphash.String(s.seed, e.ID)
		e = s.join.overlay(s.maildrop, e)
		st, rec, f, err := s.standing(ctx, e)
		if err != nil {
			return err
		}
		if st == moved {
			if st, err = s.reclaim(ctx, e, f); err != nil {
				return err
			}
		}
		switch st {
		case fresh:
			spared, err := s.spare(e)
			if err != nil {
				return err
			}
			if !spared {
				s.books.expect(e.tally())
			}
		case uncertain:
			s.books.unlisted(Problem{Source: s.name, ID: e.ID, Subject: rec.Subject, Folder: rec.Folder, Size: e.Size, Date: rec.Date, Outcome: Uncertain, Reason: rec.Reason,
				Hint: hintUncertain}, e.tally())
		case done:
			s.books.listed(Known, e.tally(), "")
		case left:
			why := s.leftOut(e)
			if why == "" {
				why = rec.Reason
			}
			s.books.listed(Skipped, e.tally(), why)
		}
	}
	return s.ledger.commit() // what was reclaimed must be known when the listing is gone through again
}

func (e Entry) tally() Tally { return Tally{1, e.Size} }

// leftOut returns the rule that leaves an entry out before its octets are read, or "".
func (s *session) leftOut(e Entry) string {
	if why := s.Rules.byListing(e); why != "" {
		return why
	}
	if s.Rules.LeaveThrownAway && s.join.thrownAway(s.maildrop, e.ID) {
		return thrownReason
	}
	return s.ways.byKey[folderKey(e.Folder, e.Role)].Excluded
}

// standing asks the store about an entry. The record is as Skim returns it.
func (s *session) standing(ctx context.Context, e Entry) (standing, Record, *folder, error) {
	if s.leftOut(e) != "" {
		return left, Record{}, nil, nil
	}
	if s.spared[e.Seq] {
		return done, Record{}, nil, nil
	}
	if !e.Stable {
		s.unnamed = true
		return fresh, Record{}, nil, nil
	}
	rec, ok, err := s.Store.Skim(s.name, e.ID)
	if err != nil {
		return fresh, rec, nil, stateError(err)
	}
	if !ok {
		return fresh, rec, nil, nil
	}
	f, err := s.folderOf(ctx, e)
	if err != nil {
		return fresh, rec, nil, err
	}
	st := stand(e, rec, ok, f.mb, s.Rules, s.start)
	if st == fresh && s.Filer != nil && rec.Outcome == Skipped && rec.Reason == discardReason(s.FilerName) {
		st = left
	}
	if s.windowed() && (st == done || st == doneNow && rec.Outcome.Done()) {
		st = fresh // it is listed because nobody read it in a session that ended well
	}
	return st, rec, f, nil
}

// reclaim looks for a message that was put into a folder which has been made anew since.
func (s *session) reclaim(ctx context.Context, e Entry, f *folder) (standing, error) {
	if s.DryRun {
		return fresh, nil
	}
	rec, ok, err := s.Store.Record(s.name, e.ID)
	if err != nil || !ok {
		return fresh, stateError(err)
	}
	if err := s.index(ctx, f); err != nil {
		return fresh, err
	}
	matches, err := s.ledger.matches(f, rec.Identity.Envelope)
	if err != nil {
		return fresh, stateError(err)
	}
	for _, m := range matches {
		if !m.Claimed() && m.Size == rec.Size {
			rec.UIDValidity, rec.UID = f.mb.UIDValidity, m.UID
			return done, s.ledger.amendAt(rec, rec.Time)
		}
	}
	return fresh, nil
}

// fresh yields the entries that are to be fetched, as the store knows them now.
func (s *session) fresh(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range s.source.Messages(ctx) {
			if err != nil {
				if classOf(err).Scope == ScopeMessage {
					continue // counted when it was listed
				}
				yield(e, err)
				return
			}
			if e.Partial {
				continue
			}
			e = s.join.overlay(s.maildrop, e)
			st, _, _, err := s.standing(ctx, e)
			if err == nil && st != fresh && st != moved {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// readDates leaves out by date, where a rule asks for it and headers can be had without bodies.
func (s *session) readDates(ctx context.Context) error {
	h, ok := s.source.(HeaderReader)
	if !ok || !s.Rules.dated() {
		return nil
	}
	var failed error
	for m, err := range h.Headers(ctx, s.paced(ctx, s.freshOnly(ctx, &failed), false, &failed)) {
		if err != nil {
			if classOf(err).Scope == ScopeMessage {
				continue // RETR will tell
			}
			return err
		}
		date := internalDate(m.Entry, m.Header, s.Now())
		why := s.Rules.leaveOut(date, 0)
		if why == "" || !m.Stable {
			continue
		}
		if s.DryRun {
			s.leftByDate[m.ID] = true
			s.books.settle(Skipped, m.tally(), why)
			continue
		}
		rec := Record{Source: s.name, ID: m.ID, Outcome: Skipped, Listed: m.Size, Size: m.Size, Date: date, Reason: why}
		if err := s.ledger.record(rec, Skipped, m.tally(), why); err != nil {
			return err
		}
	}
	return errors.Join(failed, s.ledger.commit())
}

// freshOnly is fresh without errors, which end it and are left in *failed, and without messages on which the connection has died too often:
// those have failed, so that the rest can go on.
func (s *session) freshOnly(ctx context.Context, failed *error) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for e, err := range s.fresh(ctx) {
			if err != nil {
				*failed = err
				return
			}
			if s.strikes[RecordKey{s.name, e.ID}] >= strikesGiveUp {
				s.givenUp++
				f := &flight{record: s.recordOf(&Message{Entry: e}), tally: e.tally()}
				if *failed = s.ledger.failed(f, "the connection ended each time that this message was moved", "it is tried again in the next run"); *failed != nil {
					return
				}
				continue
			}
			if !yield(e) {
				return
			}
		}
	}
}

// paced yields entries as the source's Pace lets them be asked for, whole or only their headers. An error of it ends them and is left in *failed.
func (s *session) paced(ctx context.Context, entries iter.Seq[Entry], whole bool, failed *error) iter.Seq[Entry] {
	if s.pace == nil {
		return entries
	}
	return func(yield func(Entry) bool) {
		for e := range entries {
			octets := e.Size
			if !whole {
				octets = 0
			}
			if *failed = s.pace(ctx, octets); *failed != nil || !yield(e) {
				return
			}
		}
	}
}

// checkRoom warns when the target says that it can't take it all. It is not believed any further: quotas are rounded and shared.
func (s *session) checkRoom(ctx context.Context) {
	q, ok := s.target.(Quoter)
	if !ok {
		return
	}
	room, ok, err := q.Room(ctx)
	if left := s.books.left(); err == nil && ok && room < left.Octets {
		s.Log.Warn("the target's quota has less room than there is to copy; it will be filled as far as it goes", "room", room, "octets", left.Octets)
	}
}

// gone says whether a record's message is no longer listed under the ID that the record has.
func (s *session) gone(ctx context.Context, e Entry, m Match) bool {
	if d, n, ok := parseDigestID(m.ID); ok {
		return e.Stable && s.occurrences[d] < n
	}
	if s.listedIDs == nil {
		s.listedIDs = map[uint64]bool{}
		for e, err := range s.source.Messages(ctx) {
			if err == nil && e.Stable {
				s.listedIDs[maphash.String(s.seed, e.ID)] = true
			}
		}
	}
	return !s.listedIDs[maphash.String(s.seed, m.ID)]
}
