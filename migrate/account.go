package migrate

import (
	"context"
	"log/slog"
	"time"
)

// Account is one run's work: some sources, one target, one store. Run may be called once.
type Account struct {
	// Name is for people and logs.
	Name    string
	Sources []NamedSource
	// OpenTarget is called again for every session.
	OpenTarget func(context.Context) (Target, error)
	Store      Store
	// Pool is the byte budget that the sources spool into.
	Pool *Pool
	// Router says which folder of the target an entry's folder goes to.
	Router Router
	// Filer files mail of the inbox by what is in it; nil leaves it there.
	// FilerName names it and its version, for reports: what it discarded is asked again when the name is another.
	Filer     Filer
	FilerName string
	Rules     Rules
	// Strip returns a message without what is too large in it, and what that is, for people; nil leaves the message as it is. The whole message is kept
	// (Keep) before the lighter one goes up.
	Strip func(ctx context.Context, body *Spool) (lighter *Spool, left string, err error)
	// Landing is the outcome of what OpenTarget's target takes: Copied, or Relayed where that is a relay.
	Landing Outcome
	// Relay and Keep take what the target refuses, in this order; either may be nil. Both are opened once a run, when first needed.
	Relay, Keep func(context.Context) (Target, error)
	// RelayMax is how many messages a run may relay, whether as leftovers or because the target is a relay; what is beyond is kept. 0 is no bound.
	RelayMax int
	// RelayTo says for people who gets what is relayed.
	RelayTo string
	// KeepTwins copies every message even where another with the same digest lies in the same folder (--dedupe=off).
	KeepTwins bool
	// DryRun lists and looks, and writes nothing: not to the target, not to the store.
	DryRun bool
	// Progress takes the counts as they grow; nil keeps them private.
	Progress *Progress
	Log      *slog.Logger
	// Pace, when not nil, is called before each message is handed to the target, with its size in octets, and waits as long as a rate limit wants. An
	// error of it ends the session, once what was handed over before is answered for.
	Pace func(ctx context.Context, octets int64) error
	// Trouble, when not nil, is told of each error that ends a session, before another one is tried.
	Trouble func(error)
	// Now and Sleep are the clock. Sleep returns early with the context's cause when ctx ends. When it refuses to wait that long, Run ends with the
	// error that it would have waited for, whose After says when to call it again.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Grace is how long messages that are on their way when ctx ends may take to be answered for.
	Grace time.Duration
}

// NamedSource is a source and the name that its records carry in the store. The name must not change between runs; it holds no secret.
type NamedSource struct {
	Name string
	// Maildrop is "user@host" of a POP3 server, in lower case, as clients know it; empty for a store on disk. Stores come before maildrops.
	Maildrop string
	// Open is called again for every session.
	Open func(context.Context) (Source, error)
	// Pace, when not nil, is called before each message is asked for, with the octets that are expected: the size that the source has listed, or 0 where
	// only its header is wanted. It waits as long as a rate limit wants. An error of it ends the session, once what was asked for before is dealt with.
	Pace func(ctx context.Context, octets int64) error
}

// Rules are what the user said about messages that come without flags.
type Rules struct {
	// Since and Until leave out messages whose INTERNALDATE is before, or not before; zero is no bound.
	Since, Until time.Time
	// MaxSize leaves out larger messages, in octets; 0 is no bound.
	MaxSize int64
	// IncludeDeleted takes messages that the client has thrown away and not purged.
	IncludeDeleted bool
	// LeaveThrownAway leaves out messages of a maildrop that a client, whose store is another source of the run, has had and deleted.
	LeaveThrownAway bool
	// Retry says of leftovers, which are done with otherwise, that they are tried again; nil says no.
	Retry func(Record) bool
	// SeenBefore marks messages dated before it as \Seen; AllSeen marks every one.
	SeenBefore time.Time
	AllSeen    bool
}
