package jobs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mistake is one thing that is wrong in a jobs file or in a CSV that it names. What Load returns is an errors.Join of these.
type Mistake struct {
	File string
	// Line and Column count from 1, the column in characters. They are 0 when the mistake is about the whole file.
	Line, Column int
	// Path is where in the file's structure it is, such as jobs[0].source.url, or the name of a CSV's column.
	Path string
	// Msg says what is wrong, and Hint, if there is one, what to write instead. Neither holds a secret.
	Msg, Hint string
}

// Error is FILE:LINE:COLUMN: PATH: what is wrong; what to write instead.
func (m *Mistake) Error() string {
	var b strings.Builder
	b.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
	}
	if m.Path != "" {
		b.WriteString(": " + m.Path)
	}
	b.WriteString(": " + m.Msg)
	if m.Hint != "" {
		b.WriteString("; " + m.Hint)
	}
	return b.String()
}

// Mistakes returns the mistakes that err is made of, or nil when it is an error of another kind.
func Mistakes(err error) []*Mistake {
	var one *Mistake
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*Mistake
		for _, e := range joined.Unwrap() {
			out = append(out, Mistakes(e)...)
		}
		return out
	}
	if errors.As(err, &one) {
		return []*Mistake{one}
	}
	return nil
}

// source is a file that is read: the jobs file itself, or a CSV.
type source struct {
	name string // as the user knows it
	dir  string // what relative paths in it begin at
	text string // of the jobs file
	// secret is where the first literal secret stands, command where the first command does.
	secret, command pos
}

// pos is a place in a file.
type pos struct {
	in        *source
	line, col int
	path      *trail
}

// trail is the way down the structure of a file, spelled out only when somebody asks.
type trail struct {
	up   *trail
	name string
	n    int // the index of a list's item, when there is no name
}

func (p *trail) key(name string) *trail { return &trail{up: p, name: name} }
func (p *trail) item(n int) *trail      { return &trail{up: p, n: n} }

func (p *trail) String() string {
	switch {
	case p == nil:
		return ""
	case p.name == "":
		return p.up.String() + "[" + strconv.Itoa(p.n) + "]"
	case p.up == nil:
		return p.name
	}
	return p.up.String() + "." + p.name
}

// maxMistakes is after how many no more is read; a CSV with a wrong column has one in every row.
const maxMistakes = 1000

// mistakes collects them. One place that many accounts come through is told once.
type mistakes struct {
	list []*Mistake
	seen map[Mistake]bool
	// more says that there were more.
	more bool
	// told counts every call, those for a place that is known as well.
	told int
}

func (l *mistakes) add(at pos, hint, format string, args ...any) {
	l.told++
	m := Mistake{Line: at.line, Column: at.col, Msg: fmt.Sprintf(format, args...), Hint: hint}
	if at.in != nil {
		m.File = at.in.name
	}
	if l.seen[m] {
		return
	}
	if len(l.list) == maxMistakes {
		l.more = true
		return
	}
	if l.seen == nil {
		l.seen = map[Mistake]bool{}
	}
	l.seen[m] = true
	m.Path = at.path.String()
	l.list = append(l.list, &m)
}

// sorted returns them in the order of the files and, within one, of its lines.
func (l *mistakes) sorted(first string) []*Mistake {
	slices.SortStableFunc(l.list, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(outOf(a, first), outOf(b, first)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if l.more {
		return append(l.list, &Mistake{File: first, Msg: fmt.Sprintf("there are more than these %d; reading ended here", maxMistakes)})
	}
	return l.list
}

func outOf(m *Mistake, file string) int {
	if m.File == file {
		return 0
	}
	return 1
}

// err joins them; nil when there are none.
func (l *mistakes) err(first string) error {
	var errs []error
	for _, m := range l.sorted(first) {
		errs = append(errs, m)
	}
	return errors.Join(errs...)
}
