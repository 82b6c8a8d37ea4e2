package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"poplift/cmd/poplift/report"
	"poplift/migrate"
)

// outcome is what came of a run, for the table, the JSON object and the exit code.
type outcome struct {
	Account string // of the target
	Title   string // "pop3s://me@old → imaps://me@new"
	Report  migrate.Report
	DryRun  bool
	// KeepDir is the dead-letter tree.
	KeepDir string
	// Err is nil, errLeft, or what stopped the run.
	Err error
}

// shownProblems is how many single messages the table lists; --json has them all.
const shownProblems = 10

// writeTable is the end of a run for people: the numbers, which add up, then why, then what to do.
func writeTable(w io.Writer, o outcome) {
	r := o.Report
	title := o.Title
	if o.DryRun {
		title += " (dry run: nothing was written)"
	}
	fmt.Fprintln(w, title)
	rows := [][3]string{{"", "messages", "size"}, tableRow("listed", r.Listed)}
	for _, k := range migrate.Outcomes {
		if t := r.Outcomes[k]; t != (migrate.Tally{}) || k == migrate.Copied || k == migrate.Failed {
			rows = append(rows, tableRow(rowName(k, o.DryRun), t))
		}
	}
	writeColumns(w, rows)
	if s := speed(o); s != "" {
		fmt.Fprintln(w, s)
	}
	writeReasons(w, r)
	writeProblems(w, r)
	for _, line := range advice(o) {
		fmt.Fprintln(w, line)
	}
}

// rowName is an outcome's name in the table; a dry run has done nothing yet.
func rowName(k migrate.Outcome, dryRun bool) string {
	if name, ok := map[migrate.Outcome]string{migrate.Copied: "to copy", migrate.Relayed: "to relay", migrate.Kept: "to keep"}[k]; ok && dryRun {
		return name
	}
	return k.String()
}

// outcomeNames are the rows of every table, in order.
func outcomeNames() []string {
	var out []string
	for _, k := range migrate.Outcomes {
		out = append(out, k.String())
	}
	return out
}

func tableRow(name string, t migrate.Tally) [3]string {
	return [3]string{name, fmt.Sprint(t.Messages), humanSize(t.Octets)}
}

// writeColumns sets the first column flush left and the others flush right.
func writeColumns(w io.Writer, rows [][3]string) {
	var width [3]int
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range rows {
		fmt.Fprintf(w, "  %-*s  %*s  %*s\n", width[0], r[0], width[1], r[1], width[2], r[2])
	}
}

// speed is the line below the table: how long it took and how fast it went.
func speed(o outcome) string {
	r, seconds := o.Report, o.Report.Elapsed.Seconds()
	n := r.Outcomes[migrate.Copied].Messages
	if seconds <= 0 {
		return ""
	}
	if n == 0 || o.DryRun {
		return fmt.Sprintf("took %s", humanTime(r.Elapsed))
	}
	return fmt.Sprintf("took %s: %s and %s a second", humanTime(r.Elapsed), plural(int64(float64(n)/seconds), "message", "messages"),
		humanSize(int64(float64(r.Appended)/seconds)))
}

// shownReasons is how many reasons of one outcome the table tells: servers put sizes and times into theirs.
const shownReasons = 5

// writeReasons says why messages were skipped or failed: "failed 3: 2 × too large, 1 × refused".
func writeReasons(w io.Writer, r migrate.Report) {
	for _, k := range migrate.Outcomes {
		reasons := reasonsOf(r, k)
		if len(reasons) == 0 {
			continue
		}
		var parts []string
		for i, reason := range reasons {
			if i == shownReasons {
				parts = append(parts, plural(int64(len(reasons)-i), "more reason", "more reasons"))
				break
			}
			parts = append(parts, fmt.Sprintf("%d × %s", r.Reasons[reason].Messages, reason.Text))
		}
		fmt.Fprintf(w, "%s %d: %s\n", rowName(k, r.DryRun), r.Outcomes[k].Messages, strings.Join(parts, ", "))
	}
}

// reasonsOf returns an outcome's reasons, the most frequent first.
func reasonsOf(r migrate.Report, k migrate.Outcome) []migrate.Reason {
	var out []migrate.Reason
	for reason := range r.Reasons {
		if reason.Outcome == k {
			out = append(out, reason)
		}
	}
	slices.SortFunc(out, func(a, b migrate.Reason) int {
		return cmp.Or(cmp.Compare(r.Reasons[b].Messages, r.Reasons[a].Messages), cmp.Compare(a.Text, b.Text))
	})
	return out
}

// writeProblems lists the first messages that need a person, in columns: id, size, date, and the reason behind the subject.
func writeProblems(w io.Writer, r migrate.Report) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	shown, more := 0, r.Dropped
	for _, p := range r.Problems {
		if p.ID == "" && r.Reasons[migrate.Reason{Outcome: migrate.Failed, Text: p.Reason}].Messages > 0 {
			continue // about many messages, and told above
		}
		if shown == shownProblems {
			more++
			continue
		}
		shown++
		size, day := "", ""
		if p.Size > 0 {
			size = humanSize(p.Size)
		}
		if !p.Date.IsZero() {
			day = p.Date.Format(time.DateOnly)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s%s\n", shownID(p.ID), size, day, shownSubject(report.Subject(p.Subject)), p.Reason)
	}
	tw.Flush()
	if more > 0 {
		fmt.Fprintf(w, "  … and %d more; --json lists them\n", more)
	}
}

// shownID is a UIDL, as it is when it is printable.
func shownID(id string) string {
	if printable(id) && !strings.Contains(id, " ") {
		return id
	}
	return fmt.Sprintf("%q", id)
}

// shownSubject stands before a reason, where the subject is known.
func shownSubject(s string) string {
	if s == "" {
		return ""
	}
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return "“" + s + "”: "
}

// advice is what to do next.
func advice(o outcome) []string {
	var out []string
	r := o.Report
	seen := map[string]bool{}
	for _, p := range r.Problems {
		if p.Hint != "" && !seen[p.Hint] && len(seen) < 5 {
			seen[p.Hint] = true
			out = append(out, "hint: "+p.Hint)
		}
	}
	if r.Undated > 0 {
		out = append(out, fmt.Sprintf("%s no date that makes sense: the target dated them with the time of the copy.",
			plural(r.Undated, "message has", "messages have")))
	}
	failed := r.Outcomes[migrate.Failed].Messages
	switch exitCode(o.Err) {
	case exitInterrupted:
		out = append(out, "Interrupted. Run the same command again: it goes on where it stopped.")
	case exitLeft:
		if o.DryRun {
			out = append(out, "Run it again without --dry-run; these messages would be left.")
			break
		}
		if kept := r.Outcomes[migrate.Kept].Messages; kept > 0 {
			out = append(out, fmt.Sprintf("%s kept in %s. poplift retry, with the same addresses, tries again.", plural(kept, "message is", "messages are"), o.KeepDir))
		}
		if failed > 0 {
			out = append(out, fmt.Sprintf("%s still on the source only. The next run of the same command tries again.",
				plural(failed, "message is", "messages are")))
		}
	case exitDone:
		switch n := r.Outcomes[migrate.Copied].Messages; {
		case o.DryRun:
			out = append(out, "Run it again without --dry-run to copy.")
		case n > 0:
			out = append(out, "Done. Run the same command again at any time: it copies only what is new.")
		default:
			out = append(out, "Done. There was nothing new to copy.")
		}
	default:
		out = append(out, "Stopped. Once the cause is gone, run the same command again: it goes on where it stopped.")
	}
	return out
}

// writeLeft is what --quiet still says, to stderr: that something is left, and what.
func writeLeft(w io.Writer, o outcome) {
	fmt.Fprintln(w, "poplift: "+o.Title)
	writeReasons(w, o.Report)
	writeProblems(w, o.Report)
	for _, line := range advice(o) {
		fmt.Fprintln(w, line)
	}
}
