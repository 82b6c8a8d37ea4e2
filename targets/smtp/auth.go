package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// login logs in where there are credentials (RFC 4954), by the best mechanism that is offered. One that the server then doesn't know after all is
// left out and the next is tried; a password that was refused is not sent again.
func (s *session) login(ctx context.Context) error {
	c := s.cfg.Credentials
	if c.User == "" && c.Password == nil && c.Token == nil {
		return nil
	}
	if !s.conn.Protected() {
		return s.unprotected(errors.New("no login over an unprotected connection"))
	}
	offered := slices.Clone(s.caps["AUTH"])
	refusal := s.loginError(errors.New("the relay offers no login that poplift knows"), hintNoLogin)
	for {
		mechanism := c.Pick(offered)
		if mechanism == "" {
			return refusal
		}
		r, err := s.try(ctx, mechanism)
		if err != nil {
			return err
		}
		if r.ok() {
			return nil
		}
		refusal = s.refusal("AUTH", r, hintLogin)
		rest := slices.DeleteFunc(slices.Clone(offered), func(m string) bool { return strings.EqualFold(m, mechanism) })
		if c.Mechanism != "" || c.Token != nil || !unknownMechanism(r) || len(rest) == len(offered) {
			return refusal
		}
		offered = rest
		s.cfg.Log.Debug("smtp login: mechanism refused, another is tried", "server", s.address, "mechanism", mechanism)
	}
}

// unknownMechanism tells a mechanism that is listed and not there, or too weak for this user (RFC 4954 6), from a refused password (535).
func unknownMechanism(r reply) bool {
	return r.code == 500 || r.code == 502 || r.code == 504 || r.code == 534
}

// try makes one attempt. The error is nil when the server has answered it, whatever it said.
func (s *session) try(ctx context.Context, mechanism string) (reply, error) {
	host, portText, _ := net.SplitHostPort(s.cfg.Endpoint.Address)
	if s.cfg.Endpoint.Host != "" {
		host = s.cfg.Endpoint.Host
	}
	port, _ := strconv.Atoi(portText)
	client, err := s.cfg.Credentials.Client(ctx, mechanism, host, port)
	if err != nil {
		return reply{}, s.loginError(err, "")
	}
	s.hidden = true
	s.begin("AUTH", s.cfg.Deadlines.Command)
	defer func() { s.hidden, s.secrets = false, nil }()
	err = s.lib.Auth(&exchange{Client: client, said: func(secret string) { s.secrets = append(s.secrets, secret) }})
	var refused *gosmtp.SMTPError
	switch {
	case s.err != nil:
		return reply{}, s.err
	case err == nil:
		err = mailnet.Proven(client)
	case errors.As(err, &refused):
		return s.got, nil
	}
	if err != nil {
		return reply{}, s.loginError(err, "")
	}
	return s.got, nil
}

func (s *session) loginError(err error, hint string) error {
	return &migrate.Error{Op: "smtp auth", Subject: s.address, Scope: migrate.ScopeRun, Final: true, Hint: hint, Err: err}
}

// exchange is a SASL client as SMTP servers want it.
type exchange struct {
	sasl.Client
	mechanism string
	later     []byte // an initial response that waits for the first challenge
	said      func(secret string)
}

// maxInitial is the longest AUTH command with an initial response, in octets with its CRLF (RFC 4954 4, RFC 5321 4.5.3.1.4).
const maxInitial = 512

// Start keeps a response back that doesn't fit into the command, and LOGIN's always: there the server speaks first, and a name that comes unasked
// is refused by some.
func (e *exchange) Start() (mechanism string, initial []byte, err error) {
	mechanism, initial, err = e.Client.Start()
	e.mechanism = mechanism
	n := len("AUTH  \r\n") + len(mechanism) + base64.StdEncoding.EncodedLen(len(initial))
	if err == nil && initial != nil && (mechanism == sasl.Login || n > maxInitial) {
		e.later, initial = initial, nil
	}
	e.note(initial)
	return mechanism, initial, err
}

func (e *exchange) Next(challenge []byte) (response []byte, err error) {
	if e.later != nil {
		response, e.later = e.later, nil
	} else {
		if e.mechanism == sasl.Login {
			challenge = []byte("Password:") // servers word it as they like; go-sasl knows one wording
		}
		response, err = e.Client.Next(challenge)
		if err == nil && response == nil {
			response = []byte{} // go-smtp takes nil for the end
		}
	}
	e.note(response)
	return response, err
}

// note has a response kept out of what the server may say about it, plain and encoded.
func (e *exchange) note(response []byte) {
	for _, secret := range append(strings.Split(string(response), "\x00"), base64.StdEncoding.EncodeToString(response)) {
		if len(secret) >= minSecret {
			e.said(secret)
		}
	}
}

// minSecret keeps short words in replies readable; no password that is worth the name is as short.
const minSecret = 4
