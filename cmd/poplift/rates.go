package main

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"poplift/cmd/poplift/jobs"
	"poplift/migrate/mailnet"
)

// rates are what one server is asked for a second, by all accounts and connections together. They halve when it refuses for its load, and grow back while
// it doesn't.
type rates struct {
	now func() time.Time

	mu     sync.Mutex
	budget jobs.Budget
	// messages and octets are nil where there is no bound; then a refusal is a matter for the fleet, which opens fewer sessions.
	messages, octets *rate.Limiter
	// share is how much of the budget is asked for, changed when that was said.
	share   float64
	changed time.Time
}

const (
	// leastShare keeps a server that refuses everything from bringing a run to a standstill: then it is the sessions that end it.
	leastShare = 1.0 / 16
	// growth is what the share grows by after each calm without a refusal: from a half, a server is asked for all again after eight minutes.
	growth = 1.0 / 8
	calm   = 2 * time.Minute
	// gust is how long refusals count as one: a server that has had enough says so to all sessions at once.
	gust = 15 * time.Second
)

// ratesOf are those of an end's server, by what the jobs file says now.
func (c *campaign) ratesOf(e jobs.Endpoint) *rates {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.rates[e.Address()]
	if !ok {
		r = &rates{now: c.env.now, share: 1}
		c.rates[e.Address()] = r
	}
	r.set(c.file.Budget(e))
	return r
}

// set takes over a budget; the jobs file may have been read again.
func (r *rates) set(b jobs.Budget) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget = b
	if b.MessagesPerSecond > 0 && r.messages == nil {
		r.messages = rate.NewLimiter(0, max(1, int(b.MessagesPerSecond)))
	}
	if b.BytesPerSecond > 0 && r.octets == nil {
		r.octets = rate.NewLimiter(0, mailnet.ReadBuffer)
	}
	r.apply()
}

// apply sets the limiters. Under mu.
func (r *rates) apply() {
	part := func(l *rate.Limiter, full float64) {
		switch {
		case l == nil:
		case full <= 0:
			l.SetLimit(rate.Inf)
		default:
			l.SetLimit(rate.Limit(full * r.share))
		}
	}
	part(r.messages, r.budget.MessagesPerSecond)
	part(r.octets, float64(r.budget.BytesPerSecond))
}

// any says whether there is a rate to keep to. Under mu.
func (r *rates) any() bool { return r.budget.MessagesPerSecond > 0 || r.budget.BytesPerSecond > 0 }

// bounded is any.
func (r *rates) bounded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.any()
}

// refused halves the rates, and says whether there are any.
func (r *rates) refused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.any() {
		return false
	}
	now := r.now()
	if r.share < 1 && now.Sub(r.changed) < gust {
		return true
	}
	r.share, r.changed = max(r.share/2, leastShare), now
	r.apply()
	return true
}

// calmed lets the rates grow when there has been no refusal for a while. It is called for each message.
func (r *rates) calmed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); r.share < 1 && now.Sub(r.changed) >= calm {
		r.share, r.changed = min(r.share+growth, 1), now
		r.apply()
	}
}

// wait waits until one more message is in turn.
func (r *rates) wait(ctx context.Context) error {
	r.calmed()
	r.mu.Lock()
	l := r.messages
	r.mu.Unlock()
	if l == nil {
		return nil
	}
	turn := l.Reserve()
	if err := sleep(ctx, turn.Delay()); err != nil { // not l.Wait: it gives up long before the end of a context that has one
		turn.Cancel()
		return err
	}
	return nil
}

// limitersOf are the limits of octets that a connection keeps to: that of the whole run, and its server's own.
func (c *campaign) limitersOf(a *jobs.Account, e endpoint) (out []*rate.Limiter) {
	if c.bandwidth != nil {
		out = append(out, c.bandwidth)
	}
	if end := endOfAccount(a, e); end.Host != "" {
		r := c.ratesOf(end)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.octets != nil {
			out = append(out, r.octets)
		}
	}
	return out
}
