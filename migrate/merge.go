package migrate

import (
	"context"
	"slices"
	"strings"
)

// merges are messages that the target has already and that get flags from the source. Flags are added, never taken away: somebody may have
// read the mail since. A message's record is written only when its flags are on the target, so that a run that dies does it again.
type merges struct {
	waiting []merge
	like    map[Envelope]bool
}

type merge struct {
	record  Record
	outcome Outcome
	tally   Tally
	why     string
	forget  []RecordKey
	folder  *folder
	uid     uint32
	flags   []Flag
}

// mergeAtOnce is how many messages wait for their flags at most.
const mergeAtOnce = 1000

// merge writes an outcome down once the message has its flags.
func (s *session) merge(ctx context.Context, m merge) error {
	if _, ok := s.target.(Flagger); !ok || m.uid == 0 || len(m.flags) == 0 {
		return s.ledger.record(m.record, m.outcome, m.tally, m.why, m.forget...)
	}
	if s.merges.like == nil {
		s.merges.like = map[Envelope]bool{}
	}
	s.merges.like[m.record.Identity.Envelope] = true
	s.merges.waiting = append(s.merges.waiting, m)
	if len(s.merges.waiting) >= mergeAtOnce {
		return s.flushMerges(ctx)
	}
	return nil
}

// settleMerges makes sure that the store knows of every message with this envelope.
func (s *session) settleMerges(ctx context.Context, e Envelope) error {
	if !s.merges.like[e] {
		return nil
	}
	return s.flushMerges(ctx)
}

// flushMerges sets the flags, message by message of the same flags in one command, and then writes the records.
func (s *session) flushMerges(ctx context.Context) error {
	waiting := s.merges.waiting
	s.merges = merges{}
	for len(waiting) > 0 {
		first := waiting[0]
		k := mergeKey(first)
		var same, rest []merge
		for _, m := range waiting {
			if mergeKey(m) == k {
				same = append(same, m)
			} else {
				rest = append(rest, m)
			}
		}
		uids := make([]uint32, len(same))
		for i, m := range same {
			uids[i] = m.uid
		}
		slices.Sort(uids)
		if err := s.target.(Flagger).AddFlags(ctx, first.folder.mb, slices.Compact(uids), first.flags); err != nil {
			if e := classOf(err); e.Scope == ScopeSession || e.Scope == ScopeRun {
				return err
			}
			s.Log.Warn("the flags of messages that were there already could not be added", "folder", first.folder.mb.Name, "messages", len(same), "err", err)
		}
		for _, m := range same {
			if err := s.ledger.record(m.record, m.outcome, m.tally, m.why, m.forget...); err != nil {
				return err
			}
		}
		waiting = rest
	}
	return nil
}

func mergeKey(m merge) string {
	flags := make([]string, len(m.flags))
	for i, f := range m.flags {
		flags[i] = string(f)
	}
	slices.Sort(flags)
	return m.folder.mb.Name + "\x00" + strings.Join(flags, " ")
}

// lacks says whether flags has one that have lacks.
func lacks(have, flags []Flag) bool {
	for _, f := range flags {
		if !slices.ContainsFunc(have, func(h Flag) bool { return strings.EqualFold(string(h), string(f)) }) {
			return true
		}
	}
	return false
}
