package mbox

import (
	"bytes"
	"context"
	"io"
	"iter"
	"strconv"
)

// ScanOptions say how a file is taken apart. The zero value lets the file tell.
type ScanOptions struct {
	Variant Variant
	// Start is where to begin: the Offset of a part of an earlier scan.
	Start int64
}

// Scan takes a file apart. An error ends it; a file that is not an mbox is ErrNotMbox, an empty one has no parts. What r holds must not
// change meanwhile; a file that is cut short is io.ErrUnexpectedEOF.
func Scan(ctx context.Context, r io.ReaderAt, size int64, o ScanOptions) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		if o.Variant == Auto {
			kind, err := Detect(r, size)
			if err != nil {
				yield(Part{}, err)
				return
			}
			o.Variant = kind.reading()
		}
		s := scanner{ctx: ctx, w: window{r: r, size: size}, variant: o.Variant, pos: o.Start}
		s.all()(yield)
	}
}

const (
	maxHeader = 64 << 10
	// ahead is how far a From_ line and the beginning of the header after it are looked at.
	ahead = 8 << 10
	// maxKept bounds Part.Kept.
	maxKept = 16
)

// scanner is one pass over a file.
type scanner struct {
	ctx     context.Context
	w       window
	variant Variant
	pos     int64 // all before it is dealt with
	stop    int64 // nothing is looked for after it; 0 is no bound
	junk    bool  // there is text before the first From_ line

	part     Part // its end is not known yet
	header   []byte
	envelope bool  // it has a From_ line
	body     int64 // where the part's body begins, or the part itself where its header has no end
	until    int64 // the part's end by a Content-Length that holds, with the From_ line at next; 0 when there is none
	next     int64
	bare     bool // a From_ line that is not quoted stands before until
}

// mark is a place where a message begins.
type mark struct {
	offset, start int64
	line          fromLine
	doubt         doubt
	cr            bool
	envelope      bool // there is a From_ line, not only a line of MMDF
}

func (s *scanner) run(yield func(Part, error) bool) error {
	m, found, err := s.begin()
	for err == nil && found {
		if err = s.begun(m); err != nil {
			break
		}
		if m, found, err = s.find(); err != nil {
			break
		}
		end := m.offset
		if !found {
			end = s.w.size
		}
		var ok bool
		if ok, err = s.emit(end, yield); !ok {
			return err
		}
	}
	return err
}

// begin finds the first message. What stands before it is white space, a byte order mark, or junk; or it is a message that has lost its
// From_ line.
func (s *scanner) begin() (mark, bool, error) {
	b, err := s.w.from(s.pos, windowSize)
	if err != nil || len(b) == 0 {
		return mark{}, false, err
	}
	rest := skipBlank(b)
	s.pos += int64(len(b) - len(rest))
	if len(rest) == 0 && s.pos == s.w.size {
		return mark{}, false, nil
	}
	cr := endsInCR(rest[:min(len(rest), ahead)])
	if s.variant != MMDF {
		if bytes.HasPrefix(rest, from) {
			return s.markAt(s.pos, rest), true, nil
		}
		if h := lookAtHeader(rest[:min(len(rest), ahead)], cr); h.fields >= 2 && h.known >= 1 {
			return mark{offset: s.pos, start: s.pos, doubt: noFromLine, cr: cr}, true, nil
		}
	}
	at := s.pos
	m, found, err := s.find()
	s.junk = m.offset > at
	if err == nil && (!found || m.doubt != 0) {
		err = ErrNotMbox
	}
	return m, found, err
}

// skipBlank passes over a byte order mark, white space and NULs.
func skipBlank(b []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n\x00")
}

// find returns the next place where a message begins.
func (s *scanner) find() (mark, bool, error) {
	needle := from
	if s.variant == MMDF {
		needle = mmdfLine
	}
	for {
		b, err := s.w.from(s.pos, min(ahead, s.w.size-s.pos))
		if err != nil {
			return mark{}, false, err
		}
		i := bytes.Index(b, needle)
		if i < 0 {
			end := s.pos + int64(len(b))
			if end == s.w.size || s.stop > 0 && s.pos > s.stop {
				return mark{}, false, nil
			}
			if s.ctx.Err() != nil {
				return mark{}, false, context.Cause(s.ctx)
			}
			s.pos = max(s.pos, end-int64(len(needle))+1)
			if _, err := s.w.from(s.pos, windowSize/2); err != nil {
				return mark{}, false, err
			}
			continue
		}
		at := s.pos + int64(i)
		s.pos = at + int64(len(needle))
		if i > 0 && b[i-1] != '\n' && b[i-1] != '\r' {
			continue
		}
		if m, ok, err := s.weigh(at); ok || err != nil {
			return m, ok, err
		}
	}
}

// weigh looks at a "From " or at four ^A in a file.
func (s *scanner) weigh(at int64) (mark, bool, error) {
	b, err := s.w.from(at, ahead)
	if err != nil {
		return mark{}, false, err
	}
	before := s.w.before(at)
	if n := len(before); n > 0 && before[n-1] != '\n' && before[n-1] != '\r' {
		return mark{}, false, nil
	}
	if s.variant == MMDF {
		line, _ := cutLine(b[:min(len(b), ahead)], endsInCR(b[:min(len(b), 8)]))
		return s.markAt(at, b), len(line) == len(mmdfLine), nil
	}
	if s.until > 0 && at == s.next {
		return s.markAt(at, b), true, nil
	}
	s.bare = s.bare || at < s.until
	e := weighLine(b, before)
	v := e.judge()
	if v.split && at >= s.until {
		m := s.markAt(at, b)
		if v.doubtful {
			m.doubt |= e.lacks()
		}
		return m, true, nil
	}
	if (v.split || v.doubtful) && len(s.part.Kept) < maxKept {
		s.part.Kept = append(s.part.Kept, at)
	}
	return mark{}, false, nil
}

// weighLine gathers the evidence for the From_ line that b begins with.
func weighLine(b, before []byte) evidence {
	b = b[:min(len(b), ahead)]
	cr := endsInCR(b)
	line, rest := cutLine(b, cr)
	_, blank := emptyLine(before)
	return evidence{blank: blank, line: parseFromLine(line), look: lookAtHeader(rest, cr)}
}

// markAt is a mark at the separator that b begins with, and at the lines of the same kind that follow it. whole says that b reaches to the
// end of the file.
func (s *scanner) markAt(at int64, b []byte) mark {
	b = b[:min(len(b), ahead)]
	whole := at+int64(len(b)) == s.w.size
	m := mark{offset: at, start: at, cr: endsInCR(b)}
	for first := true; ; first = false {
		line, rest := cutLine(b, m.cr)
		f := parseFromLine(bytes.TrimPrefix(line, []byte(">")))
		if len(rest) == 0 && !whole {
			if first {
				m.doubt |= noFromLine // it has no end in sight
			}
			return m
		}
		switch {
		case first && s.variant == MMDF:
		case first:
			m.line = f
		case bytes.HasPrefix(line, from) && (s.variant == MMDF || f.shape == shapeDated):
			m.line = f
		case bytes.HasPrefix(line, quotedFrom) && f.shape != shapeText:
		default:
			return m
		}
		m.envelope = !first || s.variant != MMDF
		m.start += int64(len(b) - len(rest))
		b = rest
	}
}

// begun opens the part that begins at m.
func (s *scanner) begun(m mark) error {
	s.part = Part{Offset: m.offset, Start: m.start, Sender: m.line.sender, Date: m.line.date, Variant: s.variant, CR: m.cr, doubt: m.doubt}
	if s.junk {
		s.part.doubt |= junkBefore
		s.junk = false
	}
	s.envelope = m.envelope
	s.pos = max(m.start, m.offset+1)
	if err := s.readHeader(); err != nil {
		return err
	}
	s.until, s.next, s.bare = 0, 0, false
	if s.variant == CL || s.variant == CL2 {
		return s.measure()
	}
	return nil
}

// readHeader copies the header block, which ends at an empty line, at a "From ", at the end of the file, or at 64 KiB.
func (s *scanner) readHeader() error {
	start := s.part.Start
	s.header, s.body = s.header[:0], start
	for _, want := range []int64{ahead, maxHeader} {
		b, err := s.w.from(start, want)
		if err != nil {
			return err
		}
		b = b[:min(len(b), maxHeader)]
		n, body := headerEnd(b, s.part.CR)
		if body == 0 && want < maxHeader && int64(len(b)) < min(maxHeader, s.w.size-start) {
			continue
		}
		s.header = append(s.header, b[:n]...)
		s.body = start + int64(body)
		return nil
	}
	return nil
}

// headerEnd returns the length of the header block that b begins with, and where its body begins; 0 when there is no empty line.
func headerEnd(b []byte, cr bool) (n, body int) {
	for rest := b; len(rest) > 0; {
		at := len(b) - len(rest)
		line, next := cutLine(rest, cr)
		if len(line) == 0 {
			return at, len(b) - len(next)
		}
		if bytes.HasPrefix(line, from) || bytes.HasPrefix(line, mmdfLine) {
			return at, 0
		}
		rest = next
	}
	return len(b), 0
}

// measure believes a Content-Length that leads to a From_ line or to the end of the file.
func (s *scanner) measure() error {
	value, ok := HeaderField(s.header, "Content-Length")
	length, err := strconv.ParseInt(string(value), 10, 64)
	if !ok || err != nil || length < 0 || s.body <= s.part.Start || length > s.w.size-s.body {
		return nil
	}
	end := s.body + length
	b := make([]byte, min(maxFromLine, s.w.size-end))
	if err := readAt(s.w.r, b, end); err != nil {
		return err
	}
	for range 2 {
		if len(b) == 0 {
			s.until, s.next = s.body+length, s.w.size
			return nil
		}
		if line, _ := cutLine(b, s.part.CR); bytes.HasPrefix(line, from) && parseFromLine(line).shape != shapeText {
			s.until, s.next = s.body+length, end
			return nil
		}
		line, rest := cutLine(b, s.part.CR)
		if len(line) > 0 {
			return nil
		}
		end += int64(len(b) - len(rest))
		b = rest
	}
	return nil
}

// emit yields the open part, which ends before the separator at end. It returns false when no more is wanted.
func (s *scanner) emit(end int64, yield func(Part, error) bool) (bool, error) {
	if _, err := s.w.from(end, 0); err != nil {
		return false, err
	}
	p, before := &s.part, s.w.before(end)
	p.End, p.Header = end, s.header
	if s.variant == MMDF {
		if p.Len() == 0 && !s.envelope {
			s.junk = p.doubt&junkBefore != 0
			return true, nil // between the line that ends a message and the one that begins the next
		}
	} else if n, blank := emptyLine(before); s.until > 0 && end == s.next {
		p.End = s.until
	} else if blank && end-int64(n) >= s.body {
		p.End = end - int64(n)
	}
	if n := p.Len(); n < 4 && len(bytes.Trim(before[len(before)-int(n):], "\r\n")) == 0 {
		p.doubt |= noMessage
	}
	p.Doubtful = p.doubt.String()
	return yield(*p, nil), nil
}

// emptyLine says whether the last line of b is empty, and how long its line end is.
func emptyLine(b []byte) (n int, ok bool) {
	i := len(b)
	switch {
	case i == 0:
		return 0, true
	case b[i-1] == '\n':
		for i--; i > 0 && b[i-1] == '\r'; i-- {
		}
	case b[i-1] == '\r':
		i--
	default:
		return 0, false
	}
	return len(b) - i, i == 0 || b[i-1] == '\n' || b[i-1] == '\r'
}
