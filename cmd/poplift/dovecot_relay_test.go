package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"poplift/migrate/migratetest/lab"
	"poplift/targets/smtp/smtptest"
)

// TestDovecotLeftovers: one message in a hundred is larger than a real server takes (quota_max_mail_size, which it answers with LIMIT). They are relayed
// as long as the relay takes them, else kept; when the limit is raised, what was kept finds its place. Nothing is lost or doubled.
func TestDovecotLeftovers(t *testing.T) {
	t.Parallel()
	const plugin = "protocol imap {\n  mail_plugins = quota imap_quota\n}\nplugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_max_mail_size = "
	d := startDovecot(t, lab.Options{Users: 2, Extra: plugin + "200k\n}\n"})
	var mail, large, huge []lab.Message
	for m := range lab.Corpus(400, 5) {
		if len(m.Raw) < 150<<10 {
			mail = append(mail, m)
		}
	}
	sized := func(i, size int) lab.Message {
		m := mail[i]
		m.Raw = slices.Concat([]byte("Subject: large\r\n"), bytes.TrimRight(m.Raw, "\r\n"), []byte("\r\n"), bytes.Repeat([]byte("as large as it gets\r\n"), size/21))
		return m
	}
	small := untwinned(mail)
	for i := range 4 {
		if m := sized(10+i, 300<<10); i < 2 {
			large = append(large, m)
		} else {
			huge = append(huge, sized(10+i, 600<<10))
		}
	}
	all := slices.Concat(mail[:100], large, mail[100:], huge)
	load(t, d, "user1", all)

	relay := smtptest.NewUnstartedServer()
	relay.Offer.Size = 500 << 10
	relay.StartTLS()
	t.Cleanup(relay.Close)
	p := newPair(t, d, "user1", "user2")
	p.args = []string{"--tls-ca", withRelay(t, d.CAFile, relay), "--relay", "smtps://" + relay.Addr, "--relay-from", "me@example.org", "--relay-to", "me@example.net"}
	n, twins := len(all), len(mail)-len(small)

	e := p.run(exitLeft, "--relay-yes")
	e.counts(t, 0, len(small), 0, twins, 0)
	if e.Relayed != 2 || e.Kept != 2 {
		t.Errorf("%d relayed, %d kept", e.Relayed, e.Kept)
	}
	p.holds(small)
	got := relay.Taken()
	for _, m := range large {
		if !slices.ContainsFunc(got, func(sent smtptest.Mail) bool { return relayedAs(sent.Data, m.Raw) }) {
			t.Errorf("a message that is too large is not among the %d that were relayed", len(got))
		}
	}
	p.run(exitDone).counts(t, n, 0, 0, 0, 0)
	kept, err := filepath.Glob(filepath.Join(p.state, "kept", "*", "cur", "*"))
	if err != nil || len(kept) != 2 {
		t.Errorf("kept are %q, %v", kept, err)
	}

	d.Options.Extra = plugin + "0\n}\n"
	if err := d.Restart(); err != nil {
		t.Fatal(err)
	}
	p.command = "retry"
	p.run(exitDone).counts(t, n-2, 2, 0, 0, 0)
	p.holds(slices.Concat(small, huge))
	if kept, _ = filepath.Glob(kept[0]); len(kept) != 0 {
		t.Error("what found its place is in the dead-letter tree still")
	}
	p.run(exitDone).counts(t, n, 0, 0, 0, 0)
	if len(relay.Mail()) != 2 {
		t.Errorf("%d messages were relayed in all", len(relay.Mail()))
	}
}

// holds expects these messages on the target, octet for octet, none twice; what follows a refused one may have come before it.
func (p *pair) holds(want []lab.Message) {
	p.t.Helper()
	if got := differences(p.stored(), want); got != "0 missing or changed, 0 surplus or changed" {
		p.t.Errorf("on the target, of %d messages: %s", len(want), got)
	}
}

// relayedAs says whether what was relayed is the message below a Resent block, or whole in an attachment.
func relayedAs(data, raw []byte) bool {
	attached := []byte(base64.StdEncoding.EncodeToString(raw))
	return same(resentBody(data), raw) || bytes.Contains(data, raw) || bytes.Contains(bytes.ReplaceAll(data, []byte("\r\n"), nil), attached)
}

// withRelay is a file with the authorities of a Dovecot and a relay.
func withRelay(t *testing.T, caFile string, relay *smtptest.Server) string {
	t.Helper()
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", relay.Addr, &tls.Config{RootCAs: relay.CertPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, cert := range c.ConnectionState().PeerCertificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
