package main

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

const jobsHelp = `

JOBS.YAML lists accounts, inline or by CSV, and what holds for all of them; poplift init writes a first one, and jobs.example.yaml in poplift's
source explains every key.
`

// jobsCommand makes a command over a jobs file.
func jobsCommand(name, usage, help string, flags []cli.Flag, action func(*cli.Context, campaignOptions) error) *cli.Command {
	cmd := &cli.Command{Name: name, Usage: usage, ArgsUsage: "JOBS.YAML", Flags: append(flags, jobsFlags()...)}
	cmd.CustomHelpTemplate = helpTemplate("poplift " + name + " [options] JOBS.YAML\n\n" + help + jobsHelp + flagHelp(cmd.Flags) + "\n" + exitTable)
	cmd.Action = func(c *cli.Context) error {
		if c.NArg() != 1 {
			return usagef("one jobs file is needed: poplift %s JOBS.YAML; see poplift %s --help", name, name)
		}
		return action(c, campaignOptionsOf(c))
	}
	return cmd
}

const flagsAccounts = "WHICH ACCOUNTS"

func jobsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "account", Category: flagsAccounts, Usage: "only accounts that match `PATTERN`, as NAME or JOB/NAME"},
		&cli.IntFlag{Name: "limit", Category: flagsAccounts, Usage: "only the first `N`"},
		&cli.StringFlag{Name: "order", Value: "file", Category: flagsAccounts, Usage: "`HOW`: as in the file, or by size, small ones first"},
		&cli.IntFlag{Name: "concurrency", DefaultText: strconv.Itoa(defaultConcurrency), Category: flagsLimits, Usage: "`N` accounts at a time"},
		&cli.BoolFlag{Name: "insecure-permissions", Category: flagsSecurity, Usage: "take files with passwords in them that others can read"},
		stateFlag(),
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: flagsOutput, Usage: "say nothing unless a person must act"},
		&cli.BoolFlag{Name: "json", Category: flagsOutput, Usage: "print what came of it as JSON"},
		&cli.BoolFlag{Name: "log-json", Category: flagsOutput, Usage: "log as JSON lines, without a bar"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: flagsOutput, Usage: "log more"},
	}
}

func campaignOptionsOf(c *cli.Context) campaignOptions {
	return campaignOptions{
		File: c.Args().First(), Account: c.String("account"), Order: c.String("order"), Limit: c.Int("limit"), Concurrency: c.Int("concurrency"),
		StateDir: c.String("state"), DryRun: c.Bool("dry-run"), RelayYes: c.Bool("relay-yes"), InsecurePermissions: c.Bool("insecure-permissions"),
		Wait: c.Duration("wait"), MaxRuntime: c.Duration("max-runtime"), Metrics: c.String("metrics-file"), Reports: c.StringSlice("report"),
		OnSuccess: c.String("on-success-cmd"), OnFailure: c.String("on-failure-cmd"),
		Output: outputOptions{Quiet: c.Bool("quiet"), JSON: c.Bool("json"), LogJSON: c.Bool("log-json"), Verbose: c.Bool("verbose")},
	}
}

func runFlagsOfJobs() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Category: flagsWhat, Usage: "look at both sides and say what would be done; nothing is written anywhere"},
		&cli.BoolFlag{Name: "relay-yes", Category: flagsLeft, Usage: "leftovers may go to relays and mailboxes that none has gone to before"},
		&cli.DurationFlag{Name: "wait", Category: flagsLimits, Usage: "wait `TIME` for another run that holds an account"},
		&cli.DurationFlag{Name: "max-runtime", Category: flagsLimits, Usage: "end cleanly after `TIME`; the next run goes on"},
		&cli.StringSliceFlag{Name: "report", Category: flagsOutput, Usage: "write a report to `FILE`, as what its name ends in says: .html, .csv or .json; may be repeated"},
		&cli.StringFlag{Name: "metrics-file", Category: flagsOutput, Usage: "write Prometheus metrics to `FILE`"},
		&cli.StringFlag{Name: "on-success-cmd", Category: flagsOutput, Usage: "run `COMMAND` when all is well, with the JSON report on its stdin"},
		&cli.StringFlag{Name: "on-failure-cmd", Category: flagsOutput, Usage: "run `COMMAND` when something needs a person, with the JSON report on its stdin"},
	}
}

func runCommand(env *environment) *cli.Command {
	return jobsCommand("run", "copy all accounts of a jobs file",
		"Copies the accounts of a jobs file, some at a time. Run again, from cron say, it copies only what is new; it is silent with --quiet when all is well.",
		runFlagsOfJobs(), func(c *cli.Context, o campaignOptions) error { return runCampaign(c.Context, env, o) })
}

func watchCommand(env *environment) *cli.Command {
	flags := append(runFlagsOfJobs(),
		&cli.DurationFlag{Name: "interval", Category: flagsLimits, Usage: "`TIME` from one run's start to the next (default: as the jobs file says, or 15m)"},
		&cli.DurationFlag{Name: "jitter", Category: flagsLimits, Usage: "up to so much `TIME` more, at random"})
	return jobsCommand("watch", "copy all accounts of a jobs file again and again",
		"Runs at an interval until it is stopped. SIGHUP has it read the jobs file again and run at once, or right behind a run that is under way. Under systemd it says when it is ready and what it does.",
		flags, func(c *cli.Context, o campaignOptions) error {
			return runWatch(c.Context, env, o, c.Duration("interval"), c.Duration("jitter"))
		})
}

func checkCommand(env *environment) *cli.Command {
	return jobsCommand("check", "look whether all accounts of a jobs file can be copied",
		"Connects to both sides of every account and logs in: passwords, certificates, sizes, quotas. Nothing is written.",
		[]cli.Flag{&cli.BoolFlag{Name: "offline", Category: flagsWhat, Usage: "read the files only, and connect to nothing"}},
		func(c *cli.Context, o campaignOptions) error { return runCheck(c.Context, env, o, c.Bool("offline")) })
}

func verifyCommand(env *environment) *cli.Command {
	return jobsCommand("verify", "prove that the targets have what the sources have",
		`Compares what the sources list with the state and with what lies on the targets: messages, sizes, folders, flags, and the octets of a sample.
Says of each account whether its source can be switched off, and if not, why. Moved mail is sought in all folders. Flags that only the target has are
fine; those that it lacks are told, and make nothing unsafe. Nothing is written to a server; what was found is kept for poplift report.`,
		[]cli.Flag{&cli.StringFlag{Name: "sample", Value: "1%", Category: flagsWhat, Usage: "read `PART` of the messages whole and compare their octets: 0, 5% or all"}},
		func(c *cli.Context, o campaignOptions) error {
			part, err := parsePart(c.String("sample"))
			if err != nil {
				return usagef("--sample: %v", err)
			}
			return runVerify(c.Context, env, o, part)
		})
}

func reportCommand(env *environment) *cli.Command {
	return jobsCommand("report", "write a report of the last runs",
		"Writes what the state says of all accounts to files, with what the last poplift verify found; asks no server.",
		[]cli.Flag{&cli.StringSliceFlag{Name: "out", Category: flagsOutput, Usage: "write it to `FILE`, as what its name ends in says: .html, .csv or .json; may be repeated"}},
		func(c *cli.Context, o campaignOptions) error { return runReport(env, o, c.StringSlice("out")) })
}

// parsePart reads "all", "0", "1%".
func parsePart(s string) (float64, error) {
	if s == "all" {
		return 1, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || n < 0 || n > 100 || n > 0 && !strings.HasSuffix(s, "%") {
		return 0, usagef("%q is no part; write it as 1%% or all", s)
	}
	return n / 100, nil
}
