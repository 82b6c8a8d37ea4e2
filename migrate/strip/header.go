package strip

import (
	"bytes"
	"slices"
	"strings"
)

// Bounds of a header. A part that goes beyond them isn't clear.
const (
	maxValue  = 16 << 10 // of a field that is read
	maxFields = 64       // runs of fields that describe the octets
)

// fieldKind is what a header field is to us.
type fieldKind uint8

const (
	fieldType fieldKind = iota
	fieldEncoding
	fieldDisposition
	readFields // the number of those above, whose values are read

	fieldDescription // goes with the octets
	fieldVersion
	fieldOther
)

// fieldKinds are the fields that say something of the octets (RFC 2045, 2183, 3282; Content-Length is that of mboxcl), by name in lower case. There
// are other fields that begin with Content- and speak of the message, such as Content-Identifier and Content-Return (RFC 2156).
var fieldKinds = map[string]fieldKind{
	"content-type": fieldType, "content-transfer-encoding": fieldEncoding, "content-disposition": fieldDisposition,
	"content-description": fieldDescription, "content-language": fieldDescription, "content-md5": fieldDescription,
	"content-length": fieldDescription, "content-duration": fieldDescription, "content-features": fieldDescription,
	"mime-version": fieldVersion,
}

func kindOf(name []byte) fieldKind {
	if len(name) > len("content-transfer-encoding") {
		return fieldOther
	}
	low := strings.ToLower(string(name))
	if strings.HasPrefix(low, strings.ToLower(fieldPrefix)) {
		return fieldDescription // a sender's; two notes in one header would be none
	}
	if k, ok := fieldKinds[low]; ok {
		return k
	}
	return fieldOther
}

// header is the header of a part or of a message, as far as it tells what the body is.
type header struct {
	message      bool // of a message, as opposed to a part
	depth        int
	kept, digest bool // see level

	began     bool
	unclear   bool
	versioned bool      // it has a MIME-Version
	field     fieldKind // of the line before
	seen      [readFields]bool
	values    [readFields][]byte
	fields    []span // where the fields are that describe the octets

	kind   string // the media type in lower case; "" when it is none
	params []param
}

// line takes a line that isn't empty.
func (h *header) line(text []byte, whole bool, at span) {
	first := !h.began
	h.began = true
	if text[0] == ' ' || text[0] == '\t' {
		h.unclear = h.unclear || first
		h.value(text, whole, at)
		return
	}
	name, value, ok := bytes.Cut(text, []byte(":"))
	if !ok || !isToken(string(name)) {
		// The From_ line of an mbox is known to all readers. For other lines some take the header to end.
		h.unclear = h.unclear || !first || !h.message || !bytes.HasPrefix(text, []byte("From "))
		h.field = fieldOther
		return
	}
	h.field = kindOf(name)
	if k := h.field; k < readFields {
		if h.seen[k] { // readers differ about which of them counts
			h.unclear = h.unclear || k != fieldDisposition
			h.field = fieldDescription
		}
		h.seen[k] = true
	}
	h.value(value, whole, at)
}

// value takes a line's part of the value of the current field.
func (h *header) value(text []byte, whole bool, at span) {
	switch k := h.field; {
	case k == fieldVersion:
		h.versioned = true
		return
	case k == fieldOther:
		return
	case k < readFields:
		if !whole || len(h.values[k])+len(text) > maxValue {
			h.unclear = true
			return
		}
		h.values[k] = append(h.values[k], text...)
	}
	if n := len(h.fields); n > 0 && h.fields[n-1].end == at.start {
		h.fields[n-1].end = at.end
	} else if n < maxFields {
		h.fields = append(h.fields, at)
	} else {
		h.unclear = true
	}
}

// shape is what the body is.
type shape uint8

const (
	opaque    shape = iota // left alone
	single                 // a leaf
	multipart              // with a boundary
	message
)

// shape decides what the body is, once the header is whole.
func (h *header) shape() shape {
	if h.unclear || slices.ContainsFunc(h.values[fieldType], isControl) || slices.ContainsFunc(h.values[fieldEncoding], isControl) {
		return opaque
	}
	head, params, sound := parseParams(string(h.values[fieldType]))
	h.kind, h.params = mediaType(head), params
	if !h.seen[fieldType] {
		h.kind = "text/plain"
		if h.digest {
			h.kind = "message/rfc822"
		}
	}
	deep := h.depth >= maxDepth
	switch head = strings.ToLower(head); {
	case strings.HasPrefix(head, "multipart"):
		if sound && h.kind != "" && h.plain() && !deep && h.boundary() != "" {
			return multipart
		}
		return opaque
	case slices.ContainsFunc(params, func(p param) bool { return strings.HasPrefix(p.name, "boundary") }):
		return opaque // some reader takes it for a multipart
	case (h.kind == "message/rfc822" || h.kind == "message/global") && h.plain():
		if deep {
			return opaque
		}
		return message
	case h.sealed():
		return opaque
	}
	return single
}

// plain says that the body stands in the message as it is (RFC 2045 6.2).
func (h *header) plain() bool {
	switch h.encoding() {
	case "", "7bit", "8bit", "binary":
		return true
	}
	return false
}

// encoding is the Content-Transfer-Encoding in lower case. What some put behind it isn't part of it.
func (h *header) encoding() string {
	v := strings.ToLower(strings.TrimSpace(string(h.values[fieldEncoding])))
	if i := strings.IndexAny(v, " \t;("); i >= 0 {
		v = v[:i]
	}
	return v
}

// sealed says that the part is S/MIME's and holds the message (RFC 8551 3.10).
func (h *header) sealed() bool {
	switch h.kind {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	case "application/octet-stream":
		name := strings.ToLower(h.name())
		return slices.ContainsFunc([]string{".p7m", ".p7s", ".p7c", ".p7z"}, func(ext string) bool { return strings.HasSuffix(name, ext) })
	}
	return false
}

// boundary is the one that the Content-Type names, or "" where readers could differ about it. It ends in no white space, as RFC 2046 5.1.1 has it.
func (h *header) boundary() string {
	found := ""
	for _, p := range h.params {
		if !strings.HasPrefix(p.name, "boundary") {
			continue
		}
		if found != "" || p.name != "boundary" || p.escaped {
			return ""
		}
		found = strings.TrimRight(p.value, " ")
		if found == "" || len(found) > maxBoundary || strings.IndexFunc(found, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			return ""
		}
	}
	return found
}

// description is what is known of a part before it is read.
type description struct {
	name, kind, encoding string
}

// describe is called for a part that is too large, once its header is whole.
func (h *header) describe() description {
	d := description{h.name(), h.kind, h.encoding()}
	if d.kind == "" {
		d.kind = "application/octet-stream"
	}
	return d
}

// name is the file's name, the one that RFC 2183 2.3 gives it before the one that older clients did.
func (h *header) name() string {
	_, params, _ := parseParams(string(h.values[fieldDisposition]))
	if s := nameIn(params, "filename"); s != "" {
		return s
	}
	return nameIn(h.params, "name")
}

// isControl leaves the tab alone, at which lines are folded.
func isControl(b byte) bool { return b < ' ' && b != '\t' || b == 0x7f }
