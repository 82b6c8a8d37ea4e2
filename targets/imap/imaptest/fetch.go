package imaptest

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

func (c *conn) fetch(tag, verb string, a *arguments) error {
	if c.selected == nil {
		c.line("%s BAD no mailbox selected", tag)
		return nil
	}
	c.account.mu.Lock()
	messages := append([]Stored(nil), c.selected.messages...)
	c.account.mu.Unlock()
	var last uint32
	if n := len(messages); n > 0 {
		last = messages[n-1].UID
	}
	byUID := verb == "UID FETCH"
	if !byUID {
		last = uint32(len(messages))
	}
	set, ok := parseSet(a.word(), last)
	items, known := parseItems(a.word())
	if !ok || !known {
		c.line("%s BAD fetch", tag)
		return nil
	}
	var out []byte
	for i := range messages {
		m := &messages[i]
		n := uint32(i + 1)
		if byUID {
			n = m.UID
		}
		if !set.has(n) {
			continue
		}
		out = appendFetch(out[:0], i+1, m, items, byUID)
		if c.sw.Fetch != nil {
			out = c.sw.Fetch(append([]byte(nil), out...))
		}
		if _, err := c.bw.Write(out); err != nil {
			return err
		}
	}
	c.line("%s OK done", tag)
	return nil
}

// item is one thing asked of a message.
type item struct {
	name   string   // upper case, without .PEEK, as answered
	fields [][]byte // of HEADER.FIELDS, lower case
}

// parseItems reads "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (Date)])" or a single item.
func parseItems(s string) (items []item, ok bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		s = s[1 : len(s)-1]
	}
	for a := (&arguments{parts: []part{{text: s}}}); a.more(); {
		w := strings.ReplaceAll(strings.ToUpper(a.word()), ".PEEK[", "[")
		switch {
		case w == "UID" || w == "FLAGS" || w == "RFC822.SIZE" || w == "INTERNALDATE" || w == "BODY[]" || w == "BODY[HEADER]":
			items = append(items, item{name: w})
		case strings.HasPrefix(w, "BODY[HEADER.FIELDS (") && strings.HasSuffix(w, ")]"):
			it := item{name: w}
			for _, f := range strings.Fields(w[len("BODY[HEADER.FIELDS (") : len(w)-2]) {
				it.fields = append(it.fields, []byte(strings.ToLower(strings.Trim(f, `"`))))
			}
			items = append(items, it)
		default:
			return nil, false
		}
	}
	return items, len(items) > 0
}

func appendFetch(out []byte, n int, m *Stored, items []item, byUID bool) []byte {
	out = fmt.Appendf(out, "* %d FETCH (", n)
	hasUID := false
	for i, it := range items {
		if i > 0 {
			out = append(out, ' ')
		}
		switch it.name {
		case "UID":
			out, hasUID = fmt.Appendf(out, "UID %d", m.UID), true
		case "FLAGS":
			out = fmt.Appendf(out, "FLAGS (%s)", strings.Join(m.Flags, " "))
		case "RFC822.SIZE":
			out = fmt.Appendf(out, "RFC822.SIZE %d", len(m.Raw))
		case "INTERNALDATE":
			d := m.Date
			if d.IsZero() {
				d = time.Unix(0, 0).UTC()
			}
			out = fmt.Appendf(out, "INTERNALDATE %q", d.Format("_2-Jan-2006 15:04:05 -0700"))
		case "BODY[]":
			out = appendLiteral(out, it.name, m.Raw)
		case "BODY[HEADER]":
			out = appendLiteral(out, it.name, header(m.Raw))
		default:
			out = appendLiteral(out, it.name, fields(header(m.Raw), it.fields))
		}
	}
	if byUID && !hasUID {
		out = fmt.Appendf(out, " UID %d", m.UID)
	}
	return append(out, ")\r\n"...)
}

func appendLiteral(out []byte, name string, body []byte) []byte {
	out = fmt.Appendf(out, "%s {%d}\r\n", name, len(body))
	return append(out, body...)
}

// header is a message's header with its empty line.
func header(raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte("\r\n")) {
		return raw[:2]
	}
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		return raw[:i+4]
	}
	return raw
}

// fields are the named fields of a header, and an empty line.
func fields(header []byte, names [][]byte) []byte {
	var out []byte
	take := false
	for len(header) > 0 {
		line := header
		if i := bytes.IndexByte(header, '\n'); i >= 0 {
			line = header[:i+1]
		}
		header = header[len(line):]
		if line[0] != ' ' && line[0] != '\t' {
			take = false
			if i := bytes.IndexByte(line, ':'); i > 0 {
				for _, n := range names {
					take = take || bytes.EqualFold(bytes.TrimRight(line[:i], " \t"), n)
				}
			}
		}
		if take {
			out = append(out, line...)
		}
	}
	return append(out, "\r\n"...)
}
