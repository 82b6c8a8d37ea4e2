package imap

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
)

// roomAsked is what is known of the quota.
type roomAsked struct {
	fresh bool         // it was asked for with the first questions
	left  atomic.Int64 // what the last answer left, plus one; 0 is unknown. The lane reads it
}

// Room is how many octets fit into the account yet (RFC 9208), by the tightest of its quota roots. It is asked by our own hand: go-imap ends
// the connection on answers that servers do give, such as a limit of -1.
func (t *Target) Room(ctx context.Context) (octets int64, ok bool, err error) {
	if !t.ctl.caps.has("QUOTA") {
		return 0, false, nil
	}
	defer t.during(ctx)()
	if !t.room.fresh {
		t.ctl.quota = nil
		if err := t.ctl.probe([]question{{command: "GETQUOTAROOT INBOX"}}); err != nil {
			return 0, false, because(ctx, err)
		}
	}
	t.room.fresh = false
	if err := t.ctl.settle(); err != nil {
		return 0, false, because(ctx, err)
	}
	if octets, ok = roomOf(t.ctl.quota); ok {
		t.room.left.Store(octets + 1)
	}
	return octets, ok, nil
}

// roomOf reads QUOTA answers, one a line: root (STORAGE used limit …), in KiB. What makes no sense says nothing.
func roomOf(quota []byte) (octets int64, ok bool) {
	for _, line := range bytes.Split(quota, []byte("\n")) {
		s := scanner{line}
		s.value() // the root's name
		in, kind := s.value()
		if kind != list {
			continue
		}
		for s := (scanner{in}); s.space(); {
			name, kind := s.value()
			if kind == nothing {
				break
			}
			used, _ := s.value()
			limit, _ := s.value()
			u, ok1 := number(used)
			l, ok2 := number(limit)
			if !strings.EqualFold(string(name), "STORAGE") || !ok1 || !ok2 || l > 1<<50 || u > 1<<50 {
				continue
			}
			left := max(int64(l)-int64(u), 0) << 10
			if !ok || left < octets {
				octets, ok = left, true
			}
		}
	}
	return octets, ok
}
