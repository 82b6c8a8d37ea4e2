package strip

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
	"pgregory.net/rapid"
)

// tree writes a random message and, beside it, what must become of it.
type tree struct {
	t          *rapid.T
	message    strings.Builder
	want       strings.Builder
	removed    []Removed
	leaves     int
	boundaries int
}

func (tr *tree) both(s string) {
	s = crlfs(s)
	tr.message.WriteString(s)
	tr.want.WriteString(s)
}

// entity writes the rest of a header whose first fields stand there, and the body. kept is what is signed.
func (tr *tree) entity(depth int, isMessage, kept bool) {
	shapes := []string{"leaf", "leaf", "multipart", "message"}
	if depth > 5 {
		shapes = shapes[:1]
	}
	switch rapid.SampledFrom(shapes).Draw(tr.t, "shape") {
	case "leaf":
		tr.leaf(isMessage, kept)
	case "message":
		tr.both("Content-Type: message/rfc822\n\nSubject: inner\n")
		tr.entity(depth+1, true, kept)
	case "multipart":
		tr.multipart(depth, kept)
	}
}

func (tr *tree) multipart(depth int, kept bool) {
	kind := rapid.SampledFrom([]string{"mixed", "alternative", "related", "signed"}).Draw(tr.t, "multipart")
	tr.boundaries++
	// Every boundary begins with the ones before, or they with it.
	boundary := strings.Repeat("b", 1+(tr.boundaries*37)%101) + strings.Repeat("=", tr.boundaries/101)
	value := boundary
	if strings.Contains(boundary, "=") || rapid.Bool().Draw(tr.t, "quoted") {
		value = strconv.Quote(boundary)
	}
	padding := rapid.SampledFrom([]string{"", " ", "\t  "}).Draw(tr.t, "padding")
	text := rapid.SampledFrom([]string{"", "some text\n-- \n- -\n", "\n\n"})
	tr.both("Content-Type: multipart/" + kind + ";\n\tboundary=" + value + "; x=y\n\n" + text.Draw(tr.t, "preamble"))
	for range rapid.IntRange(1, 4).Draw(tr.t, "parts") {
		tr.both("--" + boundary + padding + "\n")
		tr.entity(depth+1, false, kept || kind == "signed")
		tr.both("\n")
	}
	tr.both("--" + boundary + "--" + padding + "\n" + text.Draw(tr.t, "epilogue"))
}

func (tr *tree) leaf(isMessage, kept bool) {
	tr.leaves++
	content := blob(rapid.IntRange(0, 300).Draw(tr.t, "size"))
	name := rapid.SampledFrom([]string{"", "a.gif", "a b.gif", "Größe.gif", "--b"}).Draw(tr.t, "name")
	fields, body := "Content-Type: image/gif", ""
	if name != "" {
		fields += "; name=" + strconv.Quote(name)
	}
	switch encoding := rapid.SampledFrom([]string{"base64", "quoted-printable", "8bit"}).Draw(tr.t, "encoding"); encoding {
	case "base64":
		fields, body = fields+"\nContent-Transfer-Encoding: base64", b64(len(content))
	case "quoted-printable":
		fields, body = fields+"\nContent-Transfer-Encoding: quoted-printable", strings.ReplaceAll(qp(content), "--", "=2D=2D")
	default:
		body = strings.Repeat("Zeile für Zeile\n", len(content)/16)
		content = []byte(crlfs(body))
	}
	fields, body = crlfs(fields), crlfs(body)
	tr.both("X-First: 1\n")
	tr.message.WriteString(fields + "\r\n\r\n" + body)
	if kept || len(body) <= treeLimit {
		tr.want.WriteString(fields + "\r\n\r\n" + body)
		return
	}
	r := removed(name, "image/gif", content)
	tr.removed = append(tr.removed, r)
	tr.want.Write(note(r, isMessage))
}

const treeLimit = 100

// TestTrees: in a random structure exactly the large leaves that aren't signed are replaced, and another parser finds the notes where they were.
func TestTrees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		tr := &tree{t: rt}
		tr.both("From: a@example.org\nSubject: a tree\n")
		tr.multipart(0, false)
		message := tr.message.String()
		leaves, err := scan(t.Context(), inPieces{message, rapid.IntRange(1, 100).Draw(rt, "piece")}, treeLimit)
		if err != nil {
			rt.Fatal(err)
		}
		var got bytes.Buffer
		list, err := rewrite(t.Context(), &got, inPieces{message, rapid.IntRange(1, 100).Draw(rt, "piece")}, leaves)
		if err != nil || !slices.Equal(list, tr.removed) {
			rt.Fatalf("removed %+v, want %+v: %v", list, tr.removed, err)
		}
		if got.String() != tr.want.String() {
			rt.Fatalf("%s\nwant\n%s", got.String(), tr.want.String())
		}
		e, err := gomessage.Read(&got)
		if err != nil {
			rt.Fatal(err)
		}
		n, notes := countLeaves(rt, e)
		if n != tr.leaves || notes != len(list) {
			rt.Fatalf("%d leaves, %d of them notes; want %d, %d", n, notes, tr.leaves, len(list))
		}
	})
}

// countLeaves walks through a message with go-message.
func countLeaves(t *rapid.T, e *gomessage.Entity) (leaves, notes int) {
	kind, _, err := e.Header.ContentType()
	if err != nil {
		t.Fatal(err)
	}
	if kind == "message/rfc822" {
		inner, err := gomessage.Read(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		return countLeaves(t, inner)
	}
	parts := e.MultipartReader()
	if parts == nil {
		if e.Header.Has("X-Poplift-Removed-Sha256") {
			notes = 1
		}
		return 1, notes
	}
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return leaves, notes
		}
		if err != nil {
			t.Fatal(err)
		}
		a, b := countLeaves(t, p)
		leaves, notes = leaves+a, notes+b
	}
}
