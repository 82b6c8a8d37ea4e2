package pop3test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// authorization carries out what may come before the login (RFC 1939 section 4).
func (c *Conn) authorization(verb, arg string) error {
	switch verb {
	case "STLS":
		return c.startTLS()
	case "USER":
		c.name = arg
		c.end("+OK")
	case "PASS":
		if c.s.Quirk.HangAcrossPASS && c.br.Buffered() > 0 {
			c.s.fire("HangAcrossPASS")
			return c.stall()
		}
		c.login(c.name, c.password(c.name) == arg)
	case "APOP":
		user, digest, _ := strings.Cut(arg, " ")
		sum := md5.Sum([]byte(c.stamp() + c.password(user)))
		c.login(user, c.s.Quirk.APOP && digest == hex.EncodeToString(sum[:]))
	case "AUTH":
		return c.auth(arg)
	default:
		c.end("-ERR log in first")
	}
	return nil
}

func (c *Conn) password(user string) string {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if d := c.s.drops[user]; d != nil {
		return d.password
	}
	return "\x00no such user"
}

// login answers a login whose proof was good or not, and takes the snapshot that the session sees.
func (c *Conn) login(user string, good bool) {
	s, q := c.s, c.s.Quirk
	switch {
	case !good || user == "":
		c.end("-ERR [AUTH] wrong user or password")
		return
	case s.firstTimes(&s.inUse, "InUse"):
		c.end("-ERR [IN-USE] maildrop is locked")
		return
	case s.firstTimes(&s.delayed, "LoginDelayed"):
		c.end("-ERR [LOGIN-DELAY] too soon")
		return
	}
	s.mu.Lock()
	d := s.drop(user)
	d.sessions++
	c.user, c.drop, c.session = user, d, d.sessions
	for _, m := range d.msgs {
		if q.GmailWindow > 0 && (d.popped[m] || len(c.msgs) == q.GmailWindow) {
			continue
		}
		c.msgs = append(c.msgs, m)
	}
	s.mu.Unlock()
	for i := range c.msgs {
		c.uidls = append(c.uidls, c.uidl(i))
	}
	c.line("+OK %d messages", len(c.msgs))
}

func (c *Conn) uidl(i int) string {
	q, u := c.s.Quirk, c.msgs[i].UIDL
	switch {
	case i+1 == q.EmptyUIDL:
		return ""
	case q.DuplicateUIDL:
		u = c.msgs[0].UIDL
	case q.UIDLChanges:
		u = fmt.Sprintf("%s.%d", u, c.session)
	}
	return u
}

// auth carries out SASL (RFC 5034).
func (c *Conn) auth(arg string) error {
	words := strings.Fields(arg)
	if len(words) == 0 || !slices.Contains(c.s.SASL, strings.ToUpper(words[0])) {
		c.end("-ERR no such mechanism")
		return nil
	}
	var response []byte
	if len(words) > 1 {
		response = []byte{}
		if words[1] != "=" {
			var err error
			if response, err = base64.StdEncoding.DecodeString(words[1]); err != nil {
				c.end("-ERR bad base64")
				return nil
			}
		}
	}
	for step := 0; ; step++ {
		challenge, user, done := c.step(strings.ToUpper(words[0]), step, response)
		if done {
			c.login(user, user != "")
			return nil
		}
		var err error
		if response, err = c.challenge(challenge); err != nil {
			c.end("-ERR cancelled")
			return nil
		}
		if response == nil {
			return errCut
		}
	}
}

// challenge sends one and reads the response; nil when the connection ended, an error when the client gave up.
func (c *Conn) challenge(text []byte) ([]byte, error) {
	c.end("+ " + base64.StdEncoding.EncodeToString(text))
	if c.bw.Flush() != nil {
		return nil, nil
	}
	line, err := c.readLine()
	if err != nil {
		return nil, nil
	}
	c.s.mu.Lock()
	c.s.log = append(c.s.log, "***")
	c.s.mu.Unlock()
	if line == "*" {
		return nil, errors.New("cancelled")
	}
	response, err := base64.StdEncoding.DecodeString(line)
	if response == nil {
		response = []byte{}
	}
	return response, err
}

// step is one step of a mechanism.
func (c *Conn) step(mechanism string, step int, response []byte) (challenge []byte, user string, done bool) {
	switch {
	case mechanism == "PLAIN" && response == nil, mechanism == "XOAUTH2" && response == nil:
		return nil, "", false
	case mechanism == "PLAIN":
		parts := strings.Split(string(response), "\x00")
		if len(parts) != 3 || c.password(parts[1]) != parts[2] {
			return nil, "", true
		}
		if parts[0] != "" {
			return nil, parts[0], true
		}
		return nil, parts[1], true
	case mechanism == "LOGIN" && step == 0 && response == nil:
		return []byte("Username:"), "", false
	case mechanism == "LOGIN" && c.name == "":
		c.name = string(response)
		return []byte("Password:"), "", false
	case mechanism == "LOGIN":
		user, c.name = c.name, ""
		if c.password(user) != string(response) {
			user = ""
		}
		return nil, user, true
	case mechanism == "XOAUTH2":
		return c.xoauth2(response)
	case c.s.AuthHook != nil:
		return c.s.AuthHook(c, mechanism, step, response)
	}
	return nil, "", true
}

// xoauth2 refuses as Google does: with a description, an empty answer, and only then the -ERR.
func (c *Conn) xoauth2(response []byte) (challenge []byte, user string, done bool) {
	if len(response) == 0 {
		return nil, "", true
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(string(response), "user="), "\x01")
	c.s.mu.Lock()
	d := c.s.drops[name]
	good := d != nil && d.token != "" && rest == "auth=Bearer "+d.token+"\x01\x01"
	c.s.mu.Unlock()
	if good {
		return nil, name, true
	}
	return []byte(`{"status":"401","schemes":"bearer"}`), "", false
}
