package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
