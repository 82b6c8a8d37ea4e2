package imap

import (
	"cmp"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// dial connects, logs in and compresses: the same way for both connections. What the server can do is in w.caps afterwards, as it says
// after the login; before it, servers show less (Dovecot, Cyrus).
func dial(ctx context.Context, cfg *Config, name string) (*wire, error) {
	conn, err := mailnet.Dial(ctx, cfg.Endpoint)
	if err != nil {
		hint := mailnet.TLSHint(err)
		return nil, &migrate.Error{Op: "imap", Final: hint != "", Hint: cmp.Or(hint, mailnet.DialHint(err)), Err: err}
	}
	w := newWire(conn, name, cfg)
	if err := w.handshake(ctx, cfg); err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return w, nil
}

func (w *wire) handshake(ctx context.Context, cfg *Config) error {
	preauth, err := w.greeting()
	if err != nil {
		return err
	}
	if preauth && cfg.Endpoint.Security == mailnet.StartTLS {
		// RFC 9051 7.1.4: such a session can't be upgraded any more; someone in between may have made it so (CVE-2021-38371's family).
		return w.refusedStart(errors.New("the server says that the session is logged in already, before TLS"))
	}
	if err := w.capability(); err != nil {
		return err
	}
	if cfg.Endpoint.Security == mailnet.StartTLS {
		if err := w.startTLS(); err != nil {
			return err
		}
	}
	if !preauth {
		if err := w.login(ctx, cfg); err != nil {
			return err
		}
	}
	if w.caps.has("COMPRESS=DEFLATE") && !w.conn.Loopback() {
		return w.compress()
	}
	return nil
}

// greeting reads the first line (RFC 3501 7.1). A BYE is the server's refusal: it may take us later.
func (w *wire) greeting() (preauth bool, err error) {
	line, err := w.response()
	if err != nil {
		var e *migrate.Error
		if errors.As(err, &e) {
			e.Crowded = true
		}
		return false, err
	}
	st, ok := parseStatus(line)
	if !ok || st.tag != "*" {
		return false, w.broken(fmt.Errorf("this is no IMAP server: %.80q", line))
	}
	if st.code == "CAPABILITY" {
		w.caps = parseCapabilities(st.args)
	}
	w.product = strings.ToLower(st.text)
	switch st.kind {
	case "OK":
		return false, nil
	case "PREAUTH":
		return true, nil
	}
	e := classify("imap greeting", w.address, st, migrate.ScopeSession)
	e.Final = e.Final && e.Scope == migrate.ScopeRun
	e.Crowded = !e.Final // nobody has been named yet, so that it is nobody's own fault
	return false, e
}

// capability asks for the capabilities unless they are known.
func (w *wire) capability() error {
	if w.caps.known() {
		return nil
	}
	tag, err := w.command("CAPABILITY", "")
	if err != nil {
		return err
	}
	st, err := w.await(tag, nil)
	if err != nil {
		return err
	}
	if st.kind != "OK" || !w.caps.known() {
		return w.broken(errors.New("the server does not tell its capabilities"))
	}
	return nil
}

// startTLS upgrades the connection (RFC 3501 6.2.1). What the server said before it counts for nothing.
func (w *wire) startTLS() error {
	if !w.caps.has("STARTTLS") {
		return w.refusedStart(errors.New("the server does not offer STARTTLS"))
	}
	tag, err := w.command("STARTTLS", "")
	if err != nil {
		return err
	}
	st, err := w.await(tag, nil)
	if err != nil {
		return err
	}
	if st.kind != "OK" {
		return w.refusedStart(answered{st})
	}
	if err := w.conn.UpgradeTLS(); err != nil {
		w.conn.Close()
		hint := mailnet.TLSHint(err)
		return &migrate.Error{Op: "imap starttls", Subject: w.address, Final: hint != "", Hint: hint, Err: err}
	}
	w.caps = capabilities{}
	return w.capability()
}

func (w *wire) refusedStart(err error) error {
	return &migrate.Error{Op: "imap starttls", Subject: w.address, Scope: migrate.ScopeRun, Final: true, Hint: hintCleartext, Err: err}
}

// compress turns COMPRESS=DEFLATE on (RFC 4978). A server that refuses goes on without.
func (w *wire) compress() error {
	tag, err := w.command("COMPRESS DEFLATE", "")
	if err != nil {
		return err
	}
	st, err := w.await(tag, nil)
	if err != nil || st.kind != "OK" {
		return err
	}
	var level error
	err = w.conn.Compress(func(r io.Reader) io.Reader { return flate.NewReader(r) }, func(to io.Writer) mailnet.Flusher {
		var fw *flate.Writer
		fw, level = flate.NewWriter(to, flate.BestSpeed)
		return fw
	})
	return errors.Join(err, level)
}

// question is a command whose answer nobody waits for now.
type question struct {
	command  string
	answered func(status) // nil: what it says untagged is all
}

// probe sends questions; what is said to them is kept by w.next as it passes.
func (w *wire) probe(asked []question) error {
	var lines []string
	for _, q := range asked {
		tag := w.tag()
		w.later[tag] = q.answered
		if q.answered == nil {
			w.later[tag] = func(status) {}
		}
		lines = append(lines, tag+" "+q.command)
	}
	if lines == nil {
		return nil
	}
	return w.send(strings.Join(lines, "\r\n"), "")
}

// settle waits until every probe is answered.
func (w *wire) settle() error {
	for len(w.later) > 0 {
		if err := w.passing(); err != nil {
			return err
		}
	}
	return nil
}

// passing reads one response that is nobody's.
func (w *wire) passing() error {
	line, err := w.response()
	if err != nil {
		return err
	}
	st, ok := parseStatus(line)
	switch {
	case !ok:
		w.data(line)
	case st.kind == "BYE":
		w.bye = st
	case w.later[st.tag] != nil:
		f := w.later[st.tag]
		delete(w.later, st.tag)
		f(st)
	}
	return nil
}

// identity is our ID (RFC 2971): some servers refuse clients that don't say who they are.
const identity = `ID ("name" "poplift")`
