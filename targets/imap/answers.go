package imap

import (
	"fmt"
	"slices"

	"poplift/migrate"
)

// answers reads what the server says, as long as anything is on its way.
func (r *run) answers(l *lane) {
	for r.underWay() {
		line, st, err := l.w.next()
		switch {
		case err != nil:
			r.mu.Lock()
			early := r.early != nil
			r.mu.Unlock()
			if !early {
				r.fail(err)
			}
			return
		case st.tag == "*":
			if st.code == "PERMANENTFLAGS" {
				r.permanent(st.args)
			}
		case st.tag != "":
			if !r.answered(l, st) {
				return
			}
		case line[0] == '+':
			r.continued()
		}
	}
}

// underWay waits until something is on its way; false means that nothing will be.
func (r *run) underWay() bool {
	for {
		r.mu.Lock()
		n, over := len(r.flights), r.sent || r.err != nil
		failed := r.err != nil
		r.mu.Unlock()
		switch {
		case failed:
			return false
		case n > 0:
			return true
		case over:
			return false
		}
		<-r.flown
	}
}

// continued lets the oldest command that asked send its literal.
func (r *run) continued() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.flights {
		if c.asking {
			c.asking = false
			c.goOn <- true
			signal(r.wake)
			return
		}
	}
}

// answered takes the tagged answer of one command. false means that this connection is over.
func (r *run) answered(l *lane, st status) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.flights, func(c *command) bool { return c.tag == st.tag })
	if i < 0 {
		return r.over(l, fmt.Errorf("an answer to a command that was not sent: %s", answered{st}))
	}
	c := r.flights[i]
	switch {
	case c.whole:
	case st.kind == "OK":
		return r.over(l, fmt.Errorf("a message was called stored before it was sent: %s", answered{st}))
	case c.asking: // refused at its literal: nothing more of it is sent, and all is in order
		c.asking = false
		c.goOn <- false
	default:
		r.early, r.how = c, st
		l.w.conn.Close() // the sender may be writing what nobody reads
		signal(r.wake)
		return false
	}
	r.flights = slices.Delete(r.flights, i, i+1)
	r.octets -= c.octets
	var err error
	switch {
	case len(c.items) == 0: // UNSELECT
	case c.flags:
		err = r.flagsTold(c)
	case c.check != nil:
		err = r.checked(c, st)
	case st.kind == "OK":
		r.stored(c, st)
	default:
		err = r.refused(c, st)
	}
	signal(r.wake)
	signal(r.settled)
	if err != nil {
		return r.over(l, err)
	}
	return true
}

// over ends the run, under mu.
func (r *run) over(l *lane, err error) bool {
	if r.err == nil {
		r.err = err
	}
	l.w.conn.Close()
	signal(r.wake)
	signal(r.settled)
	return false
}

// stored settles a command that the server said OK to.
func (r *run) stored(c *command, st status) {
	r.limited = 0
	validity, uids := appendUID(st, len(c.items))
	for i, it := range c.items {
		it.done = true
		r.storedWithout(it)
		if uids != nil {
			it.receipt.UIDValidity, it.receipt.UID = validity, uids[i]
		}
		if r.lane.w.stars() {
			r.starred(it)
		}
	}
}

// refused deals with a command that is certainly not stored: its halves are sent again, and a single message is settled. The error is one
// that is not the messages' fault. Under mu.
func (r *run) refused(c *command, st status) error {
	e := classify("imap append", c.mailbox, st, migrate.ScopeMessage)
	missing := st.code == "TRYCREATE" || st.code == "NONEXISTENT"
	// A batch that doesn't fit into the quota is halved too, until one message alone doesn't: what fits is stored, in its order, and then it is over.
	full := st.code == "OVERQUOTA" && !bandwidth(st) && len(c.items) > 1
	// Dovecot 2.3 says LIMIT to a message above quota_max_mail_size, others to clients that come too often: it is those if it goes on.
	over := st.code == "LIMIT" && r.limited < maxLimited
	if e.Scope != migrate.ScopeMessage && !missing && !full && !over {
		return e
	}
	// mailutils imap4d: BAD Unrecognized flag; Dovecot 2.3: NO [CANNOT] Keyword length too long.
	if (st.code == "" || st.code == "CANNOT") && r.faulty(c, st) {
		return nil
	}
	if n := len(c.items); n > 1 {
		r.retry(batch{items: c.items[:n/2], inTurn: full})
		r.retry(batch{items: c.items[n/2:], inTurn: full})
		return nil
	}
	it := c.items[0]
	switch {
	case missing:
		r.retry(batch{items: c.items, check: &st})
	case (st.code == "" || st.code == "CANNOT") && it.dropKeywords(): // the date is never left out: the server would put today's
		r.t.report(c.mailbox, it.dropped, st)
		r.retry(batch{items: c.items})
	default:
		if over {
			r.limited++
		}
		it.done, it.err = true, rejected(c.mailbox, answered{st})
	}
	return nil
}

// maxLimited is how many messages in a row may be refused with LIMIT.
const maxLimited = 10

// checked deals with the answer to the question whether the mailbox is there.
func (r *run) checked(c *command, st status) error {
	if st.kind != "OK" {
		return classify("imap append", c.mailbox, *c.check, migrate.ScopeFolder)
	}
	c.items[0].done, c.items[0].err = true, rejected(c.mailbox, answered{*c.check})
	return nil
}

// retry puts a batch where its first upload belongs among those to be sent again. Under mu.
func (r *run) retry(b batch) {
	i, _ := slices.BinarySearchFunc(r.again, b.items[0].n, func(e batch, n int) int { return e.items[0].n - n })
	r.again = slices.Insert(r.again, i, b)
	signal(r.wake)
}
