package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"poplift/migrate"
	"poplift/migrate/route"
)

const planHelp = `poplift plan [options] SOURCE... TARGET
poplift plan [options] JOBS.YAML

Shows where the mail of each folder would go, and why. Nothing is written, and no message is read. Takes the options of poplift copy.
With --write the plan goes to a file that you can change and give to poplift copy --map-file.

     poplift plan --write map.txt ~/.thunderbird imaps://me@new.example

With a jobs file it shows that of every account.
`

func planCommand(env *environment) *cli.Command {
	cmd := &cli.Command{Name: "plan", Usage: "show which folder goes where", ArgsUsage: "SOURCE... TARGET",
		Flags: append(append(copyFlags(), accountFlags()...),
			&cli.StringFlag{Name: "write", Category: flagsFolders, Usage: "write the plan to `FILE`, to be changed and given to --map-file"})}
	cmd.CustomHelpTemplate = helpTemplate(planHelp + flagHelp(cmd.Flags) + copyHelpEnd)
	cmd.Action = func(c *cli.Context) error {
		switch many, err := overJobs(c); {
		case err != nil:
			return err
		case many && c.IsSet("write"):
			return usagef("--write: a plan for --map-file is that of one copy, given by its addresses")
		case many:
			return runPlanJobs(c.Context, env, campaignOptionsOf(c))
		}
		return runPlan(c.Context, env, copyOptionsOf(c), c.String("write"))
	}
	return cmd
}

// jsonWay is a line of the plan for --json.
type jsonWay struct {
	Source   string `json:"source"`
	Folder   string `json:"folder"`
	Role     string `json:"role"`
	Messages int64  `json:"messages"`
	Octets   int64  `json:"octets"`
	Target   string `json:"target"`
	Create   bool   `json:"create"`
	Excluded string `json:"excluded"`
	Why      string `json:"why"`
}

// runPlan is the whole of `poplift plan`.
func runPlan(ctx context.Context, env *environment, o copyOptions, write string) error {
	o.DryRun = true
	job, err := newCopyJob(ctx, env, newUI(env, o.Output), o)
	if err != nil {
		return err
	}
	defer job.close()
	a, err := job.account()
	if err != nil {
		return err
	}
	ways, err := a.Plan(ctx)
	if err != nil {
		return err
	}
	if write != "" {
		if err := writePlanFile(write, ways); err != nil {
			return err
		}
	}
	if o.Output.JSON {
		return writeJSON(env.stdout, jsonWays(ways))
	}
	writePlan(env.stdout, job.title(), ways)
	if write != "" {
		fmt.Fprintf(env.stdout, "Written to %s. Change what is right of the arrows there, then: poplift copy --map-file %s …\n", write, write)
	}
	return nil
}

func jsonWays(ways []migrate.Way) []jsonWay {
	out := []jsonWay{}
	for _, w := range ways {
		out = append(out, jsonWay{w.From.Source, w.From.Path.String(), string(w.From.Role), w.From.Messages, w.From.Octets, w.Name, w.Create, w.Excluded, w.Why})
	}
	return out
}

func writePlan(w io.Writer, title string, ways []migrate.Way) {
	fmt.Fprintln(w, title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	source, created, left := "", 0, int64(0)
	for _, way := range ways {
		if way.From.Source != source && len(ways) > 1 {
			source = way.From.Source
			fmt.Fprintf(tw, "%s\n", source)
		}
		to, why := way.Name, way.Why
		switch {
		case way.Excluded != "":
			to, why = "left out", way.Excluded
			left += way.From.Messages
		case way.Create:
			why += ", new"
			created++
		}
		fmt.Fprintf(tw, "  %s\t%s\t→ %s\t(%s)\n", shownFolder(way.From.Path.String()), plural(way.From.Messages, "message", "messages"), shownFolder(to), why)
	}
	tw.Flush()
	fmt.Fprintf(w, "%s, of which %d to be made on the target", plural(int64(len(ways)), "folder", "folders"), created)
	if left > 0 {
		fmt.Fprintf(w, "; %s left out", plural(left, "message", "messages"))
	}
	fmt.Fprintln(w, ".")
}

// shownFolder is a folder's name as it is when it is printable.
func shownFolder(name string) string {
	if printable(name) {
		return name
	}
	return fmt.Sprintf("%q", name)
}

// writePlanFile never writes over a file: it may be one that somebody has changed by hand.
func writePlanFile(path string, ways []migrate.Way) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usagef("--write: %v", err)
	}
	err = route.WriteMapFile(f, ways)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
