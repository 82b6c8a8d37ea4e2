package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/time/rate"

	"poplift/migrate"
	"poplift/state"
	"poplift/targets/maildir"
	"poplift/targets/smtp"
)

// relayOptions says where mail goes that the target doesn't take, or all of it when the target itself is a relay; as text.
type relayOptions struct {
	URL, As, From string
	To            []string
	Max           int
	Yes           bool
	Secrets       secretOptions
}

// keepOptions says where the dead-letter tree is.
type keepOptions struct {
	Dir, Limit string
	Off        bool
}

const (
	defaultRelayMax  = 100
	defaultKeepLimit = "1G"
	// relayRate is how many messages a second go to a relay: a mistake is seen before it has mailed many people.
	relayRate, relayBurst = 5, 20
)

// relay is a relay that can be opened.
type relay struct {
	end     end
	socket  string // of an LMTP server
	as      smtp.As
	from    string
	to      []string
	max     int
	limiter *rate.Limiter
}

// setRelay reads where leftovers go.
func (j *copyJob) setRelay(o copyOptions) error {
	j.language = languageOf(j.env.getenv)
	if j.target.kind() == roleRelay {
		if o.Relay.URL != "" {
			return usagef("--relay: the target is a relay already")
		}
		r, err := newRelay(j.target, o.Relay)
		if err != nil {
			return err
		}
		j.main, j.relayYes = r, o.Relay.Yes
		return nil
	}
	if o.Relay.URL == "" {
		if len(o.Relay.To) > 0 || o.Relay.From != "" || o.Relay.Yes {
			return usagef("--relay-to, --relay-from and --relay-yes are of use only with --relay")
		}
		return nil
	}
	e, err := parseRelay(o.Relay.URL)
	if err != nil {
		return err
	}
	if len(o.Relay.To) == 0 && strings.Contains(j.target.User, "@") {
		o.Relay.To = []string{j.target.User}
	}
	if j.leftovers, err = newRelay(e, o.Relay); err != nil {
		return err
	}
	j.relayYes = o.Relay.Yes
	return nil
}

// parseRelay reads smtp://, smtps:// and lmtp:// addresses, and lmtp+unix:PATH.
func parseRelay(raw string) (end, error) {
	if path, ok := strings.CutPrefix(raw, "lmtp+unix:"); ok {
		if !filepath.IsAbs(path) {
			return end{}, usagef("lmtp+unix:%s: the path of the socket must be absolute", path)
		}
		return end{endpoint: endpoint{Scheme: "lmtp+unix", Host: path}}, nil
	}
	e, err := parseEndpoint(raw, roleRelay)
	return end{endpoint: e}, err
}

func newRelay(e end, o relayOptions) (*relay, error) {
	if o.Max < 1 {
		return nil, usagef("--relay-max %d: it must be at least 1", o.Max)
	}
	r := &relay{end: e, from: o.From, to: o.To, max: o.Max, limiter: rate.NewLimiter(relayRate, relayBurst)}
	if e.Scheme == "lmtp+unix" {
		r.socket = e.Host
	}
	var err error
	if r.as, err = smtp.ParseAs(o.As); err != nil {
		return nil, usagef("--relay-as: %v", err)
	}
	if len(r.to) == 0 {
		return nil, usagef("--relay-to: say who gets the mail")
	}
	if r.from == "" && strings.Contains(e.User, "@") {
		r.from = e.User
	}
	if r.from == "" {
		return nil, usagef("--relay-from: say who sends the mail on; it must be an address that you read")
	}
	return r, nil
}

// open is the relay for the engine.
func (w *wiring) relay(r *relay) (func(context.Context) (migrate.Target, error), error) {
	cfg := smtp.Config{Socket: r.socket, LMTP: strings.HasPrefix(r.end.Scheme, "lmtp"), Credentials: r.end.creds, Operator: r.from, To: r.to, As: r.as,
		Language: w.language, ReadOnly: w.dryRun, Log: w.log,
		Recipients: func(u migrate.Upload) []string {
			if len(u.To) > 0 {
				return u.To
			}
			return r.to
		},
		Wait: func(ctx context.Context, _ int64) error { return r.limiter.Wait(ctx) },
	}
	if r.socket == "" {
		ep, err := w.endpoint(r.end.endpoint)
		if err != nil {
			return nil, err
		}
		cfg.Endpoint = ep
	}
	return func(ctx context.Context) (migrate.Target, error) {
		t, err := smtp.Open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return t, nil
	}, nil
}

// recipients are those of the relay for people, the same however they were ordered.
func (r *relay) recipients() string { return strings.Join(slices.Sorted(slices.Values(r.to)), ", ") }

// String is the relay for people: where it is, and who gets the mail.
func (r *relay) String() string { return fmt.Sprintf("%s to %s", r.end, r.recipients()) }

// languageOf is the user's, as a language tag or a locale's name.
func languageOf(getenv func(string) string) string {
	return cmp.Or(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))
}

// confirmRelay asks before the first mail goes to a relay and recipients that none has gone to before: a mistake here mails people.
func (j *copyJob) confirmRelay(ctx context.Context, r *relay) error {
	path := filepath.Join(j.stateDir, "relays")
	known, err := linesOf(path)
	if err != nil {
		return fmt.Errorf("relays: %w", err)
	}
	if slices.Contains(known, r.String()) || j.dryRun {
		return nil
	}
	if !j.relayYes {
		ask := j.env.ask()
		if ask == nil {
			return usagef("mail has never been relayed by %s; --relay-yes says that it may be", r)
		}
		answer, err := ask(ctx, fmt.Sprintf("Up to %d messages may be relayed by %s. Go on? Write yes: ", r.max, r))
		if err != nil {
			return err
		}
		if !strings.EqualFold(strings.TrimSpace(answer), "yes") {
			return usagef("not confirmed; nothing was started")
		}
	}
	if err := addLine(path, r.String()); err != nil {
		return fmt.Errorf("relays: %w", err)
	}
	return nil
}

// setKeep reads where the dead-letter tree is: below the state, one for each account, unless the user says otherwise.
func (j *copyJob) setKeep(all copyOptions) error {
	o := all.Keep
	if o.Off {
		if o.Dir != "" {
			return usagef("--keep and --no-keep: give only one of them")
		}
		return nil
	}
	limit, err := parseSize(o.Limit)
	if err != nil {
		return usagef("--keep-limit: %v", err)
	}
	j.keepLimit, j.keepDir = limit, keepDir(j.stateDir, j.target.account())
	if o.Dir == "" {
		return nil
	}
	if j.keepDir, err = filepath.Abs(o.Dir); err != nil {
		return usagef("--keep: %v", err)
	}
	return nil
}

// keptPlaces is the file that lists an account's dead-letter trees where the user has chosen them, one a line.
func keptPlaces(stateDir, account string) string { return keepDir(stateDir, account) + ".places" }

// notePlace writes down that something is kept in a tree of the user's own, for poplift failed to say where.
func (j *copyJob) notePlace() error {
	own := keepDir(j.stateDir, j.target.account())
	path := keptPlaces(j.stateDir, j.target.account())
	known, err := linesOf(path)
	if err != nil || j.dryRun || j.keepDir == own || slices.Contains(known, j.keepDir) {
		return err
	}
	return addLine(path, j.keepDir)
}

// placesOf says for people where the messages lie that an account has kept.
func placesOf(stateDir, account string) string {
	places, err := linesOf(keptPlaces(stateDir, account))
	own := keepDir(stateDir, account)
	if _, statErr := os.Stat(own); err != nil || len(places) == 0 || statErr == nil {
		places = append([]string{own}, places...)
	}
	return strings.Join(places, " or ")
}

// linesOf reads a file of lines, which needn't be there.
func linesOf(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' }), nil
}

// addLine adds one to such a file.
func addLine(path, line string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

// keepDir is an account's own dead-letter tree below the state.
func keepDir(stateDir, account string) string {
	return filepath.Join(stateDir, "kept", strings.TrimSuffix(filepath.Base(state.Path(stateDir, account)), ".db"))
}

func (j *copyJob) openKeep(context.Context) (migrate.Target, error) {
	err := os.MkdirAll(filepath.Dir(j.keepDir), 0o700)
	if err == nil {
		err = j.notePlace()
	}
	if err != nil {
		return nil, fmt.Errorf("dead-letter tree: %w", err)
	}
	t, err := maildir.Open(maildir.Options{Path: j.keepDir, ReadOnly: j.dryRun, Limit: j.keepLimit})
	if err != nil {
		return nil, err
	}
	return t, nil
}
