package mbox

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// An index is a file of what a scan has found in one mbox, so that the mbox isn't scanned again. It is a cache: a damaged one is as good as none.
//
//	magic
//	spots: a 1 and then the spot, see spot.encode
//	a 0 and then the trailer: what the spots are of, see indexWriter.finish
//	CRC-64 of all that
const (
	indexMagic = "poplift mbox index 2\n"
	maxIndex   = 1 << 30
	maxTrailer = 16 << 10
	maxNote    = 256 << 10 // of one message
	tailSize   = 4 << 10
)

// checksum is CRC-64: the index is not defended against anybody who can write to it.
func checksum() hash.Hash64 { return crc64.New(crc64.MakeTable(crc64.ECMA)) }

// indexWriter writes an index beside the one that is there. After an error it does nothing: the mbox is listed all the same. A nil one is for
// stores without a cache.
type indexWriter struct {
	path  string
	f     *os.File
	w     *bufio.Writer
	sum   hash.Hash64
	buf   []byte
	size  int64
	count int
	last  spot
	begun int64 // the time by the clock of the cache's file system when the scan began
	err   error
}

func newIndexWriter(path string) *indexWriter {
	if path == "" {
		return nil
	}
	x := &indexWriter{path: path, sum: checksum()}
	if x.err = os.MkdirAll(filepath.Dir(path), 0o700); x.err != nil {
		return x
	}
	if x.f, x.err = os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600); x.err != nil {
		return x
	}
	x.w = bufio.NewWriterSize(io.MultiWriter(x.f, x.sum), 64<<10)
	x.write([]byte(indexMagic))
	x.err = errors.Join(x.err, x.w.Flush())
	if info, err := x.f.Stat(); err == nil {
		x.begun = info.ModTime().UnixNano()
	}
	return x
}

func (x *indexWriter) write(b []byte) {
	if x.err != nil {
		return
	}
	if x.size += int64(len(b)); x.size > maxIndex {
		x.err = errors.New("it would be too large")
		return
	}
	_, x.err = x.w.Write(b)
}

func (x *indexWriter) add(p spot) {
	if x == nil || x.err != nil {
		return
	}
	if len(p.note) > maxNote {
		x.err = errors.New("a note is too long")
		return
	}
	x.count++
	x.buf = p.encode(append(x.buf[:0], 1), x.last.End)
	x.last = p
	x.write(x.buf)
}

// finish writes the trailer and puts the index in its place.
func (x *indexWriter) finish(src *source, v Variant) error {
	if x == nil {
		return nil
	}
	tail, err := tailOf(src.ReaderAt, x.last, src.size)
	if x.err = errors.Join(x.err, err); x.err != nil {
		return x.err
	}
	b := append(x.buf[:0], 0)
	for _, n := range []int64{
		src.stamp.size, src.stamp.mtime, int64(src.stamp.inode), x.begun, src.size, int64(x.count), int64(v),
	} {
		b = binary.AppendVarint(b, n)
	}
	x.write(append(b, tail[:]...))
	x.err = errors.Join(x.err, x.w.Flush())
	if x.err == nil {
		_, x.err = x.f.Write(binary.BigEndian.AppendUint64(nil, x.sum.Sum64()))
	}
	x.err = errors.Join(x.err, x.f.Close())
	x.f = nil
	if x.err == nil {
		x.err = os.Rename(x.path+".tmp", x.path)
	}
	if x.err != nil {
		os.Remove(x.path + ".tmp")
	}
	return x.err
}

// discard removes what was not finished.
func (x *indexWriter) discard() {
	if x != nil && x.f != nil {
		x.f.Close()
		os.Remove(x.path + ".tmp")
	}
}

// tailOf is over the last octets of a file, behind the header of the last message: that can change in place.
func tailOf(r io.ReaderAt, last spot, size int64) (out [16]byte, err error) {
	start := min(max(size-tailSize, last.Start+last.headerLen), size)
	b := make([]byte, size-start)
	if err := readAt(r, b, start); err != nil {
		return out, err
	}
	sum := sha256.Sum256(b)
	copy(out[:], sum[:])
	return out, nil
}

// index is an index that was found whole.
type index struct {
	f       *os.File
	of      stamp
	begun   int64
	length  int64 // of the mbox, which is not of.size when that is compressed
	count   int
	last    spot
	variant Variant
	tail    [16]byte
}

// openIndex returns the index at path, or nil when there is none that can be believed.
func openIndex(path string) *index {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	x := &index{f: f}
	if !x.intact() || !x.readAll() {
		f.Close()
		return nil
	}
	return x
}

func (x *index) Close() error { return x.f.Close() }

// intact looks at the magic and the checksum.
func (x *index) intact() bool {
	info, err := x.f.Stat()
	if err != nil || info.Size() < int64(len(indexMagic))+8 || info.Size() > maxIndex+maxTrailer {
		return false
	}
	sum := checksum()
	if _, err := io.Copy(sum, io.NewSectionReader(x.f, 0, info.Size()-8)); err != nil {
		return false
	}
	b := make([]byte, max(8, len(indexMagic)))
	if readAt(x.f, b[:8], info.Size()-8) != nil || binary.BigEndian.Uint64(b) != sum.Sum64() {
		return false
	}
	return readAt(x.f, b[:len(indexMagic)], 0) == nil && string(b[:len(indexMagic)]) == indexMagic
}

// readAll goes over the spots to the trailer, and sees that they make sense.
func (x *index) readAll() bool {
	d := x.decoder()
	n := 0
	for p, ok := d.spot(); ok; p, ok = d.spot() {
		if n++; p.Offset < 0 || p.Start < p.Offset || p.End < p.Start {
			return false
		}
		x.last = p
	}
	x.last.note = nil // it is the decoder's
	var v [7]int64
	for i := range v {
		v[i] = d.varint()
	}
	x.of = stamp{v[0], v[1], uint64(v[2])}
	x.begun, x.length, x.count, x.variant = v[3], v[4], int(v[5]), Variant(v[6])
	d.full(x.tail[:])
	return d.err == nil && x.count == n && d.last <= x.length && x.variant > Auto && x.variant <= MMDF
}

func (x *index) decoder() *decoder {
	return &decoder{r: bufio.NewReaderSize(io.NewSectionReader(x.f, int64(len(indexMagic)), maxIndex+maxTrailer), 64<<10)}
}

// spots yields what was written; it was all read once by openIndex. A note is good until the next spot.
func (x *index) spots() iter.Seq[spot] {
	return func(yield func(spot) bool) {
		d := x.decoder()
		for p, ok := d.spot(); ok; p, ok = d.spot() {
			if p.Variant = x.variant; !yield(p) {
				return
			}
		}
	}
}

// settled says that the mbox had been left alone when it was scanned, for so long that a change after that has another time. Some file
// systems count in seconds or two of them, the others in ticks of the clock.
func (x *index) settled() bool {
	tick := 50 * time.Millisecond
	if x.of.mtime%int64(time.Second) == 0 {
		tick = 2 * time.Second
	}
	return x.of.mtime+int64(tick) <= x.begun
}

// leads says whether r still begins with what was indexed: the messages under their headers, in which a client may have changed its flags in place,
// and the end. Their bodies aren't read; Read looks at each message again.
func (x *index) leads(r io.ReaderAt) bool {
	if tail, err := tailOf(r, x.last, x.length); err != nil || tail != x.tail {
		return false
	}
	var h headerCheck
	for p := range x.spots() {
		if header, err := h.read(r, p); err != nil || header != nil && !h.sameShape(r, p) {
			return false
		}
	}
	return true
}

// headerCheck compares headers in a file with those that were indexed. It keeps its memory.
type headerCheck struct{ buf []byte }

// read returns the header of p if it is another one now, and nil if it is the same.
func (h *headerCheck) read(r io.ReaderAt, p spot) ([]byte, error) {
	if h.buf == nil {
		h.buf = make([]byte, maxHeader)
	}
	b := h.buf[:p.headerLen]
	if err := readAt(r, b, p.Start); err != nil || crc32.ChecksumIEEE(b) == p.headerSum {
		return nil, err
	}
	return b, nil
}

// sameShape says whether a header that was changed still ends where it did.
func (h *headerCheck) sameShape(r io.ReaderAt, p spot) bool {
	b := h.buf[:min(p.headerLen+4, maxHeader, p.Len())]
	if readAt(r, b, p.Start) != nil {
		return false
	}
	n, _ := headerEnd(b, p.CR)
	return int64(n) == p.headerLen
}
