package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// node is an element of the page. golang.org/x/net/html would be kinder to sloppy HTML, but the page is written well-formed, and holding it to
// that by a strict XML parser shows at once when something that came from elsewhere breaks out.
type node struct {
	name   string
	attrs  map[string]string
	parent *node
	kids   []*node
	data   string // of a piece of text, which has no name
}

// render writes the page and parses it. Style and script, which are ours and no XML, are cut out, each of them exactly once.
func render(t testing.TB, d Data) (*node, string) {
	t.Helper()
	var b strings.Builder
	if err := WriteHTML(&b, d); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	bare := page
	for _, own := range []string{"<style>" + pageCSS + "</style>", "<script>" + pageJS + "</script>"} {
		if n := strings.Count(bare, own); n != 1 {
			t.Fatalf("the page has %q… %d times", own[:30], n)
		}
		bare = strings.Replace(bare, own, "", 1)
	}
	root, err := parse(bare)
	if err != nil {
		t.Fatal(err)
	}
	return root, page
}

func parse(page string) (*node, error) {
	dec := xml.NewDecoder(strings.NewReader(page))
	root := &node{}
	at := root
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			line, col := dec.InputPos()
			return nil, fmt.Errorf("%d:%d: %w", line, col, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{name: tok.Name.Local, attrs: map[string]string{}, parent: at}
			for _, a := range tok.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			at.kids = append(at.kids, n)
			at = n
		case xml.EndElement:
			at = at.parent
		case xml.CharData:
			at.kids = append(at.kids, &node{data: string(tok), parent: at})
		case xml.Comment:
			return nil, fmt.Errorf("a comment: %s", tok)
		}
	}
}

// text is that of the element and all below it, with plain spaces for unbroken ones.
func (n *node) text() string {
	if n.name == "" && len(n.kids) == 0 {
		return strings.ReplaceAll(n.data, "\u00a0", " ")
	}
	var b strings.Builder
	for _, k := range n.kids {
		b.WriteString(k.text())
	}
	return b.String()
}

// elements are the kids that aren't text.
func (n *node) elements() []*node {
	var out []*node
	for _, k := range n.kids {
		if k.name != "" {
			out = append(out, k)
		}
	}
	return out
}

// all returns the elements for which ok is true, in order.
func (n *node) all(ok func(*node) bool) []*node {
	var out []*node
	var walk func(*node)
	walk = func(n *node) {
		for _, k := range n.elements() {
			if ok(k) {
				out = append(out, k)
			}
			walk(k)
		}
	}
	walk(n)
	return out
}

func (n *node) named(names ...string) []*node {
	return n.all(func(k *node) bool { return slices.Contains(names, k.name) })
}

func (n *node) classed(class string) []*node {
	return n.all(func(k *node) bool { return slices.Contains(strings.Fields(k.attrs["class"]), class) })
}

// one is the only element that was found.
func one(t testing.TB, what string, found []*node) *node {
	t.Helper()
	if len(found) != 1 {
		t.Fatalf("%d of %s, not one", len(found), what)
	}
	return found[0]
}

// theOnly is the only element with the name.
func (n *node) theOnly(t testing.TB, name string) *node {
	t.Helper()
	return one(t, name, n.named(name))
}

// theOnlyOf is the only element of the class.
func (n *node) theOnlyOf(t testing.TB, class string) *node {
	t.Helper()
	return one(t, "."+class, n.classed(class))
}

func (n *node) byID(t testing.TB, id string) *node {
	t.Helper()
	return one(t, "#"+id, n.all(func(k *node) bool { return k.attrs["id"] == id }))
}

// cells are the texts of a table's rows, heads and foot among them.
func cells(table *node) [][]string {
	var out [][]string
	for _, tr := range table.named("tr") {
		var row []string
		for _, c := range tr.elements() {
			row = append(row, c.text())
		}
		out = append(out, row)
	}
	return out
}
