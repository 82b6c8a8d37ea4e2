package smtptest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// command logs, asks the hook, and carries out.
func (c *Conn) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	shown := line
	if words := strings.Fields(arg); verb == "AUTH" && len(words) > 1 {
		shown = "AUTH " + words[0] + " ***"
	}
	c.s.note(shown)
	if c.s.Offer.NoPipelining && c.br.Buffered() > 0 {
		c.s.fire("NoPipelining")
		c.br.Discard(c.br.Buffered())
	}
	if verb == "MAIL" {
		c.begun++
		if c.s.CloseAfter > 0 && c.ended >= c.s.CloseAfter {
			c.s.fire("CloseAfter")
			c.say("421 4.7.0 enough on this connection")
			c.bw.Flush()
			return errCut
		}
	}
	return c.step(verb, arg, func() error { return c.act(verb, arg) })
}

func (c *Conn) act(verb, arg string) error {
	switch verb {
	case "EHLO", "LHLO", "HELO":
		return c.hello(verb)
	case "AUTH":
		return c.auth(arg)
	case "MAIL":
		return c.from(arg)
	case "RCPT":
		return c.rcpt(arg)
	case "RSET":
		c.mail = nil
		return c.say("250 2.0.0 reset")
	case "NOOP":
		return c.say("250 2.0.0 yes")
	case "QUIT":
		c.finished = true
		return c.say("221 2.0.0 bye")
	}
	return c.say("500 5.5.1 no such command")
}

func (c *Conn) hello(verb string) error {
	o := c.s.Offer
	if c.s.LMTP != (verb == "LHLO") || verb == "EHLO" && o.NoEHLO {
		return c.say("500 5.5.1 no such command")
	}
	c.greeted, c.mail = true, nil
	if verb == "HELO" {
		return c.say("250 smtptest")
	}
	lines := []string{"smtptest"}
	add := func(yes bool, line string) {
		if yes {
			if o.LowerCase {
				line = strings.ToLower(line)
			}
			lines = append(lines, line)
		}
	}
	add(!o.NoPipelining, "PIPELINING")
	add(!o.No8BITMIME, "8BITMIME")
	add(!o.NoSMTPUTF8, "SMTPUTF8")
	add(!o.NoDSN, "DSN")
	add(!o.NoEnhanced, "ENHANCEDSTATUSCODES")
	add(!o.NoSIZE && o.Size == 0, "SIZE")
	add(!o.NoSIZE && o.Size > 0, "SIZE "+strconv.FormatInt(o.Size, 10))
	add(o.STARTTLS && !c.onTLS, "STARTTLS")
	add(len(o.SASL) > 0, "AUTH "+strings.Join(o.SASL, " "))
	lines = append(lines, o.Extra...)
	for i, line := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		if _, err := c.bw.WriteString("250" + separator + line + "\r\n"); err != nil {
			return err
		}
	}
	return nil
}

// path takes "FROM:<a@b> X=1 Y" apart.
func path(arg, prefix string) (address string, params []string, ok bool) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", nil, false
	}
	rest := arg[len(prefix):]
	end := strings.LastIndexByte(rest, '>')
	if len(rest) == 0 || rest[0] != '<' || end < 0 {
		return "", nil, false
	}
	return rest[1:end], strings.Fields(rest[end+1:]), true
}

func (c *Conn) from(arg string) error {
	address, params, ok := path(arg, "FROM:")
	switch {
	case !c.greeted || c.mail != nil:
		return c.say("503 5.5.1 not now")
	case !ok:
		return c.say("501 5.5.4 bad path")
	case c.s.MustLogIn && c.user == "":
		return c.say("530 5.7.0 log in first")
	}
	if bad := c.badParam(params); bad != "" {
		return c.say("%s", bad)
	}
	if !slices.Contains(params, "SMTPUTF8") && !plain(address) {
		return c.say("553 5.6.7 that needs SMTPUTF8")
	}
	c.mail = &Mail{Conn: c.n, From: address, Params: params, User: c.user, OnTLS: c.onTLS}
	return c.say("250 2.1.0 go on")
}

// badParam refuses what was not offered (RFC 5321 4.1.1.11), and a size that is too large.
func (c *Conn) badParam(params []string) string {
	o := c.s.Offer
	for _, p := range params {
		keyword, value, _ := strings.Cut(strings.ToUpper(p), "=")
		offered := map[string]bool{"SIZE": !o.NoSIZE, "BODY": !o.No8BITMIME, "SMTPUTF8": !o.NoSMTPUTF8, "RET": !o.NoDSN, "ENVID": !o.NoDSN}[keyword]
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case !offered:
			return "555 5.5.4 " + keyword + " was not offered"
		case keyword == "SIZE" && err != nil:
			return "501 5.5.4 bad size"
		case keyword == "SIZE" && o.Size > 0 && n > o.Size:
			return "552 5.3.4 too big"
		}
	}
	return ""
}

func (c *Conn) rcpt(arg string) error {
	address, params, ok := path(arg, "TO:")
	switch {
	case c.mail == nil:
		return c.say("503 5.5.1 MAIL first")
	case !ok || address == "":
		return c.say("501 5.5.4 bad path")
	case c.s.Offer.NoDSN && len(params) > 0:
		return c.say("555 5.5.4 DSN was not offered")
	case !slices.Contains(c.mail.Params, "SMTPUTF8") && !plain(address):
		return c.say("553 5.6.7 that needs SMTPUTF8")
	}
	c.mail.To = append(c.mail.To, Recipient{To: address, Params: params})
	return c.say("250 2.1.5 go on")
}

// data takes a message (RFC 5321 4.1.1.4).
func (c *Conn) data(f Fault) error {
	switch {
	case c.mail == nil:
		return c.say("503 5.5.1 MAIL first")
	case len(c.mail.To) == 0:
		return c.say("554 5.5.1 no valid recipients")
	}
	c.say("354 go on")
	if err := c.bw.Flush(); err != nil {
		return err
	}
	raw, err := c.readData(f)
	if err != nil {
		return err
	}
	m := *c.mail
	m.Data = raw
	c.mail = nil
	c.ended++
	return c.answers(m)
}

// readData reads up to the final dot and takes the other dots out.
func (c *Conn) readData(f Fault) ([]byte, error) {
	if f.body > 0 {
		buf := make([]byte, min(f.body, maxMail))
		for n := 0; n < len(buf); {
			m, err := c.br.Read(buf[n:])
			if err != nil {
				return nil, err
			}
			n += m
		}
		if f.stall {
			return nil, c.stall()
		}
		c.bw.WriteString(f.early)
		c.bw.Flush()
		return nil, errCut
	}
	var out []byte
	start := true
	for {
		if c.br.Buffered() == 0 {
			if err := c.wait(f.drip); err != nil {
				return nil, err
			}
		}
		line, err := c.br.ReadSlice('\n')
		if err != nil && len(line) < maxCommand {
			return nil, err
		}
		if start && bytes.Equal(line, []byte(".\r\n")) {
			return out, nil
		}
		if start && line[0] == '.' {
			line = line[1:]
		}
		if out = append(out, line...); len(out) > maxMail {
			return nil, fmt.Errorf("more than %d octets", maxMail)
		}
		start = bytes.HasSuffix(out, []byte("\r\n")) // only CRLF ends a line
	}
}

// answers says whether the message is taken: once, or for each recipient (RFC 2033 4.2).
func (c *Conn) answers(m Mail) error {
	refusal := ""
	switch {
	case c.s.Offer.Size > 0 && int64(len(m.Data)) > c.s.Offer.Size:
		refusal = "552 5.3.4 too big"
	case c.s.Offer.No8BITMIME && !plain(string(m.Data)):
		refusal = "554 5.6.1 that was not to be in 8 bit"
	}
	m.To = slices.Clone(m.To)
	take := func(of []Recipient) error {
		if refusal != "" {
			return c.say("%s", refusal)
		}
		for i := range of {
			of[i].Taken = true
		}
		m.Taken = true
		return c.say("250 2.0.0 taken")
	}
	var err error
	if !c.s.LMTP {
		err = c.step(".", "", func() error { return take(m.To) })
	}
	for i := range m.To {
		if c.s.LMTP && err == nil {
			err = c.step(".", m.To[i].To, func() error { return take(m.To[i : i+1]) })
		}
	}
	if !c.s.keep(m) {
		return errCut
	}
	return err
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
