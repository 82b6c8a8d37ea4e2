package migrate

import (
	"maps"
	"slices"
	"sync"
)

// books is the running account of a Run. At any time every listed message is either in an outcome or still to do. A new session lists
// the source again: what the listing alone decides (known, left out) is counted anew, what earlier sessions settled stays.
type books struct {
	progress *Progress

	mu      sync.Mutex
	settled map[Outcome]Tally // by this run, in all its sessions
	listing map[Outcome]Tally // by the current listing
	base    map[Outcome]Tally // by listings that are closed: other sources, earlier windows of a windowed one
	why     map[Reason]Tally  // of the current listing
	gaps    []Problem         // of the current listing
	todo    Tally             // of the current listing
	moves   int64             // messages settled, for the give-up rule
	report  Report
}

func newBooks(p *Progress) *books {
	if p == nil {
		p = &Progress{}
	}
	return &books{progress: p, settled: map[Outcome]Tally{}, listing: map[Outcome]Tally{}, base: map[Outcome]Tally{}, why: map[Reason]Tally{},
		report: Report{Reasons: map[Reason]Tally{}}}
}

// relist begins a listing in place of the last one.
func (b *books) relist() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *books) clear() {
	b.listing, b.why, b.gaps, b.todo = map[Outcome]Tally{}, map[Reason]Tally{}, nil, Tally{}
}

// unlisted counts an entry that the listing itself says has failed: it could not be listed properly, or is not to be tried again.
func (b *books) unlisted(p Problem, t Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(b.listing, b.why, Failed, t, p.Reason)
	b.gaps = append(b.gaps, p)
}

// resolve turns a failure of a closed listing into a duplicate.
func (b *books) resolve(p Problem, t Tally, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base[Failed] = b.base[Failed].minus(t)
	b.base[Duplicate] = b.base[Duplicate].plus(t)
	was := Reason{Failed, p.Reason}
	if b.report.Reasons[was] = b.report.Reasons[was].minus(t); b.report.Reasons[was].Messages == 0 {
		delete(b.report.Reasons, was)
	}
	is := Reason{Duplicate, why}
	b.report.Reasons[is] = b.report.Reasons[is].plus(t)
	for i, q := range b.report.Problems {
		if q.Source == p.Source && q.ID == p.ID {
			b.report.Problems = slices.Delete(b.report.Problems, i, i+1)
			return
		}
	}
}

// closeListing keeps the current listing's counts for good: the next one is of other messages. What is still to do has failed.
func (b *books) closeListing(why, hint, source string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := b.todo; left.Messages > 0 {
		b.problem(Problem{Source: source, Reason: why, Hint: hint, Size: left.Octets})
		b.count(b.listing, b.why, Failed, left, why)
	}
	for o, t := range b.listing {
		b.base[o] = b.base[o].plus(t)
	}
	for r, t := range b.why {
		b.report.Reasons[r] = b.report.Reasons[r].plus(t)
	}
	for _, p := range b.gaps {
		b.problem(p)
	}
	b.clear()
}

func (b *books) count(in map[Outcome]Tally, reasons map[Reason]Tally, o Outcome, t Tally, why string) {
	if o == Uncertain {
		o = Failed
	}
	in[o] = in[o].plus(t)
	if why != "" {
		r := Reason{o, why}
		if _, ok := reasons[r]; !ok && len(reasons) >= MaxProblems {
			r.Text = "other reasons"
		}
		reasons[r] = reasons[r].plus(t)
	}
}

// listed counts what the listing itself decides.
func (b *books) listed(o Outcome, t Tally, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(b.listing, b.why, o, t, why)
}

// expect counts a message that is to be fetched.
func (b *books) expect(t Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.todo = b.todo.plus(t)
}

// settle moves a message from what is to do into an outcome of this run. Known by its digest it belongs to the listing.
func (b *books) settle(o Outcome, t Tally, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o == Known {
		b.count(b.listing, b.why, o, t, why)
	} else {
		b.count(b.settled, b.report.Reasons, o, t, why)
	}
	b.todo = b.todo.minus(t)
	b.moves++
	b.show()
}

// repeated drops a message that an earlier session of this run settled, and that only its octets could tell.
func (b *books) repeated(t Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.todo = b.todo.minus(t)
}

// unsettle takes a message back: it is to do again.
func (b *books) unsettle(o Outcome, inThisRun bool, t Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if inThisRun {
		b.settled[o] = b.settled[o].minus(t)
	} else {
		b.listing[Known] = b.listing[Known].minus(t)
	}
	b.todo = b.todo.plus(t)
}

func (b *books) appended(octets int64, undated bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Appended += octets
	if undated {
		b.report.Undated++
	}
}

// tell adds a problem.
func (b *books) tell(p Problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problem(p)
}

func (b *books) problem(p Problem) {
	if len(b.report.Problems) == MaxProblems {
		b.report.Dropped++
		return
	}
	b.report.Problems = append(b.report.Problems, p)
}

// left returns what is still to do, moved how many messages this run has settled so far.
func (b *books) left() Tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.todo
}

func (b *books) moved() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.moves
}

func (b *books) sums() (listed, settled Tally, all map[Outcome]Tally) {
	all = maps.Clone(b.settled)
	for _, part := range []map[Outcome]Tally{b.listing, b.base} {
		for o, t := range part {
			all[o] = all[o].plus(t)
		}
	}
	for _, t := range all {
		settled = settled.plus(t)
	}
	return settled.plus(b.todo), settled, all
}

func (b *books) show() { b.progress.show(b.sums()) }

// close ends the books. Every listing must be closed.
func (b *books) close() Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Listed, _, b.report.Outcomes = b.sums()
	b.progress.phase("done", "")
	b.show()
	return b.report
}
