package main

import (
	"bytes"
	"strings"
	"testing"

	"poplift/migrate"
)

func TestBar(t *testing.T) {
	var screen bytes.Buffer
	width := 100
	b := newBar(&screen, func() int { return width })
	last := func() string {
		s := screen.String()
		return s[strings.LastIndex(s, clearLine)+len(clearLine):]
	}
	b.show(migrate.Snapshot{Phase: "connecting"})
	if got := last(); got != "/ connecting" {
		t.Errorf("before the listing: %q", got)
	}
	s := migrate.Snapshot{Phase: "copying", Listed: migrate.Tally{Messages: 10, Octets: 4 << 20}, Settled: migrate.Tally{Messages: 5, Octets: 2 << 20}}
	b.show(s)
	for _, want := range []string{"copying 5/10", " 49% [", "2.0/4.0 MiB", ">"} {
		if !strings.Contains(last(), want) {
			t.Errorf("%q does not show %q", last(), want)
		}
	}
	s.Note, s.Settled = "the server is gone", s.Listed
	b.show(s)
	if !strings.Contains(last(), "the server is gone 10/10") {
		t.Errorf("at the end: %q", last())
	}
	s.Note, s.Listed = "", migrate.Tally{Messages: 20, Octets: 8 << 20} // the next session shows more
	b.show(s)
	if !strings.Contains(last(), "copying 10/20") || !strings.Contains(last(), "4.0/8.0 MiB") {
		t.Errorf("after a longer listing: %q", last())
	}
	width = 20
	b.show(s)
	if len(last()) >= 20 {
		t.Errorf("%d columns on a terminal of 20: %q", len(last()), last())
	}
	screen.Reset()
	b.Write([]byte("a log line\n"))
	if got := screen.String(); !strings.HasPrefix(got, clearLine+"a log line\ncopying") {
		t.Errorf("a log line beside the bar: %q", got)
	}
	b.clear()
	screen.Reset()
	b.show(s)
	b.Write([]byte("after\n"))
	if got := screen.String(); got != "after\n" {
		t.Errorf("after the end: %q", got)
	}
}

func TestBarOfEmptyMessages(t *testing.T) {
	var screen bytes.Buffer
	b := newBar(&screen, func() int { return 0 })
	b.show(migrate.Snapshot{Phase: "copying", Listed: migrate.Tally{Messages: 3}, Settled: migrate.Tally{Messages: 1}})
	if !strings.Contains(screen.String(), "copying 1/3") {
		t.Errorf("%q", screen.String())
	}
}
