package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"poplift/cmd/poplift/jobs"
	"poplift/cmd/poplift/report"
	"poplift/migrate"
	"poplift/state"
)

// report gathers what came of the run.
func (c *campaign) report(started time.Time) report.Data {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := report.Data{Title: filepath.Base(c.file.Path), File: c.file.Path, Version: versionLine(), Generated: c.env.now(), Started: started, Ended: c.env.now(),
		Accounts: make([]report.Account, 0, len(c.accounts))}
	read := c.opts.Output.JSON || len(c.opts.Reports)+len(c.file.Reports) > 0 || cmp.Or(c.opts.OnSuccess, c.file.OnSuccess, c.opts.OnFailure, c.file.OnFailure) != ""
	for _, a := range c.accounts {
		acct := reportOf(a, c.results[a.ID()])
		if read { // the summary on the screen doesn't tell it, and there may be thousands
			acct.Verify = c.lastVerification(a)
		}
		d.Accounts = append(d.Accounts, acct)
	}
	return d
}

// reportOf is one account in the report; r is nil when it was not reached.
func reportOf(a *jobs.Account, r *result) report.Account {
	out := report.Account{Job: a.Job, Name: a.Name, Target: a.Target.String()}
	for _, s := range a.Sources {
		out.Sources = append(out.Sources, s.String())
	}
	if r == nil {
		return out
	}
	rep, err := r.outcome.Report, r.outcome.Err
	out.Started, out.Ended, out.Listed, out.Outcomes = r.started, r.ended, rep.Listed, rep.Outcomes
	out.Problems, out.Dropped, out.State = rep.Problems, rep.Dropped, stateOf(err)
	if err != nil && !errors.Is(err, errLeft) {
		out.Error, out.Hint = err.Error(), migrate.HintOf(err)
	}
	for _, m := range r.timeline {
		out.Timeline = append(out.Timeline, report.Point{Time: m.at, Tally: m.to})
	}
	return out
}

func stateOf(err error) report.State {
	switch {
	case err == nil:
		return report.Done
	case errors.Is(err, errLeft):
		return report.Left
	case errors.Is(err, state.ErrLocked):
		return report.Elsewhere
	case errors.Is(err, errInterrupted), errors.Is(err, errRuntime), only(err, migrate.ErrVolume):
		return report.Interrupted
	}
	return report.Failed
}

// write writes the reports and the metrics that were asked for.
func (c *campaign) write(d report.Data) error {
	var errs []error
	files := c.opts.Reports
	if len(files) == 0 {
		files = c.file.Reports
	}
	for _, path := range files {
		for _, other := range files {
			if other != path {
				d.Beside = append(d.Beside, filepath.Base(other))
			}
		}
		errs = append(errs, writeReport(path, d))
		d.Beside = nil
	}
	if path := cmp.Or(c.opts.Metrics, c.file.MetricsFile); path != "" && !c.opts.DryRun {
		errs = append(errs, writeMetrics(path, d))
	}
	return errors.Join(errs...)
}

// writeReport writes a file as what its name says.
func writeReport(path string, d report.Data) error {
	write := map[string]func(io.Writer, report.Data) error{".html": report.WriteHTML, ".csv": report.WriteCSV, ".json": report.WriteJSON}[strings.ToLower(filepath.Ext(path))]
	if write == nil {
		return usagef("report %s: its name must end in .html, .csv or .json", path)
	}
	return replaceFile(path, func(w io.Writer) error { return write(w, d) })
}

// replaceFile writes a file beside the old one and puts it in its place when it is whole.
func replaceFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeMetrics writes a Prometheus textfile for the node exporter's collector. There is no label for an account: thousands of them would be
// thousands of series, and a label with somebody's address in it.
func writeMetrics(path string, d report.Data) error {
	reg := prometheus.NewRegistry()
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "poplift", Name: name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	accounts := gauge("accounts", "Accounts by how they stand after the last run.", "job", "state")
	messages := gauge("messages", "Messages by what became of them.", "job", "outcome")
	octets := gauge("octets", "Octets of messages, as the sources announce them, by what became of them.", "job", "outcome")
	gauge("run_end_timestamp_seconds", "When the last run ended.").WithLabelValues().Set(float64(d.Ended.Unix()))
	gauge("run_duration_seconds", "How long the last run took.").WithLabelValues().Set(d.Ended.Sub(d.Started).Seconds())
	for _, a := range d.Accounts {
		accounts.WithLabelValues(a.Job, a.State.String()).Inc()
		for _, o := range migrate.Outcomes {
			messages.WithLabelValues(a.Job, o.String()).Add(float64(a.Outcomes[o].Messages))
			octets.WithLabelValues(a.Job, o.String()).Add(float64(a.Outcomes[o].Octets))
		}
	}
	if err := prometheus.WriteToTextfile(path, reg); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// present tells what came of the run, on stdout, or on stderr when it is to be quiet and somebody must act.
func (c *campaign) present(d report.Data, news bool) {
	switch {
	case c.opts.Output.JSON:
		if jerr := report.WriteJSON(c.env.stdout, d); jerr != nil {
			c.log.Error("report", "err", jerr)
		}
	case c.opts.Output.Quiet && news:
		writeCampaign(c.env.stderr, d, false)
	case !c.opts.Output.Quiet:
		writeCampaign(c.env.stdout, d, true)
	}
}

// shownAccounts is how many accounts that need somebody the summary lists.
const shownAccounts = 50

// writeCampaign is the summary of a run: the sums, and the accounts that need somebody.
func writeCampaign(w io.Writer, d report.Data, sums bool) {
	states := map[report.State]int{}
	var listed migrate.Tally
	outcomes := map[migrate.Outcome]migrate.Tally{}
	for _, a := range d.Accounts {
		states[a.State]++
		listed = add(listed, a.Listed)
		for o, t := range a.Outcomes {
			outcomes[o] = add(outcomes[o], t)
		}
	}
	if sums {
		rows := [][3]string{{"", "messages", "size"}, tableRow("listed", listed)}
		for _, o := range migrate.Outcomes {
			if t := outcomes[o]; t != (migrate.Tally{}) || o == migrate.Copied || o == migrate.Failed {
				rows = append(rows, tableRow(o.String(), t))
			}
		}
		writeColumns(w, rows)
		parts := []string{}
		for _, s := range []report.State{report.Done, report.Left, report.Failed, report.Elsewhere, report.Interrupted, report.NotStarted} {
			if n := states[s]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, s))
			}
		}
		fmt.Fprintf(w, "%s: %s; took %s\n", plural(int64(len(d.Accounts)), "account", "accounts"), strings.Join(parts, ", "), humanTime(d.Ended.Sub(d.Started)))
	}
	shown := 0
	for _, a := range d.Accounts {
		if a.State != report.Failed && a.State != report.Left && (a.State != report.Elsewhere || !sums) {
			continue // nobody has to do anything about it
		}
		if shown++; shown > shownAccounts {
			continue
		}
		writeAccount(w, a)
	}
	if more := shown - shownAccounts; more > 0 {
		fmt.Fprintf(w, "… and %d more accounts; --json lists them all\n", more)
	}
}

func writeAccount(w io.Writer, a report.Account) {
	what := a.Error
	if what == "" {
		what = fmt.Sprintf("%d failed, %d kept", a.Outcomes[migrate.Failed].Messages, a.Outcomes[migrate.Kept].Messages)
	}
	fmt.Fprintf(w, "%s/%s: %s\n", a.Job, a.Name, what)
	if a.Hint != "" {
		fmt.Fprintf(w, "  hint: %s\n", a.Hint)
	}
	if a.State == report.Left {
		writeProblems(w, migrate.Report{Problems: a.Problems, Dropped: a.Dropped})
	}
}
