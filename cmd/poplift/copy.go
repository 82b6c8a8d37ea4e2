package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/sources/mbox"
	"poplift/sources/takeout"
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
	BandwidthLimit, Window, Memory      string
	DryRun                              bool
	Output                              outputOptions

	// TLSConfig replaces what TLS says (the demo's servers have authorities of their own).
	TLSConfig func(endpoint) (*tls.Config, error)
}

// copyJob is a copy that can start: everything is checked and every password is known.
type copyJob struct {
	wiring
	sources   []end
	target    end
	rules     migrate.Rules
	keepTwins bool
	stateDir  string
	env       *environment
	ui        *ui
	close     func() // what the job itself holds open
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
		out.Account, out.Title = job.target.account(), job.title()
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
	j.log, j.dryRun, j.allowCleartext, j.keepHeaders = u.log, o.DryRun, o.AllowCleartext, o.KeepClientHeaders
	j.rules.IncludeDeleted = o.IncludeDeleted
	if j.tls = o.TLSConfig; j.tls == nil {
		j.tls = func(e endpoint) (*tls.Config, error) { return o.TLS.Config(e.Host) }
	}
	if len(o.Sources) == 0 || o.Target == "" {
		return nil, usagef("two addresses are needed: poplift copy SOURCE... TARGET; see poplift copy --help")
	}
	names := map[string]bool{}
	for _, raw := range o.Sources {
		e, err := parseEnd(raw, roleSource)
		if err != nil {
			return nil, err
		}
		if names[e.account()] {
			return nil, usagef("%s is given twice", e)
		}
		names[e.account()] = true
		j.sources = append(j.sources, e)
	}
	var err error
	if j.target, err = parseEnd(o.Target, roleTarget); err != nil {
		return nil, err
	}
	j.into = j.target.Folder
	if err := j.setRules(o); err != nil {
		return nil, err
	}
	if err := j.setLimits(o); err != nil {
		return nil, err
	}
	if j.stateDir, err = stateDir(o.StateDir, env.getenv); err != nil {
		return nil, err
	}
	if !j.dryRun {
		j.cacheDir = filepath.Join(j.stateDir, "index")
	}
	if err := j.askPasswords(ctx, o); err != nil {
		return nil, err
	}
	return j, j.openTrace(o.Trace)
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
	return nil
}

// smallestBudget lets the two lanes overlap at all; below it the run would crawl.
const smallestBudget = 1 << 20

// setLimits reads how much memory and bandwidth the run may take.
func (j *copyJob) setLimits(o copyOptions) error {
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
		j.limit = rate.NewLimiter(rate.Limit(n), mailnet.ReadBuffer) // one for all connections: their sum keeps to it
	}
	return nil
}

func (j *copyJob) askPasswords(ctx context.Context, o copyOptions) error {
	keys := &keyring{getenv: j.env.getenv, ask: j.env.ask(), now: j.env.now}
	var err error
	for i, s := range j.sources {
		if s.onDisk() {
			continue
		}
		if j.sources[i].creds, err = keys.credentials(ctx, s.endpoint, roleSource, o.SourceSecrets); err != nil {
			return err
		}
	}
	if j.target.onDisk() {
		return nil
	}
	j.target.creds, err = keys.credentials(ctx, j.target.endpoint, roleTarget, o.TargetSecrets)
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

// run wires the engine up and starts it.
func (j *copyJob) run(ctx context.Context) (migrate.Report, error) {
	a := &migrate.Account{
		Name: j.target.account(), Pool: j.pool, Rules: j.rules, KeepTwins: j.keepTwins, DryRun: j.dryRun,
		Progress: &migrate.Progress{}, Log: j.log, Now: j.env.now, Sleep: sleep, Grace: grace,
	}
	if base := j.into; len(base) > 0 {
		a.Route = func(e migrate.Entry) migrate.Path { return append(base[:len(base):len(base)], e.Folder...) }
	}
	for _, s := range j.sources {
		named, err := j.source(s)
		if err != nil {
			return migrate.Report{}, err
		}
		a.Sources = append(a.Sources, named)
	}
	var err error
	if a.OpenTarget, err = j.wiring.target(j.target); err != nil {
		return migrate.Report{}, err
	}
	store, err := j.openStore()
	if err != nil {
		return migrate.Report{}, err
	}
	defer store.Close()
	a.Store = store
	return j.watched(ctx, a)
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
