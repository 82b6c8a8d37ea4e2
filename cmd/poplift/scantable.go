package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// writeScan is a scan for people: a table a store, then what is wrong, then what to do with it.
func writeScan(w io.Writer, found []scanned, verbose bool) {
	if len(found) == 0 {
		fmt.Fprintln(w, "No mail was found in the usual places. Name a file or directory: poplift scan PATH...")
		return
	}
	for i, s := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s\n", s.Kind, s.Path)
		if s.Error != "" {
			fmt.Fprintf(w, "  can't be read: %s\n", s.Error)
		}
		if len(s.Folders) > 0 {
			writeScanned(w, s)
		}
		if verbose {
			for _, rule := range slices.Sorted(maps.Keys(s.DateRules)) {
				fmt.Fprintf(w, "  dates: %s (%d)\n", rule, s.DateRules[rule])
			}
		}
		for _, p := range s.Problems[:min(len(s.Problems), shownProblems)] {
			fmt.Fprintf(w, "  problem: %s\n", p.Reason)
		}
		if more := len(s.Problems) - shownProblems; more > 0 {
			fmt.Fprintf(w, "  and %d more problems (--json lists all)\n", more)
		}
		writeDoubts(w, s.Doubts)
	}
	for _, s := range found {
		if s.Sum.Messages > 0 {
			fmt.Fprintf(w, "\nTo copy: poplift copy %s imaps://USER@HOST\n", quoteArg(s.Path))
			break
		}
	}
}

// writeDoubts lists places in files for a person to look at.
func writeDoubts(w io.Writer, doubts []scanDoubt) {
	for _, d := range doubts[:min(len(doubts), shownProblems)] {
		fmt.Fprintf(w, "  doubtful: %s at %d: %s\n", shownName(d.File), d.Offset, d.Reason)
	}
	if more := len(doubts) - shownProblems; more > 0 {
		fmt.Fprintf(w, "  and %d more doubtful places (--json lists all)\n", more)
	}
}

// writeScanned sets a store's folders as a table; columns that would hold nothing are left out.
func writeScanned(w io.Writer, s scanned) {
	columns := []struct {
		title string
		show  bool
		cell  func(folderCounts) string
	}{
		{"messages", true, func(c folderCounts) string { return fmt.Sprint(c.Messages) }},
		{"size", true, func(c folderCounts) string { return humanSize(c.Octets) }},
		{"unread", true, func(c folderCounts) string { return fmt.Sprint(c.Unread) }},
		{"deleted", s.Sum.Deleted > 0, func(c folderCounts) string { return fmt.Sprint(c.Deleted) }},
		{"partial", s.Sum.Partial > 0, func(c folderCounts) string { return fmt.Sprint(c.Partial) }},
		{"first", true, func(c folderCounts) string { return day(c.First) }},
		{"last", true, func(c folderCounts) string { return day(c.Last) }},
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, c *folderCounts) {
		var cells []string
		for _, col := range columns {
			switch {
			case !col.show:
			case c == nil:
				cells = append(cells, col.title)
			default:
				cells = append(cells, col.cell(*c))
			}
		}
		fmt.Fprintf(t, "%s\t  %s\n", strings.Join(cells, "\t"), name) // the last cell ends in no tab, and so stands flush left
	}
	row("folder", nil)
	for _, f := range s.Folders {
		name := shownName(f.Folder)
		if f.Role != "" && !strings.EqualFold(f.Role, f.Folder) {
			name += " (" + f.Role + ")"
		}
		row(name, &f.folderCounts)
	}
	if len(s.Folders) > 1 {
		row(fmt.Sprintf("%d folders", len(s.Folders)), &s.Sum)
	}
	t.Flush()
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

// shownName is a folder's name without what could steer a terminal.
func shownName(s string) string {
	if printable(s) {
		return s
	}
	return fmt.Sprintf("%q", s)
}

// quoteArg quotes a path for a shell where it must be.
func quoteArg(s string) string {
	if strings.ContainsAny(s, " '\"\\$`!*?()[]{}<>|&;#~\t\n") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
