package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"golang.org/x/time/rate"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/sources/filestore"
	"poplift/sources/mbox"
	"poplift/sources/pop3"
	"poplift/sources/takeout"
	"poplift/targets/imap"
	maildirtarget "poplift/targets/maildir"
)

// end is one side of a copy: a server and who logs in there, or a place on disk.
type end struct {
	endpoint
	index int // among the sources, as they were given
	creds mailnet.Credentials
	// store is a source on disk, dir a target; with either, the rest is empty.
	store *store
	dir   string
}

// parseEnd reads an argument.
func parseEnd(raw string, as role) (end, error) {
	if dir, ok := strings.CutPrefix(raw, "maildir:"); ok && as == roleTarget && !strings.HasPrefix(dir, "//") {
		abs, err := filepath.Abs(dir)
		if err != nil || dir == "" {
			return end{}, usagef("%s: no directory", raw)
		}
		return end{dir: abs}, nil
	}
	if as == roleSource {
		if s, ok, err := parseStore(raw); ok || err != nil {
			return end{store: &s}, err
		}
	}
	if as == roleTarget && strings.HasPrefix(raw, "lmtp+unix:") {
		return parseRelay(raw)
	}
	e, err := parseEndpoint(raw, as)
	return end{endpoint: e}, err
}

// onDisk says whether nobody has to log in.
func (e end) onDisk() bool { return e.store != nil || e.dir != "" }

// kind is the role of the end's scheme; empty on disk.
func (e end) kind() role {
	if e.Scheme == "lmtp+unix" {
		return roleRelay
	}
	return schemes[e.Scheme].role
}

// account is the end's key in the state: the same in every run, however it was spelled.
func (e end) account() string {
	switch {
	case e.store != nil:
		return e.store.name()
	case e.dir != "":
		return "maildir:" + e.dir
	}
	return e.endpoint.account()
}

// String is the end for people.
func (e end) String() string {
	if e.onDisk() {
		return e.account()
	}
	return e.endpoint.String()
}

// wiring is what all connections of a run share.
type wiring struct {
	tls         func(endpoint) (*tls.Config, error)
	cleartext   func(endpoint) bool                    // says whether no TLS was asked for by name
	limitOf     func(endpoint) []*rate.Limiter         // of octets; nil is none
	countOf     func(endpoint) func(read, written int) // nil counts nothing
	trace       *mailnet.Trace
	pool        *migrate.Pool
	window      int64
	dryRun      bool
	keepHeaders bool // fields that clients added for themselves are copied too
	labels      takeout.Labels
	variant     mbox.Variant
	cacheDir    string // where indexes of large files are kept
	intoName    string // the folder of the target that everything goes below; empty is none
	language    string // of notes to people, as a language tag
	timing      timing
	log         *slog.Logger
}

// endpoint says how to connect to an end.
func (w *wiring) endpoint(e endpoint) (mailnet.Endpoint, error) {
	cfg, err := w.tls(e)
	if err != nil {
		return mailnet.Endpoint{}, usagef("%v", err)
	}
	out := mailnet.Endpoint{Address: e.address(), Host: e.Host, TLS: cfg, Trace: w.trace, Connect: w.timing.connect, Stall: w.timing.stall}
	if w.limitOf != nil {
		out.Limits = w.limitOf(e)
	}
	if w.countOf != nil {
		out.Count = w.countOf(e)
	}
	switch e.Scheme {
	case "pop3s", "imaps", "smtps":
		out.Security = mailnet.ImplicitTLS
	default:
		out.Security = mailnet.StartTLS
		if w.cleartext(e) {
			out.Security = mailnet.Cleartext
		}
	}
	return out, nil
}

// source and target are the only switches from a kind of address to the code that speaks to it.

func (w *wiring) source(e end) (migrate.NamedSource, error) {
	if e.store != nil {
		return migrate.NamedSource{Name: w.sourceName(e.account()), Open: func(context.Context) (migrate.Source, error) {
			s, err := e.store.open(storeRequest{path: e.store.path, cacheDir: w.cacheDir, labels: w.labels, variant: w.variant, log: w.log})
			if err != nil {
				return nil, &migrate.Error{Op: "open", Subject: e.store.path, Scope: migrate.ScopeRun, Final: true, Err: err}
			}
			return filestore.New(s, filestore.Options{Pool: w.pool, KeepClientHeaders: w.keepHeaders}), nil
		}}, nil
	}
	ep, err := w.endpoint(e.endpoint)
	if err != nil {
		return migrate.NamedSource{}, err
	}
	switch e.Scheme {
	case "pop3", "pop3s":
		cfg := pop3.Config{Endpoint: ep, Credentials: e.creds, Pool: w.pool, Window: w.window, Log: w.log}
		return migrate.NamedSource{Name: w.sourceName("pop3:" + e.account()), Maildrop: maildrop(e.endpoint), Open: func(ctx context.Context) (migrate.Source, error) {
			s, err := pop3.Open(ctx, cfg)
			if err != nil {
				return nil, err // not s: a nil *Source in an interface is not nil
			}
			return s, nil
		}}, nil
	}
	return migrate.NamedSource{}, fmt.Errorf("source %s: no such kind", e.Scheme)
}

// maildrop names a POP3 account as mail programs do.
func maildrop(e endpoint) string { return strings.ToLower(e.User + "@" + e.Host) }

// sourceName is the name that a source's records carry. What was copied into one folder says nothing of another, so that the folder belongs to it.
func (w *wiring) sourceName(account string) string {
	if w.intoName == "" {
		return account
	}
	return account + " into " + w.intoName
}

func (w *wiring) target(e end) (func(context.Context) (migrate.Target, error), error) {
	if e.dir != "" {
		return func(context.Context) (migrate.Target, error) {
			t, err := maildirtarget.Open(maildirtarget.Options{Path: e.dir, ReadOnly: w.dryRun})
			if err != nil {
				return nil, err
			}
			return t, nil
		}, nil
	}
	ep, err := w.endpoint(e.endpoint)
	if err != nil {
		return nil, err
	}
	switch e.Scheme {
	case "imap", "imaps":
		cfg := imap.Config{Endpoint: ep, Credentials: e.creds, ReadOnly: w.dryRun, Log: w.log}
		return func(ctx context.Context) (migrate.Target, error) {
			t, err := imap.Open(ctx, cfg)
			if err != nil {
				return nil, err
			}
			return t, nil
		}, nil
	}
	return nil, fmt.Errorf("target %s: no such kind", e.Scheme)
}
