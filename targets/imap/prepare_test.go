package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// gate is a connection that gives the client nothing to read until it has sent so many lines: a client that waits for an answer in between never
// gets one.
type gate struct {
	net.Conn
	mu      sync.Mutex
	changed *sync.Cond
	lines   int
	need    int
	closed  bool
}

func (g *gate) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	g.mu.Lock()
	g.lines += bytes.Count(p[:n], []byte("\n"))
	g.changed.Broadcast()
	g.mu.Unlock()
	return n, err
}

func (g *gate) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.lines < g.need && !g.closed {
		g.changed.Wait()
	}
	return n, err
}

func (g *gate) Close() error {
	g.mu.Lock()
	g.closed = true
	g.changed.Broadcast()
	g.mu.Unlock()
	return g.Conn.Close()
}

// expect holds answers back until n more lines are sent.
func (g *gate) expect(n int) {
	g.mu.Lock()
	g.need = g.lines + n
	g.mu.Unlock()
}

// gated is a target whose control connection has a gate.
func gated(t *testing.T, s *imaptest.Server) (*Target, *gate) {
	cfg := config(s)
	var first *gate
	cfg.Endpoint.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil || first != nil {
			return c, err
		}
		first = &gate{Conn: c}
		first.changed = sync.NewCond(&first.mu)
		return first, nil
	}
	return open(t, cfg), first
}

func ways(n int) (out []migrate.Way) {
	for i := range n {
		out = append(out, migrate.Way{Name: fmt.Sprintf("Folder %03d", i)})
	}
	return out
}

func TestPrepareTakesOneRoundTripForMany(t *testing.T) {
	s := serve(t, nil)
	for i := range 10 {
		s.Deliver(fmt.Sprintf("Folder %03d", i), []byte(mail(i, 100)))
	}
	x, g := gated(t, s)
	if _, err := x.Layout(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.expect(10 + 3*20) // STATUS, or CREATE, SUBSCRIBE and STATUS
	if err := x.Prepare(t.Context(), append(ways(30), ways(30)...)); err != nil {
		t.Fatal(err)
	}
	asked := len(s.Log())
	for i := range 30 {
		mb, err := x.OpenNamed(t.Context(), ways(30)[i].Name, "")
		if want := uint32(0); err != nil || mb.UIDValidity == 0 || i < 10 && mb.Messages != 1 || i >= 10 && mb.Messages != want {
			t.Fatalf("%+v, %v", mb, err)
		}
	}
	if len(s.Log()) != asked {
		t.Errorf("asked again: %q", s.Log()[asked:])
	}
	s.Deliver("Folder 029", []byte("new"))
	if mb := folder(t, x, "Folder 029"); mb.Messages != 1 { // what is at hand is used once: the engine watches a folder by opening it again
		t.Errorf("%+v", mb)
	}
}

func TestOpenNamedTakesOneRoundTrip(t *testing.T) {
	s := serve(t, nil)
	x, g := gated(t, s)
	folder(t, x)
	g.expect(3)
	folder(t, x, "New")
	if !s.Account(imaptest.User).Subscribed("New") {
		t.Error("not subscribed")
	}
}

func TestPrepareManyAndRefusedOnes(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.NeedParents, w.LaxSubscribe = true, true
		w.RefuseName = func(name string) string {
			if strings.HasPrefix(name, "Bad") {
				return "NO [CANNOT] no"
			}
			return ""
		}
	})
	x := open(t, config(s))
	all := append(ways(200), migrate.Way{Name: "Bad"}, migrate.Way{Name: "deep/er/est"}, migrate.Way{Excluded: "left out"}, migrate.Way{Name: "broken\r\n"})
	if err := x.Prepare(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for _, w := range all[:200] {
		if mb, err := x.OpenNamed(t.Context(), w.Name, ""); err != nil || mb.UIDValidity == 0 || mb.Name != w.Name {
			t.Fatalf("%+v, %v", mb, err)
		}
	}
	if mb := folder(t, x, "deep", "er", "est"); mb.UIDValidity == 0 {
		t.Error("not made")
	}
	for _, name := range []string{"Bad", "broken\r\n"} {
		_, err := x.OpenNamed(t.Context(), name, "")
		if err == nil || class(t, err).Scope != migrate.ScopeFolder || class(t, err).Hint == "" {
			t.Error(err)
		}
	}
	if s.Account(imaptest.User).Subscribed("Bad") {
		t.Error("a folder that is not there stays subscribed")
	}
}

func TestPrepareChangesNothingInADryRun(t *testing.T) {
	s := serve(t, nil)
	s.Deliver("Folder 001", []byte("x"))
	cfg := config(s)
	cfg.ReadOnly = true
	x := open(t, cfg)
	if err := x.Prepare(t.Context(), ways(3)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{0, 1, 0} {
		mb := folder(t, x, ways(3)[i].Name)
		if mb.Messages != want || (mb.UIDValidity != 0) != (want == 1) {
			t.Errorf("%+v", mb)
		}
	}
	if boxes := s.Account(imaptest.User).Mailboxes(); len(boxes) != 2 {
		t.Error(boxes)
	}
}

// TestPrepareStopsAtWhatIsNotAFoldersFault: over quota for folders, rights, a server that goes away.
func TestPrepareStopsAtWhatIsNotAFoldersFault(t *testing.T) {
	for answer, scope := range map[string]migrate.Scope{"NO [OVERQUOTA] full": migrate.ScopeRun, "NO [UNAVAILABLE] later": migrate.ScopeSession, "CUT": migrate.ScopeSession} {
		s := serve(t, func(w *imaptest.Switches) {
			w.Intercept = func(verb, args string) string {
				if verb == "CREATE" && strings.Contains(args, "100") {
					return answer
				}
				return ""
			}
		})
		x := open(t, config(s))
		err := x.Prepare(t.Context(), ways(150))
		if err == nil || class(t, err).Scope != scope {
			t.Errorf("%s: %v", answer, err)
		}
		if answer == "CUT" {
			continue
		}
		if mb, err := x.OpenNamed(t.Context(), inbox, ""); err != nil || mb.UIDValidity == 0 { // the connection is in order
			t.Error(err)
		}
	}
}

func TestRolesAreCreated(t *testing.T) {
	withUse := func(w *imaptest.Switches) { w.Caps = append(imaptest.DefaultCaps, "CREATE-SPECIAL-USE") }
	cases := map[string]struct {
		change func(*imaptest.Switches)
		there  string // a folder that is \Sent already
		role   migrate.Role
		want   string // the use of the new folder
		log    string // the CREATE
	}{
		"sent":               {withUse, "", migrate.RoleSent, `\Sent`, `CREATE "New" (USE (\Sent))`},
		"archive":            {withUse, "", migrate.RoleArchive, `\Archive`, `CREATE "New" (USE (\Archive))`},
		"no role":            {withUse, "", "", "", `CREATE "New"`},
		"a role without use": {withUse, "", migrate.RoleOutbox, "", `CREATE "New"`},
		"there is one":       {withUse, "Sent", migrate.RoleSent, "", `CREATE "New"`},
		"not offered":        {nil, "", migrate.RoleSent, "", `CREATE "New"`},
		"there is one hidden": {both(withUse, func(w *imaptest.Switches) {
			w.ListLine = func(l string) string { return strings.ReplaceAll(l, `\Sent`, "") }
		}), "Sent", migrate.RoleSent, "", `CREATE "New"`},
		"not understood": {both(withUse, func(w *imaptest.Switches) {
			w.Intercept = func(verb, args string) string {
				if verb == "CREATE" && strings.Contains(args, "USE") {
					return "BAD what"
				}
				return ""
			}
		}), "", migrate.RoleSent, "", `CREATE "New"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.change)
			if c.there != "" {
				s.Account(imaptest.User).SetUse(c.there, `\Sent`)
			}
			x := open(t, config(s))
			mb, err := x.OpenNamed(t.Context(), "New", c.role)
			if err != nil || mb.UIDValidity == 0 {
				t.Fatal(err)
			}
			if got := s.Account(imaptest.User).Use("New"); got != c.want {
				t.Errorf("use %q", got)
			}
			log := s.Log()
			i := len(log) - 1
			for ; i >= 0 && !strings.Contains(log[i], "CREATE"); i-- {
			}
			if i < 0 || !strings.HasSuffix(log[i], c.log) || !s.Account(imaptest.User).Subscribed("New") {
				t.Errorf("%q", log)
			}
			l, _ := x.Layout(t.Context())
			i = slices.IndexFunc(l.Boxes, func(b migrate.Box) bool { return b.Name == "New" })
			if got := l.Boxes[i].Role; (got == "") != (c.want == "") {
				t.Errorf("role %q in the layout", got)
			}
		})
	}
}

// A folder that LIST does not show, or that someone makes meanwhile, is there all the same.
func TestFolderThatLISTDoesNotShow(t *testing.T) {
	for _, hide := range []bool{false, true} {
		s := serve(t, func(w *imaptest.Switches) {
			w.HideCodes = hide
			w.ListLine = func(l string) string {
				if strings.Contains(l, "Hidden") {
					return ""
				}
				return l
			}
		})
		s.Deliver("Hidden", []byte("x"))
		if mb := folder(t, open(t, config(s)), "Hidden"); mb.Messages != 1 {
			t.Errorf("%+v", mb)
		}
	}
}

// A folder that is listed as one without mail: where CREATE makes it a real one it is used, elsewhere it is an error, whatever STATUS says (mailutils).
func TestFolderThatHoldsNoMail(t *testing.T) {
	s := serve(t, nil)
	s.Deliver("a/b", []byte("x"))
	x := open(t, config(s))
	if mb := folder(t, x, "a"); mb.UIDValidity == 0 {
		t.Error("not made")
	}
	s = serve(t, func(w *imaptest.Switches) {
		w.Intercept = func(verb, args string) string {
			switch {
			case verb == "CREATE":
				return "NO already exists"
			case verb == "STATUS" && strings.Contains(args, "dir"):
				return "* STATUS dir (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7)\nOK"
			}
			return ""
		}
	})
	s.Account(imaptest.User).SetNoSelect("dir")
	x = open(t, config(s))
	if _, err := x.OpenNamed(t.Context(), "dir", ""); err == nil || class(t, err).Scope != migrate.ScopeFolder {
		t.Error(err)
	}
	cfg := config(s)
	cfg.ReadOnly = true
	if mb := folder(t, open(t, cfg), "dir"); mb.UIDValidity != 0 {
		t.Errorf("%+v", mb)
	}
}

func TestFolderThatIsGoneSinceItWasListed(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.ListLine = func(l string) string { return strings.Replace(l, `"INBOX"`, "INBOX\r\n* LIST () \"/\" Gone", 1) }
	})
	if mb := folder(t, open(t, config(s)), "Gone"); mb.UIDValidity == 0 || !s.Account(imaptest.User).Subscribed("Gone") {
		t.Errorf("%+v", mb)
	}
}

// TestNamesThatAreWrittenOddly: what LIST gives is what every command sends.
func TestNamesThatAreWrittenOddly(t *testing.T) {
	odd := map[string]string{"Entwürfe": "Entw\u00fcrfe", "R&D": "R&D", "INBOX/x": "Inbox/x", "L\ufffdt": "L\xfct", "&AP-": "&AP-"}
	for name, raw := range odd {
		s := serve(t, nil)
		s.Deliver(raw, []byte(mail(1, 100)))
		s.Deliver(raw, []byte(mail(2, 100)))
		x := open(t, config(s))
		if err := x.Prepare(t.Context(), []migrate.Way{{Name: name}}); err != nil {
			t.Fatal(err)
		}
		mb, err := x.OpenNamed(t.Context(), name, migrate.RoleSent)
		if err != nil || mb.Messages != 2 || mb.UIDNext != 3 || mb.UIDValidity == 0 {
			t.Errorf("%q: %+v, %v", name, mb, err)
			continue
		}
		if o := upload(t, x, mails(t, mb, 2, 100)); o.err != nil || len(s.Messages(raw)) != 4 {
			t.Errorf("%q: %v", name, o.err)
		}
		got, _, err := index(t, x, mb, 1)
		var b bytes.Buffer
		if err = errors.Join(err, x.Read(t.Context(), mb, 2, &b), x.AddFlags(t.Context(), mb, []uint32{2}, []migrate.Flag{migrate.Flagged})); err != nil || len(got) != 4 {
			t.Errorf("%q: %d, %v", name, len(got), err)
		}
		if err := x.Quarantine(t.Context(), folder(t, x), []uint32{1}, mb); err != nil {
			t.Error(err)
		}
		if n := len(s.Account(imaptest.User).Mailboxes()); n != 2 {
			t.Errorf("%q: %q", name, s.Account(imaptest.User).Mailboxes())
		}
	}
}

// TestPrepareCutAnywhere: whatever is cut, each folder that Prepare has made is whole, and a second session makes the rest.
func TestPrepareCutAnywhere(t *testing.T) {
	t.Parallel()
	fired := 0
	for k := int64(200); k < 4000; k += 89 {
		for _, in := range []bool{true, false} {
			s := serve(t, func(w *imaptest.Switches) {
				w.NeedParents = true
				w.Cut = func(n int) (int64, int64) {
					switch {
					case n > 1:
						return 0, 0
					case in:
						return k, 0
					}
					return 0, k
				}
			})
			all := append(ways(20), migrate.Way{Name: "a/b/c", Role: migrate.RoleSent})
			x, err := Open(t.Context(), config(s))
			if err == nil {
				if err = x.Prepare(t.Context(), all); err != nil && class(t, err).Scope != migrate.ScopeSession {
					t.Fatal(err)
				}
				x.Close()
			}
			if err != nil {
				fired++
			}
			x = open(t, config(s))
			if err := x.Prepare(t.Context(), all); err != nil {
				t.Fatal(err)
			}
			for _, w := range all {
				if mb, err := x.OpenNamed(t.Context(), w.Name, w.Role); err != nil || mb.UIDValidity == 0 {
					t.Fatal(mb, err)
				}
			}
			x.Close()
			s.Close()
		}
	}
	if fired < 30 {
		t.Errorf("only %d cuts fired", fired)
	}
}
