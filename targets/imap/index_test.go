package imap

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

func index(t testing.TB, x *Target, mb migrate.Mailbox, from uint32) (got []migrate.Indexed, next uint32, err error) {
	t.Helper()
	for i, e := range x.Index(t.Context(), mb, from, &next) {
		if e != nil {
			return got, next, e
		}
		got = append(got, i)
	}
	return got, next, nil
}

func TestIndex(t *testing.T) {
	s := serve(t, nil)
	var raws []string
	for i := range 300 {
		raws = append(raws, fmt.Sprintf("Date: Mon, 1 Jan 2024 00:00:%02d +0000\r\nSubject: a\r\n folded\r\nX: {5}\r\n", i%60)+mail(i, 500))
		if i == 100 {
			s.Account(imaptest.User).SetUIDNext("INBOX", 5000)
		}
		s.Deliver("INBOX", []byte(raws[i]))
	}
	s.Deliver("INBOX", []byte("no header at all"))
	s.Account(imaptest.User).SetUIDNext("INBOX", 9000)
	x := open(t, config(s))
	mb := folder(t, x)
	got, next, err := index(t, x, mb, 1)
	if err != nil || len(got) != 301 || next != 9000 {
		t.Fatalf("%d, next %d, %v", len(got), next, err)
	}
	for i, raw := range raws {
		if m := message(t, raw); got[i].Envelope != m.Identity.Envelope || got[i].Size != int64(len(raw)) {
			t.Fatalf("%d: %+v", i, got[i])
		}
	}
	for _, c := range []struct {
		from uint32
		want int
	}{{2, 300}, {101, 200 + 1 - 1}, {5000, 201 - 1}, {5199, 2 - 1}, {5200, 1}, {5201, 0}, {9000, 0}, {1<<32 - 1, 0}} {
		got, next, err := index(t, x, mb, c.from)
		n := 0
		for _, m := range s.Messages("INBOX") {
			if m.UID >= c.from {
				n++
			}
		}
		if err != nil || len(got) != n || next != max(9000, c.from) {
			t.Errorf("from %d: %d of %d, next %d, %v", c.from, len(got), n, next, err)
		}
	}
	empty := folder(t, x, "Empty")
	if got, next, err := index(t, x, empty, 1); len(got) != 0 || next != 1 || err != nil {
		t.Errorf("%d %d %v", len(got), next, err)
	}
	var b bytes.Buffer
	if err := x.Read(t.Context(), mb, 5050, &b); err != nil || b.String() != string(s.Messages("INBOX")[151].Raw) && b.String() != string(s.Messages("INBOX")[150].Raw) {
		t.Error(err)
	}
	if err := x.Read(t.Context(), mb, 4000, &b); class(t, err).Scope != migrate.ScopeMessage {
		t.Error(err)
	}
	if mb := folder(t, x); mb.Messages != 301 { // the library works on the same connection afterwards
		t.Error(mb)
	}
}

func TestReadLarge(t *testing.T) {
	s := serve(t, nil)
	raw := []byte(mail(1, 5_000_000))
	uid := s.Deliver("INBOX", raw)
	one := s.Deliver("INBOX", []byte("x"))
	x := open(t, config(s))
	mb := folder(t, x)
	var b bytes.Buffer
	if err := x.Read(t.Context(), mb, uid, &b); err != nil || !bytes.Equal(b.Bytes(), raw) {
		t.Fatal(err, b.Len())
	}
	s.Change(func(w *imaptest.Switches) {
		w.Fetch = func([]byte) []byte { return []byte("* 2 FETCH (BODY[] \"x\" UID 2)\r\n") }
	})
	b.Reset()
	if err := x.Read(t.Context(), mb, one, &b); err != nil || b.String() != "x" {
		t.Fatalf("%v %q", err, b.String())
	}
	if err := x.Read(t.Context(), mb, one, failing{}); !errors.Is(err, errFull) && err != nil {
		t.Fatal(err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

// What servers do to FETCH answers, and what must come out all the same.
func TestOddFetchAnswers(t *testing.T) {
	cases := map[string]func(n int, answer string) string{
		"uid last": func(_ int, a string) string {
			i := strings.Index(a, "UID ")
			j := i + strings.IndexByte(a[i:], ' ') + 1
			k := j + strings.IndexByte(a[j:], ' ')
			uid := a[j:k]
			return strings.TrimSuffix(a[:i]+a[k+1:], ")\r\n") + " UID " + uid + ")\r\n"
		},
		"flags first": func(_ int, a string) string { return "* 3 FETCH (UID 3 FLAGS (\\Seen))\r\n" + a },
		"no uid":      func(_ int, a string) string { return "* 3 FETCH (FLAGS (\\Seen X-GM-LABELS))\r\n" + a },
		"twice":       func(_ int, a string) string { return a + a },
		"extra items": func(_ int, a string) string {
			return strings.Replace(a, "(UID", "(X-GM-LABELS (\"\\\\Inbox\" {1}\r\n)) MODSEQ (1) UID", 1)
		},
		"small letters": func(_ int, a string) string {
			return strings.Replace(strings.Replace(a, "FETCH", "fetch", 1), "BODY[HEADER.FIELDS", "body[header.fields", 1)
		},
		"a hole at first": func(n int, a string) string {
			if n == 5 {
				return ""
			}
			return a
		},
		"only size at first": func(n int, a string) string {
			if n == 7 {
				return a[:strings.Index(a, " BODY")] + ")\r\n"
			}
			return a
		},
		"the first one late": func(n int, a string) string {
			if n == 1 {
				return ""
			}
			return a
		},
		"unknown responses": func(_ int, a string) string { return "* VANISHED 1:5\r\n* XLIST () x\r\n* OK [FOO] {3}\r\n" + a },
	}
	for name, odd := range cases {
		t.Run(name, func(t *testing.T) {
			n := 0
			s := serve(t, func(w *imaptest.Switches) {
				w.Fetch = func(a []byte) []byte { n++; return []byte(odd(n, string(a))) }
			})
			for i := range 20 {
				s.Deliver("INBOX", []byte(mail(i, 100)))
			}
			x := open(t, config(s))
			got, next, err := index(t, x, folder(t, x), 1)
			if err != nil || next != 21 {
				t.Fatalf("next %d, %v", next, err)
			}
			seen := map[uint32]bool{}
			for _, m := range got {
				if want := message(t, mail(int(m.UID)-1, 100)); seen[m.UID] || m.Envelope != want.Identity.Envelope || m.Size != want.Body.Len() {
					t.Errorf("%+v", m)
				}
				seen[m.UID] = true
			}
			if len(seen) != 20 {
				t.Errorf("%d of 20", len(seen))
			}
		})
	}
}

func TestIndexOfAMailboxMadeAnew(t *testing.T) {
	s := serve(t, nil)
	s.Deliver("INBOX", []byte(mail(1, 100)))
	x := open(t, config(s))
	mb := folder(t, x)
	s.Account(imaptest.User).SetUIDValidity("INBOX", 77, 1)
	_, _, err := index(t, x, mb, 1)
	if err == nil || class(t, err).Scope != migrate.ScopeSession || !strings.Contains(err.Error(), "UIDVALIDITY") {
		t.Error(err)
	}
}

func TestIndexStoppedEarly(t *testing.T) {
	s := serve(t, nil)
	for i := range 20 {
		s.Deliver("INBOX", []byte(mail(i, 100)))
	}
	x := open(t, config(s))
	mb := folder(t, x)
	var next uint32
	for range x.Index(t.Context(), mb, 1, &next) {
		break
	}
	if _, err := x.OpenNamed(t.Context(), inbox, ""); err == nil {
		t.Error("the connection should be cut")
	}
}

func TestLargeHeaderFields(t *testing.T) {
	s := serve(t, nil)
	raw := "To: " + strings.Repeat("somebody@example.com,\r\n ", 100_000) + "x@y\r\n" + mail(1, 100)
	s.Deliver("INBOX", []byte(raw))
	s.Deliver("INBOX", []byte(mail(2, 100)))
	x := open(t, config(s))
	got, _, err := index(t, x, folder(t, x), 1)
	if err != nil || len(got) != 2 || got[0].Size != int64(len(raw)) {
		t.Fatal(len(got), err)
	}
}

func TestRoomOf(t *testing.T) {
	for in, want := range map[string]int64{
		`"" (STORAGE 10 512)`: 502 << 10, `"" (STORAGE 10 -1)`: -1, `"" ()`: -1, "": -1, `x (MESSAGE 1 2 STORAGE 1 1)`: 0, `x (storage 5 3)`: 0,
		"a (STORAGE 0 100)\nb (STORAGE 0 7)\n": 7 << 10, `"" (STORAGE)`: -1, `"" (STORAGE 1 99999999999999999999)`: -1, `{1}`: -1, `"" (((`: -1,
	} {
		if got, ok := roomOf([]byte(in)); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d %v", in, got, ok)
		}
	}
}

func TestOddQuotaKillsNothing(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.Caps, w.QuotaLine = append(imaptest.DefaultCaps, "QUOTA"), `* QUOTA "" (STORAGE 10 -1)`
	})
	x := open(t, config(s))
	if _, ok, err := x.Room(t.Context()); ok || err != nil {
		t.Error(ok, err)
	}
	folder(t, x)
}
