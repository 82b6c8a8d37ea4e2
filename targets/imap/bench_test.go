package imap

import (
	"context"
	"fmt"
	"iter"
	"testing"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"poplift/migrate"
	"poplift/targets/imap/imaptest"
)

// BenchmarkAppend uploads messages of 46 KB, the mean of the lab's set, to a server in this process.
func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"multi", "pipelined", "synchronizing"} {
		b.Run(name, func(b *testing.B) {
			s := imaptest.NewUnstartedServer()
			s.Silent = true
			s.Change(func(w *imaptest.Switches) { w.Caps = methods[name] })
			s.Start()
			defer s.Close()
			x, err := Open(context.Background(), config(s))
			if err != nil {
				b.Fatal(err)
			}
			defer x.Close()
			up := migrate.Upload{Mailbox: folder(b, x), Message: message(b, mail(1, 46_000)), Flags: []migrate.Flag{migrate.Seen}}
			var seq iter.Seq[migrate.Upload] = func(yield func(migrate.Upload) bool) {
				for range b.N {
					if !yield(up) {
						return
					}
				}
			}
			b.SetBytes(up.Message.Body.Len())
			b.ResetTimer()
			for _, err := range x.Append(context.Background(), seq) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIndex counts messages indexed; go-imap is the same question asked by the library, for comparison.
func BenchmarkIndex(b *testing.B) {
	const n = 100_000
	s := imaptest.NewUnstartedServer()
	s.Silent = true
	s.Start()
	defer s.Close()
	for i := range n {
		head := fmt.Sprintf("Message-ID: <%d.abcdefgh@mail.example.com>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nFrom: Some Body <a@example.com>\r\nTo: b@example.org, c@example.org\r\n"+
			"Subject: about the number %d\r\nContent-Type: multipart/alternative; boundary=\"----=_Part_%d\"\r\n", i, i, i)
		s.Deliver("INBOX", []byte(head+"Received: from x\r\n\r\nbody\r\n"))
	}
	x, err := Open(context.Background(), config(s))
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	mb := folder(b, x)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs() // the server in this process included
		for range b.N {
			var next uint32
			got := 0
			for _, err := range x.Index(context.Background(), mb, 1, &next) {
				if err != nil {
					b.Fatal(err)
				}
				got++
			}
			if got != n {
				b.Fatal(got)
			}
		}
		b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("go-imap", func(b *testing.B) {
		c, err := imapclient.DialInsecure(s.Addr, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if err := c.Login(imaptest.User, imaptest.Password).Wait(); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Select("INBOX", &goimap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			b.Fatal(err)
		}
		var r migrate.EnvelopeReader
		section := &goimap.FetchItemBodySection{Peek: true, Specifier: goimap.PartSpecifierHeader, HeaderFields: migrate.EnvelopeFields}
		b.ResetTimer()
		for range b.N {
			cmd := c.Fetch(goimap.UIDSet{{Start: 1, Stop: 0}}, &goimap.FetchOptions{UID: true, RFC822Size: true,
				BodySection: []*goimap.FetchItemBodySection{section}})
			for m := cmd.Next(); m != nil; m = cmd.Next() {
				buf, err := m.Collect()
				if err != nil {
					b.Fatal(err)
				}
				r.Envelope(buf.BodySection[0].Bytes)
			}
			if err := cmd.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("parse only", func(b *testing.B) {
		line := []byte("* 17 FETCH (UID 17 RFC822.SIZE 4711 BODY[HEADER.FIELDS (MESSAGE-ID DATE FROM TO CC SUBJECT CONTENT-TYPE)] {34}\r\nMessage-ID: <a@b>\r\nSubject: abc\r\n\r\n)")
		var r migrate.EnvelopeReader
		for b.Loop() {
			f, ok := parseFetch(line)
			if !ok || !f.hasHeader {
				b.Fatal("not parsed")
			}
			r.Envelope(f.header)
		}
	})
}
