package main

import (
	"context"

	"github.com/coreos/go-systemd/v22/daemon"

	"poplift/cmd/poplift/fleet"
	"poplift/cmd/poplift/jobs"
)

// onHangup hands a function that reads the jobs file anew to the returned channel at each SIGHUP, until stop is called.
func (c *campaign) onHangup(do func(context.Context, *jobs.Account) fleet.Verdict) (renew <-chan func([]fleet.Task) []fleet.Task, stop func()) {
	hup, unhook := c.env.onHangup()
	out, done := make(chan func([]fleet.Task) []fleet.Task), make(chan struct{})
	go func() {
		for {
			select {
			case <-hup:
			case <-done:
				return
			}
			select {
			case out <- func(waiting []fleet.Task) []fleet.Task { return c.reload(waiting, do) }:
			case <-done:
				return
			}
		}
	}()
	return out, func() {
		unhook()
		close(done)
	}
}

// reload reads the jobs file again for the accounts that have not been started. Those that have stay as they were.
func (c *campaign) reload(waiting []fleet.Task, do func(context.Context, *jobs.Account) fleet.Verdict) []fleet.Task {
	notify(c.log, reloading())
	defer notify(c.log, daemon.SdNotifyReady)
	file, err := loadJobs(c.env, c.opts)
	var accounts []*jobs.Account
	if err == nil {
		accounts, err = c.choose(file)
	}
	if err != nil {
		c.log.Error("the jobs file has changed and can't be used; this run goes on with what it said before", "err", err)
		return waiting
	}
	c.mu.Lock()
	old, untouched := c.accounts, map[string]bool{}
	for _, t := range waiting {
		untouched[t.ID] = true
	}
	c.file, c.accounts = file, nil
	begun := map[string]bool{}
	for _, a := range old {
		if id := a.ID(); !untouched[id] {
			begun[id] = true
			c.accounts = append(c.accounts, a)
		}
	}
	var fresh []*jobs.Account
	for _, a := range accounts {
		if !begun[a.ID()] {
			fresh = append(fresh, a)
		}
	}
	c.accounts = append(c.accounts, fresh...)
	c.mu.Unlock()
	c.log.Info("the jobs file was read again", "accounts", len(accounts), "not_started", len(fresh))
	tasks := make([]fleet.Task, 0, len(fresh))
	for _, a := range fresh {
		tasks = append(tasks, c.task(a, do))
	}
	return tasks
}
