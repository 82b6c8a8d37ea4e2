package mbox

import (
	"mime"
	"strconv"
	"strings"

	"poplift/migrate"
)

// clientBit is what one bit of a client's status means.
type clientBit struct {
	bit  uint64
	mark marks
}

// mozillaBits are those of X-Mozilla-Status (nsMsgMessageFlags.idl), evolutionBits those of X-Evolution (camel-folder-summary.h of Evolution 1
// and 2, which kept their mail in mboxes).
var (
	mozillaBits   = []clientBit{{1, isSeen}, {2, isAnswered}, {4, isFlagged}, {8, isDeleted}, {0x400, isPartial}, {0x1000, isForwarded}}
	evolutionBits = []clientBit{{1, isAnswered}, {2, isDeleted}, {4, isDraft}, {8, isFlagged}, {0x10, isSeen}, {0x1000, isForwarded}}
)

func marksOf(n uint64, bits []clientBit) (m marks) {
	for _, b := range bits {
		if n&b.bit != 0 {
			m |= b.mark
		}
	}
	return m
}

const evolutionJunk = 1 << 7

// parseXEvolution reads the field that Evolution keeps of each message: "00000002-0130", a UID and bits, and behind it what the user has
// set: `; flags="a,b"; tags="…"` (camel-local-summary.c). What has another form is another program's.
func parseXEvolution(v string) (bits uint64, words []string, ok bool) {
	numbers, _, _ := strings.Cut(v, ";")
	numbers = strings.TrimSpace(numbers)
	if len(numbers) != len("00000000-0000") || numbers[8] != '-' {
		return 0, nil, false
	}
	_, errUID := strconv.ParseUint(numbers[:8], 16, 32)
	bits, err := strconv.ParseUint(numbers[9:], 16, 16)
	if err != nil || errUID != nil {
		return 0, nil, false
	}
	if bits&evolutionJunk != 0 {
		words = append(words, string(migrate.Junk))
	}
	if _, params, err := mime.ParseMediaType("x/y" + v[strings.Index(v, numbers)+len(numbers):]); err == nil {
		words = append(words, strings.Split(params["flags"], ",")...)
	}
	return bits, words, true
}

// isKMailStatus says whether X-Status has the letters of KMail, of which some mean something else in Pine and mutt, who have no more than AFTD.
// It always says whether a message is new, unread, read or old; its Status says "R" of what nobody has read (kmmessage.cpp, setStatusFields).
func isKMailStatus(v string) bool {
	return strings.ContainsAny(v, "NUOR") && strings.Trim(v, "NUORDAFQKSGWIPHTC") == ""
}

// kmailMarks are those letters' meanings (messagestatus.cpp, getStatusStr): F is forwarded and T has an attachment.
func kmailMarks(v string) (m marks, words []string) {
	m = letters(v, "ADFG", isAnswered, isDeleted, isForwarded, isFlagged)
	if strings.ContainsAny(v, "RI") || !strings.ContainsAny(v, "NU") {
		m |= isSeen
	}
	if strings.Contains(v, "P") {
		words = append(words, string(migrate.Junk))
	}
	if strings.Contains(v, "H") {
		words = append(words, string(migrate.NotJunk))
	}
	return m, words
}
