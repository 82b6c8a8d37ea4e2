package route

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
)

// What a map file may have at most. A plan of ten thousand folders has two megabytes.
const (
	maxMapLine   = 64 << 10
	maxMapFile   = 64 << 20
	maxMapErrors = 20
)

// ParseMapFile reads a file of rules: one a line, empty lines and comments behind "#" left out, and [SOURCE] before those that are for one source
// only. Its error joins a *SyntaxError for each line that can't be read, up to twenty.
func ParseMapFile(r io.Reader) ([]Rule, error) {
	in := bufio.NewScanner(io.LimitReader(r, maxMapFile+1))
	in.Buffer(nil, maxMapLine)
	var out []Rule
	var wrong []error
	f := mapFile{lines: map[string]int{}}
	read := 0
	for in.Scan() && len(wrong) < maxMapErrors {
		f.line++
		if read += len(in.Bytes()) + 1; read > maxMapFile {
			return nil, &SyntaxError{Line: f.line, Column: 1, Text: fmt.Sprintf("the file has more than %d MiB", maxMapFile>>20)}
		}
		s := in.Text()
		if f.line == 1 {
			s = strings.TrimPrefix(s, "\ufeff")
		}
		rule, ok, err := f.read(strings.TrimSuffix(s, "\r"))
		if err != nil {
			wrong = append(wrong, err)
		} else if ok {
			out = append(out, rule)
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		wrong = append(wrong, &SyntaxError{Line: f.line + 1, Column: maxMapLine, Text: "the line is too long"})
	} else if err != nil {
		return nil, fmt.Errorf("read map file: %w", err)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return out, nil
}

// mapFile is what one line of a map file needs to know of those before.
type mapFile struct {
	line   int
	source string
	// lines says where a folder was mapped.
	lines map[string]int
}

// read reads one line; ok is false for one without a rule.
func (f *mapFile) read(s string) (r Rule, ok bool, err error) {
	p := &parser{s: s, line: f.line, comments: true}
	if p.blanks(); p.ended() {
		return r, false, nil
	}
	if source, is, err := p.section(); is || err != nil {
		f.source = source
		return r, false, err
	}
	at := p.pos
	if r, err = p.rule(); err != nil {
		return r, false, err
	}
	r.source = f.source
	if names, literal := r.from.literal(); literal {
		k := joinedKey(append([]string{r.source, string(r.from.role)}, names...))
		if first, twice := f.lines[k]; twice {
			return r, false, p.errorAt(at, "this folder has a rule in line %d already", first)
		}
		f.lines[k] = f.line
	}
	return r, true, nil
}

// section reads [SOURCE]. A line that goes on behind the bracket is a rule for a folder whose name begins with one.
func (p *parser) section() (source string, is bool, err error) {
	start := p.pos
	if p.peek() != '[' {
		return "", false, nil
	}
	p.pos++
	var b strings.Builder
	for p.pos < len(p.s) && p.peek() != ']' {
		if p.peek() != '\\' {
			b.WriteByte(p.peek())
			p.pos++
			continue
		}
		octets, err := p.escape()
		if err != nil {
			return "", false, err
		}
		b.WriteString(octets)
	}
	if p.pos < len(p.s) {
		p.pos++
		p.blanks()
		if p.ended() {
			return b.String(), true, nil
		}
	}
	p.pos = start
	return "", false, nil
}

// WriteMapFile writes where folders go as a file that ParseMapFile reads, and that gives the same names and roles on the same target, for people to
// change. The names on the right are the target's own.
func WriteMapFile(w io.Writer, ways []migrate.Way) error {
	out := bufio.NewWriter(w)
	out.WriteString(mapHead)
	var sources []string
	roles := map[string]int{} // how many different things one folder is
	seen := map[string]bool{}
	for _, x := range ways {
		if !slices.Contains(sources, x.From.Source) {
			sources = append(sources, x.From.Source)
		}
		if k := lineKey(x); !seen[k] {
			seen[k] = true
			roles[wayKey(x)]++
		}
	}
	for _, source := range sources {
		if len(sources) > 1 {
			fmt.Fprintf(out, "\n[%s]\n", escaped(source, `\]`))
		}
		for _, x := range ways {
			if x.From.Source == source && seen[lineKey(x)] {
				delete(seen, lineKey(x))
				writeWay(out, x, roles[wayKey(x)] > 1)
			}
		}
	}
	return out.Flush()
}

const mapHead = `# Where poplift puts each folder: FOLDER = "NAME ON THE TARGET". Change it and give it back with --map-file.
#   FOLDER = -                 leaves the folder out
#   FOLDER = "Name" \Sent      makes a missing one as the folder for sent mail (or \Drafts, \Trash, \Junk, \Archive)
#   FOLDER = Old/Work          without quotes "/" goes a level down, whatever the target writes there
#   FOLDER = \Sent/2019        is below the target's own folder for sent mail
#   Old/* = Archive/*          "*" is part of a name, "**" any number of names; what lies below a folder goes along
# A "\" takes the meaning from the character behind it: \/ \* \= \# \" \[ \- \\ ; \x0A is an octet.
`

// wayKey names a source's folder, lineKey that and what it is, if it must be said.
func wayKey(x migrate.Way) string {
	if len(x.From.Path) == 0 {
		return joinedKey([]string{x.From.Source, inboxName})
	}
	return joinedKey(append([]string{x.From.Source}, x.From.Path...))
}

func lineKey(x migrate.Way) string { return wayKey(x) + roleText(x.From.Role) }

// column is where the right side begins, where the left one leaves room.
const column = 28

func writeWay(out *bufio.Writer, x migrate.Way, byRole bool) {
	left := inboxName
	if len(x.From.Path) > 0 {
		names := make([]string, len(x.From.Path))
		for i, n := range x.From.Path {
			names[i] = escapedName(n, i == 0)
		}
		left = strings.Join(names, "/")
	}
	if role := roleText(x.From.Role); byRole && role != "" {
		left += " " + role
	}
	right := "-"
	if x.Excluded == "" {
		right = `"` + escaped(x.Name, `\"`) + `"`
		if x.Role != "" && x.Role != migrate.RoleInbox {
			right += " " + roleText(x.Role)
		}
	}
	note := x.Excluded + x.Why
	if x.Create {
		note += ", new"
	}
	fmt.Fprintf(out, "%-*s = %-*s # %d messages, %s: %s\n", column, left, column, right, x.From.Messages, octets(x.From.Octets), printable(note))
}

// escapedName writes a name of a source's path so that the parser takes no character of it for a sign.
func escapedName(name string, first bool) string {
	if name == "" {
		return `\e`
	}
	s := escaped(name, `\/*=#"`)
	if first && s[0] == '[' || s[0] == ' ' {
		s = `\` + s
	}
	if strings.HasSuffix(s, " ") && s != `\ ` {
		s = s[:len(s)-1] + `\ `
	}
	return s
}

// escaped puts a backslash before the characters in special, and writes what an editor might not show by its octets.
func escaped(s, special string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case strings.ContainsRune(special, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError || !unicode.IsPrint(r) && r != '\u200c' && r != '\u200d':
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\x%02X`, c)
			}
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// printable is a comment that stays in its line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// octets writes a size for people.
func octets(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.95 && unit < len(units)-1 {
		v /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", v, units[unit])
}
