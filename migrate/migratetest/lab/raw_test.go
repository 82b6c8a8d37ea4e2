package lab_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"poplift/migrate/migratetest/lab"
	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
)

// TestRawRetr: a measure that skips messages would flatter nobody it is held against.
func TestRawRetr(t *testing.T) {
	s := pop3test.NewServer()
	defer s.Close()
	size := int64(0)
	mail := slices.Collect(lab.Corpus(200, 3))
	mail = append(mail, lab.Message{}, lab.Message{Raw: []byte(".\r\n\r\n.\r\n")}, lab.Message{})
	for _, m := range mail {
		s.Add("me", pop3test.Msg{Raw: m.Raw})
		size += int64(len(m.Raw))
	}
	res, err := lab.RawRetr(context.Background(), s.Addr, "me", "me")
	if err != nil || res.Messages != len(mail) || res.Octets < size || res.Took <= 0 {
		t.Errorf("%+v of %d messages, %d octets: %v", res, len(mail), size, err)
	}
	if _, err := lab.RawRetr(context.Background(), s.Addr, "me", "wrong"); err == nil {
		t.Error("a wrong password was good enough")
	}
}

func TestRawLists(t *testing.T) {
	s := pop3test.NewServer()
	defer s.Close()
	for m := range lab.Corpus(50, 3) {
		s.Add("me", pop3test.Msg{Raw: m.Raw})
	}
	res, err := lab.RawLists(context.Background(), s.Addr, "me", "me")
	if err != nil || res.Messages != 50 || res.Octets < 50*8 || res.Took <= 0 {
		t.Errorf("%+v: %v", res, err)
	}
	if _, err := lab.RawLists(context.Background(), s.Addr, "me", "wrong"); err == nil {
		t.Error("a wrong password was good enough")
	}
}

func TestRawRetrTellsOfRefusals(t *testing.T) {
	s := pop3test.NewUnstartedServer()
	s.Quirk.SessionCap = 2
	s.Add("me", pop3test.Msg{Raw: []byte("a\r\n")}, pop3test.Msg{Raw: []byte("b\r\n")}, pop3test.Msg{Raw: []byte("c\r\n")})
	s.Start()
	defer s.Close()
	if res, err := lab.RawRetr(context.Background(), s.Addr, "me", "me"); err == nil || res.Messages != 2 {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestRawAppend(t *testing.T) {
	mail := slices.Collect(lab.Corpus(230, 4))
	for _, mode := range []lab.RawMode{lab.RawMulti, lab.RawPlus} {
		s := imaptest.NewServer()
		defer s.Close()
		res, err := lab.RawAppend(context.Background(), s.Addr, imaptest.User, imaptest.Password, mail, mode)
		if err != nil || res.Messages != len(mail) {
			t.Fatalf("mode %d: %+v, %v", mode, res, err)
		}
		same := func(a imaptest.Stored, b lab.Message) bool { return bytes.Equal(a.Raw, b.Raw) && a.Date.Equal(b.Date) }
		if !slices.EqualFunc(s.Messages("INBOX"), mail, same) {
			t.Errorf("mode %d: other mail arrived", mode)
		}
	}
}

func TestRawAppendTellsOfRefusals(t *testing.T) {
	s := imaptest.NewServer()
	defer s.Close()
	s.Change(func(w *imaptest.Switches) {
		w.RefuseAppend = func(n int, _ []byte) string {
			if n == 7 {
				return "NO [TOOBIG] no"
			}
			return ""
		}
	})
	mail := slices.Collect(lab.Corpus(20, 5))
	if res, err := lab.RawAppend(context.Background(), s.Addr, imaptest.User, imaptest.Password, mail, lab.RawPlus); err == nil || res.Messages != 6 {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := lab.RawAppend(context.Background(), s.Addr, imaptest.User, "wrong", mail, lab.RawPlus); err == nil {
		t.Error("a wrong password was good enough")
	}
}
