package mailnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// TLSHint says what the user can do about a handshake that failed, or "" when err is of something else. Where a pin would help, it names
// the one that the server has: it is right only if the server is, which the user must find out in another way.
func TLSHint(err error) string {
	var pinned *PinError
	var record tls.RecordHeaderError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &pinned):
		return "if the server's certificate was renewed, compare the pin with what its administrator says, then give --tls-pin " + pinned.Key
	case errors.As(err, &record):
		return "the server does not speak TLS on this port: check the port, or use pop3:// or imap:// for STLS and STARTTLS"
	case errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0:
		return certificateHint(unverified.Err, unverified.UnverifiedCertificates[0])
	}
	return ""
}

// DialHint says what the user can do about a server that can't be reached, or "".
func DialHint(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no host of that name: check its spelling"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing answers there: check the host and the port, and whether the server runs"
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return "nothing answers there in time: check the host and the port, and whether a firewall is in between"
	}
	return ""
}

func certificateHint(err error, leaf *x509.Certificate) string {
	pin := fmt.Sprintf("if you are sure that it is your server, --tls-pin %s trusts this one certificate", keyPin(leaf))
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "no authority known to this machine has signed the server's certificate: give the authority's with --tls-ca FILE; or, " + pin
	case errors.As(err, &name):
		return fmt.Sprintf("the certificate is for %s: use that name if it is the same server; or, %s", names(leaf), pin)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the certificate is good from %s to %s: check this machine's clock, or have it renewed; or, %s",
			leaf.NotBefore.UTC().Format("2006-01-02"), leaf.NotAfter.UTC().Format("2006-01-02"), pin)
	}
	return pin
}

// names lists some of the names that a certificate is for.
func names(c *x509.Certificate) string {
	var all []string
	for _, n := range c.DNSNames {
		all = append(all, fmt.Sprintf("%.80q", n))
	}
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	const most = 5
	switch {
	case len(all) == 0:
		return "no name at all"
	case len(all) > most:
		return strings.Join(all[:most], ", ") + " and others"
	}
	return strings.Join(all, ", ")
}
