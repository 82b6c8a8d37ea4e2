package main

import (
	"fmt"
	"strings"
)

// netrcEntry is one machine (or the default, with an empty Machine) of a netrc file.
type netrcEntry struct{ Machine, Login, Password string }

// parseNetrc reads the format of ftp(1) and curl(1): words apart by white space, "…" with backslashes around words that hold some, comments
// from a # where a keyword is due to the end of its line, macdef skipped up to an empty line. Its errors never quote the file.
func parseNetrc(text string) ([]netrcEntry, error) {
	var out []netrcEntry
	r := netrcReader{rest: text, line: 1}
	for {
		word, ok, err := r.next(true)
		if err != nil {
			return nil, err
		}
		if !ok {
			return out, nil
		}
		switch word {
		case "default":
			out = append(out, netrcEntry{})
			continue
		case "macdef":
			r.skipMacro()
			continue
		case "machine", "login", "password", "account":
		default:
			return nil, fmt.Errorf("line %d: not a word of a netrc file", r.line)
		}
		value, ok, err := r.next(false)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("line %d: %s has no value", r.line, word)
		}
		if word == "machine" {
			out = append(out, netrcEntry{Machine: value})
			continue
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("line %d: %s before any machine", r.line, word)
		}
		switch last := &out[len(out)-1]; word {
		case "login":
			last.Login = value
		case "password":
			last.Password = value
		}
	}
}

type netrcReader struct {
	rest string
	line int
}

// next reads a word. Where a keyword is due, # begins a comment; a value may begin with it.
func (r *netrcReader) next(keyword bool) (word string, ok bool, err error) {
	for {
		r.skip(len(r.rest) - len(strings.TrimLeft(r.rest, " \t\r\n")))
		if !keyword || !strings.HasPrefix(r.rest, "#") {
			break
		}
		if i := strings.IndexByte(r.rest, '\n'); i >= 0 {
			r.skip(i)
		} else {
			r.rest = ""
		}
	}
	if r.rest == "" {
		return "", false, nil
	}
	if r.rest[0] == '"' {
		return r.quoted()
	}
	end := strings.IndexAny(r.rest, " \t\r\n")
	if end < 0 {
		end = len(r.rest)
	}
	word = r.rest[:end]
	r.skip(end)
	return word, true, nil
}

func (r *netrcReader) quoted() (string, bool, error) {
	var b strings.Builder
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			r.skip(i + 1)
			return b.String(), true, nil
		case c == '\n':
			return "", false, fmt.Errorf("line %d: the closing quote is missing", r.line)
		case c == '\\' && i+1 < len(r.rest):
			i++
			b.WriteByte(r.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false, fmt.Errorf("line %d: the closing quote is missing", r.line)
}

func (r *netrcReader) skip(n int) {
	r.line += strings.Count(r.rest[:n], "\n")
	r.rest = r.rest[n:]
}

// skipMacro skips to the first empty line.
func (r *netrcReader) skipMacro() {
	if i := strings.Index(strings.ReplaceAll(r.rest, "\r", " "), "\n\n"); i >= 0 {
		r.skip(i + 2)
		return
	}
	r.skip(len(r.rest))
}

// netrcPassword finds the password of a user on a host: an entry that names both, else one of the host that names no user, else the default.
func netrcPassword(entries []netrcEntry, host, user string) (string, bool) {
	best, bestRank := "", 0
	for _, e := range entries {
		rank := 0
		switch {
		case e.Password == "" || e.Login != "" && e.Login != user || e.Machine != "" && !strings.EqualFold(e.Machine, host):
			continue
		case e.Machine != "" && e.Login != "":
			rank = 4
		case e.Machine != "":
			rank = 3
		case e.Login != "":
			rank = 2
		default:
			rank = 1
		}
		if rank > bestRank {
			best, bestRank = e.Password, rank
		}
	}
	return best, bestRank > 0
}
