package strip

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"poplift/migrate"
)

// blob is what a file holds in these tests: n octets that base64, quoted-printable and 8 bit all write differently.
func blob(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i/251)
	}
	return b
}

// lines is a text of n octets or a few more.
func lines(n int) string {
	return strings.Repeat("The quick brown fox jumps over the lazy dog, and is not tired yet.\r\n", n/68+1)
}

// b64 is blob(n) as it stands in a message, without the last line end.
func b64(n int) string {
	var b strings.Builder
	for s := base64.StdEncoding.EncodeToString(blob(n)); s != ""; {
		m := min(76, len(s))
		b.WriteString(s[:m] + "\r\n")
		s = s[m:]
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}

func removed(name, kind string, content []byte) Removed {
	return Removed{Name: name, Type: kind, Octets: int64(len(content)), Digest: sha256.Sum256(content)}
}

// crlfs turns the line ends of a test's text into those of a message.
func crlfs(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// spoolOf holds a message until the test ends.
func spoolOf(t *testing.T, message string) *migrate.Spool {
	t.Helper()
	s := migrate.NewPool(1<<20, t.TempDir()).NewSpool(context.Background())
	t.Cleanup(func() { s.Release() })
	if _, err := io.WriteString(s, message); err != nil {
		t.Fatal(err)
	}
	if s.Len() != int64(len(message)) {
		t.Fatal("the message of this test has bare LFs")
	}
	s.Seal()
	return s
}

// canonical is a message as a Spool gives it out.
func canonical(t *testing.T, raw []byte) string {
	t.Helper()
	s := migrate.NewPool(0, "").NewSpool(t.Context())
	defer s.Release()
	var b strings.Builder
	if _, err := s.Write(raw); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// stripped runs Strip. ok is false for a message that was left alone.
func stripped(t *testing.T, o Options, message string) (out string, list []Removed, ok bool) {
	t.Helper()
	s, list, err := o.Strip(t.Context(), migrate.NewPool(0, t.TempDir()), spoolOf(t, message))
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		if list != nil {
			t.Errorf("no message, but %v", list)
		}
		return "", nil, false
	}
	defer s.Release()
	s.Seal()
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if s.Len() != int64(b.Len()) || len(list) == 0 {
		t.Errorf("length %d of %d octets, removed %v", s.Len(), b.Len(), list)
	}
	return b.String(), list, true
}

// inPieces writes a message in pieces of n octets.
type inPieces struct {
	s string
	n int
}

func (p inPieces) WriteTo(w io.Writer) (int64, error) {
	for at := 0; at < len(p.s); at += p.n {
		if _, err := io.WriteString(w, p.s[at:min(at+p.n, len(p.s))]); err != nil {
			return int64(at), err
		}
	}
	return int64(len(p.s)), nil
}
