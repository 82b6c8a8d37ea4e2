package mh

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"poplift/migrate"
)

// sequences are the named sets of messages of a folder (mh-sequence(5)), as far as they mean the same to everybody.
type sequences map[string][]span

// span is a range of numbers, both ends included.
type span struct{ first, last uint64 }

// meanings are the sequences that are flags. "unseen" is the reverse of one.
var meanings = []struct {
	name string
	flag migrate.Flag
}{
	{"replied", migrate.Answered}, {"answered", migrate.Answered}, {"flagged", migrate.Flagged}, {"forwarded", migrate.Forwarded},
	{"passed", migrate.Forwarded}, {"draft", migrate.Draft},
}

const (
	unseen = "unseen"
	// maxLine bounds a line of a file of text; a longer one is none of these files.
	maxLine = 1 << 20
)

// readSequences reads .mh_sequences: "unseen: 3 5-9", and what follows an indented line belongs to the one before it.
func readSequences(r io.Reader) (sequences, error) {
	s := sequences{}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 4096), maxLine)
	name := ""
	for in.Scan() {
		line := in.Text()
		if line == "" || line[0] != ' ' && line[0] != '\t' {
			var ok bool
			if name, line, ok = strings.Cut(line, ":"); !ok {
				name = ""
				continue
			}
		}
		if name = strings.ToLower(strings.TrimSpace(name)); name == "" {
			continue
		}
		for word := range strings.FieldsSeq(line) {
			if r, ok := parseSpan(word); ok {
				s[name] = append(s[name], r)
			}
		}
	}
	return s, in.Err()
}

func parseSpan(word string) (span, bool) {
	from, to, isRange := strings.Cut(word, "-")
	first, err := strconv.ParseUint(from, 10, 32)
	if err != nil {
		return span{}, false
	}
	if !isRange {
		return span{first, first}, true
	}
	last, err := strconv.ParseUint(to, 10, 32)
	return span{first, last}, err == nil && first <= last
}

func (s sequences) has(name string, number uint64) bool {
	for _, r := range s[name] {
		if r.first <= number && number <= r.last {
			return true
		}
	}
	return false
}

// flags translates the sequences that a message is in.
func (s sequences) flags(number uint64) (flags []migrate.Flag) {
	if !s.has(unseen, number) {
		flags = append(flags, migrate.Seen)
	}
	for _, m := range meanings {
		if s.has(m.name, number) {
			flags = append(flags, m.flag)
		}
	}
	return flags
}
