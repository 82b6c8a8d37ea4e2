package maildir

import (
	"slices"
	"strings"
	"time"

	"poplift/migrate"
)

// infoMarks are what stands before "2," in a file name: the colon, and what systems and archivers that know no colon in names make of it.
// The last one is how Windows shares and macOS map it (U+F03A).
var infoMarks = []string{":", ";", "!", "-", "_", "\uf03a"}

// splitName parts a file name into what names the message, and its flags. Where there are none, base is all of it.
func splitName(name string) (base, letters string) {
	if i := strings.LastIndex(name, ":2,"); i > 0 {
		letters, _, _ = strings.Cut(name[i+3:], ",") // what may follow a comma is not for us
		return name[:i], letters
	}
	for _, mark := range infoMarks[1:] {
		// These can be part of a base, as in 1294156254.3884_2,S=1355: the flags must be letters to the end.
		if i := strings.LastIndex(name, mark+"2,"); i > 0 && isLetters(name[i+len(mark)+2:]) {
			return name[:i], name[i+len(mark)+2:]
		}
	}
	if i := strings.IndexByte(name, ':'); i > 0 {
		return name[:i], "" // "1," is experimental; no base has a colon
	}
	return name, ""
}

func isLetters(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// flagsOf translates the letters. keyword gives the meaning of a to z in this folder.
func flagsOf(letters string, keywords []string) (flags []migrate.Flag, deleted bool) {
	for i := range len(letters) {
		var f migrate.Flag
		switch c := letters[i]; c {
		case 'S':
			f = migrate.Seen
		case 'R':
			f = migrate.Answered
		case 'F':
			f = migrate.Flagged
		case 'D':
			f = migrate.Draft
		case 'P':
			f = migrate.Forwarded
		case 'T':
			deleted = true
		default:
			if k := int(c) - 'a'; k >= 0 && k < len(keywords) {
				f = migrate.Flag(keywords[k])
			}
		}
		if f != "" && !slices.Contains(flags, f) {
			flags = append(flags, f)
		}
	}
	return flags, deleted
}

// Times outside of this are not taken for those of a delivery: before it there was no Maildir, nor anything to convert to one.
var (
	earliest = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// epochOf reads the time of delivery at the start of a file name: seconds, milliseconds or microseconds. 0 is none.
func epochOf(name string) int64 {
	n, digits := int64(0), 0
	for digits < len(name) && digits < 17 && name[digits] >= '0' && name[digits] <= '9' {
		n = 10*n + int64(name[digits]-'0')
		digits++
	}
	if digits < len(name) && !strings.ContainsRune("._-,:;!", rune(name[digits])) {
		return 0 // something hexadecimal, or a number and a word
	}
	switch digits {
	case 13:
		n /= 1e3
	case 16:
		n /= 1e6
	case 9, 10:
	default:
		return 0
	}
	if n < earliest || n >= latest {
		return 0
	}
	return n
}

// isIndex says whether a file that lies where messages do belongs to a program. Names that begin with a dot never name a message.
func isIndex(name string) bool {
	if strings.HasPrefix(name, ".") {
		return true
	}
	for _, p := range []string{"dovecot.", "dovecot-", "courierimap", "courierpop3"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	for _, s := range []string{".cmeta", ".ev-summary", ".ev-summary-meta", ".ibex.index", ".ibex.index.data"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	switch name {
	case "maildirsize", "maildirfolder", "subscriptions", "folders.db", "desktop.ini", "Thumbs.db":
		return true
	}
	return false
}
