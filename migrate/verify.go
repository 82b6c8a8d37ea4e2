package migrate

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"slices"
)

// Verification is what a comparison of source, store and target found.
type Verification struct {
	// Listed is what the sources list. It is the sum of Placed, Relayed, Kept, Left and Missing.
	Listed Tally
	// Placed have a record that says that the target has them; Relayed and Kept went elsewhere; Left were left out by a rule.
	Placed, Relayed, Kept, Left Tally
	// Missing are on the source and nowhere else.
	Missing Tally
	// Found counts the target's messages that records claim and that lie there; Gone those that don't any more: somebody moved or deleted them.
	Found, Gone int64
	// Resized lie there with another size than was stored: a server that rewrites mail.
	Resized int64
	// Read counts the messages whose octets were read from the target and compared; Altered those that were others.
	Read, Altered int64
	// Folders are the target's folders that mail was brought to.
	Folders  []VerifiedFolder
	Problems []Problem
	// Dropped counts the problems beyond MaxProblems.
	Dropped int
}

// VerifiedFolder is one folder of the target.
type VerifiedFolder struct {
	Name string
	// Messages lie there; Expected are those that records claim.
	Messages, Expected, Gone int64
}

// Safe says whether the sources could be switched off without a loss, and if not, why.
func (v Verification) Safe() (bool, string) {
	switch {
	case v.Missing.Messages > 0:
		return false, fmt.Sprintf("%d messages are on the source only", v.Missing.Messages)
	case v.Altered > 0:
		return false, fmt.Sprintf("%d messages on the target differ from what was copied", v.Altered)
	case v.Gone > 0:
		return false, fmt.Sprintf("%d copied messages are not where they were put: somebody moved or deleted them", v.Gone)
	case v.Kept.Messages > 0:
		return false, fmt.Sprintf("%d messages lie in the dead-letter tree", v.Kept.Messages)
	}
	return true, ""
}

// verifier is one Verify at work.
type verifier struct {
	*run
	v      Verification
	sample uint32 // of 1<<32 - 1
	claims map[string]*claimed
}

// claimed is what records say of one folder.
type claimed struct {
	validity uint32
	byUID    map[uint32]claimant
}

type claimant struct {
	source, id string
	size       int64
	digest     Digest
	exact      bool // copied as it was, with a digest of today's rules
}

// Verify compares what the sources list with the store and with the target, and writes nothing. Of the messages that the target has, the part
// sample (0 to 1) is read whole and compared by content; which ones depends on their IDs only, so that the same are read each time. Memory grows with
// the number of messages, by about 150 octets each.
func (a *Account) Verify(ctx context.Context, sample float64) (Verification, error) {
	r := &run{Account: a, books: newBooks(a.Progress), start: a.Now()}
	v := &verifier{run: r, claims: map[string]*claimed{}, sample: uint32(math.Min(math.Max(sample, 0), 1) * math.MaxUint32)}
	for _, src := range a.Sources {
		r.books.progress.phase("listing", src.Name)
		if err := v.source(ctx, src); err != nil {
			return v.v, err
		}
	}
	r.books.progress.phase("comparing", "")
	err := v.target(ctx)
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

// source compares a listing with the store.
func (v *verifier) source(ctx context.Context, named NamedSource) error {
	src, err := named.Open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	unstable := Tally{}
	for e, err := range src.Messages(ctx) {
		if err != nil && classOf(err).Scope != ScopeMessage {
			return err
		}
		t := e.tally()
		v.v.Listed = v.v.Listed.plus(t)
		switch {
		case err != nil || e.Partial:
			reason := partialReason
			if err != nil {
				reason = err.Error()
			}
			v.missing(named.Name, e, reason)
		case v.Rules.byListing(e) != "":
			v.v.Left = v.v.Left.plus(t)
		case !e.Stable:
			unstable = unstable.plus(t)
		default:
			rec, ok, err := v.Store.Record(named.Name, e.ID)
			if err != nil {
				return stateError(err)
			}
			v.settle(named.Name, e, rec, ok)
		}
	}
	return v.records(named.Name, unstable)
}

func (v *verifier) missing(source string, e Entry, reason string) {
	v.v.Missing = v.v.Missing.plus(e.tally())
	v.problem(Problem{Source: source, ID: e.ID, Folder: e.Folder.String(), Size: e.Size, Outcome: Failed, Reason: reason})
}

// settle counts a listed message by its record.
func (v *verifier) settle(source string, e Entry, rec Record, ok bool) {
	t := e.tally()
	switch {
	case !ok:
		v.missing(source, e, "not copied yet")
	case rec.Outcome == Copied || rec.Outcome == Adopted || rec.Outcome == Duplicate:
		v.v.Placed = v.v.Placed.plus(t)
	case rec.Outcome == Relayed:
		v.v.Relayed = v.v.Relayed.plus(t)
	case rec.Outcome == Kept:
		v.v.Kept = v.v.Kept.plus(t)
	case rec.Outcome == Skipped:
		v.v.Left = v.v.Left.plus(t)
	default:
		v.missing(source, e, rec.Reason)
	}
}

// records notes what a source's records claim on the target. unstable are listed messages that only their octets could tell: they are matched
// with the records made from digests by number.
func (v *verifier) records(source string, unstable Tally) error {
	var byDigest int64
	for rec, err := range v.Store.Records(source) {
		if err != nil {
			return stateError(err)
		}
		if _, _, ok := parseDigestID(rec.ID); ok && rec.Outcome.Done() {
			byDigest++
		}
		if (rec.Outcome != Copied && rec.Outcome != Adopted) || rec.UID == 0 {
			continue
		}
		c := v.claims[rec.Folder]
		if c == nil || c.validity < rec.UIDValidity {
			c = &claimed{validity: rec.UIDValidity, byUID: map[uint32]claimant{}}
			v.claims[rec.Folder] = c
		}
		if rec.UIDValidity == c.validity {
			c.byUID[rec.UID] = claimant{rec.Source, rec.ID, rec.Size, rec.Identity.Digest, rec.Outcome == Copied && rec.Identity.Version == IdentityVersion && rec.Reason == ""}
		}
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

// target compares the claims with what lies there.
func (v *verifier) target(ctx context.Context) error {
	t, err := v.OpenTarget(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	opener, canOpen := t.(Opener)
	index, canIndex := t.(Indexer)
	if !canOpen || !canIndex {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(v.claims)) {
		mb, err := opener.OpenNamed(ctx, name, "")
		if err != nil {
			return err
		}
		if err := v.folder(ctx, index, mb, v.claims[name]); err != nil {
			return err
		}
	}
	return nil
}

// folder compares one folder.
func (v *verifier) folder(ctx context.Context, t Indexer, mb Mailbox, c *claimed) error {
	f := VerifiedFolder{Name: mb.Name, Messages: int64(mb.Messages), Expected: int64(len(c.byUID))}
	if mb.UIDValidity != c.validity {
		v.problem(Problem{Folder: mb.Name, Reason: "the folder was made anew since; the next run looks through it"})
		f.Gone = f.Expected
		v.v.Gone += f.Gone
		v.v.Folders = append(v.v.Folders, f)
		return nil
	}
	var read []uint32
	var found int64
	var next uint32
	for m, err := range t.Index(ctx, mb, 1, &next) {
		if err != nil {
			return err
		}
		who, ok := c.byUID[m.UID]
		if !ok {
			continue
		}
		found++
		if who.exact && m.Size != who.size {
			v.v.Resized++
		}
		if who.exact && v.chosen(who) {
			read = append(read, m.UID)
		}
	}
	f.Gone = f.Expected - found
	v.v.Found += found
	v.v.Gone += f.Gone
	v.v.Folders = append(v.v.Folders, f)
	return v.compare(ctx, t, mb, c, read)
}

// compare reads messages from the target.
func (v *verifier) compare(ctx context.Context, t Indexer, mb Mailbox, c *claimed, uids []uint32) error {
	for _, uid := range uids {
		w := &identityWriter{newIdentifier()}
		if err := t.Read(ctx, mb, uid, w); err != nil {
			if classOf(err).Scope == ScopeMessage {
				continue
			}
			return err
		}
		v.v.Read++
		who := c.byUID[uid]
		if w.sum() != who.digest {
			v.v.Altered++
			v.problem(Problem{Source: who.source, ID: who.id, Folder: mb.Name, Size: who.size,
				Reason: fmt.Sprintf("what lies on the target under UID %d is not, octet for octet, what was copied", uid),
				Hint:   "compare the two: some servers change NULs, lone CRs or 8-bit headers as they store a message"})
		}
	}
	return nil
}

// chosen says whether a message is in the sample.
func (v *verifier) chosen(c claimant) bool {
	h := fnv.New32a()
	io.WriteString(h, c.source+"\x00"+c.id)
	return h.Sum32() < v.sample || v.sample == math.MaxUint32
}
