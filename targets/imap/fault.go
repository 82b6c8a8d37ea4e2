package imap

import (
	"context"
	"errors"
	"slices"

	"poplift/migrate"
)

// flags are those to send with a message now.
func (r *run) flags(it *item) []string {
	return r.t.fit(it.up.Mailbox.Name, it.up.Flags, it.longest)
}

// keywordsOf are the keywords among flags that are longer than so many octets.
func keywordsOf(flags []string, longer int) (out []string) {
	for _, f := range flags {
		if f[0] != '\\' && len(f) > longer {
			out = append(out, f)
		}
	}
	return out
}

// dropKeywords takes keywords from a message that was refused alone: the long ones if there are any, else all. false when it has none.
func (it *item) dropKeywords() bool {
	longest := 0
	if it.longest > shortKeyword && keywordsOf(it.sent, shortKeyword) != nil {
		longest = shortKeyword
	}
	it.dropped = keywordsOf(it.sent, longest)
	it.longest = longest
	return it.dropped != nil
}

// storedWithout notes what a message was refused with and stored without, when that tells which keyword it was. Under mu.
func (r *run) storedWithout(it *item) {
	if len(it.dropped) == 1 || it.longest == shortKeyword {
		for _, f := range it.dropped {
			r.t.refuse(it.up.Mailbox.Name, f)
		}
	}
}

// flagFault is what to do about a refused command whose flags may be the reason.
type flagFault uint8

const (
	noFault    flagFault = iota
	askFlags             // ask the server which flags the folder keeps
	awaitFlags           // that is being asked
	fewerFlags           // send it again: by what is known now, other flags go out
)

// flagsAtFault looks at the flags of a refused command. It asks once for each folder, and only when there was a keyword: most servers keep all.
// Under mu.
func (r *run) flagsAtFault(c *command) flagFault {
	keyword := false
	for _, it := range c.items {
		if !slices.Equal(it.sent, r.flags(it)) {
			return fewerFlags
		}
		keyword = keyword || keywordsOf(it.sent, 0) != nil
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	switch {
	case !keyword || r.t.kept(c.mailbox).asked:
		return noFault
	case r.asking[c.mailbox]:
		return awaitFlags
	}
	return askFlags
}

// faulty deals with a refused command by its flags; false when they are not the reason. Under mu.
func (r *run) faulty(c *command, st status) bool {
	switch r.flagsAtFault(c) {
	case askFlags:
		if r.asking == nil {
			r.asking = map[string]bool{}
		}
		r.asking[c.mailbox] = true
		r.retry(batch{items: c.items, check: &st, flags: true})
	case awaitFlags:
		r.held = append(r.held, batch{items: c.items})
	case fewerFlags:
		r.retry(batch{items: c.items})
	default:
		return false
	}
	return true
}

// permanent takes PERMANENTFLAGS, which only the question for it brings.
func (r *run) permanent(list string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.flights {
		if c.flags {
			r.t.keepsOnly(c.mailbox, list)
			return
		}
	}
}

// flagsTold goes on with a refused command once the server has told which flags the folder keeps, or has not. Under mu.
func (r *run) flagsTold(c *command) error {
	r.t.mu.Lock()
	r.t.kept(c.mailbox).asked = true
	r.t.mu.Unlock()
	delete(r.asking, c.mailbox)
	held := r.held
	r.held = nil
	for _, b := range held {
		if b.items[0].up.Mailbox.Name == c.mailbox {
			r.retry(b)
		} else {
			r.held = append(r.held, b)
		}
	}
	return r.refused(c, *c.check)
}

// stars says whether \Flagged has to be set again by STORE: Exchange takes it with APPEND and shows it over IMAP, and everything else of it has
// forgotten it (imapsync, FAQ.Exchange). So it can't be found out by looking.
func (w *wire) stars() bool { return w.is("exchange") }

// starred notes that a message needs its \Flagged. Under mu.
func (r *run) starred(it *item) {
	switch {
	case !containsFold(it.sent, string(migrate.Flagged)):
	case it.receipt.UID != 0:
		it.star = true
	case !r.unstarred:
		r.unstarred = true
		r.t.ctl.log.Info(`imap append: the server may forget \Flagged, and does not say which message to set it on again`, "mailbox", it.up.Mailbox.Name)
	}
}

// star sets \Flagged on the messages of one folder that are stored and wait for it, over a connection of its own: the lane is busy, and the other
// connection is somebody else's.
func (r *run) star(mb migrate.Mailbox) error {
	r.mu.Lock()
	var waiting []*item
	var uids []uint32
	for _, it := range r.order {
		if it.star && it.done && it.up.Mailbox.Name == mb.Name {
			mb.UIDValidity = it.receipt.UIDValidity
			waiting, uids = append(waiting, it), append(uids, it.receipt.UID)
		}
	}
	r.mu.Unlock()
	w, err := r.t.openStars(r.ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(r.ctx, func() { w.conn.Close() })()
	var e *migrate.Error
	if err = r.t.addFlags(w, mb, uids, []migrate.Flag{migrate.Flagged}); errors.As(err, &e) && e.Scope == migrate.ScopeFolder {
		r.t.ctl.log.Warn(`imap store: \Flagged could not be set again`, "mailbox", mb.Name, "messages", len(uids), "err", err)
		err = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range waiting {
		it.star = it.star && err != nil
	}
	return err
}

// openStars returns the connection for star, made when there is none.
func (t *Target) openStars(ctx context.Context) (*wire, error) {
	if t.starring != nil {
		return t.starring, nil
	}
	w, cut, err := t.another(ctx, "imap-flags")
	if err == nil {
		t.starring, t.cutStars = w, cut
	}
	return w, err
}
