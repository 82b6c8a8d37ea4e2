package imap

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"poplift/migrate"
)

// picked is a mailbox that is being opened by SELECT or EXAMINE, as the server tells of it.
type picked struct {
	mb        migrate.Mailbox
	exists    uint32
	next      uint32
	permanent string // the list of PERMANENTFLAGS
	limited   bool   // there was one
}

// take reads one response to SELECT or EXAMINE.
func (p *picked) take(line []byte, st status) error {
	n, err := strconv.ParseUint(st.args, 10, 32)
	switch {
	case st.code == "UIDVALIDITY" && err == nil && p.mb.UIDValidity != 0 && uint32(n) != p.mb.UIDValidity:
		return &migrate.Error{Op: "imap select", Subject: p.mb.Name, // costs the session: everything known of the mailbox is void
			Err: fmt.Errorf("the mailbox was made anew by someone else (UIDVALIDITY %d, was %d)", n, p.mb.UIDValidity)}
	case st.code == "UIDNEXT" && err == nil:
		p.next = max(p.next, uint32(n))
	case st.code == "PERMANENTFLAGS":
		p.permanent, p.limited = st.args, true
	case st.kind == "" && bytes.HasPrefix(line, []byte("* ")):
		count, rest := word(line[2:])
		if n, ok := number(count); ok && n < 1<<32 && strings.EqualFold(string(rest), "EXISTS") {
			p.exists = uint32(n)
		}
	}
	return nil
}

var errLocked = errors.New("the server opens this folder for reading only")

// selectFor opens a mailbox to change its messages. UIDs mean those that mb knows; nothing may be pipelined behind it, since a command
// that names UIDs would hit others if the mailbox is not what it was.
func (t *Target) selectFor(w *wire, mb migrate.Mailbox, op string) error {
	if t.cfg.ReadOnly {
		return &migrate.Error{Op: op, Subject: mb.Name, Scope: migrate.ScopeRun, Final: true, Err: errReadOnly}
	}
	tag, err := w.command("SELECT "+t.wireName(mb.Name), "")
	if err != nil {
		return err
	}
	p := picked{mb: mb}
	st, err := w.await(tag, p.take)
	if err != nil {
		return err
	}
	if st.kind != "OK" {
		return classify(op, mb.Name, st, migrate.ScopeFolder)
	}
	if st.code == "READ-ONLY" {
		err := &migrate.Error{Op: op, Subject: mb.Name, Scope: migrate.ScopeFolder, Final: true, Hint: hintRights, Err: errLocked}
		return errors.Join(t.unselect(w), err)
	}
	if p.limited {
		t.keepsOnly(mb.Name, p.permanent)
	}
	return nil
}

// unselect leaves the mailbox as it is: CLOSE would expunge. Courier doesn't offer UNSELECT; there it stays open until the next one is.
func (t *Target) unselect(w *wire) error {
	if !w.caps.has("UNSELECT") && !w.caps.has("IMAP4REV2") {
		return nil
	}
	tag, err := w.command("UNSELECT", "")
	if err == nil {
		_, err = w.await(tag, nil)
	}
	return err
}
