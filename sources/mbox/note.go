package mbox

import "encoding/binary"

// Note is what the reader of a file keeps of a message beside its place, in a form of its own; see Cache.Scan. It is a sequence of numbers and words.
type Note []byte

// Int appends a number.
func (n Note) Int(v int64) Note { return binary.AppendVarint(n, v) }

// Word appends a word, which can be any octets.
func (n Note) Word(w string) Note { return append(n.Int(int64(len(w))), w...) }

// Words appends a list.
func (n Note) Words(words []string) Note {
	n = n.Int(int64(len(words)))
	for _, w := range words {
		n = n.Word(w)
	}
	return n
}

// NoteReader reads a Note in the order in which it was written. Behind its end, or where it makes no sense, it reads zeros.
type NoteReader struct {
	rest Note
	bad  bool
}

// Read begins a note.
func (n Note) Read() NoteReader { return NoteReader{rest: n} }

// Whole says that what was read so far is what was written.
func (r *NoteReader) Whole() bool { return !r.bad }

// Int reads a number.
func (r *NoteReader) Int() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.rest, r.bad = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Word reads a word.
func (r *NoteReader) Word() string {
	n := r.Int()
	if n < 0 || n > int64(len(r.rest)) {
		r.rest, r.bad = nil, true
		return ""
	}
	w := string(r.rest[:n])
	r.rest = r.rest[n:]
	return w
}

// Words reads a list.
func (r *NoteReader) Words() (out []string) {
	n := r.Int()
	if n < 0 || n > int64(len(r.rest)) { // each has a length, of one octet at least
		r.rest, r.bad = nil, true
		return nil
	}
	for range n {
		out = append(out, r.Word())
	}
	return out
}
