package pop3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"poplift/migrate"
)

// Messages yields the maildrop in the order of its numbers, which is that of arrival. It is asked for once a session. A message without
// a unique id, or with one that another has too, is not Stable. A number that STAT counts and no list names is yielded as an error.
func (s *Source) Messages(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		if err := s.listed(ctx); err != nil {
			yield(migrate.Entry{}, err)
			return
		}
		l, num := s.list, 0
		for _, it := range l.items {
			for num++; num < int(it.num); num++ {
				if !yield(missing(num)) {
					return
				}
			}
			if !yield(migrate.Entry{ID: l.id(it), Stable: it.stable(), Size: it.size, Seq: num}, nil) {
				return
			}
		}
		for num++; num <= l.count; num++ {
			if !yield(missing(num)) {
				return
			}
		}
	}
}

func missing(num int) (migrate.Entry, error) {
	return migrate.Entry{ID: "#" + strconv.Itoa(num), Seq: num}, &migrate.Error{
		Op: "pop3 list", Subject: "message " + strconv.Itoa(num), Scope: migrate.ScopeMessage,
		Err: errors.New("the server counts it, but neither UIDL nor LIST names it"),
	}
}

// listed makes sure that the listing is there.
func (s *Source) listed(ctx context.Context) error {
	if s.list != nil {
		return nil
	}
	release, err := s.begin(ctx)
	if err != nil {
		return err
	}
	s.list, err = s.readListing()
	if err != nil {
		err = because(ctx, err)
		var classified *migrate.Error
		if !errors.As(err, &classified) {
			err = &migrate.Error{Op: "pop3 list", Subject: s.cfg.Endpoint.Address, Err: err}
		}
	}
	release(err)
	return err
}

// readListing asks STAT, UIDL and LIST, in one round trip when the server takes that. UIDL is asked for whether or not CAPA has it: some
// hide it. Each may be refused; all of them only when there is nothing to go by.
func (s *Source) readListing() (*listing, error) {
	var l lister
	count, refused := -1, 0
	steps := []struct {
		command string
		each    func([]byte)
	}{{"STAT", nil}, {"UIDL", l.idLine}, {"LIST", l.sizeLine}}
	ahead := s.conn.caps.has("PIPELINING")
	if ahead {
		if err := s.conn.send("STAT\r\nUIDL\r\nLIST", ""); err != nil {
			return nil, err
		}
	}
	for _, step := range steps {
		if !ahead {
			if err := s.conn.send(step.command, ""); err != nil {
				return nil, err
			}
		}
		st, err := s.conn.answer()
		if err == nil && st.is == isMore {
			err = errDesync
		}
		if err == nil && st.is == isOK {
			if step.each == nil {
				count = counted(st.text)
				l.reserve(count)
			} else {
				err = s.conn.lines(step.each)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.ToLower(step.command), err)
		}
		if st.is == isErr {
			e := refusal(st, migrate.Error{Op: "pop3 " + strings.ToLower(step.command), Subject: s.cfg.Endpoint.Address, Scope: migrate.ScopeMessage},
				s.conn.loginDelay)
			if refused++; e.Scope != migrate.ScopeMessage || refused == len(steps) {
				e.Scope = migrate.ScopeSession
				return nil, e
			}
			s.log.Info("pop3: a listing was refused", "server", s.cfg.Endpoint.Address, "command", step.command, "text", st.text)
		}
	}
	out := l.merge(count, refused == len(steps)-1 && count >= 0)
	if count >= 0 && len(out.items) != count || l.junk > 0 {
		s.log.Warn("pop3: the server's lists disagree", "server", s.cfg.Endpoint.Address,
			"stat", count, "uidl", len(l.ids), "list", len(l.sizes), "unreadable", l.junk)
	}
	return out, nil
}

// counted reads STAT's first number; -1 when it is none, or beyond all reason.
func counted(text string) int {
	first, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(first)
	if err != nil || n < 0 || n > maxLines {
		return -1
	}
	return n
}
