package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

// configure returns the configuration, in the language of Dovecot 2.3.
//
// Against the defaults: fsync is off, for no test here pulls the plug of the server; a wrong password costs no time, neither now nor at later
// log-ins; one address may have many sessions, for all of them come from the loopback.
func (d *Dovecot) configure() string {
	o := d.Options
	var b strings.Builder
	fmt.Fprintf(&b, `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/dovecot.log
instance_name = lab%[2]s
listen = 127.0.0.1
protocols = pop3 imap
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_max_userip_connections = 200
mail_fsync = never
mail_location = maildir:%[3]s/%%n/Maildir
first_valid_uid = 1
default_vsz_limit = 1G
passdb {
  driver = passwd-file
  args = username_format=%%n %[1]s/users
}
userdb {
  driver = static
  args = %[4]s home=%[3]s/%%n
}
namespace inbox {
  inbox = yes
  separator = /
%[5]s}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`, d.dir, port(d.IMAP), d.mail, d.mailOwner(), specialUse(o.SpecialUse))
	b.WriteString(d.processes)
	b.WriteString(d.listeners())
	if o.NoTLS {
		b.WriteString("ssl = no\n")
	} else {
		fmt.Fprintf(&b, "ssl = yes\nssl_cert = <%s\nssl_key = <%s/key.pem\n", d.CAFile, d.dir)
	}
	plugins := ""
	if o.Quota != "" {
		rule := o.Quota
		if !strings.Contains(rule, ":") {
			rule = "*:storage=" + rule
		}
		plugins = "quota imap_quota"
		fmt.Fprintf(&b, "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = %s\n  quota_grace = 0\n}\n", rule)
	}
	if o.ReadOnly {
		plugins += " acl"
		fmt.Fprintf(&b, "plugin {\n  acl = vfile:%s\n}\n", filepath.Join(d.dir, "acl"))
	}
	fmt.Fprintf(&b, "protocol imap {\n  mail_plugins = %s\n}\n%s", plugins, o.Extra)
	return b.String()
}

// specialUse is the namespace's folders that have one.
func specialUse(on bool) string {
	var b strings.Builder
	for _, name := range []string{"Drafts", "Sent", "Trash", "Junk", "Archive"} {
		if on {
			fmt.Fprintf(&b, "  mailbox %s {\n    auto = create\n    special_use = \\%s\n  }\n", name, name)
		}
	}
	return b.String()
}

// listeners names the four ports.
func (d *Dovecot) listeners() string {
	tls := "ssl = yes"
	if d.Options.NoTLS {
		tls = "ssl = no"
	}
	chroot := ""
	if d.processes != "" {
		chroot = "  chroot =\n" // only root can
	}
	var b strings.Builder
	for _, s := range []struct{ name, plain, tls string }{{"pop3", d.POP3, d.POP3S}, {"imap", d.IMAP, d.IMAPS}} {
		fmt.Fprintf(&b, "service %[1]s-login {\n%[2]s  inet_listener %[1]s {\n    port = %[3]s\n  }\n  inet_listener %[1]ss {\n    port = %[4]s\n    %[5]s\n  }\n}\n",
			s.name, chroot, port(s.plain), port(s.tls), tls)
	}
	return b.String()
}

// mailOwner is the user that mail belongs to.
func (d *Dovecot) mailOwner() string {
	if d.owner >= 0 {
		return fmt.Sprintf("uid=%d gid=%d", d.owner, d.owner)
	}
	return fmt.Sprintf("uid=%d gid=%d", os.Getuid(), os.Getgid())
}

// ownUser is what a Dovecot that wasn't started by root needs: all its processes under the one user there is.
func ownUser() (string, error) {
	me, err := user.Current()
	if err != nil {
		return "", err
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`default_internal_user = %[1]s
default_login_user = %[1]s
default_internal_group = %[2]s
service anvil {
  chroot =
}
service stats {
  chroot =
}
`, me.Username, group.Name), nil
}

// writeCertificate makes a certificate for the loopback that is its own authority.
func writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644)
}
