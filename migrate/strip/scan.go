package strip

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
)

// Bounds of a message's structure.
const (
	maxDepth    = 100    // multiparts and messages within each other; what is deeper is left alone
	maxParts    = 10_000 // of a message; one with more is left alone
	maxLine     = 4 << 10
	maxBoundary = 200 // RFC 2046 allows 70
)

// errUnclear is a message of which two good readers can see different parts.
var errUnclear = errors.New("the structure is not clear")

// span is a range of the message's octets.
type span struct{ start, end int64 }

// leaf is a part that is to be replaced.
type leaf struct {
	description
	fields []span // the header fields that describe its octets
	blank  int64  // where the empty line behind the header begins
	body   span
	// version says that the header has no MIME-Version, and needs one.
	version bool
}

// scan returns the leaves of a message with bodies of more than limit octets, in their order.
func scan(ctx context.Context, message io.WriterTo, limit int64) ([]leaf, error) {
	s := &scanner{ctx: ctx, limit: limit}
	s.begin(header{message: true})
	if _, err := message.WriteTo(s); err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	return s.found, nil
}

// scanner walks through the structure of a message as it is written to it. Of each line it sees the first maxLine octets; field values, boundaries and
// delimiters that are longer are not clear.
type scanner struct {
	ctx   context.Context
	limit int64
	found []leaf

	offset  int64  // of the line that is being read
	length  int64  // of that line so far
	pending []byte // the line's beginning, when it comes in pieces

	levels   []level // the multiparts that are open
	parts    int
	header   header // of the part that is being read
	inHeader bool
	inLeaf   bool // in a body that can be replaced
	blank    int64
	start    int64 // of that body
}

// level is an open multipart.
type level struct {
	boundary string
	depth    int
	kept     bool // it is signed or encrypted, or lies in what is
	digest   bool // its parts are messages unless they say otherwise (RFC 2046 5.1.5)
}

func (s *scanner) Write(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	n := len(p)
	for len(p) > 0 {
		if !s.inHeader && len(s.levels) == 0 { // nothing but the end can come
			s.offset += int64(len(p))
			return n, nil
		}
		i := bytes.IndexByte(p, '\n')
		piece := p[:i+1]
		if i < 0 {
			piece = p
		}
		p = p[len(piece):]
		s.length += int64(len(piece))
		if i < 0 || len(s.pending) > 0 {
			s.pending = append(s.pending, piece[:min(len(piece), maxLine-len(s.pending))]...)
			piece = s.pending
		}
		if i < 0 {
			continue
		}
		if err := s.line(piece[:min(len(piece), maxLine)]); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// end ends the message, maybe in the middle of a line.
func (s *scanner) end() error {
	if s.length > 0 {
		if err := s.line(s.pending); err != nil {
			return err
		}
	}
	s.leave(s.offset)
	return nil
}

var crlf = []byte("\r\n")

// line takes the beginning of a line that begins at offset.
func (s *scanner) line(line []byte) error {
	length := s.length
	s.pending, s.length = s.pending[:0], 0
	whole := int64(len(line)) == length
	text := bytes.TrimSuffix(line, crlf)
	delimiter, err := s.delimiter(text, whole)
	if err != nil {
		return err
	}
	if !delimiter && s.inHeader {
		if len(text) == 0 {
			err = s.headerEnd(s.offset + length)
		} else {
			s.header.line(text, whole, span{s.offset, s.offset + length})
		}
	}
	s.offset += length
	return err
}

// delimiter says whether a line is a delimiter of one of the open multiparts, and goes on to what comes after it (RFC 2046 5.1.1). A multipart
// within it that has no end ends there as well.
func (s *scanner) delimiter(text []byte, whole bool) (bool, error) {
	if len(s.levels) == 0 || !bytes.HasPrefix(text, []byte("--")) {
		return false, nil
	}
	rest, begins := text[2:], false
	for i := len(s.levels) - 1; i >= 0; i-- {
		b := s.levels[i].boundary
		if len(rest) < len(b) || string(rest[:len(b)]) != b {
			continue
		}
		switch after := string(bytes.TrimRight(rest[len(b):], " \t")); { // relays add white space
		case whole && after == "":
			s.leave(s.offset - int64(len(crlf)))
			s.levels = s.levels[:i+1]
			return true, s.part(s.levels[i])
		case whole && after == "--":
			s.leave(s.offset - int64(len(crlf)))
			s.levels = s.levels[:i]
			return true, nil
		}
		begins = true
	}
	if begins {
		return false, errUnclear
	}
	return false, nil
}

// part begins a part of a multipart.
func (s *scanner) part(in level) error {
	if s.parts++; s.parts > maxParts {
		return errUnclear
	}
	s.begin(header{depth: in.depth + 1, kept: in.kept, digest: in.digest})
	return nil
}

// begin begins the header of a part or a message.
func (s *scanner) begin(h header) {
	h.fields = s.header.fields[:0]
	for f := range h.values {
		h.values[f] = s.header.values[f][:0]
	}
	s.header, s.inHeader = h, true
}

// headerEnd decides what the part is whose header has ended. body is where its body begins.
func (s *scanner) headerEnd(body int64) error {
	s.inHeader = false
	h := &s.header
	switch h.shape() {
	case multipart:
		boundary := h.boundary()
		for _, l := range s.levels {
			if clash(l.boundary, boundary) {
				return errUnclear
			}
		}
		s.levels = append(s.levels, level{
			boundary: boundary,
			depth:    h.depth,
			kept:     h.kept || h.kind == "multipart/signed" || h.kind == "multipart/encrypted",
			digest:   h.kind == "multipart/digest",
		})
	case message:
		s.begin(header{message: true, depth: h.depth + 1, kept: h.kept})
	case single:
		s.inLeaf = !h.kept
		s.blank, s.start = s.offset, body
	}
	return nil
}

// clash says whether the delimiters of two boundaries can be the same line.
func clash(a, b string) bool {
	rest, ok := strings.CutPrefix(a, b)
	if !ok {
		rest, ok = strings.CutPrefix(b, a)
	}
	return ok && (rest == "" || rest == "--")
}

// leave ends what was being read. The line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1), so that end can lie before the start of a body
// that has nothing in it.
func (s *scanner) leave(end int64) {
	if h := &s.header; s.inLeaf && end-s.start > s.limit {
		s.found = append(s.found, leaf{
			description: h.describe(),
			fields:      slices.Clone(h.fields),
			blank:       s.blank,
			body:        span{s.start, end},
			version:     h.message && !h.versioned,
		})
	}
	s.inLeaf, s.inHeader = false, false
}
