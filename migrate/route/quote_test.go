package route

import (
	"testing"

	"poplift/migrate"
)

func TestQuoteMeansItself(t *testing.T) {
	l := migrate.Layout{Delimiter: "|", Boxes: []migrate.Box{{Name: "INBOX"}}}
	for _, p := range []migrate.Path{{"Archive"}, {"Archive", "2019"}, {"-"}, {`\Sent`}, {"a=b", "*", "#x"}, {`"q"`}, {"[x]", " y "}} {
		e, err := New(Options{Into: Quote(p)})
		if err != nil {
			t.Errorf("%q: %v", p, err)
			continue
		}
		ways, err := e.Route(l, []migrate.SourceFolder{{Source: "s"}})
		plain, _ := New(Options{})
		want, _ := plain.Route(l, []migrate.SourceFolder{{Source: "s", Path: p}})
		if err != nil || ways[0].Name != want[0].Name {
			t.Errorf("%q goes to %q, %v; a folder of that name goes to %q", p, ways[0].Name, err, want[0].Name)
		}
	}
}
