package imap

import (
	"bytes"
	"testing"

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
