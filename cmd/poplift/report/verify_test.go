package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/state"
)

// night is four accounts that differ in what verify said of them, and nothing else.
func night() Data {
	d := Data{Generated: nightfall, File: "jobs.yaml"}
	for i, found := range []*migrate.Verification{
		{Listed: migrate.Tally{Messages: 10}, Placed: migrate.Tally{Messages: 10}, Expected: 10, Found: 9, Moved: 1, Flagged: 4, FlagsDiffer: 2, Read: 3},
		{Listed: migrate.Tally{Messages: 10}, Placed: migrate.Tally{Messages: 8}, Missing: migrate.Tally{Messages: 2}, Expected: 8, Found: 7, Gone: 1, Read: 2, Altered: 1},
		{Listed: migrate.Tally{Messages: 1000}, Placed: migrate.Tally{Messages: 1000}, Expected: 1000, Found: 1000},
		nil,
	} {
		a := Account{Job: "staff", Name: people[i], State: Done, Started: nightfall, Ended: nightfall.Add(time.Hour)}
		if found != nil {
			v := state.NewVerification(a.Name, a.Ended, 1, *found)
			a.Verify = &v
		}
		if i == 2 {
			a.Verify.Time = a.Ended.Add(-time.Minute)
			a.Listed, a.Outcomes = migrate.Tally{Messages: 1}, map[migrate.Outcome]migrate.Tally{migrate.Copied: {Messages: 1}}
		}
		d.Accounts = append(d.Accounts, a)
	}
	return d
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	d := night()
	for i, want := range []verdict{safe, unsafe, stale, unverified} {
		if got := d.Accounts[i].verdict(); got != want {
			t.Errorf("account %d is %s, not %s", i, got, want)
		}
	}
	for i, want := range []bool{false, true, false, false} {
		if d.Accounts[i].needsPerson() != want {
			t.Errorf("account %d needs a person: %v", i, !want)
		}
	}
	quiet := d.Accounts[2] // a run with nothing new takes nothing away from a verification before it
	quiet.Outcomes, quiet.Listed = map[migrate.Outcome]migrate.Tally{migrate.Known: migrate.Tally(quiet.Verify.Listed)}, migrate.Tally(quiet.Verify.Listed)
	if got := quiet.verdict(); got != safe && got != unsafe {
		t.Errorf("after a run that had nothing to do it is %s", got)
	}
	tot := decode(t, d).Totals
	if tot.Verified != 3 || tot.Safe != 1 || tot.Unsafe != 1 || tot.Stale != 1 || tot.Unverified != 1 {
		t.Errorf("%+v", tot)
	}
	if a := decode(t, d).Accounts; !a[2].Verify.Stale || a[0].Verify.Stale || a[0].Verify.FlagsDiffer != 2 || a[3].Verify != nil {
		t.Errorf("%+v", a)
	}
	lines, _ := readCSV(t, func(b *bytes.Buffer) error { return WriteCSV(b, d) })
	for i, want := range []string{"safe", "not safe", "out of date", ""} {
		if lines[i]["verified"] != want {
			t.Errorf("line %d: %q", i, lines[i]["verified"])
		}
	}
	if l := lines[1]; l["verify_missing"] != "2" || l["verify_gone"] != "1" || l["verify_altered"] != "1" || l["verify_reasons"] == "" || lines[3]["verify_listed"] != "" {
		t.Errorf("%v", l)
	}
}

// squeezed is a text without its spaces, which the cells of a table don't have between them.
func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

func TestPageAnswersWhetherItIsSafe(t *testing.T) {
	t.Parallel()
	page, _ := render(t, night())
	text := squeezed(page.text())
	for _, want := range []string{
		"For 1 of 4 accounts. To compare the old and the new mailboxes, run poplift verify jobs.yaml",
		"safe to switch off 1", "not yet 1", "out of date: mail was moved since 1", "never verified 1",
		"on the new server 18", "on the old server only 2", "listed 20", "where they were put 16", "moved by their users 1", "deleted 1", "put there by poplift 18",
		"Of 4 messages with flags, 2 lack one.", "5 messages were read whole and compared: 1 differs.",
		"10 messages on the old server = 8 on the new one + 2 missing. 8 put on the new one = 7 in their place + 1 deleted.",
		"2 messages are on the source only.", "Out of date: safe on", "Flags differ: messages on the new server lack a flag",
		"Not safe to switch off: messages are on the old server only. ",
	} {
		if !strings.Contains(text, squeezed(want)) {
			t.Errorf("the page doesn't say %q", want)
		}
	}
	d := night()
	for i := range d.Accounts {
		d.Accounts[i].Verify = nil
	}
	page, _ = render(t, d)
	text = squeezed(page.text())
	if !strings.Contains(text, squeezed("That is not known yet: no account was verified. To compare the old and the new mailboxes, run poplift verify jobs.yaml")) || strings.Contains(text, squeezed("put there by poplift")) {
		t.Error("nothing was verified, and the page doesn't say so")
	}
	d.Accounts = night().Accounts[:1]
	page, _ = render(t, d)
	if text = page.text(); !strings.Contains(text, "Yes: every account was compared") || strings.Contains(text, "poplift verify jobs.yaml") {
		t.Error("all is safe, and the page doesn't say so")
	}
}
