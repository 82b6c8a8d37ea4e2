package thunderbird

import (
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// skipped says that a file in an account's directory is no folder: the list of nsMsgLocalStoreUtils.cpp and what others leave there.
func skipped(name string) bool {
	low := strings.ToLower(name)
	if low == "" || low[0] == '.' || low[0] == '#' || strings.HasSuffix(low, "~") || skippedNames[low] {
		return true
	}
	for _, suffix := range skippedSuffixes {
		if strings.HasSuffix(low, suffix) {
			return true
		}
	}
	return strings.HasPrefix(low, "feeds") && strings.HasSuffix(low, ".json") || strings.HasPrefix(low, "feeditems")
}

var skippedNames = map[string]bool{
	"popstate.dat": true, "sort.dat": true, "mailfilt.log": true, "filters.js": true, "msgfilterrules.dat": true, "rules.dat": true,
	"rulesbackup.dat": true, "filterlog.html": true, "junklog.html": true, "filterlog.xhtml": true, "junklog.xhtml": true, "feeds.rdf": true,
	"feeds.json": true, "desktop.ini": true, "thumbs.db": true, "nstmp": true, "virtualfolders.dat": true, "training.dat": true, "traits.dat": true,
}

var skippedSuffixes = []string{".msf", ".snm", ".toc", ".mozmsgs", ".wdseml", ".compact-temp", ".bak.msf", ".lock", ".sqlite", ".mozeml"}

// folderName is the name that a person gave a folder, as far as the disk tells it. Characters that a file system might not take are written
// %XX; names that were too long or too odd for old versions end in a hash of theirs, and then only the index knows them.
func folderName(disk, msf string) string {
	if kept, ok := hashed(disk); ok {
		if name := indexedName(msf); name != "" && strings.HasPrefix(name, kept) {
			return name
		}
	}
	name := unescape(disk)
	if !utf8.ValidString(name) {
		name = fromLatin1(name)
	}
	if !plausible(name) {
		return fromLatin1IfNeeded(disk)
	}
	return name
}

// hashed says that a disk name ends like the ones that NS_MsgHashIfNecessary makes, and returns what was kept of the true name.
func hashed(disk string) (kept string, ok bool) {
	if len(disk) < 8 {
		return "", false
	}
	cut := len(disk) - 8
	return disk[:cut], strings.Trim(disk[cut:], "0123456789abcdef") == ""
}

// plausible names can be names of folders. Whoever decodes to anything else meant the name on disk as it is.
func plausible(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F })
}

// unescape undoes %XX for the characters that the client writes so, and for no others. It writes "%" itself so too, so that only a folder of
// an old version that is really called "%41" comes out wrong.
func unescape(disk string) string {
	if !strings.Contains(disk, "%") {
		return disk
	}
	var b strings.Builder
	for i := 0; i < len(disk); i++ {
		if disk[i] == '%' && i+2 < len(disk) {
			if n, ok := fromHex(disk[i+1 : i+3]); ok && disk[i+1] != ' ' && escapable(byte(n)) {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(disk[i])
	}
	return b.String()
}

// escapable octets are what the client escapes: the reserved ones of the file systems, a name's first and last dot or blank, and the first
// letter of a name that Windows keeps for a device ("%43ON").
func escapable(c byte) bool {
	return strings.IndexByte(`%<>:"/\|?* .#~`, c) >= 0 || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c >= 0x80
}

func fromLatin1IfNeeded(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return fromLatin1(s)
}

// fromLatin1 reads octets that aren't UTF-8 as the character set of the systems that had no other.
func fromLatin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

// maxIndex is how much of an index is looked through for the folder's name, which stands near its beginning.
const maxIndex = 256 << 10

// The index is a Mork file: dictionaries of (id=value), one for the names of columns and others for values, and rows of (^column^value) or
// (^column=literal). One cell of one row is all that is wanted of it, which needs no reader of Mork.
var (
	morkColumn  = regexp.MustCompile(`\(\s*([0-9A-Fa-f]+)\s*=\s*folderName\s*\)`)
	morkColumns = regexp.MustCompile(`(?s)<\s*<\(a=c\)>.*?>`)
)

// indexedName returns the name that an .msf file has for its folder, or "".
func indexedName(msf string) string {
	if msf == "" {
		return ""
	}
	f, err := os.Open(msf)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxIndex))
	if err != nil {
		return ""
	}
	return morkFolderName(string(b))
}

func morkFolderName(s string) string {
	col := morkColumn.FindStringSubmatch(s)
	if col == nil {
		return ""
	}
	rows := morkColumns.ReplaceAllString(s, "")
	cell := regexp.MustCompile(`\(\^` + col[1] + `(?:\^([0-9A-Fa-f]+)|\s*=((?:\\.|[^)\\])*))\)`).FindStringSubmatch(rows)
	if cell == nil {
		return ""
	}
	value := cell[2]
	if cell[1] != "" {
		atom := regexp.MustCompile(`(?s)\(\s*` + cell[1] + `\s*=((?:\\.|[^)\\])*)\)`).FindStringSubmatch(rows)
		if atom == nil {
			return ""
		}
		value = atom[1]
	}
	name := morkText(value)
	if !utf8.ValidString(name) || !plausible(name) || len(name) > 1000 {
		return ""
	}
	return name
}

// morkText undoes the escapes of a Mork value: "\" before a character or the end of a line, and $XX for an octet.
func morkText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				i++
			} else if s[i] != '\n' && s[i] != '\r' {
				b.WriteByte(s[i])
			}
		case s[i] == '$' && i+2 < len(s):
			if n, ok := fromHex(s[i+1 : i+3]); ok {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
			b.WriteByte('$')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
