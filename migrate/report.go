package migrate

import (
	"maps"
	"sync"
	"time"
)

// Tally counts messages and the octets that the source announced for them.
type Tally struct{ Messages, Octets int64 }

func (t Tally) plus(u Tally) Tally  { return Tally{t.Messages + u.Messages, t.Octets + u.Octets} }
func (t Tally) minus(u Tally) Tally { return Tally{t.Messages - u.Messages, t.Octets - u.Octets} }

// Report is what a run came to. Listed is always the sum of the Outcomes.
type Report struct {
	Listed   Tally
	Outcomes map[Outcome]Tally
	// Appended is the octets in CRLF form that the target took.
	Appended int64
	// Elapsed is the run's wall time.
	Elapsed time.Duration
	// Reasons counts what was skipped or failed, by reason.
	Reasons map[Reason]Tally
	// Problems are the messages that failed, and what a person should know besides, in order; at most MaxProblems of them.
	Problems []Problem
	// Dropped counts the problems beyond MaxProblems.
	Dropped int
	// Undated counts messages that got no INTERNALDATE because nothing in them tells one: the server took the time of the copy.
	Undated int64
	// DryRun says that nothing was written: Copied counts what would be sent.
	DryRun bool
}

// Reason is why messages ended in an outcome, in words for people.
type Reason struct {
	Outcome Outcome
	Text    string
}

// MaxProblems bounds the problems kept in memory; the store keeps every failed message.
const MaxProblems = 1000

// Problem is one message, or one thing, that needs a person.
type Problem struct {
	Source, ID string
	// Subject is as it is written, where it is known.
	Subject string
	Folder  string
	Size    int64
	Date    time.Time
	// Outcome is Failed, Uncertain, Kept or Relayed; None for what is no message.
	Outcome Outcome
	Reason  string
	Hint    string
}

// Progress is a run's counts as they stand, for a bar or a status file. It is safe for several goroutines; the zero value is ready.
type Progress struct {
	mu sync.Mutex
	s  Snapshot
}

// Snapshot is a Progress at one moment.
type Snapshot struct {
	// Phase is what is going on: "connecting", "listing", "indexing", "copying", "waiting", "done".
	Phase string
	// Listed is known once the source was listed; Settled counts those that have ended in some outcome.
	Listed, Settled Tally
	Outcomes        map[Outcome]Tally
	// Note is the last thing a person might want to know ("the server is gone; trying again in 4s").
	Note string
}

// Snapshot returns the counts as they stand.
func (p *Progress) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.s
	s.Outcomes = maps.Clone(s.Outcomes)
	return s
}

func (p *Progress) phase(phase, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.s.Phase, p.s.Note = phase, note
}

func (p *Progress) show(listed, settled Tally, outcomes map[Outcome]Tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.s.Listed, p.s.Settled = listed, settled
	if p.s.Outcomes == nil {
		p.s.Outcomes = map[Outcome]Tally{}
	}
	maps.Copy(p.s.Outcomes, outcomes)
}
