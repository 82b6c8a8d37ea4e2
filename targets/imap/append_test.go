package imap

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// methods are the capabilities that lead to each way of uploading.
var methods = map[string][]string{
	"multi":         imaptest.DefaultCaps,
	"pipelined":     imaptest.Without(imaptest.DefaultCaps, "MULTIAPPEND"),
	"synchronizing": imaptest.Without(imaptest.DefaultCaps, "MULTIAPPEND", "LITERAL+"),
	"literal-":      append(imaptest.Without(imaptest.DefaultCaps, "MULTIAPPEND", "LITERAL+"), "LITERAL-"),
}

func eachMethod(t *testing.T, f func(t *testing.T, caps []string)) {
	for name, caps := range methods {
		t.Run(name, func(t *testing.T) { f(t, caps) })
	}
}

func TestAppendStoresEveryOctetInOrder(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) { w.Caps = caps })
		x := open(t, config(s))
		mb := folder(t, x, "Archive")
		ups := append(mails(t, mb, 250, 1000), mails(t, mb, 10, 100_000)...)
		o := upload(t, x, ups)
		if o.err != nil || len(o.stored) != 260 {
			t.Fatalf("stored %d, %v", len(o.stored), o.err)
		}
		got := s.Messages("Archive")
		for i, m := range got {
			if !bytes.Equal(m.Raw, octets(t, ups[i].Message)) || !m.Date.Equal(ups[i].Date) || len(m.Flags) != 1 {
				t.Fatalf("message %d: %d octets, %v, %v", i, len(m.Raw), m.Date, m.Flags)
			}
			if o.stored[i].UID != m.UID || o.stored[i].UIDValidity != mb.UIDValidity {
				t.Fatalf("receipt %d: uid %d, stored as %d", i, o.stored[i].UID, m.UID)
			}
		}
		if o = upload(t, x, mails(t, mb, 1, 10)); o.err != nil || len(s.Messages("Archive")) != 261 { // the lane is used again
			t.Fatal(o.err)
		}
	})
}

func TestConsumerThatStopsEarly(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) { w.Caps = caps })
		x := open(t, config(s))
		mb := folder(t, x)
		for stop := range 5 {
			n := 0
			for range x.Append(t.Context(), each(mails(t, mb, 200, 2000))) {
				if n++; n > stop {
					break
				}
			}
		}
		before := len(s.Messages("INBOX"))
		if o := upload(t, x, mails(t, mb, 3, 100)); o.err != nil || len(s.Messages("INBOX")) < before+3 {
			t.Error(o.err)
		}
	})
}

// TestSourceThatWaits has each message come only after the one before it was answered for, as it is when the memory budget is small.
func TestSourceThatWaits(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) { w.Caps = caps })
		x := open(t, config(s))
		ups := mails(t, folder(t, x), 5, 300)
		turn := make(chan struct{}, 1)
		turn <- struct{}{}
		n := 0
		for _, err := range x.Append(t.Context(), func(yield func(migrate.Upload) bool) {
			for _, u := range ups {
				<-turn
				if !yield(u) {
					return
				}
			}
		}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			turn <- struct{}{}
		}
		if n != 5 {
			t.Error(n)
		}
	})
}

func TestCancelCutsAtOnce(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		held := make(chan struct{})
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		s := serve(t, func(w *imaptest.Switches) {
			w.Caps = caps
			w.RefuseAppend = func(int, []byte) string { cancel(why); <-held; return "" }
		})
		defer close(held)
		x := open(t, config(s))
		var got error
		for _, err := range x.Append(ctx, each(mails(t, folder(t, x), 3, 300))) {
			got = err
		}
		if !errors.Is(got, why) {
			t.Errorf("%v", got)
		}
	})
}

func TestSeveralMailboxes(t *testing.T) {
	eachMethod(t, func(t *testing.T, caps []string) {
		s := serve(t, func(w *imaptest.Switches) { w.Caps = caps })
		x := open(t, config(s))
		a, b := folder(t, x, "Ä & B"), folder(t, x, `q"uo\te`)
		var ups []migrate.Upload
		for i, u := range mails(t, a, 40, 300) {
			if i%3 == 0 {
				u.Mailbox = b
			}
			ups = append(ups, u)
		}
		if o := upload(t, x, ups); o.err != nil {
			t.Fatal(o.err)
		}
		if n, m := len(s.Messages("&AMQ- &- B")), len(s.Messages(`q"uo\te`)); n != 26 || m != 14 {
			t.Error(n, m, s.Account(imaptest.User).Mailboxes())
		}
	})
}
