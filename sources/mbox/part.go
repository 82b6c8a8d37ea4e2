package mbox

import (
	"errors"
	"time"

	"poplift/sources/filestore"
)

// Variant is how a file keeps a From_ line in a message from looking like the beginning of another.
type Variant uint8

const (
	// Auto has the file tell.
	Auto Variant = iota
	// O quotes "From " with ">", and nothing else.
	O
	// RD quotes ">From " too, and can be undone exactly.
	RD
	// CL is O with Content-Length fields.
	CL
	// CL2 has Content-Length fields and quotes nothing.
	CL2
	// MMDF has lines of four ^A between messages, and quotes nothing.
	MMDF
)

func (v Variant) String() string {
	if int(v) < len(variantNames) {
		return variantNames[v]
	}
	return "unknown"
}

var variantNames = [...]string{"auto", "mboxo", "mboxrd", "mboxcl", "mboxcl2", "mmdf"}

// ParseVariant reads what a user types: "o", "mboxrd".
func ParseVariant(s string) (Variant, error) {
	for i, name := range variantNames {
		if s == name || i > 0 && "mbox"+s == name {
			return Variant(i), nil
		}
	}
	return Auto, errors.New("no variant of mbox; there are auto, o, rd, cl, cl2 and mmdf")
}

// Part is a message in a file. What lies between the End of one and the Offset of the next is an empty line or a line of MMDF, never more.
type Part struct {
	// Offset is where the From_ line begins, Start where the message does, behind the From_ line and others like it (">From "), End where it
	// ends, without the empty line before the next From_ line.
	Offset, Start, End int64
	// Sender is what the From_ line says, "-" for Netscape and its heirs, who write there when they stored the message and not when it came.
	Sender string
	// Date is the From_ line's; zero where it has none. A date without a zone is taken for UTC (RFC 4155).
	Date time.Time
	// Header is the header block as it is in the file, up to its empty line and at most 64 KiB of it. It is good until the next part.
	Header []byte
	// Doubtful says why it is doubtful that a message begins here; empty when it is not.
	Doubtful string
	// Kept are the offsets of lines in the message that might begin another and were left in it, the first few of them.
	Kept []int64
	// Variant says how the message is quoted.
	Variant Variant
	// CR says that its lines end in bare CRs.
	CR bool

	doubt doubt
}

// Len is the length of the message as it is in the file.
func (p Part) Len() int64 { return p.End - p.Start }

// DoubtsOf says what is doubtful about a part of a file.
func DoubtsOf(file string, p Part) (out []filestore.Doubt) {
	if p.Doubtful != "" {
		out = append(out, filestore.Doubt{File: file, Offset: p.Offset, Text: p.Doubtful})
	}
	for _, at := range p.Kept {
		out = append(out, filestore.Doubt{File: file, Offset: at, Text: keptText})
	}
	return out
}

const keptText = "this line may begin a message, and was left in the one before it"

// ErrNotMbox is a file that has no From_ line where an mbox has one.
var ErrNotMbox = errors.New("not an mbox file")

var (
	from       = []byte("From ")
	quotedFrom = []byte(">From ")
	mmdfLine   = []byte("\x01\x01\x01\x01")
)
