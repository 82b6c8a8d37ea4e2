package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// lacking asks for the same flags of all messages.
func lacking(t testing.TB, x *Target, mb migrate.Mailbox, flags ...migrate.Flag) (got string, asked int, err error) {
	t.Helper()
	var parts []string
	want := func(uint32) []migrate.Flag { asked++; return flags }
	for l, e := range x.Lacking(t.Context(), mb, want) {
		if e != nil {
			return strings.Join(parts, "; "), asked, e
		}
		parts = append(parts, fmt.Sprintf("%d%v", l.UID, l.Flags))
	}
	return strings.Join(parts, "; "), asked, nil
}

// flagged is a server with four messages in INBOX.
func flagged(t testing.TB, change func(*imaptest.Switches)) (*imaptest.Server, *Target, migrate.Mailbox) {
	s := serve(t, change)
	for i, flags := range [][]string{{}, {`\SEEN`, `$Label1`}, {`\Seen`, `\Flagged`, `caf&AOk-_2`}, {`$Label10`}} {
		s.Deliver("INBOX", []byte(mail(i, 100)))
		s.Account(imaptest.User).SetFlags("INBOX", uint32(i+1), flags...)
	}
	x := open(t, config(s))
	return s, x, folder(t, x)
}

func TestLacking(t *testing.T) {
	_, x, mb := flagged(t, nil)
	for _, c := range []struct {
		flags []migrate.Flag
		want  string
	}{
		{nil, ""},
		{[]migrate.Flag{migrate.Seen}, `1[\Seen]; 4[\Seen]`},
		{[]migrate.Flag{"$label1", migrate.Flagged}, `1[$label1 \Flagged]; 2[\Flagged]; 3[$label1]; 4[$label1 \Flagged]`},
		{[]migrate.Flag{"café 2"}, `1[café 2]; 2[café 2]; 4[café 2]`},                                           // as AddFlags would spell it
		{[]migrate.Flag{`\Recent`, migrate.Seen}, `1[\Recent \Seen]; 2[\Recent]; 3[\Recent]; 4[\Recent \Seen]`}, // none that can be set
	} {
		if got, asked, err := lacking(t, x, mb, c.flags...); got != c.want || asked != 4 || err != nil {
			t.Errorf("%q: %s, %d asked, %v; want %s", c.flags, got, asked, err, c.want)
		}
	}
	if _, _, err := index(t, x, mb, 1); err != nil {
		t.Errorf("the connection afterwards: %v", err)
	}
}

func TestLackingIsOnlyOfWhatTheServerTells(t *testing.T) {
	_, x, mb := flagged(t, func(sw *imaptest.Switches) {
		sw.Fetch = func(line []byte) []byte {
			switch {
			case bytes.Contains(line, []byte("UID 1 ")): // an answer that nobody asked for comes before, and the real one twice
				return bytes.Join([][]byte{[]byte("* 1 FETCH (FLAGS (\\Deleted))\r\n"), line, line}, nil)
			case bytes.Contains(line, []byte("UID 2 ")):
				return nil
			case bytes.Contains(line, []byte("UID 3 ")): // the other way round
				return []byte("* 3 FETCH (FLAGS (\\Seen) MODSEQ (12) UID 3)\r\n")
			}
			return []byte("* 4 FETCH (UID 4 FLAGS NIL)\r\n")
		}
	})
	if got, asked, err := lacking(t, x, mb, migrate.Seen); got != `1[\Seen]` || asked != 2 || err != nil {
		t.Errorf("%s, %d asked, %v", got, asked, err)
	}
}

func TestLackingFails(t *testing.T) {
	s, x, mb := flagged(t, nil)
	s.Account(imaptest.User).SetUIDValidity("INBOX", 9, 1)
	var known *migrate.Error
	if _, _, err := lacking(t, x, mb, migrate.Seen); !errors.As(err, &known) || known.Scope != migrate.ScopeSession {
		t.Errorf("made anew: %v", err)
	}
	s, x, mb = flagged(t, nil)
	s.Close()
	if _, _, err := lacking(t, x, mb, migrate.Seen); err == nil {
		t.Error("no server, and no error")
	}
}

// BenchmarkLacking is to be compared with BenchmarkIndex.
func BenchmarkLacking(b *testing.B) {
	const n = 100_000
	s := imaptest.NewUnstartedServer()
	s.Silent = true
	s.Start()
	defer s.Close()
	for i := range n {
		s.Deliver("INBOX", []byte("a: b\r\n\r\n"))
		s.Account(imaptest.User).SetFlags("INBOX", uint32(i+1), `\Seen`, `\Answered`, "$Label3")
	}
	x, err := Open(context.Background(), config(s))
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	mb := folder(b, x)
	want := []migrate.Flag{migrate.Seen, "$label3"}
	b.ReportAllocs()
	for b.Loop() {
		for l, err := range x.Lacking(context.Background(), mb, func(uint32) []migrate.Flag { return want }) {
			b.Fatal(l, err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
