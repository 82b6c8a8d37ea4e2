package migrate

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
)

// Verification is what a comparison of sources, store and target found.
type Verification struct {
	// Listed is what the sources list. It is the sum of Placed, Relayed, Kept, Left and Missing.
	Listed Tally
	// Placed have a record that says that the target has them; Relayed and Kept went elsewhere; Left were left out by a rule.
	Placed, Relayed, Kept, Left Tally
	// Missing are on the source and nowhere else.
	Missing Tally
	// Expected counts the messages that records claim on the target. It is the sum of Found, which lie where they were put, Moved, which lie in another
	// folder now, or under another UID, and Gone, which are nowhere on the target: somebody deleted them.
	Expected, Found, Moved, Gone int64
	// Resized lie there with another size than was stored: a server that rewrites mail.
	Resized int64
	// Flagged counts the found messages that have flags in the source, or by a rule, and whose flags on the target were read; FlagsDiffer those
	// among them that lack one. Flags that only the target has are no difference: the user has read the mail since.
	Flagged, FlagsDiffer int64
	// Read counts the messages whose octets were read from the target and compared; Altered those that were others.
	Read, Altered int64
	// Folders are the target's folders that mail was brought to, in order of name.
	Folders  []VerifiedFolder
	Problems []Problem
	// Dropped counts the problems beyond MaxProblems.
	Dropped int
}

// VerifiedFolder is one folder of the target. The counts are those of the Verification.
type VerifiedFolder struct {
	Name string
	// Messages lie there, whoever put them.
	Messages                     int64
	Expected, Found, Moved, Gone int64
	Flagged, FlagsDiffer         int64
}

// Unsafe says why the sources can't be switched off without a loss, a sentence each. Nothing says that they can.
func (v Verification) Unsafe() (why []string) {
	say := func(n int64, one, more string) {
		switch {
		case n == 1:
			why = append(why, one)
		case n > 1:
			why = append(why, fmt.Sprintf(more, n))
		}
	}
	say(v.Missing.Messages, "1 message is on the source only", "%d messages are on the source only")
	say(v.Altered, "1 message on the target differs from what was copied", "%d messages on the target differ from what was copied")
	say(v.Gone, "1 copied message is not on the target any more: somebody deleted it", "%d copied messages are not on the target any more: somebody deleted them")
	say(v.Kept.Messages, "1 message lies in the dead-letter tree", "%d messages lie in the dead-letter tree")
	return why
}

// verifier is one Verify at work. verifytarget.go has what it asks the target.
type verifier struct {
	*run
	t      Target
	v      Verification
	sample uint32 // of 1<<32 - 1
	claims map[string]*claimed
	flags  flagSets
	twins  map[twin]flagSet // flags that duplicates have brought to what lies there
	strays []stray
}

// claimed is what records say of one folder.
type claimed struct {
	validity uint32
	byUID    map[uint32]claimant
	// elsewhere are those without a UID that holds: the server never told one, or the folder was made anew since.
	elsewhere []stray
	taken     map[uint32]bool // UIDs of what was found to be one of those; nil is none
}

func (c *claimed) take(uid uint32) {
	if c.taken == nil {
		c.taken = map[uint32]bool{}
	}
	c.taken[uid] = true
}

type claimant struct {
	source, id string
	size       int64
	digest     Digest
	flags      flagSet // that it must have
	exact      bool    // copied as it was, with a digest of today's rules
	filed      bool    // a Filer was asked about it
	found      bool
}

// twin names what a duplicate is a duplicate of.
type twin struct {
	folder string
	digest Digest
}

// asListed is what a listing says of a message that a record doesn't.
type asListed struct {
	flags flagSet
	inbox bool
}

// Verify compares what the sources list with the store and with the target, and writes nothing. Of the messages that the target has, the part
// sample (0 to 1) is read whole and compared by content; which ones depends on their IDs only, so that the same are read each time.
//
// A record says where a message was put; when another map of the user's would put it elsewhere today, that is no fault. Flags are those that
// a copy would set today: the source's own, by a rule, by a client's store for mail of its maildrop, of duplicates; those of a Filer for the messages
// that are read whole, since it needs their octets. Dates aren't compared.
//
// Memory grows with the number of messages, by about 150 octets each, with 25 more for each that has flags while its source is compared, and with the
// number of different combinations of flags. When messages aren't where they were put, all folders of the target are looked through, which takes some
// 100 octets for each of those messages.
func (a *Account) Verify(ctx context.Context, sample float64) (Verification, error) {
	r := &run{Account: a, books: newBooks(a.Progress), start: a.Now(), seed: maphash.MakeSeed(), join: newJoin(a.Sources)}
	v := &verifier{run: r, sample: uint32(math.Min(math.Max(sample, 0), 1) * math.MaxUint32), claims: map[string]*claimed{}, flags: newFlagSets(),
		twins: map[twin]flagSet{}}
	if err := inOrder(a.Sources); err != nil {
		return v.v, &Error{Op: "verify", Subject: a.Name, Scope: ScopeRun, Final: true, Err: err}
	}
	r.books.progress.phase("connecting", "")
	var err error
	if v.t, err = a.OpenTarget(ctx); err != nil {
		return v.v, err
	}
	defer v.t.Close()
	for _, src := range a.Sources {
		r.books.progress.phase("listing", src.Name)
		if err := v.source(ctx, src); err != nil {
			return v.v, err
		}
	}
	if err := v.gaps(); err != nil {
		return v.v, err
	}
	r.books.progress.phase("comparing", "")
	err = v.target(ctx)
	r.books.progress.phase("done", "")
	return v.v, err
}

func (v *verifier) problem(p Problem) {
	if len(v.v.Problems) == MaxProblems {
		v.v.Dropped++
		return
	}
	v.v.Problems = append(v.v.Problems, p)
}

// source compares a listing with the store. It goes the way of a session as far as a message is settled by its listing.
func (v *verifier) source(ctx context.Context, named NamedSource) error {
	s := &session{run: v.run, name: named.Name, maildrop: named.Maildrop, target: v.t, planning: true}
	var err error
	if s.source, err = named.Open(ctx); err != nil {
		return err
	}
	defer s.source.Close()
	s.join.learn(named, s.source)
	if err := s.layOut(ctx); err != nil {
		return err
	}
	if err := s.route(ctx); err != nil {
		return err
	}
	given, unstable := map[uint64]asListed{}, Tally{}
	for e, err := range s.source.Messages(ctx) {
		if err != nil && classOf(err).Scope != ScopeMessage {
			return err
		}
		t := e.tally()
		v.v.Listed = v.v.Listed.plus(t)
		if err != nil {
			v.missing(s.name, e, err.Error(), HintOf(err))
			continue
		}
		s.join.note(s.name, e)
		e = s.join.overlay(s.maildrop, e)
		switch {
		case e.Partial:
			v.partial(s, e)
		case s.leftOut(e) != "":
			v.v.Left = v.v.Left.plus(t)
		case !e.Stable:
			unstable = unstable.plus(t)
		default:
			if as := (asListed{v.flags.of(e.Flags), v.Filer != nil && filed(e)}); as != (asListed{}) {
				given[maphash.String(v.seed, e.ID)] = as
			}
			if err := v.settle(s.name, e); err != nil {
				return err
			}
		}
	}
	return v.records(s.name, given, unstable)
}

func (v *verifier) missing(source string, e Entry, reason, hint string) {
	v.v.Missing = v.v.Missing.plus(e.tally())
	v.problem(Problem{Source: source, ID: e.ID, Folder: e.Folder.String(), Size: e.Size, Outcome: Failed, Reason: reason, Hint: hint})
}

const hintNextRun = "the next run copies it"

// partial leaves a message that a client has only the beginning of to gaps, where a maildrop may have the whole.
func (v *verifier) partial(s *session, e Entry) {
	if s.join == nil || e.UIDL == "" {
		v.missing(s.name, e, partialReason, partialHint)
		return
	}
	p := Problem{Source: s.name, ID: e.ID, Subject: e.Subject, Folder: e.Folder.String(), Size: e.Size, Outcome: Failed, Reason: partialReason, Hint: partialHint}
	s.join.gaps[RecordKey{s.name, e.ID}] = gap{p, e.UIDL, e.tally()}
}

func (v *verifier) gaps() error {
	if v.join == nil {
		return nil
	}
	for _, g := range v.join.gaps {
		whole, err := v.hasWhole(g)
		switch {
		case err != nil:
			return err
		case whole:
			v.v.Placed = v.v.Placed.plus(g.tally)
		default:
			v.v.Missing = v.v.Missing.plus(g.tally)
			v.problem(g.problem)
		}
	}
	return nil
}

// settle counts a listed message by its record.
func (v *verifier) settle(source string, e Entry) error {
	rec, ok, err := v.Store.Record(source, e.ID)
	t := e.tally()
	switch {
	case err != nil:
		return stateError(err)
	case !ok:
		v.missing(source, e, "not copied yet", hintNextRun)
	case rec.Outcome.Done() && e.Size > 0 && rec.Listed > 0 && e.Size != rec.Listed:
		v.missing(source, e, fmt.Sprintf("not copied yet: what was copied under this ID had %d octets, and it has %d now", rec.Listed, e.Size), hintNextRun)
	case rec.Outcome == Copied || rec.Outcome == Adopted || rec.Outcome == Duplicate:
		v.v.Placed = v.v.Placed.plus(t)
	case rec.Outcome == Relayed:
		v.v.Relayed = v.v.Relayed.plus(t)
	case rec.Outcome == Kept:
		v.v.Kept = v.v.Kept.plus(t)
	case rec.Outcome == Skipped && v.stillLeft(rec):
		v.v.Left = v.v.Left.plus(t)
	case rec.Outcome == Skipped:
		v.missing(source, e, "left out by a rule that is gone: "+rec.Reason, hintNextRun)
	default:
		v.missing(source, e, rec.Reason, "")
	}
	return nil
}

// stillLeft says whether the next run would leave a message out again, as its record says.
func (v *verifier) stillLeft(rec Record) bool {
	return rec.Reason == IgnoredReason || v.Rules.leaveOut(rec.Date, rec.Size) != "" || v.Filer != nil && rec.Reason == discardReason(v.FilerName)
}

// records notes what a source's records claim on the target. unstable are listed messages that only their octets could tell: they are matched
// with the records made from digests by number.
func (v *verifier) records(source string, given map[uint64]asListed, unstable Tally) error {
	var byDigest int64
	for rec, err := range v.Store.Records(source) {
		if err != nil {
			return stateError(err)
		}
		if _, _, ok := parseDigestID(rec.ID); ok && rec.Outcome.Done() {
			byDigest++
		}
		id, _ := cutCopy(rec.ID)
		v.claim(rec, given[maphash.String(v.seed, id)])
	}
	if unstable.Messages == 0 {
		return nil
	}
	if byDigest >= unstable.Messages {
		v.v.Placed = v.v.Placed.plus(unstable)
		return nil
	}
	v.v.Missing = v.v.Missing.plus(unstable)
	v.problem(Problem{Source: source, Size: unstable.Octets, Outcome: Failed,
		Reason: fmt.Sprintf("%d messages without a unique ID are listed, and %d are known", unstable.Messages, byDigest)})
	return nil
}

// claim notes what one record says of the target.
func (v *verifier) claim(rec Record, as asListed) {
	if rec.Folder == "" || rec.Outcome != Duplicate && rec.Outcome != Copied && rec.Outcome != Adopted {
		return
	}
	flags := v.flags.of(v.Rules.flags(Entry{Flags: v.flags.sets[as.flags]}, rec.Date))
	if rec.Outcome == Duplicate {
		if k := (twin{rec.Folder, rec.Identity.Digest}); flags != 0 {
			v.twins[k] = v.flags.union(v.twins[k], flags)
		}
		return
	}
	c := v.claims[rec.Folder]
	if c == nil {
		c = &claimed{validity: rec.UIDValidity, byUID: map[uint32]claimant{}}
		v.claims[rec.Folder] = c
	}
	if c.validity < rec.UIDValidity { // the folder was made anew, and what an older one had may lie in it without that UID
		for _, who := range c.byUID {
			c.elsewhere = append(c.elsewhere, stray{source: who.source, id: who.id, size: who.size})
		}
		c.validity, c.byUID = rec.UIDValidity, map[uint32]claimant{}
	}
	if rec.UID == 0 || rec.UIDValidity < c.validity {
		c.elsewhere = append(c.elsewhere, stray{source: rec.Source, id: rec.ID, size: rec.Size, nameless: rec.UID == 0})
		return
	}
	exact := rec.Outcome == Copied && rec.Identity.Version == IdentityVersion && rec.Reason == ""
	c.byUID[rec.UID] = claimant{source: rec.Source, id: rec.ID, size: rec.Size, digest: rec.Identity.Digest, flags: flags, exact: exact, filed: as.inbox}
}
