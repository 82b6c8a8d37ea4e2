package imap

import "bytes"

// fetched is one FETCH response. Its octets are those of the response it was read from.
type fetched struct {
	seq       uint32
	uid       uint32 // 0: not told
	size      int64  // -1: not told
	header    []byte // the value of BODY[HEADER.FIELDS …]
	hasHeader bool
	whole     []byte // the value of BODY[], when it was no literal
	flags     []byte // what is between the parentheses of FLAGS
	hasFlags  bool
}

// parseFetch reads a FETCH response, its items in any order. ok is false for any other response.
func parseFetch(line []byte) (f fetched, ok bool) {
	if !bytes.HasPrefix(line, []byte("* ")) {
		return f, false
	}
	seq, rest := word(line[2:])
	n, isNumber := number(seq)
	if !isNumber || n == 0 || n >= 1<<32 || len(rest) < 6 || !bytes.EqualFold(rest[:5], []byte("FETCH")) {
		return f, false
	}
	f.seq, f.size = uint32(n), -1
	s := scanner{rest[5:]}
	if !s.space() || s.b[0] != '(' {
		return f, false
	}
	s.b = s.b[1:]
	for s.space() && s.b[0] != ')' {
		name, kind := s.value()
		if kind != atom {
			break
		}
		v, kind := s.value()
		if kind == nothing {
			break
		}
		f.item(name, v, kind)
	}
	return f, true
}

func (f *fetched) item(name, v []byte, kind valueKind) {
	switch {
	case equalFold(name, "UID"):
		if n, ok := number(v); ok && n < 1<<32 {
			f.uid = uint32(n)
		}
	case equalFold(name, "RFC822.SIZE"):
		if n, ok := number(v); ok && n < 1<<62 {
			f.size = int64(n)
		}
	case equalFold(name, "FLAGS"):
		if kind == list {
			f.flags, f.hasFlags = v, true
		}
	case equalFold(name, "BODY[]"):
		if kind == text {
			f.whole = v[:len(v):len(v)]
			if f.whole == nil {
				f.whole = []byte{}
			}
		}
	case len(name) > 18 && equalFold(name[:18], "BODY[HEADER.FIELDS"):
		if kind == text {
			f.header, f.hasHeader = v, true
		}
	}
}

// equalFold compares with an ASCII upper-case name without allocating.
func equalFold(v []byte, upper string) bool {
	if len(v) != len(upper) {
		return false
	}
	for i, c := range v {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}
