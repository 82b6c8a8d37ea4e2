package main

import (
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
)

func TestParseEndpoint(t *testing.T) {
	for _, c := range []struct {
		raw  string
		as   role
		want endpoint
	}{
		{"pop3s://me@old.example", roleSource, endpoint{"pop3s", "me", "old.example", 995, nil}},
		{"POP3://me@Old.Example", roleSource, endpoint{"pop3", "me", "old.example", 110, nil}},
		{"pop3s://me@old.example/", roleSource, endpoint{"pop3s", "me", "old.example", 995, nil}},
		{"imaps://me@example.org@imap.example:1993", roleTarget, endpoint{"imaps", "me@example.org", "imap.example", 1993, nil}},
		{"imaps://me%40example.org@imap.example", roleTarget, endpoint{"imaps", "me@example.org", "imap.example", 993, nil}},
		{"imap://me@imap.example/INBOX", roleTarget, endpoint{"imap", "me", "imap.example", 143, nil}},
		{"imap://me@imap.example/inbox/Old", roleTarget, endpoint{"imap", "me", "imap.example", 143, migrate.Path{"INBOX", "Old"}}},
		{"imaps://me@h/Old%20mail/A%2FB/", roleTarget, endpoint{"imaps", "me", "h", 993, migrate.Path{"Old mail", "A/B"}}},
		{"imaps://me@h/Entw%C3%BCrfe", roleTarget, endpoint{"imaps", "me", "h", 993, migrate.Path{"Entwürfe"}}},
		{"imaps://me@[2001:db8::1]", roleTarget, endpoint{"imaps", "me", "2001:db8::1", 993, nil}},
		{"imaps://me@[::1]:1143/X", roleTarget, endpoint{"imaps", "me", "::1", 1143, migrate.Path{"X"}}},
		{"pop3s://recent%3Ame%40gmail.com@pop.gmail.com", roleSource, endpoint{"pop3s", "recent:me@gmail.com", "pop.gmail.com", 995, nil}},
	} {
		got, err := parseEndpoint(c.raw, c.as)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		if got.Scheme != c.want.Scheme || got.User != c.want.User || got.Host != c.want.Host || got.Port != c.want.Port ||
			!slices.Equal(got.Folder, c.want.Folder) {
			t.Errorf("%s: got %+v, want %+v", c.raw, got, c.want)
		}
	}
}

func TestParseEndpointRefuses(t *testing.T) {
	for _, c := range []struct {
		raw  string
		as   role
		want string
	}{
		{"pop3s://me:hunter2@old.example", roleSource, "never taken from the command line"},
		{"imaps://me@x:hunter2@new.example", roleTarget, "never taken from the command line"},
		{"imaps://me:hun/ter2@new.example", roleTarget, "%2F"},
		{"imaps://me:hun#ter2@new.example", roleTarget, "%23"},
		{"pop3s://old.example", roleSource, "no user name"},
		{"pop3s://@old.example", roleSource, "no user name"},
		{"pop3s://me@", roleSource, "no host"},
		{"pop3s://me@:995", roleSource, "no host"},
		{"pop3s://me@h:0", roleSource, "port"},
		{"pop3s://me@h:70000", roleSource, "port"},
		{"pop3s://me@h:", roleSource, "port"},
		{"pop3s://me@::1", roleSource, "brackets"},
		{"pop3s://me@[::1", roleSource, "]"},
		{"pop3s://me@[1.2.3.4]", roleSource, "IPv6"},
		{"pop3s://me@h/INBOX", roleSource, "no folders"},
		{"pop3s://m%zze@h", roleSource, "%25"},
		{"pop3s://m%0d%0ae@h", roleSource, "control"},
		{"imaps://me@h/a%00b", roleTarget, "control"},
		{"imaps://me@h/%ff", roleTarget, "UTF-8"},
		{"imaps://me@h/a?b", roleTarget, "%3F"},
		{"imaps://me@h", roleSource, "imaps:// is a target"},
		{"pop3s://me@h", roleTarget, "pop3s:// is a source"},
		{"smtp://me@h", roleSource, "smtp:// is a relay, not a source"},
		{"nntp://me@h", roleTarget, "not supported yet"},
		{"/var/mail/me", roleSource, "not supported as a source yet"},
		{"me@example.org", roleTarget, "no scheme"},
		{"Maildir", roleTarget, "not a target"},
	} {
		_, err := parseEndpoint(c.raw, c.as)
		switch {
		case err == nil:
			t.Errorf("%s: no error", c.raw)
		case !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %q does not say %q", c.raw, err, c.want)
		case strings.Contains(err.Error(), "hun"):
			t.Errorf("%s: the error shows the password: %v", c.raw, err)
		case exitCode(err) != exitUsage:
			t.Errorf("%s: exit code %d", c.raw, exitCode(err))
		}
	}
}

func TestEndpointNames(t *testing.T) {
	a, err := parseEndpoint("imaps://me%40example.org@[::1]:993/Old/Mail", roleTarget)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.account(), "me@example.org@[::1]:993"; got != want {
		t.Errorf("account %s, want %s", got, want)
	}
	if got, want := a.String(), "imaps://me@example.org@[::1]/Old/Mail"; got != want {
		t.Errorf("shown as %s, want %s", got, want)
	}
}

// FuzzParseEndpoint checks that what is accepted is fit for the wire, and that no error shows what may be a password.
func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"imaps://me@h/a%2Fb", "pop3://a:b@c@[::1]:110", "imap://%40@h:143", "pop3s://@", "://", "imaps://u:p/w@h"} {
		f.Add(s, "s3cr3t-w0rd")
	}
	f.Fuzz(func(t *testing.T, raw, secret string) {
		for _, as := range []role{roleSource, roleTarget} {
			e, err := parseEndpoint(raw, as)
			if err != nil {
				continue
			}
			if !printable(e.User) || e.User == "" || e.Host == "" || e.Port < 1 || e.Port > 65535 {
				t.Errorf("%q gave %+v", raw, e)
			}
			again, err := parseEndpoint(raw, as)
			if err != nil || again.account() != e.account() {
				t.Errorf("%q is read in two ways: %v and %v, %v", raw, e, again, err)
			}
		}
		if strings.Contains(secret, "@") {
			return
		}
		_, err := parseEndpoint("imaps://me:"+secret+"@imap.example", roleTarget)
		if err == nil {
			t.Fatal("a password in the address was accepted")
		}
		for _, other := range []string{"x", "x/y", "x?y"} { // whatever the password is, the message is one of three
			if _, same := parseEndpoint("imaps://me:"+other+"@imap.example", roleTarget); same.Error() == err.Error() {
				return
			}
		}
		t.Errorf("the error depends on the password: %v", err)
	})
}
