package imap

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// marked makes the messages with these numbers recognisable.
func marked(t testing.TB, ups []migrate.Upload, mark string, at ...int) {
	for _, i := range at {
		ups[i].Message = message(t, mark+": yes\r\n"+mail(i+1, 300))
	}
}

// uids lists the stored messages' positions among the uploads.
func positions(t testing.TB, o []migrate.Receipt, ups []migrate.Upload) (out []int) {
	t.Helper()
	for _, rc := range o {
		for i := range ups {
			if ups[i].Message == rc.Upload.Message {
				out = append(out, i)
			}
		}
	}
	return out
}

func TestOneBadMessageCostsOneMessage(t *testing.T) {
	for _, answer := range []string{"NO [TOOBIG] no", "BAD what", "NO [CANNOT] 8bit", "no [parse] x", "NO", "NO [XYZZY foo] bar"} {
		eachMethod(t, func(t *testing.T, caps []string) {
			s := serve(t, func(w *imaptest.Switches) {
				w.Caps = caps
				w.RefuseAppend = func(_ int, raw []byte) string {
					if bytes.HasPrefix(raw, []byte("X-Bad")) {
						return answer
					}
					return ""
				}
			})
			x := open(t, config(s))
			mb := folder(t, x)
			ups := mails(t, mb, 330, 300)
			bad := []int{0, 7, 99, 100, 215, 329}
			marked(t, ups, "X-Bad", bad...)
			o := upload(t, x, ups)
			if o.err != nil {
				t.Fatal(o.err)
			}
			if got := fmt.Sprint(positions(t, o.rejected, ups)); got != fmt.Sprint(bad) {
				t.Errorf("rejected %s", got)
			}
			for _, err := range o.causes {
				if e := class(t, err); e.Scope != migrate.ScopeMessage || !e.Final {
					t.Errorf("%v: scope %d", err, e.Scope)
				}
			}
			stored := s.Messages("INBOX")
			if len(stored) != 324 {
				t.Fatalf("%d stored", len(stored))
			}
			byUID := map[uint32][]byte{}
			for _, m := range stored {
				byUID[m.UID] = m.Raw
			}
			for _, rc := range o.stored {
				if !bytes.Equal(byUID[rc.UID], octets(t, rc.Upload.Message)) {
					t.Fatalf("uid %d is another message", rc.UID)
				}
			}
		})
	}
}

func TestRefusalsThatAreNotTheMessages(t *testing.T) {
	cases := map[string]struct {
		scope migrate.Scope
		final bool
		after time.Duration
		hint  string
	}{
		"NO [OVERQUOTA] full": {migrate.ScopeRun, true, 0, hintRoom},
		"NO [overquota] full": {migrate.ScopeRun, true, 0, hintRoom},
		"NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)": {migrate.ScopeRun, true, 0, hintVolume},
		"NO [NOPERM] no":           {migrate.ScopeRun, true, 0, hintRights},
		"NO [CONTACTADMIN] no":     {migrate.ScopeRun, true, 0, hintAdmin},
		"NO [UNAVAILABLE] later":   {migrate.ScopeSession, false, 30 * time.Second, ""},
		"NO [INUSE] busy":          {migrate.ScopeSession, false, 5 * time.Second, ""},
		"NO [SERVERBUG] oops":      {migrate.ScopeSession, false, 5 * time.Second, hintServer},
		"NO [THROTTLED] slow down": {migrate.ScopeSession, false, 30 * time.Second, ""},
		"NO Request is throttled. Suggested Backoff Time: 2500 milliseconds": {migrate.ScopeSession, false, 2500 * time.Millisecond, ""},
	}
	for answer, c := range cases {
		eachMethod(t, func(t *testing.T, caps []string) {
			s := serve(t, func(w *imaptest.Switches) {
				w.Caps = caps
				w.RefuseAppend = func(n int, _ []byte) string {
					if n > 150 {
						return answer
					}
					return ""
				}
			})
			x := open(t, config(s))
			ups := mails(t, folder(t, x), 400, 300)
			o := upload(t, x, ups)
			if o.err == nil {
				t.Fatal("no error")
			}
			e := class(t, o.err)
			if e.Scope != c.scope || e.Final != c.final || e.After != c.after || e.Hint != c.hint || errors.Is(o.err, migrate.ErrRejected) {
				t.Errorf("%s: %v: %+v", answer, o.err, e)
			}
			if slow := strings.Contains(answer, "hrottled") || strings.Contains(answer, "THROTTLED"); e.Throttled != slow || e.Crowded != strings.Contains(answer, "UNAVAILABLE") ||
				errors.Is(o.err, migrate.ErrVolume) != strings.Contains(answer, "bandwidth") {
				t.Errorf("%s: throttled %v, crowded %v, volume %v", answer, e.Throttled, e.Crowded, errors.Is(o.err, migrate.ErrVolume))
			}
			if len(o.rejected) > 0 || len(o.stored) != len(s.Messages("INBOX")) {
				t.Errorf("%s: %d rejected, %d stored, %d there", answer, len(o.rejected), len(o.stored), len(s.Messages("INBOX")))
			}
			if o.errAt.Upload.Message != ups[len(o.stored)].Message {
				t.Error("the error is at another message")
			}
		})
	}
}

// TestLimit: Dovecot's answer to one message that is too large, and somebody's to all.
func TestLimit(t *testing.T) {
	for name, from := range map[string]int{"of a message": 160, "of the server": 1} {
		t.Run(name, func(t *testing.T) {
			eachMethod(t, func(t *testing.T, caps []string) {
				s := serve(t, func(w *imaptest.Switches) {
					w.Caps = caps
					w.RefuseAppend = func(n int, raw []byte) string {
						if len(raw) > 5000 || n > 150 && from == 1 {
							return "NO [LIMIT] Mail size is larger than the maximum size allowed"
						}
						return ""
					}
				})
				x := open(t, config(s))
				ups := mails(t, folder(t, x), 400, 300)
				ups[160] = mails(t, folder(t, x), 1, 9000)[0]
				o := upload(t, x, ups)
				if from == 160 && (o.err != nil || len(o.rejected) != 1 || len(o.stored) != 399) {
					t.Errorf("%d stored, %d rejected, %v", len(o.stored), len(o.rejected), o.err)
				}
				if from == 1 && (o.err == nil || class(t, o.err).Scope != migrate.ScopeSession || len(o.rejected) > maxLimited) {
					t.Errorf("%d stored, %d rejected, %v", len(o.stored), len(o.rejected), o.err)
				}
			})
		})
	}
}

func TestQuotaInTheMiddle(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) { w.Caps, w.Quota = append(imaptest.DefaultCaps, "QUOTA"), 200<<10 })
	x := open(t, config(s))
	mb := folder(t, x)
	if room, ok, err := x.Room(t.Context()); room != 200<<10 || !ok || err != nil {
		t.Fatalf("room %d %v %v", room, ok, err)
	}
	ups := mails(t, mb, 400, 1000)
	o := upload(t, x, ups)
	if e := class(t, o.err); e.Scope != migrate.ScopeRun || e.Hint != hintRoom {
		t.Errorf("%v", o.err)
	}
	// Batches are halved until what fits is in. A small batch that was on its way behind a refused one may be in too: it is unknown, not reported.
	used := int64(0)
	for _, m := range s.Messages("INBOX") {
		used += int64(len(m.Raw))
	}
	if most := ups[399].Message.Body.Len(); used > 200<<10 || used+most <= 200<<10 || len(o.stored) > len(s.Messages("INBOX")) {
		t.Errorf("%d stored, %d there, %d octets of %d", len(o.stored), len(s.Messages("INBOX")), used, 200<<10)
	}
	if room, ok, err := x.Room(t.Context()); room >= 200<<10 || !ok || err != nil {
		t.Errorf("room %d %v %v afterwards", room, ok, err)
	}
}

func TestFolderThatIsGone(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) { w.Caps = caps })
		x := open(t, config(s))
		mb := folder(t, x)
		mb.Name = "Gone"
		o := upload(t, x, mails(t, mb, 20, 300))
		if e := class(t, o.err); e.Scope != migrate.ScopeFolder || e.Final || len(o.rejected) > 0 {
			t.Errorf("%v: %+v", o.err, e)
		}
	})
}

// mailutils imap4d says TRYCREATE of messages that it doesn't like.
func TestTryCreateThatIsNotMeant(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.RefuseAppend = func(_ int, raw []byte) string {
			if bytes.HasPrefix(raw, []byte("X-Bad")) {
				return "NO [TRYCREATE] can't"
			}
			return ""
		}
	})
	x := open(t, config(s))
	ups := mails(t, folder(t, x), 50, 300)
	marked(t, ups, "X-Bad", 20)
	if o := upload(t, x, ups); o.err != nil || len(o.rejected) != 1 || len(o.stored) != 49 {
		t.Errorf("%d stored, %d rejected, %v", len(o.stored), len(o.rejected), o.err)
	}
}

func TestEmptyAndTooLargeAreRefusedHere(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) { w.AppendLimit, w.AppendLimitCap = 5000, true })
	x := open(t, config(s))
	mb := folder(t, x)
	if x.MaxSize(mb) != 5000 {
		t.Fatal(x.MaxSize(mb))
	}
	ups := mails(t, mb, 5, 300)
	ups[1].Message, ups[3].Message = message(t, ""), message(t, mail(4, 6000))
	o := upload(t, x, ups)
	if o.err != nil || len(o.stored) != 3 || len(o.rejected) != 2 {
		t.Fatalf("%d stored, %v", len(o.stored), o.err)
	}
	if strings.Contains(strings.Join(s.Log(), "\n"), "[0 octets]") {
		t.Error("an empty literal was sent")
	}
	if o := upload(t, x, []migrate.Upload{ups[1]}); len(o.rejected) != 1 || o.err != nil { // nothing else
		t.Error(o.err)
	}
}

func TestAppendLimitByStatus(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) { w.Caps, w.AppendLimit = append(imaptest.DefaultCaps, "APPENDLIMIT"), 777 })
	x := open(t, config(s))
	if n := x.MaxSize(folder(t, x)); n != 777 {
		t.Error(n)
	}
}

// A server may say NO while the literal still comes in. Then the command is refused, and what it makes of the octets behind is its secret.
func TestRefusedBeforeItWasSent(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) {
			w.Caps = caps
			w.EarlyNo = func(size int64) string {
				if size > 400_000 {
					return "NO [TOOBIG] too big"
				}
				return ""
			}
		})
		x := open(t, config(s))
		ups := mails(t, folder(t, x), 120, 300)
		for _, i := range []int{3, 50, 119} {
			ups[i].Message = message(t, mail(i, 6_000_000))
		}
		o := upload(t, x, ups)
		if o.err != nil || fmt.Sprint(positions(t, o.rejected, ups)) != "[3 50 119]" || len(s.Messages("INBOX")) != 117 {
			t.Errorf("%d stored, rejected %v, %v", len(o.stored), positions(t, o.rejected, ups), o.err)
		}
	})
}

func TestKeywordsThatTheServerRefuses(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) {
		w.Intercept = func(verb, args string) string {
			if verb == "APPEND" && strings.Contains(args, "$Forwarded") {
				return "BAD Unrecognized flag"
			}
			return ""
		}
	})
	x := open(t, config(s))
	ups := mails(t, folder(t, x), 20, 300)
	ups[4].Flags = []migrate.Flag{`\seen`, "$Forwarded", `\Recent`, "a b", "x]y", `\Odd`, "ü"}
	if o := upload(t, x, ups); o.err != nil || len(o.stored) != 20 {
		t.Fatal(o.err)
	}
	for _, m := range s.Messages("INBOX") {
		if fmt.Sprint(m.Flags) != `[\Seen]` || m.Date.IsZero() {
			t.Errorf("flags %v, date %v", m.Flags, m.Date)
		}
	}
}

func TestDatesOutOfRangeAreLeftOut(t *testing.T) {
	s := serve(t, nil)
	x := open(t, config(s))
	ups := mails(t, folder(t, x), 4, 300)
	ups[0].Date, ups[1].Date, ups[2].Date = time.Time{}, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	ups[3].Date = time.Date(2024, 2, 3, 4, 5, 6, 0, time.FixedZone("", -7*3600))
	if o := upload(t, x, ups); o.err != nil {
		t.Fatal(o.err)
	}
	for i, m := range s.Messages("INBOX") {
		if i < 3 != m.Date.IsZero() || i == 3 && !m.Date.Equal(ups[3].Date) {
			t.Errorf("%d: %v", i, m.Date)
		}
	}
}

func TestAppendCodesThatMakeNoSense(t *testing.T) {
	for _, code := range []string{"[APPENDUID]", "[APPENDUID 5]", "[APPENDUID 5 0]", "[APPENDUID 0 5:54]", "[APPENDUID 5 1:4294967295]", "[APPENDUID x y]", "",
		"[APPENDUID 5 1:49]", "[APPENDUID 99999999999 1:50]", "[", "[APPENDUID 5 1:50"} {
		s := serve(t, func(w *imaptest.Switches) { w.AppendCode = func(uint32, string) string { return code } })
		x := open(t, config(s))
		o := upload(t, x, mails(t, folder(t, x), 50, 300))
		if o.err != nil || len(o.stored) != 50 || o.stored[0].UID != 0 || o.stored[0].UIDValidity != 0 {
			t.Errorf("%s: %d stored, uid %d, %v", code, len(o.stored), o.stored[0].UID, o.err)
		}
	}
	s := serve(t, func(w *imaptest.Switches) {
		w.AppendCode = func(uint32, string) string { return "[appenduid 5 60:41,1:10,90,80:71,100:107,200]" }
	})
	x := open(t, config(s))
	if o := upload(t, x, mails(t, folder(t, x), 50, 300)); o.err != nil || o.stored[0].UID != 41 || o.stored[49].UID != 200 {
		t.Errorf("%+v", o.stored[49])
	}
}

func TestAlone(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) {
			w.Caps = caps
			w.KillOn = func(raw []byte) bool { return bytes.HasPrefix(raw, []byte("X-Poison")) }
		})
		x := open(t, config(s))
		ups := mails(t, folder(t, x), 60, 300)
		marked(t, ups, "X-Poison", 30)
		for i := 25; i < 35; i++ {
			ups[i].Alone = true
		}
		o := upload(t, x, ups)
		if o.err == nil || len(o.stored) != 30 || o.errAt.Upload.Message != ups[30].Message || len(s.Messages("INBOX")) != 30 {
			t.Fatalf("%d stored, %d there, %v", len(o.stored), len(s.Messages("INBOX")), o.err)
		}
		if e := class(t, o.err); e.Scope != migrate.ScopeSession || e.Final {
			t.Errorf("%+v", e)
		}
		if o = upload(t, x, ups[31:]); o.err != nil || len(s.Messages("INBOX")) != 59 { // the lane is made anew
			t.Error(o.err)
		}
	})
}

func TestLostAnswer(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) {
			w.Caps = caps
			w.DropAnswer = func(n int) bool { return n == 2 }
		})
		x := open(t, config(s))
		o := upload(t, x, mails(t, folder(t, x), 300, 300))
		if o.err == nil || len(o.rejected) > 0 || len(s.Messages("INBOX")) <= len(o.stored) {
			t.Errorf("%d stored, %d there, %v", len(o.stored), len(s.Messages("INBOX")), o.err)
		}
	})
}
