package migrate

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// commitEvery and commitAfter bound a group commit: this many records or this long, whichever comes first. What a crash loses of it costs
// reading those messages again, never a double: they are found on the target.
const (
	commitEvery = 512
	commitAfter = 250 * time.Millisecond
)

// ledger writes outcomes down: it knows what is on its way to the target, gathers what was answered for, and commits it in groups. It is
// used by the goroutine that fetches and by the one that takes receipts.
type ledger struct {
	store   Store
	books   *books
	now     func() time.Time
	landing Outcome // of what the target takes

	mu       sync.Mutex
	batch    Batch
	touched  map[Envelope]bool      // envelopes whose matches the batch will change
	marks    map[*folder]bool       // folders whose mark the batch has to carry
	last     time.Time              // of the last commit
	away     []*flight              // sent and not answered, in order
	awayLike map[Envelope][]*flight // these, and those that wait to be sent
	late     []merge                // twins of what has landed that bring more flags
	err      error                  // of the first commit that failed; nothing is recorded after it
}

// flight is a message on its way to the target.
type flight struct {
	record Record
	key    RecordKey // under the ID of the listing, which a record made from the digest hasn't
	tally  Tally
	folder *folder
	body   *Spool
	flags  []Flag
	upload Upload
	// whole says that the message as it came is kept already, and that this is a lighter one.
	whole bool
	// twins are messages with the same digest for the same folder that came while this one was on its way; they share its fate.
	twins []flight
}

func newLedger(a *Account, b *books) *ledger {
	return &ledger{store: a.Store, books: b, now: a.Now, touched: map[Envelope]bool{}, marks: map[*folder]bool{}, last: a.Now(),
		awayLike: map[Envelope][]*flight{}, landing: max(a.Landing, Copied)}
}

// await notes that f waits to be sent, so that its twins find it.
func (l *ledger) await(f *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := f.record.Identity.Envelope
	l.awayLike[e] = append(l.awayLike[e], f)
}

// depart notes that f is handed to the target.
func (l *ledger) depart(f *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = append(l.away, f)
}

// underWay is how many messages were handed over and not answered for.
func (l *ledger) underWay() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.away))
}

// withdraw takes f, which waited to be sent, back. No twin joins it any more.
func (l *ledger) withdraw(f *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := f.record.Identity.Envelope
	like := slices.DeleteFunc(l.awayLike[e], func(g *flight) bool { return g == f })
	if l.awayLike[e] = like; len(like) == 0 {
		delete(l.awayLike, e)
	}
}

// joinTwin hangs f on a message with the same digest that is on its way to the same folder, if there is one.
func (l *ledger) joinTwin(f *flight) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, other := range l.awayLike[f.record.Identity.Envelope] {
		if other.folder == f.folder && other.record.Identity.Digest == f.record.Identity.Digest {
			other.twins = append(other.twins, *f)
			return true
		}
	}
	return false
}

// arrived takes the message that has been away the longest off the list. Its body is the caller's to release.
func (l *ledger) arrived() *flight {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first()
}

func (l *ledger) first() *flight {
	f := l.away[0]
	l.away = l.away[1:]
	e := f.record.Identity.Envelope
	if like := l.awayLike[e]; len(like) == 1 {
		delete(l.awayLike, e)
	} else {
		l.awayLike[e] = like[1:] // answers come in the order of departure, within an envelope too
	}
	return f
}

// landed records that the target has the message it was sent first.
func (l *ledger) landed(r Receipt) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.first()
	f.body.Release()
	rec := f.record
	rec.Outcome, rec.UIDValidity, rec.UID = l.landing, f.folder.mb.UIDValidity, 0
	if r.UIDValidity == f.folder.mb.UIDValidity {
		rec.UID = r.UID
	}
	f.folder.took(rec.UID)
	l.marks[f.folder] = true
	l.put(rec)
	l.books.settle(rec.Outcome, f.tally, "")
	l.books.appended(rec.Size, f.record.Date.IsZero())
	for _, t := range f.twins {
		t.record.Outcome, t.record.UIDValidity = Duplicate, rec.UIDValidity
		if rec.UID != 0 && lacks(f.flags, t.flags) {
			l.late = append(l.late, merge{record: t.record, outcome: Duplicate, tally: t.tally, folder: f.folder, uid: rec.UID, flags: t.flags})
			continue
		}
		l.put(t.record)
		l.books.settle(Duplicate, t.tally, "")
	}
	return l.commitIfDue()
}

// lateMerges hands over the twins that brought more flags than what was sent.
func (l *ledger) lateMerges() []merge {
	l.mu.Lock()
	defer l.mu.Unlock()
	late := l.late
	l.late = nil
	return late
}

// settled records where a message that the target does not have has ended, and its twins with it, and releases its body.
func (l *ledger) settled(f *flight, o Outcome, reason, hint string) error {
	f.record.know(f.body)
	l.mu.Lock()
	defer l.mu.Unlock()
	f.body.Release()
	l.end(f, o, reason, hint)
	for _, t := range f.twins {
		if o == Relayed || o == Kept {
			t.record.Outcome, t.record.UID = Duplicate, 0
			l.put(t.record)
			l.books.settle(Duplicate, t.tally, "")
			continue
		}
		l.end(&t, o, fmt.Sprintf("the same as %s: %s", f.record.ID, reason), "")
	}
	return l.commitIfDue()
}

// failed records a message that got no further than the source, or was found to end every connection.
func (l *ledger) failed(f *flight, reason, hint string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(f, Failed, reason, hint)
	return l.commitIfDue()
}

// end writes down where a message ended that needs a person to know.
func (l *ledger) end(f *flight, o Outcome, reason, hint string) {
	rec := f.record
	rec.Outcome, rec.Reason, rec.Tries, rec.UID = o, reason, rec.Tries+1, 0
	l.put(rec)
	l.books.tell(Problem{Source: rec.Source, ID: rec.ID, Subject: rec.Subject, Folder: rec.Folder, Size: max(rec.Size, rec.Listed), Date: rec.Date, Outcome: o, Reason: reason, Hint: hint})
	l.books.settle(o, f.tally, reason)
}

// record writes down an outcome that needed no upload. forget names a record that it takes the place of.
func (l *ledger) record(rec Record, count Outcome, t Tally, why string, forget ...RecordKey) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch.Forget = append(l.batch.Forget, forget...)
	l.put(rec)
	l.books.settle(count, t, why)
	return l.commitIfDue()
}

// amendAt writes a record down without counting anything, dated as it was.
func (l *ledger) amendAt(rec Record, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.putAt(rec, at)
	return l.commitIfDue()
}

func (l *ledger) put(rec Record) { l.putAt(rec, l.now()) }

func (l *ledger) putAt(rec Record, at time.Time) {
	rec.Time = at
	l.batch.Records = append(l.batch.Records, rec)
	l.touched[rec.Identity.Envelope] = true
}

// saw adds messages that lie on the target.
func (l *ledger) saw(f *folder, m Indexed) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch.Index = append(l.batch.Index, IndexedIn{Folder: f.mb.Name, UIDValidity: f.mb.UIDValidity, Indexed: m})
	return l.commitIfDue()
}

// mark has the folder's mark written with the next commit.
func (l *ledger) mark(f *folder, change func(*FolderMark)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&f.mark)
	l.marks[f] = true
}

// matches asks the store, which must know first what the batch holds for the same envelope.
func (l *ledger) matches(f *folder, e Envelope) ([]Match, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.touched[e] {
		if err := l.write(); err != nil {
			return nil, err
		}
	}
	return l.store.Matches(f.mb.Name, f.mb.UIDValidity, e)
}

// commit writes everything gathered so far.
func (l *ledger) commit() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write()
}

func (l *ledger) commitIfDue() error {
	if n := len(l.batch.Records) + len(l.batch.Index)/4; n >= commitEvery || n > 0 && l.now().Sub(l.last) >= commitAfter {
		return l.write()
	}
	return nil
}

func (l *ledger) write() error {
	if l.err != nil {
		return l.err
	}
	for f := range l.marks {
		l.batch.Folders = append(l.batch.Folders, f.mark)
	}
	if !l.batch.Empty() {
		if err := l.store.Commit(&l.batch); err != nil {
			l.err = &Error{Op: "state commit", Scope: ScopeRun, Final: true, Err: err,
				Hint: "nothing is lost: what was copied is found on the target. Make room for the state (or name another --state DIR), then run the same command again"}
			return l.err
		}
	}
	l.batch = Batch{Forget: l.batch.Forget[:0], Index: l.batch.Index[:0], Records: l.batch.Records[:0], Folders: l.batch.Folders[:0]}
	clear(l.touched)
	clear(l.marks)
	l.last = l.now()
	return nil
}

// abandon gives up the messages that nobody answered for and returns the keys of those that may have ended the connection: all that were
// on their way, or the one that was sent alone.
func (l *ledger) abandon() []RecordKey {
	l.mu.Lock()
	defer l.mu.Unlock()
	var keys []RecordKey
	for i, f := range l.away {
		if i == 0 || !l.away[0].upload.Alone {
			keys = append(keys, f.key)
		}
		if l.landing == Relayed { // a relay says so when it may have one, and that one isn't here any more: what was intended didn't happen
			l.batch.Forget = append(l.batch.Forget, RecordKey{f.record.Source, f.record.ID})
		}
		f.body.Release()
	}
	l.away, l.awayLike = nil, map[Envelope][]*flight{}
	return keys
}
