package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagHelp lists flags under their categories, both in the order in which they are declared; urfave/cli would sort both by name.
func flagHelp(flags []cli.Flag) string {
	var categories []string
	lines := map[string][]string{}
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		category := ""
		if c, ok := f.(cli.CategorizableFlag); ok {
			category = c.GetCategory()
		}
		if lines[category] == nil {
			categories = append(categories, category)
		}
		lines[category] = append(lines[category], flagLine(f, d))
	}
	var b strings.Builder
	for _, category := range categories {
		if category != "" {
			fmt.Fprintf(&b, "\n%s\n", category)
		}
		b.WriteString(strings.Join(lines[category], ""))
	}
	return b.String()
}

// flagLine is one flag's line. A default of nothing is not worth telling.
func flagLine(f cli.Flag, d cli.DocGenerationFlag) string {
	value, usage := unquoteUsage(d.GetUsage())
	names := []string{}
	for _, n := range f.Names() {
		names = append(names, dashed(n))
	}
	if def := strings.Trim(d.GetDefaultText(), `"`); d.TakesValue() && def != "" && def != "0" && def != "0s" {
		usage += " (default: " + def + ")"
	}
	return fmt.Sprintf("     %-30s %s\n", strings.TrimSpace(strings.Join(names, ", ")+" "+value), usage)
}

// unquoteUsage takes the name of a flag's value, which stands in backquotes, out of its usage.
func unquoteUsage(usage string) (value, rest string) {
	if _, after, ok := strings.Cut(usage, "`"); ok {
		if value, _, ok = strings.Cut(after, "`"); ok {
			return value, strings.ReplaceAll(usage, "`", "")
		}
	}
	return "", usage
}

// helpTemplate is a help page that is text already.
func helpTemplate(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }
