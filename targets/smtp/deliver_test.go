package smtp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/targets/smtp/smtptest"
)

func TestManyMessagesOnOneConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	x := open(t, config(s))
	if got := kinds(send(t, x, mails(t, 20)...)); slices.ContainsFunc(got, func(k string) bool { return k != "relayed" }) {
		t.Fatal(got)
	}
	taken := s.Taken()
	if len(taken) != 20 || s.Connections() != 1 {
		t.Fatalf("%d messages over %d connections", len(taken), s.Connections())
	}
	for i, m := range taken {
		if !strings.HasSuffix(string(m.Data), letterOf(i+1)) || m.From != "" || len(m.To) != 1 || m.To[0].To != recipient {
			t.Errorf("message %d: %+v", i, m)
		}
	}
	if log := s.Log(); count(log, "RSET") != 0 || count(log, "EHLO") != 1 {
		t.Errorf("%q", log)
	}
	if err := x.Close(); err != nil || !slices.Contains(s.Log(), "QUIT") {
		t.Errorf("no QUIT: %v", err)
	}
}

// TestEnvelope: what MAIL and RCPT say for what the relay offers and the message needs.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	const plain, eight, utf8 = "Subject: x\r\n\r\nx\r\n", "Subject: x\r\n\r\nä\r\n", "Subject: ä\r\n\r\nx\r\n"
	tests := []struct {
		name, raw string
		offer     smtptest.Offer
		set       func(*Config)
		mail      string // with SIZE cut off
		rcpt      string
	}{
		{"everything", plain, smtptest.Offer{}, nil, "MAIL FROM:<> SIZE", "RCPT TO:<user@new.example> NOTIFY=NEVER"},
		{"nothing", plain, smtptest.Offer{NoPipelining: true, No8BITMIME: true, NoSMTPUTF8: true, NoDSN: true, NoEnhanced: true, NoSIZE: true}, nil,
			"MAIL FROM:<>", "RCPT TO:<user@new.example>"},
		{"HELO only", eight, smtptest.Offer{NoEHLO: true, NoPipelining: true, No8BITMIME: true, NoSMTPUTF8: true, NoDSN: true, NoSIZE: true}, nil,
			"MAIL FROM:<>", "RCPT TO:<user@new.example>"},
		{"small letters", eight, smtptest.Offer{LowerCase: true}, nil, "MAIL FROM:<> SIZE BODY=8BITMIME", "RCPT TO:<user@new.example> NOTIFY=NEVER"},
		{"a sender", plain, smtptest.Offer{}, func(c *Config) { c.From = "Ops <ops@x.example>" }, "MAIL FROM:<ops@x.example> SIZE",
			"RCPT TO:<user@new.example> NOTIFY=NEVER"},
		{"8 bit", eight, smtptest.Offer{}, nil, "MAIL FROM:<> SIZE BODY=8BITMIME", "RCPT TO:<user@new.example> NOTIFY=NEVER"},
		{"8 bit wrapped", eight, smtptest.Offer{No8BITMIME: true, NoSMTPUTF8: true}, nil, "MAIL FROM:<> SIZE", "RCPT TO:<user@new.example> NOTIFY=NEVER"},
		{"UTF-8 header", utf8, smtptest.Offer{}, nil, "MAIL FROM:<> SIZE BODY=8BITMIME SMTPUTF8", "RCPT TO:<user@new.example> NOTIFY=NEVER"},
		{"UTF-8 header wrapped", utf8, smtptest.Offer{NoSMTPUTF8: true}, nil, "MAIL FROM:<> SIZE", "RCPT TO:<user@new.example> NOTIFY=NEVER"},
		{"UTF-8 recipient", plain, smtptest.Offer{}, func(c *Config) { c.To = []string{"jürgen@new.example"} },
			"MAIL FROM:<> SIZE BODY=8BITMIME SMTPUTF8", "RCPT TO:<jürgen@new.example> NOTIFY=NEVER"},
		{"quoted recipient", plain, smtptest.Offer{}, func(c *Config) { c.To = []string{`"a b>"@new.example`} }, "MAIL FROM:<> SIZE",
			`RCPT TO:<"a b>"@new.example> NOTIFY=NEVER`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(s *smtptest.Server) { s.Offer = tt.offer })
			cfg := config(s)
			if tt.set != nil {
				tt.set(&cfg)
			}
			x := open(t, cfg)
			wantKind(t, sendOne(t, x, tt.raw), "relayed")
			taken := s.Taken()
			if len(taken) != 1 {
				t.Fatalf("%d messages", len(taken))
			}
			var from, rcpt string
			for _, l := range s.Log() {
				switch {
				case strings.HasPrefix(l, "MAIL"):
					from = strings.Replace(l, fmt.Sprintf(" SIZE=%d", len(taken[0].Data)), " SIZE", 1)
				case strings.HasPrefix(l, "RCPT"):
					rcpt = l
				}
			}
			if from != tt.mail || rcpt != tt.rcpt {
				t.Errorf("%q, %q", from, rcpt)
			}
			wantFired(t, s, "NoPipelining", 0)
		})
	}
}

// TestAnswers: what every code at every step means, and that the next message goes on where it may.
func TestAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		step, line, want string
		code             int
		hint             string
	}{
		{"MAIL", "451 4.3.0 local error", "session later", 451, ""},
		{"MAIL", "452 4.3.1 no room for so much", "later", 452, ""},
		{"MAIL", "455 can't now", "later", 455, ""},
		{"MAIL", "552 5.3.4 too big", "rejected", 552, hintTooBig},
		{"MAIL", "552 too big", "rejected", 552, hintTooBig},
		{"MAIL", "550 5.7.1 not from you", "rejected", 550, ""},
		{"MAIL", "530 5.7.0 log in", "run", 530, hintLogin},
		{"MAIL", "503 5.5.1 what?", "session", 503, ""},
		{"MAIL", "354 what?", "session", 354, ""},
		{"RCPT", "450 4.2.1 mailbox busy", "later", 450, ""},
		{"RCPT", "451 4.7.1 greylisted", "later", 451, ""},
		{"RCPT", "452 4.2.2 mailbox full", "later", 452, ""},
		{"RCPT", "550 5.1.1 no such user", "rejected", 550, ""},
		{"RCPT", "550", "rejected", 550, ""},
		{"RCPT", "552 5.2.2 mailbox full", "rejected", 552, hintFull},
		{"RCPT", "535 5.7.8 log in", "run", 535, hintLogin},
		{"RCPT", "what?", "session", 0, ""},
		{"RCPT", "220-one\r\n221 two", "session", 0, ""},
		{"DATA", "451 4.3.0 not now", "later", 451, ""},
		{"DATA", "554 5.7.1 no", "rejected", 554, ""},
		{"DATA", "250 fine", "session", 250, ""},
		{".", "450 4.0.0 not now", "later", 450, ""},
		{".", "451 4.3.0 not now", "later", 451, ""},
		{".", "452 4.3.1 not now", "later", 452, ""},
		{".", "421 4.3.2 going down", "session later", 421, ""},
		{".", "550 5.7.1 spam", "rejected", 550, ""},
		{".", "552 5.3.4 too big", "rejected", 552, hintTooBig},
		{".", "552 5.2.2 full", "rejected", 552, hintFull},
		{".", "554 5.6.0 no", "rejected", 554, ""},
		{".", "251 fine too", "relayed", 0, ""},
		{".", "354 what?", "uncertain", 354, ""},
		{".", "what?", "uncertain", 0, ""},
	}
	for _, pipelining := range []bool{true, false} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s %s %v", tt.step, tt.line, pipelining), func(t *testing.T) {
				t.Parallel()
				s := serve(t, func(s *smtptest.Server) {
					s.Offer.NoPipelining = !pipelining
					on(tt.step, 1, smtptest.Answer(tt.line))(s)
				})
				x := open(t, config(s))
				err := sendOne(t, x, letterOf(1))
				wantKind(t, err, tt.want)
				wantFired(t, s, "hook", 1)
				if codeOf(err) != tt.code || migrate.HintOf(err) != tt.hint {
					t.Errorf("code %d, hint %q: %v", codeOf(err), migrate.HintOf(err), err)
				}
				if n := len(s.Taken()); n != 0 {
					t.Errorf("%d messages taken", n)
				}
				wantKind(t, sendOne(t, x, letterOf(2)), "relayed")
				if taken := s.Taken(); len(taken) != 1 || !strings.HasSuffix(string(taken[0].Data), letterOf(2)) {
					t.Errorf("%d taken after the next message", len(taken))
				}
				wantFired(t, s, "NoPipelining", 0)
			})
		}
	}
}

// TestTheConnectionIsMadeAnew: a server that ends a connection between messages, or under one that was not sent whole after others that were,
// costs another connection and nothing else.
func TestTheConnectionIsMadeAnew(t *testing.T) {
	t.Parallel()
	third := func(verb string, f smtptest.Fault) func(*smtptest.Server) {
		return func(s *smtptest.Server) {
			s.Hook = func(c *smtptest.Conn, st smtptest.Step) smtptest.Fault {
				if c.Number() == 1 && st.Message == 3 && st.Verb == verb {
					return f
				}
				return smtptest.Pass()
			}
		}
	}
	tests := []struct {
		name, fault string
		set         func(*smtptest.Server)
		connections int
	}{
		{"421 after every second message", "CloseAfter", func(s *smtptest.Server) { s.CloseAfter = 2 }, 3},
		{"closed at MAIL", "hook", third("MAIL", smtptest.Cut()), 2},
		{"421 at RCPT", "hook", third("RCPT", smtptest.Answer("421 4.3.2 bye")), 2},
		{"closed at DATA", "hook", third("DATA", smtptest.Cut()), 2},
		{"closed in the body", "hook", third("DATA", smtptest.CutBody(20)), 2},
		{"closed behind an answer", "hook", third(".", smtptest.Octets("250 2.0.0 taken\r\n421 4.4.2 bye\r\n")), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.set)
			cfg := config(s)
			narrow(&cfg)
			x := open(t, cfg)
			n := 5
			uploads := mails(t, n)
			uploads[2] = upload(t, letterOf(3)+large())
			if got := kinds(send(t, x, uploads...)); len(got) != n || slices.ContainsFunc(got, func(k string) bool { return k != "relayed" }) {
				t.Errorf("%q", got)
			}
			if s.Fired(tt.fault) == 0 || s.Connections() != tt.connections {
				t.Errorf("%d faults, %d connections", s.Fired(tt.fault), s.Connections())
			}
			if len(s.Mail()) != n {
				t.Errorf("%d messages arrived", len(s.Mail()))
			}
		})
	}
}

// TestDeath: what is certain when the relay dies, step by step, on a connection that has carried nothing yet.
func TestDeath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, verb  string
		fault       smtptest.Fault
		times       int
		want        string
		taken       int
		connections int
	}{
		{"at MAIL once", "MAIL", smtptest.Cut(), 1, "relayed", 1, 2},
		{"at MAIL always", "MAIL", smtptest.Cut(), 2, "session", 0, 2},
		{"421 at MAIL always", "MAIL", smtptest.Answer("421 4.3.2 not now"), 2, "session later", 0, 2},
		{"at RCPT", "RCPT", smtptest.Cut(), 1, "session", 0, 1},
		{"421 at RCPT", "RCPT", smtptest.Answer("421 4.3.2 not now"), 1, "session later", 0, 1},
		{"before DATA is answered", "DATA", smtptest.Cut(), 1, "session", 0, 1},
		{"in the body", "DATA", smtptest.CutBody(100), 1, "session", 0, 1},
		{"in the body, with 552", "DATA", smtptest.EndBody(100, "552 5.3.4 too big"), 1, "rejected", 0, 1},
		{"in the body, with 451", "DATA", smtptest.EndBody(100, "451 4.3.0 later"), 1, "later", 0, 1},
		{"in the body, with 421", "DATA", smtptest.EndBody(100, "421 4.3.0 later"), 1, "session later", 0, 1},
		{"behind the dot, not taken", ".", smtptest.Cut(), 1, "uncertain", 0, 1},
		{"behind the dot, taken", ".", smtptest.ActAndCut(), 1, "uncertain", 1, 1},
		{"in the answer", ".", smtptest.LastWords("250 2.0"), 1, "uncertain", 0, 1},
	}
	for _, tt := range tests {
		for _, pipelining := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %v", tt.name, pipelining), func(t *testing.T) {
				t.Parallel()
				s := serve(t, func(s *smtptest.Server) {
					s.Offer.NoPipelining = !pipelining
					on(tt.verb, tt.times, tt.fault)(s)
				})
				cfg := config(s)
				narrow(&cfg)
				x := open(t, cfg)
				raw := letterOf(1)
				if strings.HasPrefix(tt.name, "in the body") {
					raw += large()
				}
				err := sendOne(t, x, raw)
				wantKind(t, err, tt.want)
				wantFired(t, s, "hook", tt.times)
				if n := len(s.Taken()); n != tt.taken || s.Connections() != tt.connections {
					t.Errorf("%d taken over %d connections: %v", n, s.Connections(), err)
				}
			})
		}
	}
}

func TestSomeRecipientsAreRefused(t *testing.T) {
	t.Parallel()
	all := []string{"a@x.example", "b@x.example", "c@x.example"}
	tests := []struct {
		name    string
		lmtp    bool
		verb    string
		answers map[string]string // by recipient
		want    string
		state   []State
		left    []string
	}{
		{"one of three refused", false, "RCPT", map[string]string{"b": "550 5.1.1 no"}, "partial", []State{Taken, Refused, Taken}, nil},
		{"one of three later", false, "RCPT", map[string]string{"a": "450 4.2.1 later"}, "partial", []State{Later, Taken, Taken}, all[:1]},
		{"too many", false, "RCPT", map[string]string{"c": "552 too many recipients"}, "partial", []State{Taken, Taken, Later}, all[2:]},
		{"a full mailbox", false, "RCPT", map[string]string{"c": "552 5.2.2 full"}, "partial", []State{Taken, Taken, Refused}, nil},
		{"all refused", false, "RCPT", map[string]string{"a": "550 5.1.1 no", "b": "550 5.1.1 no", "c": "551 5.1.6 moved"}, "rejected", nil, nil},
		{"none taken, one later", false, "RCPT", map[string]string{"a": "550 5.1.1 no", "b": "451 4.7.1 no", "c": "550 5.1.1 no"}, "later", nil, nil},
		{"LMTP, at RCPT", true, "RCPT", map[string]string{"b": "550 5.1.1 no"}, "partial", []State{Taken, Refused, Taken}, nil},
		{"LMTP, one of three", true, ".", map[string]string{"b": "552 5.2.2 full"}, "partial", []State{Taken, Refused, Taken}, nil},
		{"LMTP, two later", true, ".", map[string]string{"a": "452 4.2.2 full", "c": "452 4.2.2 full"}, "partial", []State{Later, Taken, Later},
			[]string{all[0], all[2]}},
		{"LMTP, all refused", true, ".", map[string]string{"a": "552 5.2.2 full", "b": "552 5.2.2 full", "c": "554 5.7.0 no"}, "rejected", nil, nil},
		{"LMTP, all later", true, ".", map[string]string{"a": "452 4.2.2 x", "b": "452 4.2.2 x", "c": "452 4.2.2 x"}, "later", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(s *smtptest.Server) {
				s.LMTP = tt.lmtp
				s.Hook = func(_ *smtptest.Conn, st smtptest.Step) smtptest.Fault {
					who := strings.TrimPrefix(st.Arg, "TO:<")
					if line := tt.answers[who[:min(1, len(who))]]; st.Verb == tt.verb && line != "" && st.Message == 1 {
						return smtptest.Answer(line)
					}
					return smtptest.Pass()
				}
			})
			cfg := config(s)
			cfg.To = append(all, all[0]) // said twice is once
			x := open(t, cfg)
			errs := send(t, x, mails(t, 2)...)
			if len(errs) != 2 {
				t.Fatalf("the sequence ended: %v", errs)
			}
			wantKind(t, errs[0], tt.want)
			wantKind(t, errs[1], "relayed")
			wantFired(t, s, "hook", len(tt.answers))
			var partial *PartialError
			if !errors.As(errs[0], &partial) {
				if tt.state != nil {
					t.Errorf("no PartialError: %v", errs[0])
				}
				return
			}
			var states []State
			for i, a := range partial.Answers {
				states = append(states, a.State)
				if a.To != all[i] || (a.Err == nil) != (a.State == Taken) {
					t.Errorf("answer %d: %+v", i, a)
				}
			}
			if !slices.Equal(states, tt.state) || !slices.Equal(partial.Left(), tt.left) {
				t.Errorf("%v, left %v", states, partial.Left())
			}
			if e := classOf(errs[0]); e.Final != (len(tt.left) == 0) || (e.After > 0) != (len(tt.left) > 0) {
				t.Errorf("%+v", e)
			}
			for i, r := range s.Mail()[0].To {
				if !r.Taken && tt.lmtp != (tt.verb == ".") {
					t.Errorf("recipient %d was not sent to", i)
				}
			}
		})
	}
}

// TestLMTPDiesBetweenAnswers: those that were answered for are certain, the others are not.
func TestLMTPDiesBetweenAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(s *smtptest.Server) {
		s.LMTP = true
		s.Hook = func(_ *smtptest.Conn, st smtptest.Step) smtptest.Fault {
			switch {
			case st.Verb == "." && st.Arg == "b@x.example":
				return smtptest.Answer("552 5.2.2 full")
			case st.Verb == "." && st.Arg == "c@x.example":
				return smtptest.Cut()
			}
			return smtptest.Pass()
		}
	})
	cfg := config(s)
	cfg.To = []string{"a@x.example", "b@x.example", "c@x.example", "d@x.example"}
	err := sendOne(t, open(t, cfg), letterOf(1))
	wantKind(t, err, "uncertain")
	wantFired(t, s, "hook", 2)
	var partial *PartialError
	if !errors.As(err, &partial) {
		t.Fatal(err)
	}
	var states []State
	for _, a := range partial.Answers {
		states = append(states, a.State)
	}
	if !slices.Equal(states, []State{Taken, Refused, Unknown, Unknown}) || len(partial.Left()) != 0 {
		t.Errorf("%v, left %v", states, partial.Left())
	}
}

func TestLMTPUsers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(s *smtptest.Server) { s.LMTP = true })
	cfg := config(s)
	cfg.To = []string{"user1"}
	wantKind(t, sendOne(t, open(t, cfg), letterOf(1)), "relayed")
	if m := s.Taken(); len(m) != 1 || m[0].To[0].To != "user1" || !strings.Contains(string(m[0].Data), "Resent-To: undisclosed-recipients:;\r\n") {
		t.Errorf("%+v", m)
	}
}

func TestRecipientsOfEachMessage(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	cfg := config(s)
	cfg.To = nil
	cfg.Recipients = func(u migrate.Upload) []string { return strings.Fields(u.Message.ID) }
	u := mails(t, 4)
	u[0].Message.ID, u[1].Message.ID, u[2].Message.ID, u[3].Message.ID = "a@x b@x", "", "no>\r\nRCPT", "c@x"
	if got := kinds(send(t, open(t, cfg), u...)); !slices.Equal(got, []string{"relayed", "rejected", "rejected", "relayed"}) {
		t.Errorf("%q", got)
	}
	m := s.Taken()
	if len(m) != 2 || len(m[0].To) != 2 || m[0].To[1].To != "b@x" || m[1].To[0].To != "c@x" ||
		!strings.Contains(string(m[0].Data), "Resent-To: <a@x>, <b@x>\r\n") {
		t.Errorf("%+v", m)
	}
}

// TestRoundTrips: with PIPELINING, a message costs two, else one for each command and one for its octets.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for _, pipelining := range []bool{true, false} {
		s := smtptest.NewUnstartedServer()
		s.Offer.NoPipelining = !pipelining
		trips := 0
		s.Hook = func(c *smtptest.Conn, st smtptest.Step) smtptest.Fault {
			if st.Verb != "." && c.Waiting() == 0 {
				trips++
			}
			return smtptest.Pass()
		}
		cfg := config(s)
		cfg.To = []string{"a@x", "b@x", "c@x"}
		piped(s)(&cfg)
		x := open(t, cfg)
		trips = 0
		for _, err := range send(t, x, mails(t, 10)...) {
			wantKind(t, err, "relayed")
		}
		if want := map[bool]int{true: 10, false: 50}[pipelining]; trips != want {
			t.Errorf("%d round trips before the octets, want %d", trips, want)
		}
		x.Close()
		s.Close()
	}
}

func TestSizeIsAskedForBeforehand(t *testing.T) {
	t.Parallel()
	s := serve(t, func(s *smtptest.Server) { s.Offer.Size = 2000 })
	x := open(t, config(s))
	if n := x.MaxSize(migrate.Mailbox{}); n != 2000 {
		t.Errorf("MaxSize %d", n)
	}
	errs := send(t, x, upload(t, letterOf(1)+strings.Repeat("x", 900)), upload(t, letterOf(1)+strings.Repeat("x\r\n", 700)), upload(t, letterOf(3)))
	if got := kinds(errs); !slices.Equal(got, []string{"relayed", "rejected", "relayed"}) {
		t.Errorf("%q", got)
	}
	if migrate.HintOf(errs[1]) != hintTooBig || count(s.Log(), "MAIL") != 2 {
		t.Errorf("%v, %q", errs[1], s.Log())
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	cfg := config(s)
	cfg.ReadOnly = true
	err := sendOne(t, open(t, cfg), letterOf(1))
	wantKind(t, err, "run")
	if !errors.Is(err, errReadOnly) || count(s.Log(), "MAIL") != 0 {
		t.Errorf("%v, %q", err, s.Log())
	}
}

func TestAMessageThatCantBeReadIsNeverEnded(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	x := open(t, config(s))
	u := upload(t, letterOf(1))
	short := &letter{head: "X: y\r\n\r\n", body: u.Message.Body, size: 1000}
	tx := x.s.deliver(short, "", []string{recipient})
	wantKind(t, tx.err, "session")
	if !tx.gone || len(s.Mail()) != 0 {
		t.Errorf("%+v, %d messages", tx, len(s.Mail()))
	}
	x.drop()
}
