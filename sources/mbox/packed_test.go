package mbox

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/migrate"
)

func gz(data []byte) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.String()
}

func zipped(t testing.TB, members ...[2]string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m[0])
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(m[1]))
	}
	z.Close()
	return b.String()
}

func tarred(t testing.TB, members ...[2]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m[0], Size: int64(len(m[1])), Typeflag: tar.TypeReg, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(m[1]))
	}
	w.Close()
	return b.Bytes()
}

func folders(entries []migrate.Entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Folder.String())
	}
	return strings.Join(out, " ")
}

func TestPacked(t *testing.T) {
	members := [][2]string{{"Mail/inbox", first}, {"Mail/readme", "words"}, {"../../up", second}, {`C:\a\..\b`, third}, {"Mail/empty", ""}}
	big := first + strings.Replace(second, "the second", strings.Repeat("the second line\n", 1<<16), 1)
	for _, c := range []struct{ name, data, want string }{
		{"old.mbox.gz", gz([]byte(first + second)), "old old"},
		{"big.gz", gz([]byte(big)), "big big"},
		{"tree.zip", zipped(t, members...), "Mail/inbox up C:/a/b"},
		{"tree.tar", string(tarred(t, members...)), "Mail/inbox up C:/a/b"},
		{"tree.tgz", gz(tarred(t, members...)), "Mail/inbox up C:/a/b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.name)
			write(t, path, c.data)
			cache := t.TempDir()
			s := openStore(t, Options{Path: path, CacheDir: cache})
			for range 2 {
				got := mustList(t, s)
				if folders(got) != c.want || read(t, s, got[0]) != body(first) {
					t.Errorf("%s: %+v", folders(got), got)
				}
				for _, e := range got {
					if text := read(t, s, e); int64(len(text)) != e.Size && !strings.Contains(text, "\nFrom here") {
						t.Errorf("%d octets of %d", len(text), e.Size)
					}
				}
			}
			// In a tree, the archive is a folder.
			inTree := openStore(t, Options{Path: dir})
			got := mustList(t, inTree)
			if base := strings.SplitN(c.name, ".", 2)[0]; len(got) != strings.Count(c.want, " ")+1 || got[0].Folder[0] != base {
				t.Errorf("%s", folders(got))
			}
			read(t, inTree, got[len(got)-1])
			// Another process.
			s = openStore(t, Options{Path: path, CacheDir: cache})
			read(t, s, mustList(t, s)[1])
			write(t, path, strings.Repeat("x", len(c.data)))
			if !strings.HasPrefix(c.name, "tree.t") { // which is unpacked as a whole when it is listed
				s = openStore(t, Options{Path: path, CacheDir: cache})
				if _, failed := listed(t, s); len(failed) == 0 {
					t.Error("no error for a damaged file")
				}
			}
			left, _ := filepath.Glob(cache + "/poplift-unpacked*")
			if len(left) > 0 && os.PathSeparator == '/' {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestPackedTrouble(t *testing.T) {
	noise := make([]byte, 100<<10) // that can't be compressed
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = 'a' + byte(x>>24)%26
	}
	whole := gz([]byte(first + second[:len(second)-1] + string(noise)))
	for name, data := range map[string]string{"cut.gz": whole[:len(whole)/2], "bomb.gz": gz([]byte(first + strings.Repeat("\n", 1<<20))), "words.gz": gz([]byte("words")), "x.xz": "\xfd7zXZ\x00\x00"} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, data)
		s := openStore(t, Options{Path: path, MaxSpool: 1 << 19})
		if got, failed := listed(t, s); len(got) > 0 || len(failed) != 1 {
			t.Errorf("%s: %+v, %v", name, got, failed)
		}
	}
}
