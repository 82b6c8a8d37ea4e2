package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"poplift/cmd/poplift/jobs"
)

// reorderArgs moves the flags of a command in front of its positional arguments, because urfave/cli takes everything behind the first
// positional argument for another one, silently. It refuses unknown flags and unknown commands itself, with a suggestion.
//
// args is os.Args[1:]. Flags in front of the command's name stay where they are.
func reorderArgs(args []string, app *cli.App) ([]string, error) {
	at := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	if at < 0 {
		at = len(args)
	}
	for _, a := range args[:at] {
		if name := flagName(a); name != "" && !slices.ContainsFunc(app.Flags, hasName(name)) && !isHelp(name) && a != completionFlag {
			return nil, unknownFlag(a, app.Flags, "poplift --help")
		}
	}
	if at == len(args) {
		return args, nil
	}
	cmd := app.Command(args[at])
	if cmd == nil {
		return nil, unknownCommand(args[at], app)
	}
	flags, positional, err := splitArgs(args[at+1:], cmd)
	if err != nil {
		return nil, err
	}
	out := append(slices.Clone(args[:at+1]), flags...)
	if len(positional) > 0 {
		out = append(append(out, "--"), positional...)
	}
	return out, nil
}

// completionFlag is what the shell's completion script adds at the end; the words before it may be unfinished.
const completionFlag = "--generate-bash-completion"

// splitArgs tells a command's flags, with their values, from its positional arguments. Behind "--" everything is positional.
func splitArgs(args []string, cmd *cli.Command) (flags, positional []string, err error) {
	if slices.Contains(args, completionFlag) {
		return args, nil, nil
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return flags, append(positional, args[i+1:]...), nil
		}
		name := flagName(a)
		if name == "" {
			positional = append(positional, a)
			continue
		}
		f := findFlag(cmd.Flags, name)
		if f == nil && !isHelp(name) {
			return nil, nil, unknownFlag(a, cmd.Flags, "poplift "+cmd.Name+" --help")
		}
		flags = append(flags, a)
		if f == nil || !takesValue(f) || strings.Contains(a, "=") {
			continue
		}
		if i++; i == len(args) {
			return nil, nil, usagef("%s needs a value; see poplift %s --help", a, cmd.Name)
		}
		flags = append(flags, args[i])
	}
	return flags, positional, nil
}

// flagName is the name in "-name", "--name" or "--name=value", or "" when a is no flag. A lone "-" is none.
func flagName(a string) string {
	if len(a) < 2 || a[0] != '-' || a == "--" {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-"), "=")
	return name
}

func isHelp(name string) bool { return name == "help" || name == "h" }

func hasName(name string) func(cli.Flag) bool {
	return func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	if i := slices.IndexFunc(flags, hasName(name)); i >= 0 {
		return flags[i]
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// unknownFlag shows the flag without its value, which may be a secret.
func unknownFlag(a string, flags []cli.Flag, help string) error {
	shown, _, _ := strings.Cut(a, "=")
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	if best := closest(flagName(a), names); best != "" {
		return usagef("unknown flag %s; did you mean %s? All flags: %s", shown, dashed(best), help)
	}
	return usagef("unknown flag %s; all flags: %s", shown, help)
}

func unknownCommand(name string, app *cli.App) error {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	if strings.Contains(name, "://") {
		return usagef("the command is missing; did you mean poplift copy SOURCE... TARGET?")
	}
	if best := closest(name, names); best != "" {
		return usagef("unknown command %q; did you mean %s? All commands: poplift help", name, best)
	}
	return usagef("unknown command %q; all commands: poplift help", name)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// closest returns the name that s is most likely a slip of, or "". Short forms of flags are no words.
func closest(s string, names []string) string {
	return jobs.Nearest(s, slices.DeleteFunc(slices.Clone(names), func(n string) bool { return len(n) == 1 }))
}
