package main

import (
	"github.com/urfave/cli/v2"
)

const scanHelp = `poplift scan [options] [PATH...]

Shows what mail lies at each PATH: kind of store, folders, messages, unread, deleted and not purged, partly downloaded, dates, problems.
Without a PATH it looks where mail programs keep their mail. Nothing is written, and the mail program may be running.

     poplift scan ~/.thunderbird
`

func scanCommand(env *environment) *cli.Command {
	cmd := &cli.Command{
		Name: "scan", Usage: "show what mail lies on this machine", ArgsUsage: "[PATH...]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON array, an object a store"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "log more"},
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
