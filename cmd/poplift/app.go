package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// newApp describes the commands and their flags. There is no logic here.
func newApp(env *environment) *cli.App {
	app := &cli.App{
		Name:                 "poplift",
		Usage:                "lifts mail out of POP3 maildrops and mail programs into IMAP accounts",
		UsageText:            "poplift copy pop3s://ME@OLD imaps://ME@NEW\npoplift COMMAND --help",
		Description:          "Exact, resumable, at the speed of the servers. Run the same command again at any time: it copies only what is new.",
		HideVersion:          true,
		HideHelpCommand:      true,
		EnableBashCompletion: true,
		Writer:               env.stdout,
		ErrWriter:            env.stderr,
		ExitErrHandler:       func(*cli.Context, error) {}, // urfave/cli would end the process by itself, past every defer
		OnUsageError:         onUsageError,
		Action:               func(c *cli.Context) error { return cli.ShowAppHelp(c) },
		Flags:                []cli.Flag{cli.HelpFlag}, // not added by itself beside a help command of our own
		Commands: []*cli.Command{
			copyCommand(env), scanCommand(env), planCommand(env), exportCommand(env), failedCommand(env), retryCommand(env), dedupeCommand(env),
			checkCommand(env), runCommand(env), watchCommand(env), verifyCommand(env), reportCommand(env), initCommand(env),
			sieveTestCommand(env), demoCommand(env), statusCommand(env), versionCommand(env), completionCommand(env), helpCommand(env),
		},
	}
	for _, c := range app.Commands {
		c.OnUsageError = onUsageError // the app's is not inherited, and without it the whole help goes to stdout
		c.HideHelpCommand = true
	}
	return app
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	return usagef("%v; see %s --help", err, c.Command.HelpName)
}

// noArgs refuses positional arguments.
func noArgs(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("%s takes no arguments; got %q", c.Command.HelpName, c.Args().First())
	}
	return nil
}

const copyHelp = `poplift copy [options] SOURCE... TARGET

Copies mail into an IMAP account. Run again, it copies only what is new.

     poplift copy pop3s://me@old.example imaps://me@example.org@imap.new.example/Archive
     poplift copy ~/.thunderbird imaps://me@new.example

SOURCE is pop3s://USER@HOST[:PORT], or pop3:// (STLS); or a PATH where a mail program keeps its mail, recognised by what lies there (KIND:PATH says
it: mbox, maildir, thunderbird, takeout, applemail, mh, eml). A mail program's PATH and its server together make one copy of each message, with
the program's folders and flags. TARGET is imaps://USER@HOST[:PORT][/FOLDER], or imap:// (STARTTLS); smtps://[USER@]HOST or smtp:// sends the mail on.
A user name may be a whole mail address. "%", "/", ":", "?" and "#" in a name are written %25, %2F, %3A, %3F and %23.

PASSWORDS
Never on the command line. For each side, the first of these that is there:
     --source-password-file, --source-password-cmd   (the first line counts)
     POPLIFT_SOURCE_PASSWORD in the environment
     ~/.netrc, or the file that NETRC names
     a prompt on the terminal
and the same with "target", and with "relay" for --relay. With several SOURCEs the file, the command and the variable serve all of them; ~/.netrc tells them apart.
OAuth: --source-token-cmd and --target-token-cmd print an access token (OAUTHBEARER, XOAUTH2).
`

const copyHelpEnd = `
SIZES are octets with K, M, G as multiples of 1024. DATES are 2024-12-31, a full RFC 3339 time, or an age: 30d, 6w, 2y.
The options about TLS and clear text hold for both sides.

` + exitTable

func copyCommand(env *environment) *cli.Command {
	cmd := &cli.Command{Name: "copy", Usage: "copy mail into an IMAP account", ArgsUsage: "SOURCE... TARGET", Flags: copyFlags()}
	cmd.CustomHelpTemplate = helpTemplate(copyHelp + flagHelp(cmd.Flags) + copyHelpEnd)
	cmd.Action = func(c *cli.Context) error { return runCopy(c.Context, env, copyOptionsOf(c)) }
	return cmd
}

func demoCommand(env *environment) *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "show a copy between two servers inside this program",
		Description: "Starts a POP3 and an IMAP server on this machine's loopback, fills the maildrop with made-up mail, copies it twice and compares " +
			"every octet. Nothing outside a temporary directory is touched.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "messages", Value: 300, Usage: "put about `N` messages into the maildrop"},
			&cli.StringFlag{Name: "keep", Usage: "keep the state in `DIR` instead of a temporary directory"},
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runDemo(c.Context, env, demoOptions{Messages: c.Int("messages"), Keep: c.String("keep")})
		},
	}
}

func statusCommand(env *environment) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show how far each account is", ArgsUsage: "[JOBS.YAML]",
		Description: "Reads the status files that runs leave in the state directory, or in that of a jobs file; asks no server and disturbs no run.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "look in `DIR` (default: as for copy)"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON array"},
		},
		Action: func(c *cli.Context) error {
			dir := c.String("state")
			if c.NArg() > 1 {
				return usagef("one jobs file at most: poplift status [JOBS.YAML]")
			}
			if c.NArg() == 1 {
				var err error
				if dir, _, err = stateOfJobs(env, campaignOptions{File: c.Args().First(), StateDir: dir, InsecurePermissions: true}); err != nil {
					return err
				}
			}
			return runStatus(env, dir, c.Bool("json"))
		},
	}
}

func versionCommand(env *environment) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "show the version of this program",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			_, err := fmt.Fprintln(env.stdout, versionLine())
			return err
		},
	}
}

func completionCommand(env *environment) *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print the completion script for a shell", ArgsUsage: "bash|zsh|fish|powershell",
		Description: "For this session:\n     bash        source <(poplift completion bash)\n     zsh         source <(poplift completion zsh)\n" +
			"     fish        poplift completion fish | source\n     powershell  poplift completion powershell | Out-String | Invoke-Expression",
		BashComplete: func(*cli.Context) { fmt.Fprintln(env.stdout, "bash\nzsh\nfish\npowershell") },
		Action: func(c *cli.Context) error {
			script, err := completionScript(c.App, c.Args().Slice())
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(env.stdout, script)
			return err
		},
	}
}

func helpCommand(env *environment) *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "show help about a command, or about exit codes", ArgsUsage: "[COMMAND|exit]",
		Action: func(c *cli.Context) error {
			switch topic := c.Args().First(); {
			case topic == "":
				return cli.ShowAppHelp(c)
			case topic == "exit":
				_, err := fmt.Fprint(env.stdout, exitTable)
				return err
			case c.App.Command(topic) == nil:
				return unknownCommand(topic, c.App)
			default:
				return c.App.RunContext(c.Context, []string{c.App.Name, topic, "--help"})
			}
		},
	}
}
