package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/migrate/migratetest/lab"
	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
)

// everyCut in the environment makes TestWireCuts cut after every single octet, which takes an hour.
const everyCut = "POPLIFT_EVERY_CUT"

// cutsPerLeg is how many places along each direction of each connection are cut otherwise.
const cutsPerLeg = 12

// cutLeg is a connection that is cut, in one direction.
type cutLeg struct {
	name string
	pop  bool // else the IMAP leg
	conn int  // the how manieth connection of the leg: on the IMAP leg 1 is the control connection and 2 the lane
	up   bool
	more int // how many connections behind it are cut at the same octet, where they get that far
	hide []string
}

var cutLegs = []cutLeg{
	{name: "maildrop, from it", pop: true, conn: 1},
	{name: "maildrop, to it", pop: true, conn: 1, up: true},
	{name: "maildrop, from it, twice more", pop: true, conn: 1, more: 2},
	{name: "control, from it", conn: 1},
	{name: "control, to it", conn: 1, up: true},
	{name: "lane, MULTIAPPEND, from it", conn: 2},
	{name: "lane, MULTIAPPEND, to it", conn: 2, up: true},
	{name: "lane, LITERAL+, from it", conn: 2, hide: []string{"MULTIAPPEND"}},
	{name: "lane, LITERAL+, to it", conn: 2, up: true, hide: []string{"MULTIAPPEND"}},
	{name: "lane, LITERAL+, to it, thrice more", conn: 2, up: true, more: 3, hide: []string{"MULTIAPPEND"}},
	{name: "lane, synchronizing, from it", conn: 2, hide: []string{"MULTIAPPEND", "LITERAL+"}},
	{name: "lane, synchronizing, to it", conn: 2, up: true, hide: []string{"MULTIAPPEND", "LITERAL+"}},
	{name: "lane, LITERAL+, no UIDPLUS, from it", conn: 2, hide: []string{"MULTIAPPEND", "UIDPLUS"}},
}

// cutOff is how a connection breaks: after octets in one direction of the numbered ones.
func (l cutLeg) cutOff(after int64) func(int) (int64, int64) {
	return func(n int) (int64, int64) {
		switch {
		case n < l.conn || n > l.conn+l.more:
			return -1, -1
		case l.up:
			return after, -1
		}
		return -1, after
	}
}

// TestWireCuts cuts one connection of a run after k octets, for k over its whole length: whatever the octet, the mailbox is exact in the end,
// and a run after that copies nothing.
func TestWireCuts(t *testing.T) {
	mail := slices.Collect(cutMail)
	for _, leg := range cutLegs {
		t.Run(leg.name, func(t *testing.T) {
			t.Parallel()
			whole := leg.length(t, mail)
			if whole < 150 {
				t.Fatalf("the connection has %d octets: this can't be the one that was meant", whole)
			}
			step := max(whole/cutsPerLeg, 1)
			if os.Getenv(everyCut) != "" {
				step = 1
			}
			for after := step / 2; after < whole; after += step {
				leg.test(t, mail, after, whole, after/step%2 == 1)
			}
		})
	}
}

// cutMail is a small mailbox with exact twins, and with Message-IDs that two messages share.
func cutMail(yield func(lab.Message) bool) {
	at := time.Date(2015, 3, 1, 10, 0, 0, 0, time.UTC)
	for i := range 25 {
		at = at.Add(time.Hour)
		m := lab.Message{Date: at}
		n := i
		if i%10 == 9 {
			n -= 3
			m.Twin = true
			m.Date = at.Add(-3 * time.Hour)
		}
		m.Raw = fmt.Appendf(nil, "Received: from a by b; %s\r\nMessage-ID: <%d@example.com>\r\nSubject: number %d\r\n\r\n%s",
			m.Date.Format(time.RFC1123Z), n/2, n, strings.Repeat(".line of the body\r\n", n%5))
		if !yield(m) {
			return
		}
	}
}

// cutLab is a maildrop, an account and a line to each.
type cutLab struct {
	pop           *pop3test.Server
	imap          *imaptest.Server
	toPOP, toIMAP *lab.Proxy
	state         string
	mail          []lab.Message
	ordered       bool // a message on which several connections in a row have died is left for another run, and comes last
}

// newCutLab starts it all. pop and imap say what the lines are like.
func newCutLab(t *testing.T, mail []lab.Message, hide []string, pop, imap lab.ProxyOptions) *cutLab {
	t.Helper()
	c := &cutLab{pop: pop3test.NewServer(), imap: imaptest.NewUnstartedServer(), state: t.TempDir(), mail: mail, ordered: true}
	t.Cleanup(c.pop.Close)
	c.pop.SetPassword(scriptUser, sourcePassword)
	for i, m := range mail {
		c.pop.Add(scriptUser, pop3test.Msg{UIDL: fmt.Sprintf("id-%d", i+1), Raw: m.Raw})
	}
	c.imap.AddUser(scriptUser, targetPassword)
	c.imap.Change(func(w *imaptest.Switches) {
		w.Caps = imaptest.Without(w.Caps, append([]string{"STARTTLS"}, hide...)...)
	})
	c.imap.Start()
	t.Cleanup(c.imap.Close)
	var err error
	if c.toPOP, err = lab.StartProxy(c.pop.Addr, pop); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.toPOP.Close)
	if c.toIMAP, err = lab.StartProxy(c.imap.Addr, imap); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.toIMAP.Close)
	return c
}

func (c *cutLab) close() {
	c.toPOP.Close()
	c.toIMAP.Close()
	c.pop.Close()
	c.imap.Close()
	os.RemoveAll(c.state)
}

// hurry is how much faster than the real one the runs' clock goes. It can't stand still: after a cut the server still stores what it had
// received, and a run waits until it has. The servers here are done in a millisecond.
const hurry = 20

// run is `poplift copy` by its own wiring, with a clock of its own.
func (c *cutLab) run(t *testing.T) (migrate.Report, error) {
	t.Helper()
	quiet := func(string) string { return "" }
	env := &environment{stdout: io.Discard, stderr: io.Discard, getenv: quiet, now: time.Now, columns: func() int { return 0 }, ask: func() asker { return nil }}
	o := defaultCopyOptions()
	o.Sources, o.Target, o.StateDir = []string{"pop3://" + scriptUser + "@" + c.toPOP.Addr}, "imap://"+scriptUser+"@"+c.toIMAP.Addr, c.state
	o.SourceSecrets.Given, o.TargetSecrets.Given = sourcePassword, targetPassword
	o.AllowCleartext, o.Memory = true, "2M"
	j, err := newCopyJob(t.Context(), env, newUI(env, o.Output), o)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	j.log = slog.New(slog.DiscardHandler)
	a, err := j.account()
	if err != nil {
		t.Fatal(err)
	}
	a.Sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/hurry) }
	if a.Store, err = j.openStore(); err != nil {
		t.Fatal(err)
	}
	defer a.Store.Close()
	return a.Run(t.Context())
}

// exact says what is wrong with the mailbox, if anything is.
func (c *cutLab) exact() error {
	var want []lab.Message
	for _, m := range c.mail {
		if !m.Twin {
			want = append(want, m)
		}
	}
	got := c.imap.Account(scriptUser).Messages("INBOX")
	if len(got) != len(want) {
		return fmt.Errorf("%d messages lie there, want %d", len(got), len(want))
	}
	if !c.ordered {
		slices.SortFunc(got, func(a, b imaptest.Stored) int { return a.Date.Compare(b.Date) }) // which is the maildrop's order
	}
	for i, m := range got {
		if !bytes.Equal(m.Raw, want[i].Raw) {
			return fmt.Errorf("message %d is %q, want %q", i+1, m.Raw, want[i].Raw)
		}
		if !m.Date.Equal(want[i].Date) {
			return fmt.Errorf("message %d is dated %v, want %v", i+1, m.Date, want[i].Date)
		}
	}
	return nil
}

// octets is how many went over the leg's connection, in its direction.
func (l cutLeg) octets(c *cutLab) int64 {
	line := c.toIMAP
	if l.pop {
		line = c.toPOP
	}
	up, down := line.Octets(l.conn)
	if l.up {
		return up
	}
	return down
}

// length is how many octets the leg has when nothing is cut.
func (l cutLeg) length(t *testing.T, mail []lab.Message) int64 {
	t.Helper()
	c := newCutLab(t, mail, l.hide, lab.ProxyOptions{}, lab.ProxyOptions{})
	defer c.close()
	if _, err := c.run(t); err != nil {
		t.Fatal(err)
	}
	if err := c.exact(); err != nil {
		t.Fatal(err)
	}
	return l.octets(c)
}

// goodbye is how many octets at the end of a connection may or may not be sent: nobody waits for them.
const goodbye = 100

// test cuts the leg after some of its octets.
func (l cutLeg) test(t *testing.T, mail []lab.Message, after, whole int64, reset bool) {
	t.Helper()
	var pop, imap lab.ProxyOptions
	broken := lab.ProxyOptions{CutAfter: l.cutOff(after), Reset: reset}
	if l.pop {
		pop = broken
	} else {
		imap = broken
	}
	c := newCutLab(t, mail, l.hide, pop, imap)
	defer c.close()
	c.ordered = l.more == 0
	first, err := c.run(t)
	if cuts := c.toPOP.Stats().Cuts + c.toIMAP.Stats().Cuts; cuts == 0 && after < whole-goodbye {
		t.Errorf("cut after %d of %d octets: it never happened", after, whole)
	}
	if err == nil {
		err = c.exact()
	}
	if left := first.Outcomes[migrate.Failed].Messages; err != nil || left > 0 {
		t.Logf("cut after %d octets: a second run is needed: %d left, %v", after, left, err)
		if second, err := c.run(t); err != nil || second.Outcomes[migrate.Failed].Messages > 0 {
			t.Errorf("cut after %d octets: the second run: %+v, %v", after, second.Outcomes, err)
		}
	}
	if err := c.exact(); err != nil {
		t.Errorf("cut after %d octets: %v", after, err)
	}
	last, err := c.run(t)
	if n := int64(len(mail)); err != nil || last.Outcomes[migrate.Known].Messages != n {
		t.Errorf("cut after %d octets: another run: %+v, %v", after, last.Outcomes, err)
	}
}
