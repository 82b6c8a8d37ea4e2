package imap

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"poplift/migrate"
)

// Quarantine moves messages from one folder to another, so that at every moment each of them is in at least one of the two. UIDs that are gone are no error.
//
// Where MOVE (RFC 6851) is offered the server does it. Elsewhere a message is copied, and removed only once the server has told that it lies in the other
// folder (COPYUID, RFC 4315), or once that folder is seen to have as many messages more as were copied. It is removed by UID EXPUNGE, which touches no
// other message; without UIDPLUS as well it is not done at all, since a plain EXPUNGE would remove what others have marked. A run that is cut off in
// between leaves messages in both folders.
func (t *Target) Quarantine(ctx context.Context, from migrate.Mailbox, uids []uint32, to migrate.Mailbox) error {
	if len(uids) == 0 {
		return nil
	}
	defer t.during(ctx)()
	return because(ctx, t.quarantine(from, uids, to))
}

const opMove = "imap move"

var (
	errNoMove   = errors.New("the server offers neither MOVE nor UIDPLUS: the messages could be removed only together with all others that are marked as deleted there")
	errSame     = errors.New("this is the folder that the messages are in")
	errNotThere = errors.New("the folder is not there")
	errUnproven = errors.New("the server does not show that it has copied the messages; they are left where they are")
)

func (t *Target) quarantine(from migrate.Mailbox, uids []uint32, to migrate.Mailbox) error {
	w := t.ctl
	move := w.caps.has("MOVE") || w.caps.has("IMAP4REV2")
	refuse := func(subject string, err error) error {
		return &migrate.Error{Op: opMove, Subject: subject, Scope: migrate.ScopeRun, Final: true, Err: err}
	}
	switch {
	case t.cfg.ReadOnly:
		return refuse(from.Name, errReadOnly)
	case from.Name == to.Name:
		return refuse(to.Name, errSame)
	case from.UIDValidity == 0:
		return refuse(from.Name, errNotThere)
	case to.UIDValidity == 0:
		return refuse(to.Name, errNotThere)
	case !move && !w.caps.has("UIDPLUS"):
		return refuse(from.Name, errNoMove)
	}
	if err := t.selectFor(w, from, opMove); err != nil {
		return err
	}
	for _, set := range uidSets(uids) {
		var err error
		if move {
			err = w.do(from.Name, "UID MOVE "+set.text+" "+t.wireName(to.Name))
		} else {
			err = t.copyAway(from, set, to)
		}
		if err != nil {
			return err
		}
	}
	return t.unselect(w)
}

// do carries out one command of a move.
func (w *wire) do(subject, command string) error {
	tag, err := w.command(command, "")
	if err != nil {
		return err
	}
	st, err := w.await(tag, nil)
	if err == nil && st.kind != "OK" {
		return classify(opMove, subject, st, migrate.ScopeFolder)
	}
	return err
}

// copyAway copies a set and removes what was copied.
func (t *Target) copyAway(from migrate.Mailbox, set uidSet, to migrate.Mailbox) error {
	c := copying{asked: set.uids, validity: to.UIDValidity}
	if err := c.run(t.ctl, set.text, t.wireName(to.Name)); err != nil {
		return err
	}
	if c.answer.kind != "OK" {
		return classify(opMove, from.Name, c.answer, migrate.ScopeFolder)
	}
	proven, ok := c.proven()
	if !ok {
		return &migrate.Error{Op: opMove, Subject: from.Name, Scope: migrate.ScopeFolder, Final: true, Err: errUnproven}
	}
	for _, set := range uidSets(proven) {
		if err := t.ctl.do(from.Name, "UID STORE "+set.text+` +FLAGS.SILENT (\Deleted)`); err != nil {
			return err
		}
		if err := t.ctl.do(from.Name, "UID EXPUNGE "+set.text); err != nil {
			return err
		}
	}
	return nil
}

// copying is a COPY, and what proves that it was done.
type copying struct {
	asked         []uint32 // ascending
	validity      uint32   // of the mailbox that it goes to
	answer        status
	told          []uint32          // by COPYUID
	there         []uint32          // of asked, before
	before, after map[string]uint32 // STATUS of the mailbox that it goes to
}

// run sends everything at once: what is there, how many lie in the other mailbox, the copy, and how many lie there then.
func (c *copying) run(w *wire, set, to string) error {
	ask := "STATUS " + to + " (MESSAGES UIDVALIDITY)"
	steps := []struct {
		command string
		take    func(line []byte, st status) error
	}{
		{"UID SEARCH UID " + set, func(line []byte, _ status) error { c.there = append(c.there, searched(line)...); return nil }},
		{ask, func(line []byte, _ status) error { return statusNumbers(line, &c.before) }},
		{"UID COPY " + set + " " + to, func(_ []byte, st status) error { c.copied(st); return nil }},
		{ask, func(line []byte, _ status) error { return statusNumbers(line, &c.after) }},
	}
	var tags []string
	for _, s := range steps {
		tag, err := w.command(s.command, "")
		if err != nil {
			return err
		}
		tags = append(tags, tag)
	}
	for i, s := range steps {
		st, err := w.await(tags[i], s.take)
		if err != nil {
			return err
		}
		if i == 2 {
			c.answer = st
			c.copied(st)
		}
	}
	return nil
}

// copied reads "COPYUID validity from to".
func (c *copying) copied(st status) {
	f := strings.Fields(st.args)
	if st.code != "COPYUID" || len(f) != 3 {
		return
	}
	validity, err := strconv.ParseUint(f[0], 10, 32)
	from, ok := parseUIDs(f[1], len(c.asked))
	to, ok2 := parseUIDs(f[2], len(c.asked))
	if err == nil && ok && ok2 && len(from) == len(to) && uint32(validity) == c.validity {
		c.told = append(c.told, from...)
	}
}

// proven are the messages that certainly lie in the other mailbox.
func (c *copying) proven() (uids []uint32, ok bool) {
	asked := func(uid uint32) bool { _, ok := slices.BinarySearch(c.asked, uid); return ok }
	c.there = slices.DeleteFunc(c.there, func(uid uint32) bool { return !asked(uid) })
	switch n := c.after["MESSAGES"] - c.before["MESSAGES"]; {
	case len(c.told) > 0:
		return slices.DeleteFunc(c.told, func(uid uint32) bool { return !asked(uid) }), true
	case len(c.there) == 0:
		return nil, true
	case c.before == nil || c.after == nil || c.before["UIDVALIDITY"] != c.validity || c.after["UIDVALIDITY"] != c.validity:
		return nil, false
	default:
		return c.there, int(n) == len(c.there)
	}
}
