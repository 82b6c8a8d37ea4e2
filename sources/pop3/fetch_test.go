package pop3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
)

func TestFetchIsExact(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 200_000)
	msgs := []pop3test.Msg{
		{Raw: []byte("")},
		{Raw: []byte("\r\n")},
		{Raw: []byte("no header, no line end")},
		{Raw: []byte(".\r\n..\r\n...\r\nA: b\r\n\r\n.\r\n.")},
		{Raw: []byte("Subject: NUL\r\n\r\na\x00b\r\n\x00\r\n")},
		{Raw: []byte("Subject: lone CR\r\n\r\na\rb\r\r\r\n\r\n")},
		{Raw: []byte("Subject: 8 bit \xff\xfe\r\n\r\n\x80\r\n")},
		{Raw: append(append([]byte("Subject: long line\r\n\r\n"), long...), "\r\n"...)},
		{Raw: append([]byte("X-Big: "), append(bytes.Repeat([]byte("h\r\n "), 250_000), "\r\n\r\nbody\r\n"...)...)},
		{Raw: bytes.Repeat([]byte("0123456789abcdef\r\n"), 2<<20/18)},
	}
	want := func(raw []byte) string {
		if len(raw) > 0 && !bytes.HasSuffix(raw, []byte("\r\n")) {
			return string(raw) + "\r\n" // POP3 can't say otherwise
		}
		return string(raw)
	}
	for _, quirk := range []pop3test.Quirk{{}, {NoPipelining: true}, {SizesLie: true}} {
		msgs := msgs
		if quirk.SizesLie {
			msgs = msgs[1:] // an empty message that was announced as a full one is one that lost its beginning
		}
		s := newServer(t, func(s *pop3test.Server) { s.Quirk = quirk }, msgs...)
		for i, body := range fetchAll(t, mustOpen(t, config(s))) {
			if body != want(msgs[i].Raw) {
				t.Errorf("%+v message %d: %d octets, want %d", quirk, i+1, len(body), len(want(msgs[i].Raw)))
			}
		}
	}
}

// TestIdentity: the same octets under two unique ids have one identity and two IDs.
func TestIdentity(t *testing.T) {
	raw := letters(1)[0].Raw
	s := newServer(t, nil, pop3test.Msg{Raw: raw}, pop3test.Msg{Raw: raw})
	src := mustOpen(t, config(s))
	got := fetch(t, src, list(t, src))
	sp := migrate.NewPool(1<<20, "").NewSpool(t.Context())
	sp.Write(raw)
	id, _ := sp.Seal()
	sp.Release()
	if got[0].msg.Identity != id || got[1].msg.Identity != id || got[0].entry.ID == got[1].entry.ID {
		t.Errorf("%+v", got)
	}
}

func TestWindows(t *testing.T) {
	msgs := letters(1500)
	for _, c := range []struct {
		window int64
		quirk  pop3test.Quirk
	}{{0, pop3test.Quirk{}}, {1, pop3test.Quirk{}}, {2000, pop3test.Quirk{}}, {0, pop3test.Quirk{NoPipelining: true}}} {
		s := newServer(t, func(s *pop3test.Server) { s.Quirk = c.quirk }, msgs...)
		cfg := config(s)
		cfg.Window = c.window
		src := mustOpen(t, cfg)
		if got := fetchAll(t, src); !slices.Equal(got, bodies(msgs)) {
			t.Errorf("window %d: %d messages, or other ones", c.window, len(got))
		}
		if s.Fired("NoPipelining") > 0 {
			t.Error("commands were sent ahead to a server that can't have it")
		}
		if got := fetch(t, src, nil); len(got) != 0 {
			t.Errorf("fetched %v of nothing", got)
		}
	}
}

// TestReadsAheadWithinWindow counts what is asked for before the first message is taken.
func TestReadsAheadWithinWindow(t *testing.T) {
	raw := bytes.Repeat([]byte("0123456789abcde\n"), 64) // 1088 octets on the wire
	var msgs []pop3test.Msg
	for range 40 {
		msgs = append(msgs, pop3test.Msg{Raw: raw})
	}
	s := newServer(t, nil, msgs...)
	cfg := config(s)
	cfg.Window = 8 * 1088
	src := mustOpen(t, cfg)
	pulled := 0
	entries := list(t, src)
	for range src.Fetch(t.Context(), func(yield func(migrate.Entry) bool) {
		for _, e := range entries {
			if pulled++; !yield(e) {
				return
			}
		}
	}) {
		break
	}
	// Eight fill the window, the ninth has to wait, and the second answer vouches for the first message.
	if pulled != 9 {
		t.Errorf("%d entries were pulled", pulled)
	}
}

// TestFetchErrors puts one odd answer in place of that to "RETR 2" of three.
func TestFetchErrors(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		scope        migrate.Scope
		text         string
		seq          int // the message that the error names: what isn't even an answer casts doubt on the end of the one before
	}{
		{"refused", "-ERR no such message\r\n", migrate.ScopeMessage, "refused", 2},
		{"refused for now", "-ERR [SYS/TEMP] disk\r\n", migrate.ScopeSession, "disk", 2},
		{"in use", "-ERR [IN-USE] other\r\n", migrate.ScopeSession, "other", 2},
		{"empty", "\r\n", migrate.ScopeSession, "neither", 1},
		{"junk", "* OK imap\r\n", migrate.ScopeSession, "neither", 1},
		{"a dot that was not stuffed", "+OK\r\nSubject: x\r\n\r\n.\r\nthe rest\r\n.\r\n", migrate.ScopeSession, "early", 2},
		{"… before a line like a status", "+OK\r\nSubject: x\r\n\r\n.\r\n+1 555 0100\r\n.\r\n", migrate.ScopeSession, "early", 2},
		{"… before a signature", "+OK\r\nSubject: x\r\n\r\n.\r\n-- \r\nme\r\n.\r\n", migrate.ScopeSession, "early", 2},
		{"status line without end", "+OK " + strings.Repeat("x", 100_000) + "\r\n", migrate.ScopeSession, "neither", 1},
	} {
		for _, quirk := range []pop3test.Quirk{{}, {NoPipelining: true}} {
			t.Run(fmt.Sprint(c.name, quirk.NoPipelining), func(t *testing.T) {
				s := newServer(t, func(s *pop3test.Server) {
					s.Quirk = quirk
					s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
						if cmd == "RETR 2" {
							return pop3test.Answer(c.answer)
						}
						return pop3test.Pass()
					}
				}, letters(3)...)
				src := mustOpen(t, config(s))
				all := fetch(t, src, list(t, src))
				var faulty []got
				for _, g := range all {
					if g.err == nil && g.body != bodies(letters(3))[g.entry.Seq-1] {
						t.Errorf("message %d is not what it was: %q", g.entry.Seq, g.body)
					}
					if g.err != nil {
						faulty = append(faulty, g)
					}
				}
				if len(faulty) != 1 || faulty[0].entry.Seq != c.seq || !strings.Contains(faulty[0].err.Error(), c.text) {
					t.Fatalf("%+v", all)
				}
				if e := classified(t, faulty[0].err); e.Scope != c.scope || e.Final {
					t.Errorf("%+v", e)
				}
				goesOn := c.scope == migrate.ScopeMessage
				if want := map[bool]int{true: 3, false: c.seq}[goesOn]; len(all) != want {
					t.Errorf("%d of %d results: %+v", len(all), want, all)
				}
				src.Close()
				if polite := count(s.Log(), "QUIT") > 0; polite != goesOn {
					t.Errorf("polite end: %v", polite)
				}
			})
		}
	}
}

// TestLastMessageEndsEarly has nothing behind it but the NOOP.
func TestLastMessageEndsEarly(t *testing.T) {
	for _, quirk := range []pop3test.Quirk{{NoStuffing: true}, {NoStuffing: true, NoPipelining: true}} {
		s := newServer(t, func(s *pop3test.Server) { s.Quirk = quirk }, pop3test.Msg{Raw: []byte("Subject: x\r\n\r\n.\r\nthe rest\r\n")})
		src := mustOpen(t, config(s))
		got := fetch(t, src, list(t, src))
		if len(got) != 1 || got[0].err == nil || got[0].entry.Seq != 1 || classified(t, got[0].err).Scope != migrate.ScopeSession {
			t.Errorf("%+v", got)
		}
	}
}

func TestMaxMessage(t *testing.T) {
	s := newServer(t, nil, letters(1)[0], pop3test.Msg{Raw: bytes.Repeat([]byte("endless\r\n"), 1000)})
	cfg := config(s)
	cfg.MaxMessage = 5000
	src := mustOpen(t, cfg)
	got := fetch(t, src, list(t, src))
	if len(got) != 2 || !errors.Is(got[1].err, errTooLong) || got[1].entry.Seq != 2 {
		t.Fatalf("%+v", got)
	}
	if e := classified(t, got[1].err); e.Scope != migrate.ScopeSession || e.Final {
		t.Errorf("%+v", e)
	}
}

// TestSmallPool is the promise that a mailbox's size costs nothing but its listing: all spools are given back, with a pool of 256 KiB.
func TestSmallPool(t *testing.T) {
	msgs := letters(300)
	for i := range msgs {
		msgs[i].Raw = append(msgs[i].Raw, bytes.Repeat([]byte("0123456789abcde\r\n"), 1000*(i%9))...)
	}
	s := newServer(t, nil, msgs...)
	cfg := config(s)
	cfg.Pool = migrate.NewPool(256<<10, t.TempDir())
	if got := fetchAll(t, mustOpen(t, cfg)); !slices.Equal(got, bodies(msgs)) {
		t.Errorf("%d messages, or other ones", len(got))
	}
}

func BenchmarkFetch(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
		size int
	}{{"14KiB", 2000, 14 << 10}, {"1KiB", 10_000, 1 << 10}, {"4MiB", 12, 4 << 20}} {
		raw := append([]byte("From: a@example.org\r\nSubject: x\r\n\r\n"), bytes.Repeat([]byte(strings.Repeat("x", 76)+"\r\n"), c.size/78)...)
		s := newServer(b, nil, slices.Repeat([]pop3test.Msg{{Raw: raw}}, c.n)...)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(c.n * len(raw)))
			b.ReportAllocs()
			cfg := config(s)
			cfg.Pool = migrate.NewPool(migrate.DefaultBudget, "")
			for b.Loop() {
				src, err := Open(context.Background(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				for m, err := range src.Fetch(context.Background(), slices.Values(list(b, src))) {
					if err != nil {
						b.Fatal(err)
					}
					m.Body.Release()
				}
				src.Close()
			}
			b.ReportMetric(float64(c.n*b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
