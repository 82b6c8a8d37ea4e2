package report

import (
	"fmt"
	"time"

	"poplift/migrate"
	"poplift/state"
)

// verdict is what can be said of an account's sources on the strength of the last verification.
type verdict uint8

const (
	// unverified: nobody has compared anything yet.
	unverified verdict = iota
	// stale: a later run has moved mail, so that what was found then may not hold.
	stale
	unsafe
	safe
)

// String is the verdict in tables and in CSV.
func (v verdict) String() string {
	return [...]string{"not verified", "out of date", "not safe", "safe"}[v]
}

func (a *Account) verdict() verdict {
	switch v := a.Verify; {
	case v == nil:
		return unverified
	case v.Time.Before(a.Ended) && a.changed(v):
		return stale
	case v.Safe:
		return safe
	}
	return unsafe
}

// changed says whether the last run changed anything that a verification before it has found: where cron runs every hour, most runs don't.
func (a *Account) changed(v *state.Verification) bool {
	var n int64
	for _, o := range []migrate.Outcome{migrate.Copied, migrate.Adopted, migrate.Duplicate, migrate.Relayed, migrate.Kept} {
		n += a.Outcomes[o].Messages
	}
	return n > 0 || a.Listed.Messages != v.Listed.Messages
}

// safety is the part of the page that answers whether the old servers can be switched off.
type safety struct {
	Answer, Command string
	Accounts        []legend // they add up to Total
	Total           string
	Sums            []comparison
	Notes           []string
}

// comparison is a table that adds up.
type comparison struct {
	Head  string
	Rows  []legend
	Total legend
}

func newSafety(r *run) safety {
	s := safety{Total: count(int64(r.accounts))}
	for _, v := range []struct {
		verdict
		class, name string
	}{
		{safe, Done.class(), "safe to switch off"},
		{unsafe, Left.class(), "not yet"},
		{stale, NotStarted.class(), "out of date: mail was moved since"},
		{unverified, NotStarted.class(), "never verified"},
	} {
		if n := r.verdicts[v.verdict]; n > 0 || v.verdict == safe {
			s.Accounts = append(s.Accounts, legend{v.class, v.name, count(int64(n))})
		}
	}
	s.Answer, s.Command = answer(r)
	s.compare(r)
	return s
}

// answer is a sentence or two, and the command to run where something is to be verified.
func answer(r *run) (words, command string) {
	all, open := r.accounts, r.verdicts[unverified]+r.verdicts[stale]
	switch {
	case r.verdicts[safe] == all:
		words = "Yes: every account was compared with its new mailbox, and nothing is left on the old server only."
	case r.verdicts[unverified] == all:
		words = "That is not known yet: no account was verified."
	case r.verdicts[safe] == 0 && open == 0:
		words = "Not yet: no account is safe."
	case r.verdicts[safe] == 0:
		words = "Not yet: no account is known to be safe."
	default:
		words = fmt.Sprintf("For %s of %s.", count(int64(r.verdicts[safe])), counted(int64(all), "account", "accounts"))
	}
	if open == 0 {
		return words, ""
	}
	words += " To compare the old and the new mailboxes, run"
	command = "poplift verify"
	if r.File != "" {
		command += " " + clean(r.File, shownName)
	}
	return words, command
}

// compare adds up what was compared, over the accounts whose verification holds.
func (s *safety) compare(r *run) {
	var sum state.Verification
	n, newest := 0, time.Time{}
	for i := range r.Accounts {
		v := r.Accounts[i].Verify
		if got := r.Accounts[i].verdict(); got != safe && got != unsafe {
			continue
		}
		if n++; v.Time.After(newest) {
			newest = v.Time
		}
		for _, c := range []struct {
			to *int64
			n  int64
		}{{&sum.Listed.Messages, v.Listed.Messages}, {&sum.Placed.Messages, v.Placed.Messages}, {&sum.Relayed.Messages, v.Relayed.Messages},
			{&sum.Kept.Messages, v.Kept.Messages}, {&sum.Left.Messages, v.Left.Messages}, {&sum.Missing.Messages, v.Missing.Messages},
			{&sum.Expected, v.Expected}, {&sum.Found, v.Found}, {&sum.Moved, v.Moved}, {&sum.Gone, v.Gone}, {&sum.Flagged, v.Flagged},
			{&sum.FlagsDiffer, v.FlagsDiffer}, {&sum.Read, v.Read}, {&sum.Altered, v.Altered}, {&sum.Resized, v.Resized}} {
			*c.to += c.n
		}
	}
	if n == 0 {
		return
	}
	s.Sums = []comparison{
		{"On the old servers", rows(true, "on the new server", sum.Placed.Messages, "relayed", sum.Relayed.Messages, "in the dead-letter folder", sum.Kept.Messages,
			"left out by a rule", sum.Left.Messages, "on the old server only", sum.Missing.Messages), legend{Name: "listed", Count: count(sum.Listed.Messages)}},
		{"On the new servers", rows(true, "where they were put", sum.Found, "moved by their users", sum.Moved, "deleted", sum.Gone),
			legend{Name: "put there by poplift", Count: count(sum.Expected)}},
	}
	s.Notes = append(s.Notes, fmt.Sprintf("%s compared, last on %s. %s %s", counted(int64(n), "account was", "accounts were"),
		newest.In(r.loc).Format("2 January 2006, 15:04"), flagWords(&sum), octetWords(&sum)))
}

// rows makes rows of names and counts; of what is nothing only the first stays, when first is set.
func rows(first bool, pairs ...any) (out []legend) {
	for i := 0; i < len(pairs); i += 2 {
		if n := pairs[i+1].(int64); n != 0 || first && i == 0 {
			out = append(out, legend{Name: pairs[i].(string), Count: count(n)})
		}
	}
	return out
}

func flagWords(v *state.Verification) string {
	switch {
	case v.Flagged == 0:
		return "No message had flags to compare."
	case v.FlagsDiffer == 0:
		return fmt.Sprintf("The flags of %s are there.", counted(v.Flagged, "message", "messages"))
	}
	return fmt.Sprintf("Of %s with flags, %s one.", counted(v.Flagged, "message", "messages"), counted(v.FlagsDiffer, "lacks", "lack"))
}

func octetWords(v *state.Verification) string {
	words := counted(v.Read, "message was", "messages were") + " read whole and compared"
	switch {
	case v.Read == 0:
		words = "No message was read whole"
	case v.Altered == 0:
		words += ": all as they were copied"
	default:
		words += ": " + counted(v.Altered, "differs", "differ")
	}
	if v.Resized > 0 {
		words += "; " + counted(v.Resized, "has", "have") + " another size on the new server"
	}
	return words + "."
}

// verifyFacts are what verify said of an account, and when.
func verifyFacts(a *Account, loc *time.Location) (out []fact) {
	v := a.Verify
	if v == nil {
		return []fact{{"Verified", "Never."}}
	}
	when := v.Time.In(loc).Format("2 January 2006, 15:04")
	switch a.verdict() {
	case safe:
		out = append(out, fact{"Verified", "Safe to switch off (" + when + ")."})
	case unsafe:
		out = append(out, fact{"Verified", "Not yet safe to switch off (" + when + ")."})
	default:
		was := "safe"
		if !v.Safe {
			was = "not safe"
		}
		out = append(out, fact{"Verified", "Out of date: " + was + " on " + when + ", and mail was moved since."})
	}
	for _, reason := range v.Reasons {
		out = append(out, fact{"Why not", clean(reason, shownWords) + "."})
	}
	return append(out, fact{"Compared", compared(v)})
}

// compared is what a comparison found, in sentences whose sums add up.
func compared(v *state.Verification) string {
	source := sentence(counted(v.Listed.Messages, "message", "messages")+" on the old server",
		rows(false, "on the new one", v.Placed.Messages, "relayed", v.Relayed.Messages, "kept", v.Kept.Messages, "left out", v.Left.Messages, "missing", v.Missing.Messages))
	target := sentence(count(v.Expected)+" put on the new one", rows(false, "in their place", v.Found, "moved", v.Moved, "deleted", v.Gone))
	return source + " " + target + " " + flagWords(v) + " " + octetWords(v)
}

// sentence is "5 messages = 4 here + 1 there."
func sentence(of string, parts []legend) string {
	for i, p := range parts {
		of += [...]string{" = ", " + "}[min(i, 1)] + p.Count + " " + p.Name
	}
	return of + "."
}

// verifyProblems are a verification's, as the page tells them.
func verifyProblems(a *Account) (out []migrate.Problem) {
	if v := a.verdict(); v != safe && v != unsafe {
		return nil // they are of another time
	}
	for _, p := range a.Verify.Problems {
		q := migrate.Problem{Source: p.Source, ID: p.ID, Subject: p.Subject, Folder: p.Folder, Size: p.Size, Reason: p.Reason, Hint: p.Hint}
		if p.Outcome == migrate.Failed.String() {
			q.Outcome = migrate.Failed
		}
		out = append(out, q)
	}
	return out
}

// addVerification gathers what a verification found over all accounts, by what it is and not by how many messages have it.
func (g *gatherer) addVerification(i int, a *Account) {
	got := a.verdict()
	if got != safe && got != unsafe {
		return
	}
	v := a.Verify
	known := false
	for _, c := range []struct {
		n           int64
		rank        rank
		words, todo string
	}{
		{v.Missing.Messages, rankUnsafe, "Not safe to switch off: messages are on the old server only.", todoUnsafe},
		{v.Altered, rankUnsafe, "Not safe to switch off: messages on the new server are not, octet for octet, what was copied.",
			"Compare some of them by hand; some servers change NULs, lone CRs or 8-bit headers as they store a message."},
		{v.Gone, rankUnsafe, "Not safe to switch off: copied messages were deleted on the new server.",
			"Ask their users. If it was a mistake, the old server may have them yet: they are not copied again by themselves."},
		{v.Kept.Messages, rankUnsafe, "Not safe to switch off: messages lie in the dead-letter tree.", "Mend what the new server doesn’t like, and run poplift retry; or hand the tree over."},
		{v.FlagsDiffer, rankNote, "Flags differ: messages on the new server lack a flag that they have on the old one.",
			"No mail is missing. Somebody may have taken the flag away since, or the server keeps no such flag; each account says which."},
	} {
		if c.n > 0 {
			known = known || c.rank == rankUnsafe
			g.add(i, causeKey{rank: c.rank, text: c.words}, c.words, c.todo).Messages += c.n
		}
	}
	if got == unsafe && !known {
		g.add(i, causeKey{rank: rankUnsafe}, "Not safe to switch off.", todoUnsafe)
	}
}

const todoUnsafe = "Keep the old server running. Run the account again, then verify it again."

// inFolder is what verify found in one folder.
type inFolder struct {
	known                 bool
	expected, found, lack int64
}

func foundIn(v *state.Verification) map[string]inFolder {
	if v == nil {
		return nil
	}
	out := make(map[string]inFolder, len(v.Folders))
	for _, f := range v.Folders {
		out[f.Name] = inFolder{true, f.Expected, f.Found, f.FlagsDiffer}
	}
	return out
}

func (f inFolder) plus(g inFolder) inFolder {
	return inFolder{f.known || g.known, f.expected + g.expected, f.found + g.found, f.lack + g.lack}
}

// words are "all", or "5 of 6", and how many of them lack a flag.
func (f inFolder) words() string {
	if !f.known {
		return ""
	}
	s := "all"
	if f.found != f.expected {
		s = count(f.found) + " of " + count(f.expected)
	}
	if f.lack > 0 {
		s += "; " + counted(f.lack, "lacks", "lack") + " flags"
	}
	return s
}
