package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"poplift/cmd/poplift/fleet"
	"poplift/cmd/poplift/jobs"
	"poplift/cmd/poplift/report"
	"poplift/migrate"
	"poplift/state"
)

// runCampaign is the whole of `poplift run`.
func runCampaign(ctx context.Context, env *environment, o campaignOptions) error {
	c, err := newCampaign(env, o)
	if err != nil {
		return err
	}
	return c.run(ctx)
}

// errRuntime is the cause of a context that ended because --max-runtime did.
var errRuntime = errors.New("the time that a run may take is over")

// run copies all accounts, tells what came of it, and writes what was asked for.
func (c *campaign) run(ctx context.Context) error {
	started := c.env.now()
	work, cancel := ctx, context.CancelFunc(func() {})
	if d := c.maxRuntime(); d > 0 {
		work, cancel = context.WithTimeoutCause(ctx, d, errRuntime)
	}
	stop := c.watch()
	c.rereads = true
	c.each(work, c.copy, c.copied)
	timedOut := errors.Is(context.Cause(work), errRuntime)
	cancel()
	stop()
	data := c.report(started)
	err, news := c.end(ctx, timedOut)
	c.present(data, news)
	if after := errors.Join(c.write(data), c.hook(context.WithoutCancel(ctx), data, err, news)); after != nil {
		if err == nil {
			return after
		}
		c.log.Error("after the run", "err", after)
	}
	return err
}

func (c *campaign) maxRuntime() time.Duration {
	if c.opts.MaxRuntime > 0 {
		return c.opts.MaxRuntime
	}
	return c.file.Schedule.MaxRuntime
}

// copy is one try of one account.
func (c *campaign) copy(ctx context.Context, a *jobs.Account) fleet.Verdict {
	r := c.begin(a)
	out := outcome{DryRun: c.opts.DryRun, Account: c.stateKey(a), Title: a.ID()}
	j, err := c.job(ctx, a)
	if err == nil {
		c.activate(a, j)
		out.Account, out.Title, out.KeepDir = j.target.account(), j.title(), j.keepDir
		out.Report, err = j.run(ctx)
		c.deactivate(a)
		j.close()
	}
	if news, failed := c.settle(a, err); failed != nil {
		err = errors.Join(err, failed)
	} else if news {
		c.tellVolume(a, err)
	}
	out.Err = endOf(out.Report, err)
	v := c.verdict(a, out.Err)
	v.Free = v.Free || v.Again && progressed(out.Report) // what gets on is not given up
	c.mu.Lock()
	defer c.mu.Unlock()
	r.outcome, r.ended = together(r.outcome, out), c.env.now()
	return v
}

// together is what several tries of one account came to: what an earlier one copied the later one knows already.
func together(before, now outcome) outcome {
	if len(before.Report.Outcomes) == 0 {
		return now
	}
	moved := map[migrate.Outcome]migrate.Tally{}
	for _, o := range []migrate.Outcome{migrate.Copied, migrate.Adopted, migrate.Duplicate, migrate.Relayed, migrate.Kept} {
		moved[o] = before.Report.Outcomes[o]
	}
	known := now.Report.Outcomes[migrate.Known]
	for o, t := range moved {
		if known.Messages < t.Messages {
			continue
		}
		known.Messages -= t.Messages
		known.Octets -= t.Octets
		sum := now.Report.Outcomes[o]
		sum.Messages += t.Messages
		sum.Octets += t.Octets
		now.Report.Outcomes[o] = sum
	}
	if now.Report.Outcomes != nil {
		now.Report.Outcomes[migrate.Known] = known
	}
	now.Report.Appended += before.Report.Appended
	now.Report.Elapsed += before.Report.Elapsed
	return now
}

// progressed says whether a try has brought anything to an end.
func progressed(r migrate.Report) bool {
	n := int64(0)
	for _, o := range []migrate.Outcome{migrate.Copied, migrate.Adopted, migrate.Duplicate, migrate.Relayed, migrate.Kept} {
		n += r.Outcomes[o].Messages
	}
	return n > 0
}

func (c *campaign) begin(a *jobs.Account) *result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.results[a.ID()]
	if !ok {
		r = &result{account: a, started: c.env.now()}
		c.results[a.ID()] = r
	}
	r.tries++
	return r
}

func (c *campaign) activate(a *jobs.Account, j *copyJob) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active[a.ID()] = j
}

func (c *campaign) deactivate(a *jobs.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.active, a.ID())
}

// copied logs the end of an account's try.
func (c *campaign) copied(t fleet.Task, v fleet.Verdict, final bool) {
	c.mu.Lock()
	r := c.results[t.ID]
	out, elapsed := r.outcome, r.ended.Sub(r.started)
	c.mu.Unlock()
	if c.opts.Output.Quiet {
		return // the summary tells it, once
	}
	log := c.log.With("account", t.ID)
	switch {
	case !final && errors.Is(v.Err, state.ErrLocked):
		log.Debug("another run holds the account; waiting for it")
	case !final:
		log.Warn("will be tried again", "err", v.Err)
	case out.Err == nil && c.ui.bar != nil:
		log.Debug("done") // the live view counts it
	case out.Err == nil:
		log.Info("done", "copied", out.Report.Outcomes[migrate.Copied].Messages, "known", out.Report.Outcomes[migrate.Known].Messages, "in", humanTime(elapsed))
	case errors.Is(out.Err, errLeft):
		log.Warn("done, with messages left", "failed", out.Report.Outcomes[migrate.Failed].Messages, "kept", out.Report.Outcomes[migrate.Kept].Messages)
	case errors.Is(out.Err, state.ErrLocked):
		log.Warn("another run holds the account")
	case onlyHeldBack(out.Err):
		log.Warn("left out", "err", out.Err, "hint", migrate.HintOf(out.Err))
	case only(out.Err, migrate.ErrVolume):
		log.Info("enough for now", "err", out.Err)
	case errors.Is(out.Err, errInterrupted), errors.Is(out.Err, errRuntime):
		log.Info("stopped in the middle; the next run goes on there")
	default:
		log.Error("failed", "err", out.Err, "hint", migrate.HintOf(out.Err))
	}
}

var (
	// errAccounts says that some accounts failed. The report has told the rest.
	errAccounts = errors.New("some accounts failed")
	// errElsewhere says that all is well, but for accounts that another run holds: that one will tell.
	errElsewhere = fmt.Errorf("%w: some of the accounts", state.ErrLocked)
	// errTimeUp says that all is well as far as the run came before its time was over.
	errTimeUp = fmt.Errorf("%w: the time for the run is over", errLeft)
	// errVolumes says that all is well as far as the providers' volumes went.
	errVolumes = fmt.Errorf("%w: volumes of providers are used up", errLeft)
)

// end is the error of the whole run. news says that there is something that a person must do, and hasn't been told before.
func (c *campaign) end(ctx context.Context, timedOut bool) (err error, news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failed, locked, left, late, paused int
	for _, a := range c.accounts {
		r := c.results[a.ID()]
		switch {
		case r == nil || errors.Is(r.outcome.Err, errRuntime) || errors.Is(r.outcome.Err, errInterrupted):
			late++
		case errors.Is(r.outcome.Err, errLeft):
			left++
			news = true
		case errors.Is(r.outcome.Err, state.ErrLocked):
			locked++
		case only(r.outcome.Err, migrate.ErrVolume): // nobody has to do anything about it
			paused++
		case r.outcome.Err != nil:
			failed++
			news = news || !onlyHeldBack(r.outcome.Err)
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx), news
	case failed > 0:
		return errAccounts, news
	case left > 0:
		return errLeft, news
	case paused > 0:
		return errVolumes, news
	case locked > 0:
		return errElsewhere, news
	case timedOut && late > 0:
		c.log.Info("the time for the run is over; the next one goes on where it stopped", "accounts", late)
		return errTimeUp, news
	}
	return nil, false
}

// hook runs the user's command with the JSON report on its stdin: one when all is well, another when there is news for a person.
func (c *campaign) hook(ctx context.Context, data report.Data, err error, news bool) error {
	command, name := "", ""
	switch {
	case c.opts.DryRun:
	case news:
		command, name = cmp.Or(c.opts.OnFailure, c.file.OnFailure), "--on-failure-cmd"
	case err == nil:
		command, name = cmp.Or(c.opts.OnSuccess, c.file.OnSuccess), "--on-success-cmd"
	}
	if command == "" {
		return nil
	}
	var in bytes.Buffer
	if err := report.WriteJSON(&in, data); err != nil {
		return err
	}
	cmd := shell(ctx, command)
	var said tail
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, c.env.stderr, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, said.String())
	}
	return nil
}

// watch shows the run until the function it returns is called.
func (c *campaign) watch() (stop func()) {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		every := logEvery
		if c.ui.bar != nil {
			every = frameEvery
			defer c.ui.bar.clear()
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			c.mark()
			if c.ui.bar != nil {
				total, lines := c.board()
				c.ui.bar.show(total, lines...)
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// boardLines is how many active accounts the live view shows.
const boardLines = 12

// board is the live view: the sum of all accounts, and a line for each that is at work.
func (c *campaign) board() (migrate.Snapshot, []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var total migrate.Snapshot
	ended, failed, seen := 0, 0, int64(0)
	for id, r := range c.results {
		if _, at := c.active[id]; at {
			continue
		}
		ended++
		seen++
		if err := r.outcome.Err; err != nil && !errors.Is(err, errLeft) {
			failed++
		}
		total.Listed = add(total.Listed, r.outcome.Report.Listed)
		total.Settled = add(total.Settled, r.outcome.Report.Listed)
	}
	var lines []string
	ids := make([]string, 0, len(c.active))
	for id := range c.active {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		s := c.active[id].progress.Snapshot()
		if s.Listed.Messages > 0 {
			seen++
		}
		total.Listed, total.Settled = add(total.Listed, s.Listed), add(total.Settled, s.Settled)
		if len(lines) < boardLines {
			lines = append(lines, boardLine(id, s))
		}
	}
	if more := len(ids) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("  … and %d more", more))
	}
	// What hasn't been listed yet is taken to be as large as the others, so that the time to go means something.
	if n := int64(len(c.accounts)); seen > 0 && seen < n {
		total.Listed.Octets = total.Listed.Octets * n / seen
		total.Listed.Messages = total.Listed.Messages * n / seen
	}
	total.Phase = fmt.Sprintf("%d of %d accounts", ended, len(c.accounts))
	if failed > 0 {
		total.Phase += fmt.Sprintf(", %d failed", failed)
	}
	return total, lines
}

func add(a, b migrate.Tally) migrate.Tally {
	return migrate.Tally{Messages: a.Messages + b.Messages, Octets: a.Octets + b.Octets}
}

func boardLine(id string, s migrate.Snapshot) string {
	what := s.Phase
	if s.Note != "" {
		what = s.Note
	}
	if s.Listed.Messages == 0 {
		return fmt.Sprintf("  %-32s %s", id, what)
	}
	percent := 100 * s.Settled.Octets / max(s.Listed.Octets, 1)
	return fmt.Sprintf("  %-32s %3d%%  %d/%d  %s", id, min(percent, 100), s.Settled.Messages, s.Listed.Messages, what)
}

// mark notes how far the active accounts are, for the charts.
func (c *campaign) mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.env.now()
	for id, j := range c.active {
		r := c.results[id]
		if n := len(r.timeline); n > 0 && now.Sub(r.timeline[n-1].at) < markEvery {
			continue
		}
		if len(r.timeline) < maxMarks {
			r.timeline = append(r.timeline, moment{now, j.progress.Snapshot().Settled})
		}
	}
}

// markEvery and maxMarks bound what is kept for the charts of one account.
const markEvery, maxMarks = 10 * time.Second, 2000
