package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
)

// section is an account's part of the page.
type section struct {
	ID, Name, Class, State, Scale string
	Open                          bool
	Error, Todo, Uneven           string
	Facts                         []fact
	Outcomes                      []outcomeRow
	Total                         outcomeRow
	Folders                       []folderRow
	Verified                      bool // the folders were
	Problems                      []problemGroup
	More                          []string
	// Brief are sentences in place of all of the above, for an account that is fine on a page of many.
	Brief []string
}

type fact struct{ Name, Text string }

// folderRow has in Found what verify found there, if it was asked.
type folderRow struct{ Name, Messages, Size, Found string }

// problemGroup is what an account's messages have in common: what is wrong, and what to do.
type problemGroup struct {
	Words, Todo string
	Rows        []messageRow
	messages    int64
}

type messageRow struct{ Source, ID, Subject, Folder, Size, Date string }

// Bounds on the page as a whole. Each account gets an equal part of them, and a few rows in any case.
const (
	allFolders  = 12_000
	allProblems = 1_500
	// maxOpen is how many sections are open at first; with more, a reader would see no end.
	maxOpen = 40
	// briefFrom is how many accounts there must be for those that are fine to be told in sentences: tables by the thousand make a page slow.
	briefFrom = 300
)

// limits are how many rows each account may show.
type limits struct{ folders, problems int }

func limitsFor(d *Data) limits {
	troubled := 0
	for i := range d.Accounts {
		if a := &d.Accounts[i]; len(a.Problems) > 0 || a.Verify != nil && len(a.Verify.Problems) > 0 {
			troubled++
		}
	}
	return limits{folders: min(max(allFolders/max(1, len(d.Accounts)), 5), 40), problems: min(max(allProblems/max(1, troubled), 3), 50)}
}

// sections makes the accounts' sections one at a time, so that a page of many thousand is never in memory as a whole.
func sections(r *run, order []int) func(func(section) bool) {
	bounds := limitsFor(r.Data)
	return func(yield func(section) bool) {
		open := 0
		for _, i := range order {
			s := newSection(r, i, bounds)
			if s.Open = r.Accounts[i].needsPerson() && open < maxOpen; s.Open {
				open++
			}
			if !yield(s) {
				return
			}
		}
	}
}

func newSection(r *run, i int, bounds limits) section {
	a := &r.Accounts[i]
	s := section{ID: anchor(i)[1:], Name: r.names[i], Class: tone(a), State: stateLabel(a), Error: clean(a.Error, shownWords)}
	if a.Listed != (migrate.Tally{}) {
		s.Scale = counted(a.Listed.Messages, "message", "messages") + ", " + size(a.Listed.Octets)
	}
	s.Todo = clean(cmp.Or(a.Hint, todoState(a.State)), shownWords)
	if !a.addsUp() {
		s.Uneven = "The figures don’t add up: " + gapWords(a) + ". " + todoSums
	}
	s.Facts = facts(a, r.loc)
	if len(r.Accounts) >= briefFrom && !a.needsPerson() && len(a.Problems)+a.Dropped == 0 && (a.Verify == nil || len(a.Verify.Problems) == 0) {
		s.Brief, s.Facts = brief(a, s.Facts, bounds.folders), nil
		return s
	}
	for _, o := range migrate.Outcomes {
		if t := a.Outcomes[o]; t != (migrate.Tally{}) {
			s.Outcomes = append(s.Outcomes, outcomeRow{Name: o.String(), Messages: count(t.Messages), Size: size(t.Octets)})
		}
	}
	if off := a.Gap(); off != (migrate.Tally{}) {
		s.Outcomes = append(s.Outcomes, gapRow(off))
	}
	s.Total = outcomeRow{Name: "listed", Messages: count(a.Listed.Messages), Size: size(a.Listed.Octets)}
	s.Folders, s.Verified = folderRows(a, bounds.folders), a.Verify != nil && len(a.Verify.Folders) > 0
	var hidden int
	if s.Problems, hidden = groupProblems(a, bounds.problems, r.loc); hidden > 0 {
		s.More = append(s.More, counted(int64(hidden), "more problem is", "more problems are")+" listed in "+elsewhere(r.Data)+".")
	}
	if a.Dropped > 0 {
		s.More = append(s.More, counted(int64(a.Dropped), "more problem was", "more problems were")+tooMany)
	}
	return s
}

// brief is an account in sentences: its facts, its sum, its folders.
func brief(a *Account, facts []fact, limit int) []string {
	var out, parts []string
	for _, f := range facts {
		parts = append(parts, f.Name+" "+f.Text)
	}
	if len(parts) > 0 {
		out = append(out, strings.Join(parts, " · "))
	}
	parts = nil
	for _, o := range migrate.Outcomes {
		if n := a.Outcomes[o].Messages; n > 0 {
			parts = append(parts, count(n)+" "+o.String())
		}
	}
	if len(parts) > 0 {
		out = append(out, strings.Join(parts, " + ")+" = "+count(a.Listed.Messages)+" listed")
	}
	parts = nil
	for _, f := range folderRows(a, limit) {
		parts = append(parts, f.Name+" "+f.Messages+" ("+f.Size+")")
	}
	if len(parts) > 0 {
		out = append(out, strings.Join(parts, " · "))
	}
	return out
}

// tooMany follows the number of problems that were dropped before the report.
const tooMany = " too many for any report; poplift failed lists every message that is left."

// elsewhere names the files that have all of it.
func elsewhere(d *Data) string {
	switch len(d.Beside) {
	case 0:
		return "the report as JSON or CSV"
	case 1:
		return clean(d.Beside[0], shownName)
	}
	return clean(d.Beside[0], shownName) + " and " + clean(d.Beside[1], shownName)
}

// facts are where the mail came from and went, when, and what verify said.
func facts(a *Account, loc *time.Location) []fact {
	var out []fact
	for _, source := range a.Sources {
		out = append(out, fact{"From", clean(source, shownWords)})
	}
	if a.Target != "" {
		out = append(out, fact{"To", clean(a.Target, shownWords)})
	}
	if !a.Started.IsZero() {
		from, to := a.Started.In(loc), a.Ended.In(loc)
		ran := from.Format("2 January, 15:04:05")
		switch {
		case a.Ended.IsZero():
			ran = "since " + ran
		case sameDay(from, to):
			ran += " to " + to.Format("15:04:05") + ", " + lasted(from, to)
		default:
			ran += " to " + to.Format("2 January, 15:04:05") + ", " + lasted(from, to)
		}
		out = append(out, fact{"Ran", ran})
	}
	return append(out, verifyFacts(a, loc)...)
}

// folderRows are the largest folders, and the rest in one row so that the sums stay.
func folderRows(a *Account, limit int) []folderRow {
	sorted := slices.Clone(a.Folders)
	slices.SortStableFunc(sorted, func(a, b Folder) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(b.Octets, a.Octets), cmp.Compare(a.Name, b.Name))
	})
	if len(sorted) <= limit+1 { // a row for the rest would take as much room
		limit = len(sorted)
	}
	found := foundIn(a.Verify)
	var out []folderRow
	for _, f := range sorted[:limit] {
		out = append(out, folderRow{clean(f.Name, shownName), count(f.Messages), size(f.Octets), found[f.Name].words()})
	}
	var rest migrate.Tally
	var there inFolder
	for _, f := range sorted[limit:] {
		rest, there = add(rest, f.Tally), there.plus(found[f.Name])
	}
	if n := len(sorted) - limit; n > 0 {
		out = append(out, folderRow{counted(int64(n), "smaller folder", "smaller folders"), count(rest.Messages), size(rest.Octets), there.words()})
	}
	return out
}

// groupProblems puts together what needs the same words, what waits for a person first. It lists at most limit messages in all, and as many
// groups; hidden counts the problems that found no room.
func groupProblems(a *Account, limit int, loc *time.Location) (out []problemGroup, hidden int) {
	type key struct {
		outcome      migrate.Outcome
		reason, hint string
	}
	byKey, rows := map[key]int{}, limit
	for _, now := range []bool{true, false} {
		for _, p := range slices.Concat(a.Problems, verifyProblems(a)) {
			if pressing(p.Outcome) != now {
				continue
			}
			k := key{p.Outcome, p.Reason, p.Hint}
			at, ok := byKey[k]
			if !ok && len(out) == limit {
				hidden++
				continue
			}
			if !ok {
				at = len(out)
				byKey[k] = at
				out = append(out, problemGroup{Words: clean(problemWords(p), shownWords), Todo: clean(todoProblem(p), shownWords)})
			}
			if p.ID == "" {
				continue // about the account or a folder, not a message: the words say it all
			}
			g := &out[at]
			g.messages++
			if rows == 0 {
				hidden++
				continue
			}
			rows--
			g.Rows = append(g.Rows, newMessageRow(a, p, loc))
		}
	}
	return out, hidden
}

// Count is how many messages the group is about, or "".
func (g problemGroup) Count() string {
	if g.messages == 0 {
		return ""
	}
	return counted(g.messages, "message", "messages")
}

func newMessageRow(a *Account, p migrate.Problem, loc *time.Location) messageRow {
	r := messageRow{ID: clean(p.ID, shownName), Subject: clean(Subject(p.Subject), shownName), Folder: clean(p.Folder, shownName)}
	if len(a.Sources) > 1 {
		r.Source = clean(p.Source, shownName)
	}
	if p.Size > 0 {
		r.Size = size(p.Size)
	}
	if !p.Date.IsZero() {
		r.Date = p.Date.In(loc).Format(time.DateOnly)
	}
	return r
}
