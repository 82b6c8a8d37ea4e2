package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"poplift/cmd/poplift/fleet"
	"poplift/cmd/poplift/jobs"
	"poplift/migrate"
	"poplift/state"
)

// verified is what a comparison of one account found, or the error that ended it.
type verified struct {
	state.Verification
	Error string `json:"error"`
	Hint  string `json:"hint"`
}

// runVerify is the whole of `poplift verify`.
func runVerify(ctx context.Context, env *environment, o campaignOptions, sample float64) error {
	o.DryRun = true
	c, err := newCampaign(env, o)
	if err != nil {
		return err
	}
	c.tries = lookTries
	found := map[string]verified{}
	c.each(ctx, func(ctx context.Context, a *jobs.Account) fleet.Verdict {
		v, err := c.verify(ctx, a, sample)
		got := verified{Verification: v}
		if got.Account = a.ID(); err != nil {
			got.Safe, got.Error, got.Hint = false, err.Error(), migrate.HintOf(err)
		}
		c.mu.Lock()
		found[a.ID()] = got
		c.mu.Unlock()
		return c.verdict(a, err)
	}, nil)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var list []verified
	bad := 0
	for _, a := range c.accounts {
		list = append(list, found[a.ID()])
		if !found[a.ID()].Safe {
			bad++
		}
	}
	switch {
	case o.Output.JSON:
		err = writeJSON(env.stdout, list)
	case !o.Output.Quiet || bad > 0:
		writeVerified(env.stdout, list, o.Output.Quiet)
	}
	if err == nil && bad > 0 {
		err = errAccounts
	}
	return err
}

// verify compares one account, and keeps what it found for reports. One that could not be finished says nothing, and leaves the last one as it is.
func (c *campaign) verify(ctx context.Context, a *jobs.Account, sample float64) (state.Verification, error) {
	began := c.env.now()
	found, err := c.compare(ctx, a, sample)
	v := state.NewVerification(a.ID(), began, sample, found)
	if err != nil {
		return v, err
	}
	if err := state.WriteVerification(c.stateDir, c.verifiedKey(a), v); err != nil {
		c.log.Warn("what was found can't be kept; poplift report won't show it", "account", a.ID(), "err", err)
	}
	return v, nil
}

func (c *campaign) compare(ctx context.Context, a *jobs.Account, sample float64) (migrate.Verification, error) {
	j, err := c.job(ctx, a)
	if err != nil {
		return migrate.Verification{}, err
	}
	defer j.close()
	acct, err := j.account()
	if err != nil {
		return migrate.Verification{}, err
	}
	if acct.Store, err = j.openStore(); err != nil {
		return migrate.Verification{}, err
	}
	defer acct.Store.Close()
	return acct.Verify(ctx, sample)
}

// verifiedKey names what was found of an account: several accounts can have one target, and so one state.
func (c *campaign) verifiedKey(a *jobs.Account) string { return a.ID() + " " + c.stateKey(a) }

// lastVerification is what the last verification of an account found; nil when there was none.
func (c *campaign) lastVerification(a *jobs.Account) *state.Verification {
	v, err := state.ReadVerification(c.stateDir, c.verifiedKey(a))
	if err == nil {
		return &v
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.log.Warn("the last verification can't be read; poplift verify makes it anew", "account", a.ID(), "err", err)
	}
	return nil
}

// writeVerified is a table of all accounts, where there are several, and the particulars of those that somebody should look at.
func writeVerified(w io.Writer, list []verified, onlyBad bool) {
	safe := 0
	var told []verified
	rows := [][]string{{"ACCOUNT", "ON THE SOURCE", "ON THE TARGET", "MISSING", "MOVED", "DELETED", "FLAGS DIFFER", "VERDICT"}}
	for _, v := range list {
		if v.Safe {
			safe++
		}
		if v.Safe && onlyBad {
			continue
		}
		if !v.Safe || v.FlagsDiffer+v.Moved+v.Resized > 0 || len(list) == 1 {
			told = append(told, v)
		}
		row := []string{v.Account, "", "", "", "", "", "", v.verdict()}
		if v.Error == "" {
			for i, n := range []int64{v.Listed.Messages, v.Placed.Messages, v.Missing.Messages, v.Moved, v.Gone, v.FlagsDiffer} {
				row[i+1] = fmt.Sprint(n)
			}
		}
		rows = append(rows, row)
	}
	if len(list) > 1 {
		writeGrid(w, rows)
	}
	for i, v := range told {
		if i == shownAccounts {
			fmt.Fprintf(w, "\n… and %d more accounts; --json tells of all\n", len(told)-i)
			break
		}
		if len(list) > 1 {
			fmt.Fprintln(w)
		}
		v.write(w)
	}
	if len(list) > 1 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d of %s safe to switch off.\n", safe, plural(int64(len(list)), "account is", "accounts are"))
}

func (v verified) verdict() string {
	switch {
	case v.Error != "":
		return "not verified"
	case !v.Safe:
		return "NOT SAFE"
	}
	return "safe to switch off"
}

// shownFolders is how many folders that lack something an account lists on the screen.
const shownFolders = 20

// write tells what was found of one account: sums that add up, then each thing that isn't as it should be.
func (v verified) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", v.Account, v.verdict())
	if v.Error != "" {
		fmt.Fprintf(w, "  %s\n", v.Error)
		if v.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", v.Hint)
		}
		return
	}
	for _, why := range v.Reasons {
		fmt.Fprintf(w, "  because  %s\n", why)
	}
	fmt.Fprintf(w, "  source   %s%s\n", plural(v.Listed.Messages, "message", "messages"), equation(
		summand{v.Placed.Messages, "on the target"}, summand{v.Relayed.Messages, "relayed"}, summand{v.Kept.Messages, "kept"}, summand{v.Left.Messages, "left out"},
		summand{v.Missing.Messages, "missing"}))
	fmt.Fprintf(w, "  target   %d put there%s\n", v.Expected, equation(summand{v.Found, "in their place"}, summand{v.Moved, "moved"}, summand{v.Gone, "deleted"}))
	if v.Flagged > 0 {
		flags := "all there"
		if v.FlagsDiffer > 0 {
			flags = plural(v.FlagsDiffer, "message lacks", "messages lack") + " one"
		}
		fmt.Fprintf(w, "  flags    %s with flags: %s\n", plural(v.Flagged, "message", "messages"), flags)
	}
	octets := plural(v.Read, "message", "messages") + " read whole: all as they were copied"
	switch {
	case v.Altered > 0:
		octets = fmt.Sprintf("%s read whole: %d altered", plural(v.Read, "message", "messages"), v.Altered)
	case v.Read == 0:
		octets = "none compared (--sample all compares every one)"
	}
	if v.Resized > 0 {
		octets += fmt.Sprintf("; %d of another size than was copied", v.Resized)
	}
	fmt.Fprintf(w, "  octets   %s\n", octets)
	v.writeFolders(w)
	v.writeProblems(w)
}

func (v verified) writeFolders(w io.Writer) {
	if len(v.Folders) < 2 {
		return
	}
	var less []string
	for _, f := range v.Folders {
		if f.Found < f.Expected {
			less = append(less, fmt.Sprintf("%s %d of %d", shownFolder(f.Name), f.Found, f.Expected))
		}
	}
	if more := len(less) - shownFolders; more > 0 {
		less = append(less[:shownFolders], fmt.Sprintf("and %d more", more))
	}
	switch {
	case len(less) == 0:
		fmt.Fprintf(w, "  folders  %d, each complete\n", len(v.Folders))
	default:
		fmt.Fprintf(w, "  folders  %d; not complete: %s\n", len(v.Folders), strings.Join(less, "; "))
	}
}

// writeProblems tells each problem, messages before folders, and once what to do about all those of the same hint.
func (v verified) writeProblems(w io.Writer) {
	problems := slices.Clone(v.Problems)
	slices.SortStableFunc(problems, func(a, b state.VerificationProblem) int {
		switch {
		case a.ID != "" && b.ID == "":
			return -1
		case a.ID == "" && b.ID != "":
			return 1
		}
		return strings.Compare(a.Hint, b.Hint)
	})
	shown := problems[:min(len(problems), shownProblems)]
	for i, p := range shown {
		line := p.Reason
		if p.ID != "" {
			line = shownID(p.ID) + ", " + humanSize(p.Size) + ": " + shownSubject(p.Subject) + p.Reason
		}
		fmt.Fprintf(w, "  - %s\n", line)
		if p.Hint != "" && (i+1 == len(shown) || shown[i+1].Hint != p.Hint) {
			fmt.Fprintf(w, "    hint: %s\n", p.Hint)
		}
	}
	if more := len(problems) - len(shown) + v.Dropped; more > 0 {
		fmt.Fprintf(w, "  … and %d more; --json lists them\n", more)
	}
}

// summand is a part of a sum.
type summand struct {
	n    int64
	what string
}

// equation is " = 5 on the target + 1 missing", without what is nothing.
func equation(terms ...summand) string {
	var parts []string
	for _, t := range terms {
		if t.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", t.n, t.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " = " + strings.Join(parts, " + ")
}

// writeGrid writes rows under their heads: the first and the last column to the left, figures to the right.
func writeGrid(w io.Writer, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", width[i]-len([]rune(cell)))
			switch i {
			case 0:
				line.WriteString(cell + gap)
			case len(row) - 1:
				line.WriteString("  " + cell)
			default:
				line.WriteString("  " + gap + cell)
			}
		}
		fmt.Fprintln(w, line.String())
	}
}
