package migrate

import "time"

// action is what is to be done with a message whose octets were read.
type action uint8

const (
	// upload it: nothing on the target answers for it.
	upload action = iota
	// duplicate of another message in the same folder.
	duplicate
	// adopt an unclaimed message of the target.
	adopt
	// rename the record that knows it under an ID the source no longer lists (a server that renumbered its UIDLs).
	rename
	// prove by reading the candidates on the target; if none is the same, upload.
	prove
	// reprove known messages whose digests were made by other rules than today's; one that is the same is a duplicate, or is renamed.
	reprove
)

// decision is an action and the matches that it is about, in the order to try them.
type decision struct {
	action  action
	matches []Match
}

// candidate is a message on its way, as decide sees it.
type candidate struct {
	source   string
	identity Identity
	size     int64
}

// decide says what to do with a message, given the messages of its folder that have the same envelope. gone tells whether a record's
// message is no longer listed by its source; bySize tells whether a record took a message of the target on the word of its size. It
// is a pure function of its arguments.
func decide(c candidate, matches []Match, keepTwins bool, gone, bySize func(Match) bool) decision {
	var known, free, doubtful, foreign []Match
	for _, m := range matches {
		switch {
		case m.Digest != (Digest{}) && max(m.Version, 1) != c.identity.Version: // the two can't be compared
			if !m.Claimed() {
				free = append(free, m)
			} else if !keepTwins || m.Source == c.source && gone(m) {
				foreign = append(foreign, m)
			}
		case m.Digest == c.identity.Digest && m.Claimed():
			if m.Source == c.source && gone(m) {
				return decision{rename, []Match{m}}
			}
			known = append(known, m)
		case m.Digest == c.identity.Digest: // read before, and nobody answers for it any more
			return decision{adopt, []Match{m}}
		case m.Digest != (Digest{}):
			// Its octets are known to be others, unless it was only taken for that record by its size: two messages can share all of the
			// envelope and the size, and the target may hold the one that comes second.
			if m.Claimed() && m.Size == c.size && bySize(m) {
				doubtful = append(doubtful, m)
			}
		default:
			free = append(free, m)
		}
	}
	if len(known) > 0 && !keepTwins {
		return decision{duplicate, known[:1]}
	}
	if len(foreign) > 0 {
		return decision{reprove, foreign}
	}
	if len(matches) == 1 && len(free) == 1 && free[0].Size == c.size && c.identity.Envelope.HasMessageID() {
		return decision{adopt, free}
	}
	if len(free)+len(doubtful) == 0 {
		return decision{upload, nil}
	}
	var order []Match
	for _, m := range free {
		if m.Size == c.size {
			order = append(order, m)
		}
	}
	for _, m := range free {
		if m.Size != c.size {
			order = append(order, m)
		}
	}
	return decision{prove, append(order, doubtful...)}
}

// standing is what the listing and the store together say of an entry before its octets are read.
type standing uint8

const (
	// fresh: to be fetched.
	fresh standing = iota
	// done in an earlier run, or earlier in this one.
	done
	// doneNow: dealt with earlier in this run, and counted then.
	doneNow
	// moved: done once, but the folder it was put in has been made anew since; look whether it is there, else fetch it.
	moved
	// left out by a rule, as the record of an earlier look at it says.
	left
	// uncertain: sent to a relay that never answered. It stays as it is until a person says so.
	uncertain
)

// stand judges one entry by its record. current is the folder it would go to; start is when this run began.
func stand(e Entry, rec Record, found bool, current Mailbox, rules Rules, start time.Time) standing {
	switch {
	case !e.Stable || !found:
		return fresh
	case !rec.Time.Before(start):
		return doneNow
	case rules.again(rec):
		return fresh
	case rec.Outcome.Done():
		if e.Size > 0 && rec.Listed > 0 && e.Size != rec.Listed {
			return fresh // the server gave this ID to something else
		}
		if rec.Folder == current.Name && rec.UIDValidity != current.UIDValidity {
			return moved
		}
		return done
	case rec.Outcome == Uncertain:
		return uncertain
	case rec.Outcome == Skipped && rec.Reason == IgnoredReason:
		return left
	case rec.Outcome == Skipped && rules.leaveOut(rec.Date, rec.Size) != "":
		return left
	}
	return fresh
}

// IgnoredReason is the Reason of a Skipped record of a message that the user wants to hear no more of.
const IgnoredReason = "you said to ignore it"

// leaveOut returns the rule that leaves a message out, in words, or "". A zero date is left out by no rule: it is not known.
func (r Rules) leaveOut(date time.Time, size int64) string {
	switch {
	case r.MaxSize > 0 && size > r.MaxSize:
		return "larger than --max-size"
	case !r.Since.IsZero() && !date.IsZero() && date.Before(r.Since):
		return "older than --since"
	case !r.Until.IsZero() && !date.IsZero() && !date.Before(r.Until):
		return "newer than --until"
	}
	return ""
}

// again says whether a leftover of an earlier run is to be tried again.
func (r Rules) again(rec Record) bool {
	return (rec.Outcome == Kept || rec.Outcome == Relayed || rec.Outcome == Uncertain) && r.Retry != nil && r.Retry(rec)
}

// byListing returns the rule that leaves an entry out before its octets are read, or "".
func (r Rules) byListing(e Entry) string {
	if e.Deleted && !r.IncludeDeleted {
		return "deleted in the client, but not purged (--include-deleted takes them)"
	}
	return r.leaveOut(time.Time{}, e.Size)
}

// dated says whether a rule asks for dates.
func (r Rules) dated() bool { return !r.Since.IsZero() || !r.Until.IsZero() }

// flags returns the flags to append a message with.
func (r Rules) flags(e Entry, date time.Time) []Flag {
	seen := r.AllSeen || !r.SeenBefore.IsZero() && !date.IsZero() && date.Before(r.SeenBefore)
	for _, f := range e.Flags {
		if f == Seen {
			seen = false
		}
	}
	if !seen {
		return e.Flags
	}
	return append(e.Flags[:len(e.Flags):len(e.Flags)], Seen)
}

// dateRule says where a message's INTERNALDATE comes from, for people.
func dateRule(m *Message, chosen time.Time) string {
	switch {
	case chosen.IsZero():
		return "none: the server takes the time of the copy"
	case chosen.Equal(m.Date), chosen.Equal(m.Fallback):
		return m.DateRule
	case chosen.Equal(m.Header.Received):
		return "topmost Received"
	}
	return "Date"
}

// internalDate chooses the INTERNALDATE: the source's own, else the topmost Received, else Date, else the source's fallback; one that lies in
// the future, or before there was such mail, comes from a clock that was wrong. It is zero when nothing tells, never the time of the copy.
func internalDate(e Entry, h HeaderDates, now time.Time) time.Time {
	for _, t := range []time.Time{e.Date, h.Received, h.Date, e.Fallback} {
		if !t.IsZero() && t.Year() >= 1980 && t.Before(now.Add(24*time.Hour)) {
			return t
		}
	}
	return time.Time{}
}
