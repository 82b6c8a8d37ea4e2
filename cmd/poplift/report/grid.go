package report

import (
	"fmt"
	"math"
	"strings"
)

// grid shows every account as a square, in the order of the jobs file.
type grid struct {
	Columns, Rows int
	Width         int // in pixels, at most
	Layers        []layer
	Marked        []mark
	Label         string
}

// layer is all squares of one tone.
type layer struct{ Class, Path string }

// mark is a square that leads to its account.
type mark struct {
	X, Y              int
	Class, Href, Name string
}

// maxMarks bounds the squares that are links; the rest are one shape a tone.
const maxMarks = 300

func newGrid(r *run) grid {
	n := len(r.Accounts)
	columns := min(max(int(math.Ceil(math.Sqrt(float64(n)*5))), 10), 160)
	columns = max(1, min(columns, n))
	g := grid{Columns: columns * 10, Rows: (n + columns - 1) / columns * 10, Width: min(columns*18, 1120)}
	paths := map[string]*strings.Builder{}
	for _, s := range states {
		paths[s.class()] = &strings.Builder{}
	}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		x, y := i%columns*10, i/columns*10
		if a.needsPerson() && len(g.Marked) < maxMarks {
			g.Marked = append(g.Marked, mark{X: x, Y: y, Class: tone(a), Href: anchor(i), Name: r.names[i]})
		} else {
			fmt.Fprintf(paths[tone(a)], "M%d %dh8v8h-8z", x, y)
		}
	}
	for _, s := range states {
		if p := paths[s.class()]; p.Len() > 0 {
			g.Layers = append(g.Layers, layer{Class: s.class(), Path: p.String()})
		}
	}
	return g
}
