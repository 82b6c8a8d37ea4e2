package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"poplift/cmd/poplift/jobs"
	"poplift/cmd/poplift/report"
	"poplift/migrate"
	"poplift/state"
)

// runReport is the whole of `poplift report`: what the state says, without asking a server.
func runReport(env *environment, o campaignOptions, out []string) error {
	c, err := newCampaign(env, o)
	if err != nil {
		return err
	}
	if len(out) == 0 {
		out = c.file.Reports
	}
	if len(out) == 0 && !o.Output.JSON {
		return usagef("say where the report is to go, with --out report.html")
	}
	d := report.Data{Title: filepath.Base(o.File), File: o.File, Version: versionLine(), Generated: env.now()}
	for _, a := range c.accounts {
		acct, err := c.standing(a)
		if err != nil {
			return err
		}
		d.Accounts = append(d.Accounts, acct)
		if acct.Ended.After(d.Ended) {
			d.Ended = acct.Ended
		}
	}
	if o.Output.JSON {
		if err := report.WriteJSON(env.stdout, d); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	c.opts.Reports, c.opts.Metrics, c.file.MetricsFile = out, "", ""
	if err := c.write(d); err != nil {
		return err
	}
	if !o.Output.Quiet && !o.Output.JSON {
		for _, path := range out {
			fmt.Fprintln(env.stdout, path)
		}
	}
	return nil
}

// standing is what the state says of one account: the last run's status, and the records of all runs.
func (c *campaign) standing(a *jobs.Account) (report.Account, error) {
	out := reportOf(a, nil)
	out.Verify = c.lastVerification(a)
	key := c.stateKey(a)
	st, err := state.ReadStatus(c.stateDir, key)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return out, nil
		}
		return out, err
	}
	out.Started, out.Ended = st.Started, st.Updated
	out.State, out.Error = stateOfCode(st), st.Note
	out.Listed = migrate.Tally(st.Listed)
	out.Outcomes = map[migrate.Outcome]migrate.Tally{}
	for _, o := range migrate.Outcomes {
		if n := st.Outcomes[o.String()]; n != (state.Count{}) {
			out.Outcomes[o] = migrate.Tally(n)
		}
	}
	store, err := state.Open(state.Options{Dir: c.stateDir, Account: key, ReadOnly: true, Timeout: lockWait, Now: c.env.now})
	if errors.Is(err, state.ErrLocked) || errors.Is(err, fs.ErrNotExist) {
		return out, nil // it is at work, and its status says how far it is
	}
	if err != nil {
		return out, err
	}
	defer store.Close()
	return out, c.gather(store, key, &out)
}

// gather adds what the records say: the folders, and what is left.
func (c *campaign) gather(store *state.Store, key string, out *report.Account) error {
	folders := map[string]migrate.Tally{}
	for _, source := range store.Sources() {
		for rec, err := range store.Records(source) {
			if err != nil {
				return err
			}
			if rec.Outcome == migrate.Copied || rec.Outcome == migrate.Adopted {
				folders[rec.Folder] = add(folders[rec.Folder], migrate.Tally{Messages: 1, Octets: rec.Size})
			}
			if l, ok := leftoverOf(c.stateDir, key, rec); ok {
				if len(out.Problems) == migrate.MaxProblems {
					out.Dropped++
					continue
				}
				out.Problems = append(out.Problems, migrate.Problem{Source: rec.Source, ID: l.ID, Subject: rec.Subject, Folder: rec.Folder, Size: l.Size, Date: rec.Date,
					Outcome: rec.Outcome, Reason: rec.Reason, Hint: l.Where})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		out.Folders = append(out.Folders, report.Folder{Name: name, Tally: folders[name]})
	}
	return nil
}

func stateOfCode(st state.Status) report.State {
	switch {
	case st.Running():
		return report.Elsewhere
	case !st.Finished, st.ExitCode == exitInterrupted:
		return report.Interrupted
	case st.ExitCode == exitDone:
		return report.Done
	case st.ExitCode == exitLeft:
		return report.Left
	}
	return report.Failed
}
