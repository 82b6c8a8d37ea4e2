package mbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
)

// record is what is known of a message: enough for its Entry.
type record struct {
	offset, start, end int64
	hash               [8]byte
	date               time.Time
	marks              marks
	doubt              doubt
	keywords           []string
	declares           []string // keywords, for the messages behind it
	uidl, subject      string   // the latter of a partial message only
	kept               []int64
}

// marks are the facts of a message that are a yes or a no.
type marks uint16

const (
	isSeen marks = 1 << iota
	isAnswered
	isFlagged
	isDraft
	isDeleted
	isForwarded
	isPartial
	isMDNSent
	isPseudo // the folder's own data in the form of a message
	isLocal  // the From_ line has "-" for a sender, and the time when the message was stored
	hasCR
)

// bounds on what one header makes us keep.
const (
	maxKeywords = 128
	maxWord     = 256
)

// newRecord reads a part. declared are the keywords that the file has declared before; it returns them with those that this part declares.
func newRecord(p Part, declared []string) (record, []string) {
	r := placed(p)
	r.hash = headerHash(p.Header)
	if p.Sender == "-" {
		r.marks |= isLocal
	}
	var keywords []string
	internal, client := false, false // client: the client that keeps the file has fields of its own, which go before Status
	for name, value := range HeaderFields(p.Header) {
		if c := name[0] | 0x20; c != 's' && c != 'x' {
			continue
		}
		v := string(value[:min(len(value), 16*maxWord)])
		switch strings.ToLower(string(name)) {
		case "subject":
			r.subject = v
		case "status":
			if !client {
				r.marks |= letters(v, "R", isSeen)
			}
		case "x-status":
			switch {
			case client:
			case isKMailStatus(v):
				client = true
				m, words := kmailMarks(v)
				r.marks = r.marks&(isLocal|hasCR) | m
				r.addKeywords(words)
			default:
				r.marks |= letters(v, "AFTD", isAnswered, isFlagged, isDraft, isDeleted)
			}
		case "x-keywords":
			keywords = append(keywords, strings.Fields(v)...)
		case "x-imap", "x-imapbase":
			internal = internal || len(name) == len("x-imap")
			if words := strings.Fields(v); len(words) > 2 && len(declared) == 0 {
				declared = words[2:min(len(words), maxKeywords+2)]
				r.declares = declared
			}
		case "x-uidl":
			if r.uidl == "" && len(v) <= maxWord {
				r.uidl = v
			}
		case "x-mozilla-status":
			if n, err := strconv.ParseUint(v, 16, 16); err == nil {
				client = true
				r.marks = r.marks&(isLocal|hasCR) | marksOf(n, mozillaBits)
			}
		case "x-mozilla-status2":
			if n, err := strconv.ParseUint(v, 16, 32); err == nil && n&0x00800000 != 0 {
				r.marks |= isMDNSent
			}
		case "x-mozilla-keys":
			r.addKeywords(strings.Fields(v))
		case "x-evolution":
			if n, words, ok := parseXEvolution(v); ok {
				client = true
				r.marks = r.marks&(isLocal|hasCR) | marksOf(n, evolutionBits)
				r.addKeywords(words)
			}
		}
	}
	if internal && strings.Contains(r.subject, "FOLDER INTERNAL DATA") {
		r.marks |= isPseudo
	}
	if r.marks&isPartial == 0 {
		r.subject = ""
	}
	r.addKeywords(slices.DeleteFunc(keywords, func(k string) bool { return !slices.Contains(declared, k) }))
	return r, declared
}

// placed is a record of where a part is, before its header is read.
func placed(p Part) record {
	r := record{offset: p.Offset, start: p.Start, end: p.End, date: p.Date, doubt: p.doubt, kept: p.Kept}
	if p.CR {
		r.marks |= hasCR
	}
	return r
}

// note is what the index keeps of a record; recordOf undoes it.
func (r *record) note(n Note) Note {
	return n.Int(int64(r.marks)).Word(string(r.hash[:])).Words(r.keywords).Words(r.declares).Word(r.uidl).Word(r.subject)
}

func recordOf(p Part, n Note) record {
	r, in := placed(p), n.Read()
	r.marks = marks(in.Int())
	copy(r.hash[:], in.Word())
	r.keywords, r.declares, r.uidl, r.subject = in.Words(), in.Words(), in.Word(), in.Word()
	return r
}

// letters returns the marks whose letters are in v.
func letters(v, known string, m ...marks) (out marks) {
	for i := range known {
		if strings.IndexByte(v, known[i]) >= 0 {
			out |= m[i]
		}
	}
	return out
}

// addKeywords takes those that IMAP can carry.
func (r *record) addKeywords(words []string) {
	for _, w := range words {
		switch strings.ToLower(w) {
		case "junk":
			w = string(migrate.Junk)
		case "nonjunk":
			w = string(migrate.NotJunk)
		}
		if isAtom(w) && len(r.keywords) < maxKeywords && !slices.Contains(r.keywords, w) {
			r.keywords = append(r.keywords, w)
		}
	}
}

// isAtom is RFC 9051's atom, and no longer than what we keep.
func isAtom(w string) bool {
	for i := range len(w) {
		if w[i] <= ' ' || w[i] >= 0x7f || strings.IndexByte(`(){%*"\]`, w[i]) >= 0 {
			return false
		}
	}
	return len(w) > 0 && len(w) <= maxWord
}

// headerHash is over the header without the fields that clients add and change.
func headerHash(header []byte) (out [8]byte) {
	h := sha256.New()
	cr := bytes.IndexByte(header, '\n') < 0
	skip := false
	for len(header) > 0 {
		line, rest := cutLine(header, cr)
		if len(line) == 0 || line[0] != ' ' && line[0] != '\t' {
			n := fieldName(line)
			skip = n > 0 && migrate.IsClientField(line[:n])
		}
		if !skip {
			h.Write(line)
			h.Write([]byte{'\n'})
		}
		header = rest
	}
	var sum [sha256.Size]byte
	copy(out[:], h.Sum(sum[:0]))
	return out
}

// id names the message within its store.
func (r *record) id(file string) string {
	b := append(make([]byte, 0, len(file)+48), file...)
	b = strconv.AppendInt(append(b, ':'), r.offset, 10)
	b = strconv.AppendInt(append(b, ':'), r.end-r.start, 10)
	b = hex.AppendEncode(append(b, ':'), r.hash[:])
	return string(b)
}

// parseID undoes id.
func parseID(id string) (file string, offset, length int64, hash [8]byte, ok bool) {
	var fields [3]string
	for i := 2; i >= 0; i-- {
		at := strings.LastIndexByte(id, ':')
		if at < 0 {
			return "", 0, 0, hash, false
		}
		id, fields[i] = id[:at], id[at+1:]
	}
	offset, err1 := strconv.ParseInt(fields[0], 10, 64)
	length, err2 := strconv.ParseInt(fields[1], 10, 64)
	n, err3 := hex.Decode(hash[:], []byte(fields[2][:min(len(fields[2]), 2*len(hash))]))
	return id, offset, length, hash, err1 == nil && err2 == nil && err3 == nil && n == len(hash) && offset >= 0 && length >= 0
}

// flags are the record's in the words of IMAP.
func (r *record) flags() (out []migrate.Flag) {
	for _, f := range []struct {
		mark marks
		flag migrate.Flag
	}{
		{isSeen, migrate.Seen}, {isAnswered, migrate.Answered}, {isFlagged, migrate.Flagged}, {isDraft, migrate.Draft},
		{isForwarded, migrate.Forwarded}, {isMDNSent, migrate.MDNSent},
	} {
		if r.marks&f.mark != 0 {
			out = append(out, f.flag)
		}
	}
	for _, k := range r.keywords {
		out = append(out, migrate.Flag(k))
	}
	return out
}

// firstYear is when a From_ line begins to be believed: before it there was no mbox, and programs without a clock write 1970.
const firstYear = 1980

// entry is the record as the engine wants it. The time of a client's own From_ line is when it stored the message, so the header goes
// before it.
func (r *record) entry(f *file, modified time.Time) migrate.Entry {
	e := migrate.Entry{
		ID: r.id(f.rel), Stable: true, Folder: f.folder, Role: f.role, Flags: r.flags(), Size: r.end - r.start, Seq: r.handle(),
		Deleted: r.marks&isDeleted != 0, Partial: r.marks&isPartial != 0, UIDL: r.uidl,
		Fallback: modified, DateRule: "file time",
	}
	if e.Partial {
		e.Subject = r.subject
	}
	if e.Role == migrate.RoleDrafts && r.marks&isDraft == 0 {
		e.Flags = append(e.Flags, migrate.Draft)
	}
	if r.date.Year() < firstYear {
		return e
	}
	e.DateRule = "From_ line"
	if r.marks&isLocal != 0 {
		e.Fallback = r.date
	} else {
		e.Date = r.date
	}
	return e
}

// handle is what Read must know beside the ID: how long the From_ line is, and whether the message has bare CRs.
func (r *record) handle() int {
	h := int(r.start-r.offset) << 1
	if r.marks&hasCR != 0 {
		h |= 1
	}
	return h
}
