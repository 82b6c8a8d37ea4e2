package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/state"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is otherwise; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// sampleOutcome is a run in which everything happened.
func sampleOutcome() outcome {
	tooLarge := migrate.Reason{Outcome: migrate.Failed, Text: "too large for the target (35651584 octets)"}
	refused := migrate.Reason{Outcome: migrate.Failed, Text: "refused by the target: NO [CANNOT] Message contains invalid header"}
	day := time.Date(2004, 1, 2, 3, 4, 5, 0, time.UTC)
	return outcome{
		Account: "me@imap.example:993", Title: "pop3s://me@pop.example → imaps://me@imap.example", Err: errLeft,
		Report: migrate.Report{
			Listed: migrate.Tally{Messages: 10_000, Octets: 512 << 20}, Appended: 300 << 20, Elapsed: 4700 * time.Millisecond, Undated: 2,
			Outcomes: map[migrate.Outcome]migrate.Tally{
				migrate.Known: {Messages: 100, Octets: 5 << 20}, migrate.Copied: {Messages: 9_777, Octets: 299 << 20},
				migrate.Duplicate: {Messages: 110, Octets: 3 << 20}, migrate.Skipped: {Messages: 10, Octets: 100 << 20}, migrate.Failed: {Messages: 3, Octets: 105 << 20},
			},
			Reasons: map[migrate.Reason]migrate.Tally{
				tooLarge: {Messages: 2, Octets: 104 << 20}, refused: {Messages: 1, Octets: 1 << 20},
				{Outcome: migrate.Skipped, Text: "larger than --max-size"}: {Messages: 10, Octets: 100 << 20},
			},
			Problems: []migrate.Problem{
				{Source: "pop3:me@pop.example:995", ID: "00000a1b4", Subject: "Fotos vom Sommerfest, alle in voller Größe und Pracht", Folder: "INBOX", Size: 52 << 20, Date: day, Outcome: migrate.Failed, Reason: tooLarge.Text, Hint: "the target takes messages up to 34.0 MiB"},
				{Source: "pop3:me@pop.example:995", ID: "00000a1b5", Folder: "INBOX", Size: 52 << 20, Outcome: migrate.Failed, Reason: tooLarge.Text, Hint: "the target takes messages up to 34.0 MiB"},
				{Source: "pop3:me@pop.example:995", ID: "odd id\x01", Folder: "INBOX", Size: 1 << 20, Outcome: migrate.Failed, Reason: refused.Text},
			},
		},
	}
}

func TestTable(t *testing.T) {
	interrupted := sampleOutcome()
	interrupted.Err = errInterrupted
	dry := sampleOutcome()
	dry.Err, dry.DryRun, dry.Report.Problems, dry.Report.Reasons = nil, true, nil, nil
	dry.Report.Outcomes[migrate.Failed] = migrate.Tally{}
	nothing := outcome{Title: "pop3s://me@pop.example → imaps://me@imap.example/Archive", Report: migrate.Report{Elapsed: 120 * time.Millisecond}}
	many := sampleOutcome()
	for range 20 {
		many.Report.Problems = append(many.Report.Problems, many.Report.Problems[0])
	}
	many.Report.Dropped, many.Err = 5, errors.New("gone")
	for name, o := range map[string]outcome{
		"left": sampleOutcome(), "interrupted": interrupted, "dry": dry, "nothing": nothing, "many": many,
	} {
		var b bytes.Buffer
		writeTable(&b, o)
		golden(t, "table-"+name+".txt", b.Bytes())
	}
}

func TestJSONReport(t *testing.T) {
	var b bytes.Buffer
	if err := writeJSON(&b, newJSONReport(sampleOutcome())); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b.Bytes())

	var all map[string]any
	if err := json.Unmarshal(b.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, k := range migrate.Outcomes {
		n, ok := all[k.String()].(float64)
		if !ok {
			t.Errorf("%s is no number", k)
		}
		sum += n
	}
	if sum != all["listed"] {
		t.Errorf("the outcomes are %v together, listed is %v", sum, all["listed"])
	}
	var empty map[string]any
	b.Reset()
	writeJSON(&b, newJSONReport(outcome{Err: usagef("no")}))
	json.Unmarshal(b.Bytes(), &empty)
	if !slices.Equal(slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(empty))) || empty["exit_code"] != 2.0 {
		t.Errorf("the object of a run that never began differs: %v", empty)
	}
}

func TestStatusTable(t *testing.T) {
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	list := []state.Status{
		{Account: "a@imap.example:993", PID: os.Getpid(), Started: now.Add(-90 * time.Second), Updated: now.Add(-time.Second), Phase: "copying",
			Listed: state.Count{Messages: 100, Octets: 1 << 20}, Settled: state.Count{Messages: 40, Octets: 400 << 10},
			Outcomes: map[string]state.Count{"copied": {Messages: 38, Octets: 390 << 10}, "known": {Messages: 2, Octets: 10 << 10}}, Note: "the server is gone; trying again in 4s"},
		{Account: "b@imap.example:993", Updated: now.Add(-72 * time.Hour), Finished: true, ExitCode: exitLeft},
		{Account: "c@imap.example:993", PID: 1<<31 - 2, Updated: now.Add(-time.Hour), Phase: "copying"},
		{Account: "c2@imap.example:993", PID: os.Getpid(), Updated: now.Add(-2 * time.Minute)}, // the number is in use again
		{Account: "d@imap.example:993", Updated: now.Add(-time.Hour), Finished: true, ExitCode: exitFailed, Note: "imap login: refused"},
	}
	var b bytes.Buffer
	writeStatusTable(&b, list, now)
	b.WriteString("--\n")
	for _, st := range list {
		b.WriteString(standing(st, now) + "\n")
	}
	golden(t, "status.txt", bytes.ReplaceAll(b.Bytes(), []byte(formatPID()), []byte("PID")))
}

func formatPID() string { return strconv.Itoa(os.Getpid()) }
