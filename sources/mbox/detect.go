package mbox

import (
	"bytes"
	"context"
	"io"
	"iter"
)

// Kind is what a file says of itself.
type Kind struct {
	// Variant is never Auto. A file without any ">>From " is O as far as that goes, and the same as RD.
	Variant Variant
	// LineEnd is "\n", "\r\n" or "\r", whichever the first lines have.
	LineEnd string
}

// reading is the variant to take a file for. Where nothing tells more than O, the part of it that wasn't looked at may tell RD, and in a file
// without ">>From " they are the same.
func (k Kind) reading() Variant {
	if k.Variant == O {
		return RD
	}
	return k.Variant
}

// sample is how much of a file Detect looks at.
const sample = 1 << 20

// Detect tells the variant of a file from its first MiB. It is CL or CL2 when more of the Content-Length fields there hold than don't, and
// CL2 when a message that ends by one has a From_ line in it that isn't quoted.
func Detect(r io.ReaderAt, size int64) (Kind, error) {
	head := make([]byte, min(sample, size))
	if err := readAt(r, head, 0); err != nil {
		return Kind{}, err
	}
	k := Kind{Variant: O, LineEnd: "\n"}
	rest := skipBlank(head)
	switch i := bytes.IndexAny(rest, "\r\n"); {
	case endsInCR(rest[:min(len(rest), ahead)]):
		k.LineEnd = "\r"
	case i >= 0 && rest[i] == '\r':
		k.LineEnd = "\r\n"
	}
	if line, _ := cutLine(rest[:min(len(rest), ahead)], k.LineEnd == "\r"); bytes.Equal(line, mmdfLine) {
		k.Variant = MMDF
		return k, nil
	}
	if v := byLength(r, size, int64(len(head))); v != Auto {
		k.Variant = v
	} else if quotesQuotes(head) {
		k.Variant = RD
	}
	return k, nil
}

// byLength is CL or CL2, or else Auto.
func byLength(r io.ReaderAt, size, limit int64) Variant {
	s := scanner{ctx: context.Background(), w: window{r: r, size: size}, variant: CL, stop: limit}
	hold, lie, unquoted := 0, 0, 0
	for p, err := range s.all() {
		if err != nil || p.Offset >= limit {
			break
		}
		if _, ok := HeaderField(p.Header, "Content-Length"); !ok {
			continue
		}
		if s.until == 0 {
			lie++
			continue
		}
		hold++
		if s.bare {
			unquoted++
		}
	}
	switch {
	case hold <= lie:
		return Auto
	case unquoted > 0:
		return CL2
	}
	return CL
}

func (s *scanner) all() iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		if err := s.run(yield); err != nil {
			yield(Part{}, err)
		}
	}
}

// quotesQuotes says whether a line begins with ">>From ", which only RD writes.
func quotesQuotes(b []byte) bool {
	needle := []byte(">>From ")
	for {
		i := bytes.Index(b, needle)
		if i < 0 {
			return false
		}
		start := bytes.TrimRight(b[:i], ">")
		if len(start) > 0 && (start[len(start)-1] == '\n' || start[len(start)-1] == '\r') {
			return true
		}
		b = b[i+len(needle):]
	}
}

// Sniff says whether a file that begins with head is an mbox: its first line is a From_ line, or one of MMDF. Files of mail that have text
// before that are not told from other files; Scan reads them all the same.
func Sniff(head []byte) bool {
	b := skipBlank(head)
	b = b[:min(len(b), ahead)]
	if line, _ := cutLine(b, endsInCR(b)); bytes.Equal(line, mmdfLine) {
		return true
	}
	return bytes.HasPrefix(b, from) && weighLine(b, nil).judge().split
}
