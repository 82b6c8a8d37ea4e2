package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"poplift/cmd/poplift/fleet"
	"poplift/cmd/poplift/jobs"
	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/state"
)

// campaignOptions is a command over a jobs file as the user asked for it.
type campaignOptions struct {
	File                string
	Account, Order      string // a pattern, and file or size
	Limit, Concurrency  int
	StateDir            string
	DryRun, RelayYes    bool
	InsecurePermissions bool
	Wait, MaxRuntime    time.Duration
	Metrics             string
	Reports             []string
	OnSuccess           string
	OnFailure           string
	// Retry is set when leftovers are to be tried again.
	Retry  *retryOptions
	Output outputOptions
}

const (
	defaultConcurrency   = 4
	defaultCampaignPool  = "48M"
	connectionsPerTarget = 2 // an IMAP target has a connection for questions and one for uploads
	// patience is how long an account may hold its place while it waits for a server; beyond that another one takes it.
	patience = 5 * time.Second
	// turn is how long an account may be at work and then still wait for more than a moment.
	turn = time.Minute
)

// campaign is one run over the accounts of a jobs file.
type campaign struct {
	env      *environment
	ui       *ui
	log      *slog.Logger
	opts     campaignOptions
	file     *jobs.File
	accounts []*jobs.Account
	stateDir string
	shared   *shared

	// tries is how often an account may be tried; 0 is the fleet's default.
	tries int
	// rereads says that SIGHUP has the jobs file read again, and ends nothing.
	rereads bool

	mu      sync.Mutex // guards file and accounts too, which SIGHUP replaces
	results map[string]*result
	// bandwidth is what all connections of the run share; nil is no bound.
	bandwidth *rate.Limiter
	rates     map[string]*rates  // by host
	volumes   map[string]*volume // by account at a host
	active    map[string]*copyJob
	held      map[string]time.Time    // when an account was first found to be held by another run
	crowded   map[string]int          // by host, how often it had no room
	budgets   map[string]fleet.Budget // by host
}

// result is what came of one account.
type result struct {
	account        *jobs.Account
	outcome        outcome
	started, ended time.Time
	tries          int
	timeline       []moment
}

// moment is how far an account was at some time.
type moment struct {
	at time.Time
	to migrate.Tally
}

// newCampaign reads the jobs file and chooses the accounts.
func newCampaign(env *environment, o campaignOptions) (*campaign, error) {
	file, err := loadJobs(env, o)
	if err != nil {
		return nil, err
	}
	c := &campaign{env: env, ui: newUI(env, o.Output), opts: o, file: file, results: map[string]*result{}, rates: map[string]*rates{},
		volumes: map[string]*volume{}, active: map[string]*copyJob{}, held: map[string]time.Time{}, crowded: map[string]int{}}
	c.log = c.ui.log
	for _, w := range file.Warnings {
		c.log.Warn(w.Error())
	}
	if c.stateDir, err = stateDir(cmp.Or(o.StateDir, file.StateDir), env.getenv); err != nil {
		return nil, err
	}
	if c.accounts, err = c.choose(file); err != nil {
		return nil, err
	}
	return c, c.share()
}

// loadJobs reads the jobs file.
func loadJobs(env *environment, o campaignOptions) (*jobs.File, error) {
	lookup := func(name string) (string, bool) { v := env.getenv(name); return v, v != "" }
	file, err := jobs.Load(o.File, jobs.LoadOptions{InsecurePermissions: o.InsecurePermissions, Now: env.now(), Stat: os.Stat, LookupEnv: lookup})
	if err != nil {
		return nil, usagef("%v\nnothing was started", err)
	}
	return file, nil
}

// choose picks the accounts and puts them in order.
func (c *campaign) choose(file *jobs.File) (accounts []*jobs.Account, err error) {
	for _, a := range file.Accounts {
		ok, err := path.Match(c.opts.Account, a.ID())
		if err != nil {
			return nil, usagef("--account %s: %v", c.opts.Account, err)
		}
		byName, _ := path.Match(c.opts.Account, a.Name)
		if c.opts.Account == "" || ok || byName {
			accounts = append(accounts, a)
		}
	}
	if len(accounts) == 0 {
		return nil, usagef("no account matches %s", c.opts.Account)
	}
	switch c.opts.Order {
	case "", "file":
	case "size": // small ones first: most people are done early
		size := map[string]int64{}
		for _, a := range accounts {
			if st, err := state.ReadStatus(c.stateDir, c.stateKey(a)); err == nil {
				size[a.ID()] = st.Listed.Octets
			}
		}
		slices.SortStableFunc(accounts, func(a, b *jobs.Account) int { return cmp.Compare(size[a.ID()], size[b.ID()]) })
	default:
		return nil, usagef("--order: %q is none of: file, size", c.opts.Order)
	}
	if n := c.opts.Limit; n > 0 && n < len(accounts) {
		accounts = accounts[:n]
	}
	return accounts, nil
}

// stateKey is the account's name in the state.
func (c *campaign) stateKey(a *jobs.Account) string {
	if e, err := parseEnd(a.Target.Arg(a.Into), roleTarget); err == nil {
		return e.account()
	}
	return ""
}

// share sets up what all accounts have together.
func (c *campaign) share() error {
	l := c.file.Limits
	budget, err := parseSize(cmp.Or(l.Memory, defaultCampaignPool))
	if err != nil {
		return err // the jobs file was checked
	}
	n := c.concurrency()
	window := min(16<<20, budget/2/int64(n))
	if l.Window != "" {
		if window, err = parseSize(l.Window); err != nil {
			return err
		}
	}
	if l.BandwidthLimit != "" {
		n, err := parseSize(l.BandwidthLimit)
		if err != nil {
			return err
		}
		c.bandwidth = rate.NewLimiter(rate.Limit(n), mailnet.ReadBuffer)
	}
	tuneMemory(budget, c.env.getenv)
	c.shared = &shared{pool: migrate.NewSharedPool(budget, n, ""), window: max(window, 1<<20)}
	return nil
}

func (c *campaign) concurrency() int {
	return cmp.Or(c.opts.Concurrency, c.file.Limits.Concurrency, defaultConcurrency)
}

// errPatience is why an account gives its place to another.
var errPatience = errors.New("others go first")

// sleeper waits for an account that begins now, but not for long.
func (c *campaign) sleeper() func(context.Context, time.Duration) error {
	began := c.env.now()
	return func(ctx context.Context, d time.Duration) error {
		if d > patience || d > grace && c.env.now().Sub(began) > turn {
			return errPatience
		}
		return c.env.sleep(ctx, d)
	}
}

// task is an account for the fleet. What it needs beside its servers: its state, which two accounts with one target share and only one at a time can have;
// sessions of the mailbox's own, where a server bounds them; and its log-ins, where a server wants some time between two of them.
//
// Sessions count for the mailbox that they open, whoever logs in: so do Dovecot, cPanel and Cyrus, also for a master user, and the services know nobody else.
func (c *campaign) task(a *jobs.Account, do func(context.Context, *jobs.Account) fleet.Verdict) fleet.Task {
	c.mu.Lock()
	defer c.mu.Unlock()
	needs := []string{"state of " + c.stateKey(a)}
	c.budgets[needs[0]] = fleet.Budget{Sessions: 1}
	need := func(name string, b fleet.Budget, sessions int) {
		if slices.Contains(needs, name) { // sources are read one behind the other
			return
		}
		c.budgets[name] = b
		for range sessions {
			needs = append(needs, name)
		}
	}
	for i, e := range append([]jobs.Endpoint{a.Target}, a.Sources...) {
		if e.OnDisk() {
			continue
		}
		host, b, sessions := e.Address(), c.file.Budget(e), 1
		if i == 0 {
			sessions = connectionsPerTarget
		}
		need(host, fleet.Budget{Sessions: b.Connections}, sessions)
		if b.UserConnections > 0 {
			need("sessions of "+e.User+" at "+host, fleet.Budget{Sessions: b.UserConnections}, sessions)
		}
		if b.LoginInterval > 0 {
			need("log-in of "+e.Login+" at "+host, fleet.Budget{Interval: b.LoginInterval}, 1)
		}
	}
	return fleet.Task{ID: a.ID(), Hosts: needs, Run: func(ctx context.Context) fleet.Verdict { return do(ctx, a) }}
}

// budgetOf is what the fleet may ask of a host.
func (c *campaign) budgetOf(host string) fleet.Budget {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.budgets[host]
}

// each runs do for every account, side by side.
func (c *campaign) each(ctx context.Context, do func(context.Context, *jobs.Account) fleet.Verdict, ended func(fleet.Task, fleet.Verdict, bool)) {
	c.budgets = map[string]fleet.Budget{}
	tasks := make([]fleet.Task, 0, len(c.accounts))
	for _, a := range c.accounts {
		tasks = append(tasks, c.task(a, do))
	}
	var renew <-chan func([]fleet.Task) []fleet.Task
	if c.rereads {
		var stop func()
		renew, stop = c.onHangup(do)
		defer stop()
	}
	f := fleet.Fleet{Concurrency: c.concurrency(), Tries: c.tries, Budget: c.budgetOf, Renew: renew, Now: c.env.now, After: c.env.after, Ended: ended}
	f.Run(ctx, tasks)
}

// job makes an account's copy, with a log of its own.
func (c *campaign) job(ctx context.Context, a *jobs.Account) (*copyJob, error) {
	o := c.accountCopy(a)
	shared := *c.shared
	shared.sleep, shared.trouble = c.sleeper(), c.trouble(a)
	shared.limit = func(e endpoint) []*rate.Limiter { return c.limitersOf(a, e) }
	if !c.opts.DryRun {
		shared.gate = func(e endpoint) *gate { return c.gateOf(a, e) }
		shared.logins = &logins{dir: filepath.Join(c.stateDir, "refused"), now: c.env.now, files: []string{c.opts.File, a.File}, asked: c.opts.Account != ""}
	}
	o.Shared = &shared
	return newCopyJob(ctx, c.env, &ui{env: c.env, log: c.log.With("account", a.ID())}, o)
}

// verdict says what an account's end means for the others, and for another try.
func (c *campaign) verdict(a *jobs.Account, err error) fleet.Verdict {
	v := fleet.Verdict{Err: err}
	var usage *usageError
	var e *migrate.Error
	switch {
	case err == nil, errors.Is(err, errLeft), errors.Is(err, errInterrupted), errors.As(err, &usage), errors.Is(err, fs.ErrPermission):
		return v
	case errors.Is(err, migrate.ErrLogin): // whatever else went wrong: another try would bring another refusal
		return v
	case errors.Is(err, state.ErrLocked):
		v.Again, v.Free, v.After = c.mayWait(a), true, lockPoll
		return v
	case errors.As(err, &e):
		v.Again, v.After = !e.Final && e.Scope != migrate.ScopeRun, e.After
	default:
		v.Again = true
	}
	if v.Again && e != nil && e.Crowded {
		v.Busy = hostOf(a, e)
		c.mu.Lock()
		c.crowded[v.Busy]++
		c.mu.Unlock()
	}
	if v.Again && e != nil && e.Throttled {
		if end, ok := endAt(a, e); ok && !c.ratesOf(end).bounded() {
			v.Slow = end.Address()
		}
	}
	return v
}

// lockPoll is how often an account that another run holds is asked for.
const lockPoll = 2 * time.Second

// mayWait says whether --wait still has patience with the run that holds an account. Others take its place meanwhile.
func (c *campaign) mayWait(a *jobs.Account) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.held[a.ID()]
	if !ok {
		since = c.env.now()
		c.held[a.ID()] = since
	}
	return c.env.now().Sub(since) < cmp.Or(c.opts.Wait, c.file.Schedule.Wait)
}

// hostOf is the server that an error speaks of, or "".
func hostOf(a *jobs.Account, e *migrate.Error) string {
	if end, ok := endAt(a, e); ok {
		return end.Address()
	}
	return ""
}

// endAt is the end that an error speaks of: our own packages name themselves in Op.
func endAt(a *jobs.Account, e *migrate.Error) (jobs.Endpoint, bool) {
	if strings.HasPrefix(e.Op, "imap") {
		return a.Target, !a.Target.OnDisk()
	}
	for _, s := range a.Sources {
		if !s.OnDisk() && (e.Subject == "" || e.Subject == s.Address() || len(a.Sources) == 1) {
			return s, true
		}
	}
	return jobs.Endpoint{}, false
}
