package applemail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"strconv"
	"strings"
)

// hole is a part of a message whose body lies in a file of its own.
type hole struct {
	number     string // as in IMAP: "2", "1.2"
	encoding   string // Content-Transfer-Encoding in lower case
	filename   string // as the part's header has it, or ""
	start, end int64  // of its empty body
	// markStart and markEnd are the program's own field in the part's header, X-Apple-Content-Length, which no sender wrote.
	markStart, markEnd int64
}

// Bounds of a message's structure. What is beyond them is text.
const (
	maxDepth  = 50
	maxHoles  = 1000
	maxLine   = 4 << 10 // of which the beginning is looked at
	maxFolded = 16 << 10
)

// findHoles walks through the structure of a message and returns the parts with the program's mark and without a body, in their order.
func findHoles(r io.Reader) ([]hole, error) {
	p := partReader{br: bufio.NewReaderSize(r, maxLine)}
	p.begin("", true)
	for {
		line, err := p.br.ReadSlice('\n')
		if len(line) > 0 && (!p.middle || !p.inHeader) {
			p.line(line)
		}
		p.offset += int64(len(line))
		p.middle = errors.Is(err, bufio.ErrBufferFull)
		if err == io.EOF {
			p.leave(p.offset)
			return p.holes, nil
		}
		if err != nil && !p.middle {
			return nil, err
		}
	}
}

// partReader is one pass over a message.
type partReader struct {
	br     *bufio.Reader
	offset int64 // of the line
	middle bool  // the line is the continuation of a long one
	holes  []hole
	levels []level // the multiparts that are open

	inHeader bool
	whole    bool // the entity is a message, so that parts of its own are numbered below it
	prefix   string
	fields   map[string]string
	field    string // the one that a folded line belongs to
	hole     hole
	marked   bool
	inLeaf   bool
	blank    bool // the leaf's body has nothing in it so far
}

type level struct {
	boundary string
	prefix   string
	count    int
}

// begin starts the header of an entity.
func (p *partReader) begin(number string, whole bool) {
	p.inHeader, p.whole, p.prefix = true, whole, number
	p.fields, p.field = map[string]string{}, ""
	p.hole, p.marked = hole{number: number}, false
}

func (p *partReader) line(line []byte) {
	text := bytes.TrimRight(line, "\r\n")
	switch {
	case !p.middle && len(p.levels) > 0 && bytes.HasPrefix(text, []byte("--")) && p.boundary(text):
	case p.inHeader && len(text) == 0:
		p.headerEnd(p.offset + int64(len(line)))
	case p.inHeader:
		p.headerLine(text, int64(len(line)))
	case p.inLeaf && len(bytes.TrimSpace(text)) > 0:
		p.blank = false
	}
}

// boundary takes a line that begins with "--". It says whether that is one of the open multiparts'.
func (p *partReader) boundary(text []byte) bool {
	for i := len(p.levels) - 1; i >= 0; i-- {
		l := &p.levels[i]
		rest, ok := strings.CutPrefix(strings.TrimRight(string(text[2:]), " \t"), l.boundary)
		if !ok || rest != "" && rest != "--" {
			continue
		}
		p.leave(p.offset)
		if rest == "--" {
			p.levels = p.levels[:i]
			p.inHeader = false
			return true
		}
		p.levels = p.levels[:i+1]
		l.count++
		p.begin(join(l.prefix, l.count), false)
		return true
	}
	return false
}

func join(prefix string, n int) string {
	if prefix == "" {
		return strconv.Itoa(n)
	}
	return prefix + "." + strconv.Itoa(n)
}

func (p *partReader) headerLine(text []byte, length int64) {
	if text[0] == ' ' || text[0] == '\t' {
		if p.field == markField {
			p.hole.markEnd = p.offset + length
		} else if v := p.fields[p.field]; p.field != "" && len(v) < maxFolded {
			p.fields[p.field] = v + " " + strings.TrimSpace(string(text))
		}
		return
	}
	name, value, ok := strings.Cut(string(text), ":")
	p.field = strings.ToLower(strings.TrimSpace(name))
	switch {
	case !ok:
		p.field = ""
	case p.field == markField:
		p.marked = true
		p.hole.markStart, p.hole.markEnd = p.offset, p.offset+length
	case strings.HasPrefix(p.field, "content-"):
		p.fields[p.field] = strings.TrimSpace(value)
	default:
		p.field = ""
	}
}

// markField holds the length of what was taken out.
const markField = "x-apple-content-length"

// headerEnd decides what the entity is. body is where it begins.
func (p *partReader) headerEnd(body int64) {
	p.inHeader = false
	kind, params, err := mime.ParseMediaType(p.fields["content-type"])
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		kind = "text/plain"
	}
	b := params["boundary"]
	if err != nil && b == "" && strings.HasPrefix(strings.ToLower(p.fields["content-type"]), "multipart/") {
		kind, b = "multipart/mixed", looseBoundary(p.fields["content-type"])
	}
	switch {
	case strings.HasPrefix(kind, "multipart/") && b != "" && len(p.levels) < maxDepth:
		p.levels = append(p.levels, level{boundary: b, prefix: p.prefix})
		return
	case kind == "message/rfc822" && !p.marked && len(p.levels) > 0:
		p.begin(p.prefix, true)
		return
	case p.whole:
		p.hole.number = join(p.prefix, 1) // a message that is one part
	}
	p.inLeaf, p.blank = true, true
	p.hole.start = body
	p.hole.encoding = strings.ToLower(p.fields["content-transfer-encoding"])
	p.hole.filename = filenameOf(p.fields["content-disposition"], params["name"])
}

// looseBoundary finds the boundary in a field that is no good otherwise.
func looseBoundary(field string) string {
	const name = "boundary="
	i := 0
	for ; ; i++ { // by octets: to lower case, an octet that is no UTF-8 has another length
		if i+len(name) > len(field) {
			return ""
		}
		if strings.EqualFold(field[i:i+len(name)], name) {
			break
		}
	}
	rest := field[i+len(name):]
	if q, ok := strings.CutPrefix(rest, `"`); ok {
		b, _, _ := strings.Cut(q, `"`)
		return b
	}
	b, _, _ := strings.Cut(rest, ";")
	return strings.TrimSpace(b)
}

func filenameOf(disposition, name string) string {
	_, params, err := mime.ParseMediaType(disposition)
	if f := params["filename"]; err == nil && f != "" {
		name = f
	}
	if s, err := new(mime.WordDecoder).DecodeHeader(name); err == nil {
		return s
	}
	return name
}

// leave ends the leaf that was open; its body ends before the line end that belongs to the boundary (RFC 2046 5.1.1), which an empty one shares
// with its header.
func (p *partReader) leave(end int64) {
	if p.inLeaf && p.blank && p.marked && len(p.holes) < maxHoles {
		p.hole.end = end
		p.holes = append(p.holes, p.hole)
	}
	if p.inHeader && p.marked && len(p.holes) < maxHoles {
		p.hole.number = "?" // its header has no end, so that there is no place for a body
		p.holes = append(p.holes, p.hole)
	}
	p.inLeaf, p.marked = false, false
}
