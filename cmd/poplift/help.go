package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagHelp lists flags under their categories in the order in which they are declared; urfave/cli would sort both by name.
func flagHelp(flags []cli.Flag) string {
	var b strings.Builder
	category := ""
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != category {
			category = c.GetCategory()
			fmt.Fprintf(&b, "\n%s\n", category)
		}
		value, usage := unquoteUsage(d.GetUsage())
		names := []string{}
		for _, n := range f.Names() {
			names = append(names, dashed(n))
		}
		if def := d.GetDefaultText(); d.TakesValue() && def != "" {
			usage += " (default: " + strings.Trim(def, `"`) + ")"
		}
		fmt.Fprintf(&b, "     %-30s %s\n", strings.TrimSpace(strings.Join(names, ", ")+" "+value), usage)
	}
	return b.String()
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
