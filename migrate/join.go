package migrate

import "fmt"

// join brings together what several sources of one run say of the same message: a mail client's store, which has its folder and its flags, and
// the POP3 maildrop that it came from, which has it whole. Stores come first in a run, then maildrops. A message found in both is one
// message: what the store has is not downloaded, what the store has only the beginning of is downloaded into the store's folder, and
// what was downloaded for nothing is told by its digest.
//
// A UIDL is unique within one maildrop only (RFC 1939, section 7), and a store doesn't say which maildrop it is of. So it is taken for a name only
// when the store's memory of that maildrop has it, or when it is long enough not to be a running number; and what is spared a download must
// have the octets that the server announces as well.
type join struct {
	whole   map[string]RecordKey // by UIDL: messages that a store has
	partial map[string]Entry     // by UIDL: those that it has the beginning of
	thrown  map[string]bool      // by UIDL: those that it has marked as deleted
	fetched map[string]map[string]bool
	gaps    map[RecordKey]gap  // by the store's name of it: a store can be listed more than once in a run
	stores  []string           // names of the sources that are stores, in order
	held    map[[16]byte]*held // by digest: what the stores' records hold, for one maildrop
	heldFor string
	taken   map[string]bool // UIDLs of partial messages that a maildrop lists
}

// gap is a partial message that waits for its whole.
type gap struct {
	problem Problem
	uidl    string
	tally   Tally
}

// held counts the messages of one digest that stores have brought, and those of the maildrop that were found to be the same.
type held struct{ brought, met int }

// shortUIDL is the length below which a UIDL could well be a running number.
const shortUIDL = 8

// newJoin returns nil where there is nothing to join.
func newJoin(sources []NamedSource) *join {
	stores, drops := 0, 0
	for _, s := range sources {
		if s.Maildrop == "" {
			stores++
		} else {
			drops++
		}
	}
	if stores == 0 || drops == 0 {
		return nil
	}
	return &join{whole: map[string]RecordKey{}, partial: map[string]Entry{}, thrown: map[string]bool{}, fetched: map[string]map[string]bool{},
		gaps: map[RecordKey]gap{}, taken: map[string]bool{}}
}

// learn takes what a store remembers of maildrops.
func (j *join) learn(src NamedSource, s Source) {
	if j == nil || src.Maildrop != "" {
		return
	}
	j.stores = append(j.stores, src.Name)
	r, ok := s.(Rememberer)
	if !ok {
		return
	}
	for _, m := range r.Memories() {
		of := j.fetched[m.Maildrop]
		if of == nil {
			of = map[string]bool{}
			j.fetched[m.Maildrop] = of
		}
		for _, u := range m.UIDLs {
			of[u] = true
		}
	}
}

// note remembers a store's message by its UIDL.
func (j *join) note(source string, e Entry) {
	if j == nil || e.UIDL == "" {
		return
	}
	switch {
	case e.Deleted:
		j.thrown[e.UIDL] = true
	case e.Partial:
		j.partial[e.UIDL] = e
	default:
		j.whole[e.UIDL] = RecordKey{source, e.ID}
	}
}

// names says whether a UIDL of this maildrop may be taken for the name of a store's message.
func (j *join) names(maildrop, uidl string) bool {
	return j.fetched[maildrop][uidl] || len(uidl) >= shortUIDL
}

// overlay gives a maildrop's entry the folder, the flags and the date that a store has for it, where the store has only its beginning.
func (j *join) overlay(maildrop string, e Entry) Entry {
	if j == nil || maildrop == "" || !e.Stable {
		return e
	}
	p, ok := j.partial[e.ID]
	if !ok || !j.names(maildrop, e.ID) {
		return e
	}
	j.taken[e.ID] = true
	e.Folder, e.Role, e.Flags, e.Date, e.Fallback, e.DateRule = p.Folder, p.Role, p.Flags, p.Date, p.Fallback, p.DateRule
	return e
}

// thrownAway says whether a store has had this message of the maildrop and has it no more.
func (j *join) thrownAway(maildrop, uidl string) bool {
	if j == nil || maildrop == "" || !j.names(maildrop, uidl) {
		return false
	}
	if j.thrown[uidl] {
		return true
	}
	_, whole := j.whole[uidl]
	_, partial := j.partial[uidl]
	return j.fetched[maildrop][uidl] && !whole && !partial
}

// sizeSlack is how many octets LIST may be off: servers count a final CRLF that isn't there (Dovecot, Cyrus: 2).
const sizeSlack = 2

// spare finds the store's record of a maildrop's entry that needs no download, and writes down that it is the same message.
func (s *session) spare(e Entry) (bool, error) {
	if s.join == nil || s.maildrop == "" || !e.Stable || s.windowed() || !s.join.names(s.maildrop, e.ID) {
		return false, nil
	}
	key, ok := s.join.whole[e.ID]
	if !ok {
		return false, nil
	}
	if s.DryRun {
		s.spared[e.Seq] = true
		s.books.listed(Duplicate, e.tally(), joinedReason)
		return true, nil
	}
	rec, ok, err := s.Store.Record(key.Source, key.ID)
	if err != nil || !ok || !rec.Outcome.Done() {
		return false, stateError(err)
	}
	if off := e.Size - rec.Size; off < -sizeSlack || off > sizeSlack {
		return false, nil
	}
	s.books.expect(e.tally())
	rec = Record{Source: s.name, ID: e.ID, Outcome: Duplicate, Identity: rec.Identity, Listed: e.Size, Size: rec.Size, Date: rec.Date}
	return true, s.ledger.record(rec, Duplicate, e.tally(), joinedReason)
}

const (
	joinedReason  = "the client's store has it"
	partialReason = "only the beginning of the message was downloaded by the client"
	partialHint   = "let the client fetch the rest, or name the POP3 server as a source too: poplift copy STORE pop3s://me@old TARGET"
	wholeReason   = "the maildrop has the whole of it"
	thrownReason  = "deleted in the client (--client-deleted=copy takes them)"
)

// elsewhere says whether a message of the maildrop is one that a store has brought, into whatever folder.
func (s *session) elsewhere(d Digest) (bool, error) {
	if s.join == nil || s.maildrop == "" {
		return false, nil
	}
	if s.join.held == nil || s.join.heldFor != s.name {
		if err := s.join.load(s.Store, s.name); err != nil {
			return false, stateError(err)
		}
	}
	h := s.join.held[[16]byte(d[:16])]
	if h == nil || s.KeepTwins && h.met >= h.brought {
		return false, nil
	}
	h.met++
	return true, nil
}

// load counts what the stores have brought by digest. Half a digest is enough to tell a few million messages apart.
func (j *join) load(store Store, maildrop string) error {
	j.held, j.heldFor = map[[16]byte]*held{}, maildrop
	for _, name := range j.stores {
		for rec, err := range store.Records(name) {
			if err != nil {
				return err
			}
			if !rec.Outcome.Done() || rec.Identity.Version != IdentityVersion {
				continue
			}
			k := [16]byte(rec.Identity.Digest[:16])
			if j.held[k] == nil {
				j.held[k] = &held{}
			}
			j.held[k].brought++
		}
	}
	for rec, err := range store.Records(maildrop) {
		if err != nil {
			return err
		}
		if h := j.held[[16]byte(rec.Identity.Digest[:16])]; h != nil && rec.Outcome == Duplicate {
			h.met++
		}
	}
	return nil
}

// incomplete counts a store's partial message: as failed, until a maildrop has the whole of it.
func (s *session) incomplete(e Entry) {
	p := Problem{Source: s.name, ID: e.ID, Subject: e.Subject, Folder: e.Folder.String(), Size: e.Size, Reason: partialReason, Hint: partialHint}
	s.books.unlisted(p, e.tally())
	if s.join == nil || e.UIDL == "" {
		return
	}
	s.join.gaps[RecordKey{s.name, e.ID}] = gap{p, e.UIDL, e.tally()}
}

// closeGaps settles the partial messages that a maildrop had the whole of, in this run or an earlier one.
func (r *run) closeGaps() error {
	if r.join == nil {
		return nil
	}
	for _, g := range r.join.gaps {
		whole := r.DryRun && r.join.taken[g.uidl]
		if !whole {
			var err error
			if whole, err = r.hasWhole(g); err != nil {
				return err
			}
		}
		if whole {
			r.books.resolve(g.problem, g.tally, wholeReason)
		}
	}
	return nil
}

// hasWhole says whether a maildrop of the account had the whole of a partial message, in this run or an earlier one.
func (r *run) hasWhole(g gap) (bool, error) {
	for _, src := range r.Sources {
		if src.Maildrop == "" || !r.join.names(src.Maildrop, g.uidl) {
			continue
		}
		if rec, ok, err := r.Store.Record(src.Name, g.uidl); err != nil || ok && rec.Outcome.Done() {
			return err == nil, stateError(err)
		}
	}
	return false, nil
}

// inOrder checks that stores come before maildrops: what a store knows has to be known when its maildrop is read.
func inOrder(sources []NamedSource) error {
	drop := ""
	for _, s := range sources {
		if s.Maildrop != "" {
			drop = s.Name
		} else if drop != "" {
			return fmt.Errorf("the store %s comes behind the maildrop %s", s.Name, drop)
		}
	}
	return nil
}
