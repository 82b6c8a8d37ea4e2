package strip

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
)

// TestPieces: it doesn't matter in what pieces a message comes.
func TestPieces(t *testing.T) {
	t.Parallel()
	for _, c := range replaced {
		message := strings.NewReplacer("«", "", "»", "").Replace(crlfs(c.message))
		var want string
		for _, n := range []int{len(message), 1, 2, 7, 1000, maxLine, maxLine + 1} {
			var got bytes.Buffer
			leaves, err := scan(t.Context(), inPieces{message, n}, over)
			if err != nil {
				t.Fatal(err)
			}
			list, err := rewrite(t.Context(), &got, inPieces{message, n}, leaves)
			if err != nil || !slices.Equal(list, c.want) {
				t.Fatalf("%s in pieces of %d: %+v, %v", c.name, n, list, err)
			}
			if want == "" {
				want = got.String()
			} else if got.String() != want {
				t.Errorf("%s in pieces of %d: another message", c.name, n)
			}
		}
	}
}

// TestMemory: a message of 60 MB needs no more than one of 60 kB.
func TestMemory(t *testing.T) {
	pool := migrate.NewPool(1<<20, t.TempDir())
	body := pool.NewSpool(t.Context())
	defer body.Release()
	io.WriteString(body, crlfs("Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: video/mp4; name=film.mp4\nContent-Transfer-Encoding: base64\n\n"))
	digest, octets := sha256.New(), int64(0)
	block := blob(57 * 300)
	var encoded []byte
	for at := 0; at < len(block); at += 57 {
		encoded = append(base64.StdEncoding.AppendEncode(encoded, block[at:at+57]), "\r\n"...)
	}
	for body.Len() < 60<<20 {
		body.Write(encoded)
		digest.Write(block)
		octets += int64(len(block))
	}
	io.WriteString(body, crlfs("--b\n\nsmall\n--b--\n"))
	body.Seal()

	own := migrate.NewPool(0, t.TempDir())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, list, err := Options{Over: 1 << 20}.Strip(t.Context(), own, body)
	runtime.ReadMemStats(&after)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	defer out.Release()
	if want := (Removed{"film.mp4", "video/mp4", octets, migrate.Digest(digest.Sum(nil))}); list[0] != want {
		t.Errorf("removed %+v, want %+v", list[0], want)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d octets were allocated", n)
	}
	if out.Len() > 2000 {
		t.Errorf("there are %d octets left", out.Len())
	}
}

// TestFaults: what fails is told, and everything is given back.
func TestFaults(t *testing.T) {
	t.Parallel()
	large := crlfs("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b\n\n" + lines(200_000) + "\n--b--\n")
	ended, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	cancel(why)
	for _, c := range []struct {
		name string
		ctx  context.Context
		dir  string
		over int64
		want error
	}{
		{"the context has ended", ended, "", 5000, why},
		{"no place for the new message", context.Background(), filepath.Join(t.TempDir(), "gone"), 300_000, fs.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			message := large
			if c.over > 200_000 { // what is left needs a file
				message = strings.Replace(large, "--b--", "--b\r\n\r\n"+strings.Repeat(lines(9000), 40)+"\r\n--b--", 1)
			}
			pool := migrate.NewPool(0, c.dir)
			out, list, err := Options{Over: c.over}.Strip(c.ctx, pool, spoolOf(t, message))
			if !errors.Is(err, c.want) || out != nil || list != nil {
				t.Fatalf("%v, %v, %v", out, list, err)
			}
			all := 0
			for range pool.Budget() / (16 << 10) { // the whole of the budget can be had again
				s := pool.NewSpool(t.Context())
				defer s.Release()
				n, err := s.Write(make([]byte, 16<<10))
				if err != nil {
					t.Fatal(err)
				}
				all += n
			}
			if int64(all) != pool.Budget() {
				t.Errorf("%d octets of %d", all, pool.Budget())
			}
		})
	}
}

// TestBothReadingsEndWithTheContext: each of them can take long.
func TestBothReadingsEndWithTheContext(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	m := inPieces{crlfs("Subject: x\n\n" + lines(9000)), 1000}
	leaves, err := scan(t.Context(), m, over)
	if err != nil || len(leaves) != 1 {
		t.Fatal(leaves, err)
	}
	if _, err := scan(ended, m, over); !errors.Is(err, why) {
		t.Error("the first:", err)
	}
	if _, err := rewrite(ended, io.Discard, m, leaves); !errors.Is(err, why) {
		t.Error("the second:", err)
	}
}

// ending fails at its second reading, or ends early.
type ending struct {
	message string
	err     error
	read    int
}

func (e *ending) WriteTo(w io.Writer) (int64, error) {
	if e.read++; e.read == 1 {
		n, err := io.WriteString(w, e.message)
		return int64(n), err
	}
	n, _ := io.WriteString(w, e.message[:len(e.message)/2])
	return int64(n), e.err
}

func TestTheSecondReadingFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for _, fault := range []error{broken, nil} {
		m := &ending{message: crlfs("Subject: x\n\n" + lines(9000)), err: fault}
		leaves, err := scan(t.Context(), m, over)
		if err != nil || len(leaves) != 1 {
			t.Fatal(leaves, err)
		}
		list, err := rewrite(t.Context(), io.Discard, m, leaves)
		if err == nil || fault != nil && !errors.Is(err, fault) || list != nil || m.read != 2 {
			t.Errorf("%v, %v", list, err)
		}
	}
}

// BenchmarkStrip measures both passes over a message of 10 MB.
func BenchmarkStrip(b *testing.B) {
	pool, own := migrate.NewPool(64<<20, b.TempDir()), migrate.NewPool(0, b.TempDir())
	s := pool.NewSpool(b.Context())
	defer s.Release()
	io.WriteString(s, crlfs("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n"+b64(7<<20)+"\n--b--\n"))
	s.Seal()
	b.SetBytes(s.Len())
	for b.Loop() {
		out, _, err := Options{Over: over}.Strip(b.Context(), own, s)
		if err != nil {
			b.Fatal(err)
		}
		out.Release()
	}
}
