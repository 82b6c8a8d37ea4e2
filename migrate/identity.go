package migrate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"time"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IdentityVersion is the version of the rules below. Records carry it, so that a store stays of use when the rules grow.
const IdentityVersion = 1

// Identity is what tells messages apart. Two messages are the same when their Digests are: the canonical form is CRLF line ends,
// trailing line ends ignored (POP3 can't carry a message without a final CRLF, mbox adds one), fields that clients add left out.
type Identity struct {
	Version uint8
	// Digest is over Header and Body.
	Digest Digest
	// Header and Body are over the canonical header without its empty line, and the canonical body.
	Header, Body Digest
	// Envelope narrows the search among messages that only their identity headers are known of.
	Envelope Envelope
}

// Envelope is a short digest of the identity headers. It is never proof by itself.
type Envelope [16]byte

// HasMessageID says whether a Message-ID went into it. Without one it is too weak to be confirmed by size alone.
func (e Envelope) HasMessageID() bool { return e[0]&1 != 0 }

// EnvelopeFields are the identity headers, in the order they are hashed. A target is indexed by asking it for just these.
var EnvelopeFields = []string{"Message-ID", "Date", "From", "To", "Cc", "Subject", "Content-Type"}

// fieldCap bounds what is kept of one field, all its occurrences together. Both sides cut alike.
const fieldCap = 8 << 10

// fieldKind says what a header field means to us.
type fieldKind uint8

const (
	fieldOther  fieldKind = iota
	fieldClient           // added by a mail client: not part of the message
	fieldReceived
	fieldEnvelope // + the index in EnvelopeFields
)

const dateField = 1 // the index of Date in EnvelopeFields

var fieldKinds = map[string]fieldKind{
	"message-id": fieldEnvelope, "date": fieldEnvelope + 1, "from": fieldEnvelope + 2, "to": fieldEnvelope + 3,
	"cc": fieldEnvelope + 4, "subject": fieldEnvelope + 5, "content-type": fieldEnvelope + 6,
	"received": fieldReceived,
	"status":   fieldClient, "x-status": fieldClient, "x-keywords": fieldClient, "x-uid": fieldClient, "x-uidl": fieldClient,
	"x-imap": fieldClient, "x-imapbase": fieldClient, "x-account-key": fieldClient, "content-length": fieldClient, "x-gmail-labels": fieldClient, "x-gm-thrid": fieldClient,
}

// clientPrefixes are families of fields that clients add.
var clientPrefixes = [][]byte{[]byte("x-mozilla-"), []byte("x-evolution"), []byte("x-kmail-")}

// IsClientField says whether a header field of this name was added by a mail client, and is not part of the message. name has no colon.
func IsClientField(name []byte) bool {
	return len(name) <= maxFieldName && kindOf(name) == fieldClient
}

// kindOf takes a field name in any case, with possible white space before the colon.
func kindOf(name []byte) fieldKind {
	var buf [maxFieldName]byte
	low := buf[:0]
	for _, b := range bytes.TrimRight(name, " \t") {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		low = append(low, b)
	}
	if k, ok := fieldKinds[string(low)]; ok {
		return k
	}
	for _, p := range clientPrefixes {
		if bytes.HasPrefix(low, p) {
			return fieldClient
		}
	}
	return fieldOther
}

// maxFieldName is how much of a line is looked at for a field name; a longer one is no field of ours.
const maxFieldName = 64

// identifier computes an Identity from octets in CRLF form, in any pieces, in constant memory.
type identifier struct {
	header, body *trimmed
	part         func(*identifier, []byte) []byte
	name         []byte // the current line's start, until its colon
	kind         fieldKind
	values       [7][]byte // printable octets of the envelope fields
	date         []byte    // the first Date, white space kept
	dateDone     bool
	received     []byte // the topmost Received
	receivedSeen int
}

func newIdentifier() *identifier { return identifierOver(sha256.New(), sha256.New()) }

func identifierOver(header, body hash.Hash) *identifier {
	id := &identifier{header: &trimmed{Hash: header}, body: &trimmed{Hash: body}}
	id.reset()
	return id
}

func (id *identifier) reset() {
	id.header.Reset()
	id.body.Reset()
	for i := range id.values {
		id.values[i] = id.values[i][:0]
	}
	id.name, id.date, id.received = id.name[:0], id.date[:0], id.received[:0]
	id.dateDone, id.receivedSeen, id.kind = false, 0, fieldOther
	id.part = (*identifier).lineStart
}

func (id *identifier) write(p []byte) {
	for len(p) > 0 {
		p = id.part(id, p)
	}
}

// lineStart gathers a header line's first octets until it is clear what the line is.
func (id *identifier) lineStart(p []byte) []byte {
	for i, b := range p {
		if len(id.name) == 0 && (b == ' ' || b == '\t') {
			id.part = (*identifier).value // a continuation: the kind stays
			return p[i:]
		}
		id.name = append(id.name, b)
		switch {
		case b == '\n':
			if len(id.name) == 2 && id.name[0] == '\r' {
				id.name = id.name[:0]
				id.part = (*identifier).bodyPart
				return p[i+1:]
			}
			id.field(fieldOther) // no colon: junk, part of the message all the same
			id.part = (*identifier).lineStart
			return p[i+1:]
		case b == ':':
			id.field(kindOf(id.name[:len(id.name)-1]))
			return p[i+1:]
		case len(id.name) == maxFieldName:
			id.field(fieldOther)
			return p[i+1:]
		}
	}
	return nil
}

// field begins a field whose first octets are in id.name.
func (id *identifier) field(k fieldKind) {
	if id.kind == fieldEnvelope+dateField && len(id.date) > 0 {
		id.dateDone = true
	}
	id.kind = k
	if k == fieldReceived {
		id.receivedSeen++
	}
	if k != fieldClient {
		id.header.Write(id.name)
	}
	id.name = id.name[:0]
	id.part = (*identifier).value
}

// value takes the rest of a header line.
func (id *identifier) value(p []byte) []byte {
	line, rest := p, []byte(nil)
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		line, rest = p[:i+1], p[i+1:]
		id.part = (*identifier).lineStart
	}
	switch k := id.kind; {
	case k == fieldClient:
		return rest
	case k == fieldReceived:
		if id.receivedSeen == 1 {
			id.received = appendCapped(id.received, line)
		}
	case k >= fieldEnvelope:
		v := &id.values[k-fieldEnvelope]
		*v = appendPrintable(*v, line)
		if k == fieldEnvelope+dateField && !id.dateDone {
			id.date = appendCapped(id.date, line)
		}
	}
	id.header.Write(line)
	return rest
}

func (id *identifier) bodyPart(p []byte) []byte {
	id.body.Write(p)
	return nil
}

// trimmed is a hash that ignores the line ends at the end of what it is given.
type trimmed struct {
	hash.Hash
	ends []byte // CRs and LFs, held back until more comes
}

func (t *trimmed) Reset() {
	t.Hash.Reset()
	t.ends = t.ends[:0]
}

func (t *trimmed) Write(p []byte) (int, error) {
	end := len(p)
	for end > 0 && (p[end-1] == '\n' || p[end-1] == '\r') {
		end--
	}
	if end > 0 {
		t.Hash.Write(t.ends)
		t.ends = t.ends[:0]
		t.Hash.Write(p[:end])
	}
	t.ends = append(t.ends, p[end:]...)
	if len(t.ends) > chunkSize { // nobody's message ends in thousands of empty lines; the bound is the point
		t.Hash.Write(t.ends)
		t.ends = t.ends[:0]
	}
	return len(p), nil
}

func appendCapped(dst, src []byte) []byte {
	return append(dst, src[:min(len(src), fieldCap-len(dst))]...)
}

// appendPrintable keeps only printable US-ASCII: servers refold, and turn NUL and bare CR into something else (Dovecot 2.3: NUL → 0x80).
func appendPrintable(dst, src []byte) []byte {
	for _, b := range src {
		if b > ' ' && b < 0x7f && len(dst) < fieldCap {
			dst = append(dst, b)
		}
	}
	return dst
}

func (id *identifier) sum() (Identity, HeaderDates) {
	id.header.Write(id.name) // a header that ended in mid-line
	out := Identity{Version: IdentityVersion, Envelope: envelopeOf(&id.values)}
	id.header.Sum(out.Header[:0])
	id.body.Sum(out.Body[:0])
	var both [2 * sha256.Size]byte
	copy(both[:], out.Header[:])
	copy(both[sha256.Size:], out.Body[:])
	out.Digest = sha256.Sum256(both[:])
	return out, HeaderDates{Received: receivedDate(id.received), Date: parseDate(id.date)}
}

func envelopeOf(values *[7][]byte) (e Envelope) {
	var buf [512]byte
	flat := buf[:0]
	for _, v := range values {
		flat = append(append(flat, v...), 0)
	}
	sum := sha256.Sum256(flat)
	copy(e[:], sum[:])
	e[0] = IdentityVersion << 1
	if len(values[0]) > 0 {
		e[0] |= 1
	}
	return e
}

// EnvelopeReader turns header blocks into Envelopes, reusing its memory. The zero value is ready.
type EnvelopeReader struct{ values [7][]byte }

// Envelope reads a header block, such as a server's answer to BODY[HEADER.FIELDS (…)]. Line ends may be CRLF or LF.
func (r *EnvelopeReader) Envelope(header []byte) Envelope {
	for i := range r.values {
		r.values[i] = r.values[i][:0]
	}
	kind := fieldOther
	for len(header) > 0 {
		line := header
		if i := bytes.IndexByte(header, '\n'); i >= 0 {
			line = header[:i+1]
		}
		header = header[len(line):]
		if line[0] != ' ' && line[0] != '\t' {
			colon := bytes.IndexByte(line[:min(len(line), maxFieldName)], ':')
			if kind = fieldOther; colon >= 0 {
				kind, line = kindOf(line[:colon]), line[colon+1:]
			}
		}
		if kind >= fieldEnvelope {
			v := &r.values[kind-fieldEnvelope]
			*v = appendPrintable(*v, line)
		}
	}
	return envelopeOf(&r.values)
}

// HeaderDates are the dates that a message's header tells; zero where there is none that makes sense.
type HeaderDates struct {
	// Received is when the last server took it (the topmost Received field), Date what the author's client wrote.
	Received, Date time.Time
}
