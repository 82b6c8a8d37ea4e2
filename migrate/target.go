package migrate

import (
	"context"
	"io"
	"iter"
)

// Target is one place that mail goes to, opened for one session.
//
// Append and the optional abilities below may be used by two goroutines at once: uploads run on a lane of their own while folders are
// opened and indexed. Each of the two is used by one goroutine at a time.
type Target interface {
	// Append stores the uploads as they come and yields one receipt for each, in the same order. It batches and pipelines as the server
	// allows, sends what it has when nothing more comes, and finishes what it has sent when uploads ends. uploads is ranged over on a
	// goroutine of Append's own, which has ended when the sequence ends.
	//
	// The sequence goes on after an error of scope message: one that wraps ErrRejected promises that this message is not stored and never will be,
	// others that it isn't now (a relay that says later; see also ErrPartly). Any other error ends the sequence, and whether the message of that receipt
	// and those behind it are stored is unknown.
	Append(ctx context.Context, uploads iter.Seq[Upload]) iter.Seq2[Receipt, error]

	// Close ends the session.
	Close() error
}

// Layouter is a Target that says how it names its folders.
type Layouter interface {
	Layout(ctx context.Context) (Layout, error)
}

// Opener is a Target with folders that are opened by the name that the Layout's rules give them.
type Opener interface {
	// OpenNamed makes sure that the folder is there, creating it, for role where the target can say so, and subscribing it when it is not,
	// and says what it is now. In a dry run a missing folder is not created and comes back with UIDValidity 0.
	OpenNamed(ctx context.Context, name string, role Role) (Mailbox, error)
}

// Preparer is an Opener that opens many folders at the price of a few round trips.
type Preparer interface {
	// Prepare makes sure that the folders of these ways are there, as OpenNamed does, and has OpenNamed answer each of them once without asking.
	Prepare(ctx context.Context, ways []Way) error
}

// Flagger is a Target that can flag messages that it has already.
type Flagger interface {
	// AddFlags adds flags to the messages with these UIDs and takes none away. Flags that the folder doesn't keep are left out; UIDs that
	// are gone are no error.
	AddFlags(ctx context.Context, mb Mailbox, uids []uint32, flags []Flag) error
}

// Mover is a Target that can put messages into another folder.
type Mover interface {
	// Quarantine moves messages so that each of them is in at least one of the two folders at every moment. UIDs that are gone are no error.
	Quarantine(ctx context.Context, from Mailbox, uids []uint32, to Mailbox) error
}

// Indexer is a Target that can say what lies in a folder already.
type Indexer interface {
	// Index yields what lies in mb from the UID from on, in order of UID, and returns in *next one above the last UID looked at.
	Index(ctx context.Context, mb Mailbox, from uint32, next *uint32) iter.Seq2[Indexed, error]
	// Read copies one message's octets to w, to compare it with one of the source.
	Read(ctx context.Context, mb Mailbox, uid uint32, w io.Writer) error
}

// Indexed is a message that lies on the target.
type Indexed struct {
	UID      uint32
	Size     int64
	Envelope Envelope
}

// FlagChecker is a Target that can say which flags its messages lack.
type FlagChecker interface {
	// Lacking asks want once about each message that lies in mb, in order of UID, and yields those that lack some of the flags that want says. Flags
	// are compared as the target would write them down, and case doesn't count; one that it has no way to write down is lacking. It changes nothing.
	Lacking(ctx context.Context, mb Mailbox, want func(uid uint32) []Flag) iter.Seq2[Lack, error]
}

// Lack is a message on the target, and the flags that it should have and hasn't.
type Lack struct {
	UID   uint32
	Flags []Flag
}

// Limiter is a Target that refuses messages above a size it tells beforehand (APPENDLIMIT, RFC 7889; SMTP SIZE, RFC 1870).
type Limiter interface {
	// MaxSize is in octets; 0 means no limit is known.
	MaxSize(mb Mailbox) int64
}

// Quoter is a Target that tells how much room is left.
type Quoter interface {
	// Room is in octets; ok is false when the target does not say.
	Room(ctx context.Context) (octets int64, ok bool, err error)
}
