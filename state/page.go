package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// bbolt maps its file into memory and trusts it: a page beyond the end of a truncated file kills the process, a wrong count in a page
// header loops for ever or reads what isn't there. So the whole tree is walked here first, with plain reads and every bound checked, in
// memory that does not grow with the file but for one bit a page.
//
// The format (bbolt's internal/common) is in the machine's own octet order: a page header of 16 octets (id 8, flags 2, count 2, overflow
// 4), then 16 octets an element, then the elements' octets in the same order without gaps.
const (
	pageHeader  = 16
	pageElement = 16
	pageBranch  = 0x01
	pageLeaf    = 0x02
	pageFree    = 0x10
	leafBucket  = 0x01 // an element that is a bucket: root page 8, sequence 8, and when root is 0 the page itself
	bucketSize  = 16
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	maxDepth    = 32
)

var native = binary.NativeEndian

// pageFile is a bbolt file being checked.
type pageFile struct {
	r        io.ReaderAt
	pageSize int64
	pages    uint64 // the high-water mark: pages in use or free are below it
	root     uint64
	tx       uint64   // the transaction that wrote last
	seen     []uint64 // one bit a page
}

// fileBucket is one bucket of the root: the page it begins at, or its octets when it is small enough to lie inside its parent.
type fileBucket struct {
	name   string
	root   uint64
	inline []byte
}

// damagef makes an error of something that bbolt never writes.
func damagef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// openPages reads the newer of the two meta pages that is whole, the free list, and the root's list of buckets.
func openPages(r io.ReaderAt, size int64) (*pageFile, []fileBucket, error) {
	meta, pageSize, err := readMeta(r, size)
	if err != nil {
		return nil, nil, err
	}
	f := &pageFile{r: r, pageSize: pageSize}
	f.root, f.pages, f.tx = native.Uint64(meta[16:]), native.Uint64(meta[40:]), native.Uint64(meta[48:])
	if f.pages < 3 || f.pages > uint64(size/pageSize) {
		return nil, nil, damagef("%d pages in a file of %d octets", f.pages, size)
	}
	f.seen = make([]uint64, (f.pages+63)/64)
	f.seen[0] = 3 // the two meta pages
	if err := f.freeList(native.Uint64(meta[32:])); err != nil {
		return nil, nil, err
	}
	var buckets []fileBucket
	err = f.walk(f.root, func(flags uint32, key, value []byte) error {
		if flags != leafBucket || len(value) < bucketSize {
			return damagef("the root holds something that is no bucket")
		}
		b := fileBucket{name: string(key), root: native.Uint64(value)}
		if b.root == 0 {
			b.inline = bytes.Clone(value[bucketSize:])
		}
		buckets = append(buckets, b)
		return nil
	})
	return f, buckets, err
}

// readMeta returns the newest valid meta page's octets behind the page header, and the page size.
func readMeta(r io.ReaderAt, size int64) (meta []byte, pageSize int64, err error) {
	at := func(off int64) []byte {
		buf := make([]byte, pageHeader+64)
		if _, err := r.ReadAt(buf, off); err != nil {
			return nil
		}
		m := buf[pageHeader:]
		sum := fnv.New64a()
		sum.Write(m[:56])
		if native.Uint32(m) != metaMagic || native.Uint32(m[4:]) != metaVersion || native.Uint64(m[56:]) != sum.Sum64() {
			return nil
		}
		return m
	}
	first := at(0)
	if first != nil {
		pageSize = int64(native.Uint32(first[8:]))
	}
	var second []byte
	for try := int64(1024); try <= 16<<20 && try < size; try *= 2 { // bbolt looks for it the same way
		if pageSize != 0 && try != pageSize {
			continue
		}
		if m := at(try); m != nil && int64(native.Uint32(m[8:])) == try {
			second, pageSize = m, try
			break
		}
	}
	switch {
	case first == nil && second == nil:
		return nil, 0, damagef("both meta pages are broken")
	case pageSize < 1024 || pageSize&(pageSize-1) != 0:
		return nil, 0, damagef("a page size of %d", pageSize)
	case second == nil, first != nil && native.Uint64(first[48:]) > native.Uint64(second[48:]):
		return first, pageSize, nil
	}
	return second, pageSize, nil
}

// mark notes that a page is accounted for; a second time is a knot in the tree.
func (f *pageFile) mark(id uint64) error {
	if id >= f.pages {
		return damagef("page %d of %d", id, f.pages)
	}
	if f.seen[id/64]&(1<<(id%64)) != 0 {
		return damagef("page %d is used twice", id)
	}
	f.seen[id/64] |= 1 << (id % 64)
	return nil
}

// page reads a page with its overflow, into buf if it is large enough, and accounts for it.
func (f *pageFile) page(id uint64, buf []byte) ([]byte, error) {
	if id >= f.pages {
		return nil, damagef("page %d of %d", id, f.pages)
	}
	buf = slices.Grow(buf[:0], int(f.pageSize))[:f.pageSize]
	if _, err := f.r.ReadAt(buf, int64(id)*f.pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	more := uint64(native.Uint32(buf[12:]))
	if native.Uint64(buf) != id || more >= f.pages-id {
		return nil, damagef("page %d has another page's header", id)
	}
	for i := range more + 1 {
		if err := f.mark(id + i); err != nil {
			return nil, err
		}
	}
	if more > 0 {
		buf = slices.Grow(buf, int(int64(more)*f.pageSize))[:int64(more+1)*f.pageSize]
		if _, err := f.r.ReadAt(buf, int64(id)*f.pageSize); err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
	}
	return buf, nil
}

func (f *pageFile) freeList(id uint64) error {
	buf, err := f.page(id, nil)
	if err != nil {
		return err
	}
	count, ids := uint64(native.Uint16(buf[10:])), buf[pageHeader:]
	if count == 0xFFFF { // too many for the header: the first element is the count
		count, ids = native.Uint64(ids), ids[8:]
	}
	if native.Uint16(buf[8:]) != pageFree || count > uint64(len(ids)/8) {
		return damagef("page %d is no free list", id)
	}
	for i := range count {
		if err := f.mark(native.Uint64(ids[8*i:])); err != nil {
			return err
		}
	}
	return nil
}

// complete says whether every page was accounted for, so that none of a tree's branches has gone missing.
func (f *pageFile) complete() error {
	for id := range f.pages {
		if f.seen[id/64]&(1<<(id%64)) == 0 {
			return damagef("page %d belongs to nothing", id)
		}
	}
	return nil
}

// walkBucket yields a bucket's elements in order.
func (f *pageFile) walkBucket(b fileBucket, yield func(flags uint32, key, value []byte) error) error {
	w := walker{file: f, yield: yield}
	if b.root == 0 {
		if len(b.inline) < pageHeader || native.Uint16(b.inline[8:]) != pageLeaf {
			return damagef("bucket %q has no page", b.name)
		}
		return w.leaf(b.inline)
	}
	return w.page(b.root, 0)
}

func (f *pageFile) walk(root uint64, yield func(flags uint32, key, value []byte) error) error {
	return (&walker{file: f, yield: yield}).page(root, 0)
}

// walker goes through one tree.
type walker struct {
	file  *pageFile
	yield func(flags uint32, key, value []byte) error
	pages [maxDepth + 1][]byte // one of each level
	last  []byte               // the last key seen: keys only grow, across pages too
	any   bool
}

func (w *walker) page(id uint64, depth int) error {
	if depth > maxDepth {
		return damagef("a tree of more than %d levels", maxDepth)
	}
	buf, err := w.file.page(id, w.pages[depth])
	if err != nil {
		return err
	}
	w.pages[depth] = buf
	switch native.Uint16(buf[8:]) {
	case pageLeaf:
		return w.leaf(buf)
	case pageBranch:
		return w.branch(buf, depth)
	}
	return damagef("page %d is of no kind that belongs into a tree", id)
}

// branch elements are pos 4, ksize 4, page 8.
func (w *walker) branch(buf []byte, depth int) error {
	n := int(native.Uint16(buf[10:]))
	off := uint64(pageHeader + n*pageElement)
	if n == 0 || off > uint64(len(buf)) {
		return damagef("a branch of %d elements", n)
	}
	for i := range n {
		at := uint64(pageHeader + i*pageElement)
		pos, ksize, child := native.Uint32(buf[at:]), uint64(native.Uint32(buf[at+4:])), native.Uint64(buf[at+8:])
		if at+uint64(pos) != off || off+ksize > uint64(len(buf)) {
			return damagef("a branch element out of its place")
		}
		key := buf[off : off+ksize]
		off += ksize
		if err := w.order(key, i == 0); err != nil {
			return err
		}
		if err := w.page(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf elements are flags 4, pos 4, ksize 4, vsize 4.
func (w *walker) leaf(buf []byte) error {
	n := int(native.Uint16(buf[10:]))
	off := uint64(pageHeader + n*pageElement)
	if off > uint64(len(buf)) {
		return damagef("a leaf of %d elements", n)
	}
	for i := range n {
		at := uint64(pageHeader + i*pageElement)
		flags, pos := native.Uint32(buf[at:]), native.Uint32(buf[at+4:])
		ksize, vsize := uint64(native.Uint32(buf[at+8:])), uint64(native.Uint32(buf[at+12:]))
		if at+uint64(pos) != off || off+ksize+vsize > uint64(len(buf)) {
			return damagef("a leaf element out of its place")
		}
		key, value := buf[off:off+ksize], buf[off+ksize:off+ksize+vsize]
		off += ksize + vsize
		if err := w.order(key, i == 0); err != nil {
			return err
		}
		if err := w.yield(flags, key, value); err != nil {
			return err
		}
	}
	return nil
}

// order checks that keys grow. A branch's key is also the first key of its child, so the first of a page may equal the last one seen.
func (w *walker) order(key []byte, first bool) error {
	c := bytes.Compare(w.last, key)
	if len(key) == 0 || w.any && (c > 0 || c == 0 && !first) {
		return damagef("keys out of order")
	}
	w.any = true
	w.last = append(w.last[:0], key...)
	return nil
}
