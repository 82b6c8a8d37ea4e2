package migratetest

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"

	"poplift/migrate"
)

// Letter is a message in a Maildrop.
type Letter struct {
	ID  string
	Raw string
	// Unstable makes the ID good for one session only.
	Unstable bool
	Folder   migrate.Path
	// Role, Flags, UIDL, Partial and Deleted are what a client would have noted.
	Role             migrate.Role
	Flags            []migrate.Flag
	UIDL             string
	Partial, Deleted bool
	// Unreadable makes fetching it fail, with scope message.
	Unreadable bool
}

// Maildrop is a source in memory.
type Maildrop struct {
	Letters []Letter
	Pool    *migrate.Pool
	Crash   *Crasher
	// Window lists only so many letters a session, those that no polite end has hidden yet (Gmail's POP3); 0 lists all.
	Window int
	// Top lets headers be read alone.
	Top bool
	// Remembers is what a client remembers of maildrops.
	Remembers []migrate.Memory
	// KillsOn is a letter whose fetching ends the connection, every time.
	KillsOn string

	mu      sync.Mutex
	fetched []string
	hidden  map[string]bool
}

// Fetched returns the IDs whose bodies were read since the last call.
func (d *Maildrop) Fetched() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.fetched
	d.fetched = nil
	return f
}

// Open starts a session.
func (d *Maildrop) Open(ctx context.Context) (migrate.Source, error) {
	l := d.Crash.life()
	if err := l.step(); err != nil {
		return nil, err
	}
	s := &maildropSession{drop: d, life: l, ctx: ctx}
	for _, m := range d.Letters {
		if !d.hidden[m.ID] && (d.Window == 0 || len(s.listed) < d.Window) {
			s.listed = append(s.listed, m)
		}
	}
	if d.Top {
		return withTop{s}, nil
	}
	return s, nil
}

type maildropSession struct {
	drop   *Maildrop
	ctx    context.Context
	life   life
	listed []Letter
	read   []string
	rude   bool
}

var _ migrate.Source = (*maildropSession)(nil)

// Memories is migrate.Rememberer's.
func (s *maildropSession) Memories() []migrate.Memory { return s.drop.Remembers }

func (s *maildropSession) Windowed() bool { return s.drop.Window > 0 }

func (s *maildropSession) Messages(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		if err := s.life.step(); err != nil {
			yield(migrate.Entry{}, err)
			return
		}
		for i, m := range s.listed {
			if !yield(migrate.Entry{ID: m.ID, Stable: !m.Unstable, Folder: m.Folder, Size: int64(len(m.Raw)), Seq: i + 1,
				Role: m.Role, Flags: m.Flags, UIDL: m.UIDL, Partial: m.Partial, Deleted: m.Deleted}, nil) {
				return
			}
		}
	}
}

func (s *maildropSession) Fetch(ctx context.Context, entries iter.Seq[migrate.Entry]) iter.Seq2[*migrate.Message, error] {
	return func(yield func(*migrate.Message, error) bool) {
		s.rude = true
		for e := range entries {
			m, err := s.fetch(ctx, e)
			if !yield(m, err) || err != nil && !s.listed[e.Seq-1].Unreadable {
				return
			}
		}
		s.rude = false
	}
}

// withTop is a session with a server that has TOP.
type withTop struct{ *maildropSession }

var _ migrate.HeaderReader = withTop{}

func (s withTop) Headers(ctx context.Context, entries iter.Seq[migrate.Entry]) iter.Seq2[*migrate.Message, error] {
	return func(yield func(*migrate.Message, error) bool) {
		for e := range entries {
			m := &migrate.Message{Entry: e}
			err := s.life.step()
			if err == nil {
				sp := s.drop.Pool.NewSpool(ctx)
				header, _, _ := strings.Cut(s.listed[e.Seq-1].Raw, "\r\n\r\n")
				sp.Write([]byte(header + "\r\n\r\n"))
				m.Identity, m.Header = sp.Seal()
				sp.Release()
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

func (s *maildropSession) fetch(ctx context.Context, e migrate.Entry) (*migrate.Message, error) {
	m := &migrate.Message{Entry: e}
	if err := s.life.step(); err != nil {
		return m, err
	}
	letter := s.listed[e.Seq-1]
	switch {
	case ctx.Err() != nil:
		return m, context.Cause(ctx)
	case letter.Unreadable:
		return m, &migrate.Error{Op: "fetch", Subject: e.ID, Scope: migrate.ScopeMessage, Err: fmt.Errorf("no such message")}
	case letter.ID == s.drop.KillsOn:
		return m, ErrCut
	}
	m.Body = s.drop.Pool.NewSpool(ctx)
	if _, err := m.Body.Write([]byte(letter.Raw)); err != nil {
		m.Body.Release()
		return &migrate.Message{Entry: e}, err
	}
	m.Identity, m.Header = m.Body.Seal()
	s.read = append(s.read, e.ID)
	s.drop.mu.Lock()
	s.drop.fetched = append(s.drop.fetched, e.ID)
	s.drop.mu.Unlock()
	return m, nil
}

func (s *maildropSession) Close() error {
	if s.rude || s.ctx.Err() != nil || s.drop.Window == 0 || s.life.step() != nil {
		return nil
	}
	if s.drop.hidden == nil {
		s.drop.hidden = map[string]bool{}
	}
	for _, id := range s.read {
		s.drop.hidden[id] = true
	}
	return nil
}
