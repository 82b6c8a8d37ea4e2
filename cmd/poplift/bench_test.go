package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"poplift/migrate/migratetest/lab"
)

// BenchmarkEndToEnd measures the whole program, as a process, between two Dovecots, and beside it raw clients that move the same mail over the
// same line: what the servers can do at best. Everything is in clear, on both sides of the comparison.
//
// Its numbers go to a table at the end. POPLIFT_BENCH=quick makes the large mailbox a small one.
func BenchmarkEndToEnd(b *testing.B) {
	large := 10_000
	if os.Getenv("POPLIFT_BENCH") == "quick" {
		large = 1000
	}
	l := newBenchLab(b, 1000, large)
	const line = 20 * time.Millisecond // a round trip of 40 ms
	for _, c := range []benchCase{
		{name: "all, 0 ms", messages: large, target: 1},
		{name: "all, 40 ms", messages: large, delay: line, target: 1},
		{name: "1000, 40 ms", messages: 1000, delay: line}, // mostly round trips: the time counts, not the ratio
		{name: "nothing new, 40 ms", messages: large, delay: line, again: true},
		{name: "LITERAL+, 0 ms", messages: large, plus: true, target: 1.2},
		{name: "LITERAL+, 40 ms", messages: large, delay: line, plus: true, target: 1.2},
		{name: "an mbox, 0 ms", messages: large, mbox: true, target: 1.2},
	} {
		b.Run(strings.ReplaceAll(c.name, ", ", "/"), func(b *testing.B) { l.bench(b, c) })
	}
	l.table()
}

// benchCase is a run over a line.
type benchCase struct {
	name     string
	messages int
	delay    time.Duration // one way
	again    bool          // the run is the second one: there is nothing to copy
	plus     bool          // MULTIAPPEND is hidden, and the measure is the upload alone, with LITERAL+
	mbox     bool          // the source is a file, and the measure is the upload alone
	target   float64       // times the raw clients' time; 0 is none
}

// benchRow is what a case came to, over all its iterations.
type benchRow struct {
	benchCase
	wall, cpu, retr, upload time.Duration
	messages                int
	octets, rss             int64
	pop, imap               int64 // turns
	rounds                  int
}

// benchLab is the two servers, the mail and the program.
type benchLab struct {
	source, target *lab.Dovecot
	mailRoot       string // of the target
	program        string
	mail           []lab.Message // the large mailbox; the small one is its beginning
	users          map[int]string
	nextUser       int
	rows           []benchRow
}

// benchUsers is how many fresh accounts the target has; each upload takes one.
const benchUsers = 500

func newBenchLab(b *testing.B, sizes ...int) *benchLab {
	b.Helper()
	l := &benchLab{users: map[int]string{}, mail: slices.Collect(lab.Corpus(slices.Max(sizes), 1))}
	var err error
	if l.source, err = lab.StartDovecot(lab.Options{Users: len(sizes), MailRoot: filepath.Join(b.TempDir(), "mail"), NoTLS: true}); errors.Is(err, lab.ErrUnavailable) {
		b.Skip(err)
	}
	check(b, err)
	b.Cleanup(l.source.Close)
	openPath(b, l.source.Options.MailRoot)
	l.mailRoot = benchMailRoot(b)
	l.target, err = lab.StartDovecot(lab.Options{Users: benchUsers, MailRoot: l.mailRoot, NoTLS: true})
	check(b, err)
	b.Cleanup(l.target.Close)
	for i, n := range sizes {
		if l.users[n] != "" {
			continue
		}
		l.users[n] = fmt.Sprintf("user%d", i+1)
		check(b, l.source.Load(l.users[n], l.mail[:n]...))
		_, err := lab.RawRetr(b.Context(), l.source.POP3, l.users[n], passOf(l.users[n])) // Dovecot makes its index the first time
		check(b, err)
	}
	l.program = benchProgram(b)
	return l
}

// benchProgram builds the program as it is released.
func benchProgram(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "poplift")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// benchMailRoot is in memory where that can be had, so that it is not the disk that is measured.
func benchMailRoot(b *testing.B) string {
	b.Helper()
	parent := "/dev/shm"
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		parent = b.TempDir()
	}
	dir, err := os.MkdirTemp(parent, "poplift-bench-")
	check(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	openPath(b, dir)
	return dir
}

// openPath lets the servers' user into the folders above a mail root.
func openPath(b *testing.B, dir string) {
	b.Helper()
	for d := dir; strings.HasPrefix(filepath.Dir(d), os.TempDir()) || d == dir; d = filepath.Dir(d) {
		check(b, os.Chmod(d, 0o755))
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func passOf(user string) string { return "pass" + strings.TrimPrefix(user, "user") }

// fresh is an account of the target with no mail. What the one before holds is removed: memory is not endless.
func (l *benchLab) fresh(b *testing.B) string {
	b.Helper()
	check(b, os.RemoveAll(filepath.Dir(l.target.Maildir(fmt.Sprintf("user%d", l.nextUser)))))
	if l.nextUser++; l.nextUser > benchUsers {
		b.Fatalf("all %d accounts are used", benchUsers)
	}
	return fmt.Sprintf("user%d", l.nextUser)
}

// bench runs the raw clients and then the program, once for each iteration.
func (l *benchLab) bench(b *testing.B, c benchCase) {
	row := benchRow{benchCase: c}
	for b.Loop() {
		b.StopTimer()
		l.round(b, &row)
		b.StartTimer()
	}
	row.report(b)
	l.rows = slices.DeleteFunc(l.rows, func(r benchRow) bool { return r.name == c.name })
	l.rows = append(l.rows, row)
}

// round is one iteration.
func (l *benchLab) round(b *testing.B, row *benchRow) {
	mail, user := l.mail[:row.benchCase.messages], l.users[row.benchCase.messages]
	if !row.again {
		l.raw(b, row, mail, user)
	}
	pop, imap := l.lines(b, row.benchCase)
	defer pop.close()
	defer imap.close()
	run := benchRun{l: l, source: "pop3://" + user + "@" + pop.addr, target: l.fresh(b) + "@" + imap.addr, pass: [2]string{passOf(user)}, state: b.TempDir()}
	if row.mbox {
		run.source = l.mbox(b, mail)
	}
	run.pass[1] = passOf(fmt.Sprintf("user%d", l.nextUser))
	var popBefore, imapBefore int64
	if row.again {
		if _, done := run.copy(b); done.Copied != len(mail) {
			b.Fatalf("the first run: %+v", done)
		}
		popBefore, imapBefore, run.cpu, run.rss = pop.turns(), imap.turns(), 0, 0
	}
	took, done := run.copy(b)
	want := len(mail)
	if row.again {
		want = 0
	}
	if done.Copied != want || done.Listed != len(mail) || done.Failed != 0 {
		b.Fatalf("%d messages were to be copied: %+v", want, done)
	}
	row.rounds++
	row.wall += took
	row.messages += done.Listed
	row.octets += done.Bytes
	row.rss = max(row.rss, run.rss)
	row.cpu += run.cpu
	row.pop += pop.turns() - popBefore
	row.imap += imap.turns() - imapBefore
}

// benchLine is the way to a server: through a proxy, or at once where there is nothing for one to do.
type benchLine struct {
	addr  string
	proxy *lab.Proxy
}

func newBenchLine(b *testing.B, target string, o lab.ProxyOptions) benchLine {
	b.Helper()
	if o.Delay == 0 && len(o.Hide) == 0 {
		return benchLine{addr: target}
	}
	p, err := lab.StartProxy(target, o)
	check(b, err)
	return benchLine{p.Addr, p}
}

func (l benchLine) close() {
	if l.proxy != nil {
		l.proxy.Close()
	}
}

func (l benchLine) turns() int64 {
	if l.proxy == nil {
		return 0
	}
	return l.proxy.Stats().Turns
}

// lines are the ways to both servers.
func (l *benchLab) lines(b *testing.B, c benchCase) (pop, imap benchLine) {
	b.Helper()
	o := lab.ProxyOptions{Delay: c.delay}
	pop = newBenchLine(b, l.source.POP3, o)
	if c.plus {
		o.Hide = []string{"MULTIAPPEND"}
	}
	return pop, newBenchLine(b, l.target.IMAP, o)
}

// raw adds what the raw clients take for the same mail, one after the other.
func (l *benchLab) raw(b *testing.B, row *benchRow, mail []lab.Message, user string) {
	b.Helper()
	pop, imap := l.lines(b, row.benchCase)
	defer pop.close()
	defer imap.close()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	mode := lab.RawMulti
	switch {
	case row.mbox:
	case row.plus:
		mode = lab.RawPlus
	default:
		retr, err := lab.RawRetr(ctx, pop.addr, user, passOf(user))
		check(b, err)
		row.retr += retr.Took
	}
	to := l.fresh(b)
	upload, err := lab.RawAppend(ctx, imap.addr, to, passOf(to), mail, mode)
	check(b, err)
	row.upload += upload.Took
}

// mbox is a file with the mail in it, as mboxrd.
func (l *benchLab) mbox(b *testing.B, mail []lab.Message) string {
	b.Helper()
	name := filepath.Join(l.mailRoot, "mbox")
	f, err := os.Create(name)
	check(b, err)
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, m := range mail {
		fmt.Fprintln(w, "From joe@example.org Mon Jan  5 10:00:00 2004")
		for line := range bytes.Lines(bytes.ReplaceAll(m.Raw, []byte("\r\n"), []byte("\n"))) {
			if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
				w.WriteByte('>')
			}
			w.Write(line)
		}
		fmt.Fprint(w, "\n\n")
	}
	check(b, w.Flush())
	return name
}

// benchRun is the program with one pair of accounts.
type benchRun struct {
	l                     *benchLab
	source, target, state string
	pass                  [2]string
	cpu                   time.Duration // of all runs so far
	rss                   int64         // the largest so far, in octets; 0 where it can't be told
}

// benchReport is what the benchmark checks of a report.
type benchReport struct {
	Listed, Copied, Known, Failed int
	Bytes                         int64
}

// copy runs the program once. Twins are copied, as the raw clients do.
func (r *benchRun) copy(b *testing.B) (time.Duration, benchReport) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), r.l.program, "copy", "--json", "--allow-cleartext", "--dedupe=off", "--state", r.state,
		r.source, "imap://"+r.target)
	cmd.Env = append(os.Environ(), "POPLIFT_SOURCE_PASSWORD="+r.pass[0], "POPLIFT_TARGET_PASSWORD="+r.pass[1])
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	check(b, cmd.Start())
	stop := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	took := time.Since(start)
	r.rss = max(r.rss, stop())
	r.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err != nil {
		b.Fatalf("poplift copy: %v\n%s%s", err, &stdout, &stderr)
	}
	if bytes.Contains(stderr.Bytes(), []byte("trying again")) {
		b.Logf("this run had to begin anew:\n%s", &stderr)
	}
	var report benchReport
	check(b, json.Unmarshal(stdout.Bytes(), &report))
	return took, report
}

// watchMemory looks at a process's peak memory until it is stopped. The system's own account of a child that has ended won't do: it begins
// with the memory of the parent, which holds a mailbox.
func watchMemory(pid int) (stop func() int64) {
	quit, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := int64(0)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
			var kb int64
			fmt.Sscan(string(rest), &kb)
			most = max(most, kb<<10)
			select {
			case <-tick.C:
			case <-quit:
				tick.Stop()
				peak <- most
				return
			}
		}
	}()
	return func() int64 {
		close(quit)
		return <-peak
	}
}

// ratio is the program's time as a multiple of the raw clients'; 0 without them.
func (r benchRow) ratio() float64 {
	if r.retr+r.upload == 0 {
		return 0
	}
	return r.wall.Seconds() / (r.retr + r.upload).Seconds()
}

func (r benchRow) report(b *testing.B) {
	n, s := float64(r.rounds), r.wall.Seconds()
	b.ReportMetric(0, "ns/op") // most of it would be the raw clients' and the first runs'
	b.ReportMetric(s/n, "wall-s")
	b.ReportMetric(float64(r.rss)/1e6, "RSS-MB")
	b.ReportMetric(r.cpu.Seconds()/n, "cpu-s")
	if r.delay > 0 {
		b.ReportMetric(float64(r.pop)/n, "turns-POP3")
		b.ReportMetric(float64(r.imap)/n, "turns-IMAP")
	}
	if !r.again {
		b.ReportMetric(float64(r.messages)/s, "msg/s")
		b.ReportMetric(float64(r.octets)/1e6/s, "MB/s")
		b.ReportMetric(r.ratio(), "x-raw")
	}
}

// table prints all cases. Turns are round trips only where nothing is pipelined, so that they are told only for the run without messages.
func (l *benchLab) table() {
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("\nwhole runs; target mail in %s; load of the machine %.14s\n\n", filepath.Dir(l.mailRoot), load)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "case\tmessages\tMB\twall s\tCPU s\traw RETR s\traw APPEND s\ttimes raw\ttarget\tmsg/s\tMB/s\tpeak MB\tround trips\t")
	for _, r := range l.rows {
		fmt.Fprintln(w, strings.Join(r.cells(), "\t")+"\t")
	}
	w.Flush()
	fmt.Println()
}

func (r benchRow) cells() []string {
	n := float64(r.rounds)
	num := func(format string, v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	moved, trips := float64(r.messages), ""
	if r.again {
		moved, trips = 0, fmt.Sprintf("%.0f + %.0f", float64(r.pop)/n, float64(r.imap)/n)
	}
	return []string{r.name, fmt.Sprint(r.messages / r.rounds), num("%.1f", float64(r.octets)/1e6/n), num("%.2f", r.wall.Seconds()/n), num("%.2f", r.cpu.Seconds()/n),
		num("%.2f", r.retr.Seconds()/n), num("%.2f", r.upload.Seconds()/n), num("%.2f", r.ratio()), num("≤ %.1f", r.target),
		num("%.0f", moved/r.wall.Seconds()), num("%.1f", float64(r.octets)/1e6/r.wall.Seconds()), num("%.0f", float64(r.rss)/1e6), trips}
}
