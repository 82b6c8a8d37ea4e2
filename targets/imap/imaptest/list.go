package imaptest

import (
	"sort"
	"strings"
)

// list answers LIST and XLIST, with the return options of RFC 5258, 5819 and 6154 when the server has them.
func (c *conn) list(tag, verb string, a *arguments) error {
	if a.at("(") {
		a.word() // selection options
	}
	reference, pattern := a.str(), a.str()
	extended, items := false, []string(nil)
	if a.more() {
		extended = true
		var ok bool
		if items, ok = c.returned(a); !ok {
			c.line("%s BAD LIST with more than a reference and a pattern", tag)
			return nil
		}
	}
	if pattern == "" {
		c.line(`* LIST (\Noselect) %s ""`, c.delimiter())
		c.line("%s OK done", tag)
		return nil
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	for _, n := range c.listed() {
		if !match(reference+pattern, n, c.sw.delimiter()) {
			continue
		}
		b := c.account.box(n)
		line := "* " + verb + " (" + strings.Join(c.attributes(n, b, extended), " ") + ") " + c.delimiter() + " " + quote(n)
		if c.sw.ListLine != nil {
			line = c.sw.ListLine(line)
		}
		if line != "" {
			c.line("%s", line)
		}
		if len(items) > 0 && b != nil && !b.noSelect {
			c.line("* STATUS %s (%s)", quote(n), c.statusOf(b, items))
		}
	}
	c.line("%s OK done", tag)
	return nil
}

// returned reads RETURN (options) and gives the items of STATUS among them.
func (c *conn) returned(a *arguments) (items []string, ok bool) {
	if !c.has("LIST-EXTENDED") || !strings.EqualFold(a.word(), "RETURN") || !a.at("(") {
		return nil, false
	}
	for o := (&arguments{parts: []part{{text: strings.TrimSuffix(a.word()[1:], ")")}}}); o.more(); {
		switch option := strings.ToUpper(o.word()); {
		case option == "SPECIAL-USE" && c.has("SPECIAL-USE"), option == "SUBSCRIBED", option == "CHILDREN":
		case option == "STATUS" && c.has("LIST-STATUS"):
			items = strings.Fields(strings.Trim(o.word(), "()"))
		default:
			return nil, false
		}
	}
	return items, true
}

// listed are the names of all mailboxes and of what must be above them, sorted. The account is locked.
func (c *conn) listed() (names []string) {
	seen := map[string]bool{}
	d := c.sw.delimiter()
	for n := range c.account.boxes {
		seen[n] = true
		for i := range n {
			if d != "" && i > 0 && strings.HasPrefix(n[i:], d) {
				seen[normal(n[:i])] = true
			}
		}
	}
	for n := range seen {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// attributes are those of a mailbox; nil is one that isn't there and has others below it.
func (c *conn) attributes(name string, b *mailbox, extended bool) (out []string) {
	switch {
	case b == nil && extended:
		out = append(out, `\NonExistent`)
	case b == nil || b.noSelect:
		out = append(out, `\Noselect`)
	case b.noInferiors:
		out = append(out, `\NoInferiors`)
	}
	if c.has("CHILDREN") {
		child := `\HasNoChildren`
		for n := range c.account.boxes {
			if d := c.sw.delimiter(); d != "" && strings.HasPrefix(n, name+d) {
				child = `\HasChildren`
			}
		}
		out = append(out, child)
	}
	if b != nil && b.use != "" && (c.has("SPECIAL-USE") || c.has("XLIST")) {
		out = append(out, b.use)
	}
	return out
}
