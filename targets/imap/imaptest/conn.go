package imaptest

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
)

// conn is one client's connection.
type conn struct {
	*wire
	server   *Server
	n        int
	sw       Switches // as they were when the command began
	secure   bool
	account  *Account // after login
	selected *mailbox
	locked   bool     // it was opened by EXAMINE, or can't be changed
	caps     []string // as they were when the connection began
}

func newConn(s *Server, nc net.Conn, n int) *conn {
	return &conn{wire: newWire(nc), server: s, n: n, caps: s.switches().Caps}
}

// part is a piece of a command: text, then perhaps a literal.
type part struct {
	text    string
	literal []byte
	has     bool
}

func (c *conn) serve() {
	if c.server.implicit {
		if c.startTLS() != nil {
			return
		}
	}
	c.sw = c.server.switches()
	switch {
	case c.sw.Greeting != "":
		c.line("%s", c.sw.Greeting)
		if strings.HasPrefix(c.sw.Greeting, "* BYE") {
			c.flush()
			return
		}
	case c.sw.CapsHidden:
		c.line("* OK ready")
	default:
		c.line("* OK [CAPABILITY %s] ready", c.capabilities())
	}
	for c.command() == nil {
	}
	c.flush()
}

func (c *conn) startTLS() error {
	tc := tls.Server(c.net, c.server.tls)
	if err := tc.Handshake(); err != nil {
		return err
	}
	c.reset(tc)
	c.secure = true
	return nil
}

// shownAfterLogin are capabilities that only come with the login, as with Dovecot.
var shownAfterLogin = map[string]bool{"MULTIAPPEND": true, "UIDPLUS": true, "SPECIAL-USE": true, "CREATE-SPECIAL-USE": true, "COMPRESS=DEFLATE": true,
	"LIST-EXTENDED": true, "LIST-STATUS": true, "CHILDREN": true, "MOVE": true}

// capabilities are those of now: a secure connection has no STARTTLS, and some show only after the login.
func (c *conn) capabilities() string {
	var out []string
	for _, name := range c.caps {
		switch {
		case name == "STARTTLS" && (c.secure || c.account != nil):
		case strings.HasPrefix(name, "AUTH=") && c.account != nil:
		case c.account == nil && (shownAfterLogin[name]):
		default:
			out = append(out, name)
		}
	}
	if c.sw.LoginDisabled && !c.secure && c.account == nil || c.sw.LoginDisabledAfter && c.account != nil {
		out = append(out, "LOGINDISABLED")
	}
	if c.sw.AppendLimitCap && c.account != nil {
		out = append(out, fmt.Sprintf("APPENDLIMIT=%d", c.sw.AppendLimit))
	}
	return strings.Join(out, " ")
}

func (c *conn) has(capability string) bool { return (&Switches{Caps: c.caps}).has(capability) }

// command reads one command and answers it. An error ends the connection.
func (c *conn) command() error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	c.sw = c.server.switches()
	tag, rest, _ := strings.Cut(line, " ")
	verb, _, _ := strings.Cut(rest, " ")
	verb = strings.ToUpper(verb)
	if tag == "" || verb == "" || strings.ContainsAny(tag, "+(){%*\"\\") {
		c.line("* BAD what is %q", line)
		return nil
	}
	parts, refused, err := c.parts(tag, verb, rest)
	if err != nil {
		return err
	}
	args := logged(verb, parts)
	c.server.note(c.n, "%s", args)
	if refused {
		return nil
	}
	if c.sw.Intercept != nil {
		if answer := c.sw.Intercept(verb, args); answer != "" {
			return c.intercepted(tag, answer)
		}
	}
	a := &arguments{parts: parts}
	a.word() // the verb
	if verb == "UID" {
		verb += " " + strings.ToUpper(a.word())
	}
	return c.run(tag, verb, a)
}

func (c *conn) intercepted(tag, answer string) error {
	lines := strings.Split(answer, "\n")
	for _, l := range lines[:len(lines)-1] {
		c.line("%s", l)
	}
	if last := lines[len(lines)-1]; last == "CUT" {
		c.flush()
		return errCut
	} else {
		c.line("%s %s", tag, last)
	}
	return nil
}

// parts reads a command's literals and the text between them. refused tells that the command was answered already.
func (c *conn) parts(tag, verb, rest string) (parts []part, refused bool, err error) {
	for {
		before, size, nonSync, ok := literalAt(rest)
		if !ok {
			return append(parts, part{text: rest}), refused, nil
		}
		if size > 1<<31 {
			c.line("* BYE literal too large")
			return nil, true, errCut
		}
		no := ""
		if !refused {
			no = c.literalRefusal(verb, size, nonSync)
		}
		if no != "" {
			c.line("%s %s", tag, no)
			if err := c.flush(); err != nil {
				return nil, true, err
			}
			refused = true
			if !nonSync {
				return append(parts, part{text: before}), true, nil
			}
		}
		if !nonSync && !refused {
			c.line("+ go on")
		}
		body, err := c.literal(size, refused)
		if err != nil {
			return nil, true, err
		}
		if verb == "APPEND" && !refused && c.sw.KillOn != nil && c.sw.KillOn(body) {
			return nil, true, errCut
		}
		parts = append(parts, part{text: before, literal: body, has: true})
		if rest, err = c.readLine(); err != nil {
			return nil, true, err
		}
	}
}

// literal reads a literal whole; a command that was refused gets it thrown away.
func (c *conn) literal(size int64, discard bool) ([]byte, error) {
	if discard {
		_, err := io.CopyN(io.Discard, c.br, size)
		return nil, err
	}
	body := make([]byte, size)
	_, err := io.ReadFull(c.br, body)
	return body, err
}

func (c *conn) literalRefusal(verb string, size int64, nonSync bool) string {
	switch {
	case nonSync && c.has("LITERAL-") && !c.has("LITERAL+") && size > 4096:
		return "BAD literal too large for LITERAL-"
	case nonSync && !c.has("LITERAL+") && !c.has("LITERAL-"):
		return "BAD non-synchronizing literal was not offered"
	case verb != "APPEND" && size > 64<<10:
		return "BAD too long"
	case verb != "APPEND":
		return ""
	case c.sw.EarlyNo != nil && c.sw.EarlyNo(size) != "":
		return c.sw.EarlyNo(size)
	case c.sw.AppendLimit > 0 && size > c.sw.AppendLimit:
		return c.code("NO", "TOOBIG", "message too large")
	}
	return ""
}

// code is an answer with a response code, unless codes are hidden.
func (c *conn) code(status, code, text string) string {
	if c.sw.HideCodes {
		return status + " " + text
	}
	return status + " [" + code + "] " + text
}

// logged is a command for the log.
func logged(verb string, parts []part) string {
	switch verb {
	case "LOGIN", "AUTHENTICATE":
		w := strings.Fields(parts[0].text)
		if len(w) > 1 {
			return verb + " " + w[1] + " ***"
		}
		return verb
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.text)
		if p.has {
			fmt.Fprintf(&b, "[%d octets]", len(p.literal))
		}
	}
	return b.String()
}

// sasl runs one exchange and returns the user it proves, or "".
func (c *conn) sasl(mechanism, initial string, hasInitial bool) (user string, err error) {
	next := func(challenge string) (string, error) {
		if hasInitial {
			hasInitial = false
			return decode64(initial), nil
		}
		c.line("+ %s", base64.StdEncoding.EncodeToString([]byte(challenge)))
		line, err := c.readLine()
		return decode64(line), err
	}
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		r, err := next("")
		if err != nil {
			return "", err
		}
		f := strings.Split(r, "\x00")
		if len(f) == 3 && c.password(f[1], f[2]) {
			if f[0] != "" {
				return f[0], nil
			}
			return f[1], nil
		}
	case "LOGIN":
		name, err := next("Username:")
		if err != nil {
			return "", err
		}
		word, err := next("Password:")
		if err == nil && c.password(name, word) {
			return name, nil
		}
		return "", err
	case "XOAUTH2", "OAUTHBEARER":
		r, err := next("")
		if err != nil {
			return "", err
		}
		if c.sw.Token != "" && strings.Contains(r, "auth=Bearer "+c.sw.Token+"\x01") {
			return User, nil
		}
		c.line("+ %s", base64.StdEncoding.EncodeToString([]byte(`{"status":"401"}`)))
		_, err = c.readLine()
		return "", err
	}
	return "", nil
}

func (c *conn) password(user, password string) bool {
	a := c.server.Account(user)
	return a != nil && a.password == password
}

func decode64(s string) string {
	if s == "=" {
		return ""
	}
	b, _ := base64.StdEncoding.DecodeString(s)
	return string(b)
}
