package pop3

import (
	"context"
	"errors"
	"slices"
	"testing"

	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
)

func TestClose(t *testing.T) {
	msgs := letters(3)
	s := newServer(t, nil, msgs...)
	src := mustOpen(t, config(s))
	fetchAll(t, src)
	for range 2 {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
	if log := s.Log(); !slices.Equal(log[len(log)-2:], []string{"RSET", "QUIT"}) || count(log, "DELE") > 0 {
		t.Errorf("%q", log)
	}
	for _, err := range src.Fetch(t.Context(), slices.Values([]migrate.Entry{{Seq: 1}})) {
		if err == nil {
			t.Error("fetched from a closed source")
		}
	}

	s = newServer(t, nil, msgs...)
	src = mustOpen(t, config(s))
	for m := range src.Fetch(t.Context(), slices.Values(list(t, src))) {
		m.Body.Release()
		break
	}
	for _, err := range src.Fetch(t.Context(), slices.Values(list(t, src))) {
		if err == nil || !errors.Is(err, errAbandoned) {
			t.Error(err)
		}
	}
	src.Close()
	if count(s.Log(), "QUIT") > 0 {
		t.Error("polite after an abandoned fetch")
	}
}

func TestForeignEntry(t *testing.T) {
	s := newServer(t, nil, letters(3)...)
	src := mustOpen(t, config(s))
	entries := list(t, src)
	entries[1].ID = "of another session"
	got := fetch(t, src, entries)
	if len(got) != 2 || got[0].err != nil || got[1].err == nil || got[1].entry.Seq != 2 {
		t.Errorf("%+v", got)
	}
	if count(s.Log(), "RETR 2") > 0 {
		t.Error("it was asked for")
	}
}

func TestInterrupted(t *testing.T) {
	why := errors.New("ctrl-c")
	s := newServer(t, func(s *pop3test.Server) {
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if cmd == "RETR 3" {
				return pop3test.Stall()
			}
			return pop3test.Pass()
		}
	}, letters(5)...)
	src := mustOpen(t, config(s))
	entries := list(t, src)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var last error
	n := 0
	for m, err := range src.Fetch(ctx, slices.Values(entries)) {
		last = err
		if m.Body.Release(); err == nil {
			n++
		}
		cancel(why)
	}
	if n == 0 || n > 2 || !errors.Is(last, why) { // the second may have been here already
		t.Errorf("%d messages, %v", n, last)
	}
	for _, err := range src.Messages(ctx) {
		if err != nil {
			t.Errorf("the listing is there: %v", err)
		}
	}
	src.Close()
}

func TestCloseFromAnotherGoroutine(t *testing.T) {
	begun := make(chan struct{})
	s := newServer(t, func(s *pop3test.Server) {
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if cmd == "RETR 2" {
				close(begun)
				return pop3test.Stall()
			}
			return pop3test.Pass()
		}
	}, letters(2)...)
	src := mustOpen(t, config(s))
	entries := list(t, src)
	done := make(chan error)
	go func() {
		var last error
		for m, err := range src.Fetch(context.Background(), slices.Values(entries)) {
			m.Body.Release()
			last = err
		}
		done <- last
	}()
	<-begun
	src.Close()
	if err := <-done; err == nil {
		t.Error("no error")
	}
	if count(s.Log(), "QUIT") > 0 {
		t.Error("polite in the middle of a fetch")
	}
}
