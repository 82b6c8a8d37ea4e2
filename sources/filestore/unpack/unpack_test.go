package unpack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func tarred(t *testing.T, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, n := range names {
		if err := w.WriteHeader(&tar.Header{Name: n, Size: int64(len(n)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, n)
	}
	if err := w.WriteHeader(&tar.Header{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return out.Bytes()
}

func zipped(t *testing.T, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, n := range names {
		w, err := z.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, n)
	}
	z.Close()
	return out.Bytes()
}

func TestArchiveAndWalk(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a/1", "../../etc/2", "..", "3"}
	for _, c := range []struct {
		name string
		data []byte
		want Kind
	}{
		{"tar", tarred(t, names...), Tar}, {"tgz", gzipped(tarred(t, names...)), Gzip}, {"zip", zipped(t, names...), Zip}, {"gz", gzipped([]byte("From joe")), None},
		{"text", []byte("From joe"), None}, {"empty", nil, None}, {"xz", []byte("\xfd7zXZ\x00 and more"), None}, {"broken gz", []byte("\x1f\x8b\x08"), None},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		k := Archive(path)
		if k != c.want {
			t.Errorf("%s: %v, want %v", c.name, k, c.want)
		}
		if k == None {
			continue
		}
		var got []string
		err := Walk(path, k, func(name string, r io.Reader) bool {
			b, err := io.ReadAll(r)
			if err != nil || string(b) != name {
				t.Errorf("%s: %q, %v", name, b, err)
			}
			got = append(got, name)
			return len(got) < 3
		})
		if err != nil || strings.Join(got, " ") != "a/1 ../../etc/2 .." {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if Archive(dir) != None || Archive(filepath.Join(dir, "gone")) != None {
		t.Error("a directory is an archive")
	}
}

func TestWalkOfADamagedArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	whole := tarred(t, "one", "two")
	if err := os.WriteFile(path, whole[:1200], 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := Walk(path, Tar, func(string, io.Reader) bool { n++; return true }); err == nil || n != 1 {
		t.Errorf("%d files, %v", n, err)
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{"a/b": "a|b", "../../x": "x", `C:\a\..\b`: "C:|a|b", "/abs": "abs", "..": "", "a//./b": "a|b"} {
		if got := strings.Join(Names(in), "|"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	s := Spool{Dir: filepath.Join(dir, "cache"), Max: 10}
	first, err := s.Take(t.Context(), strings.NewReader("one"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Take(t.Context(), strings.NewReader("two"))
	if err != nil {
		t.Fatal(err)
	}
	for r, want := range map[*io.SectionReader]string{first: "one", second: "two"} {
		if b, err := io.ReadAll(r); err != nil || string(b) != want {
			t.Errorf("%q, %v", b, err)
		}
	}
	if _, err := s.Take(t.Context(), strings.NewReader("too much")); err == nil {
		t.Error("it has no bound")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped"))
	if _, err := s.Take(ctx, strings.NewReader("x")); err == nil || err.Error() != "stopped" {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "cache")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
