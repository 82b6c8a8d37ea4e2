package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"poplift/migrate/migratetest/lab"
)

// BenchmarkPollWithNothingNew is the program's poll, as a process, of a maildrop of 100,000 messages that are all known, between two Dovecots, and beside
// it a raw client that asks for the same lists. Both take turns, and it is medians that are compared. POPLIFT_BENCH=quick makes the maildrop a smaller one.
func BenchmarkPollWithNothingNew(b *testing.B) {
	messages, rounds := 100_000, 15
	if os.Getenv("POPLIFT_BENCH") == "quick" {
		messages = 20_000
	}
	root := benchMailRoot(b)
	start := func(name string) *lab.Dovecot {
		d, err := lab.StartDovecot(lab.Options{Users: 1, MailRoot: filepath.Join(root, name), NoTLS: true})
		if errors.Is(err, lab.ErrUnavailable) {
			b.Skip(err)
		}
		check(b, err)
		b.Cleanup(d.Close)
		return d
	}
	l := &benchLab{source: start("source"), target: start("target"), program: benchProgram(b)}
	check(b, l.source.Load("user1", smallMail(messages)...))
	run := benchRun{l: l, source: "pop3://user1@" + l.source.POP3, target: "user1@" + l.target.IMAP, pass: [2]string{"pass1", "pass1"}, state: b.TempDir()}
	if _, done := run.copy(b); done.Copied != messages {
		b.Fatalf("the first run: %+v", done)
	}
	run.cpu, run.rss = 0, 0
	var raw, poll []time.Duration
	n := 0
	for b.Loop() {
		for range rounds {
			n++
			res, err := lab.RawLists(b.Context(), l.source.POP3, "user1", "pass1")
			check(b, err)
			took, done := run.copy(b)
			if res.Messages != messages || done.Known != messages || done.Listed != messages {
				b.Fatalf("the raw client saw %d messages, the program %+v", res.Messages, done)
			}
			raw, poll = append(raw, res.Took), append(poll, took)
		}
	}
	slices.Sort(raw)
	slices.Sort(poll)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(raw[n/2].Seconds(), "raw-s")
	b.ReportMetric(poll[n/2].Seconds(), "poll-s")
	b.ReportMetric(poll[n/2].Seconds()/raw[n/2].Seconds(), "x-raw")
	b.ReportMetric(run.cpu.Seconds()/float64(n), "cpu-s")
	b.ReportMetric(float64(run.rss)/1e6, "RSS-MB")
	load, _ := os.ReadFile("/proc/loadavg")
	b.Logf("raw %v to %v, poll %v to %v; load of the machine %.14s", raw[0], raw[n-1], poll[0], poll[n-1], load)
}

// smallMail is n messages of which no two are the same.
func smallMail(n int) []lab.Message {
	all := make([]lab.Message, n)
	for i := range all {
		all[i].Raw = fmt.Appendf(nil, "Message-ID: <%d@poll.example>\r\nFrom: a@example.com\r\nTo: me@example.org\r\nSubject: number %d\r\n"+
			"Date: Mon, 02 Jan 2006 15:04:05 +0000\r\n\r\nhello\r\n", i, i)
	}
	return all
}
