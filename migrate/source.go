package migrate

import (
	"context"
	"iter"
)

// Source is one place that mail comes from, opened for one session. It is used by one goroutine at a time, except that Close may be
// called from any.
type Source interface {
	// Messages yields what the source holds, without bodies, in the order of the source and oldest first within a folder. It can be
	// ranged over more than once and answers the same in one session. An error of scope message concerns that entry only and the
	// sequence goes on; any other error ends it.
	Messages(ctx context.Context) iter.Seq2[Entry, error]

	// Fetch yields the entries' messages in the order asked for, reading ahead within its window. The caller releases every Body.
	// With an error the Message is not nil and names the Entry that was being read, but has no Body. An error of scope message
	// concerns that entry only; any other error ends the sequence. A body that ends early is an error, never a short message.
	// entries is ranged over on the goroutine that ranges over Fetch.
	Fetch(ctx context.Context, entries iter.Seq[Entry]) iter.Seq2[*Message, error]

	// Close ends the session. Where a server acts on a polite end (Gmail hides what was read), Close is polite only if every Fetch was
	// ranged over to its end and the context it was opened with has not ended; otherwise it cuts.
	Close() error
}

// Windowed is a Source whose listing may be only the first part of what there is, and shows the next part once this one was read in a session
// that ended politely (Gmail's POP3 shows some 250 messages at a time). What it lists is read even when it is known already, else the window would
// never move on.
type Windowed interface{ Windowed() bool }

// HeaderReader is a Source that can read headers alone (POP3 TOP). What it yields is a hint: some servers answer TOP with another header
// than RETR's. It follows Fetch's rules, the Messages have no Body and their Identity covers the header only.
type HeaderReader interface {
	Headers(ctx context.Context, entries iter.Seq[Entry]) iter.Seq2[*Message, error]
}

// Rememberer is a Source, a mail client's store, that remembers which messages of POP3 servers the client has downloaded.
type Rememberer interface{ Memories() []Memory }

// Memory is what a client remembers of one maildrop.
type Memory struct {
	// Maildrop is "user@host" in lower case.
	Maildrop string
	// UIDLs are of the messages that it has downloaded.
	UIDLs []string
}
