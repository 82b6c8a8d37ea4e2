package mbox

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc64"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// An index is a file of one mbox's records, so that the mbox isn't scanned again. It is a cache: a damaged one is as good as none.
//
//	magic
//	records: a 1 and then the record, see record.encode
//	a 0 and then the trailer: what the records are of, see indexWriter.finish
//	CRC-64 of all that
const (
	indexMagic   = "poplift mbox index 1\n"
	maxIndex     = 1 << 30
	tailSize     = 4 << 10
	maxIndexText = 16 << 10
)

// minIndexed is the size from which on a file has an index: a smaller one is scanned before two files could be opened.
const minIndexed = 256 << 10

// indexPath is where the index of a file is kept; "" when there is none.
func (s *Store) indexPath(f *file, size int64) string {
	if s.cache == "" || f.once || f.unpack == nil && size < s.minIndexed {
		return ""
	}
	loose := ""
	if f.loose {
		loose = "\x00loose"
	}
	sum := sha256.Sum256([]byte(f.path + "\x00" + f.rel + "\x00" + s.variant.String() + loose))
	return filepath.Join(s.cache, hex.EncodeToString(sum[:16])+".mboxindex")
}

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
	last  int64
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

func (x *indexWriter) add(r *record) {
	if x == nil || x.err != nil {
		return
	}
	x.count++
	x.buf = r.encode(append(x.buf[:0], 1), x.last)
	x.last = r.end
	x.write(x.buf)
}

// finish writes the trailer and puts the index in its place.
func (x *indexWriter) finish(f *file, declared []string, src *source) error {
	if x == nil {
		return nil
	}
	tail, err := tailOf(src.ReaderAt, src.size)
	if x.err = errors.Join(x.err, err); x.err != nil {
		return x.err
	}
	b := append(x.buf[:0], 0)
	for _, n := range []int64{
		f.seen.size, f.seen.mtime, int64(f.seen.inode), x.begun, src.size, int64(x.count), int64(f.variant),
	} {
		b = binary.AppendVarint(b, n)
	}
	b = append(b, tail[:]...)
	b = appendWords(b, declared)
	x.write(b)
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

// tailOf is over the last octets of a file.
func tailOf(r io.ReaderAt, size int64) (out [16]byte, err error) {
	b := make([]byte, min(tailSize, size))
	if err := readAt(r, b, size-int64(len(b))); err != nil {
		return out, err
	}
	sum := sha256.Sum256(b)
	copy(out[:], sum[:])
	return out, nil
}

// index is an index that was found whole.
type index struct {
	f        *os.File
	of       stamp
	begun    int64
	length   int64 // of the mbox, which is not of.size when that is compressed
	count    int
	variant  Variant
	tail     [16]byte
	declared []string
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
	if err != nil || info.Size() < int64(len(indexMagic))+8 || info.Size() > maxIndex+maxIndexText {
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

// readAll goes over the records to the trailer, and sees that they make sense.
func (x *index) readAll() bool {
	d := x.decoder()
	n := 0
	for r, ok := d.record(); ok; r, ok = d.record() {
		if n++; r.offset < 0 || r.start < r.offset || r.end < r.start {
			return false
		}
	}
	var v [7]int64
	for i := range v {
		v[i] = d.varint()
	}
	x.of = stamp{v[0], v[1], uint64(v[2])}
	x.begun, x.length, x.count, x.variant = v[3], v[4], int(v[5]), Variant(v[6])
	d.full(x.tail[:])
	x.declared = d.words()
	return d.err == nil && x.count == n && d.last <= x.length && x.variant > Auto && x.variant <= MMDF
}

func (x *index) decoder() *decoder {
	return &decoder{r: bufio.NewReaderSize(io.NewSectionReader(x.f, int64(len(indexMagic)), maxIndex+maxIndexText), 64<<10)}
}

// records yields what was written; it was all read once by openIndex.
func (x *index) records() iter.Seq[record] {
	return func(yield func(record) bool) {
		d := x.decoder()
		for r, ok := d.record(); ok && yield(r); r, ok = d.record() {
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

// samples is how many headers are compared, of the last ones and of all.
const samples = 128

// same says whether r still begins with what was indexed, as far as can be told without reading all of it.
func (x *index) same(r io.ReaderAt) bool {
	tail, err := tailOf(r, x.of.size)
	if err != nil || !bytes.Equal(tail[:], x.tail[:]) {
		return false
	}
	step, i := max(1, x.count/samples), 0
	var buf []byte
	for rec := range x.records() {
		if i++; i%step != 0 && x.count-i >= samples {
			continue
		}
		if !rec.unchanged(r, &buf) {
			return false
		}
	}
	return true
}
