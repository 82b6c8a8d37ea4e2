package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"poplift/cmd/poplift/fleet"
	"poplift/cmd/poplift/jobs"
	"poplift/migrate"
)

// accountFlags are those of commands that take addresses or a jobs file, for the latter.
func accountFlags() []cli.Flag {
	var out []cli.Flag
	for _, f := range jobsFlags() {
		switch f.Names()[0] {
		case "account", "limit", "order", "concurrency", "insecure-permissions":
			out = append(out, f)
		}
	}
	return out
}

// overJobs says whether such a command was given a jobs file, which is what one argument alone is. What the file says itself can't be said beside it.
func overJobs(c *cli.Context, also ...string) (bool, error) {
	set := ""
	for _, f := range copyFlags() {
		if name := f.Names()[0]; c.IsSet(name) {
			set = name
			for _, own := range append(also, "dry-run", "relay-yes", "state", "quiet", "json", "log-json", "verbose") {
				if name == own {
					set = ""
				}
			}
			if set != "" {
				break
			}
		}
	}
	if c.NArg() != 1 {
		for _, f := range accountFlags() {
			if name := f.Names()[0]; c.IsSet(name) {
				return false, usagef("--%s is for a jobs file: poplift %s [options] JOBS.YAML", name, c.Command.Name)
			}
		}
		return false, nil
	}
	if arg := c.Args().First(); strings.Contains(arg, "://") {
		return false, usagef("two addresses are needed, or a jobs file; see poplift %s --help", c.Command.Name)
	}
	if set != "" {
		return false, usagef("--%s: with a jobs file, what is copied and how stands in the file", set)
	}
	return true, nil
}

// planned is where one account's mail would go.
type planned struct {
	Account string    `json:"account"`
	Error   string    `json:"error"`
	Hint    string    `json:"hint"`
	Ways    []jsonWay `json:"ways"`

	title string
	ways  []migrate.Way
}

// runPlanJobs is the whole of `poplift plan JOBS.YAML`.
func runPlanJobs(ctx context.Context, env *environment, o campaignOptions) error {
	o.DryRun = true
	c, err := newCampaign(env, o)
	if err != nil {
		return err
	}
	c.tries = lookTries
	found := map[string]planned{}
	c.each(ctx, func(ctx context.Context, a *jobs.Account) fleet.Verdict {
		got, err := c.plan(ctx, a)
		c.mu.Lock()
		found[a.ID()] = got
		c.mu.Unlock()
		return c.verdict(a, err)
	}, nil)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	list, bad := []planned{}, false
	for _, a := range c.accounts {
		list = append(list, found[a.ID()])
		bad = bad || found[a.ID()].Error != ""
	}
	if o.Output.JSON {
		err = writeJSON(env.stdout, list)
	} else {
		for i, p := range list {
			if i > 0 {
				fmt.Fprintln(env.stdout)
			}
			if p.Error != "" {
				fmt.Fprintf(env.stdout, "%s: %s\n", p.Account, p.Error)
				continue
			}
			writePlan(env.stdout, p.Account+": "+p.title, p.ways)
		}
	}
	if err == nil && bad {
		err = errAccounts
	}
	return err
}

func (c *campaign) plan(ctx context.Context, a *jobs.Account) (planned, error) {
	out := planned{Account: a.ID(), Ways: []jsonWay{}}
	err := func() error {
		j, err := c.job(ctx, a)
		if err != nil {
			return err
		}
		defer j.close()
		acct, err := j.account()
		if err != nil {
			return err
		}
		out.title = j.title()
		out.ways, err = acct.Plan(ctx)
		out.Ways = jsonWays(out.ways)
		return err
	}()
	if err != nil {
		out.Error, out.Hint = err.Error(), migrate.HintOf(err)
	}
	return out, err
}

// runRetryJobs is the whole of `poplift retry JOBS.YAML`: a run that takes up leftovers again.
func runRetryJobs(ctx context.Context, env *environment, o campaignOptions) error {
	c, err := newCampaign(env, o)
	if err != nil {
		return err
	}
	if len(o.Retry.IDs) > 0 && len(c.accounts) > 1 {
		return usagef("--id: %s match; say whose message it is, with --account", plural(int64(len(c.accounts)), "account", "accounts"))
	}
	return c.run(ctx)
}

// stateOfJobs is the directory of the state, and the accounts' keys in it, that a jobs file names.
func stateOfJobs(env *environment, o campaignOptions) (dir string, keys []string, err error) {
	c, err := newCampaign(env, o)
	if err != nil {
		return "", nil, err
	}
	for _, a := range c.accounts {
		keys = append(keys, c.stateKey(a))
	}
	return c.stateDir, keys, nil
}
