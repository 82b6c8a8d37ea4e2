package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poplift/migrate/migratetest/lab"
	"poplift/migrate/mutf7"
)

// What Thunderbird writes into X-Mozilla-Status.
const (
	mozRead = 1 << iota
	mozReplied
	mozMarked
	mozExpunged   = 0x0008
	mozPartial    = 0x0400
	mozForwarded  = 0x1000
	thunderbirdID = "account1"
)

// profile is a Thunderbird profile being made, and what an account copied from it and its server must hold in the end.
type profile struct {
	t      *testing.T
	dir    string
	server []lab.Message
	uidls  map[int]string
	want   map[string][]string // folder of the target: "number flags", in any order
}

// letter is a message of its own; numbers tell them apart.
func (p *profile) letter(n int) []byte {
	return []byte(strings.ReplaceAll(fmt.Sprintf("Received: from mx by pop; Tue, 5 Mar 2019 10:%02d:%02d +0100\nMessage-ID: <join-%d@example.org>\n"+
		"From: =?utf-8?q?Zo=C3=A9?= <zoe@example.org>\nDate: Tue, 5 Mar 2019 09:00:00 +0000\nSubject: lettre %d\n\nBonjour,\nFrom the start of a line\n.dot\n%s\n",
		n/60, n%60, n, n, strings.Repeat("été ", n%13)), "\n", "\r\n"))
}

// has puts a message into a folder of the profile, as the client would write it.
func (p *profile) has(folder string, n, status int, keys string, cut int) {
	p.t.Helper()
	raw := p.letter(n)
	text := strings.ReplaceAll(string(raw[:len(raw)-cut]), "\r\n", "\n")
	text = strings.ReplaceAll(text, "\nFrom the", "\n>From the")
	uidl := ""
	if u := p.uidls[n]; u != "" {
		uidl = "X-Account-Key: " + thunderbirdID + "\nX-UIDL: " + u + "\n"
	}
	path := filepath.Join(p.dir, "Mail", "pop.example.org", filepath.FromSlash(folder))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	for _, f := range []struct{ path, text string }{{path, fmt.Sprintf("From - Tue Mar 05 12:00:00 2019\n%sX-Mozilla-Status: %04x\n"+
		"X-Mozilla-Status2: 00000000\nX-Mozilla-Keys: %-80s\n%s\n", uidl, status, keys, text)}, {path + ".msf", ""}} {
		out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprint(out, f.text)
		out.Close()
	}
}

func (p *profile) expect(folder string, n int, flags ...string) {
	slices.Sort(flags)
	p.want[folder] = append(p.want[folder], fmt.Sprint(n, " ", flags))
}

// french is a profile of somebody in France, who has sorted, flagged and answered for years, and of whose inbox the server has half.
func french(t *testing.T, d *lab.Dovecot, user string) *profile {
	p := &profile{t: t, dir: t.TempDir(), uidls: map[int]string{}, want: map[string][]string{}}
	for n := range 60 {
		p.server = append(p.server, lab.Message{Raw: p.letter(n)})
	}
	if err := d.Load(user, p.server...); err != nil {
		t.Fatal(err)
	}
	for n, u := range uidlsOf(t, d, user) {
		p.uidls[n] = u
	}
	states := []struct {
		status int
		keys   string
		flags  []string
	}{{0, "", nil}, {mozRead, "$label1", []string{`\Seen`, "$label1"}}, {mozRead | mozReplied, "travail", []string{`\Seen`, `\Answered`, "travail"}},
		{mozRead | mozMarked, "", []string{`\Seen`, `\Flagged`}}, {mozRead | mozForwarded, "$label5 $label2", []string{`\Seen`, "$Forwarded", "$label5", "$label2"}}}
	for n := range 30 { // both have it
		s := states[n%len(states)]
		p.has("Inbox", n, s.status, s.keys, 0)
		p.expect("INBOX", n, s.flags...)
	}
	for n := 30; n < 40; n++ { // a filter has moved it, and the server has it still
		p.has("Clients.sbd/Été 2019", n, mozRead, "", 0)
		p.expect("Clients/Été 2019", n, `\Seen`)
	}
	for n := 40; n < 43; n++ { // only its beginning was downloaded
		p.has("Inbox", n, mozRead|mozPartial, "$label3", 30)
		p.expect("INBOX", n, `\Seen`, "$label3")
	}
	for n := 43; n < 60; n++ {
		p.expect("INBOX", n)
	}
	for n, folder := range map[int]string{60: "Sent", 61: "Sent", 62: "Drafts", 63: "Trash", 64: "Junk", 65: "Archives.sbd/2018", 66: "Éléments envoyés", 67: "Notes. et autres"} {
		p.has(folder, n, mozRead, "", 0)
	}
	p.expect("Sent", 60, `\Seen`)
	p.expect("Sent", 61, `\Seen`)
	p.expect("Drafts", 62, `\Seen`, `\Draft`)
	p.expect("Trash", 63, `\Seen`)
	p.expect("Junk", 64, `\Seen`)
	p.expect("Archive/2018", 65, `\Seen`)
	p.expect("Éléments envoyés", 66, `\Seen`)
	p.expect("Notes․ et autres", 67, `\Seen`) // Dovecot takes no dot in a name on a Maildir
	p.has("Inbox", 68, mozRead|mozExpunged, "", 0)
	return p
}

// uidlsOf asks the server for the unique-ids of its messages, by the number in their order.
func uidlsOf(t *testing.T, d *lab.Dovecot, user string) []string {
	t.Helper()
	out, err := d.UIDLs(user)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDovecotJoin: a client's profile and the maildrop that it read become one account, with one copy of each message, in the right folders, with
// the right flags.
func TestDovecotJoin(t *testing.T) {
	t.Parallel()
	d := startDovecot(t, lab.Options{Users: 2, SpecialUse: true})
	p := french(t, d, "user1")
	a := newPair(t, d, "user1", "user2")
	a.args = append(a.args, p.dir) // before the maildrop
	e := a.run(exitDone)
	if e.Copied != 68 || e.Duplicate != 43 || e.Skipped != 1 {
		t.Errorf("%+v", e.jsonReport)
	}
	p.compare(d, "user2")
	if again := a.run(exitDone); again.Copied != 0 || again.Adopted != 0 {
		t.Errorf("the second run: %+v", again.jsonReport)
	}
	if err := os.RemoveAll(a.state); err != nil {
		t.Fatal(err)
	}
	if lost := a.run(exitDone); lost.Copied != 0 || lost.Adopted != 68 {
		t.Errorf("with the state lost: %+v", lost.jsonReport)
	}
	p.compare(d, "user2")
}

// compare reads the whole account.
func (p *profile) compare(d *lab.Dovecot, user string) {
	p.t.Helper()
	folders, err := d.Folders(user)
	if err != nil {
		p.t.Fatal(err)
	}
	got := map[string][]string{}
	for name, attributes := range folders {
		if strings.Contains(attributes, `\Noselect`) {
			continue // only the way to others
		}
		stored, err := d.Mailbox(user, name)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, m := range stored {
			n := 0
			if _, after, ok := bytes.Cut(m.Raw, []byte("<join-")); !ok {
				p.t.Errorf("%s has a message without a number", name)
			} else if fmt.Sscan(string(after), &n); !bytes.Equal(m.Raw, p.letter(n)) {
				p.t.Errorf("%s: message %d was altered:\n%q", name, n, m.Raw)
			}
			got[mutf7.Decode(name)] = append(got[mutf7.Decode(name)], fmt.Sprint(n, " ", m.Flags))
		}
	}
	for _, folder := range slices.Concat(keysOf(got), keysOf(p.want)) {
		slices.Sort(got[folder])
		slices.Sort(p.want[folder])
		if !slices.Equal(got[folder], p.want[folder]) {
			p.t.Errorf("%s holds\n%q, want\n%q", folder, got[folder], p.want[folder])
			delete(got, folder)
			delete(p.want, folder)
		}
	}
}

func keysOf(m map[string][]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// TestDovecotTwinsAcrossFormats: the same message from an mbox, with the client's fields and a quoted From, and from POP3 is one; messages that
// share a Message-ID, have none, came by a list and directly, or lie in two folders are all kept.
func TestDovecotTwinsAcrossFormats(t *testing.T) {
	t.Parallel()
	d := startDovecot(t, lab.Options{Users: 2})
	mail := func(headers, body string) string {
		return headers + "Subject: s\nFrom: a@example.org\n\n" + body + "\n"
	}
	same := mail("Message-ID: <1@x>\n", "From here on\nall is the same")
	all := []string{
		same,
		mail("Message-ID: <2@x>\n", "one body"), mail("Message-ID: <2@x>\n", "another body"),
		mail("", "no name"), mail("", "no name either"),
		mail("Message-ID: <3@x>\n", "to you"), mail("Message-ID: <3@x>\nList-Id: <l.x>\nPrecedence: list\n", "to you"),
	}
	var drop []lab.Message
	for _, m := range all {
		drop = append(drop, lab.Message{Raw: lab.ToCRLF([]byte(m))})
	}
	if err := d.Load("user1", drop...); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"inbox": "From - Tue Mar 05 12:00:00 2019\nX-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\n" + strings.ReplaceAll(same, "\nFrom here", "\n>From here") + "\n",
		"Other": "From a@example.org Tue Mar 05 12:00:00 2019\nStatus: RO\n" + strings.ReplaceAll(same, "\nFrom here", "\n>From here") + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := newPair(t, d, "user1", "user2")
	a.args = append(a.args, "mbox:"+dir)
	if e := a.run(exitDone); e.Copied != int64(len(all))+1 || e.Duplicate != 1 {
		t.Errorf("%+v", e.jsonReport)
	}
	total := 0
	folders, err := d.Folders("user2")
	if err != nil {
		t.Fatal(err)
	}
	for name := range folders {
		stored, err := d.Mailbox("user2", name)
		if err != nil {
			t.Fatal(err)
		}
		total += len(stored)
		for _, m := range stored {
			if bytes.Contains(m.Raw, []byte("X-Mozilla")) || bytes.Contains(m.Raw, []byte(">From")) {
				t.Errorf("%s: %q", name, m.Raw)
			}
		}
	}
	if total != len(all)+1 {
		t.Errorf("%d messages in %v", total, folders)
	}
}

// TestDovecotAdoptsWhatAnotherToolCopied: another tool has filled the account before, in another order, with fields added and flags lost.
func TestDovecotAdoptsWhatAnotherToolCopied(t *testing.T) {
	t.Parallel()
	d := startDovecot(t, lab.Options{Users: 2})
	p := french(t, d, "user1")
	var before []lab.Message
	for n := range 43 {
		raw := p.letter(n)
		if n%2 == 0 {
			raw = append([]byte("Status: RO\r\nX-Status: F\r\n"), raw...)
		}
		before = append(before, lab.Message{Raw: raw})
	}
	slices.Reverse(before)
	if err := d.Load("user2", before...); err != nil {
		t.Fatal(err)
	}
	a := newPair(t, d, "user1", "user2")
	a.args = append(a.args, p.dir)
	e := a.run(exitDone)
	if e.Adopted != 33 { // ten of them lie in another folder by the client's word
		t.Errorf("%+v", e.jsonReport)
	}
	stored, err := d.Mailbox("user2", "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]bool{}
	for _, m := range stored {
		flags[fmt.Sprint(m.Flags)] = true
	}
	if len(stored) != 60 || !flags[`[$label1 \Seen]`] || !flags[`[\Answered \Seen travail]`] {
		t.Errorf("%d messages, with flags %v", len(stored), flags)
	}
}

// TestDovecotLeavesWhatTheClientThrewAway: popstate.dat knows more messages than the profile has.
func TestDovecotLeavesWhatTheClientThrewAway(t *testing.T) {
	t.Parallel()
	d := startDovecot(t, lab.Options{Users: 2, SpecialUse: true})
	p := french(t, d, "user1")
	host, _, _ := strings.Cut(d.POP3, ":")
	text := "# POP3 State File\n\n*" + host + " user1\n"
	for n := range 50 { // of which seven, 43 to 49, were deleted
		text += "k " + p.uidls[n] + " 1551783600\n"
	}
	if err := os.WriteFile(filepath.Join(p.dir, "Mail", "pop.example.org", "popstate.dat"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newPair(t, d, "user1", "user2")
	a.args = append(a.args, "--client-deleted=skip", p.dir)
	if e := a.run(exitDone); e.Copied != 61 || e.Duplicate != 43 || e.Skipped != 8 {
		t.Errorf("%+v", e.jsonReport)
	}
}
