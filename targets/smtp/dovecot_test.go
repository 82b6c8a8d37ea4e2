package smtp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/migrate/migratetest/lab"
)

// TestDovecot hands mail to a real server over LMTP on a Unix socket, and reads over IMAP what has become of it.
func TestDovecot(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "lmtp") // a socket's path has room for a hundred octets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	d, err := lab.StartDovecot(lab.Options{Users: 3, Extra: fmt.Sprintf(`protocols = pop3 imap lmtp
service lmtp {
  unix_listener %s {
    mode = 0600
  }
}
protocol lmtp {
  mail_plugins = quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:messages=60
  quota_grace = 0
}
`, socket)})
	if errors.Is(err, lab.ErrUnavailable) && os.Getenv("POPLIFT_REQUIRE_DOVECOT") == "" {
		t.Skipf("%v; install dovecot-lmtpd and dovecot-imapd 2.3 to run this test", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	cfg := Config{Socket: socket, LMTP: true, Operator: operator}
	for i, as := range []As{Resent, Attached} {
		user := fmt.Sprintf("user%d", i+1)
		cfg.As, cfg.To = as, []string{user + "@localhost"}
		dovecotOctets(t, d, cfg, user)
	}

	cfg.As, cfg.To = Resent, []string{"user3", "nobody"}
	x := open(t, cfg)
	err = sendOne(t, x, letterOf(1))
	wantKind(t, err, "partial")
	if codeOf(err) != 550 {
		t.Error(err)
	}
	cfg.To = []string{"nobody"}
	err = sendOne(t, open(t, cfg), letterOf(1))
	wantKind(t, err, "rejected")

	cfg.To = []string{"user3"}
	got := kinds(send(t, open(t, cfg), mails(t, 62)...))
	if n := slices.Index(got, "rejected"); n != 59 || len(got) != 62 {
		t.Errorf("over quota: %q", got)
	}
	if all, err := d.Mailbox("user3", "INBOX"); err != nil || len(all) != 60 {
		t.Errorf("%d messages, %v", len(all), err)
	}
}

// dovecotOctets relays every hostile message, and compares each that has arrived.
func dovecotOctets(t *testing.T, d *lab.Dovecot, cfg Config, user string) {
	t.Helper()
	x := open(t, cfg)
	var uploads []migrate.Upload
	for _, h := range hostile {
		uploads = append(uploads, upload(t, h.raw))
	}
	for i, err := range send(t, x, uploads...) {
		if err != nil {
			t.Errorf("%s: %v", hostile[i].name, err)
		}
	}
	arrived, err := d.Mailbox(user, "INBOX")
	if err != nil || len(arrived) != len(hostile) {
		t.Fatalf("%d messages arrived: %v", len(arrived), err)
	}
	for i, m := range arrived {
		data := string(m.Raw)
		head, _, _ := strings.Cut(data, "\r\n\r\n")
		if at := strings.Index(head, "\r\nResent-Date: "); at >= 0 {
			data = data[at+2:] // without what a delivery puts on top
		}
		got, how := unwrap(t, data)
		want := spooled(t, uploads[i])
		if how == "resent" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		if got != want {
			t.Errorf("%s (%s): %d octets, want %d: %.200q", hostile[i].name, how, len(got), len(want), got)
		}
	}
}
