package mh

import (
	"bytes"
	"slices"
	"strings"
)

// endMarks end what Claws puts before the message in a draft or a queued file.
var endMarks = []string{"x-claws-end-special-headers", "x-sylpheed-end-special-headers"}

// startsMail are the fields at which Claws gives up looking for its own (procmsg.c): the file is another program's.
var startsMail = []string{"date", "to", "from", "subject"}

// specialHeaders returns the length of what Sylpheed and Claws put before a message that waits to be sent: lines such as "AF:" and "S:",
// up to a field that says so, or up to an empty line in Sylpheed and the first versions of Claws.
func specialHeaders(head []byte) int {
	n := 0
	sylpheed := bytes.HasPrefix(head, []byte("AF:"))
	for n < len(head) {
		i := bytes.IndexByte(head[n:], '\n')
		if i < 0 {
			return 0
		}
		line := bytes.TrimRight(head[n:n+i], "\r")
		n += i + 1
		if len(line) == 0 {
			if sylpheed {
				return n
			}
			return 0
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch low := strings.ToLower(string(name)); {
		case slices.Contains(endMarks, low):
			return n + emptyLine(head[n:])
		case slices.Contains(startsMail, low):
			return 0
		}
	}
	return 0
}

// emptyLine returns the length of an empty line at the start of b, or 0.
func emptyLine(b []byte) int {
	for _, end := range []string{"\n", "\r\n"} {
		if bytes.HasPrefix(b, []byte(end)) {
			return len(end)
		}
	}
	return 0
}
