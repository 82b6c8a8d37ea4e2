package mailnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTLSOptions(t *testing.T) {
	ca := issue(t, nil, authority)
	otherCA := issue(t, nil, authority)
	signed := issue(t, ca, nil)
	lone := issue(t, nil, nil)
	old := issue(t, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	oldSigned := issue(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	elsewhere := issue(t, ca, func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} })
	impostor := issue(t, nil, nil) // sends the pinned CA along, which has never signed it
	impostor.chain = append(impostor.chain, ca.cert.Raw)
	pins := func(p ...pin) (out []string) {
		for _, p := range p {
			out = append(out, p.String())
		}
		return out
	}
	for _, tt := range []struct {
		name   string
		server *issued
		o      TLSOptions
		says   string // of the error; empty for none
		hint   string
	}{
		{"nothing said, CA unknown", signed, TLSOptions{}, "unknown authority", "--tls-pin " + keyPin(signed.cert).String()},
		{"nothing said, self-signed", lone, TLSOptions{}, "certificate", "--tls-ca FILE"},
		{"CA", signed, TLSOptions{CAFile: ca.file(t)}, "", ""},
		{"another CA", signed, TLSOptions{CAFile: otherCA.file(t)}, "unknown authority", "--tls-ca FILE"},
		{"CA, other name", elsewhere, TLSOptions{CAFile: ca.file(t)}, "not mail.example", `the certificate is for "other.example"`},
		{"CA, expired", oldSigned, TLSOptions{CAFile: ca.file(t)}, "expired", "this machine's clock"},
		{"self-signed as its own CA", lone, TLSOptions{CAFile: lone.file(t)}, "", ""},
		{"pin of the certificate", lone, TLSOptions{Pins: pins(certificatePin(lone.cert))}, "", ""},
		{"pin of the key", lone, TLSOptions{Pins: pins(keyPin(lone.cert))}, "", ""},
		{"pin, expired", old, TLSOptions{Pins: pins(keyPin(old.cert))}, "", ""},
		{"pin, other name", elsewhere, TLSOptions{Pins: pins(keyPin(elsewhere.cert))}, "", ""},
		{"one of two pins", lone, TLSOptions{Pins: pins(keyPin(ca.cert), keyPin(lone.cert))}, "", ""},
		{"pin of its CA", signed, TLSOptions{Pins: pins(keyPin(ca.cert))}, "", ""},
		{"pin of its CA, other name", elsewhere, TLSOptions{Pins: pins(keyPin(ca.cert))}, "none of those pinned", keyPin(elsewhere.cert).String()},
		{"pin of a CA that never signed it", impostor, TLSOptions{Pins: pins(certificatePin(ca.cert))}, "none of those pinned", ""},
		{"pin of another", lone, TLSOptions{Pins: pins(keyPin(signed.cert))}, keyPin(lone.cert).String(), "--tls-pin " + keyPin(lone.cert).String()},
		{"a pin takes the place of the CA", signed, TLSOptions{CAFile: ca.file(t), Pins: pins(keyPin(lone.cert))}, "none of those pinned", "renewed"},
		{"insecure", elsewhere, TLSOptions{Insecure: true}, "", ""},
		{"insecure still looks at pins", lone, TLSOptions{Insecure: true, Pins: pins(keyPin(signed.cert))}, "none of those pinned", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := tt.o.Config("mail.example")
			if err != nil {
				t.Fatal(err)
			}
			c, err := Dial(context.Background(), Endpoint{Address: serveTLS(t, tt.server), Host: "mail.example", TLS: cfg})
			if err == nil {
				defer c.Close()
			}
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			hint := TLSHint(err)
			if !strings.Contains(hint, tt.hint) || err != nil && hint == "" {
				t.Errorf("hint %q, want %q", hint, tt.hint)
			}
			if err == nil {
				mustLine(t, c, "hello")
				if !c.Protected() || c.TLS() == nil || c.TLS().Version < tls.VersionTLS12 {
					t.Error("not protected")
				}
			}
		})
	}
}

func TestPinErrorIsTyped(t *testing.T) {
	lone := issue(t, nil, nil)
	cfg, err := TLSOptions{Pins: []string{"sha256:" + strings.Repeat("0", 64)}}.Config("mail.example")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Dial(context.Background(), Endpoint{Address: serveTLS(t, lone), TLS: cfg})
	var e *PinError
	if !errors.As(err, &e) || e.Host != "mail.example" || e.Key != keyPin(lone.cert).String() || e.Certificate != certificatePin(lone.cert).String() {
		t.Errorf("%v", err)
	}
}

func TestParsePin(t *testing.T) {
	want := keyPin(issue(t, nil, nil).cert)
	h := hex.EncodeToString(want[:])
	var colons []string
	for i := 0; i < len(h); i += 2 {
		colons = append(colons, strings.ToUpper(h[i:i+2]))
	}
	for _, text := range []string{
		want.String(), "SHA256:" + strings.ToUpper(h), "sha256:" + strings.Join(colons, ":"),
		"sha256:" + base64.StdEncoding.EncodeToString(want[:]), "sha256:" + base64.RawURLEncoding.EncodeToString(want[:]),
		"sha256://" + base64.StdEncoding.EncodeToString(want[:]), // curl's form, with one more colon
	} {
		if got, err := parsePin(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", h, "sha1:" + h, "sha256:", "sha256:" + h[2:], "sha256:" + h + "00", "sha256:" + strings.Repeat("é", 22)} {
		if _, err := parsePin(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestTLSOptionsErrors(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		o    TLSOptions
		says string
	}{
		{TLSOptions{CAFile: empty}, "read CA file " + empty + ": no certificate in it"},
		{TLSOptions{CAFile: empty + "x"}, "read CA file " + empty + "x: "},
		{TLSOptions{Pins: []string{"abc"}}, `pin "abc": it must begin with "sha256:"`},
		{TLSOptions{Pins: []string{"sha256:abc"}}, `pin "sha256:abc": a SHA-256 is 64`},
	} {
		if _, err := tt.o.Config("h"); err == nil || !strings.HasPrefix(err.Error(), tt.says) {
			t.Errorf("%+v: %v", tt.o, err)
		}
	}
}

func TestTLSHintOfOtherErrors(t *testing.T) {
	if h := TLSHint(nil); h != "" {
		t.Error(h)
	}
	if h := TLSHint(errors.New("x509: unknown authority")); h != "" { // by type, never by text
		t.Error(h)
	}
	clear := serve(t, func(c net.Conn) { c.Write([]byte("+OK this is no TLS at all\r\n")); idle(c) })
	_, err := Dial(context.Background(), Endpoint{Address: clear})
	if h := TLSHint(err); !strings.Contains(h, "does not speak TLS on this port") {
		t.Errorf("%v: %q", err, h)
	}
}
