package mailnet

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// TLSOptions is what the user says about a server's certificate. The zero value verifies it against the system's roots.
type TLSOptions struct {
	// CAFile is a PEM file of certificates that are trusted as well as the system's roots.
	CAFile string
	// Pins, "sha256:" and a SHA-256 in hexadecimal or base64, take the place of the roots: the server's certificate or its public key
	// must be one of them, whatever name and dates it bears (a self-signed one is the usual case), or it must be signed for the host by
	// an authority that is one of them and that the server sends along.
	Pins []string
	// Insecure trusts anyone, but for Pins. It is only ever set by the user's own word.
	Insecure bool
}

// Config makes the configuration for a host. Errors are of what the user gave.
func (o TLSOptions) Config(host string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
	if o.CAFile != "" {
		pool, err := rootsWith(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read CA file %s: %w", o.CAFile, err)
		}
		cfg.RootCAs = pool
	}
	if len(o.Pins) == 0 {
		return cfg, nil
	}
	var pins []pin
	for _, text := range o.Pins {
		p, err := parsePin(text)
		if err != nil {
			return nil, fmt.Errorf("pin %q: %w", text, err)
		}
		pins = append(pins, p)
	}
	cfg.InsecureSkipVerify = true // VerifyConnection does it instead, for resumed sessions too
	cfg.VerifyConnection = func(state tls.ConnectionState) error { return checkPins(pins, host, state.PeerCertificates) }
	return cfg, nil
}

func rootsWith(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("no certificate in it (PEM is expected)")
	}
	return pool, nil
}

// pin is the SHA-256 of a certificate or of its public key (SubjectPublicKeyInfo).
type pin [sha256.Size]byte

// String is the form that parsePin takes.
func (p pin) String() string { return "sha256:" + hex.EncodeToString(p[:]) }

// parsePin takes hexadecimal, with colons as openssl writes it, and base64, of any alphabet and padding.
func parsePin(text string) (p pin, err error) {
	const prefix = "sha256:"
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return p, errors.New(`it must begin with "sha256:"`)
	}
	digits := strings.TrimSpace(text[len(prefix):])
	raw, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if err != nil {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(strings.TrimPrefix(digits, "//"), "="))
		raw, err = base64.RawStdEncoding.DecodeString(plain)
	}
	if err != nil || len(raw) != len(p) {
		return p, errors.New("a SHA-256 is 64 hexadecimal or 44 base64 digits")
	}
	return pin(raw), nil
}

func certificatePin(c *x509.Certificate) pin { return sha256.Sum256(c.Raw) }
func keyPin(c *x509.Certificate) pin         { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// checkPins looks for a pin in what the server sent. Only the first certificate is known to be the server's: it has proved that it has the
// key. Anyone can send any other along, so that a pinned one further up counts only when it has really signed the way down to the host.
func checkPins(pins []pin, host string, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("the server sent no certificate")
	}
	pinned := func(c *x509.Certificate) bool {
		for _, p := range pins {
			if a, b := certificatePin(c), keyPin(c); bytes.Equal(p[:], a[:]) || bytes.Equal(p[:], b[:]) {
				return true
			}
		}
		return false
	}
	if pinned(chain[0]) {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	for _, c := range chain[1:] {
		if !pinned(c) {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(c)
		if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between}); err == nil {
			return nil
		}
	}
	return &PinError{Host: host, Certificate: certificatePin(chain[0]).String(), Key: keyPin(chain[0]).String()}
}

// PinError is a server whose certificate is none of those pinned. It tells the pins that it does have, in the form that TLSOptions takes.
type PinError struct {
	Host string
	// Certificate and Key are the pins of the server's certificate and of its public key, of which the second outlives a renewal that
	// keeps the key.
	Certificate, Key string
}

func (e *PinError) Error() string {
	return fmt.Sprintf("the certificate of %s is none of those pinned: it is %s, its public key %s", e.Host, e.Certificate, e.Key)
}
