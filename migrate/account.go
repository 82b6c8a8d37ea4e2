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
	// Route says which folder an entry goes to; nil keeps the entry's own. It is pure.
	Route func(Entry) Path
	Rules Rules
	// KeepTwins copies every message even where another with the same digest lies in the same folder (--dedupe=off).
	KeepTwins bool
	// DryRun lists and looks, and writes nothing: not to the target, not to the store.
	DryRun bool
	// Progress takes the counts as they grow; nil keeps them private.
	Progress *Progress
	Log      *slog.Logger
	// Now and Sleep are the clock. Sleep returns early with the context's cause when ctx ends.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Grace is how long messages that are on their way when ctx ends may take to be answered for.
	Grace time.Duration
}

// NamedSource is a source and the name that its records carry in the store. The name must not change between runs; it holds no secret.
type NamedSource struct {
	Name string
	// Open is called again for every session.
	Open func(context.Context) (Source, error)
}

// Rules are what the user said about messages that come without flags.
type Rules struct {
	// Since and Until leave out messages whose INTERNALDATE is before, or not before; zero is no bound.
	Since, Until time.Time
	// MaxSize leaves out larger messages, in octets; 0 is no bound.
	MaxSize int64
	// IncludeDeleted takes messages that the client has thrown away and not purged.
	IncludeDeleted bool
	// SeenBefore marks messages dated before it as \Seen; AllSeen marks every one.
	SeenBefore time.Time
	AllSeen    bool
}
