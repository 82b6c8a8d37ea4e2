package lab

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Message is one of a maildrop.
type Message struct {
	// Raw is the message in the form of the wire, with CRLF line ends, and not always one at its end.
	Raw []byte
	// Date is when it was received, as its header says: the INTERNALDATE that a copy must have.
	Date time.Time
	// Twin says that an earlier message has the same octets.
	Twin bool
}

// ToCRLF gives every line end that lacks it its CR: the form in which POP3 and IMAP give out mail. Other octets, a lone CR too, stay.
func ToCRLF(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/40)
	for i, c := range raw {
		if c == '\n' && (i == 0 || raw[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

// twinEvery makes 1.2 % of a mailbox copies of other messages in it.
const twinEvery = 83

// Corpus is a mailbox of n messages, oldest first, as a person gathers them over years, with the dirt of real ones: exact twins, missing and shared
// Message-IDs, raw 8-bit octets in headers and bodies, lines that begin with dots or never end, missing last line ends. Half of the messages
// have less than 14 KB, and a few some megabytes. The same seed makes the same octets.
func Corpus(n int, seed uint64) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		a := &author{rng: rand.New(rand.NewPCG(seed, 1939)), step: 15 * 365 * 24 * time.Hour / time.Duration(max(n, 1))}
		a.when = time.Date(2009, 1, 5, 9, 0, 0, 0, time.UTC)
		var recent []Message
		for i := range n {
			var m Message
			if i%twinEvery == twinEvery-1 {
				m = recent[a.rng.IntN(len(recent))]
				m.Twin = true
			} else {
				m = a.write(i)
				if len(m.Raw) < 100_000 { // what is remembered must stay small
					recent = append(recent[max(len(recent)-30, 0):], m)
				}
			}
			if !yield(m) {
				return
			}
		}
	}
}

type author struct {
	rng    *rand.Rand
	when   time.Time
	step   time.Duration
	lastID string
}

var (
	vocabulary = strings.Fields("the of and to in a is that for it was on with as be at by this have from or not are but what all were when there can your said if do will " +
		"each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people " +
		"project meeting invoice budget server migration deadline agenda customer contract report please attached regards thanks update schedule review quarterly results")
	foreign = []string{"Gr\xc3\xbc\xc3\x9fe", "na\xc3\xafve", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xe9t\xe9", "Stra\xdfe"} // UTF-8 and Latin-1
	cast    = []string{"Alice Martin <alice@example.com>", "\"Smith, Bob\" <bob@example.org>", "D=?utf-8?q?=C3=B6?=rte <doerte@mail.example.net>", "J\xf6rg <joerg@example.com>", "chen@corp.example.com"}
)

// size is log-normal: a median of 14 KB, a mean of some 30 KB, at most 4 MB.
func (a *author) size() int {
	return int(min(14_000*math.Exp(1.25*a.rng.NormFloat64()), 4e6))
}

func (a *author) one(of []string) string { return of[a.rng.IntN(len(of))] }

// write makes message i: most are as their programs should have made them, and every trait below is in a few of a hundred.
func (a *author) write(i int) Message {
	a.when = a.when.Add(a.step/2 + time.Duration(a.rng.Int64N(int64(a.step)))).Truncate(time.Second)
	size, odd := a.size(), a.rng.IntN(100)
	var b bytes.Buffer
	received := a.when.Add(time.Duration(a.rng.IntN(7200)) * time.Second)
	if odd != 0 { // else it never left its server, and Date is all it has
		a.trace(&b, received)
	} else {
		received = a.when
	}
	id := fmt.Sprintf("<%d.%x@%s>", i, a.rng.Uint32(), "example.com")
	if odd == 1 && a.lastID != "" {
		id = a.lastID // a list that put its footer below
	}
	a.lastID = id
	fmt.Fprintf(&b, "From: %s\r\nTo: me@example.org\r\nSubject: %s %s %s\r\n", a.one(cast), a.one(vocabulary), a.one(vocabulary), a.one(vocabulary))
	fmt.Fprintf(&b, "Date: %s\r\n", a.when.In(time.FixedZone("", (a.rng.IntN(20)-8)*3600)).Format(time.RFC1123Z))
	if odd != 2 {
		fmt.Fprintf(&b, "Message-ID: %s\r\n", id)
	}
	a.content(&b, size, odd)
	raw := b.Bytes()
	if odd == 3 {
		raw = bytes.TrimRight(raw, "\r\n")
	}
	return Message{Raw: raw, Date: received}
}

// trace is the header that servers on the way have written, the last one on top.
func (a *author) trace(b *bytes.Buffer, received time.Time) {
	b.WriteString("Return-Path: <sender@example.com>\r\n")
	hops := 1 + a.rng.IntN(4)
	for hop := range hops {
		fmt.Fprintf(b, "Received: from mx%d.example.net (mx%d.example.net [192.0.2.%d])\r\n\tby mx%d.example.org with ESMTPS id %08X;\r\n\t%s\r\n",
			hop, hop, a.rng.IntN(256), hop, a.rng.Uint32(), received.Add(-time.Duration(20*hop)*time.Second).Format(time.RFC1123Z))
	}
}

// content ends the header and writes a body of about size octets.
func (a *author) content(b *bytes.Buffer, size, odd int) {
	b.WriteString("MIME-Version: 1.0\r\n")
	switch {
	case odd == 4:
		b.WriteString("Content-Type: text/html\r\n\r\n")
		a.text(b, size, math.MaxInt)
	case size > 50_000:
		b.WriteString("Content-Type: application/pdf; name=scan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		a.encoded(b, size)
	case odd < 15:
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
		a.text(b, size, 200)
	default:
		b.WriteString("Content-Type: text/plain\r\n\r\n")
		a.text(b, size, 72)
	}
}

// text is lines of at most width octets. Wide ones have words of other languages in them.
func (a *author) text(b *bytes.Buffer, size, width int) {
	for end, start := b.Len()+size, b.Len(); b.Len() < end; {
		word := a.one(vocabulary)
		if width > 72 && a.rng.IntN(20) == 0 {
			word = a.one(foreign)
		}
		if b.WriteString(word); b.Len()-start < width {
			b.WriteByte(' ')
			continue
		}
		b.WriteString("\r\n")
		if a.rng.IntN(100) == 0 {
			b.WriteString(a.one([]string{".\r\n", "..\r\n", ".begins with a dot\r\n", "\r\n", "From here on\r\n"}))
		}
		start = b.Len()
	}
	b.WriteString("\r\n")
}

// encoded is lines as base64 has them; what they decode to is nobody's business.
func (a *author) encoded(b *bytes.Buffer, size int) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for end := b.Len() + size; b.Len() < end; {
		for bits, i := uint64(0), 0; i < 76; i++ {
			if i%10 == 0 {
				bits = a.rng.Uint64()
			}
			b.WriteByte(digits[bits&63])
			bits >>= 6
		}
		b.WriteString("\r\n")
	}
}
