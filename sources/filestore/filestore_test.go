package filestore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"testing"

	"poplift/migrate"
)

func TestHeaderFilterLeavesOutOnlyWhatClientsAdd(t *testing.T) {
	long := "X-" + strings.Repeat("long", 100) + ": 1\r\n"
	tests := []struct{ in, want string }{
		{"", ""},
		{"Subject: x\r\n\r\nStatus: body\r\n", "Subject: x\r\n\r\nStatus: body\r\n"},
		{"Status: RO\r\nSubject: x\r\n\r\nb", "Subject: x\r\n\r\nb"},
		{"A: 1\nX-Mozilla-Keys: a\n b\n\tc\nX-UIDL : 7\nB: 2\n cont\n\nbody", "A: 1\nB: 2\n cont\n\nbody"},
		{"x-mozilla-status2: 1\r\n\r\n", "\r\n"},
		{"no header at all", "no header at all"},
		{"no colon\r\nStatus: O\r\nA: b", "no colon\r\nA: b"},
		{" begins with a blank\r\nStatus: O\r\n\r\nx", " begins with a blank\r\n\r\nx"},
		{"Status: O\r\n still status", ""},
		{long + "Status: O\r\n\r\n", long + "\r\n"},
		{"Statusquo: kept\r\n\r\n", "Statusquo: kept\r\n\r\n"},
		{"A: \x00\r\n\r\n\x00", "A: \x00\r\n\r\n\x00"},
	}
	for _, tt := range tests {
		for n := 1; n <= len(tt.in)+1; n++ {
			if got := filtered(t, tt.in, n); got != tt.want {
				t.Errorf("%q in pieces of %d: %q, want %q", tt.in, n, got, tt.want)
			}
		}
	}
}

func filtered(t *testing.T, in string, n int) string {
	t.Helper()
	var out bytes.Buffer
	f := &headerFilter{to: &out}
	for b := []byte(in); len(b) > 0; {
		k := min(n, len(b))
		if m, err := f.Write(b[:k]); m != k || err != nil {
			t.Fatalf("Write = %d, %v", m, err)
		}
		b = b[k:]
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func FuzzHeaderFilter(f *testing.F) {
	f.Add("A: 1\nX-Mozilla-Keys: a\n b\nB: 2\n\nbody", 3)
	f.Fuzz(func(t *testing.T, in string, n int) {
		n = max(1, min(n, len(in)+1))
		out := filtered(t, in, n)
		if out != filtered(t, in, len(in)+1) {
			t.Fatal("the pieces matter")
		}
		if filtered(t, out, n) != out {
			t.Fatal("what was filtered is filtered again")
		}
	})
}

// shelf is a Store in memory.
type shelf []struct {
	id, raw string
	err     error
}

func (s shelf) List(context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		for i, b := range s {
			if !yield(migrate.Entry{ID: b.id, Seq: i, Stable: true, Size: int64(len(b.raw))}, b.err) {
				return
			}
		}
	}
}

func (s shelf) Read(_ context.Context, e migrate.Entry, w io.Writer) error {
	if s[e.Seq].id == "changed" {
		return ErrChanged
	}
	_, err := io.WriteString(w, s[e.Seq].raw)
	return err
}

func (s shelf) Close() error { return nil }

func TestSourceCostsOneMessageForOneDamage(t *testing.T) {
	books := shelf{
		{id: "a", raw: "Subject: a\nStatus: RO\n\nbody\n"},
		{id: "dir", err: Unreadable("list", "dir", os.ErrPermission)},
		{id: "changed", raw: "x"},
		{id: "b", raw: "Subject: b\n\n"},
	}
	for _, keep := range []bool{false, true} {
		src := New(books, Options{Pool: migrate.NewPool(1<<20, t.TempDir()), KeepClientHeaders: keep})
		var listed []migrate.Entry
		var failed []string
		for e, err := range src.Messages(t.Context()) {
			var classified *migrate.Error
			switch {
			case err == nil:
				listed = append(listed, e)
			case errors.As(err, &classified) && classified.Scope == migrate.ScopeMessage && errors.Is(err, os.ErrPermission):
				failed = append(failed, e.ID)
			default:
				t.Errorf("%s: %v", e.ID, err)
			}
		}
		var got []string
		for m, err := range src.Fetch(t.Context(), func(yield func(migrate.Entry) bool) {
			for _, e := range listed {
				if !yield(e) {
					return
				}
			}
		}) {
			if err != nil {
				failed = append(failed, m.ID)
				continue
			}
			var b bytes.Buffer
			m.Body.WriteTo(&b)
			m.Body.Release()
			got = append(got, b.String())
		}
		want := "Subject: a\r\n\r\nbody\r\n|Subject: b\r\n\r\n"
		if keep {
			want = "Subject: a\r\nStatus: RO\r\n\r\nbody\r\n|Subject: b\r\n\r\n"
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("keep %v: %q, want %q", keep, s, want)
		}
		if s := strings.Join(failed, " "); s != "dir changed" {
			t.Errorf("failed: %s", s)
		}
	}
}
