package jobs

import (
	"slices"
	"strings"
)

// Nearest returns the one of names that s is most likely a slip of, or "".
func Nearest(s string, names []string) string {
	best, bestAt := "", 1+len(s)/3
	for _, n := range names {
		d := distance(s, n)
		switch {
		case len(s) > 2 && strings.HasPrefix(n, s): // cut short
			d = min(d, 1)
		case len(s) > 2 && len(n) > 2 && strings.HasPrefix(s, n):
			d = min(d, 2)
		}
		if d <= bestAt && (best == "" || d < bestAt) {
			best, bestAt = n, d
		}
	}
	return best
}

// maxSlip bounds the words that are compared: the table is as wide as one and as high as the other.
const maxSlip = 64

// distance is the number of letters to add, drop, change or swap with the next one (Damerau and Levenshtein, optimal string alignment).
func distance(a, b string) int {
	if len(a) > maxSlip || len(b) > maxSlip {
		return max(len(a), len(b))
	}
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// foreignWords are keys of poplift's own flags and of other tools' files, and what they are called here.
var foreignWords = map[string]string{
	"host": "url", "server": "url", "address": "url", "port": "url", "username": "user", "mailbox": "user", "passwd": "password", "pass": "password",
	"password_cmd": "password: cmd:COMMAND", "password_command": "password: cmd:COMMAND", "passwordeval": "password: cmd:COMMAND",
	"password_file": "password: file:PATH", "token_cmd": "token: cmd:COMMAND", "oauth": "token", "access_token": "token",
	"destination": "target", "dest": "target", "from": "source", "origin": "source", "mechanism": "auth", "authmech": "auth",
	"folder": "into", "prefix": "into", "parallel": "concurrency", "workers": "concurrency", "file": "csv", "users": "accounts", "mailboxes": "accounts",
}

// unknownKey returns the one of the known keys that was most likely meant, or "", and what to tell. places are all keys of a jobs file and where they
// stand.
func unknownKey(key string, known []string, places map[string][]string) (meant, hint string) {
	key = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(key), "-", "_"))
	meant, _, _ = strings.Cut(foreignWords[key], ":")
	switch {
	case slices.Contains(known, key):
		return key, "did you mean " + key + "?"
	case meant != "" && slices.Contains(known, meant):
		return meant, "did you mean " + foreignWords[key] + "?"
	}
	if meant = Nearest(key, known); meant != "" {
		return meant, "did you mean " + meant + "?"
	}
	if at := places[key]; len(at) > 0 {
		return "", key + " stands in " + strings.Join(at, ", ")
	}
	return "", "here can stand " + strings.Join(known, ", ")
}

// vital are the keys without which something else seems to be missing, or two accounts to be one.
var vital = []string{"jobs", "defaults", "accounts", "csv", "extra_columns", "name", "user", "source", "sources", "target", "url", "path",
	"into", "relay", "from", "to", "interval"}
