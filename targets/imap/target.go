// Package imap is the target that uploads mail into an IMAP account, exactly and at the speed of the server.
//
// It is for the engine in migrate. It keeps two connections, both made by one handshake of our own (STARTTLS, SASL, COMPRESS, capabilities as
// they are after the login): the control connection, on which go-imap asks about folders and makes them and our own reader indexes them, and
// the lane, on which messages go up. The lane is made at the first Append only, and is never made in a dry run. On Exchange there is a third one,
// for flags that APPEND doesn't keep.
//
// The upload is ours because go-imap waits two round trips for each message above 4 KiB, can't send MULTIAPPEND (RFC 3502; 3 to 7 times
// the speed on Dovecot), and closes the connection when a message is refused.
//
// Policy: whatever was reported stored is stored; ErrRejected is only for what is certainly not stored; anything in flight on a connection
// that dies is unknown, and is settled by looking (Index), never by sending again. Answers are classified by response code. Nothing that
// a server sends is read without a bound or trusted to be complete. In a dry run no command that changes anything can leave: see guard.
package imap

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// Config is where the account is and how to use it. Only Endpoint and Credentials must be set.
type Config struct {
	Endpoint    mailnet.Endpoint
	Credentials mailnet.Credentials
	// ReadOnly makes it impossible to change anything: folders that are missing stay missing and Append fails.
	ReadOnly bool
	Batch    Batch
	// Log takes alerts of the server and remarks; nil keeps none.
	Log *slog.Logger
}

// Batch is how much is sent before an answer is waited for. Zero values are the defaults, which were measured against Dovecot; tests use others.
type Batch struct {
	// MaxMessages and MaxOctets end a MULTIAPPEND command; 100 messages and 4 MiB. Larger ones gain nothing and cost more to bisect.
	MaxMessages int
	MaxOctets   int64
	// InFlight is how many MULTIAPPEND commands may be unanswered, the open one included; 8. Commands is the same for single APPENDs; 256.
	InFlight, Commands int
	// Window is how many octets may be unanswered before another command begins; 16 MiB. At 40 ms of round trip 8 MiB cost a third of the
	// speed, and more than 16 gained little.
	Window int64
}

func (b Batch) withDefaults() Batch {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&b.MaxMessages, 100)
	set(&b.InFlight, 8)
	set(&b.Commands, 256)
	if b.MaxOctets <= 0 {
		b.MaxOctets = 4 << 20
	}
	if b.Window <= 0 {
		b.Window = 16 << 20
	}
	return b
}

// Target is an IMAP account, opened for one session.
type Target struct {
	cfg  Config
	ctl  *wire
	lib  *library
	room roomAsked

	listing *listing                   // what the server said of its folders so far; nil once the layout is made of it
	layout  migrate.Layout             // and what was made since, unsorted
	at      map[string]int             // the boxes of layout by name; nil until it is made
	ready   map[string]migrate.Mailbox // opened by Prepare and not asked for yet

	mu     sync.Mutex // guards what the lane reads too
	limits map[string]int64
	flags  map[string]*keeps // by folder
	odd    map[string]string // folders whose name on the wire is not their text's, by name
	lane   *lane

	starring *wire // Append's connection for flags; see star
	cutStars context.CancelCauseFunc
}

var (
	_ migrate.FlagChecker = (*Target)(nil)
	_ migrate.Target      = (*Target)(nil)
	_ migrate.Layouter    = (*Target)(nil)
	_ migrate.Opener      = (*Target)(nil)
	_ migrate.Flagger     = (*Target)(nil)
	_ migrate.Indexer     = (*Target)(nil)
	_ migrate.Limiter     = (*Target)(nil)
	_ migrate.Quoter      = (*Target)(nil)
)

// Open connects and logs in. The session is cut when ctx ends. The questions that every session has (ID, NAMESPACE, quota, LIST) are sent along at
// once and answered on the way, so that they cost no round trip.
func Open(ctx context.Context, cfg Config) (*Target, error) {
	cfg.Batch = cfg.Batch.withDefaults()
	w, err := dial(ctx, &cfg, "imap")
	if err != nil {
		return nil, err
	}
	t := &Target{cfg: cfg, ctl: w, limits: map[string]int64{}, odd: map[string]string{}, flags: map[string]*keeps{}, ready: map[string]migrate.Mailbox{}}
	var asked []question
	if w.caps.has("ID") {
		asked = append(asked, question{command: identity})
	}
	if w.caps.has("NAMESPACE") {
		asked = append(asked, question{command: "NAMESPACE"})
	}
	if w.caps.has("QUOTA") {
		asked = append(asked, question{command: "GETQUOTAROOT INBOX"})
		t.room.fresh = true
	}
	if err := w.probe(append(asked, t.listQuestions(false)...)); err != nil {
		w.conn.Close()
		return nil, err
	}
	t.lib = newLibrary(w)
	return t, nil
}

// Close logs out without waiting long, and cuts both connections.
func (t *Target) Close() error {
	t.closeLane()
	if t.lib.usable() {
		timer := time.AfterFunc(logoutPatience, func() { t.ctl.conn.Close() })
		if tag, err := t.ctl.command("LOGOUT", ""); err == nil {
			t.ctl.await(tag, func([]byte, status) error { return nil })
		}
		timer.Stop()
	}
	t.lib.close()
	return nil
}

// logoutPatience is how long a server may take to say goodbye. Nothing depends on it: every message is answered for by then.
const logoutPatience = time.Second

// during cuts the control connection when ctx ends before stop is called.
func (t *Target) during(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { t.ctl.conn.Close() })
}

// because is err, or the reason why ctx ended when that is what broke the connection.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// MaxSize is the APPENDLIMIT (RFC 7889) in octets: of the server, or of the mailbox when it has its own; 0 when neither is known.
func (t *Target) MaxSize(mb migrate.Mailbox) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.limits[mb.Name]; n > 0 {
		return n
	}
	return t.ctl.caps.appendLimit()
}
