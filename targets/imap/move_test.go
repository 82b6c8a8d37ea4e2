package imap

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// ways of moving that a server may offer.
var moves = map[string][]string{
	"MOVE":           imaptest.DefaultCaps,
	"MOVE alone":     imaptest.Without(imaptest.DefaultCaps, "UIDPLUS"),
	"COPY":           imaptest.Without(imaptest.DefaultCaps, "MOVE"),
	"COPY, UNSELECT": imaptest.Without(imaptest.DefaultCaps, "MOVE", "UNSELECT"),
}

func TestQuarantine(t *testing.T) {
	for name, caps := range moves {
		for _, hide := range []bool{false, true} { // without COPYUID the folder is counted
			t.Run(fmt.Sprint(name, " ", hide), func(t *testing.T) {
				s := serve(t, func(w *imaptest.Switches) { w.Caps, w.HideCodes = caps, hide })
				deliver(s, "INBOX", 50)
				deliver(s, "Dup", 3)
				x := open(t, config(s))
				from, to := folder(t, x), folder(t, x, "Dup")
				if err := x.AddFlags(t.Context(), from, []uint32{3, 20}, []migrate.Flag{migrate.Deleted}); err != nil { // somebody else's mark
					t.Fatal(err)
				}
				if err := x.Quarantine(t.Context(), from, []uint32{10, 2, 4, 5, 6, 2, 777}, to); err != nil {
					t.Fatal(err)
				}
				if err := x.Quarantine(t.Context(), from, []uint32{2, 778}, to); err != nil { // gone: no error
					t.Fatal(err)
				}
				left := map[uint32]bool{}
				for _, m := range s.Messages("INBOX") {
					left[m.UID] = true
				}
				if len(left) != 45 || left[2] || left[4] || left[5] || left[6] || left[10] || !left[3] || !left[20] {
					t.Errorf("%d left", len(left))
				}
				moved := s.Messages("Dup")
				if len(moved) != 8 || string(moved[3].Raw) != mail(1, 50) || string(moved[7].Raw) != mail(9, 50) || strings.Contains(strings.Join(moved[3].Flags, " "), "Deleted") {
					t.Errorf("%d in quarantine", len(moved))
				}
				if mb := folder(t, x); mb.Messages != 45 {
					t.Errorf("%+v", mb)
				}
			})
		}
	}
}

func TestQuarantineRefused(t *testing.T) {
	cases := map[string]struct {
		change func(*imaptest.Switches)
		dryRun bool
		to     string
		scope  migrate.Scope
		is     error
	}{
		"dry run":                  {nil, true, "Dup", migrate.ScopeRun, errReadOnly},
		"neither MOVE nor UIDPLUS": {func(w *imaptest.Switches) { w.Caps = imaptest.Without(imaptest.DefaultCaps, "MOVE", "UIDPLUS") }, false, "Dup", migrate.ScopeRun, errNoMove},
		"same folder":              {nil, false, "INBOX", migrate.ScopeRun, errSame},
		"read-only":                {func(w *imaptest.Switches) { w.Locked = func(m string) bool { return m == "INBOX" } }, false, "Dup", migrate.ScopeFolder, errLocked},
		"copies nothing and says OK": {func(w *imaptest.Switches) {
			w.Caps = imaptest.Without(imaptest.DefaultCaps, "MOVE")
			w.Intercept = func(_, args string) string {
				if strings.HasPrefix(args, "UID COPY") {
					return "OK done"
				}
				return ""
			}
		}, false, "Dup", migrate.ScopeFolder, errUnproven},
		"another folder's COPYUID": {func(w *imaptest.Switches) {
			w.Caps = imaptest.Without(imaptest.DefaultCaps, "MOVE")
			w.Intercept = func(_, args string) string {
				if strings.HasPrefix(args, "UID COPY") {
					return "OK [COPYUID 7 1:2 1:2] done"
				}
				return ""
			}
		}, false, "Dup", migrate.ScopeFolder, errUnproven},
		"COPYUID without sense": {func(w *imaptest.Switches) {
			w.Caps = imaptest.Without(imaptest.DefaultCaps, "MOVE")
			w.Intercept = func(_, args string) string {
				if strings.HasPrefix(args, "UID COPY") {
					return "OK [COPYUID 1002 1:4294967295 1] done"
				}
				return ""
			}
		}, false, "Dup", migrate.ScopeFolder, errUnproven},
		"no such folder any more": {func(w *imaptest.Switches) {
			w.Intercept = func(_, args string) string {
				if strings.HasPrefix(args, "UID MOVE") {
					return "NO [TRYCREATE] gone"
				}
				return ""
			}
		}, false, "Dup", migrate.ScopeFolder, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.change)
			deliver(s, "INBOX", 3)
			deliver(s, "Dup", 1)
			before := s.Dump()
			cfg := config(s)
			cfg.ReadOnly = c.dryRun
			x := open(t, cfg)
			to, err := x.OpenNamed(t.Context(), c.to, "")
			if err != nil {
				t.Fatal(err)
			}
			err = x.Quarantine(t.Context(), folder(t, x), []uint32{1, 2}, to)
			if err == nil {
				t.Fatal("no error")
			}
			if e := class(t, err); e.Scope != c.scope || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v: %+v", err, e)
			}
			if s.Dump() != before {
				t.Error("something was changed")
			}
		})
	}
	x := open(t, config(serve(t, nil)))
	for _, mbs := range [][2]migrate.Mailbox{{{Name: "a"}, {Name: "b", UIDValidity: 1}}, {{Name: "a", UIDValidity: 1}, {Name: "b"}}} {
		if err := x.Quarantine(t.Context(), mbs[0], []uint32{1}, mbs[1]); !errors.Is(err, errNotThere) {
			t.Error(err)
		}
	}
}

// TestQuarantineMadeAnew: UIDs of another generation must not be touched.
func TestQuarantineMadeAnew(t *testing.T) {
	s := serve(t, nil)
	deliver(s, "INBOX", 3)
	x := open(t, config(s))
	from, to := folder(t, x), folder(t, x, "Dup")
	s.Account(imaptest.User).SetUIDValidity("INBOX", 77, 1)
	if err := x.Quarantine(t.Context(), from, []uint32{1}, to); err == nil || class(t, err).Scope != migrate.ScopeSession || len(s.Messages("INBOX")) != 3 {
		t.Error(err)
	}
}

// TestQuarantineCutAnywhere cuts the connection all over, each way: each message is in at least one of the folders at any time, those that
// were not named are untouched, and a second session finishes.
func TestQuarantineCutAnywhere(t *testing.T) {
	for name, caps := range moves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fired := 0
			for k := int64(60); k < 1500; k += 7 {
				for _, in := range []bool{true, false} {
					if !in && k > 1300 {
						continue
					}
					s := serve(t, func(w *imaptest.Switches) {
						w.Caps = caps
						w.Cut = func(n int) (int64, int64) {
							switch {
							case n > 1:
								return 0, 0
							case in:
								return k, 0
							}
							return 0, 2 * k
						}
					})
					s.Silent = true
					deliver(s, "INBOX", 8)
					deliver(s, "Dup", 1)
					if quarantine(t, s) != nil {
						fired++
					}
					inbox, dup := bodies(s, "INBOX"), bodies(s, "Dup")
					for i := range 8 {
						if inbox[mail(i, 50)]+dup[mail(i, 50)] == 0 {
							t.Fatalf("cut at %d: message %d is lost", k, i)
						}
					}
					if inbox[mail(0, 50)]*inbox[mail(2, 50)]*inbox[mail(5, 50)]*inbox[mail(6, 50)] != 1 || len(dup) > 5 {
						t.Fatalf("cut at %d: others were moved", k)
					}
					if err := quarantine(t, s); err != nil {
						t.Fatal(err)
					}
					if got := bodies(s, "INBOX"); len(got) != 4 || got[mail(0, 50)] != 1 || got[mail(2, 50)] != 1 {
						t.Fatalf("cut at %d: %d left", k, len(got))
					}
					s.Close()
				}
			}
			if fired < 60 {
				t.Errorf("only %d cuts fired", fired)
			}
		})
	}
}

// quarantine moves four of eight messages in a session of its own.
func quarantine(t *testing.T, s *imaptest.Server) error {
	x, err := Open(t.Context(), config(s))
	if err != nil {
		return err
	}
	defer x.Close()
	from, err := x.OpenNamed(t.Context(), inbox, "")
	if err != nil {
		return err
	}
	to, err := x.OpenNamed(t.Context(), "Dup", "")
	if err != nil {
		return err
	}
	return x.Quarantine(t.Context(), from, []uint32{2, 4, 5, 8}, to)
}

func bodies(s *imaptest.Server, mailbox string) map[string]int {
	out := map[string]int{}
	for _, m := range s.Messages(mailbox) {
		out[string(m.Raw)]++
	}
	return out
}
