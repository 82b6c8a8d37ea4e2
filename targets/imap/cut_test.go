package imap

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/targets/imap/imaptest"
)

// TestCutAnywhere cuts the lane after k octets each way. Whatever was reported stored is stored, whatever was reported rejected is not, and a
// session that is cut says so.
func TestCutAnywhere(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		fired := 0
		for k := int64(1); k < 14_000; k += 97 {
			for _, in := range []bool{true, false} {
				at := k
				if !in {
					at = k / 7
				}
				s := serve(t, func(w *imaptest.Switches) {
					w.Caps = caps
					w.RefuseAppend = func(_ int, raw []byte) string {
						if strings.HasPrefix(string(raw), "X-Bad") {
							return "NO [TOOBIG] no"
						}
						return ""
					}
					w.Cut = func(n int) (int64, int64) {
						switch {
						case n == 1:
							return 0, 0
						case in:
							return at, 0
						}
						return 0, at
					}
				})
				cfg := config(s)
				cfg.Batch = Batch{MaxMessages: 4, InFlight: 2}
				x := open(t, cfg)
				ups := mails(t, folder(t, x), 24, 400)
				marked(t, ups, "X-Bad", 5, 6, 17)
				o := upload(t, x, ups)
				if o.err != nil {
					fired++
					if e := class(t, o.err); e.Scope != migrate.ScopeSession || e.Final {
						t.Fatalf("cut at %d: %v", at, o.err)
					}
				}
				there := map[string]int{}
				for _, m := range s.Messages("INBOX") {
					there[string(m.Raw)]++
				}
				for _, rc := range o.stored {
					if there[string(octets(t, rc.Upload.Message))] != 1 {
						t.Fatalf("cut at %d: a message reported stored is there %d times", at, there[string(octets(t, rc.Upload.Message))])
					}
				}
				for _, rc := range o.rejected {
					if there[string(octets(t, rc.Upload.Message))] != 0 {
						t.Fatalf("cut at %d: a message reported rejected is there", at)
					}
				}
				for raw, n := range there {
					if n > 1 || strings.HasPrefix(raw, "X-Bad") {
						t.Fatalf("cut at %d: %d times there", at, n)
					}
				}
				if o.err == nil && (len(o.stored) != 21 || len(o.rejected) != 3) {
					t.Fatalf("cut at %d: %d stored, %d rejected", at, len(o.stored), len(o.rejected))
				}
				x.Close()
				s.Close()
			}
		}
		if fired < 100 {
			t.Errorf("only %d cuts fired", fired)
		}
	})
}

// TestHostileServer has the server say anything: the client must end, with an error and without a panic.
func TestHostileServer(t *testing.T) {
	for _, script := range hostile {
		if err := against(t, []byte(script)); err == nil {
			t.Errorf("no error with %.60q", script)
		}
	}
}

var hostile = []string{
	"", "\r\n", "* OK\r\n", "* OK [CAPABILITY IMAP4rev1\r\n", "* BYE\r\n", "* PREAUTH [CAPABILITY IMAP4rev1] x\r\n* \r\n*\r\n+\r\n",
	"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\r\nP1 OK [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND]\r\nT1 OK\r\n",
	"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\r\n+ !!\r\n+ \r\nP1 BAD\r\n",
	"* PREAUTH [CAPABILITY IMAP4rev1 ID NAMESPACE QUOTA] x\r\n* NAMESPACE ((((\r\n* QUOTA {99999999999}\r\nT1 OK\r\n",
	"* PREAUTH [CAPABILITY IMAP4rev1] x\r\n* STATUS INBOX (UIDVALIDITY 1 UIDNEXT 1 MESSAGES 9)\r\nT1 OK\r\n* 9 EXISTS\r\nP1 OK\r\n* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X)] {2147483647}\r\nx",
	"* PREAUTH [CAPABILITY IMAP4rev1] x\r\n* STATUS INBOX (UIDVALIDITY 1 UIDNEXT 1 MESSAGES 9)\r\nT9 OK\r\n",
	"* PREAUTH [CAPABILITY IMAP4rev1] x\r\n* LIST (((\r\n* STATUS {5}\r\nINB",
	"* OK " + strings.Repeat("x", 1<<20) + "\r\n" + strings.Repeat("* 1 FETCH (", 10000),
	strings.Repeat("x", 17<<20),
	"* PREAUTH [CAPABILITY P4v]\n* \x89\n\r\n+\r\n\r\n\r\n",
}

// against plays script to a client that tries everything, and returns its first error.
func against(t testing.TB, script []byte) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	cfg := Config{Credentials: mailnet.Credentials{User: "u", Password: secret("p")}}
	cfg.Endpoint = mailnet.Endpoint{Address: "server:143", Host: "server", Security: mailnet.Cleartext}
	cfg.Endpoint.Dial = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		wg.Go(func() { io.Copy(io.Discard, server) })
		wg.Go(func() { server.Write(script); server.Close() })
		return client, nil
	}
	x, err := Open(t.Context(), cfg)
	if err != nil {
		return err
	}
	defer x.Close()
	_, errLayout := x.Layout(t.Context())
	mb, err := x.OpenNamed(t.Context(), inbox, "")
	_, _, errRoom := x.Room(t.Context())
	errAhead := x.Prepare(t.Context(), []migrate.Way{{Name: "a/b", Role: migrate.RoleSent}, {Name: "a"}, {Name: "c.d"}})
	quarantine, errFolder := x.OpenNamed(t.Context(), "a/b", migrate.RoleSent)
	var next uint32
	var errIndex error
	for _, e := range x.Index(t.Context(), mb, 1, &next) {
		errIndex = e
	}
	errFlags := x.AddFlags(t.Context(), mb, []uint32{1, 2, 5}, []migrate.Flag{migrate.Flagged, "a b"})
	errMove := x.Quarantine(t.Context(), mb, []uint32{1, 2, 5}, quarantine)
	errAppend := upload(t, x, mails(t, mb, 3, 300)).err
	return errors.Join(err, errLayout, errRoom, errAhead, errFolder, errIndex, errFlags, errMove, errAppend)
}

func TestServerThatDiesBetweenTimes(t *testing.T) {
	s := serve(t, nil)
	x := open(t, config(s))
	mb := folder(t, x)
	if o := upload(t, x, mails(t, mb, 3, 300)); o.err != nil {
		t.Fatal(o.err)
	}
	s.CutAll()
	o := upload(t, x, mails(t, mb, 3, 300))
	if o.err == nil || class(t, o.err).Scope != migrate.ScopeSession {
		t.Error(o.err)
	}
	if _, err := x.OpenNamed(t.Context(), inbox, ""); err == nil || class(t, err).Scope != migrate.ScopeSession {
		t.Error(err)
	}
	if _, err := x.OpenNamed(t.Context(), inbox, ""); err == nil {
		t.Error("a dead connection came back")
	}
}

func FuzzResponseLine(f *testing.F) {
	for _, s := range []string{"* OK [APPENDUID 1 2:3] x", "a NO [X", "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (A)] {2}\r\nxx RFC822.SIZE 3)", `* NAMESPACE (("a\"" "/")) NIL NIL`,
		`* QUOTA "" (STORAGE 1 2)`, "* LIST () \"/\" {3}\r\nabc", "* STATUS x (A 1 B (c d) E NIL)", "* SEARCH 1 2 3"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		parseStatus(line)
		if r, ok := parseFetch(line); ok && (len(r.header) > len(line) || len(r.whole) > len(line)) {
			t.Fatal("more came out than went in")
		}
		parseNamespace(line)
		(&listing{}).take(line)
		idName(line)
		var n map[string]uint32
		statusNumbers(line, &n)
		roomOf(line)
		statusItems(line)
		searched(line)
		textual(line)
		w := &wire{buf: line}
		if len(w.shown()) > 2*len(line)+40 {
			t.Fatal("the transcript grows")
		}
		for s := (scanner{line}); s.space(); {
			before := len(s.b)
			if _, kind := s.value(); kind == nothing || len(s.b) >= before {
				break
			}
		}
	})
}

func FuzzAppendUID(f *testing.F) {
	f.Add("1 1:50", 50)
	f.Add("5 6,7:9", 4)
	f.Add("1 4294967295:1", 3)
	f.Fuzz(func(t *testing.T, args string, n int) {
		n = max(n, 1) % 1000
		v, uids := appendUID(status{code: "APPENDUID", args: args}, n)
		if uids != nil && (len(uids) != n || v == 0) || uids == nil && v != 0 {
			t.Fatalf("%q for %d: %d %v", args, n, v, uids)
		}
		for _, u := range uids {
			if u == 0 {
				t.Fatal("uid 0")
			}
		}
	})
}

func FuzzTranscript(f *testing.F) {
	for _, s := range hostile {
		if len(s) < 10000 {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, script []byte) { against(t, script) })
}
