package main

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"poplift/cmd/poplift/report"
	"poplift/migrate"
)

// jsonReport is what --json prints: one object, whatever happens. Keys are only ever added.
type jsonReport struct {
	Account string `json:"account"`
	DryRun  bool   `json:"dry_run"`

	// Messages. listed is the sum of the others.
	Listed    int64 `json:"listed"`
	Known     int64 `json:"known"`
	Copied    int64 `json:"copied"`
	Adopted   int64 `json:"adopted"`
	Duplicate int64 `json:"duplicate"`
	Skipped   int64 `json:"skipped"`
	Relayed   int64 `json:"relayed"`
	Kept      int64 `json:"kept"`
	Failed    int64 `json:"failed"`

	// Bytes is the octets that the target took in this run.
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	// Sizes has the octets of each of the counts above, as the source announced them.
	Sizes    map[string]int64 `json:"sizes"`
	Reasons  []jsonReason     `json:"reasons"`
	Problems []jsonProblem    `json:"problems"`
	// ProblemsDropped counts the problems that are not listed because there are too many.
	ProblemsDropped int   `json:"problems_dropped"`
	Undated         int64 `json:"undated"`

	ExitCode int    `json:"exit_code"`
	Error    string `json:"error"`
	Hint     string `json:"hint"`
}

type jsonReason struct {
	Outcome  string `json:"outcome"`
	Text     string `json:"text"`
	Messages int64  `json:"messages"`
	Octets   int64  `json:"octets"`
}

type jsonProblem struct {
	Source string `json:"source"`
	ID     string `json:"id"`
	// Subject is in words, and empty where it isn't known.
	Subject string     `json:"subject"`
	Folder  string     `json:"folder"`
	Size    int64      `json:"size"`
	Date    *time.Time `json:"date"`
	// Outcome is one of the counts above, or "uncertain", which counts as failed; "none" for what is about no single message.
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Hint    string `json:"hint"`
}

func newJSONReport(o outcome) jsonReport {
	r := o.Report
	out := jsonReport{
		Account: o.Account, DryRun: o.DryRun, Listed: r.Listed.Messages, Bytes: r.Appended, Seconds: r.Elapsed.Seconds(),
		Sizes: map[string]int64{"listed": r.Listed.Octets}, Reasons: []jsonReason{}, Problems: []jsonProblem{},
		ProblemsDropped: r.Dropped, Undated: r.Undated, ExitCode: exitCode(o.Err), Hint: migrate.HintOf(o.Err),
	}
	for k, count := range map[migrate.Outcome]*int64{
		migrate.Known: &out.Known, migrate.Copied: &out.Copied, migrate.Adopted: &out.Adopted, migrate.Duplicate: &out.Duplicate,
		migrate.Skipped: &out.Skipped, migrate.Relayed: &out.Relayed, migrate.Kept: &out.Kept, migrate.Failed: &out.Failed,
	} {
		*count, out.Sizes[k.String()] = r.Outcomes[k].Messages, r.Outcomes[k].Octets
	}
	for _, k := range migrate.Outcomes {
		for _, reason := range reasonsOf(r, k) {
			t := r.Reasons[reason]
			out.Reasons = append(out.Reasons, jsonReason{k.String(), reason.Text, t.Messages, t.Octets})
		}
	}
	for _, p := range r.Problems {
		j := jsonProblem{Source: p.Source, ID: p.ID, Subject: report.Subject(p.Subject), Folder: p.Folder, Size: p.Size, Outcome: p.Outcome.String(), Reason: p.Reason, Hint: p.Hint}
		if !p.Date.IsZero() {
			j.Date = &p.Date
		}
		out.Problems = append(out.Problems, j)
	}
	if o.Err != nil && !errors.Is(o.Err, errLeft) {
		out.Error = o.Err.Error()
	}
	return out
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
