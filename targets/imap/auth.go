package imap

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// loginCommand is the Credentials.Mechanism that forces the LOGIN command.
const loginCommand = "LOGIN-COMMAND"

// login logs in by the best SASL mechanism that is offered, else by the LOGIN command, and learns the capabilities of afterwards.
func (w *wire) login(ctx context.Context, cfg *Config) error {
	if !w.conn.Protected() {
		return w.loginError(errors.New("no login over an unprotected connection"), hintCleartext)
	}
	before := w.caps
	w.caps = capabilities{}
	offered := before.auth
	for {
		mechanism := cfg.Credentials.Pick(offered)
		st, err := w.try(ctx, cfg, mechanism, before)
		if err != nil {
			return err
		}
		if st.kind == "OK" {
			break
		}
		if offered = fallback(cfg.Credentials, mechanism, offered, st); offered == nil {
			e := classify("imap login", w.address, st, migrate.ScopeRun)
			if e.Hint == "" && e.Final {
				e.Hint = hintLogin
			}
			if e.Final && st.code != "PRIVACYREQUIRED" && !errors.Is(e, migrate.ErrVolume) {
				e.Err = migrate.LoginRefused(e.Err)
			}
			return e
		}
		w.log.Debug("imap login: mechanism refused, another is tried", "server", w.address, "mechanism", mechanism)
	}
	return w.capability()
}

// fallback says what to offer next after a refusal: servers list mechanisms that they can't do (mailutils imap4d lists every one its library
// knows). A refusal of the password itself, or of a mechanism that sends it, is final: each try counts towards a lock-out.
func fallback(c mailnet.Credentials, mechanism string, offered []string, st status) []string {
	sendsPassword := mechanism == "PLAIN" || mechanism == "LOGIN" || mechanism == "" || mechanism == loginCommand
	if c.Mechanism != "" || c.Token != nil || sendsPassword && st.kind != "BAD" || mechanism == "" {
		return nil
	}
	if st.code != "" && st.code != "CANNOT" && st.code != "SERVERBUG" {
		return nil
	}
	rest := []string{}
	for _, m := range offered {
		if !strings.EqualFold(m, mechanism) && !(strings.HasPrefix(mechanism, "SCRAM") && strings.HasPrefix(strings.ToUpper(m), "SCRAM")) {
			rest = append(rest, m)
		}
	}
	return rest
}

// try makes one attempt. The error is nil when the server answered it, whatever it said.
func (w *wire) try(ctx context.Context, cfg *Config, mechanism string, before capabilities) (status, error) {
	w.hidden = true
	defer func() { w.hidden = false }()
	if mechanism == "" || mechanism == loginCommand {
		if before.has("LOGINDISABLED") {
			return status{}, w.loginError(errors.New("the server takes no login that poplift knows here (LOGINDISABLED)"), "")
		}
		return w.loginCommand(ctx, cfg.Credentials)
	}
	return w.authenticate(ctx, cfg, mechanism, before.has("SASL-IR"))
}

// authenticate runs one AUTHENTICATE exchange (RFC 3501 6.2.2; the first response in the command with SASL-IR, RFC 4959).
func (w *wire) authenticate(ctx context.Context, cfg *Config, mechanism string, withIR bool) (status, error) {
	host, portText, _ := net.SplitHostPort(cfg.Endpoint.Address)
	if cfg.Endpoint.Host != "" {
		host = cfg.Endpoint.Host
	}
	port, _ := strconv.Atoi(portText)
	client, err := cfg.Credentials.Client(ctx, mechanism, host, port)
	if err != nil {
		return status{}, w.loginError(err, "")
	}
	name, first, err := client.Start()
	if err != nil {
		return status{}, w.loginError(err, "")
	}
	line, shown := "AUTHENTICATE "+name, "AUTHENTICATE "+name
	if withIR && len(first) > 0 && name != "LOGIN" { // LOGIN has no initial response of its own
		line, shown = line+" "+base64.StdEncoding.EncodeToString(first), shown+" ***"
		first = nil
	}
	tag, err := w.command(line, shown)
	if err != nil {
		return status{}, err
	}
	for {
		line, st, err := w.next()
		if err != nil {
			return st, err
		}
		if st.tag == tag {
			if st.kind == "OK" {
				if err := mailnet.Proven(client); err != nil {
					return st, w.loginError(err, "")
				}
			}
			return st, nil
		}
		if len(line) == 0 || line[0] != '+' {
			continue
		}
		reply, err := respond(client.Next, name, first, strings.TrimSpace(string(line[1:])))
		first = nil
		if err != nil {
			w.log.Debug("imap login: the exchange is given up", "server", w.address, "mechanism", name, "cause", err)
		}
		if err := w.raw(reply, "***"); err != nil {
			return status{}, err
		}
	}
}

// respond is the line that answers a challenge. On an error it ends the exchange the way the mechanism wants it: OAUTHBEARER by a single
// ^A (RFC 7628 3.2.3), others by "*" (RFC 3501 6.2.2).
func respond(next func([]byte) ([]byte, error), mechanism string, first []byte, challenge string) (string, error) {
	if len(first) > 0 {
		return base64.StdEncoding.EncodeToString(first), nil
	}
	decoded, err := base64.StdEncoding.DecodeString(challenge)
	if err != nil {
		return "*", fmt.Errorf("challenge: %w", err)
	}
	if mechanism == "LOGIN" {
		decoded = []byte("Password:") // servers word it as they like
	}
	reply, err := next(decoded)
	if err != nil && mechanism == "OAUTHBEARER" {
		return "AQ==", err
	}
	if err != nil {
		return "*", err
	}
	return base64.StdEncoding.EncodeToString(reply), nil
}

// loginCommand logs in by LOGIN (RFC 3501 6.2.3). What can't be quoted goes as a literal.
func (w *wire) loginCommand(ctx context.Context, c mailnet.Credentials) (status, error) {
	if c.AuthzID != "" {
		return status{}, w.loginError(errors.New("the LOGIN command can't log in for another user; the server offers no AUTH=PLAIN"), "")
	}
	if c.Password == nil {
		return status{}, w.loginError(errors.New("the LOGIN command needs a password, and none was given"), "")
	}
	secret, err := c.Password(ctx)
	if err != nil {
		return status{}, w.loginError(err, "")
	}
	tag := w.tag()
	line, shown := tag+" LOGIN", tag+" LOGIN "+strconv.Quote(c.User)+" ***"
	for _, s := range []string{c.User, secret.Reveal()} {
		if strings.ContainsRune(s, 0) {
			return status{}, w.loginError(errors.New("a user name or password with a NUL can't be sent"), "")
		}
		if quotable(s) {
			line += " " + quoted(s)
			continue
		}
		if err := w.raw(fmt.Sprintf("%s {%d}", line, len(s)), shown); err != nil {
			return status{}, err
		}
		st, err := w.continued(tag)
		if err != nil || st.kind != "" {
			return st, err
		}
		line = s
	}
	if err := w.raw(line, shown); err != nil {
		return status{}, err
	}
	return w.await(tag, nil)
}

// raw sends a line that is no command of its own, or is part of one.
func (w *wire) raw(line, shown string) error {
	w.conn.Trace().Sent(w.name, "%s", shown)
	if _, err := w.conn.Write([]byte(line + "\r\n")); err != nil {
		return w.lost(err)
	}
	return nil
}

// continued waits for "+"; a status is the server's refusal of the command.
func (w *wire) continued(tag string) (status, error) {
	for {
		line, st, err := w.next()
		if err != nil || st.tag == tag {
			return st, err
		}
		if len(line) > 0 && line[0] == '+' {
			return status{}, nil
		}
	}
}

func (w *wire) loginError(err error, hint string) error {
	return &migrate.Error{Op: "imap login", Subject: w.address, Scope: migrate.ScopeRun, Final: true, Hint: hint, Err: err}
}

// quotable says whether s can be a quoted string (RFC 3501 9: 7-bit, no CR, LF or NUL).
func quotable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) < 1000
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
