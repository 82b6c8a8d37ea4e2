package mbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"time"
)

// encode appends the record; last is where the one before it ended.
func (r *record) encode(b []byte, last int64) []byte {
	for _, n := range []int64{
		r.offset - last, r.start - r.offset, r.end - r.start, r.headerLen, int64(r.headerSum), int64(r.marks), int64(r.doubt),
	} {
		b = binary.AppendVarint(b, n)
	}
	b = append(b, r.hash[:]...)
	_, zone := r.date.Zone()
	if r.date.IsZero() {
		b = append(b, 0)
	} else {
		b = binary.AppendVarint(append(b, 1), r.date.Unix())
		b = binary.AppendVarint(b, int64(zone))
	}
	b = appendWords(b, r.keywords)
	b = appendWord(b, r.uidl)
	b = binary.AppendVarint(b, int64(len(r.kept)))
	for _, at := range r.kept {
		b = binary.AppendVarint(b, at-r.offset)
	}
	return b
}

func appendWords(b []byte, words []string) []byte {
	b = binary.AppendVarint(b, int64(len(words)))
	for _, w := range words {
		b = appendWord(b, w)
	}
	return b
}

func appendWord(b []byte, w string) []byte {
	return append(binary.AppendVarint(b, int64(len(w))), w...)
}

// decoder reads what encode has written. After an error it reads zeros.
type decoder struct {
	r    *bufio.Reader
	last int64
	err  error
}

var errIndex = errors.New("damaged index")

func (d *decoder) varint() int64 {
	if d.err != nil {
		return 0
	}
	n, err := binary.ReadVarint(d.r)
	d.err = err
	return n
}

// length reads a count of at most limit.
func (d *decoder) length(limit int64) int {
	n := d.varint()
	if n < 0 || n > limit {
		d.err = errIndex
		return 0
	}
	return int(n)
}

func (d *decoder) full(b []byte) {
	if d.err == nil {
		_, d.err = io.ReadFull(d.r, b)
	}
}

func (d *decoder) octet() byte {
	var b [1]byte
	d.full(b[:])
	return b[0]
}

func (d *decoder) word() string {
	n := d.length(maxIndexText)
	if n == 0 {
		return ""
	}
	b := make([]byte, n)
	d.full(b)
	return string(b)
}

func (d *decoder) words() (out []string) {
	for range d.length(maxKeywords) {
		if out = append(out, d.word()); d.err != nil {
			return nil
		}
	}
	return out
}

// record reads a record; false at the trailer, or where there is no sense in what follows.
func (d *decoder) record() (r record, ok bool) {
	if d.octet() != 1 || d.err != nil {
		return record{}, false
	}
	r.offset = d.last + d.varint()
	r.start = r.offset + d.varint()
	r.end = r.start + d.varint()
	r.headerLen = int64(d.length(maxHeader))
	r.headerSum, r.marks, r.doubt = uint32(d.varint()), marks(d.varint()), doubt(d.varint())
	d.full(r.hash[:])
	if d.octet() == 1 {
		sec, zone := d.varint(), d.varint()
		r.date = time.Unix(sec, 0).In(zoneOf(int(zone)))
	}
	r.keywords, r.uidl = d.words(), d.word()
	for range d.length(maxKept) {
		r.kept = append(r.kept, r.offset+d.varint())
	}
	d.last = r.end
	return r, d.err == nil
}

func zoneOf(seconds int) *time.Location {
	if seconds == 0 {
		return time.UTC
	}
	return time.FixedZone("", seconds)
}

// unchanged compares the header in the file with the record's.
func (r *record) unchanged(in io.ReaderAt, buf *[]byte) bool {
	if int64(cap(*buf)) < r.headerLen {
		*buf = make([]byte, maxHeader)
	}
	b := (*buf)[:r.headerLen]
	return readAt(in, b, r.start) == nil && crc32.ChecksumIEEE(b) == r.headerSum
}
