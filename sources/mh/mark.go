package mh

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"poplift/migrate"
)

// The bits of a mark file, as in procmsg.h of Sylpheed and Claws.
const (
	markNew       = 1 << 0
	markUnread    = 1 << 1
	markMarked    = 1 << 2
	markDeleted   = 1 << 3
	markReplied   = 1 << 4
	markForwarded = 1 << 5

	// Claws alone has these.
	markReceipt = 1 << 12
	markSpam    = 1 << 13
)

const (
	markVersion = 2
	tagsVersion = 1
)

// words reads a file of 32-bit words, little-endian unless its version shows otherwise: old ones have the order of the machine.
type words struct {
	in    *bufio.Reader
	order binary.ByteOrder
}

func newWords(r io.Reader, version uint32) (*words, error) {
	w := &words{bufio.NewReader(r), binary.LittleEndian}
	v, err := w.next()
	switch {
	case errors.Is(err, io.EOF):
		return w, nil // not a word was written yet
	case err != nil:
		return nil, err
	case v == bits.ReverseBytes32(version):
		w.order = binary.BigEndian
	case v != version:
		return nil, fmt.Errorf("version %d, not %d", v, version)
	}
	return w, nil
}

// next is io.EOF also when the last word is cut off.
func (w *words) next() (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(w.in, b[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return 0, err
	}
	return w.order.Uint32(b[:]), nil
}

// readMarks reads a mark file: a version, then pairs of number and flags. The last word on a message counts. What was read before an error
// is of use.
func readMarks(r io.Reader) (map[uint32]uint32, error) {
	w, err := newWords(r, markVersion)
	if err != nil {
		return nil, err
	}
	marks := map[uint32]uint32{}
	for {
		number, err := w.next()
		if err == nil {
			var flags uint32
			if flags, err = w.next(); err == nil {
				marks[number] = flags
				continue
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return marks, err
	}
}

// readTags reads .claws_tags: a version, then for each message its number, its tags, and -1 (msgcache.c of Claws).
func readTags(r io.Reader) (map[uint32][]uint32, error) {
	w, err := newWords(r, tagsVersion)
	if err != nil {
		return nil, err
	}
	tags := map[uint32][]uint32{}
	for {
		number, err := w.next()
		for err == nil {
			var id uint32
			if id, err = w.next(); err != nil || int32(id) <= 0 {
				break
			}
			if len(tags[number]) < maxTags {
				tags[number] = append(tags[number], id)
			}
		}
		if errors.Is(err, io.EOF) {
			return tags, nil
		} else if err != nil {
			return tags, err
		}
	}
}

// maxTags bounds what is kept of one message. No server takes so many keywords.
const maxTags = 64

// markFlags translates the flags of a mark file.
func markFlags(m uint32, claws bool) (flags []migrate.Flag, deleted bool) {
	add := func(is bool, f migrate.Flag) {
		if is {
			flags = append(flags, f)
		}
	}
	add(m&(markNew|markUnread) == 0, migrate.Seen)
	add(m&markReplied != 0, migrate.Answered)
	add(m&markMarked != 0, migrate.Flagged)
	add(m&markForwarded != 0, migrate.Forwarded)
	if c := color(m, claws); c > 0 {
		add(true, migrate.Flag(fmt.Sprintf("$label%d", c)))
	}
	add(claws && m&markSpam != 0, migrate.Junk)
	add(claws && m&markReceipt != 0, migrate.MDNSent)
	return flags, m&markDeleted != 0
}

// color is the number of a colour label, 0 for none. Claws has added a bit for 8 below the three that Sylpheed has.
func color(m uint32, claws bool) uint32 {
	c := m >> 7 & 7
	if claws {
		c |= m >> 6 & 1 << 3
	}
	return c
}
