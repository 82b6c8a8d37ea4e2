package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// letterbox makes up the mail of a person over some years. The same seed makes the same octets.
type letterbox struct {
	rng  *rand.Rand
	when time.Time
	n    int
	last map[string]string // thread → its newest Message-ID
}

// demoMail is a maildrop of n messages, oldest first, with the dirt that old maildrops have: exact copies, a message without a Message-ID,
// one of three megabytes, lines that begin with dots, 8-bit headers.
func demoMail(n int) [][]byte {
	l := &letterbox{rng: rand.New(rand.NewPCG(1939, 9051)), when: time.Date(2009, 3, 14, 8, 0, 0, 0, time.UTC), last: map[string]string{}}
	step := 15 * 365 * 24 * time.Hour / time.Duration(max(n, 1))
	var out [][]byte
	for len(out) < n {
		l.when = l.when.Add(step/2 + time.Duration(l.rng.Int64N(int64(step))))
		switch i := len(out); {
		case i > 0 && i%70 == 0: // the server gave it out twice
			out = append(out, out[i-1-l.rng.IntN(min(i, 20))])
		case i == n/2:
			out = append(out, l.scan())
		case i%37 == 11:
			out = append(out, l.eightBit())
		default:
			out = append(out, l.message())
		}
	}
	return out
}

type person struct{ name, address string }

var (
	demoUser  = person{"Ada Example", "ada@example.org"}
	demoCast  = []person{{"Böðvar Jónsson", "bodvar@example.is"}, {"Carla Núñez", "carla@example.com"}, {"Dmitri Лебедев", "dmitri@example.net"}, {"Erika Mustermann", "erika@example.de"}, {"山田 太郎", "taro@example.jp"}, {"Fatima Al-Zahra", "fatima@example.com"}, {"Grace", "grace@example.org"}}
	demoTopic = []string{"Lunch on Friday?", "Photos of the weekend", "Rechnung für März", "Besuch in Zürich – wann passt es?", "来週の会議について", "Draft of chapter three", "Квартальный отчёт", "Your order has shipped", "Meeting notes", "Old radio, free to a good home"}
	demoLists = []string{"gardeners", "radio-amateurs"}
	demoWords = strings.Fields("the a of and to in that we it for was on with as is at by from this have not are but what all were when there can an your which " +
		"said if will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its " +
		"who now people my made over did down only way find use may water long little very after words called just where most know")
)

// message is an ordinary message: plain, with HTML beside it, or with an attachment, in a thread and now and then from a mailing list.
func (l *letterbox) message() []byte {
	from, topic := demoCast[l.rng.IntN(len(demoCast))], demoTopic[l.rng.IntN(len(demoTopic))]
	h := l.header(from, topic)
	switch l.rng.IntN(10) {
	case 0, 1, 2:
		return build(h, "multipart/alternative", l.boundary(),
			part{"text/plain", "quoted-printable", "", l.prose(3)}, part{"text/html", "quoted-printable", "", l.html(4)})
	case 3:
		return build(h, "multipart/mixed", l.boundary(),
			part{"text/plain", "quoted-printable", "", l.prose(1)}, part{"image/jpeg", "base64", "photo.jpg", l.noise(20_000 + l.rng.IntN(300_000))})
	case 4:
		list := demoLists[l.rng.IntN(len(demoLists))]
		h.Set("List-Id", list+" <"+list+".lists.example.net>")
		h.Set("List-Post", "<mailto:"+list+"@lists.example.net>")
		h.Set("Precedence", "list")
		return build(h, "text/plain", "", part{"text/plain", "7bit", "", l.prose(4)})
	case 5:
		return build(h, "text/plain", "", part{"text/plain", "8bit", "", "Grüße aus Århus!\r\n.. two dots begin this line\r\n.\r\n" + l.prose(2)})
	}
	return build(h, "text/plain", "", part{"text/plain", "quoted-printable", "", l.prose(1 + l.rng.IntN(6))})
}

// scan is the one large message.
func (l *letterbox) scan() []byte {
	h := l.header(demoCast[0], "The whole archive, scanned")
	return build(h, "multipart/mixed", l.boundary(),
		part{"text/plain", "7bit", "", "As promised.\r\n"}, part{"application/pdf", "base64", "archive.pdf", l.noise(2_200_000)})
}

// eightBit is as some programs of the time wrote: raw Latin-1 in the header, no MIME, no Message-ID.
func (l *letterbox) eightBit() []byte {
	return fmt.Appendf(nil, "Received: from gateway.example.com by mail.example.org;\r\n\t%s\r\nFrom: fax@example.com\r\nTo: %s\r\nSubject: Gr\xfc\xdfe No. %d\r\nDate: %s\r\n\r\n%s",
		l.when.Format(time.RFC1123Z), demoUser.address, len(l.last)+l.rng.IntN(1000), l.when.Format(time.RFC1123Z), l.prose(1))
}

// header is that of a message which took a minute from its author to the maildrop.
func (l *letterbox) header(from person, topic string) mail.Header {
	l.n++
	id := fmt.Sprintf("%d.%x@%s", l.n, l.rng.Uint32(), from.address[strings.IndexByte(from.address, '@')+1:])
	var h mail.Header
	h.SetMessageID(id)
	h.SetDate(l.when)
	h.SetAddressList("From", []*mail.Address{{Name: from.name, Address: from.address}})
	h.SetAddressList("To", []*mail.Address{{Name: demoUser.name, Address: demoUser.address}})
	if parent := l.last[topic]; parent != "" && l.rng.IntN(4) > 0 {
		topic = "Re: " + topic
		h.SetMsgIDList("In-Reply-To", []string{parent})
		h.SetMsgIDList("References", []string{parent})
	}
	l.last[strings.TrimPrefix(topic, "Re: ")] = id
	h.SetSubject(topic)
	for hop := range 1 + l.rng.IntN(3) { // Add puts each above the one before
		h.Add("Received", fmt.Sprintf("from mx%d.example.net by mx%d.example.org with ESMTPS; %s", hop, hop+1,
			l.when.Add(time.Duration(20*(hop+1))*time.Second).Format(time.RFC1123Z)))
	}
	return h
}

func (l *letterbox) boundary() string { return fmt.Sprintf("=_%016x", l.rng.Uint64()) }

// prose is some paragraphs.
func (l *letterbox) prose(paragraphs int) string {
	var b strings.Builder
	for range paragraphs {
		for line := range 2 + l.rng.IntN(6) {
			for range 8 + l.rng.IntN(6) {
				b.WriteString(demoWords[l.rng.IntN(len(demoWords))])
				b.WriteByte(' ')
			}
			if line == 1 && l.rng.IntN(8) == 0 {
				b.WriteString("\r\n.a line that begins with a dot")
			}
			b.WriteString("\r\n")
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

func (l *letterbox) html(paragraphs int) string {
	return "<html><body><p>" + strings.ReplaceAll(strings.TrimSpace(l.prose(paragraphs)), "\r\n\r\n", "</p>\r\n<p>") + "</p></body></html>\r\n"
}

// noise is octets that don't compress, as a photo's.
func (l *letterbox) noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(l.rng.Uint32())
	}
	return string(b)
}

type part struct{ mediaType, encoding, file, body string }

// build writes a message of one part, or a multipart one of several. Writing to a buffer can't fail, and the header is our own.
func build(h mail.Header, mediaType, boundary string, parts ...part) []byte {
	var b bytes.Buffer
	if boundary == "" {
		p := parts[0]
		p.describe(&h.Header)
		w := must(message.CreateWriter(&b, h.Header))
		p.write(w)
		return b.Bytes()
	}
	h.SetContentType(mediaType, map[string]string{"boundary": boundary})
	w := must(message.CreateWriter(&b, h.Header))
	for _, p := range parts {
		var ph message.Header
		p.describe(&ph)
		p.write(must(w.CreatePart(ph)))
	}
	w.Close()
	b.WriteString("\r\n")
	return b.Bytes()
}

func (p part) describe(h *message.Header) {
	params := map[string]string{}
	if strings.HasPrefix(p.mediaType, "text/") {
		params["charset"] = "utf-8"
	}
	if p.file != "" {
		h.SetContentDisposition("attachment", map[string]string{"filename": p.file})
	}
	h.SetContentType(p.mediaType, params)
	h.Set("Content-Transfer-Encoding", p.encoding)
}

func (p part) write(w io.WriteCloser) {
	io.WriteString(w, p.body)
	w.Close()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
