package route

import (
	"strings"

	"poplift/migrate"
)

// Quote writes a path as Options.Into and the right side of a rule have it, so that no character of a name means anything else.
func Quote(p migrate.Path) string {
	names := make([]string, len(p))
	for i, n := range p {
		names[i] = escapedName(n, i == 0)
	}
	if s := strings.Join(names, "/"); s != "-" {
		return s
	}
	return `\-`
}
