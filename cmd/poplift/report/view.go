package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
)

// view is the page in words and figures ready to be set: the template only places them.
type view struct {
	Style, Script         any // template.CSS and template.JS, with their digests for the policy
	StyleHash, ScriptHash string

	Title, Version, Generated, Zone string
	When                            string
	Headline, Lede                  string
	Running                         bool
	Uneven                          []link
	UnevenMore                      string
	UnevenWords                     string

	Figures      []figure
	Todo, Notes  []causeView
	CausesMore   string
	Dropped      string
	Grid         grid
	Legend       []legend
	Bar          []part
	BarLabel     string
	Outcomes     []outcomeRow
	OutcomeTotal outcomeRow
	Charts       []chart
	Times        string
	Largest      []largestRow
	Verified     bool // some account was
	Safety       safety
	Rows         []row
	Sections     func(func(section) bool)
	Beside       string
}

// figure is one of the few numbers that matter.
type figure struct{ Name, Value, Note string }

type link struct{ Href, Name string }

type legend struct{ Class, Name, Count string }

type causeView struct {
	Words, Todo, Scale string
	Accounts           []link
	More               string
}

type outcomeRow struct{ Class, Name, Messages, Size, Share, Means string }

type largestRow struct {
	link
	Size, Width, Took string
}

// row is an account in the table. Class is its tone, State the word for it.
type row struct {
	link
	Class, State, Listed, Moved, Left, Size, Took, Verified string
}

// meanings explain the outcomes to those who weren't there.
var meanings = map[migrate.Outcome]string{
	migrate.Known:     "done in an earlier run",
	migrate.Copied:    "stored on the new server by this run",
	migrate.Adopted:   "found on the new server already",
	migrate.Duplicate: "the same message as another one in the same folder",
	migrate.Skipped:   "left out by a rule of the jobs file",
	migrate.Relayed:   "sent to the account by SMTP",
	migrate.Kept:      "in the dead-letter folder",
	migrate.Failed:    "on the old server only",
}

const (
	maxLargest = 10
	maxUneven  = 20
)

// run is the data with what the whole page needs of it, worked out once.
type run struct {
	*Data
	totals
	jobs  bool     // there are several
	names []string // of the accounts, with their jobs' where there are several
	loc   *time.Location
}

func newRun(d *Data) *run {
	r := &run{Data: d, totals: sum(d), loc: d.Generated.Location()}
	for i := range d.Accounts {
		r.jobs = r.jobs || d.Accounts[i].Job != d.Accounts[0].Job
	}
	for i := range d.Accounts {
		name := d.Accounts[i].Name
		if r.jobs {
			name = d.Accounts[i].Job + " / " + name
		}
		r.names = append(r.names, clean(name, shownName))
	}
	return r
}

func newView(d *Data) *view {
	r := newRun(d)
	v := &view{
		Title: clean(cmp.Or(d.Title, "Mail migration"), shownName), Version: clean(d.Version, shownName),
		Generated: d.Generated.Format("2 January 2006, 15:04"), Zone: zone(d.Generated),
		Headline: headline(&r.totals), Lede: lede(&r.totals), Running: d.Ended.IsZero() && len(d.Accounts) > 0,
		Grid: newGrid(r), Bar: outcomeBar(r.outcomes), Charts: charts(d, r.loc), Largest: largest(r),
		Verified: r.verdicts[unverified] < r.accounts, Safety: newSafety(r), Beside: clean(strings.Join(d.Beside, ", "), shownWords),
	}
	from, to, ok := span(d)
	if ok {
		v.When = period(from.In(r.loc), to.In(r.loc))
	}
	v.Figures = figures(&r.totals, to.Sub(from), ok)
	v.setUneven(r)
	v.setCauses(r)
	v.setOutcomes(&r.totals)
	order := r.byNeed()
	v.Legend = legendOf(r, order)
	v.Grid.Label = counted(int64(r.accounts), "account", "accounts") + legendWords(v.Legend)
	for _, i := range order {
		v.Rows = append(v.Rows, newRow(r, i))
	}
	v.Sections = sections(r, order)
	return v
}

// legendOf counts the accounts as they are labelled, in the order of need.
func legendOf(r *run, order []int) []legend {
	var out []legend
	var counts []int64
	for _, i := range order {
		l := legend{Class: tone(&r.Accounts[i]), Name: stateLabel(&r.Accounts[i])}
		at := slices.Index(out, l)
		if at < 0 {
			at = len(out)
			out, counts = append(out, l), append(counts, 0)
		}
		counts[at]++
	}
	for i := range out {
		out[i].Count = count(counts[i])
	}
	return out
}

func (v *view) setUneven(r *run) {
	if r.uneven == 0 {
		return
	}
	v.UnevenWords = fmt.Sprintf("The figures of %s don’t add up", counted(int64(r.uneven), "account", "accounts"))
	for i := range r.Accounts {
		if a := &r.Accounts[i]; !a.addsUp() && len(v.Uneven) < maxUneven {
			v.Uneven = append(v.Uneven, link{anchor(i), r.names[i] + ": " + gapWords(a)})
		}
	}
	if more := r.uneven - len(v.Uneven); more > 0 {
		v.UnevenMore = counted(int64(more), "more account", "more accounts")
	}
}

func (v *view) setCauses(r *run) {
	causes := causesOf(r.Data)
	for _, c := range causes[:min(len(causes), maxCauses)] {
		cv := causeView{Words: clean(c.Words, shownWords), Todo: clean(c.Todo, shownWords), Scale: counted(int64(len(c.accounts)), "account", "accounts")}
		switch {
		case c.Octets > 0:
			cv.Scale = fmt.Sprintf("%s, %s in %s", counted(c.Messages, "message", "messages"), size(c.Octets), cv.Scale)
		case c.Messages > 0: // how large they are is not known
			cv.Scale = fmt.Sprintf("%s in %s", counted(c.Messages, "message", "messages"), cv.Scale)
		}
		for _, i := range c.accounts[:min(len(c.accounts), maxNamed)] {
			cv.Accounts = append(cv.Accounts, link{anchor(i), r.names[i]})
		}
		if more := len(c.accounts) - maxNamed; more > 0 {
			cv.More = count(int64(more)) + " more"
		}
		if c.rank == rankNote {
			v.Notes = append(v.Notes, cv)
		} else {
			v.Todo = append(v.Todo, cv)
		}
	}
	if more := len(causes) - maxCauses; more > 0 {
		v.CausesMore = counted(int64(more), "rarer cause stands", "rarer causes stand") + " with the accounts below."
	}
	if r.dropped > 0 {
		v.Dropped = counted(int64(r.dropped), "more problem was", "more problems were") + tooMany
	}
}

func (v *view) setOutcomes(t *totals) {
	var words []string
	for _, o := range migrate.Outcomes {
		c := t.outcomes[o]
		if c == (migrate.Tally{}) && o != migrate.Copied && o != migrate.Failed {
			continue
		}
		r := outcomeRow{o.String(), o.String(), count(c.Messages), size(c.Octets), share(c.Messages, t.listed.Messages), meanings[o]}
		v.Outcomes = append(v.Outcomes, r)
		words = append(words, r.Name+" "+r.Messages)
	}
	if off := gap(t.listed, t.outcomes); off != (migrate.Tally{}) {
		v.Outcomes = append(v.Outcomes, gapRow(off))
	}
	v.BarLabel = "Messages by outcome: " + strings.Join(words, ", ")
	v.OutcomeTotal = outcomeRow{Name: "listed", Messages: count(t.listed.Messages), Size: size(t.listed.Octets), Means: "what stands on the old servers"}
}

// gapRow stands in a table for what doesn't add up, so that the table does.
func gapRow(off migrate.Tally) outcomeRow {
	return outcomeRow{Class: migrate.Failed.String(), Name: "no outcome", Messages: count(off.Messages), Size: size(off.Octets), Means: "listed, and nowhere in the books"}
}

// largest are the accounts with the most mail, as bars against the largest.
func largest(r *run) []largestRow {
	if len(r.Accounts) < 2 {
		return nil
	}
	order := r.inOrder(func(i, j int) int { return cmp.Compare(r.Accounts[j].Listed.Octets, r.Accounts[i].Listed.Octets) })
	var out []largestRow
	for _, i := range order[:min(len(order), maxLargest)] {
		a, most := &r.Accounts[i], r.Accounts[order[0]].Listed.Octets
		if a.Listed.Octets <= 0 {
			break
		}
		out = append(out, largestRow{link{anchor(i), r.names[i]}, size(a.Listed.Octets),
			percent(100 * float64(a.Listed.Octets) / float64(most)), lasted(a.Started, a.Ended)})
	}
	return out
}

func newRow(r *run, i int) row {
	a := &r.Accounts[i]
	out := row{
		link: link{anchor(i), r.names[i]}, Class: tone(a), State: stateLabel(a),
		Listed: count(a.Listed.Messages), Moved: count(a.moved().Messages), Left: count(a.Outcomes[migrate.Failed].Messages),
		Size: size(a.Listed.Octets), Took: lasted(a.Started, a.Ended),
	}
	if a.Listed == (migrate.Tally{}) && (a.State == NotStarted || a.State == Failed || a.State == Elsewhere) {
		out.Listed, out.Moved, out.Left, out.Size = "–", "–", "–", "–" // nobody has looked
	}
	if v := a.verdict(); v != unverified {
		out.Verified = v.String()
		if v == safe && a.Verify.FlagsDiffer > 0 {
			out.Verified += ", flags differ"
		}
	}
	return out
}

// byNeed orders the accounts: those that need a person first, then by state, then as the jobs file has them.
func (r *run) byNeed() []int {
	rank := make([]int, len(r.Accounts))
	for i := range rank {
		a := &r.Accounts[i]
		rank[i] = slices.Index(states[:], a.State)
		if !a.needsPerson() {
			rank[i] += len(states)
		}
	}
	return r.inOrder(func(i, j int) int { return cmp.Compare(rank[i], rank[j]) })
}

// inOrder is the accounts' indexes, sorted; what compares equal stays as the jobs file has it.
func (r *run) inOrder(compare func(i, j int) int) []int {
	order := make([]int, len(r.Accounts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	return order
}

// class is the state's name in the style sheet.
func (s State) class() string {
	switch s {
	case Done:
		return "done"
	case Left:
		return "left"
	case Failed:
		return "failed"
	case Elsewhere:
		return "elsewhere"
	case Interrupted:
		return "interrupted"
	}
	return "waiting"
}

// tone is the class of an account: that of its state, but nothing that needs a person looks done.
func tone(a *Account) string {
	if a.State != Failed && a.needsPerson() {
		return Left.class()
	}
	return a.State.class()
}

// stateLabel is an account's state for people, with what makes it doubtful.
func stateLabel(a *Account) string {
	switch {
	case !a.addsUp():
		return a.State.String() + ", figures off"
	case a.State == Done && a.verdict() == unsafe:
		return "done, not safe"
	case a.State == Done && a.needsPerson():
		return "done, with problems"
	}
	return a.State.String()
}

func legendWords(l []legend) string {
	var b strings.Builder
	for i, item := range l {
		b.WriteString([...]string{": ", ", "}[min(i, 1)] + item.Count + " " + item.Name)
	}
	return b.String()
}

func anchor(i int) string { return fmt.Sprintf("#a%d", i+1) }
