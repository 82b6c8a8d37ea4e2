package mbox

import (
	"context"

	"poplift/sources/filestore"
)

// listing is one file on its way into a List.
type listing struct {
	store  *Store
	file   *file
	yield  func(*record) bool
	count  int // doubts, all of them
	doubts []filestore.Doubt
	pseudo int
	n      int // messages

	declared []string // keywords, by the messages so far
}

// maxFileDoubts bounds what is kept of one file's doubts.
const maxFileDoubts = 1000

func (l *listing) run(ctx context.Context) error {
	f := l.file
	st, err := f.stat()
	if err != nil {
		return err
	}
	s := rescan{
		index:  l.store.indexPath(f, st.size),
		stat:   func() (stamp, error) { return st, nil },
		open:   func() (*source, error) { return f.open(ctx, &l.store.spool) },
		detect: l.detect,
		packed: f.unpack != nil,
		note: func(n Note, p Part) Note {
			var r record
			r, l.declared = newRecord(p, l.declared)
			return r.note(n)
		},
		begun: func(st stamp, v Variant) {
			f.seen, f.variant = st, v
			l.store.register(f)
		},
	}
	kept, err := s.run(ctx, l.take)
	if kept != nil {
		l.store.log.Info("mbox: no index is kept", "file", f.place(), "err", kept)
	}
	return err
}

// indexPath is where the index of a file is kept; "" when there is none.
func (s *Store) indexPath(f *file, size int64) string {
	c := s.cache
	switch {
	case f.once:
		return ""
	case f.unpack != nil:
		c.least = 1 // it is more than its size on disk to read it again
	}
	member := f.rel + "\x00" + s.variant.String()
	if f.loose {
		member += "\x00loose"
	}
	return c.path(f.path, member, size)
}

func (l *listing) detect(src *source) (v Variant, err error) {
	if v = l.store.variant; v == Auto {
		v, err = detect(src)
	}
	if l.file.loose {
		v = CL2
	}
	return v, err
}

// take hands a message on.
func (l *listing) take(p Part, n Note) bool {
	l.n++
	r := recordOf(p, n)
	if len(l.declared) == 0 {
		l.declared = r.declares
	}
	l.doubtful(&r)
	switch {
	case r.marks&isPseudo != 0 && l.n == 1:
		l.pseudo++
	case r.doubt&noMessage != 0: // there is nothing to hand on
	default:
		return l.yield(&r)
	}
	return true
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
