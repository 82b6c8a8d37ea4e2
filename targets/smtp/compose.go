package smtp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"poplift/migrate"
)

// order is all that a letter says besides the message itself. It stays the same when a letter is made again for another connection.
type order struct {
	as           As
	operator     string
	to           []string
	now          time.Time
	id, boundary string
	language     string
	folder       string
	flags        []migrate.Flag
	date         time.Time // the INTERNALDATE; zero is not known
}

// letter is what is sent: the original's octets, as they are or in base64, between a head and a tail of ours.
type letter struct {
	head, tail string
	body       *migrate.Spool
	base64     bool
	// size is the octets of all of it, without dot-stuffing (RFC 1870 3).
	size int64
	// eight asks for BODY=8BITMIME, utf8 for SMTPUTF8.
	eight, utf8 bool
}

// compose puts a letter together in the form that the relay can take.
func compose(o *order, sv *survey, body *migrate.Spool, caps capabilities) (*letter, error) {
	eightBit, utf8 := caps.has("8BITMIME"), caps.has("8BITMIME") && caps.has("SMTPUTF8")
	l := &letter{body: body}
	if !ascii(strings.Join(o.to, "")) {
		if !utf8 {
			return nil, errors.New("the relay takes no recipient beyond ASCII (SMTPUTF8)")
		}
		l.eight, l.utf8 = true, true
	}
	switch {
	case o.as == Resent && sv.resendable(o.to) && sv.carried(eightBit) && (!sv.header8 || utf8 && sv.headerUTF8):
		l.head = o.resentBlock()
		l.eight, l.utf8 = l.eight || sv.eight, l.utf8 || sv.header8
		l.size = int64(len(l.head)) + sv.octets
	case sv.carried(eightBit) && !sv.header8:
		encoding := "7bit"
		if sv.eight {
			encoding, l.eight = "8bit", true
		}
		l.attach(o, sv, "message/rfc822", encoding)
		l.size = int64(len(l.head)) + sv.octets + int64(len(l.tail))
	default:
		l.base64 = true
		l.attach(o, sv, `application/octet-stream; name="message.eml"`, "base64")
		l.size = int64(len(l.head)) + wrappedLen(sv.octets) + int64(len(l.tail))
	}
	return l, nil
}

// resentBlock is RFC 5322 3.6.6.
func (o *order) resentBlock() string {
	return field("Resent-Date", o.now.Format(time.RFC1123Z)) + field("Resent-From", "<"+o.operator+">") + field("Resent-To", addresses(o.to)...) +
		field("Resent-Message-ID", o.id)
}

// attach makes the note, with room for the original behind it.
func (l *letter) attach(o *order, sv *survey, contentType, encoding string) {
	n := noteIn(o.language)
	var b strings.Builder
	b.WriteString(field("Date", o.now.Format(time.RFC1123Z)))
	b.WriteString(field("From", "<"+o.operator+">"))
	b.WriteString(field("To", addresses(o.to)...))
	b.WriteString(field("Message-ID", o.id))
	b.WriteString(field("Subject", subject(n.subject, sv.subject)...))
	b.WriteString(field("Auto-Submitted", "auto-generated")) // RFC 3834 5: no vacation message for it
	b.WriteString(field("X-Poplift-Folder", encoded(o.folder)...))
	if len(o.flags) > 0 {
		b.WriteString(field("X-Poplift-Flags", flagWords(o.flags)...))
	}
	date := ""
	if !o.date.IsZero() {
		b.WriteString(field("X-Poplift-Date", o.date.Format(time.RFC1123Z)))
		date = o.date.Format("2006-01-02 15:04 -0700")
	}
	b.WriteString(field("MIME-Version", "1.0"))
	b.WriteString(field("Content-Type", "multipart/mixed;", `boundary="`+o.boundary+`"`))
	text, textEncoding := n.text(o.folder, date)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Language: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s", o.boundary,
		n.tag, textEncoding, text)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\nContent-Disposition: attachment; filename=\"message.eml\"\r\n\r\n",
		o.boundary, contentType, encoding)
	l.head, l.tail = b.String(), "\r\n--"+o.boundary+"--\r\n"
}

// flagWords are flags as X-Poplift-Flags lists them: between blanks, which no flag has.
func flagWords(flags []migrate.Flag) []string {
	var out []string
	for _, f := range flags {
		out = append(out, string(f))
	}
	return encoded(strings.Join(out, " "))
}

// subject is ours, and behind it the original's: the words of it as they are where they are ASCII, encoded or not.
func subject(ours string, original []byte) []string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(original), "\uFFFD"))
	words := strings.Fields(text)
	if len(words) == 0 {
		return encoded(ours)
	}
	ours += ":"
	for _, w := range words {
		if !ascii(w) || len(w) > maxText998/2 {
			return encoded(ours + " " + strings.Join(words, " "))
		}
	}
	if !readable(ours) && strings.HasPrefix(words[0], "=?") {
		ours += " " // the blank between two encoded-words doesn't show (RFC 2047 6.2)
	}
	return append(encoded(ours), words...)
}

// writeTo writes all of the letter, and checks that it is as long as was said.
func (l *letter) writeTo(w io.Writer) error {
	c := &counter{w: w}
	_, err := io.WriteString(c, l.head)
	switch {
	case err != nil:
	case l.base64:
		lines := &wrapper{w: c}
		enc := base64.NewEncoder(base64.StdEncoding, lines)
		if _, err = l.body.WriteTo(enc); err == nil {
			err = enc.Close()
		}
	default:
		_, err = l.body.WriteTo(c)
	}
	if err == nil {
		_, err = io.WriteString(c, l.tail)
	}
	if err == nil && c.n != l.size {
		err = fmt.Errorf("%d octets were announced and %d are there", l.size, c.n)
	}
	return err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// wrapper breaks base64 into lines (RFC 2045 6.8). The last one has no line end.
type wrapper struct {
	w    io.Writer
	room int
	used bool
}

const base64Line = 76

func (b *wrapper) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if b.room == 0 {
			if b.used {
				if _, err := io.WriteString(b.w, "\r\n"); err != nil {
					return done, err
				}
			}
			b.room, b.used = base64Line, true
		}
		n, err := b.w.Write(p[done:min(len(p), done+b.room)])
		done += n
		b.room -= n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// wrappedLen is how long n octets are in base64 on lines.
func wrappedLen(n int64) int64 {
	chars := (n + 2) / 3 * 4
	return chars + 2*max((chars-1)/base64Line, 0)
}
