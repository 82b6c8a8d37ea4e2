package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"

	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
)

type demoOptions struct {
	Messages int
	// Keep is where the state goes; empty is a temporary directory.
	Keep string
}

// demoRate holds the line to a speed at which there is a bar to see.
const demoRate = "5M"

// demo is the two servers and what was put into the first.
type demo struct {
	env  *environment
	pop  *pop3test.Server
	imap *imaptest.Server
	mail [][]byte
	dir  string
}

const demoPassword = "correct horse battery staple"

// runDemo copies a maildrop twice between two servers of its own, by the same code as `poplift copy`, and compares what arrived.
func runDemo(ctx context.Context, env *environment, o demoOptions) error {
	if o.Messages < 1 || o.Messages > 20_000 {
		return usagef("--messages: %d is not from 1 to 20000", o.Messages)
	}
	d := &demo{env: env, mail: demoMail(o.Messages), dir: o.Keep}
	if d.dir == "" {
		dir, err := os.MkdirTemp("", "poplift-demo-")
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		defer os.RemoveAll(dir)
		d.dir = dir
	}
	d.start()
	defer d.pop.Close()
	defer d.imap.Close()

	var size int64
	for _, m := range d.mail {
		size += int64(len(m))
	}
	d.say("A POP3 and an IMAP server run inside this program, over TLS. The maildrop holds\n%s, %s: plain text, HTML, attachments, old 8-bit mail\n"+
		"without a Message-ID, and some exact copies. The IMAP account is empty.", plural(int64(len(d.mail)), "message", "messages"), humanSize(size))
	d.say("\n$ poplift copy \\\n    %s \\\n    %s", d.source(), d.target())
	if env.columns() > 0 {
		d.say("(held to %sB a second, so that there is a bar to see)\n", demoRate)
	}
	first, err := d.copy(ctx)
	if err != nil {
		return err
	}
	retrieved := d.retrieved()
	d.say("\nThe same command again:\n")
	second, err := d.copy(ctx)
	if err != nil {
		return err
	}
	if err := d.check(first, second, d.retrieved()-retrieved); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	d.say("\nChecked: every message lies in INBOX octet for octet, in the order of the\n" +
		"maildrop, each with the date on which it was received. The second run fetched none.")
	if o.Keep != "" {
		d.say("The state is in %s; poplift status --state %s shows it.", o.Keep, o.Keep)
	}
	return nil
}

func (d *demo) start() {
	d.pop = pop3test.NewUnstartedServer()
	for _, m := range d.mail {
		d.pop.Add(demoUser.address, pop3test.Msg{Raw: m})
	}
	d.pop.SetPassword(demoUser.address, demoPassword)
	d.pop.StartTLS()
	d.imap = imaptest.NewUnstartedServer()
	d.imap.AddUser(demoUser.address, demoPassword)
	d.imap.StartTLS()
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.env.stdout, format+"\n", args...) }

func (d *demo) source() string { return "pop3s://" + demoUser.address + "@" + d.pop.Addr }
func (d *demo) target() string { return "imaps://" + demoUser.address + "@" + d.imap.Addr }

// copy is `poplift copy` with this source and target.
func (d *demo) copy(ctx context.Context) (migrate.Report, error) {
	o := defaultCopyOptions()
	o.Sources, o.Target, o.StateDir = []string{d.source()}, d.target(), d.dir
	o.SourceSecrets.Given, o.TargetSecrets.Given = demoPassword, demoPassword
	if d.env.columns() > 0 {
		o.BandwidthLimit = demoRate
	}
	o.TLSConfig = func(e endpoint) (*tls.Config, error) {
		if e.Scheme == "pop3s" {
			return &tls.Config{RootCAs: d.pop.CertPool()}, nil
		}
		return &tls.Config{RootCAs: d.imap.CertPool()}, nil
	}
	out := copyOnce(ctx, d.env, o)
	return out.Report, present(d.env, o.Output, out)
}

// retrieved counts the messages that the POP3 server has given out.
func (d *demo) retrieved() (n int) {
	for _, line := range d.pop.Log() {
		if strings.Contains(strings.ToUpper(line), "RETR ") {
			n++
		}
	}
	return n
}

// check compares what was reported and what lies on the target with what was put into the maildrop.
func (d *demo) check(first, second migrate.Report, fetchedAgain int) error {
	distinct := d.distinct()
	n, unique := int64(len(d.mail)), int64(len(distinct))
	counts := []struct {
		what      string
		got, want int64
	}{
		{"first run: listed", first.Listed.Messages, n},
		{"first run: copied", first.Outcomes[migrate.Copied].Messages, unique},
		{"first run: duplicate", first.Outcomes[migrate.Duplicate].Messages, n - unique},
		{"second run: listed", second.Listed.Messages, n},
		{"second run: known", second.Outcomes[migrate.Known].Messages, n},
		{"second run: copied", second.Outcomes[migrate.Copied].Messages, 0},
		{"second run: fetched", int64(fetchedAgain), 0},
	}
	for _, c := range counts {
		if c.got != c.want {
			return fmt.Errorf("%s %d, should be %d", c.what, c.got, c.want)
		}
	}
	stored := d.imap.Account(demoUser.address).Messages("INBOX")
	if len(stored) != len(distinct) {
		return fmt.Errorf("%d messages lie on the target, should be %d", len(stored), len(distinct))
	}
	for i, m := range stored {
		switch {
		case !bytes.Equal(m.Raw, distinct[i]):
			return fmt.Errorf("message %d on the target is not message %d of the maildrop, octet for octet", m.UID, i+1)
		case m.Date.IsZero():
			return fmt.Errorf("message %d on the target has no date of its own", m.UID)
		case i > 0 && m.Date.Before(stored[i-1].Date):
			return errors.New("the dates on the target are not in the order of the maildrop")
		}
	}
	return nil
}

// distinct is the maildrop without the later ones of exact copies.
func (d *demo) distinct() [][]byte {
	var out [][]byte
	seen := map[[sha256.Size]byte]bool{}
	for _, m := range d.mail {
		sum := sha256.Sum256(m)
		if !seen[sum] {
			seen[sum] = true
			out = append(out, m)
		}
	}
	return out
}
