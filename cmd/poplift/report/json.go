package report

import (
	"encoding/json"
	"io"
	"time"

	"poplift/migrate"
	"poplift/state"
)

// WriteJSON writes all of the data as one object: totals, then the accounts in their order. Names are those of poplift copy --json; keys are
// only ever added.
func WriteJSON(w io.Writer, d Data) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(newJSONRun(&d))
}

type jsonRun struct {
	Title     string     `json:"title"`
	Version   string     `json:"version"`
	Generated time.Time  `json:"generated"`
	Started   *time.Time `json:"started"`
	Ended     *time.Time `json:"ended"`
	Seconds   float64    `json:"seconds"`
	Totals    jsonTotals `json:"totals"`

	Accounts []jsonAccount `json:"accounts"`
}

type jsonTotals struct {
	Accounts int `json:"accounts"`
	// States counts the accounts by state; all states are there.
	States map[string]int `json:"states"`
	// NeedPerson counts the accounts that somebody has to look at.
	NeedPerson int `json:"need_person"`
	jsonCounts
	Problems        int `json:"problems"`
	ProblemsDropped int `json:"problems_dropped"`
	// Verified is the sum of Safe, Unsafe and Stale; with Unverified it is the number of accounts.
	Verified   int `json:"verified"`
	Safe       int `json:"safe"`
	Unsafe     int `json:"unsafe"`
	Stale      int `json:"stale"`
	Unverified int `json:"unverified"`
}

// jsonCounts are messages by outcome, and octets in sizes. listed is the sum of the others when adds_up is true.
type jsonCounts struct {
	Listed    int64            `json:"listed"`
	Known     int64            `json:"known"`
	Copied    int64            `json:"copied"`
	Adopted   int64            `json:"adopted"`
	Duplicate int64            `json:"duplicate"`
	Skipped   int64            `json:"skipped"`
	Relayed   int64            `json:"relayed"`
	Kept      int64            `json:"kept"`
	Failed    int64            `json:"failed"`
	Sizes     map[string]int64 `json:"sizes"`
	AddsUp    bool             `json:"adds_up"`
}

type jsonAccount struct {
	Job     string     `json:"job"`
	Account string     `json:"account"`
	Sources []string   `json:"sources"`
	Target  string     `json:"target"`
	State   string     `json:"state"`
	Error   string     `json:"error"`
	Hint    string     `json:"hint"`
	Started *time.Time `json:"started"`
	Ended   *time.Time `json:"ended"`
	Seconds float64    `json:"seconds"`
	jsonCounts
	// Gap is what is listed beyond the sum of the outcomes.
	Gap             jsonTally     `json:"gap"`
	Folders         []jsonFolder  `json:"folders"`
	Problems        []jsonProblem `json:"problems"`
	ProblemsDropped int           `json:"problems_dropped"`
	Verify          *jsonVerify   `json:"verify"`
	Timeline        []jsonPoint   `json:"timeline"`
}

type jsonTally struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

type jsonFolder struct {
	Name string `json:"name"`
	jsonTally
}

type jsonProblem struct {
	Source  string     `json:"source"`
	ID      string     `json:"id"`
	Subject string     `json:"subject"`
	Folder  string     `json:"folder"`
	Size    int64      `json:"size"`
	Date    *time.Time `json:"date"`
	Outcome string     `json:"outcome"`
	Reason  string     `json:"reason"`
	Hint    string     `json:"hint"`
}

type jsonVerify struct {
	*state.Verification
	// Stale says that a later run has moved mail: Safe is not to be relied on.
	Stale bool `json:"stale"`
}

type jsonPoint struct {
	Time time.Time `json:"time"`
	jsonTally
}

func newJSONRun(d *Data) jsonRun {
	t := sum(d)
	out := jsonRun{Title: d.Title, Version: d.Version, Generated: d.Generated, Started: moment(d.Started), Ended: moment(d.Ended), Accounts: []jsonAccount{}}
	if from, to, ok := span(d); ok {
		out.Started, out.Seconds = &from, to.Sub(from).Seconds()
	}
	out.Totals = jsonTotals{Accounts: t.accounts, States: map[string]int{}, NeedPerson: t.attention, jsonCounts: newJSONCounts(t.listed, t.outcomes, t.uneven == 0),
		Problems: t.problems + t.dropped, ProblemsDropped: t.dropped, Verified: t.accounts - t.verdicts[unverified],
		Safe: t.verdicts[safe], Unsafe: t.verdicts[unsafe], Stale: t.verdicts[stale], Unverified: t.verdicts[unverified]}
	for _, s := range states {
		out.Totals.States[s.String()] = t.byState[s]
	}
	for i := range d.Accounts {
		out.Accounts = append(out.Accounts, newJSONAccount(&d.Accounts[i]))
	}
	return out
}

func newJSONCounts(listed migrate.Tally, outcomes map[migrate.Outcome]migrate.Tally, addsUp bool) jsonCounts {
	c := jsonCounts{Listed: listed.Messages, Sizes: map[string]int64{"listed": listed.Octets}, AddsUp: addsUp}
	for o, n := range map[migrate.Outcome]*int64{migrate.Known: &c.Known, migrate.Copied: &c.Copied, migrate.Adopted: &c.Adopted, migrate.Duplicate: &c.Duplicate,
		migrate.Skipped: &c.Skipped, migrate.Relayed: &c.Relayed, migrate.Kept: &c.Kept, migrate.Failed: &c.Failed} {
		*n, c.Sizes[o.String()] = outcomes[o].Messages, outcomes[o].Octets
	}
	return c
}

func newJSONAccount(a *Account) jsonAccount {
	out := jsonAccount{
		Job: a.Job, Account: a.Name, Sources: append([]string{}, a.Sources...), Target: a.Target, State: a.State.String(), Error: a.Error, Hint: a.Hint,
		Started: moment(a.Started), Ended: moment(a.Ended), jsonCounts: newJSONCounts(a.Listed, a.Outcomes, a.addsUp()), Gap: newJSONTally(a.Gap()),
		Folders: []jsonFolder{}, Problems: []jsonProblem{}, ProblemsDropped: a.Dropped, Timeline: []jsonPoint{},
	}
	if !a.Started.IsZero() && a.Ended.After(a.Started) {
		out.Seconds = a.Ended.Sub(a.Started).Seconds()
	}
	for _, f := range a.Folders {
		out.Folders = append(out.Folders, jsonFolder{f.Name, newJSONTally(f.Tally)})
	}
	for _, p := range a.Problems {
		out.Problems = append(out.Problems, jsonProblem{p.Source, p.ID, Subject(p.Subject), p.Folder, p.Size, moment(p.Date), p.Outcome.String(), p.Reason, p.Hint})
	}
	if v := a.Verify; v != nil {
		out.Verify = &jsonVerify{v, a.verdict() == stale}
	}
	for _, p := range a.Timeline {
		out.Timeline = append(out.Timeline, jsonPoint{p.Time, newJSONTally(p.Tally)})
	}
	return out
}

func newJSONTally(t migrate.Tally) jsonTally { return jsonTally{t.Messages, t.Octets} }

// moment is a time, or null.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
