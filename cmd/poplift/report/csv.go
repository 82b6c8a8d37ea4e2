package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"poplift/migrate"
)

// WriteCSV writes a head and one line for each account, in UTF-8: its counts in messages by outcome, the same in octets (…_bytes), and gap, which
// is 0 when they add up. Cells that a spreadsheet would take for a formula begin with an apostrophe. Columns are only ever added, at the end.
func WriteCSV(w io.Writer, d Data) error {
	out := csv.NewWriter(w)
	head := []string{"job", "account", "sources", "target", "state", "error", "hint", "started", "ended", "seconds", "listed"}
	bytes := []string{"listed_bytes"}
	for _, o := range migrate.Outcomes {
		head, bytes = append(head, o.String()), append(bytes, o.String()+"_bytes")
	}
	head = append(append(head, bytes...), "gap", "gap_bytes", "problems", "problems_dropped", "verified", "verify_reasons")
	head = append(head, verifyColumns...)
	if err := out.Write(head); err != nil {
		return err
	}
	for i := range d.Accounts {
		if err := out.Write(csvAccount(&d.Accounts[i])); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvAccount(a *Account) []string {
	line := []string{cell(a.Job), cell(a.Name), cell(strings.Join(a.Sources, " ")), cell(a.Target), a.State.String(), cell(a.Error), cell(a.Hint),
		stamp(a.Started), stamp(a.Ended), seconds(a), number(a.Listed.Messages)}
	octets := []string{number(a.Listed.Octets)}
	for _, o := range migrate.Outcomes {
		t := a.Outcomes[o]
		line, octets = append(line, number(t.Messages)), append(octets, number(t.Octets))
	}
	line = append(line, octets...)
	gap := a.Gap()
	line = append(line, number(gap.Messages), number(gap.Octets), strconv.Itoa(len(a.Problems)+a.Dropped), strconv.Itoa(a.Dropped))
	return append(line, csvVerification(a)...)
}

// verifyColumns are behind "verified" and "verify_reasons".
var verifyColumns = []string{"verify_time", "verify_listed", "verify_placed", "verify_relayed", "verify_kept", "verify_left_out", "verify_missing", "verify_expected",
	"verify_found", "verify_moved", "verify_gone", "verify_flags_compared", "verify_flags_differ", "verify_read", "verify_altered"}

// csvVerification is empty where there was none. verified is "safe", "not safe", or "out of date" for one before a run that moved mail.
func csvVerification(a *Account) []string {
	v := a.Verify
	if v == nil {
		return make([]string, 2+len(verifyColumns))
	}
	line := []string{a.verdict().String(), cell(strings.Join(v.Reasons, "; ")), stamp(v.Time)}
	for _, n := range []int64{v.Listed.Messages, v.Placed.Messages, v.Relayed.Messages, v.Kept.Messages, v.Left.Messages, v.Missing.Messages, v.Expected,
		v.Found, v.Moved, v.Gone, v.Flagged, v.FlagsDiffer, v.Read, v.Altered} {
		line = append(line, number(n))
	}
	return line
}

// WriteProblemsCSV writes a head and one line for each problem of each account, under the same rules as WriteCSV.
func WriteProblemsCSV(w io.Writer, d Data) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"job", "account", "source", "id", "subject", "folder", "size", "date", "outcome", "reason", "hint"}); err != nil {
		return err
	}
	for i := range d.Accounts {
		a := &d.Accounts[i]
		for _, p := range a.Problems {
			line := []string{cell(a.Job), cell(a.Name), cell(p.Source), cell(p.ID), cell(Subject(p.Subject)), cell(p.Folder), number(p.Size), stamp(p.Date), p.Outcome.String(), cell(p.Reason), cell(p.Hint)}
			if err := out.Write(line); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// cell is text that came from elsewhere: on one line, and no formula. What begins a formula is that of OWASP's page on CSV injection.
func cell(s string) string {
	trimmed := strings.TrimLeft(s, " \t\r\n")
	if r, _ := utf8.DecodeRuneInString(trimmed); strings.ContainsRune("=+-@＝＋－＠", r) || s != trimmed && trimmed != "" && s[0] != ' ' {
		s = "'" + s
	}
	return clean(s, 0)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// stamp is a time for programs, or "".
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func seconds(a *Account) string {
	if a.Started.IsZero() || a.Ended.Before(a.Started) {
		return ""
	}
	return strconv.FormatFloat(a.Ended.Sub(a.Started).Seconds(), 'f', 3, 64)
}
