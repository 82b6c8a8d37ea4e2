package smtp

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poplift/migrate"
	"poplift/targets/smtp/smtptest"
)

// TestDeadlines runs on a clock of its own: each step has the time of RFC 5321 4.5.3.2 and no more, and a server that needs nearly all of it is
// waited for.
func TestDeadlines(t *testing.T) {
	const minute = time.Minute
	tests := []struct {
		step  string
		stall smtptest.Fault
		after time.Duration
		want  string
	}{
		{"CONNECT", smtptest.Stall(), 5 * minute, "session"},
		{"EHLO", smtptest.Stall(), 5 * minute, "session"},
		{"AUTH", smtptest.Stall(), 5 * minute, "session"},
		{"MAIL", smtptest.Stall(), 10 * minute, "session"}, // over two connections
		{"RCPT", smtptest.Stall(), 5 * minute, "session"},
		{"DATA", smtptest.Stall(), 2 * minute, "session"},
		{"DATA", smtptest.StallBody(10), 3 * minute, "session"},
		{".", smtptest.Stall(), 10 * minute, "uncertain"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := smtptest.NewUnstartedServer()
			defer s.Close()
			with := login(s, "PLAIN")
			on(tt.step, -1, tt.stall)(s)
			cfg := config(s)
			with(&cfg)
			piped(s)(&cfg)
			start := time.Now()
			x, err := Open(t.Context(), cfg)
			if err == nil {
				err = sendOne(t, x, letterOf(1)+strings.Repeat("x\r\n", 100_000))
				defer x.Close()
			}
			if d := time.Since(start); d != tt.after {
				t.Errorf("%s: given up after %v", tt.step, d)
			}
			wantKind(t, err, tt.want)
			if !errors.Is(err, os.ErrDeadlineExceeded) || s.Fired("hook") == 0 || len(s.Taken()) != 0 {
				t.Errorf("%s: %v", tt.step, err)
			}
			if tt.step == "CONNECT" && !strings.Contains(migrate.HintOf(err), "smtps") {
				t.Errorf("hint %q", migrate.HintOf(err))
			}
		})
	}
}

func TestSlowServersAreWaitedFor(t *testing.T) {
	for _, pipelining := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := smtptest.NewUnstartedServer()
			defer s.Close()
			with := login(s, "PLAIN")
			s.Offer.NoPipelining = !pipelining
			slow := map[string]time.Duration{"CONNECT": 5 * time.Minute, "EHLO": 5 * time.Minute, "AUTH": 5 * time.Minute, "MAIL": 5 * time.Minute,
				"RCPT": 5 * time.Minute, ".": 10 * time.Minute}
			s.Hook = func(_ *smtptest.Conn, st smtptest.Step) smtptest.Fault {
				if st.Verb == "DATA" {
					return smtptest.SlowBody(3*time.Minute - time.Second)
				}
				if d, ok := slow[st.Verb]; ok {
					return smtptest.Slow(d - time.Second)
				}
				return smtptest.Pass()
			}
			cfg := config(s)
			with(&cfg)
			piped(s)(&cfg)
			x := open(t, cfg)
			raw := letterOf(1) + strings.Repeat("0123456789abcdef\r\n", 10_000)
			wantKind(t, sendOne(t, x, raw), "relayed")
			if s.Fired("hook") != 7 || s.Connections() != 1 || len(s.Taken()) != 1 {
				t.Errorf("%d faults, %d connections, %d messages", s.Fired("hook"), s.Connections(), len(s.Taken()))
			}
			x.Close()
		})
	}
}

// TestRest: a connection may lie idle between messages for longer than any step may take.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.NewUnstartedServer()
		defer s.Close()
		cfg := config(s)
		piped(s)(&cfg)
		x := open(t, cfg)
		for _, u := range mails(t, 3) {
			wantKind(t, send(t, x, u)[0], "relayed")
			time.Sleep(24 * time.Hour)
		}
		if s.Connections() != 1 {
			t.Errorf("%d connections", s.Connections())
		}
		start := time.Now()
		s.Hook = func(*smtptest.Conn, smtptest.Step) smtptest.Fault { return smtptest.Stall() }
		x.Close()
		if d := time.Since(start); d != quitPatience {
			t.Errorf("QUIT was waited for %v", d)
		}
		wantFired(t, s, "hook", 1)
	})
}

// TestInterrupted: a context that ends before the final dot is the reason given, and nobody has the message. Behind it, the message is uncertain.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"MAIL", "RCPT", "DATA", "body", "."} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			why := errors.New("interrupted")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			s := serve(t, func(s *smtptest.Server) {
				s.Hook = func(_ *smtptest.Conn, st smtptest.Step) smtptest.Fault {
					switch {
					case st.Message != 2:
						return smtptest.Pass()
					case step == "body" && st.Verb == "DATA":
						time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
						return smtptest.StallBody(1000)
					case st.Verb == step:
						cancel(why)
						return smtptest.Stall()
					}
					return smtptest.Pass()
				}
			})
			cfg := config(s)
			narrow(&cfg)
			x := open(t, cfg)
			u := mails(t, 3)
			if step == "body" {
				u[1] = upload(t, letterOf(2)+large())
			}
			errs := sendIn(t, ctx, x, slices.Values(u))
			wantFired(t, s, "hook", 1)
			if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], why) {
				t.Fatalf("%v", errs)
			}
			if step == "." {
				wantKind(t, errs[1], "uncertain")
			} else if errs[1] != why {
				t.Errorf("%v", errs[1])
			}
			if len(s.Taken()) != 1 {
				t.Errorf("%d messages taken", len(s.Taken()))
			}
		})
	}
}

// TestWait: the rate limit is asked once for each message, with the octets that go out, and can stop it.
func TestWait(t *testing.T) {
	t.Parallel()
	s := serve(t, func(s *smtptest.Server) { s.CloseAfter = 1 })
	cfg := config(s)
	var asked []int64
	full := errors.New("no more for today")
	cfg.Wait = func(_ context.Context, octets int64) error {
		if len(asked) == 3 {
			return full
		}
		asked = append(asked, octets)
		return nil
	}
	errs := send(t, open(t, cfg), mails(t, 5)...)
	if got := kinds(errs); !slices.Equal(got, []string{"relayed", "relayed", "relayed", "session"}) || !errors.Is(errs[3], full) {
		t.Errorf("%v", errs)
	}
	for i, m := range s.Taken() {
		if asked[i] != int64(len(m.Data)) {
			t.Errorf("%d octets asked for, %d sent", asked[i], len(m.Data))
		}
	}
	wantFired(t, s, "CloseAfter", 2)
}
