package takeout

import "strings"

// index knows the messages of all files by their digest, and the labels that each has in any of them.
type index struct {
	of   map[uint64]uint32 // which set of labels; the top bit says that the message was listed
	sets [][]string
	ids  map[string]uint32 // of the sets, by their labels
}

const wasListed = 1 << 31

func newIndex() *index {
	return &index{of: map[uint64]uint32{}, sets: [][]string{nil}, ids: map[string]uint32{"": 0}}
}

// gather adds a message's labels to those it has in the files before. Most messages share their set of labels with many others, so a set is kept
// once.
func (x *index) gather(m message) {
	known, ok := x.of[m.digest]
	if !ok {
		x.of[m.digest] = x.set(m.labels)
		return
	}
	all := x.sets[known]
	for _, l := range m.labels {
		all = with(all, l)
	}
	x.of[m.digest] = x.set(all)
}

func with(set []string, label string) []string {
	for _, l := range set {
		if l == label {
			return set
		}
	}
	return append(set[:len(set):len(set)], label)
}

func (x *index) set(labels []string) uint32 {
	key := strings.Join(labels, "\x00")
	id, ok := x.ids[key]
	if !ok {
		id = uint32(len(x.sets))
		x.ids[key] = id
		x.sets = append(x.sets, labels)
	}
	return id
}

// list returns a message's labels in all files. again says that it was listed before. Where there is only one file nothing was gathered, and a
// message that is in it twice is there twice: twin counts them.
func (x *index) list(m message, merged bool) (labels []string, twin uint32, again bool) {
	v := x.of[m.digest]
	if !merged {
		v++
		x.of[m.digest] = v
		return m.labels, v, false
	}
	if v&wasListed != 0 {
		return nil, 0, true
	}
	x.of[m.digest] = v | wasListed
	return x.sets[v], 1, false
}
