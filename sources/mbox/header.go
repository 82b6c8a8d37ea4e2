package mbox

import (
	"bytes"
	"iter"
	"strings"
)

// cutLine returns the first line of b without its line end, and what follows. Lines end in LF, however many CRs before it; with cr they end
// in bare CRs too. A last line without an end is a line.
func cutLine(b []byte, cr bool) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if cr {
		end := b
		if i >= 0 {
			end = b[:i]
		}
		if j := bytes.IndexByte(end, '\r'); j >= 0 && j+1 != i {
			return b[:j], b[j+1:]
		}
	}
	if i < 0 {
		return b, nil
	}
	return bytes.TrimRight(b[:i], "\r"), b[i+1:]
}

// endsInCR says whether the first line of b ends in a bare CR, as the files of the classic Mac do.
func endsInCR(b []byte) bool {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 || b[i] == '\n' {
		return false
	}
	rest := bytes.TrimLeft(b[i:], "\r")
	return len(rest) == 0 && len(b)-i > 1 || len(rest) > 0 && rest[0] != '\n'
}

// HeaderFields yields the fields of a header block in their order, the names as they are written and the values without white space around
// them. A folded value keeps its line ends. Lines that are no fields are passed over. Nothing is copied.
func HeaderFields(header []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		cr := bytes.IndexByte(header, '\n') < 0
		for len(header) > 0 {
			line, rest := cutLine(header, cr)
			for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
				_, rest = cutLine(rest, cr)
			}
			n := fieldName(line)
			if n > 0 {
				value := bytes.TrimSpace(header[bytes.IndexByte(line, ':')+1 : len(header)-len(rest)])
				if !yield(line[:n], value) {
					return
				}
			}
			header = rest
		}
	}
}

// HeaderField returns the value of the first field of that name, in any case.
func HeaderField(header []byte, name string) (value []byte, ok bool) {
	for n, v := range HeaderFields(header) {
		if len(n) == len(name) && strings.EqualFold(string(n), name) {
			return v, true
		}
	}
	return nil, false
}

// fieldName returns how long the name is that line begins with: printable ASCII up to a colon, white space before the colon aside (RFC 5322
// 2.2 and 4.5). It is 0 when the line is no field.
func fieldName(line []byte) int {
	colon := bytes.IndexByte(line[:min(len(line), maxFieldName)], ':')
	if colon <= 0 {
		return 0
	}
	n := len(bytes.TrimRight(line[:colon], " \t"))
	for _, b := range line[:n] {
		if b <= ' ' || b >= 0x7f {
			return 0
		}
	}
	return n
}

// maxFieldName is above the longest name in the wild.
const maxFieldName = 128

// headerLook is what the lines after a From_ line look like.
type headerLook struct {
	fields int // lines that have the form of a field, up to lookFields
	known  int // those of them whose names are used in mail
}

// lookFields is how many fields are looked at: the second makes sure that the first isn't a line of prose with a colon.
const lookFields = 3

// lookAtHeader counts the fields at the beginning of b, envelope lines (">From ") aside.
func lookAtHeader(b []byte, cr bool) (h headerLook) {
	for lines := 0; len(b) > 0 && h.fields < lookFields && lines < 64; lines++ {
		var line []byte
		line, b = cutLine(b, cr)
		switch {
		case len(line) == 0:
			return h
		case h.fields == 0 && bytes.HasPrefix(line, quotedFrom):
		case line[0] == ' ' || line[0] == '\t':
			if h.fields == 0 {
				return h
			}
		default:
			n := fieldName(line)
			if n == 0 {
				return h
			}
			h.fields++
			if isMailField(line[:n]) {
				h.known++
			}
		}
	}
	return h
}

// isMailField knows the names of RFC 5322 and its like that stand in the first lines of a message.
func isMailField(name []byte) bool {
	var buf [32]byte
	if len(name) > len(buf) {
		return len(name) > 2 && (name[0]|0x20) == 'x' && name[1] == '-'
	}
	low := buf[:len(name)]
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		low[i] = b
	}
	switch string(low) {
	case "return-path", "received", "from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "reply-to", "sender", "status",
		"delivered-to", "envelope-to", "delivery-date", "in-reply-to", "references", "dkim-signature", "domainkey-signature", "received-spf",
		"authentication-results", "precedence", "user-agent", "errors-to", "lines", "organization", "organisation", "importance", "priority",
		"apparently-to", "apparently-from", "newsgroups", "path", "xref", "followup-to", "disposition-notification-to", "return-receipt-to",
		"auto-submitted", "autocrypt", "comments", "keywords", "old-return-path", "mailing-list", "thread-topic", "thread-index":
		return true
	}
	for _, p := range []string{"x-", "content-", "list-", "resent-", "arc-", "delivered-", "original-"} {
		if len(low) > len(p) && string(low[:len(p)]) == p {
			return true
		}
	}
	return false
}
