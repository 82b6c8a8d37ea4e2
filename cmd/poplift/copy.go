package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/migrate/strip"
	"poplift/sources/mbox"
	"poplift/sources/takeout"
	"poplift/state"
)

// copyOptions is a copy as the user asked for it, as text. newCopyJob checks it.
type copyOptions struct {
	Sources []string
	Target  string

	SourceSecrets, TargetSecrets secretOptions
	TLS                          mailnet.TLSOptions
	AllowCleartext               bool

	StateDir, Trace                     string
	Seen, Since, Until, MaxSize, Dedupe string
	Labels, MboxFormat                  string
	IncludeDeleted, KeepClientHeaders   bool
	ClientDeleted, StripOver, Sieve     string
	Folders                             folderOptions
	Relay                               relayOptions
	Keep                                keepOptions
	// Retry is set when leftovers are to be tried again.
	Retry                          *retryOptions
	BandwidthLimit, Window, Memory string
	DryRun                         bool
	Output                         outputOptions

	// TLSConfig replaces what TLS says (the demo's servers have authorities of their own), Cleartext what AllowCleartext says.
	TLSConfig func(endpoint) (*tls.Config, error)
	Cleartext func(endpoint) bool
	// Credentials replaces the places where passwords are looked for. end is the index of a source.
	Credentials func(ctx context.Context, as role, end int) (mailnet.Credentials, error)
	// Shared is what the accounts of one run have together; nil gives the copy its own.
	Shared *shared
}

// copyJob is a copy that can start: everything is checked and every password is known.
type copyJob struct {
	wiring
	sources   []end
	target    end
	rules     migrate.Rules
	keepTwins bool
	router    migrate.Router
	filer     migrate.Filer
	strip     func(context.Context, *migrate.Spool) (*migrate.Spool, string, error)
	filerName string
	// main is the target when that is a relay, leftovers the relay for what an IMAP target doesn't take; either may be nil.
	main, leftovers *relay
	relayYes        bool
	keepDir         string // empty when nothing is kept
	keepLimit       int64
	retry           *retryOptions
	stateDir        string
	shared          *shared
	progress        migrate.Progress
	env             *environment
	ui              *ui
	close           func() // what the job itself holds open
}

// runCopy is the whole of `poplift copy`: check, run, tell.
func runCopy(ctx context.Context, env *environment, o copyOptions) error {
	return present(env, o.Output, copyOnce(ctx, env, o))
}

// copyOnce checks and runs.
func copyOnce(ctx context.Context, env *environment, o copyOptions) outcome {
	out := outcome{DryRun: o.DryRun}
	job, err := newCopyJob(ctx, env, newUI(env, o.Output), o)
	if err == nil {
		defer job.close()
		out.Account, out.Title, out.KeepDir = job.target.account(), job.title(), job.keepDir
		out.Report, err = job.run(ctx)
	}
	out.Err = endOf(out.Report, err)
	return out
}

// present tells what came of a run, on stdout, and hands its error on.
func present(env *environment, o outputOptions, out outcome) error {
	switch {
	case o.JSON:
		if err := writeJSON(env.stdout, newJSONReport(out)); err != nil && (out.Err == nil || errors.Is(out.Err, errLeft)) {
			return fmt.Errorf("write the report: %w", err)
		}
	case o.Quiet && errors.Is(out.Err, errLeft):
		writeLeft(env.stderr, out)
	case o.Quiet, out.Title == "", out.Err != nil && out.Report.Listed == (migrate.Tally{}):
		// nothing to tell that the error doesn't
	default:
		writeTable(env.stdout, out)
	}
	return out.Err
}

// newCopyJob checks the options, and asks for passwords last.
func newCopyJob(ctx context.Context, env *environment, u *ui, o copyOptions) (*copyJob, error) {
	j := &copyJob{env: env, ui: u, close: func() {}}
	j.log, j.dryRun, j.keepHeaders, j.shared, j.timing = u.log, o.DryRun, o.KeepClientHeaders, o.Shared, env.timing
	j.rules.IncludeDeleted = o.IncludeDeleted
	j.setTLS(o)
	if len(o.Sources) == 0 || o.Target == "" {
		return nil, usagef("two addresses are needed: poplift copy SOURCE... TARGET; see poplift copy --help")
	}
	names := map[string]bool{}
	for i, raw := range o.Sources {
		e, err := parseEnd(raw, roleSource)
		if err != nil {
			return nil, err
		}
		if names[e.account()] {
			return nil, usagef("%s is given twice", e)
		}
		names[e.account()] = true
		e.index = i
		j.sources = append(j.sources, e)
	}
	var err error
	if j.target, err = parseEnd(o.Target, roleTarget); err != nil {
		return nil, err
	}
	j.storesFirst()
	if j.stateDir, err = stateDir(o.StateDir, env.getenv); err != nil {
		return nil, err
	}
	for _, set := range []func(copyOptions) error{j.setRules, j.setLimits, j.setFolders, j.setRelay, j.setKeep} {
		if err := set(o); err != nil {
			return nil, err
		}
	}
	if !j.dryRun {
		j.cacheDir = filepath.Join(j.stateDir, "index")
	}
	if err := j.askPasswords(ctx, o); err != nil {
		return nil, err
	}
	for _, r := range []*relay{j.main, j.leftovers} {
		if r == nil {
			continue
		}
		if err := j.confirmRelay(ctx, r); err != nil {
			return nil, err
		}
	}
	return j, j.openTrace(o.Trace)
}

func (j *copyJob) setTLS(o copyOptions) {
	if j.cleartext = o.Cleartext; j.cleartext == nil {
		j.cleartext = func(endpoint) bool { return o.AllowCleartext }
	}
	if j.tls = o.TLSConfig; j.tls == nil {
		j.tls = func(e endpoint) (*tls.Config, error) { return o.TLS.Config(e.Host) }
	}
}

// storesFirst puts mail programs' stores before maildrops: what a program knows of a message has to be known when the message is met on its server.
func (j *copyJob) storesFirst() {
	slices.SortStableFunc(j.sources, func(a, b end) int {
		return cmp.Compare(len(a.Scheme), len(b.Scheme)) // a store has none
	})
}

// setRules reads what is said about single messages.
func (j *copyJob) setRules(o copyOptions) (err error) {
	now := j.env.now()
	bad := func(flag string, err error) error { return usagef("--%s: %v", flag, err) }
	if j.rules.AllSeen, j.rules.SeenBefore, err = parseSeen(o.Seen, now); err != nil {
		return bad("seen", err)
	}
	if o.Since != "" {
		if j.rules.Since, err = parseWhen(o.Since, now); err != nil {
			return bad("since", err)
		}
	}
	if o.Until != "" {
		if j.rules.Until, err = parseWhen(o.Until, now); err != nil {
			return bad("until", err)
		}
		if !j.rules.Since.Before(j.rules.Until) {
			return usagef("--since %s is not before --until %s", o.Since, o.Until)
		}
	}
	if o.MaxSize != "" {
		if j.rules.MaxSize, err = parseSize(o.MaxSize); err != nil {
			return bad("max-size", err)
		}
	}
	if j.labels, err = takeout.ParseLabels(o.Labels); err != nil {
		return bad("labels", err)
	}
	if j.variant, err = mbox.ParseVariant(o.MboxFormat); err != nil {
		return bad("mbox-format", err)
	}
	switch o.Dedupe {
	case "content":
	case "off":
		j.keepTwins = true
	default:
		return usagef("--dedupe: %q is none of: content, off", o.Dedupe)
	}
	switch o.ClientDeleted {
	case "copy":
	case "skip":
		j.rules.LeaveThrownAway = true
	default:
		return usagef("--client-deleted: %q is none of: copy, skip", o.ClientDeleted)
	}
	if j.retry = o.Retry; j.retry != nil {
		j.rules.Retry = j.retry.again
	}
	return j.setStrip(o.StripOver)
}

// setStrip reads above which size attachments are left out of what is uploaded.
func (j *copyJob) setStrip(over string) error {
	if over == "" {
		return nil
	}
	n, err := parseSize(over)
	if err != nil {
		return usagef("--strip-attachments-over: %v", err)
	}
	if n < 1 {
		return usagef("--strip-attachments-over %s: everything would be left out", over)
	}
	options := strip.Options{Over: n}
	pool := migrate.NewPool(stripBudget, "")
	j.strip = func(ctx context.Context, body *migrate.Spool) (*migrate.Spool, string, error) {
		lighter, removed, err := options.Strip(ctx, pool, body)
		var names []string
		for _, r := range removed {
			names = append(names, fmt.Sprintf("%s (%s)", cmp.Or(r.Name, r.Type), humanSize(r.Octets)))
		}
		return lighter, strings.Join(names, ", "), err
	}
	return nil
}

// stripBudget is how many octets of stripped messages wait in memory to be sent.
const stripBudget = 8 << 20

// smallestBudget lets the two lanes overlap at all; below it the run would crawl.
const smallestBudget = 1 << 20

// setLimits reads how much memory and bandwidth the run may take.
func (j *copyJob) setLimits(o copyOptions) error {
	if s := o.Shared; s != nil {
		j.pool, j.window, j.limitOf = s.pool, s.window, s.limit
		if s.gate != nil {
			j.countOf = func(e endpoint) func(read, written int) { return s.gate(e).count() }
		}
		return nil
	}
	budget, err := parseSize(o.Memory)
	if err != nil {
		return usagef("--memory: %v", err)
	}
	if budget < smallestBudget {
		return usagef("--memory %s: at least 1M is needed", o.Memory)
	}
	j.window = min(16<<20, budget/2)
	if o.Window != "" {
		if j.window, err = parseSize(o.Window); err != nil {
			return usagef("--window: %v", err)
		}
	}
	if j.window > budget {
		return usagef("--window %s is more than --memory %s: what is asked for must also fit", o.Window, o.Memory)
	}
	tuneMemory(budget, j.env.getenv)
	j.pool = migrate.NewPool(budget, "")
	if o.BandwidthLimit != "" {
		n, err := parseSize(o.BandwidthLimit)
		if err != nil || n < 1 {
			return usagef("--bwlimit: %q is no rate; write it as 500k or 2M, in octets a second", o.BandwidthLimit)
		}
		limit := []*rate.Limiter{rate.NewLimiter(rate.Limit(n), mailnet.ReadBuffer)} // one for all connections: their sum keeps to it
		j.limitOf = func(endpoint) []*rate.Limiter { return limit }
	}
	return nil
}

func (j *copyJob) askPasswords(ctx context.Context, o copyOptions) error {
	if o.Credentials != nil {
		return j.takePasswords(ctx, o)
	}
	keys := &passwords{getenv: j.env.getenv, ask: j.env.ask(), now: j.env.now}
	var err error
	for i, s := range j.sources {
		if s.onDisk() {
			continue
		}
		if j.sources[i].creds, err = keys.credentials(ctx, s.endpoint, roleSource, o.SourceSecrets); err != nil {
			return err
		}
	}
	switch {
	case j.main != nil:
		j.main.end.creds, err = keys.relayCredentials(ctx, j.main.end, o.TargetSecrets, roleTarget)
		return err
	case j.leftovers != nil:
		if j.leftovers.end.creds, err = keys.relayCredentials(ctx, j.leftovers.end, o.Relay.Secrets, roleRelay); err != nil {
			return err
		}
	}
	if j.target.onDisk() {
		return nil
	}
	j.target.creds, err = keys.credentials(ctx, j.target.endpoint, roleTarget, o.TargetSecrets)
	return err
}

// takePasswords asks whoever knows them.
func (j *copyJob) takePasswords(ctx context.Context, o copyOptions) (err error) {
	for i, s := range j.sources {
		if !s.onDisk() && err == nil {
			j.sources[i].creds, err = o.Credentials(ctx, roleSource, s.index)
		}
	}
	if err == nil && !j.target.onDisk() {
		j.target.creds, err = o.Credentials(ctx, roleTarget, 0)
		if j.main != nil {
			j.main.end.creds = j.target.creds
		}
	}
	if err == nil && j.leftovers != nil {
		j.leftovers.end.creds, err = o.Credentials(ctx, roleRelay, 0)
	}
	return err
}

// openTrace starts the transcript. It holds no secrets, but names and subjects of folders: 0600.
func (j *copyJob) openTrace(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return usagef("--trace: %v", err)
	}
	j.trace, j.close = mailnet.NewTrace(f, j.env.now), func() { f.Close() }
	return nil
}

// title names both ends.
func (j *copyJob) title() string {
	var from []string
	for _, s := range j.sources {
		from = append(from, s.String())
	}
	return strings.Join(from, ", ") + " → " + j.target.String()
}

// grace is how long messages on their way may take to be answered for after Ctrl-C; the whole program ends within two seconds of it.
const grace = 1500 * time.Millisecond

// run wires the engine up and starts it. The state is checked while the servers are connected to: that takes about as long as a server's counting of a large
// maildrop. A retry needs to know what is in it before.
func (j *copyJob) run(ctx context.Context) (migrate.Report, error) {
	report, err := j.once(ctx, !j.dryRun && j.retry == nil)
	if errors.Is(err, errUnfit) {
		return j.once(ctx, false)
	}
	return report, err
}

// errUnfit is a state that turned out to be damaged before anything was done with it.
var errUnfit = errors.New("the state file is of no use")

func (j *copyJob) once(ctx context.Context, ahead bool) (migrate.Report, error) {
	a, err := j.account()
	if err != nil {
		return migrate.Report{}, err
	}
	store, err := j.openStoreAhead(ahead)
	if err != nil {
		return migrate.Report{}, err
	}
	defer store.Close()
	a.Store = store
	if j.retry != nil {
		return j.tryAgain(ctx, a)
	}
	report, err := j.watched(ctx, a)
	if s, ok := store.(*state.Store); ok && errors.Is(err, state.ErrDamaged) && errors.Is(s.Opened(), state.ErrDamaged) {
		return migrate.Report{}, errUnfit
	}
	return report, err
}

// account is the engine's work, without its store.
func (j *copyJob) account() (*migrate.Account, error) {
	a := &migrate.Account{
		Name: j.target.account(), Pool: j.pool, Router: j.router, Filer: j.filer, FilerName: j.filerName, Strip: j.strip, Rules: j.rules, KeepTwins: j.keepTwins,
		DryRun: j.dryRun, Progress: &j.progress, Log: j.log, Now: j.env.now, Sleep: j.env.sleep, Grace: grace,
	}
	if j.shared != nil {
		a.Sleep, a.Trouble = j.shared.sleep, j.shared.trouble
	}
	for _, s := range j.sources {
		named, err := j.source(s)
		if err != nil {
			return nil, err
		}
		g := j.gate(s)
		named.Open = gated(g, guarded(j.logins(), s, migrate.ScopeSession, named.Open))
		named.Pace = g.pace(j.gate(j.target))
		a.Sources = append(a.Sources, named)
	}
	if j.keepDir != "" {
		a.Keep = j.openKeep
	}
	var err error
	if j.main != nil {
		a.Landing, a.RelayMax, a.RelayTo = migrate.Relayed, j.main.max, j.main.recipients()
		a.OpenTarget, err = j.relay(j.main)
		return a, err
	}
	if j.leftovers != nil {
		a.RelayMax, a.RelayTo = j.leftovers.max, j.leftovers.recipients()
		if a.Relay, err = j.relay(j.leftovers); err != nil {
			return nil, err
		}
	}
	if a.OpenTarget, err = j.wiring.target(j.target); err == nil {
		g := j.gate(j.target)
		a.OpenTarget = gated(g, guarded(j.logins(), j.target, migrate.ScopeRun, a.OpenTarget))
		a.Pace = g.pace(nil)
	}
	return a, err
}

// watched runs the account while the bar (or the log) and the status file follow it.
func (j *copyJob) watched(ctx context.Context, a *migrate.Account) (migrate.Report, error) {
	endStatus := j.keepStatus(a)
	stop := j.ui.watch(a.Progress)
	report, err := a.Run(ctx)
	stop()
	endStatus(report, err)
	return report, err
}

// sleep is time.Sleep that ends with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
