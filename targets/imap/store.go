package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"poplift/migrate"
)

const (
	// maxSet and maxFlags bound the parts of a command in octets, which is below 8,000 with them: Courier cuts at 60 KB, Exchange at 10,500.
	maxSet   = 6000
	maxFlags = 1000
	// maxAtOnce is how many messages one command changes at most, so that none of them takes a server minutes.
	maxAtOnce = 2000
	// stores is how many STORE commands are on their way at once.
	stores = 16
)

// AddFlags adds flags to messages and takes none away; see migrate.Flagger. Flags that the folder doesn't keep (PERMANENTFLAGS) are left out and
// reported once. It costs two round trips, however many messages there are.
func (t *Target) AddFlags(ctx context.Context, mb migrate.Mailbox, uids []uint32, flags []migrate.Flag) error {
	if len(uids) == 0 || len(flags) == 0 {
		return nil
	}
	defer t.during(ctx)()
	return because(ctx, t.addFlags(t.ctl, mb, uids, flags))
}

func (t *Target) addFlags(w *wire, mb migrate.Mailbox, uids []uint32, flags []migrate.Flag) error {
	if err := t.selectFor(w, mb, "imap store"); err != nil {
		return err
	}
	err := t.store(w, mb, uidSets(uids), t.fit(mb.Name, flags, maxKeyword))
	if err != nil && !answeredFor(err) {
		return err
	}
	return errors.Join(err, t.unselect(w))
}

// answeredFor says whether an error is what the server answered, and the connection in order.
func answeredFor(err error) bool {
	var a answered
	return errors.As(err, &a)
}

// store sets flags on sets of the selected mailbox. When the server refuses them together they go one by one, so that one flag that it doesn't like
// costs that flag.
func (t *Target) store(w *wire, mb migrate.Mailbox, sets []uidSet, flags []string) error {
	for len(flags) > 0 {
		some, octets := 0, 0
		for some < len(flags) && (some == 0 || octets+len(flags[some]) < maxFlags) {
			octets += len(flags[some]) + 1
			some++
		}
		st, err := storeAll(w, sets, flags[:some])
		if err != nil {
			return err
		}
		if st.kind != "" {
			if err := t.storeSingly(w, mb, sets, flags[:some], st); err != nil {
				return err
			}
		}
		flags = flags[some:]
	}
	return nil
}

// storeSingly sets flags one by one that were refused together.
func (t *Target) storeSingly(w *wire, mb migrate.Mailbox, sets []uidSet, flags []string, refused status) error {
	if e := classify("imap store", mb.Name, refused, migrate.ScopeFolder); e.Scope != migrate.ScopeFolder || refused.code == "NONEXISTENT" {
		return e
	}
	for _, f := range flags {
		st := refused
		if len(flags) > 1 {
			var err error
			if st, err = storeAll(w, sets, []string{f}); err != nil {
				return err
			}
		}
		switch {
		case st.kind == "":
		case f[0] == '\\':
			return classify("imap store", mb.Name, st, migrate.ScopeFolder)
		default:
			t.refuse(mb.Name, f)
			t.report(mb.Name, []string{f}, st)
		}
	}
	return nil
}

// storeAll sets flags on all sets, and returns the first answer that is not OK.
func storeAll(w *wire, sets []uidSet, flags []string) (refused status, err error) {
	var tags []string
	answer := func() error {
		st, err := w.await(tags[0], nil)
		if tags = tags[1:]; err == nil && st.kind != "OK" && refused.kind == "" {
			refused = st
		}
		return err
	}
	for _, set := range sets {
		if len(tags) == stores {
			if err := answer(); err != nil {
				return refused, err
			}
		}
		tag, err := w.command(fmt.Sprintf("UID STORE %s +FLAGS.SILENT (%s)", set.text, strings.Join(flags, " ")), "")
		if err != nil {
			return refused, err
		}
		tags = append(tags, tag)
	}
	for len(tags) > 0 {
		if err := answer(); err != nil {
			return refused, err
		}
	}
	return refused, nil
}

// uidSet is some UIDs, ascending, and how they go into a command.
type uidSet struct {
	uids []uint32
	text string
}

// uidSets writes UIDs as sets of ranges, each short enough for one command.
func uidSets(uids []uint32) (sets []uidSet) {
	uids = slices.Clone(uids)
	slices.Sort(uids)
	uids = slices.Compact(uids)
	for len(uids) > 0 && uids[0] == 0 {
		uids = uids[1:]
	}
	for len(uids) > 0 {
		var text []byte
		n := 0
		for n < min(len(uids), maxAtOnce) && len(text) < maxSet {
			last := n
			for last+1 < min(len(uids), maxAtOnce) && uids[last+1] == uids[last]+1 {
				last++
			}
			if n > 0 {
				text = append(text, ',')
			}
			text = strconv.AppendUint(text, uint64(uids[n]), 10)
			if last > n {
				text = strconv.AppendUint(append(text, ':'), uint64(uids[last]), 10)
			}
			n = last + 1
		}
		sets = append(sets, uidSet{uids[:n], string(text)})
		uids = uids[n:]
	}
	return sets
}
