package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkAccountsWithNothingToDo is a run of the program over thousands of accounts that have nothing new. What it costs beyond the log-ins should be little,
// and its memory should not grow with the number of accounts by more than what their names take. The servers are in this process.
func BenchmarkAccountsWithNothingToDo(b *testing.B) {
	for _, n := range []int{1000, 5000, 10_000} {
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
			var cpu time.Duration
			var peak int64
			program := benchProgram(b)
			run := func() {
				cmd := exec.CommandContext(b.Context(), program, "run", "--quiet", l.file())
				var said bytes.Buffer
				cmd.Stdout, cmd.Stderr = &said, &said
				check(b, cmd.Start())
				stop := watchMemory(cmd.Process.Pid)
				if err := cmd.Wait(); err != nil || said.Len() > 0 {
					b.Fatalf("%v\n%s", err, &said)
				}
				peak, cpu = stop(), cpu+cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
			}
			run() // makes the state
			cpu = 0
			for b.Loop() {
				run()
			}
			accounts := float64(b.N) * float64(n)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/accounts, "ms/account")
			b.ReportMetric(float64(cpu.Microseconds())/1000/accounts, "cpu-ms/account")
			b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
			start := time.Now()
			env, _, _ := l.env()
			if err := runCheck(b.Context(), env, campaignOptions{File: l.file()}, true); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-offline")
		})
	}
}
