package pop3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// protect upgrades the connection with STLS (RFC 2595) when the endpoint asks for that, and makes sure that a login may follow.
func (s *session) protect(ep mailnet.Endpoint) error {
	fail := func(hint string, err error) error {
		return &migrate.Error{Op: "pop3 stls", Subject: ep.Address, Final: true, Hint: hint, Err: err}
	}
	if ep.Security == mailnet.StartTLS {
		// A server without CAPA is asked all the same: STLS is older than some servers' CAPA is reliable.
		if s.caps != nil && !s.caps.has("STLS") {
			return fail(hintCleartext, errors.New("the server does not offer STLS"))
		}
		st, err := s.command("STLS", "")
		if err != nil {
			return &migrate.Error{Op: "pop3 stls", Subject: ep.Address, Err: err}
		}
		if st.is != isOK {
			return refusal(st, migrate.Error{Op: "pop3 stls", Subject: ep.Address, Final: true, Hint: hintCleartext}, 0)
		}
		injected := s.conn.Reader().Buffered() > 0
		if err := s.conn.UpgradeTLS(); err != nil {
			e := &migrate.Error{Op: "pop3 stls", Subject: ep.Address, Err: err, Final: injected}
			if hint := mailnet.TLSHint(err); hint != "" {
				e.Final, e.Hint = true, hint
			}
			return e
		}
		// What was said in clear counts for nothing (RFC 2595 section 4).
		s.caps, s.loginDelay = nil, 0
		if err := s.capa(ep.Connect); err != nil {
			return err
		}
	}
	if !s.conn.Protected() {
		return fail(hintCleartext, errors.New("the connection is not protected"))
	}
	return nil
}

// login authenticates by the best means that the server and the credentials have in common.
func (s *session) login(ctx context.Context, ep mailnet.Endpoint, c mailnet.Credentials) error {
	if err := sendable("user name", c.User+c.AuthzID); err != nil {
		return s.loginError(c, err)
	}
	mechanism := strings.ToUpper(c.Mechanism)
	if mechanism == "" {
		mechanism = c.Pick(s.caps["SASL"])
	}
	defer func() { s.line.secrets = nil }()
	var st status
	var err error
	switch mechanism {
	case "", "USER", "LOGIN-COMMAND":
		st, err = s.userPass(ctx, c)
	case "APOP":
		st, err = s.apop(ctx, c)
	default:
		st, err = s.auth(ctx, ep, c, mechanism)
	}
	if err != nil {
		return s.loginError(c, err)
	}
	if st.is != isOK {
		// A server that gives no code says nothing but no. Trying again would lock the account sooner than let us in.
		e := refusal(st, migrate.Error{Op: "pop3 login", Subject: named(c.User), Final: true, Hint: hintAuth}, s.loginDelay)
		if e.Final && !st.has("SYS") {
			e.Err = migrate.LoginRefused(e.Err)
		}
		return e
	}
	return nil
}

// loginError classifies what went wrong before the server's verdict: what lies with us stays wrong, a lost connection does not.
func (s *session) loginError(c mailnet.Credentials, err error) error {
	var own *credentialError
	return &migrate.Error{Op: "pop3 login", Subject: named(c.User), Final: errors.As(err, &own), Err: err}
}

// named is a user's name as an error shows it.
func named(user string) string {
	if strconv.Quote(user) != `"`+user+`"` {
		return strconv.Quote(user)
	}
	return user
}

// credentialError is a login that can't be tried at all with what was given.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// sendable refuses what would end a command line and begin another (RFC 1939 section 3).
func sendable(what, value string) error {
	if strings.ContainsAny(value, "\r\n\x00") {
		return &credentialError{fmt.Errorf("the %s holds a line end or a NUL", what)}
	}
	return nil
}

// secret asks for the password, and has it kept out of what the server may say about it.
func (s *session) secret(ctx context.Context, c mailnet.Credentials) (string, error) {
	if c.Password == nil {
		return "", &credentialError{errors.New("no password was given")}
	}
	secret, err := c.Password(ctx)
	if err != nil {
		return "", &credentialError{err}
	}
	if !secret.Empty() {
		s.line.secrets = append(s.line.secrets, secret.Reveal())
	}
	return secret.Reveal(), sendable("password", secret.Reveal())
}

// userPass is RFC 1939's own login. PASS goes out alone and nothing goes out behind it: Courier hangs for ever on what comes with it.
func (s *session) userPass(ctx context.Context, c mailnet.Credentials) (status, error) {
	secret, err := s.secret(ctx, c)
	if err != nil {
		return status{}, err
	}
	st, err := s.command("USER "+c.User, "")
	if err != nil || st.is != isOK {
		return st, err
	}
	return s.command("PASS "+secret, "PASS ***")
}

// apop proves the password by a digest over the greeting's stamp (RFC 1939 section 7). MD5 is broken enough that a hostile server can
// work the password out, so that it is only used when it was asked for by name.
func (s *session) apop(ctx context.Context, c mailnet.Credentials) (status, error) {
	secret, err := s.secret(ctx, c)
	if err != nil {
		return status{}, err
	}
	stamp := stampOf(s.greeting)
	if stamp == "" {
		return status{}, &credentialError{errors.New("the greeting has no stamp for APOP")}
	}
	sum := md5.Sum([]byte(stamp + secret))
	digest := hex.EncodeToString(sum[:])
	s.line.secrets = append(s.line.secrets, digest)
	return s.command("APOP "+c.User+" "+digest, "APOP "+c.User+" ***")
}

// stampOf finds the <…@…> of a greeting, and takes it only if it looks like the msg-id that it has to be (CVE-2007-1558).
func stampOf(greeting string) string {
	_, rest, ok := strings.Cut(greeting, "<")
	inner, _, closed := strings.Cut(rest, ">")
	if !ok || !closed || strings.Count(inner, "@") != 1 {
		return ""
	}
	for _, b := range []byte(inner) {
		if b <= ' ' || b > '~' {
			return ""
		}
	}
	return "<" + inner + ">"
}

const (
	// maxInitial is the longest AUTH command with an initial response, with its CRLF, in octets (RFC 2449 section 4).
	maxInitial = 255
	// maxSteps bounds a SASL exchange; none that we speak has more than three.
	maxSteps = 10
)

// auth is SASL (RFC 5034).
func (s *session) auth(ctx context.Context, ep mailnet.Endpoint, c mailnet.Credentials, mechanism string) (status, error) {
	host := ep.Host
	_, p, _ := net.SplitHostPort(ep.Address)
	port, _ := strconv.Atoi(p)
	client, err := c.Client(ctx, mechanism, host, port)
	if err != nil {
		return status{}, &credentialError{err}
	}
	_, initial, err := client.Start()
	if err != nil {
		return status{}, &credentialError{err}
	}
	command, shown := "AUTH "+mechanism, "AUTH "+mechanism
	// In LOGIN the server speaks first: a name that comes unasked is refused by some, or taken for the answer to nothing.
	if text := encode(initial); initial != nil && mechanism != sasl.Login && len(command)+len(text)+3 <= maxInitial {
		if text == "" {
			text = "="
		} else {
			s.line.secrets = append(s.line.secrets, text)
		}
		command, shown, initial = command+" "+text, shown+" ***", nil
	}
	st, err := s.commandMore(command, shown)
	for step := 0; err == nil && st.is == isMore; step++ {
		if step == maxSteps {
			return s.cancel(fmt.Errorf("%s: the server asks without end", mechanism))
		}
		var response []byte
		switch challenge, derr := base64.StdEncoding.DecodeString(st.text); {
		case derr != nil:
			return s.cancel(fmt.Errorf("%s: a challenge that is no base64", mechanism))
		case initial != nil:
			response, initial = initial, nil
		default:
			if mechanism == sasl.Login {
				challenge = []byte("Password:") // servers word it as they like; go-sasl knows one wording
			}
			if response, err = client.Next(challenge); err != nil {
				return s.cancel(fmt.Errorf("%s: %w", mechanism, err))
			}
		}
		text := encode(response)
		if text != "" {
			s.line.secrets = append(s.line.secrets, text)
		}
		st, err = s.commandMore(text, "***")
	}
	if err == nil && st.is == isOK {
		if unproven := mailnet.Proven(client); unproven != nil {
			return st, &credentialError{unproven}
		}
	}
	return st, err
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// commandMore is command for those that may be answered by a challenge.
func (s *session) commandMore(command, shown string) (status, error) {
	if err := s.send(command, shown); err != nil {
		return status{}, err
	}
	return s.answer()
}

// cancel ends an exchange that can't go on (RFC 5034 section 4). The server's refusal says more than our reason when it has a code.
func (s *session) cancel(reason error) (status, error) {
	st, err := s.commandMore("*", "")
	if err != nil || st.is != isErr || st.code == "" {
		return status{}, reason
	}
	return st, nil
}
