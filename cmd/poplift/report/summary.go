package report

import (
	"fmt"
	"strings"
	"time"

	"poplift/migrate"
)

// headline is the run in a sentence or two.
func headline(t *totals) string {
	var s string
	switch {
	case t.accounts == 0:
		return "There are no accounts to report on."
	case t.fine == t.accounts && t.accounts == 1:
		s = "The account is done."
	case t.fine == t.accounts:
		s = fmt.Sprintf("All %s accounts are done.", count(int64(t.accounts)))
	default:
		s = fmt.Sprintf("%s of %s done.", count(int64(t.fine)), counted(int64(t.accounts), "account is", "accounts are"))
	}
	var rest []string
	if t.attention > 0 {
		rest = append(rest, counted(int64(t.attention), "needs a person", "need a person"))
	}
	if waiting := t.waiting(); waiting > 0 {
		rest = append(rest, counted(int64(waiting), "waits for the next run", "wait for the next run"))
	}
	if len(rest) == 0 {
		return s
	}
	return s + " " + strings.Join(rest, ", ") + "."
}

// lede is what the headline means for the mail.
func lede(t *totals) string {
	if t.listed.Messages == 0 {
		return ""
	}
	all := fmt.Sprintf("%s, %s", counted(t.listed.Messages, "message", "messages"), size(t.listed.Octets))
	failed := t.outcomes[migrate.Failed].Messages
	if failed == 0 && t.uneven == 0 {
		s := fmt.Sprintf("The old mailboxes that were listed hold %s. Each one is accounted for.", all)
		if t.verdicts[safe] == t.accounts && t.fine == t.accounts {
			s += " All of it is verified: the old server can be switched off."
		}
		return s
	}
	return fmt.Sprintf("The old mailboxes that were listed hold %s. %s accounted for; %s still on the old server only.", all,
		counted(t.accountedFor(), "is", "are"), counted(failed, "is", "are"))
}

// figures are the few numbers that matter, the same on every report.
func figures(t *totals, length time.Duration, timed bool) []figure {
	out := []figure{
		{"Accounts done", fmt.Sprintf("%s / %s", count(int64(t.fine)), count(int64(t.accounts))),
			fmt.Sprintf("%s with leftovers, %s failed", count(int64(t.byState[Left])), count(int64(t.byState[Failed])))},
		{"Accounted for", count(t.accountedFor()), fmt.Sprintf("of %s; %s left", counted(t.listed.Messages, "message", "messages"), count(t.outcomes[migrate.Failed].Messages))},
		{"Volume", size(t.listed.Octets), size(t.moved.Octets) + " moved by this run"},
	}
	if timed {
		out = append(out, figure{"Duration", took(length), "wall time of the run"},
			figure{"Pace", size(int64(float64(t.moved.Octets)/length.Seconds())) + "/s", pace(t.moved.Messages, length) + " on average"})
	}
	note := "none verified yet"
	if n := t.accounts - t.verdicts[unverified]; n > 0 {
		note = counted(int64(n), "account verified", "accounts verified")
		if old := t.verdicts[stale]; old > 0 {
			note += ", " + count(int64(old)) + " of them out of date"
		}
	}
	return append(out, figure{"Safe to switch off", fmt.Sprintf("%s / %s", count(int64(t.verdicts[safe])), count(int64(t.accounts))), note})
}

// pace is messages over time in a unit that leaves something before the point.
func pace(messages int64, length time.Duration) string {
	perSecond := float64(messages) / length.Seconds()
	if perSecond >= 10 || messages == 0 {
		return counted(int64(perSecond), "message a second", "messages a second")
	}
	return counted(int64(perSecond*60), "message a minute", "messages a minute")
}

// period is "Monday 23 November 2026, 22:00 to 07:41 the next day" in as few words as tell it.
func period(from, to time.Time) string {
	if sameDay(from, to) {
		return from.Format("Monday 2 January 2006, 15:04") + " to " + to.Format("15:04")
	}
	return from.Format("Monday 2 January 2006, 15:04") + " to " + to.Format("Monday 2 January 2006, 15:04")
}

func sameDay(a, b time.Time) bool {
	y, m, d := a.Date()
	y2, m2, d2 := b.Date()
	return y == y2 && m == m2 && d == d2
}

// zone names the zone of all times: "CET (UTC+01:00)".
func zone(t time.Time) string {
	name, _ := t.Zone()
	if name == "UTC" {
		return name
	}
	return name + " (UTC" + t.Format("-07:00") + ")"
}
