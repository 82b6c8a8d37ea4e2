package main

import (
	"github.com/urfave/cli/v2"

	"poplift/migrate/mailnet"
)

// The categories of the flags of copy, as its help shows them.
const (
	flagsWhat     = "WHAT IS COPIED"
	flagsFolders  = "FOLDERS"
	flagsLeft     = "WHAT THE TARGET DOESN'T TAKE"
	flagsLogin    = "LOGGING IN"
	flagsSecurity = "SECURITY"
	flagsLimits   = "LIMITS"
	flagsOutput   = "OUTPUT AND STATE"
)

// copyFlags are the flags of copy and of the commands that are a copy in other clothes.
func copyFlags() []cli.Flag {
	var out []cli.Flag
	for _, part := range [][]cli.Flag{whatFlags(), folderFlags(), leftoverFlags(), loginFlags(), runFlags()} {
		out = append(out, part...)
	}
	return out
}

func whatFlags() []cli.Flag {
	def := defaultCopyOptions()
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Category: flagsWhat, Usage: "look at both sides and say what would be done; nothing is written anywhere"},
		&cli.StringFlag{Name: "since", Category: flagsWhat, Usage: "skip messages older than `DATE`"},
		&cli.StringFlag{Name: "until", Category: flagsWhat, Usage: "skip messages from `DATE` on"},
		&cli.StringFlag{Name: "max-size", Category: flagsWhat, Usage: "skip messages above `SIZE`"},
		&cli.StringFlag{Name: "seen", Value: def.Seen, Category: flagsWhat, Usage: "mark as read `WHICH`: none, all or older-than:30d"},
		&cli.StringFlag{Name: "dedupe", Value: def.Dedupe, Category: flagsWhat,
			Usage: "`HOW`: content makes one of messages with the same content, off keeps all"},
		&cli.BoolFlag{Name: "include-deleted", Category: flagsWhat, Usage: "copy also what a mail program has deleted and not purged"},
		&cli.StringFlag{Name: "client-deleted", Value: def.ClientDeleted, Category: flagsWhat,
			Usage: "what is on the server still, and the mail program beside it has deleted: `WHAT` to do, copy or skip"},
		&cli.StringFlag{Name: "labels", Value: def.Labels, Category: flagsWhat,
			Usage: "Gmail's labels beyond the first become `WHAT`: keywords, copies in each folder, or nothing (primary)"},
		&cli.StringFlag{Name: "mbox-format", Value: def.MboxFormat, Category: flagsWhat, Usage: "read mboxes as `FORMAT`: auto, o, rd, cl or cl2"},
		&cli.BoolFlag{Name: "keep-client-headers", Category: flagsWhat, Usage: "copy also the fields that a mail program added for itself (X-Mozilla-Status, …)"},
	}
}

func folderFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "map", Category: flagsFolders, Usage: "put mail of one folder into another by `RULE`, such as Old/*=Archive/*; may be repeated"},
		&cli.StringFlag{Name: "map-file", Category: flagsFolders, Usage: "read such rules from `FILE`; poplift plan writes one"},
		&cli.StringFlag{Name: "into", Category: flagsFolders, Usage: "put everything below `FOLDER`, as a folder behind the target's address does"},
		&cli.StringSliceFlag{Name: "include", Category: flagsFolders, Usage: "take only folders that match `PATTERN`; may be repeated"},
		&cli.StringSliceFlag{Name: "exclude", Category: flagsFolders, Usage: "leave out folders that match `PATTERN`; may be repeated"},
		&cli.StringFlag{Name: "sieve", Category: flagsFolders, Usage: "file mail of the inbox by the Sieve script in `FILE` (see poplift sieve-test)"},
	}
}

func leftoverFlags() []cli.Flag {
	def := defaultCopyOptions()
	return []cli.Flag{
		&cli.StringFlag{Name: "relay", Category: flagsLeft, Usage: "send it on by the server at `ADDRESS`: smtps://[USER@]HOST, smtp://, lmtp:// or lmtp+unix:PATH"},
		&cli.StringSliceFlag{Name: "relay-to", Category: flagsLeft, Usage: "to `MAILBOX` (default: the target's user, if that is one); may be repeated"},
		&cli.StringFlag{Name: "relay-from", Category: flagsLeft, Usage: "as from `MAILBOX`, which you read (default: the relay's user, if that is one)"},
		&cli.StringFlag{Name: "relay-as", Value: def.Relay.As, Category: flagsLeft, Usage: "`HOW`: resent with a Resent block on top, or attached to a note"},
		&cli.IntFlag{Name: "relay-max", Value: def.Relay.Max, Category: flagsLeft, Usage: "at most `N` messages a run"},
		&cli.BoolFlag{Name: "relay-yes", Category: flagsLeft, Usage: "don't ask before the first message goes to a relay and mailbox that none has gone to before"},
		secretFlag(roleRelay, "password-file", "read the relay's password from `FILE`"),
		secretFlag(roleRelay, "password-cmd", "run `COMMAND` for the relay's password"),
		secretFlag(roleRelay, "token-cmd", "run `COMMAND` for the relay's OAuth access token"),
		secretFlag(roleRelay, "auth", "log in to the relay by this SASL `MECHANISM`"),
		&cli.StringFlag{Name: "keep", Category: flagsLeft, Usage: "keep what is left then in `DIR`, a Maildir tree (default: a directory of the account's own below the state)"},
		&cli.StringFlag{Name: "keep-limit", Value: def.Keep.Limit, Category: flagsLeft, Usage: "keep at most `SIZE` there"},
		&cli.BoolFlag{Name: "no-keep", Category: flagsLeft, Usage: "keep nothing: what the target refuses stays on the source, and each run tries again"},
		&cli.StringFlag{Name: "strip-attachments-over", Category: flagsLeft,
			Usage: "replace attachments above `SIZE` by a note, and keep the whole message beside the others"},
	}
}

func loginFlags() []cli.Flag {
	return []cli.Flag{
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

		&cli.BoolFlag{Name: "allow-cleartext", Category: flagsSecurity, Usage: "use no TLS with pop3://, imap:// and smtp:// addresses: passwords and mail go over the wire in clear"},
		&cli.StringFlag{Name: "tls-ca", Category: flagsSecurity, Usage: "trust the certificate authorities in `FILE` (PEM) besides the system's"},
		&cli.StringSliceFlag{Name: "tls-pin", Category: flagsSecurity, Usage: "trust just the key or certificate with this `sha256:DIGEST`; may be repeated"},
		&cli.BoolFlag{Name: "tls-insecure", Category: flagsSecurity, Usage: "don't verify certificates: whoever is on the way can read everything"},
	}
}

func runFlags() []cli.Flag {
	def := defaultCopyOptions()
	return []cli.Flag{
		&cli.StringFlag{Name: "bwlimit", Category: flagsLimits, Usage: "at most `RATE` octets a second, all connections and directions together"},
		&cli.StringFlag{Name: "window", DefaultText: "16M, or half of --memory", Category: flagsLimits, Usage: "ask a source that pipelines for up to `SIZE` ahead"},
		&cli.StringFlag{Name: "memory", Value: def.Memory, Category: flagsLimits, Usage: "hold at most `SIZE` of messages in memory"},

		stateFlag(),
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: flagsOutput, Usage: "say nothing unless a person must act"},
		&cli.BoolFlag{Name: "json", Category: flagsOutput, Usage: "print the report as one JSON object"},
		&cli.BoolFlag{Name: "log-json", Category: flagsOutput, Usage: "log as JSON lines, without a bar"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: flagsOutput, Usage: "log more"},
		&cli.StringFlag{Name: "trace", Category: flagsOutput, Usage: "write what is said on the wire to `FILE`, without secrets and mail"},
	}
}

func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state", Category: flagsOutput, Usage: "keep the state in `DIR` (default: $XDG_STATE_HOME/poplift or ~/.local/state/poplift)"}
}

func secretFlag(as role, name, usage string) cli.Flag {
	category := flagsLogin
	if as == roleRelay {
		category = flagsLeft
	}
	return &cli.StringFlag{Name: string(as) + "-" + name, Category: category, Usage: usage}
}

// defaultCopyOptions are those of a copy without flags.
func defaultCopyOptions() copyOptions {
	return copyOptions{Seen: "none", Dedupe: "content", Memory: "32M", Labels: "keywords", MboxFormat: "auto", ClientDeleted: "copy",
		Relay: relayOptions{As: "resent", Max: defaultRelayMax}, Keep: keepOptions{Limit: defaultKeepLimit}}
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
		ClientDeleted: c.String("client-deleted"), StripOver: c.String("strip-attachments-over"), Sieve: c.String("sieve"),
		Folders: folderOptions{Map: c.StringSlice("map"), MapFile: c.String("map-file"), Into: c.String("into"), Include: c.StringSlice("include"),
			Exclude: c.StringSlice("exclude")},
		Relay: relayOptions{URL: c.String("relay"), As: c.String("relay-as"), From: c.String("relay-from"), To: c.StringSlice("relay-to"),
			Max: c.Int("relay-max"), Yes: c.Bool("relay-yes"), Secrets: secretOptionsOf(c, roleRelay)},
		Keep:   keepOptions{Dir: c.String("keep"), Limit: c.String("keep-limit"), Off: c.Bool("no-keep")},
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
