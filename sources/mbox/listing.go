package mbox

import (
	"context"
	"errors"
	"fmt"
	"io"

	"poplift/sources/filestore"
)

// listing is one file on its way into a List: from the index what the file still is, from the file what has come since.
type listing struct {
	store  *Store
	file   *file
	yield  func(*record) bool
	ended  bool // no more is wanted
	index  *indexWriter
	src    *source
	count  int // doubts, all of them
	doubts []filestore.Doubt
	pseudo int
	n      int // records

	declared []string
}

// maxFileDoubts bounds what is kept of one file's doubts.
const maxFileDoubts = 1000

func (l *listing) run(ctx context.Context) error {
	f := l.file
	if done, err := l.unchanged(); done || err != nil {
		return err
	}
	src, err := f.open(ctx, &l.store.spool)
	if err != nil {
		return err
	}
	defer src.Close()
	l.src, f.seen = src, src.stamp
	l.index = newIndexWriter(l.store.indexPath(f, src.size))
	defer l.index.discard()
	start, err := l.grown()
	if err != nil || l.ended {
		return err
	}
	if start == 0 {
		if err := l.detect(); err != nil {
			return scanError(err)
		}
	}
	r := contextReader{ctx, src.ReaderAt}
	for p, err := range Scan(ctx, r, src.size, ScanOptions{Variant: f.variant, Start: start}) {
		if err != nil {
			return scanError(err)
		}
		var rec record
		rec, l.declared = newRecord(p, l.declared)
		if l.take(&rec); l.ended {
			return nil
		}
	}
	return l.finish()
}

// scanError is a file that was cut while it was read, or what went wrong.
func scanError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w (%w)", filestore.ErrChanged, err)
	}
	return err
}

func (l *listing) detect() error {
	f := l.file
	if f.variant = l.store.variant; f.variant == Auto {
		kind, err := Detect(l.src.ReaderAt, l.src.size)
		if err != nil {
			return err
		}
		f.variant = kind.reading()
	}
	if f.loose {
		f.variant = CL2
	}
	l.store.register(f)
	return nil
}

// take hands a record on, and writes it down.
func (l *listing) take(r *record) {
	l.n++
	l.index.add(r)
	l.doubtful(r)
	switch {
	case r.marks&isPseudo != 0 && l.n == 1:
		l.pseudo++
	case r.doubt&noMessage != 0: // there is nothing to hand on
	default:
		l.ended = !l.yield(r)
	}
}

func (l *listing) doubtful(r *record) {
	if r.doubt != 0 {
		l.doubt(r.offset, r.doubt.String())
	}
	for _, at := range r.kept {
		l.doubt(at, keptText)
	}
}

func (l *listing) doubt(offset int64, text string) {
	if l.count++; len(l.doubts) < maxFileDoubts {
		l.doubts = append(l.doubts, filestore.Doubt{File: l.file.rel, Offset: offset, Text: text})
	}
}

// unchanged lists the file from the index alone, when it is what the index is of.
func (l *listing) unchanged() (done bool, err error) {
	f := l.file
	st, err := f.stat()
	if err != nil {
		return false, err
	}
	x := openIndex(l.store.indexPath(f, st.size))
	if x == nil {
		return false, nil
	}
	defer x.Close()
	if x.of != st || !x.settled() {
		return false, nil
	}
	f.seen, f.variant = st, x.variant
	l.store.register(f)
	for r := range x.records() {
		if l.take(&r); l.ended {
			break
		}
	}
	return true, nil
}

// grown hands on what the index has of a file that was appended to, and returns where the rest begins: at the last message, which may have
// been cut when it was scanned. It is 0 when the file must be scanned anew. A client may have changed flags in place and then appended, so
// a few hundred headers are compared, the last ones first of all.
func (l *listing) grown() (start int64, err error) {
	if l.file.unpack != nil {
		return 0, nil
	}
	x := openIndex(l.store.indexPath(l.file, l.src.size))
	if x == nil {
		return 0, nil
	}
	defer x.Close()
	if x.count == 0 || x.of.inode != l.file.seen.inode || x.of.size >= l.src.size || !x.same(l.src.ReaderAt) {
		return 0, nil
	}
	l.file.variant, l.declared = x.variant, x.declared
	l.store.register(l.file)
	left := x.count
	for r := range x.records() {
		if left--; left == 0 {
			return r.offset, nil
		}
		if l.take(&r); l.ended {
			return 0, nil
		}
	}
	return 0, nil
}

// finish keeps the index, unless the file was written to meanwhile.
func (l *listing) finish() error {
	f := l.file
	after, err := l.src.now()
	if err != nil || after != f.seen {
		l.store.log.Info("mbox: the file was written to while it was listed", "file", f.place())
		return nil
	}
	if err := l.index.finish(f, l.declared, l.src); err != nil {
		l.store.log.Info("mbox: no index is kept", "file", f.place(), "err", err)
	}
	return nil
}
