package imap

import (
	"bufio"
	"context"
	"errors"
	"time"

	"poplift/migrate"
)

// method is how messages go up, the fastest that the server offers.
type method uint8

const (
	// multi puts many messages into one command, each behind a non-synchronizing literal (MULTIAPPEND and LITERAL+).
	multi method = iota
	// pipelined sends one command a message, without waiting (LITERAL+, RFC 7888).
	pipelined
	// synchronizing waits for the server's "+" before each message; the next one's command goes right behind a message's body, so that it
	// costs one round trip and not two. With LITERAL-, messages up to 4096 octets don't wait.
	synchronizing
)

const (
	// idleClose is how long an open MULTIAPPEND command waits for another message. It must end when the next message can't come before this
	// one is answered for (the memory budget is used up), and a short pause of the source costs only a smaller batch.
	idleClose = 20 * time.Millisecond
	// laneBuffer is how much is written to the network at a time.
	laneBuffer = 128 << 10
	// maxRedials is how often in a row a lane may be made anew, without a message settled, because the server answered in mid-command.
	maxRedials = 20
	// smallLiteral is the largest literal that LITERAL- lets go without waiting (RFC 7888 5).
	smallLiteral = 4096
)

// lane is the connection for uploads.
type lane struct {
	w      *wire
	bw     *bufio.Writer
	how    method
	small  bool // LITERAL-
	limits Batch
	cut    context.CancelCauseFunc
}

// openLane returns the lane, made now when there is none. It lives until closeLane, not only as long as the Append that made it.
func (t *Target) openLane(ctx context.Context) (*lane, error) {
	t.mu.Lock()
	l := t.lane
	t.mu.Unlock()
	if l != nil {
		return l, nil
	}
	if t.cfg.ReadOnly {
		return nil, &migrate.Error{Op: "imap append", Scope: migrate.ScopeRun, Final: true, Err: errReadOnly}
	}
	w, cut, err := t.another(ctx, "imap-lane")
	if err != nil {
		return nil, err
	}
	l = &lane{w: w, bw: bufio.NewWriterSize(w.conn, laneBuffer), limits: t.cfg.Batch, cut: cut}
	switch plus := w.caps.has("LITERAL+"); {
	case plus && w.caps.has("MULTIAPPEND"):
		l.how = multi
	case plus:
		l.how = pipelined
	default:
		l.how, l.small = synchronizing, w.caps.has("LITERAL-") || w.caps.has("IMAP4REV2")
	}
	if w.caps.has("ID") {
		if err := w.probe([]question{{command: identity}}); err != nil {
			l.close()
			return nil, err
		}
	}
	t.mu.Lock()
	t.lane = l
	t.mu.Unlock()
	return l, nil
}

// another makes a connection that outlives ctx, until cut is called.
func (t *Target) another(ctx context.Context, name string) (w *wire, cut context.CancelCauseFunc, err error) {
	lctx, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cut(context.Cause(ctx)) })
	defer stop()
	if w, err = dial(lctx, &t.cfg, name); err != nil {
		cut(nil)
		return nil, nil, afterLogin(err)
	}
	return w, cut, nil
}

// afterLogin is a login refused on the second connection though the first one's was taken with the same secret: too many connections, or a
// server that is shutting down. It is worth another session, unless its code says otherwise.
func afterLogin(err error) error {
	var e *migrate.Error
	var a answered
	if errors.As(err, &e) && errors.As(err, &a) && a.code == "" {
		return &migrate.Error{Op: e.Op, Subject: e.Subject, After: 5 * time.Second, Hint: e.Hint, Crowded: true, Err: a}
	}
	return err
}

func (l *lane) close() {
	l.w.conn.Close()
	l.cut(nil)
}

// dropLane forgets a lane that died.
func (t *Target) dropLane(l *lane) {
	l.close()
	t.mu.Lock()
	if t.lane == l {
		t.lane = nil
	}
	t.mu.Unlock()
}

// closeLane ends the lane, and what goes with it, politely, without waiting for the answer.
func (t *Target) closeLane() {
	t.mu.Lock()
	l := t.lane
	t.lane = nil
	t.mu.Unlock()
	if l != nil {
		l.w.command("LOGOUT", "")
		l.close()
	}
	if t.starring != nil {
		t.starring.command("LOGOUT", "")
		t.starring.conn.Close()
		t.cutStars(nil)
		t.starring = nil
	}
}
