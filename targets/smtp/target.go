package smtp

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"

	"poplift/migrate"
)

// Target is a relay, opened for one session.
type Target struct {
	cfg  Config
	life context.Context
	end  context.CancelFunc
	s    *session     // nil when it is to be made anew
	max  atomic.Int64 // the relay's SIZE
}

var (
	_ migrate.Target  = (*Target)(nil)
	_ migrate.Limiter = (*Target)(nil)
)

// Open checks the configuration, connects and logs in. The session is cut when ctx ends.
func Open(ctx context.Context, cfg Config) (*Target, error) {
	cfg, err := cfg.prepared()
	if err != nil {
		return nil, &migrate.Error{Op: "smtp open", Subject: cfg.Endpoint.Address, Scope: migrate.ScopeRun, Final: true, Err: err}
	}
	t := &Target{cfg: cfg}
	t.life, t.end = context.WithCancel(ctx)
	if _, err := t.session(ctx); err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// session returns the connection, made now when there is none.
func (t *Target) session(ctx context.Context) (*session, error) {
	if t.s != nil {
		return t.s, nil
	}
	s, err := dial(ctx, t.life, &t.cfg)
	if err != nil {
		return nil, err
	}
	t.s = s
	t.max.Store(s.caps.size())
	return s, nil
}

// drop forgets a connection that is over.
func (t *Target) drop() {
	t.s.close()
	t.s = nil
}

// MaxSize is what the relay says to take (SIZE, RFC 1870), in octets; 0 when it doesn't say. What goes on top of a message counts towards it, so
// that Append may refuse one that is just as large.
func (t *Target) MaxSize(migrate.Mailbox) int64 { return t.max.Load() }

// Close says goodbye without waiting long.
func (t *Target) Close() error {
	if t.s != nil {
		t.s.quit()
		t.s = nil
	}
	t.end()
	return nil
}

// Append relays messages one by one. What its errors mean is said at the top of the package.
func (t *Target) Append(ctx context.Context, uploads iter.Seq[migrate.Upload]) iter.Seq2[migrate.Receipt, error] {
	return func(yield func(migrate.Receipt, error) bool) {
		for u := range uploads {
			err := t.relay(ctx, u)
			if !yield(migrate.Receipt{Upload: u}, err) || err != nil && classOf(err).Scope != migrate.ScopeMessage {
				return
			}
		}
	}
}

// relay is one message's way.
func (t *Target) relay(ctx context.Context, u migrate.Upload) error {
	if t.cfg.ReadOnly {
		return &migrate.Error{Op: "smtp message", Scope: migrate.ScopeRun, Final: true, Err: errReadOnly}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	o, err := t.order(u)
	if err != nil {
		return err
	}
	sv, err := examine(u.Message.Body)
	if err != nil {
		return &migrate.Error{Op: "smtp message", Subject: t.cfg.Endpoint.Address, Err: err}
	}
	if err := sv.circles(t.cfg.MaxReceived); err != nil {
		return t.refused(hintLoop, err)
	}
	for first := true; ; first = false {
		s, err := t.session(ctx)
		if err != nil {
			return err
		}
		l, err := t.letter(o, sv, u, s)
		if err != nil {
			return err
		}
		if first && t.cfg.Wait != nil {
			if err := t.cfg.Wait(ctx, l.size); err != nil {
				return err
			}
		}
		stop := s.obey(ctx)
		worn := s.settled > 0
		tx := s.deliver(l, t.cfg.From, o.to)
		stop()
		if tx.gone {
			t.drop()
		}
		switch {
		case tx.err == nil:
			return verdict(t.cfg.Endpoint.Address, tx.step, tx.answers)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !tx.gone || !first || s.odd || !worn && !tx.atMAIL:
			return tx.err
		}
		t.cfg.Log.Info("smtp: the connection ended between messages, and is made anew", "server", t.cfg.Endpoint.Address)
	}
}

// order is what the configuration and the upload say about a letter.
func (t *Target) order(u migrate.Upload) (*order, error) {
	o := &order{as: t.cfg.As, operator: t.cfg.Operator, to: t.cfg.To, now: t.cfg.Now(), language: t.cfg.Language, folder: u.Mailbox.Name,
		flags: u.Flags, date: u.Date}
	var err error
	if t.cfg.Recipients != nil {
		if o.to, err = t.cfg.mailboxes(t.cfg.Recipients(u)); err != nil {
			return nil, t.refused("", err)
		}
	}
	if o.folder == "" {
		o.folder = u.Message.Folder.String()
	}
	if o.date.IsZero() {
		o.date = u.Message.Date
	}
	if o.id, err = newID(t.cfg.Random, t.cfg.Operator); err == nil {
		o.boundary, err = newToken(t.cfg.Random)
	}
	if err != nil {
		return nil, &migrate.Error{Op: "smtp message", Scope: migrate.ScopeRun, Err: err}
	}
	o.boundary = "=_" + o.boundary // can be in no base64 or quoted-printable (RFC 2045 6.7)
	return o, nil
}

// letter composes for one connection, and asks for its size before a byte is sent.
func (t *Target) letter(o *order, sv *survey, u migrate.Upload, s *session) (*letter, error) {
	l, err := compose(o, sv, u.Message.Body, s.caps)
	if err != nil {
		return nil, t.refused("", err)
	}
	if limit := s.caps.size(); limit > 0 && l.size > limit {
		return nil, t.refused(hintTooBig, fmt.Errorf("%d octets are more than the %d that the relay takes", l.size, limit))
	}
	if o.as == Resent && l.tail != "" {
		t.cfg.Log.Debug("smtp: sent attached, because the relay can't take it as it is", "message", u.Message.ID)
	}
	return l, nil
}

func (t *Target) refused(hint string, cause error) error {
	return refused("smtp message", t.cfg.Endpoint.Address, hint, cause)
}

// circles says that a message must not be relayed once more.
func (s *survey) circles(maxReceived int) error {
	switch {
	case s.ours != "":
		return fmt.Errorf("%w: poplift has relayed this message before (%s)", errLoop, s.ours)
	case s.received > maxReceived:
		return fmt.Errorf("%w: %d Received fields are more than %d", errLoop, s.received, maxReceived)
	}
	return nil
}
