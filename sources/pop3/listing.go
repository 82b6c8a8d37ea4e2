package pop3

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// maxUID bounds a unique id, in octets. RFC 1939 section 7 allows 70; what is longer keeps its beginning and a digest of the whole.
const maxUID = 512

// listing is what a maildrop holds, in 32 octets a message and its unique id.
type listing struct {
	items []item // by number
	uids  string // the unique ids, one behind the other
	// count is the highest number that STAT counts or a list names. Numbers up to it that are no item are missing.
	count int
	// unlisted says that there was no list to name numbers, so that none of them is missed.
	unlisted bool
}

// item is one message of a listing.
type item struct {
	num  int32
	off  uint32 // of the unique id in uids
	len  uint16 // 0: it has none
	pad  uint8  // how often "#" is put behind an ID of ours, which happens to be another message's unique id
	occ  int32  // 0 for a unique id that stands once; else which occurrence this is, from 1
	size int64
}

func (it item) stable() bool { return it.len > 0 && it.occ == 0 }

// id is the entry's ID: the unique id, or a name that is good for this session.
func (l *listing) id(it item) string {
	uid := l.uids[it.off : it.off+uint32(it.len)]
	switch {
	case it.stable():
		return uid
	case it.occ > 0:
		uid += "#" + strconv.Itoa(int(it.occ))
	default:
		uid = "#" + strconv.Itoa(int(it.num))
	}
	return uid + strings.Repeat("#", int(it.pad))
}

// find returns the item with a number.
func (l *listing) find(num int) (item, bool) {
	if i := num - 1; i >= 0 && i < len(l.items) && int(l.items[i].num) == num {
		return l.items[i], true // no gaps, as it should be
	}
	i, ok := slices.BinarySearchFunc(l.items, num, func(it item, num int) int { return cmp.Compare(int(it.num), num) })
	if !ok {
		return item{}, false
	}
	return l.items[i], true
}

// lister gathers a listing from the answers' lines.
type lister struct {
	sizes, ids []item
	arena      []byte
	junk       int // lines that mean nothing
	// Most listings have no unique id twice. That is found out by hashes while the lines come, which is for nothing where the line is slower.
	hash   maphash.Hash
	hashes map[uint64]struct{}
	twins  bool // perhaps
}

// reserve makes room for as many messages as STAT counts, as far as it is believed: to grow by and by would copy all of it several times.
func (l *lister) reserve(count int) {
	n := max(0, min(count, mostReserved))
	l.sizes, l.ids, l.arena = make([]item, 0, n), make([]item, 0, n), make([]byte, 0, 20*n)
	l.hashes = make(map[uint64]struct{}, n)
}

// mostReserved bounds the memory that a server gets us to take with a word, to some 16 MB.
const mostReserved = 1 << 17

// sizeLine takes a line of LIST.
func (l *lister) sizeLine(line []byte) {
	num, rest, ok := numbered(line)
	if !ok {
		l.junk++
		return
	}
	first, _, _ := bytes.Cut(rest, []byte(" "))
	size, err := strconv.ParseInt(string(first), 10, 64)
	if err != nil || size < 0 {
		size = 0 // the size is a hint, the number is what counts
	}
	l.sizes = append(l.sizes, item{num: num, size: size})
}

// idLine takes a line of UIDL. The unique id is everything behind the number and the blanks, whatever octets these are.
func (l *lister) idLine(line []byte) {
	num, uid, ok := numbered(line)
	if !ok {
		l.junk++
		return
	}
	if len(uid) > maxUID {
		sum := sha256.Sum256(uid)
		uid = hex.AppendEncode(uid[:maxUID-2*len(sum):maxUID-2*len(sum)], sum[:])
	}
	l.ids = append(l.ids, item{num: num, off: uint32(len(l.arena)), len: uint16(len(uid))})
	l.arena = append(l.arena, uid...)
	l.hash.Reset()
	l.hash.Write(uid)
	if l.hashes == nil {
		l.hashes = map[uint64]struct{}{}
	}
	before := len(l.hashes)
	l.hashes[l.hash.Sum64()] = struct{}{}
	l.twins = l.twins || len(l.hashes) == before
}

// numbered splits "12  rest". Some servers put "+OK" before every line.
func numbered(line []byte) (num int32, rest []byte, ok bool) {
	line = bytes.Trim(line, " \t")
	if rest, ok := bytes.CutPrefix(line, []byte("+OK")); ok && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		line = bytes.TrimLeft(rest, " \t")
	}
	end := 0
	for end < len(line) && line[end] >= '0' && line[end] <= '9' {
		end++
	}
	if end == 0 || end > 9 || end < len(line) && line[end] != ' ' && line[end] != '\t' {
		return 0, nil, false
	}
	n, err := strconv.Atoi(string(line[:end]))
	if err != nil || n == 0 {
		return 0, nil, false
	}
	return int32(n), bytes.TrimLeft(line[end:], " \t"), true
}

// merge makes the listing: a number that either list names is an item. count is what STAT said, or -1.
func (l *lister) merge(count int, unlisted bool) *listing {
	out := &listing{uids: string(l.arena), count: max(count, 0), unlisted: unlisted}
	l.arena, l.hashes = nil, nil
	sizes, ids := ordered(l.sizes), ordered(l.ids)
	switch {
	case len(sizes) == 0:
		out.items = ids
	case len(ids) == 0:
		out.items = sizes
	default:
		out.items = join(ids, sizes)
	}
	if unlisted {
		out.items = make([]item, out.count)
		for i := range out.items {
			out.items[i].num = int32(i + 1)
		}
	}
	if n := len(out.items); n > 0 {
		out.count = max(out.count, int(out.items[n-1].num))
	}
	if l.twins || slices.ContainsFunc(out.items, func(it item) bool { return it.len == 0 }) {
		out.tellApart()
	}
	return out
}

// ordered sorts by number. A number that stands twice in one list stands for two messages as little as for one: it keeps its first size
// and loses its unique id.
func ordered(list []item) []item {
	byNum := func(a, b item) int { return cmp.Compare(a.num, b.num) }
	if !slices.IsSortedFunc(list, byNum) {
		slices.SortStableFunc(list, byNum)
	}
	out := list[:0]
	for _, it := range list {
		if n := len(out); n > 0 && out[n-1].num == it.num {
			out[n-1].len = 0
			continue
		}
		out = append(out, it)
	}
	return out
}

// join is the union of both lists by number.
func join(ids, sizes []item) []item {
	if slices.EqualFunc(ids, sizes, func(a, b item) bool { return a.num == b.num }) {
		for i := range ids {
			ids[i].size = sizes[i].size
		}
		return ids
	}
	out := make([]item, 0, max(len(ids), len(sizes)))
	for len(ids) > 0 || len(sizes) > 0 {
		switch {
		case len(sizes) == 0 || len(ids) > 0 && ids[0].num < sizes[0].num:
			out, ids = append(out, ids[0]), ids[1:]
		case len(ids) == 0 || sizes[0].num < ids[0].num:
			out, sizes = append(out, sizes[0]), sizes[1:]
		default:
			it := ids[0]
			it.size = sizes[0].size
			out, ids, sizes = append(out, it), ids[1:], sizes[1:]
		}
	}
	return out
}

// tellApart finds the unique ids that stand more than once, and gives every item that has none of its own an ID that no other has.
func (l *listing) tellApart() {
	seen := make(map[string]int32, len(l.items))
	for _, it := range l.items {
		if it.len > 0 {
			seen[l.uids[it.off:it.off+uint32(it.len)]]++
		}
	}
	occ := map[string]int32{}
	for i := range l.items {
		it := &l.items[i]
		if it.len == 0 {
			continue
		}
		if uid := l.uids[it.off : it.off+uint32(it.len)]; seen[uid] > 1 {
			occ[uid]++
			it.occ = occ[uid]
		}
	}
	for i := range l.items {
		it := &l.items[i]
		for !it.stable() && it.pad < 255 && seen[l.id(*it)] > 0 {
			it.pad++
		}
	}
}
