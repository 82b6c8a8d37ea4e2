package smtptest

import (
	"encoding/base64"
	"slices"
	"strings"
)

// auth carries out SASL (RFC 4954).
func (c *Conn) auth(arg string) error {
	words := strings.Fields(arg)
	switch {
	case !c.greeted || c.user != "":
		return c.say("503 5.5.1 not now")
	case len(words) == 0 || !slices.Contains(c.s.Offer.SASL, strings.ToUpper(words[0])):
		return c.say("504 5.5.4 no such mechanism")
	}
	var response []byte
	if len(words) > 1 {
		response = []byte{}
		if words[1] != "=" {
			var err error
			if response, err = base64.StdEncoding.DecodeString(words[1]); err != nil {
				return c.say("501 5.5.2 bad base64")
			}
		}
	}
	name := ""
	for step := 0; ; step++ {
		challenge, user, done := c.mechanism(strings.ToUpper(words[0]), &name, step, response)
		if done && user == "" {
			return c.say("535 5.7.8 wrong user or password")
		}
		if done {
			c.user = user
			return c.say("235 2.7.0 welcome")
		}
		c.bw.WriteString("334 " + base64.StdEncoding.EncodeToString(challenge) + "\r\n")
		if err := c.bw.Flush(); err != nil {
			return err
		}
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if line == "*" {
			c.s.note("*")
			return c.say("501 5.7.0 cancelled")
		}
		c.s.note("***")
		if response, err = base64.StdEncoding.DecodeString(line); err != nil {
			return c.say("501 5.5.2 bad base64")
		}
		if response == nil {
			response = []byte{}
		}
	}
}

// mechanism is one step of one.
func (c *Conn) mechanism(m string, name *string, step int, response []byte) (challenge []byte, user string, done bool) {
	s := c.s
	right := func(user, secret, want string) (challenge []byte, who string, done bool) {
		if s.User == "" || user != s.User || secret != want || want == "" {
			return nil, "", true
		}
		return nil, user, true
	}
	switch {
	case s.AuthHook != nil:
		return s.AuthHook(c, m, step, response)
	case m == "PLAIN" && response == nil, m == "XOAUTH2" && response == nil:
		return nil, "", false
	case m == "PLAIN":
		if parts := strings.Split(string(response), "\x00"); len(parts) == 3 {
			return right(parts[1], parts[2], s.Password)
		}
	case m == "LOGIN" && response == nil:
		return []byte("Your name please?"), "", false
	case m == "LOGIN" && *name == "":
		*name = string(response)
		return []byte("And the word?"), "", false
	case m == "LOGIN":
		return right(*name, string(response), s.Password)
	case m == "XOAUTH2" && len(response) > 0:
		user, rest, _ := strings.Cut(strings.TrimPrefix(string(response), "user="), "\x01")
		if user == s.User && rest == "auth=Bearer "+s.Token+"\x01\x01" {
			return nil, user, true
		}
		return []byte(`{"status":"401","schemes":"bearer"}`), "", false // and the refusal behind an empty answer, as Google does
	}
	return nil, "", true
}
