package sieve

import (
	"bytes"
	"html"
	"io"
	"mime"
	"slices"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"github.com/foxcpp/go-sieve/parser"

	"poplift/migrate"
)

// Bounds of what a body test looks at: octets of the message, parts, and how deep they lie in each other.
const (
	maxBody      = 2 << 20
	maxParts     = 1000
	maxPartDepth = 20

	maxContentType = 4 << 10
)

// body is a message's body. go-sieve has no test for it.
type body struct {
	known bool // the header is followed by an empty line
	raw   string
	parts []bodyPart
}

// bodyPart is a MIME part, of a message without MIME the whole body.
type bodyPart struct {
	mediaType string
	encoding  string
	charset   string
	raw       []byte
	// pieces are the prologue and epilogue of a multipart, or the header of a message in the message, each to be matched by itself.
	pieces    [][]byte
	container bool
	decoded   string
	plain     string // decoded, of HTML without the mark-up
	done      bool
}

// readBody reads the message up to maxBody octets.
func readBody(spool *migrate.Spool) (*body, error) {
	raw, err := readUntil(spool, maxBody, nil)
	if err != nil {
		return nil, err
	}
	head, rest, ok := cutHeader(raw)
	if !ok {
		return &body{}, nil
	}
	b := &body{known: true, raw: string(rest)}
	b.add(newHeader(head), rest, "text/plain", 0)
	return b, nil
}

// cutHeader splits a message, or a part, at its first empty line.
func cutHeader(raw []byte) (head, rest []byte, ok bool) {
	if bytes.HasPrefix(raw, []byte("\r\n")) {
		return nil, raw[2:], true
	}
	i := bytes.Index(raw, []byte("\r\n\r\n"))
	if i < 0 {
		return raw, nil, false
	}
	return raw[:i+2], raw[i+4:], true
}

// add takes in a part and those in it.
func (b *body) add(h *header, raw []byte, otherwise string, depth int) {
	if len(b.parts) == maxParts {
		return
	}
	mediaType, params := otherwise, map[string]string{}
	if f := h.named("content-type"); len(f) > 0 && len(f[0].raw) <= maxContentType {
		if t, p, err := mime.ParseMediaType(f[0].unfolded()); err == nil && strings.Contains(t, "/") {
			mediaType, params = t, p
		}
	}
	p := bodyPart{mediaType: mediaType, charset: params["charset"], raw: raw}
	if f := h.named("content-transfer-encoding"); len(f) > 0 {
		p.encoding = f[0].unfolded()
	}
	at := len(b.parts)
	b.parts = append(b.parts, p)
	switch boundary := params["boundary"]; {
	case depth == maxPartDepth:
	case strings.HasPrefix(mediaType, "multipart/") && boundary != "":
		b.parts[at].container = true
		inner := "text/plain"
		if mediaType == "multipart/digest" {
			inner = "message/rfc822" // RFC 2046 5.1.5
		}
		b.parts[at].pieces = splitMultipart(raw, boundary, func(part []byte) {
			if head, rest, ok := cutHeader(part); ok {
				b.add(newHeader(head), rest, inner, depth+1)
			}
		})
	case mediaType == "message/rfc822":
		head, rest, ok := cutHeader(raw)
		b.parts[at].container, b.parts[at].pieces = true, [][]byte{head}
		if ok {
			b.add(newHeader(head), rest, "text/plain", depth+1)
		}
	}
}

// splitMultipart calls part with each part of a multipart, and returns its prologue and epilogue (RFC 2046 5.1.1). The line end before a
// boundary belongs to the boundary.
func splitMultipart(raw []byte, boundary string, part func([]byte)) [][]byte {
	delimiter := []byte("--" + boundary)
	var outer [][]byte
	inside, closed := false, false
	start := 0
	for at := 0; at < len(raw) && !closed; {
		end := len(raw)
		if i := bytes.IndexByte(raw[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if rest, ok := bytes.CutPrefix(raw[at:end], delimiter); ok {
			tail := bytes.TrimRight(rest, " \t\r\n")
			if closed = string(tail) == "--"; closed || len(tail) == 0 {
				piece := raw[start:max(start, at-2)]
				if inside {
					part(piece)
				} else {
					outer = append(outer, piece)
				}
				inside, start = true, end
			}
		}
		at = end
	}
	switch {
	case closed || !inside:
		outer = append(outer, raw[start:])
	default:
		part(raw[start:]) // never closed, which happens
	}
	return outer
}

// text is the part decoded, text as UTF-8. What can't be decoded is as it is.
func (p *bodyPart) text() string {
	if p.done {
		return p.decoded
	}
	p.done = true
	var h message.Header
	h.Set("Content-Transfer-Encoding", p.encoding)
	e, err := message.New(h, bytes.NewReader(p.raw))
	content := p.raw
	if err == nil {
		if out, err := io.ReadAll(io.LimitReader(e.Body, maxBody)); err == nil || len(out) > 0 {
			content = out
		}
	}
	p.decoded = string(content)
	if strings.HasPrefix(p.mediaType, "text/") {
		if r, err := charset.Reader(p.charset, bytes.NewReader(content)); err == nil { // first, because ISO-2022-JP looks like UTF-8
			if out, err := io.ReadAll(io.LimitReader(r, maxBody)); err == nil {
				content = out
			}
		}
		p.decoded = asUTF8(content)
	}
	if p.plain = p.decoded; p.mediaType == "text/html" {
		p.plain = plainText(p.decoded)
	}
	return p.decoded
}

// bodyTest is RFC 5173. It sets no match variables.
func (c *compiler) bodyTest(t parser.Test) test {
	a := c.arguments("body", t.Position, t.Args, append([]string{"raw", "text", "content"}, matchTags...)...)
	if !a.want(1) {
		return never
	}
	m := a.matcher(a.templates(0))
	m.silent = true
	values := textValues
	switch {
	case a.has("raw"):
		values = func(r *run, yield func(string) bool) {
			if r.body.known {
				yield(r.body.raw)
			}
		}
	case a.has("content"):
		types := a.templatesOf(a.tags["content"])
		values = func(r *run, yield func(string) bool) { contentValues(r, expandAll(r, types), yield) }
	}
	return func(r *run) (bool, error) {
		if r.body == nil {
			var err error
			if r.body, err = readBody(r.message.Body); err != nil {
				return false, err
			}
		}
		if err := r.spend(len(r.body.raw), 1); err != nil {
			return false, err
		}
		return m.any(r, func(yield func(string) bool) { values(r, yield) })
	}
}

// textValues are the texts of a message, those in HTML without the mark-up.
func textValues(r *run, yield func(string) bool) {
	for i := range r.body.parts {
		p := &r.body.parts[i]
		if p.container || !strings.HasPrefix(p.mediaType, "text/") {
			continue
		}
		p.text()
		if !yield(p.plain) {
			return
		}
	}
}

// contentValues are the parts of certain types (RFC 5173 5.2).
func contentValues(r *run, types []string, yield func(string) bool) {
	for i := range r.body.parts {
		p := &r.body.parts[i]
		if !matchesType(types, p.mediaType) {
			continue
		}
		if !p.container {
			if !yield(p.text()) {
				return
			}
			continue
		}
		for _, piece := range p.pieces {
			if !yield(string(piece)) {
				return
			}
		}
	}
}

// matchesType says whether one of types is a media type, the first half of it, or empty.
func matchesType(types []string, mediaType string) bool {
	main, _, _ := strings.Cut(mediaType, "/")
	for _, t := range types {
		t = strings.ToLower(t)
		if t == "" || t == main || t == mediaType && strings.Count(t, "/") == 1 {
			return true
		}
	}
	return false
}

// hidden are the pieces of HTML that nobody sees, with what ends them.
var hidden = []struct{ start, end string }{{"<!--", "-->"}, {"<script", "</script"}, {"<style", "</style"}}

// inline are the tags that can stand within a word. All others part words.
var inline = []string{"a", "abbr", "b", "big", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u", "wbr"}

// plainText takes the mark-up off HTML: tags, comments, scripts and styles.
func plainText(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			return html.UnescapeString(b.String())
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := ">"
		for _, h := range hidden {
			if len(s) >= len(h.start) && strings.EqualFold(s[:len(h.start)], h.start) {
				end = h.end
			}
		}
		j := indexFold(s, end)
		if j < 0 {
			return html.UnescapeString(b.String())
		}
		if !slices.Contains(inline, tagName(s)) {
			b.WriteByte(' ')
		}
		s = s[j+len(end):]
		if end[0] == '<' { // what is left of the closing tag
			_, s, _ = strings.Cut(s, ">")
		}
	}
}

// tagName is the name in "<name …" or "</name …", in lower case.
func tagName(s string) string {
	s = strings.TrimPrefix(s[1:min(len(s), 10)], "/")
	n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' && r < 'A' || r > 'z' })
	if n < 0 {
		n = len(s)
	}
	return lowerASCII(s[:n])
}

// indexFold is strings.Index without regard to the case of ASCII. sub is in lower case.
func indexFold(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		j := strings.IndexByte(s[i:], sub[0])
		if j < 0 {
			return -1
		}
		if i += j; i+len(sub) <= len(s) && strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}
