package sieve_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/migrate/sieve"
)

// TestRealScripts are scripts as their editors write them, with the mail they are for. Pigeonhole 0.5.19 files the same, where it knows the
// extensions, but for the invoice: to it a word with bold letters in it is two.
func TestRealScripts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ script, name, message, want string }{
		{"roundcube", "spam by its flag", "X-Spam-Flag: YES\nFrom: boss@example.com\n\n", `Junk[\Seen]`},
		{"roundcube", "spam by its score", "X-Spam-Score: 12.5\n\n", `Junk[\Seen]`},
		{"roundcube", "almost spam", "X-Spam-Score: 7.9\n\nabc", `INBOX[]`},
		{"roundcube", "a rule that is switched off", "Subject: newsletter\n\n", `INBOX[]`},
		{"roundcube", "the boss, and a colleague", "From: The Boss <boss@example.com>\nSubject: hi\n\n", `Work/Boss[\Flagged] Work[\Flagged]`},
		{"roundcube", "the boss tests", "From: boss@example.com\nSubject: [test] hi\n\n", `Work/Boss[\Flagged] INBOX[\Flagged]`},
		{"roundcube", "logs", "From: ci@example.com\nSubject: [ci] broken\n\n" + strings.Repeat("log\n", 300), `discarded by roundcube.sieve:31:2`},
		{"roundcube", "an invoice", "Subject: x\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<p>Your <b>In</b>vo=\nice</p>", `INBOX[$label1]`},
		{"roundcube", "from the holidays", "Date: Fri, 10 Jul 2020 10:00:00 +0000\n\n", `INBOX[]`},
		{"fastmail", "backscatter", "X-Backscatter: yes\n\n", `Junk[]`},
		{"fastmail", "spam", "X-Spam-Score: 5.1\n\n", `Junk[]`},
		{"fastmail", "from somebody who is known", "X-Spam-Known-Sender: yes, in-addressbook\nX-Spam-Score: 9\nX-ME-Cal-Method: request\n\n", `INBOX[]`},
		{"fastmail", "a list", "List-Id: Go Nuts <Golang-Nuts.googlegroups.com>\n\n", `Lists/golang-nuts[]`},
		{"fastmail", "an alias", "To: me+Shop@fastmail.example\n\n", `Alias/Shop[]`},
		{"fastmail", "a ticket", "Subject: Re: Ticket #4711 solved\n\n", `Tickets/4711[]`},
		{"proton", "by subject", "Subject: =?utf-8?q?Ihre_=C3=BCberweisung?=\n\n", `Security[] Labels/Important[] INBOX[\Flagged]`},
		{"proton", "by sender", "From: No Reply <no-reply@Accounts.example>\n\n", `Security[] Labels/Important[] INBOX[\Flagged]`},
		{"proton", "other mail", "Subject: hello\n\n", `INBOX[]`},
		{"pigeonhole", "plus addressing", "Delivered-To: me+SHOPPING@example.com\n\n", `Shopping[]`},
		{"pigeonhole", "without", "Delivered-To: me@example.com\nX-Mirror: yes\n\n", `INBOX[] →mirror@backup.example`},
		{"pigeonhole", "a virus", "X-Virus-Status: Infected\n\n", `discarded by pigeonhole.sieve:12:3`},
		{"pigeonhole", "a snowman", "Subject: =?utf-8?b?4piD?= sale\n\n", `discarded by pigeonhole.sieve:12:3`},
		{"pigeonhole", "a list", "List-Id: Users <users.lists.example.org>\n\n", `lists/users[\Seen]`},
		{"pigeonhole", "a list of another kind", "List-Id: <users.example.org>\n\n", `lists[]`},
		{"pigeonhole", "a folder that the sender chose", "Delivered-To: \"me+../../x\"@example.com\n\n", `///x[]`},
		{"nextcloud", "marketing", "From: Ads <marketing@company.example>\nDate: Fri, 10 Jul 2026 10:00:00 +0000\n\n", `marketing[]`},
		{"nextcloud", "other mail", "From: a@b.c\nDate: Fri, 10 Jul 2026 10:00:00 +0000\n\n", `INBOX[]`},
	} {
		t.Run(tt.script+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", tt.script+".sieve"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := sieve.Load(tt.script+".sieve", text)
			if err != nil {
				t.Fatal(err)
			}
			if got := verdict(t, s, spooled(t, tt.message)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// BenchmarkFile is a usual script over a message of 5 MiB, of which only the header is read.
func BenchmarkFile(b *testing.B) {
	text, err := os.ReadFile(filepath.Join("testdata", "fastmail.sieve"))
	if err != nil {
		b.Fatal(err)
	}
	s := load(b, sieve.Options{}, string(text))
	m := spooled(b, letter+strings.Repeat(strings.Repeat("x", 1023)+"\n", 5<<10))
	b.ReportAllocs()
	for b.Loop() {
		if got := verdict(b, s, m); got != "Lists/acme-users[]" {
			b.Fatal(got)
		}
	}
}
