package main

import (
	"github.com/urfave/cli/v2"
)

const scanHelp = `poplift scan [options] [PATH...]

Shows what mail lies at each PATH: kind of store, folders, messages, unread, deleted and not purged, partly downloaded, dates, problems.
Without a PATH it looks where mail programs keep their mail. Nothing is written, and the mail program may be running. A place in an mbox where
it isn't clear whether a message begins is shown with its offset; the message is copied either way.

     poplift scan ~/.thunderbird

OPTIONS
`

func scanCommand(env *environment) *cli.Command {
	cmd := &cli.Command{
		Name: "scan", Usage: "show what mail lies on this machine", ArgsUsage: "[PATH...]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON array, an object a store"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "log more, and say where the dates come from"},
		},
		Action: func(c *cli.Context) error {
			return runScan(c.Context, env, scanOptions{Paths: c.Args().Slice(), JSON: c.Bool("json"), Output: outputOptions{Verbose: c.Bool("verbose"), Quiet: !c.Bool("verbose")}})
		},
	}
	cmd.CustomHelpTemplate = helpTemplate(scanHelp + flagHelp(cmd.Flags))
	return cmd
}

const exportHelp = `poplift export [options] SOURCE... DIR

Writes mail from any SOURCE that poplift copy takes into DIR as a Maildir++ tree, with folders, flags and dates: a safe first step before any
server is touched. It is the same as poplift copy SOURCE... maildir:DIR, and takes the same options. Run again, it writes only what is new.

     poplift export ~/.thunderbird ~/mail-copy
     poplift copy ~/mail-copy imaps://me@new.example
`

func exportCommand(env *environment) *cli.Command {
	cmd := copyCommand(env)
	cmd.Name, cmd.Usage, cmd.ArgsUsage = "export", "write mail into a Maildir tree on disk", "SOURCE... DIR"
	cmd.CustomHelpTemplate = helpTemplate(exportHelp + flagHelp(cmd.Flags) + copyHelpEnd)
	cmd.Action = func(c *cli.Context) error {
		o := copyOptionsOf(c)
		if o.Target != "" {
			o.Target = "maildir:" + o.Target
		}
		return runCopy(c.Context, env, o)
	}
	return cmd
}

const retryHelp = `poplift retry [options] SOURCE... TARGET

Tries again what an earlier copy with the same addresses had to keep because the target refused it; what finds its place leaves the dead-letter
tree. What was sent to a relay, and what a relay never answered for, is sent again only when --id names it. poplift failed lists the IDs.

     poplift retry pop3s://me@old.example imaps://me@new.example
     poplift retry --id 000012345 --ignore pop3s://me@old.example imaps://me@new.example
`

func retryCommand(env *environment) *cli.Command {
	cmd := &cli.Command{Name: "retry", Usage: "try again what was left over", ArgsUsage: "SOURCE... TARGET",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "id", Category: flagsWhat, Usage: "just the message with this `ID`; may be repeated"},
			&cli.BoolFlag{Name: "ignore", Category: flagsWhat, Usage: "don't try, and never speak of it again"},
		}, append(copyFlags(), accountFlags()...)...)}
	cmd.CustomHelpTemplate = helpTemplate(retryHelp + flagHelp(cmd.Flags) + copyHelpEnd)
	cmd.Action = func(c *cli.Context) error {
		retry := &retryOptions{IDs: c.StringSlice("id"), Ignore: c.Bool("ignore")}
		many, err := overJobs(c)
		if err != nil {
			return err
		}
		if many {
			o := campaignOptionsOf(c)
			o.Retry = retry
			return runRetryJobs(c.Context, env, o)
		}
		o := copyOptionsOf(c)
		o.Retry = retry
		return runCopy(c.Context, env, o)
	}
	return cmd
}

func failedCommand(env *environment) *cli.Command {
	return &cli.Command{
		Name: "failed", Usage: "list the messages that are left over", ArgsUsage: "[JOBS.YAML]",
		Description: "Reads the state of all accounts, or of those of a jobs file; asks no server.",
		Flags: []cli.Flag{
			stateFlag(),
			&cli.StringFlag{Name: "account", Usage: "only accounts that match `PATTERN`"},
			&cli.BoolFlag{Name: "all", Usage: "also what was relayed"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON array"},
			&cli.BoolFlag{Name: "csv", Usage: "print CSV"},
		},
		Action: func(c *cli.Context) error {
			o := failedOptions{StateDir: c.String("state"), Account: c.String("account"), All: c.Bool("all"), JSON: c.Bool("json"), CSV: c.Bool("csv")}
			if c.NArg() > 1 {
				return usagef("one jobs file at most: poplift failed [JOBS.YAML]")
			}
			if c.NArg() == 1 {
				jobs := campaignOptions{File: c.Args().First(), Account: o.Account, StateDir: o.StateDir, InsecurePermissions: true}
				var err error
				if o.StateDir, o.Keys, err = stateOfJobs(env, jobs); err != nil {
					return err
				}
				o.Account = ""
			}
			return runFailed(env, o)
		},
	}
}
