package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poplift/sources/pop3/pop3test"
)

// BenchmarkPollWithNothingNew is a poll of a maildrop of 100,000 messages that are all known, beside a raw client that asks for the same lists.
func BenchmarkPollWithNothingNew(b *testing.B) {
	const n = 100_000
	l := newJobsLab(b)
	pop, target := l.pop(nil), l.imap(nil)
	l.account("me", pop, target, n)
	l.write()
	if _, stderr, err := l.run(nil); err != nil {
		b.Fatalf("%v\n%s", err, stderr)
	}
	var raw, poll time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		rawLists(b, pop, "me", "old-me")
		raw += time.Since(start)
		start = time.Now()
		if stdout, stderr, err := l.run(func(o *campaignOptions) { o.Output.Quiet = true }); err != nil || stdout+stderr != "" {
			b.Fatalf("%v\n%s%s", err, stdout, stderr)
		}
		poll += time.Since(start)
	}
	b.ReportMetric(float64(raw.Milliseconds())/float64(b.N), "raw-ms")
	b.ReportMetric(float64(poll.Milliseconds())/float64(b.N), "poll-ms")
	b.ReportMetric(float64(poll)/float64(raw), "x-raw")
}

// rawLists is the least that a poll can be: log in, STAT, UIDL and LIST in one go, read to the end.
func rawLists(b *testing.B, pop *pop3test.Server, user, password string) {
	c, err := net.Dial("tcp", pop.Addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReaderSize(c, 64<<10)
	fmt.Fprintf(c, "USER %s\r\nPASS %s\r\nSTAT\r\nUIDL\r\nLIST\r\nQUIT\r\n", user, password)
	if _, err := io.Copy(io.Discard, r); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAccountsWithNothingToDo is a run over thousands of accounts that have nothing new. What it costs beyond the log-ins should be little, and its
// memory should not grow with the number of accounts by more than what their names take.
func BenchmarkAccountsWithNothingToDo(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := newJobsLab(b)
			pop, target := l.pop(nil), l.imap(nil)
			var csv strings.Builder
			csv.WriteString("user,source_password,target_password\n")
			for i := range n {
				user := fmt.Sprint("user", i)
				l.account(user, pop, target, 0)
				fmt.Fprintf(&csv, "%s,old-%s,new-%s\n", user, user, user)
			}
			if err := os.WriteFile(filepath.Join(l.dir, "accounts.csv"), []byte(csv.String()), 0o600); err != nil {
				b.Fatal(err)
			}
			text := fmt.Sprintf("state: %s\nlimits: {concurrency: 16}\njobs:\n  - name: lab\n    csv: accounts.csv\n    source: {url: 'pop3://%s', allow_cleartext: true}\n"+
				"    target: {url: 'imap://%s', allow_cleartext: true}\n", filepath.Join(l.dir, "state"), pop.Addr, target.Addr)
			if err := os.WriteFile(l.file(), []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
			quiet := func(o *campaignOptions) { o.Output.Quiet = true }
			for b.Loop() {
				if _, stderr, err := l.run(quiet); err != nil {
					b.Fatalf("%v\n%s", err, stderr)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/float64(n), "ms/account")
			exe, err := os.Executable()
			if err != nil {
				b.Fatal(err)
			}
			cmd := exec.Command(exe, "run", "--quiet", l.file())
			cmd.Args[0] = "poplift-hasty"
			cmd.Env = append(os.Environ(), weekClockBase+"="+fmt.Sprint(time.Now().Unix()))
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				b.Fatalf("%v\n%s", err, out)
			}
			b.ReportMetric(float64(maxRSS(cmd.ProcessState))/(1<<20), "MiB-process")
			start := time.Now()
			env, _, _ := l.env()
			if err := runCheck(b.Context(), env, campaignOptions{File: l.file()}, true); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-offline")
		})
	}
}
