package mailnet

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// issued is a certificate with its key and those who signed it.
type issued struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	chain [][]byte // its own octets first
}

// issue makes a certificate; by is nil for one that signs itself.
func issue(t testing.TB, by *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"mail.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	out := &issued{cert, key, [][]byte{der}}
	if by != nil {
		out.chain = append(out.chain, by.chain...)
	}
	return out
}

func authority(c *x509.Certificate) { c.IsCA, c.DNSNames, c.Subject.CommonName = true, nil, "test CA" }

func (i *issued) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: i.chain, PrivateKey: i.key}}}
}

func (i *issued) file(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve listens on this machine and plays script with each connection, until the test ends.
func serve(t testing.TB, script func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				script(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// serveTLS greets over TLS and then repeats what it is sent.
func serveTLS(t testing.TB, i *issued) string {
	return serve(t, func(c net.Conn) {
		tc := tls.Server(c, i.config())
		if tc.Handshake() != nil {
			return
		}
		echo(tc)
	})
}

func echo(c net.Conn) {
	c.Write([]byte("hello\r\n"))
	for in := bufio.NewScanner(c); in.Scan(); {
		c.Write(append(in.Bytes(), "\r\n"...))
	}
}

// idle takes everything and says nothing.
func idle(c net.Conn) { io.Copy(io.Discard, c) }

func mustDial(t testing.TB, ep Endpoint) *Conn {
	t.Helper()
	c, err := Dial(context.Background(), ep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func mustLine(t testing.TB, c *Conn, want string) {
	t.Helper()
	line, _, err := c.ReadLine(100)
	if err != nil || string(line) != want {
		t.Fatalf("got %q, %v, want %q", line, err, want)
	}
}

// soon runs f and fails when it takes long: what is cut must end at once.
func soon(t testing.TB, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("hangs")
		return errors.New("hangs")
	}
}
