package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"poplift/migrate/mailnet"
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
			copyCommand(env), scanCommand(env), exportCommand(env), demoCommand(env), statusCommand(env), versionCommand(env), completionCommand(env), helpCommand(env),
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
it: mbox, maildir, thunderbird, takeout, applemail, mh, eml). TARGET is imaps://USER@HOST[:PORT][/FOLDER], or imap:// (STARTTLS).
A user name may be a whole mail address. "%", "/", ":", "?" and "#" in a name are written %25, %2F, %3A, %3F and %23.

PASSWORDS
Never on the command line. For each side, the first of these that is there:
     --source-password-file, --source-password-cmd   (the first line counts)
     POPLIFT_SOURCE_PASSWORD in the environment
     ~/.netrc, or the file that NETRC names
     a prompt on the terminal
and the same with "target". With several SOURCEs the file, the command and the variable serve all of them; ~/.netrc tells them apart.
OAuth: --source-token-cmd and --target-token-cmd print an access token (OAUTHBEARER, XOAUTH2).
`

const copyHelpEnd = `
SIZES are octets with K, M, G as multiples of 1024. DATES are 2024-12-31, a full RFC 3339 time, or an age: 30d, 6w, 2y.
The options about TLS and clear text hold for both sides.

` + exitTable

func copyCommand(env *environment) *cli.Command {
	const (
		what     = "WHAT IS COPIED"
		security = "SECURITY"
		limits   = "LIMITS"
		output   = "OUTPUT AND STATE"
	)
	def := defaultCopyOptions()
	cmd := &cli.Command{
		Name: "copy", Usage: "copy mail into an IMAP account", ArgsUsage: "SOURCE... TARGET",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Category: what, Usage: "look at both sides and say what would be done; nothing is written anywhere"},
			&cli.StringFlag{Name: "since", Category: what, Usage: "skip messages older than `DATE`"},
			&cli.StringFlag{Name: "until", Category: what, Usage: "skip messages from `DATE` on"},
			&cli.StringFlag{Name: "max-size", Category: what, Usage: "skip messages above `SIZE`"},
			&cli.StringFlag{Name: "seen", Value: def.Seen, Category: what, Usage: "mark as read `WHICH`: none, all or older-than:30d"},
			&cli.StringFlag{Name: "dedupe", Value: def.Dedupe, Category: what,
				Usage: "`HOW`: content makes one of messages with the same content, off keeps all"},

			&cli.BoolFlag{Name: "include-deleted", Category: what, Usage: "copy also what a mail program has deleted and not purged"},
			&cli.StringFlag{Name: "labels", Value: def.Labels, Category: what,
				Usage: "Gmail's labels beyond the first become `WHAT`: keywords, copies in each folder, or nothing (primary)"},
			&cli.StringFlag{Name: "mbox-format", Value: def.MboxFormat, Category: what, Usage: "read mboxes as `FORMAT`: auto, o, rd, cl or cl2"},
			&cli.BoolFlag{Name: "keep-client-headers", Category: what, Usage: "copy also the fields that a mail program added for itself (X-Mozilla-Status, …)"},

			secretFlag(roleSource, "password-file", "read the source's password from `FILE`"),
			secretFlag(roleSource, "password-cmd", "run `COMMAND` for the source's password"),
			secretFlag(roleSource, "token-cmd", "run `COMMAND` for the source's OAuth access token"),
			secretFlag(roleSource, "authzid", "log in to the source as USER on behalf of `ACCOUNT` (master or proxy users)"),
			secretFlag(roleSource, "auth", "log in to the source by this SASL `MECHANISM`, or USER, APOP"),
			secretFlag(roleTarget, "password-file", "read the target's password from `FILE`"),
			secretFlag(roleTarget, "password-cmd", "run `COMMAND` for the target's password"),
			secretFlag(roleTarget, "token-cmd", "run `COMMAND` for the target's OAuth access token"),
			secretFlag(roleTarget, "authzid", "log in to the target as USER on behalf of `ACCOUNT` (master or proxy users)"),
			secretFlag(roleTarget, "auth", "log in to the target by this SASL `MECHANISM`, or LOGIN-COMMAND"),

			&cli.BoolFlag{Name: "allow-cleartext", Category: security, Usage: "use no TLS with pop3:// and imap:// addresses: passwords and mail go over the wire in clear"},
			&cli.StringFlag{Name: "tls-ca", Category: security, Usage: "trust the certificate authorities in `FILE` (PEM) besides the system's"},
			&cli.StringSliceFlag{Name: "tls-pin", Category: security, Usage: "trust just the key or certificate with this `sha256:DIGEST`; may be repeated"},
			&cli.BoolFlag{Name: "tls-insecure", Category: security, Usage: "don't verify certificates: whoever is on the way can read everything"},

			&cli.StringFlag{Name: "bwlimit", Category: limits, Usage: "at most `RATE` octets a second, all connections and directions together"},
			&cli.StringFlag{Name: "window", DefaultText: "16M, or half of --memory", Category: limits, Usage: "ask a source that pipelines for up to `SIZE` ahead"},
			&cli.StringFlag{Name: "memory", Value: def.Memory, Category: limits, Usage: "hold at most `SIZE` of messages in memory"},

			&cli.StringFlag{Name: "state", Category: output, Usage: "keep the state in `DIR` (default: $XDG_STATE_HOME/poplift or ~/.local/state/poplift)"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: output, Usage: "say nothing unless a person must act"},
			&cli.BoolFlag{Name: "json", Category: output, Usage: "print the report as one JSON object"},
			&cli.BoolFlag{Name: "log-json", Category: output, Usage: "log as JSON lines, without a bar"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: output, Usage: "log more"},
			&cli.StringFlag{Name: "trace", Category: output, Usage: "write what is said on the wire to `FILE`, without secrets and mail"},
		},
	}
	cmd.CustomHelpTemplate = helpTemplate(copyHelp + flagHelp(cmd.Flags) + copyHelpEnd)
	cmd.Action = func(c *cli.Context) error { return runCopy(c.Context, env, copyOptionsOf(c)) }
	return cmd
}

func secretFlag(as role, name, usage string) cli.Flag {
	return &cli.StringFlag{Name: string(as) + "-" + name, Category: "LOGGING IN", Usage: usage}
}

// defaultCopyOptions are those of a copy without flags.
func defaultCopyOptions() copyOptions {
	return copyOptions{Seen: "none", Dedupe: "content", Memory: "32M", Labels: "keywords", MboxFormat: "auto"}
}

func copyOptionsOf(c *cli.Context) copyOptions {
	o := copyOptions{
		SourceSecrets: secretOptionsOf(c, roleSource), TargetSecrets: secretOptionsOf(c, roleTarget),
		TLS:            mailnet.TLSOptions{CAFile: c.String("tls-ca"), Pins: c.StringSlice("tls-pin"), Insecure: c.Bool("tls-insecure")},
		AllowCleartext: c.Bool("allow-cleartext"),
		StateDir:       c.String("state"), Trace: c.String("trace"),
		Seen: c.String("seen"), Since: c.String("since"), Until: c.String("until"), MaxSize: c.String("max-size"), Dedupe: c.String("dedupe"),
		BandwidthLimit: c.String("bwlimit"), Window: c.String("window"), Memory: c.String("memory"),
		Labels: c.String("labels"), MboxFormat: c.String("mbox-format"),
		IncludeDeleted: c.Bool("include-deleted"), KeepClientHeaders: c.Bool("keep-client-headers"),
		DryRun: c.Bool("dry-run"),
		Output: outputOptions{Quiet: c.Bool("quiet"), JSON: c.Bool("json"), LogJSON: c.Bool("log-json"), Verbose: c.Bool("verbose")},
	}
	if args := c.Args().Slice(); len(args) > 0 {
		o.Sources, o.Target = args[:len(args)-1], args[len(args)-1]
	}
	return o
}

func secretOptionsOf(c *cli.Context, as role) secretOptions {
	get := func(name string) string { return c.String(string(as) + "-" + name) }
	return secretOptions{PasswordFile: get("password-file"), PasswordCmd: get("password-cmd"), TokenCmd: get("token-cmd"),
		AuthzID: get("authzid"), Mechanism: get("auth")}
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
		Name: "status", Usage: "show how far each account is",
		Description: "Reads the status files that runs leave in the state directory; asks no server and disturbs no run.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "look in `DIR` (default: as for copy)"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON array"},
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runStatus(env, c.String("state"), c.Bool("json"))
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
