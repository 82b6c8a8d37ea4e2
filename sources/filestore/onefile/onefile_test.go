package onefile

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/sources/filestore"
)

const mail = "From: a@example.org\nSubject: s\n\nFrom here on: body\n"

func TestPreamble(t *testing.T) {
	for _, text := range []string{
		mail, "\xef\xbb\xbf" + mail, "From a@b Thu Jan  1 00:00:00 1970\n" + mail, "From - Thu Jan  1\r\n>From - Thu Jan  1\r\n" + mail,
		"\xef\xbb\xbfFrom x\n" + mail,
	} {
		if got := text[Preamble([]byte(text)):]; got != mail {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	for _, text := range []string{"From : a@b\n\n", "From", "From x", "", ">F", "Received: x\nFrom x\n"} {
		if n := Preamble([]byte(text)); n != 0 {
			t.Errorf("%d of %q", n, text)
		}
	}
}

func TestIsMail(t *testing.T) {
	for text, want := range map[string]bool{
		mail: true, "From x@y Thu Jan  1 00:00:00 1970\n" + mail: true, "Received: from x\r\n\tby y\r\nX: z\r\n": true, "\nSubject: x\n": true,
		"Date: x\rSubject: y\r\rbody": true, "": false, "body": false, "name: value\nother: value\n": false,
		"HTTP/1.1 200 OK\nDate: x\n\n": false, "key = a:b\nDate: x\n": false, "Subject: x\nno\nno\nno\n\n": false, "\x00\x01:\nDate: x\n": false,
		"---\ndate: x\n---\n": false,
	} {
		h, err := HeadOf(strings.NewReader(text))
		if err != nil || h.IsMail() != want {
			t.Errorf("%q: %v, %v", text, h.IsMail(), err)
		}
	}
}

func TestCopyIsExact(t *testing.T) {
	long := mail + strings.Repeat("x\x00\r", 100<<10)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(long))
	w.Close()
	path := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{long, "From x\n" + long, z.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var r Reader
		var b bytes.Buffer
		if err := r.Copy(context.Background(), path, int64(len(text)), &b); err != nil || b.String() != long {
			t.Errorf("%d octets, %v", b.Len(), err)
		}
		if err := r.Copy(context.Background(), path, 3, &b); !errors.Is(err, filestore.ErrChanged) {
			t.Error(err)
		}
	}
	var r Reader
	if err := r.Copy(context.Background(), filepath.Dir(path), 0, &bytes.Buffer{}); !errors.Is(err, ErrNotFile) {
		t.Error(err)
	}
	if err := r.Copy(context.Background(), path+"x", 0, &bytes.Buffer{}); !errors.Is(err, ErrGone) || !errors.Is(err, filestore.ErrChanged) {
		t.Error(err)
	}
}

func TestClassicMac(t *testing.T) {
	var r Reader
	var b bytes.Buffer
	text := "From x\rSubject: s\r\rbody\r"
	if err := r.CopyFrom(context.Background(), strings.NewReader(text), &b); err != nil || b.String() != "Subject: s\n\nbody\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func FuzzHead(f *testing.F) {
	f.Add([]byte(mail))
	f.Add([]byte("From x\n>From y\n" + mail))
	f.Add([]byte("\x1f\x8b\x08xxxx"))
	f.Add([]byte("BZh91AY&SY"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := HeadOf(bytes.NewReader(text))
		h.IsMail()
		if len(h.Sum()) != 8 || err == nil && bytes.IndexByte(text, '\n') >= 0 && text[0] == 'F' && len(text) < lookSize && !bytes.HasSuffix(text, h.Text) {
			t.Fatalf("%q of %q", h.Text, text)
		}
		var r Reader
		var b bytes.Buffer
		if r.CopyFrom(context.Background(), bytes.NewReader(text), &b) == nil && !bytes.HasPrefix(b.Bytes(), h.Text) {
			t.Fatalf("%q begins with %q", b.Bytes(), h.Text)
		}
	})
}
