package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poplift/cmd/poplift/report"
	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
)

// dayLab is a volume with a clock that the test turns.
type dayLab struct {
	*volume
	t    *testing.T
	dir  string
	at   time.Time
	most [2]int64
}

func newDay(t *testing.T, most [2]int64) *dayLab {
	d := &dayLab{t: t, dir: t.TempDir(), at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), most: most}
	d.again()
	return d
}

// again is another run.
func (d *dayLab) again() {
	d.volume = newVolume(d.dir, "imap", "me@host", func() time.Time { return d.at })
	d.limit = d.most
}

// send takes a message and sends it; false when it has to wait.
func (d *dayLab) send(w way, octets int64) (sent bool, until time.Duration) {
	d.t.Helper()
	if err := d.take(w, octets); err != nil {
		var e *migrate.Error
		if !errors.Is(err, migrate.ErrVolume) || !errors.As(err, &e) || !e.Final {
			d.t.Fatal(err)
		}
		return false, e.After
	}
	n := [2]int{}
	n[w] = int(octets) + besides
	d.count()(n[down], n[up])
	return true, 0
}

// fill sends as many as go.
func (d *dayLab) fill(w way, octets int64) (n int, until time.Duration) {
	for {
		ok, after := d.send(w, octets)
		if !ok {
			return n, after
		}
		n++
	}
}

func TestVolumeIsOfAny24Hours(t *testing.T) {
	d := newDay(t, [2]int64{up: 100 << 10})
	want := func(n int, after time.Duration) {
		t.Helper()
		if got, until := d.fill(up, 10<<10); got != n || until != after {
			t.Errorf("at %v: %d messages went and the next one after %v, want %d and %v", d.at.Format(time.DateTime), got, until, n, after)
		}
		d.end(false)
		d.again() // what is known comes from the file
	}
	for range 4 {
		d.send(up, 10<<10)
	}
	d.end(false)
	d.again()
	d.at = d.at.Add(6 * time.Hour)
	want(5, 18*time.Hour+spanLength)
	d.at = d.at.Add(18 * time.Hour)
	want(0, spanLength)
	d.at = d.at.Add(spanLength)
	want(4, 6*time.Hour) // what was sent at first counts no more
	d.at = d.at.Add(5 * volumeWindow)
	want(9, volumeWindow+spanLength)
	if ok, _ := d.send(down, 1<<30); !ok {
		t.Error("the other way has no limit, and had to wait")
	}
	d.at = d.at.Add(-volumeWindow) // a clock that was wrong
	if ok, _ := d.send(up, 10<<10); !ok {
		t.Error("what is to come counts")
	}
}

// TestVolumeCountsWhatIsOnItsWay: messages are asked for ahead, and the octets come later or, when the connection is lost, never.
func TestVolumeCountsWhatIsOnItsWay(t *testing.T) {
	d := newDay(t, [2]int64{down: 100 << 10})
	for i := range 9 {
		if err := d.take(down, 10<<10); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := d.take(down, 10<<10); err == nil {
		t.Error("more than the volume was asked for")
	}
	d.count()(30<<10, 0)
	if err := d.take(down, 10<<10); err == nil {
		t.Error("what has come is counted as if it still had to")
	}
	if err := d.open(); err != nil { // another connection
		t.Fatal(err)
	}
	if n, _ := d.fill(down, 10<<10); n != 6 {
		t.Errorf("%d messages went on", n)
	}
}

func TestAMessageLargerThanTheVolumeHasItsTurn(t *testing.T) {
	d := newDay(t, [2]int64{up: 1000})
	if ok, _ := d.send(up, 5000); !ok {
		t.Fatal("never")
	}
	if ok, _ := d.send(up, 10); ok {
		t.Error("and more behind it")
	}
}

// TestVolumeOutlivesAKill: what went is known, but for a little.
func TestVolumeOutlivesAKill(t *testing.T) {
	d := newDay(t, [2]int64{up: 10 << 20})
	d.fill(up, 10<<10)
	d.again() // without an end
	if n, _ := d.fill(up, 10<<10); n > 20 {
		t.Errorf("%d more went: too much was forgotten", n)
	}
}

func TestVolumeFileOfNoUse(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"name":"pop3 me@host"}`, `{"name":"imap me@host","spans":[{"start":"x"}]}`} {
		d := newDay(t, [2]int64{up: 1000})
		if err := os.WriteFile(d.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d.again()
		if ok, _ := d.send(up, 100); !ok {
			t.Errorf("%q: nothing goes", text)
		}
	}
}

// TestServerSaysEnough: it is left alone for longer each time, until an account gets through.
func TestServerSaysEnough(t *testing.T) {
	d := newDay(t, [2]int64{})
	for _, want := range []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour} {
		if err := d.open(); err != nil {
			t.Fatal(err)
		}
		d.refused()
		d.refused() // by another session of the same try
		news, err := d.end(false)
		if err != nil || news != (want == time.Hour) {
			t.Errorf("news %v, error %v", news, err)
		}
		d.again()
		d.at = d.at.Add(want - time.Second)
		if d.open() == nil {
			t.Errorf("asked before %v were over", want)
		}
		d.end(false)
		d.at = d.at.Add(time.Second)
	}
	if _, err := d.end(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

// bulk adds an account with n messages of size octets.
func (l *jobsLab) bulk(user string, pop *pop3test.Server, imap *imaptest.Server, n, size int) {
	l.account(user, pop, imap, 0)
	for i := range n {
		raw := append(jobsMail(user, i), strings.Repeat(strings.Repeat("x", 62)+"\r\n", size/64)...)
		pop.Add(user, pop3test.Msg{UIDL: fmt.Sprintf("%s-%d", user, i), Raw: raw})
	}
}

// TestDailyVolume: an account stops before its provider would stop it, says so once, and later runs go on by themselves.
func TestDailyVolume(t *testing.T) {
	for key, way := range map[string]string{"upload_per_day": "imap volume", "download_per_day": "pop3 volume"} {
		t.Run(key, func(t *testing.T) {
			l := newJobsLab(t)
			pop, target := l.pop(nil), l.imap(nil)
			l.bulk("big", pop, target, 40, 16<<10)
			l.bulk("small", pop, target, 3, 1<<10)
			l.write("hosts: {127.0.0.1: {" + key + ": 200k}}")
			now := time.Now()
			l.clock = func() time.Time { return now }
			quiet := func(o *campaignOptions) { o.Output.Quiet, o.Reports = true, []string{filepath.Join(l.dir, "r.json")} }
			var arrived []int
			said, fetched := "", 0
			for range 33 { // four days
				_, stderr, err := l.run(quiet)
				said += stderr
				n := len(target.Account("big").Messages("INBOX"))
				if want := map[bool]int{true: exitDone, false: exitLeft}[n == 40]; exitCode(err) != want {
					t.Fatalf("%d messages, and code %d (%v)", n, exitCode(err), err)
				}
				retrs := strings.Count(strings.Join(pop.Log(), "\n"), "RETR ")
				if len(arrived) > 0 && n == arrived[len(arrived)-1] && retrs > fetched {
					t.Errorf("%d messages were fetched, and none of them could be stored", retrs-fetched)
				}
				arrived, fetched = append(arrived, n), retrs
				now = now.Add(3 * time.Hour)
			}
			if first := arrived[0]; first < 10 || first > 12 || arrived[8] != first || arrived[9] < 20 || arrived[32] != 40 {
				t.Errorf("arrived, every three hours: %v", arrived)
			}
			if n := len(target.Account("small").Messages("INBOX")); n != 3 {
				t.Errorf("the small one has %d messages", n)
			}
			if !strings.HasPrefix(said, "lab/big: "+way+" big@127.0.0.1: today's volume of this provider is used up; the next run after ") || strings.Count(said, "\n") != 2 {
				t.Errorf("said in all: %q", said)
			}
		})
	}
}

// TestVolumeInTheReport: the totals add up, and the account waits, which is no failure.
func TestVolumeInTheReport(t *testing.T) {
	l := newJobsLab(t)
	l.bulk("big", l.pop(nil), l.imap(nil), 40, 16<<10)
	l.write("hosts: {127.0.0.1: {upload_per_day: 200k}}")
	env, _, _ := l.env()
	c, err := newCampaign(env, campaignOptions{File: l.file()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context()); !errors.Is(err, errVolumes) {
		t.Errorf("error %v", err)
	}
	a := c.report(time.Time{}).Accounts[0]
	sum := migrate.Tally{}
	for _, o := range migrate.Outcomes {
		sum = add(sum, a.Outcomes[o])
	}
	if a.State != report.Interrupted || a.Listed != sum || a.Listed.Messages != 40 || a.Outcomes[migrate.Copied].Messages == 0 {
		t.Errorf("%v, %v of %v: %s", a.State, a.Outcomes, a.Listed, a.Error)
	}
	if c.results[a.Job+"/"+a.Name].tries != 1 {
		t.Errorf("it was tried %d times", c.results[a.Job+"/"+a.Name].tries)
	}
}

// TestNothingNewWritesNoVolume: a poll with nothing to move leaves the files as they are.
func TestNothingNewWritesNoVolume(t *testing.T) {
	l := newJobsLab(t)
	pop, target := l.pop(nil), l.imap(nil)
	l.bulk("me", pop, target, 3, 1<<10)
	l.write("hosts: {127.0.0.1: {upload_per_day: 200k, download_per_day: 200k}}")
	if _, _, err := l.run(nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(l.dir, "state", "volume")
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 2 {
		t.Fatalf("%v", files)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := l.run(nil); err != nil {
		t.Fatal(err)
	}
	if files, _ = filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
		t.Errorf("written: %v", files)
	}
}
