package applemail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// properties are the numbers and dates of a property list's outermost dictionary. All that poplift wants of one is a number or a date.
type properties struct {
	numbers map[string]int64
	dates   map[string]time.Time
}

var errPlist = errors.New("the property list can't be read")

// parsePlist reads a property list in XML or in Apple's binary form.
func parsePlist(b []byte) (properties, error) {
	p := properties{map[string]int64{}, map[string]time.Time{}}
	b = bytes.TrimLeft(b, " \t\r\n")
	var err error
	if bytes.HasPrefix(b, []byte("bplist0")) {
		err = p.binary(b)
	} else {
		err = p.xml(string(b))
	}
	return p, err
}

// xml reads the keys and values of the first dictionary, and passes over what is nested in it. It is no reader of XML: it has to find its way
// through what was cut off or mended by hand.
func (p *properties) xml(s string) error {
	_, body, ok := strings.Cut(s, "<dict>")
	if !ok {
		if strings.Contains(s, "<dict/>") {
			return nil
		}
		return errPlist
	}
	s = body
	depth := 0
	key := ""
	for {
		tag, text, rest, ok := element(s)
		if !ok {
			return errPlist
		}
		s = rest
		switch {
		case tag == "/dict" && depth == 0:
			return nil
		case tag == "dict" || tag == "array":
			depth++
		case tag == "/dict" || tag == "/array":
			depth--
		case depth > 0:
		case tag == "key":
			key = strings.TrimSpace(text)
		case key != "":
			p.value(key, tag, strings.TrimSpace(text))
			key = ""
		}
	}
}

// element returns the next tag, and the text behind it up to the tag after that. Closing tags of values are passed over.
func element(s string) (tag, text, rest string, ok bool) {
	for {
		var before string
		if _, s, ok = strings.Cut(s, "<"); !ok {
			return "", "", "", false
		}
		if before, s, ok = strings.Cut(s, ">"); !ok {
			return "", "", "", false
		}
		tag, _, _ = strings.Cut(before, " ")
		if strings.HasPrefix(tag, "/") && tag != "/dict" && tag != "/array" || strings.HasPrefix(tag, "!") || strings.HasPrefix(tag, "?") {
			continue
		}
		text = s
		if i := strings.IndexByte(s, '<'); i >= 0 {
			text = s[:i]
		}
		return tag, text, s, true
	}
}

func (p *properties) value(key, tag, text string) {
	switch tag {
	case "integer", "string":
		if n, err := strconv.ParseInt(text, 0, 64); err == nil {
			p.numbers[key] = n
		}
	case "real":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			p.real(key, f)
		}
	case "date":
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			p.dates[key] = t
		}
	}
}

func (p *properties) real(key string, f float64) {
	if f > -1e15 && f < 1e15 { // and no NaN
		p.numbers[key] = int64(f)
	}
}

// bplist is a binary property list: objects, a table of their offsets, and a trailer that tells where that is.
type bplist struct {
	b                []byte
	offsets          []byte
	offSize, refSize int
	count            int
}

func (p *properties) binary(b []byte) error {
	const trailer = 32
	if len(b) < 8+trailer {
		return errPlist
	}
	end := b[len(b)-trailer:]
	l := bplist{b: b[:len(b)-trailer], offSize: int(end[6]), refSize: int(end[7])}
	count, top, table := binary.BigEndian.Uint64(end[8:]), binary.BigEndian.Uint64(end[16:]), binary.BigEndian.Uint64(end[24:])
	n := uint64(len(l.b))
	if l.offSize < 1 || l.offSize > 8 || l.refSize < 1 || l.refSize > 8 || table > n || count > n || count*uint64(l.offSize) > n-table {
		return errPlist
	}
	l.offsets, l.count = l.b[table:], int(count)
	kind, size, at, ok := l.object(top)
	if !ok || kind != 0xD || size > (len(l.b)-at)/(2*l.refSize) {
		return errPlist
	}
	for i := range size {
		key, ok := l.text(l.number(at+i*l.refSize, l.refSize))
		if !ok {
			continue
		}
		l.value(p, key, l.number(at+(size+i)*l.refSize, l.refSize))
	}
	return nil
}

func (l bplist) number(at, size int) uint64 {
	var n uint64
	for _, c := range l.b[at : at+size] {
		n = n<<8 | uint64(c)
	}
	return n
}

// object returns what an object is: its kind, the size that its marker tells, and where its contents begin.
func (l bplist) object(ref uint64) (kind, size, at int, ok bool) {
	if ref >= uint64(l.count) {
		return 0, 0, 0, false
	}
	var off uint64
	for _, c := range l.offsets[int(ref)*l.offSize : (int(ref)+1)*l.offSize] {
		off = off<<8 | uint64(c)
	}
	if off >= uint64(len(l.b)) {
		return 0, 0, 0, false
	}
	at = int(off) + 1
	kind, size = int(l.b[off]>>4), int(l.b[off]&0xF)
	if size == 0xF && kind >= 4 { // the size follows, as an integer object
		if at >= len(l.b) || l.b[at]>>4 != 1 || l.b[at]&0xF > 3 {
			return 0, 0, 0, false
		}
		width := 1 << (l.b[at] & 0xF)
		if at++; at+width > len(l.b) {
			return 0, 0, 0, false
		}
		n := l.number(at, width)
		if n > uint64(len(l.b)) {
			return 0, 0, 0, false
		}
		size, at = int(n), at+width
	}
	return kind, size, at, true
}

// text reads a string, in ASCII or UTF-16.
func (l bplist) text(ref uint64) (string, bool) {
	kind, size, at, ok := l.object(ref)
	switch {
	case ok && kind == 5 && size <= len(l.b)-at:
		return string(l.b[at : at+size]), true
	case ok && kind == 6 && size <= (len(l.b)-at)/2:
		u := make([]uint16, size)
		for i := range u {
			u[i] = binary.BigEndian.Uint16(l.b[at+2*i:])
		}
		return string(utf16.Decode(u)), true
	}
	return "", false
}

func (l bplist) value(p *properties, key string, ref uint64) {
	kind, size, at, ok := l.object(ref)
	if !ok {
		return
	}
	if kind == 5 {
		if s, ok := l.text(ref); ok {
			p.value(key, "string", s)
		}
		return
	}
	width := 1 << size
	if size > 4 || width > len(l.b)-at {
		return
	}
	switch {
	case kind == 1 && size <= 3:
		p.numbers[key] = int64(l.number(at, width))
	case kind == 1: // 128 bits, of which the lower half is used
		p.numbers[key] = int64(l.number(at+8, 8))
	case kind == 2 && size == 2:
		p.real(key, float64(math.Float32frombits(uint32(l.number(at, 4)))))
	case kind == 2 && size == 3:
		p.real(key, math.Float64frombits(l.number(at, 8)))
	case kind == 3 && size == 3:
		if f := math.Float64frombits(l.number(at, 8)); f > -1e11 && f < 1e11 {
			p.dates[key] = time.Unix(int64(f)+epoch2001, 0).UTC()
		}
	}
}

// epoch2001 is the beginning of Apple's time as Unix has it.
const epoch2001 = 978307200
