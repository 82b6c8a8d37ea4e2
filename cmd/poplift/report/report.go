package report

import (
	"slices"
	"time"

	"poplift/migrate"
	"poplift/state"
)

// Data is a whole run, or as much of it as stands at the moment. The renderers only read it.
type Data struct {
	// Title heads the page; empty is "Mail migration".
	Title string
	// Version is poplift's own.
	Version string
	// Generated is when the report was made. Its location is that of all times shown.
	Generated time.Time
	// Started and Ended bound the run. A zero Started is that of the account that began first; a zero Ended means that the run isn't over.
	Started, Ended time.Time
	// Accounts are in the order of the jobs file.
	Accounts []Account
	// File is the jobs file, as a command would name it; empty if there is none.
	File string
	// Beside names the files of the same run that hold what the page has no room for ("night.json", "night.csv"); empty if there are none.
	Beside []string
}

// Account is what came of one account.
type Account struct {
	// Job and Name are those of the jobs file.
	Job, Name string
	// Sources and Target are written without secrets: "pop3s://me@old.example".
	Sources []string
	Target  string
	State   State
	// Error is what stopped the account, Hint what to do about it; empty if nothing did.
	Error, Hint string
	// Started and Ended bound its last run; both are zero if it never began.
	Started, Ended time.Time

	// Listed is what stands in its sources. It must be the sum of Outcomes, which are counted by the keys in migrate.Outcomes.
	Listed   migrate.Tally
	Outcomes map[migrate.Outcome]migrate.Tally
	// Folders are what lies in the target's folders on this account's behalf.
	Folders []Folder

	// Problems are the messages that need a person, or what a person should know besides.
	Problems []migrate.Problem
	// Dropped counts the problems that are not in Problems because there were too many.
	Dropped int
	// Verify is what the last verification found; nil when nobody verified the account.
	Verify *state.Verification
	// Timeline is how the run got on, in order of time. Without one, the charts take it that the account went on evenly.
	Timeline []Point
}

// State is how an account stands.
type State uint8

const (
	// NotStarted was not begun: the run ended before its turn.
	NotStarted State = iota
	// Done has every message accounted for.
	Done
	// Left is done, with messages that failed.
	Left
	// Failed was stopped by an error.
	Failed
	// Elsewhere is held by another run.
	Elsewhere
	// Interrupted was begun, and the run ended before it was through: a signal, the longest time that a run may
	// take, or what a provider lets through in a day.
	Interrupted
)

// states lists all of them in the order they are shown: what needs a person first.
var states = [...]State{Failed, Left, Interrupted, Elsewhere, NotStarted, Done}

// String is the state's name in JSON and CSV.
func (s State) String() string {
	names := [...]string{"not started", "done", "left", "failed", "running elsewhere", "interrupted"}
	if int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Folder counts the messages of one folder of the target.
type Folder struct {
	Name string
	migrate.Tally
}

// Point is how much of an account the target had taken at a time, since the run began.
type Point struct {
	Time time.Time
	migrate.Tally
}

// Gap is what the account lists beyond the sum of its outcomes; it is zero when the figures add up, negative when the outcomes are too many.
func (a *Account) Gap() migrate.Tally { return gap(a.Listed, a.Outcomes) }

func gap(listed migrate.Tally, outcomes map[migrate.Outcome]migrate.Tally) migrate.Tally {
	for _, o := range migrate.Outcomes {
		listed.Messages -= outcomes[o].Messages
		listed.Octets -= outcomes[o].Octets
	}
	return listed
}

// addsUp says whether the account's figures are possible: no gap, nothing negative, no outcome that a report doesn't show.
func (a *Account) addsUp() bool {
	for o, t := range a.Outcomes {
		if t.Messages < 0 || t.Octets < 0 || t != (migrate.Tally{}) && !slices.Contains(migrate.Outcomes, o) {
			return false
		}
	}
	return a.Gap() == (migrate.Tally{})
}

// needsPerson says whether somebody has to look at the account: another run alone won't finish it, or nobody may rely on it yet.
func (a *Account) needsPerson() bool {
	return a.State == Failed || a.State == Left || a.Outcomes[migrate.Failed].Messages > 0 || !a.addsUp() || a.verdict() == unsafe ||
		slices.ContainsFunc(a.Problems, func(p migrate.Problem) bool { return pressing(p.Outcome) })
}

// pressing says whether a problem with this outcome waits for a person; the others are good to know.
func pressing(o migrate.Outcome) bool { return o == migrate.Failed || o == migrate.Uncertain }

// moved is what the target took in this run.
func (a *Account) moved() migrate.Tally {
	var sum migrate.Tally
	for _, o := range [...]migrate.Outcome{migrate.Copied, migrate.Relayed, migrate.Kept} {
		sum = add(sum, a.Outcomes[o])
	}
	return sum
}

// totals are the sums over all accounts.
type totals struct {
	accounts  int
	byState   map[State]int
	fine      int // accounts that are done, and need nobody
	attention int // accounts that need a person; the rest wait for the next run
	uneven    int // accounts whose figures don't add up
	listed    migrate.Tally
	outcomes  map[migrate.Outcome]migrate.Tally
	moved     migrate.Tally
	problems  int
	dropped   int
	verdicts  map[verdict]int
}

func sum(d *Data) totals {
	t := totals{accounts: len(d.Accounts), byState: map[State]int{}, outcomes: map[migrate.Outcome]migrate.Tally{}, verdicts: map[verdict]int{}}
	for i := range d.Accounts {
		a := &d.Accounts[i]
		t.byState[a.State]++
		switch {
		case a.needsPerson():
			t.attention++
		case a.State == Done:
			t.fine++
		}
		if !a.addsUp() {
			t.uneven++
		}
		t.listed = add(t.listed, a.Listed)
		for _, o := range migrate.Outcomes {
			t.outcomes[o] = add(t.outcomes[o], a.Outcomes[o])
		}
		t.moved = add(t.moved, a.moved())
		t.problems += len(a.Problems)
		t.dropped += a.Dropped
		t.verdicts[a.verdict()]++
	}
	return t
}

// accountedFor counts the messages that ended in an outcome other than failed.
func (t *totals) accountedFor() (n int64) {
	for o, c := range t.outcomes {
		if o != migrate.Failed {
			n += c.Messages
		}
	}
	return n
}

// waiting counts the accounts that another run will take care of.
func (t *totals) waiting() int { return t.accounts - t.fine - t.attention }

func add(a, b migrate.Tally) migrate.Tally {
	return migrate.Tally{Messages: a.Messages + b.Messages, Octets: a.Octets + b.Octets}
}

// span is when the run began and how far the report reaches: to the run's end, or to now. ok is false when nothing is known.
func span(d *Data) (from, to time.Time, ok bool) {
	from, to = d.Started, d.Ended
	for i := range d.Accounts {
		if s := d.Accounts[i].Started; d.Started.IsZero() && !s.IsZero() && (from.IsZero() || s.Before(from)) {
			from = s
		}
	}
	if to.IsZero() {
		to = d.Generated
	}
	return from, to, !from.IsZero() && to.After(from)
}
