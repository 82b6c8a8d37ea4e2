package smtp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// session is one connection, greeted and logged in.
type session struct {
	*wire
	cfg  *Config
	lib  *gosmtp.Client
	caps capabilities

	open    bool // a mail transaction is begun, and not ended
	settled int  // messages that were answered for
}

// capabilities are what the server offers after the login: keyword in upper case (RFC 5321 4.1.1.1: in any) → parameters.
type capabilities map[string][]string

func (c capabilities) has(keyword string) bool {
	_, ok := c[keyword]
	return ok
}

// size is the largest message in octets; 0 is not known, or no limit (RFC 1870 4).
func (c capabilities) size() int64 {
	if args := c["SIZE"]; len(args) > 0 {
		if n, err := strconv.ParseInt(args[0], 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// parseCapabilities reads the reply to EHLO; the first line is the server's name. go-smtp's own list knows a keyword in capitals only.
func parseCapabilities(r reply) capabilities {
	caps := capabilities{}
	for _, line := range r.lines[min(1, len(r.lines)):] {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		keyword := strings.ToUpper(words[0])
		if old, ok := strings.CutPrefix(keyword, "AUTH="); ok { // as it was before RFC 2554, still sent beside the other
			keyword, words[0] = "AUTH", old
			words = append([]string{keyword}, words...)
		}
		caps[keyword] = append(caps[keyword], words[1:]...)
	}
	return caps
}

// dial connects, greets and logs in. The connection lives until life ends; until dial has returned, it ends with ctx as well.
func dial(ctx, life context.Context, cfg *Config) (*session, error) {
	lctx, cut := context.WithCancelCause(life)
	stop := context.AfterFunc(ctx, func() { cut(context.Cause(ctx)) })
	defer stop()
	conn, err := mailnet.Dial(lctx, cfg.Endpoint)
	if err != nil {
		cut(nil)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		hint := mailnet.TLSHint(err)
		return nil, &migrate.Error{Op: "smtp", Final: hint != "", Hint: cmp.Or(hint, mailnet.DialHint(err)), Err: err}
	}
	s := &session{wire: &wire{conn: conn, cut: cut, address: cfg.Endpoint.Address}, cfg: cfg}
	if err := s.handshake(ctx); err != nil {
		s.close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return s, nil
}

func (s *session) handshake(ctx context.Context) error {
	s.begin("greeting", s.cfg.Deadlines.Greeting)
	defer s.done()
	if err := s.hello(""); err != nil {
		return err
	}
	if s.cfg.Endpoint.Security == mailnet.StartTLS {
		if err := s.startTLS(); err != nil {
			return err
		}
		// What was said in clear counts for nothing (RFC 3207 4.2). go-smtp would wait for another greeting.
		if err := s.hello("220 upgraded\r\n"); err != nil {
			return err
		}
	}
	return s.login(ctx)
}

// hello has go-smtp read the greeting and say EHLO, LHLO, or HELO to a server that knows no better.
func (s *session) hello(greeting string) error {
	l := &lent{wire: s.wire, pending: greeting}
	s.lib = gosmtp.NewClient(l)
	if s.cfg.LMTP {
		s.lib = gosmtp.NewClientLMTP(l)
	}
	err := s.lib.Hello(s.name())
	if err == nil {
		s.caps = capabilities{}
		if s.step != "HELO" {
			s.caps = parseCapabilities(s.got)
		}
		return nil
	}
	if s.err != nil {
		if s.step == "greeting" && errors.Is(s.err, os.ErrDeadlineExceeded) {
			return &migrate.Error{Op: "smtp", Subject: s.address, Err: s.err, Hint: "is it a TLS port? try smtps"}
		}
		return s.err
	}
	return s.refusal(s.step, s.got, hintUnwanted)
}

// name is what EHLO says. RFC 5321 4.1.4 wants an address literal from a client without a name.
func (s *session) name() string {
	if s.cfg.HelloName != "" {
		return s.cfg.HelloName
	}
	a, ok := s.conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case a.IP.To4() != nil:
		return "[" + a.IP.String() + "]"
	}
	return "[IPv6:" + a.IP.String() + "]"
}

// startTLS upgrades the connection (RFC 3207).
func (s *session) startTLS() error {
	if !s.caps.has("STARTTLS") {
		return s.unprotected(errors.New("the relay does not offer STARTTLS"))
	}
	s.begin("STARTTLS", s.cfg.Deadlines.Command)
	if err := s.send("STARTTLS"); err != nil {
		return err
	}
	r, err := s.reply()
	switch {
	case err != nil:
		return err
	case r.later():
		return s.refusal("STARTTLS", r, "")
	case !r.ok():
		return s.unprotected(r.err())
	}
	injected := s.conn.Reader().Buffered() > 0
	if err := s.conn.UpgradeTLS(); err != nil {
		hint := mailnet.TLSHint(err)
		return &migrate.Error{Op: "smtp starttls", Subject: s.address, Final: injected || hint != "", Hint: hint, Err: err}
	}
	return nil
}

func (s *session) unprotected(err error) error {
	return &migrate.Error{Op: "smtp starttls", Subject: s.address, Scope: migrate.ScopeRun, Final: true, Hint: hintCleartext, Err: err}
}

// quit says goodbye, and cuts the connection in any case.
func (s *session) quit() {
	if s.err == nil {
		s.begin("QUIT", quitPatience)
		s.lib.Quit() // everything was answered for: nothing depends on it
	}
	s.close()
}

// quitPatience is how long a server may take to say goodbye.
const quitPatience = time.Second

// refusal is a reply that ends a session before any mail: for now with 4yz, for good with 5yz.
func (s *session) refusal(step string, r reply, hint string) error {
	e := &migrate.Error{Op: "smtp " + strings.ToLower(step), Subject: s.address, Err: r.err()}
	switch r.code / 100 {
	case 4:
		e.After = retrySession
	case 5:
		e.Scope, e.Final, e.Hint = migrate.ScopeRun, true, hint
	default:
		e.Err = fmt.Errorf("an answer that fits nothing: %w", e.Err)
	}
	return e
}
