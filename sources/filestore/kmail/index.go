// Package kmail reads the indexes that KMail 1 keeps beside its folders, ".Name.index" for a folder Name: there, and nowhere else, it writes
// what was read, answered and marked since a message came in. It is for the packages that read mboxes and Maildirs, which are what KMail's
// folders are.
//
// Its policy: an index only adds to what a folder holds. What it says of a message counts only where file name or offset and size fit, so
// that one of a folder that was changed by another program, or one that is damaged, costs flags and never a message.
//
// The format is KMail's own (kmfolderindex.cpp and kmmsgbase.cpp of KDE 3, versions 1505 and 1506): a line, a zero, the length of a header
// with byte order and size of a long, then for each message a length and as many octets of parts. A part has a type, a length and a value.
package kmail

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"
)

// Message is what an index says of one.
type Message struct {
	Status Status
	// Size is that of the message without its From_ line, in octets.
	Size int64
}

// Index is what was read of one.
type Index struct {
	// ByFile are the messages of a Maildir by the names of their files, flags included.
	ByFile map[string]Message
	// ByOffset are those of an mbox by where they begin, behind their From_ lines.
	ByOffset map[int64]Message
}

// Path is where the index of a folder is kept.
func Path(folder string) string {
	return filepath.Join(filepath.Dir(folder), "."+filepath.Base(folder)+".index")
}

// Open reads the index of a folder. It is nil where there is none; what was read before an error is of use.
func Open(folder string) (*Index, error) {
	path := Path(folder)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(io.LimitReader(f, maxFile))
}

const (
	maxFile = 1 << 30
	// maxRecord is above the longest record: KMail holds the length in a short.
	maxRecord = 1 << 16
	magic     = "# KMail-Index V"
	// swapped is how the header's 0x12345678 looks on a machine of the other order.
	swapped = 0x78563412
)

// The parts of a record that are read (kmmsgbase.h).
const (
	partOffset       = 7
	partLegacyStatus = 8
	partSize         = 9
	partFile         = 11
	partStatus       = 16
)

// Read reads an index.
func Read(r io.Reader) (*Index, error) {
	in := &reader{in: bufio.NewReader(r), order: binary.LittleEndian}
	if err := in.header(); err != nil {
		return nil, err
	}
	x := &Index{ByFile: map[string]Message{}, ByOffset: map[int64]Message{}}
	for {
		n, err := in.uint32()
		if errors.Is(err, io.EOF) {
			return x, nil
		}
		if err == nil && n > maxRecord {
			err = fmt.Errorf("a record of %d octets", n)
		}
		if err != nil {
			return x, fmt.Errorf("KMail's index: %w", err)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in.in, b); err != nil {
			return x, fmt.Errorf("KMail's index: it is cut off: %w", err)
		}
		x.add(b, in.order)
	}
}

// reader reads the numbers of an index.
type reader struct {
	in    *bufio.Reader
	order binary.ByteOrder
}

func (r *reader) uint32() (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		return 0, err
	}
	return r.order.Uint32(b[:]), nil
}

// header reads up to the first record.
func (r *reader) header() error {
	line, err := r.in.ReadSlice('\n')
	version, ok := strings.CutPrefix(string(line), magic)
	if err != nil || !ok {
		return errors.New("no index of KMail")
	}
	if version = strings.TrimSpace(version); version != "1505" && version != "1506" {
		return fmt.Errorf("an index of KMail in version %.8q", version)
	}
	if pad, err := r.in.Peek(1); err != nil || pad[0] != 0 {
		return nil // no header, nor any message
	}
	r.in.Discard(1)
	n, err := r.uint32()
	if err != nil {
		return nil
	}
	if n > 0xffff { // a length of the other byte order
		r.order = binary.BigEndian
		n = n<<24 | n>>24 | n>>8&0xff00 | n<<8&0xff0000
	}
	if n > 0xffff {
		return errors.New("an index of KMail with a damaged header")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return errors.New("an index of KMail that ends in its header")
	}
	if n >= 4 && binary.LittleEndian.Uint32(b) == swapped {
		r.order = binary.BigEndian
	}
	return nil
}

// add reads one record. One that makes no sense says nothing.
func (x *Index) add(b []byte, order binary.ByteOrder) {
	var m Message
	var legacy, status, offset uint64
	file := ""
	for len(b) >= 6 {
		kind, n := order.Uint32(b), int(order.Uint16(b[4:]))
		if b = b[6:]; n > len(b) {
			return
		}
		value := b[:n]
		b = b[n:]
		switch kind {
		case partOffset:
			offset = number(value, order)
		case partLegacyStatus:
			legacy = number(value, order)
		case partStatus:
			status = number(value, order)
		case partSize:
			m.Size = int64(number(value, order))
		case partFile:
			file = utf16Text(value)
		}
	}
	m.Status = Status(status)
	if m.Status == 0 {
		m.Status = fromLegacy(legacy)
	}
	switch {
	case m.Status == 0:
	case file != "":
		x.ByFile[file] = m
	case offset <= 1<<62:
		x.ByOffset[int64(offset)] = m
	}
}

// number reads a long of either size.
func number(b []byte, order binary.ByteOrder) uint64 {
	switch len(b) {
	case 4:
		return uint64(order.Uint32(b))
	case 8:
		return order.Uint64(b)
	}
	return 0
}

// utf16Text reads a string, which has the order of the network on every machine.
func utf16Text(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
