package main

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"poplift/migrate"
)

// shared is what the accounts of one run have together.
type shared struct {
	pool   *migrate.Pool
	window int64
	limit  func(endpoint) []*rate.Limiter
	// gate is what lets messages go over one end; nil lets all.
	gate    func(endpoint) *gate
	sleep   func(context.Context, time.Duration) error
	trouble func(error)
	logins  *logins // nil asks for every log-in
}

// gate is what lets messages go over an end, or nil.
func (j *copyJob) gate(e end) *gate {
	if j.shared == nil || j.shared.gate == nil || e.onDisk() {
		return nil
	}
	return j.shared.gate(e.endpoint)
}

// logins is what keeps refused log-ins from being asked for again; a person who runs a copy by hand may ask as often as he likes.
func (j *copyJob) logins() *logins {
	if j.shared == nil {
		return nil
	}
	return j.shared.logins
}
