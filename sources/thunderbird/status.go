package thunderbird

import (
	"slices"
	"strconv"
	"strings"

	"poplift/migrate"
)

// status is a message's flags as X-Mozilla-Status and X-Mozilla-Status2 have them (nsMsgMessageFlags.idl). Both fields are parts of one set
// of 32 bits: the first has the low 16 as 4 hexadecimal digits, the second all above them as 8.
type status uint32

const (
	statusRead        status = 1 << 0
	statusReplied     status = 1 << 1
	statusMarked      status = 1 << 2
	statusExpunged    status = 1 << 3
	statusFeed        status = 1 << 6
	statusPartial     status = 1 << 10
	statusQueued      status = 1 << 11
	statusForwarded   status = 1 << 12
	statusIMAPDeleted status = 1 << 21
	statusMDNSent     status = 1 << 23
	statusLabels      status = 7 << 25 // a number from 1 to 5, before there were tags
)

// parseStatus reads both fields; either may be missing. ok is false for a field that is there and is no number, which counts as 0.
func parseStatus(low, high string) (s status, ok bool) {
	a, okA := fromHex(low)
	b, okB := fromHex(high)
	return status(a&0xFFFF | b&0xFFFF0000), okA && okB
}

func fromHex(s string) (uint64, bool) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return 0, false
	}
	return n, true
}

// deleted says that the client has thrown the message away.
func (s status) deleted() bool { return s&(statusExpunged|statusIMAPDeleted) != 0 }

// flags are the status and the words of X-Mozilla-Keys as IMAP has them, each once and in a fixed order.
func flags(s status, keys string) []migrate.Flag {
	var out []migrate.Flag
	add := func(f migrate.Flag) {
		same := func(g migrate.Flag) bool { return strings.EqualFold(string(f), string(g)) }
		if !slices.ContainsFunc(out, same) {
			out = append(out, f)
		}
	}
	for _, b := range statusFlags {
		if s&b.bit != 0 {
			add(b.flag)
		}
	}
	if n := s & statusLabels >> 25; n >= 1 && n <= 5 {
		add(migrate.Flag("$label" + strconv.Itoa(int(n))))
	}
	for i, key := range strings.Fields(keys) {
		if i == maxKeys {
			break
		}
		if f := keyword(key); f != "" {
			add(f)
		}
	}
	return out
}

// maxKeys bounds the tags of a message: a header is whatever somebody wrote.
const maxKeys = 200

var statusFlags = []struct {
	bit  status
	flag migrate.Flag
}{
	{statusRead, migrate.Seen},
	{statusReplied, migrate.Answered},
	{statusMarked, migrate.Flagged},
	{statusForwarded, migrate.Forwarded},
	{statusMDNSent, migrate.MDNSent},
}

// knownKeys are the client's own words for what has a registered keyword, in lower case.
var knownKeys = map[string]migrate.Flag{
	"junk": migrate.Junk, "$junk": migrate.Junk,
	"nonjunk": migrate.NotJunk, "notjunk": migrate.NotJunk, "$notjunk": migrate.NotJunk,
	"$forwarded": migrate.Forwarded, "forwarded": migrate.Forwarded,
	"$mdnsent": migrate.MDNSent, "mdnsent": migrate.MDNSent,
}

// keyword makes an IMAP keyword of a tag's key. The client makes keys that are atoms already, with names in modified UTF-7; what other
// programs wrote there and is no atom (RFC 9051 section 9) has "_" in the place of what can't be said.
func keyword(key string) migrate.Flag {
	if f, ok := knownKeys[strings.ToLower(key)]; ok {
		return f
	}
	f := strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7F || strings.ContainsRune(`(){%*"\]`, r) {
			return '_'
		}
		return r
	}, key)
	if len(f) > 100 || strings.Trim(f, "_") == "" {
		return ""
	}
	return migrate.Flag(f)
}
