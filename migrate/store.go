package migrate

import (
	"iter"
	"time"
)

// Outcome is the one state that a source message ends in. The totals of a Report are counts of these.
type Outcome uint8

const (
	// None is a message that has not ended anywhere yet.
	None Outcome = iota
	// Known was done in an earlier run. It is a count, never a record's state.
	Known
	// Copied was appended by poplift.
	Copied
	// Adopted was on the target already, put there by someone else or by a run that could not write it down.
	Adopted
	// Duplicate has the same canonical digest as another message that lies in the same folder.
	Duplicate
	// Skipped was left out by a rule that the user gave.
	Skipped
	// Relayed was sent over SMTP.
	Relayed
	// Kept lies in the dead-letter folder.
	Kept
	// Failed is on the source only. It is tried again in the next run.
	Failed
	// Uncertain was sent over SMTP, and whether it was taken nobody knows. It counts as failed, and is not tried again unless a person
	// says so.
	Uncertain
)

// Outcomes lists those that a Report counts, in the order they are shown.
var Outcomes = []Outcome{Known, Copied, Adopted, Duplicate, Skipped, Relayed, Kept, Failed}

// String is the name in reports and in --json.
func (o Outcome) String() string {
	return [...]string{"none", "known", "copied", "adopted", "duplicate", "skipped", "relayed", "kept", "failed", "uncertain"}[o]
}

// Done says whether a message in this state needs nothing more in a later run.
func (o Outcome) Done() bool {
	return o == Copied || o == Adopted || o == Duplicate || o == Relayed || o == Kept
}

// Record is what the store knows of one source message.
type Record struct {
	// Source and ID are the key: which source of the account, and the entry's ID there (for an entry that is not Stable, one made
	// from its digest).
	Source, ID string
	Outcome    Outcome
	Identity   Identity
	// Listed is the size the source announced, Size the octets in CRLF form.
	Listed, Size int64
	// Folder, UIDValidity and UID say where it lies on the target; UID is 0 when the server never said.
	Folder           string
	UIDValidity, UID uint32
	// Date is the INTERNALDATE chosen for it.
	Date time.Time
	// Reason says why it was skipped, failed, was relayed or kept, in the server's words.
	Reason string
	Tries  uint32
	// MessageID and Subject, as they are written, are kept of leftovers only, for a person to know them by.
	MessageID, Subject string
	// Time is when the record was written.
	Time time.Time
}

// FolderMark is what the store knows of one folder under one UIDVALIDITY.
type FolderMark struct {
	Name        string
	UIDValidity uint32
	// Next is the mark: the store knows every message below this UID.
	Next uint32
	// Dirty is set before the first append of a session and cleared at its clean end. While it is set, the server may still be storing
	// what a dead session had sent.
	Dirty bool
}

// Match is a message in a folder with a given envelope: one that has a record, or one on the target that no source message has claimed.
type Match struct {
	UID  uint32
	Size int64
	// Source and ID name the record that has claimed it; both are empty when none has.
	Source, ID string
	// Digest is the claiming record's; zero when nobody has read the octets. Version is that of its rules; 0 is the first.
	Digest  Digest
	Version uint8
}

// Claimed says whether a source message answers for it.
func (m Match) Claimed() bool { return m.Source != "" || m.ID != "" }

// Batch is what one Commit writes, all or nothing, in this order.
type Batch struct {
	// Forget deletes records and frees what they had claimed on the target.
	Forget []RecordKey
	// Index adds messages seen on the target. One whose UID is known already is left as it is.
	Index []IndexedIn
	// Records are put, replacing those of the same key. A record whose outcome is Copied or Adopted claims its UID in its folder; with
	// UID 0 it is a match without a UID until a later record of the same key names one.
	Records []Record
	Folders []FolderMark
}

// IndexedIn is an indexed message of one folder.
type IndexedIn struct {
	Folder      string
	UIDValidity uint32
	Indexed
}

// RecordKey names a record.
type RecordKey struct{ Source, ID string }

// Empty says whether there is nothing to write: then no Commit is made, so that a run with nothing to do writes nothing.
func (b *Batch) Empty() bool {
	return len(b.Forget) == 0 && len(b.Index) == 0 && len(b.Records) == 0 && len(b.Folders) == 0
}

// Store is the account's memory, a cache of what lies on the target. Losing it costs time, never a message and never a double.
// It is safe for several goroutines. There is no context: a local database can't be cancelled.
type Store interface {
	// Record returns what is known of one source message.
	Record(source, id string) (Record, bool, error)
	// Skim is Record without Identity, for whoever goes through a whole listing.
	Skim(source, id string) (Record, bool, error)
	// Matches returns the messages in a folder under this UIDVALIDITY whose envelope is e, in order of UID, those without a UID last.
	Matches(folder string, uidValidity uint32, e Envelope) ([]Match, error)
	// Records yields a source's records in order of ID, as they are when it comes to them. Commit may be called meanwhile.
	Records(source string) iter.Seq2[Record, error]
	// Folder returns the folder's newest mark; UIDValidity is 0 when it was never seen.
	Folder(name string) (FolderMark, error)
	// Commit writes a batch in one durable transaction.
	Commit(*Batch) error
	Close() error
}
