package mbox

import (
	"context"
	"errors"
	"fmt"
	"io"

	"poplift/sources/filestore"
)

// rescan is a scan of a file of which an index may know a part already, or all.
type rescan struct {
	// index is the path of the index; "" is none.
	index string
	// stat is what the file is now, open opens it.
	stat func() (stamp, error)
	open func() (*source, error)
	// detect is the variant of a file that the index doesn't know.
	detect func(*source) (Variant, error)
	// packed says that the file is compressed, and none that anything is appended to.
	packed bool
	note   func(Note, Part) Note
	// begun, which may be nil, is told what is scanned before the first message.
	begun func(stamp, Variant)
}

// run yields what is in the file. The header is only there for note, and a note is good until the next message. kept is why no index could be
// kept, or nil.
func (s *rescan) run(ctx context.Context, yield func(Part, Note) bool) (kept, err error) {
	if done, err := s.unchanged(yield); done || err != nil {
		return nil, err
	}
	src, err := s.open()
	if err != nil {
		return nil, err
	}
	defer src.Close()
	w := newIndexWriter(s.index)
	defer w.discard()
	at, v, more, err := s.leading(src, w, yield)
	if err != nil || !more {
		return nil, scanError(err)
	}
	if v == Auto {
		if v, err = s.detect(src); err != nil {
			return nil, scanError(err)
		}
		s.begin(src.stamp, v)
	}
	var note Note
	for p, err := range Scan(ctx, contextReader{ctx, src.ReaderAt}, src.size, ScanOptions{Variant: v, Start: at}) {
		if err != nil {
			return nil, scanError(err)
		}
		note = s.note(note[:0], p)
		found := spotOf(p, note)
		found.Header = nil
		if w.add(found); !yield(found.Part, note) {
			return nil, nil
		}
	}
	if after, err := src.now(); err != nil || after != src.stamp {
		return errWrittenTo, err
	}
	return w.finish(src, v), nil
}

var errWrittenTo = errors.New("the file was written to while it was listed")

// scanError is a file that was cut while it was read, or what went wrong.
func scanError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w (%w)", filestore.ErrChanged, err)
	}
	return err
}

func (s *rescan) begin(st stamp, v Variant) {
	if s.begun != nil {
		s.begun(st, v)
	}
}

// unchanged yields all from the index alone, when the file is what the index is of.
func (s *rescan) unchanged(yield func(Part, Note) bool) (done bool, err error) {
	st, err := s.stat()
	if err != nil {
		return false, err
	}
	x := openIndex(s.index)
	if x == nil {
		return false, nil
	}
	defer x.Close()
	if x.of != st || !x.settled() {
		return false, nil
	}
	s.begin(st, x.variant)
	for p := range x.spots() {
		if !yield(p.Part, p.note) {
			break
		}
	}
	return true, nil
}

// leading yields what the index has of a file that was appended to, or in which a client has changed its flags in place, and returns where the rest
// begins: at the last message, which may have been cut when it was scanned. The variant is Auto when the file must be scanned from its beginning;
// more is false when no more is wanted.
func (s *rescan) leading(src *source, w *indexWriter, yield func(Part, Note) bool) (at int64, v Variant, more bool, err error) {
	if s.packed {
		return 0, Auto, true, nil
	}
	x := openIndex(s.index)
	if x == nil {
		return 0, Auto, true, nil
	}
	defer x.Close()
	if x.count == 0 || x.of.inode != src.stamp.inode || x.of.size > src.size || !x.leads(src) {
		return 0, Auto, true, nil
	}
	s.begin(src.stamp, x.variant)
	var h headerCheck
	for p := range x.spots() {
		if p.Offset == x.last.Offset {
			break
		}
		changed, err := h.read(src, p)
		if err != nil {
			return 0, x.variant, true, err
		}
		if changed != nil {
			p.Header = changed
			p = spotOf(p.Part, s.note(nil, p.Part))
			p.Header = nil
		}
		if w.add(p); !yield(p.Part, p.note) {
			return 0, x.variant, false, nil
		}
	}
	return x.last.Offset, x.variant, true, nil
}
