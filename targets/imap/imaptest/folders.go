package imaptest

import (
	"fmt"
	"sort"
	"strings"
)

// allowed says whether a mailbox can have this name.
func (c *conn) allowed(name string) bool {
	return name != "" && (strings.EqualFold(name, "INBOX") || strings.HasPrefix(name, c.sw.Prefix))
}

func (c *conn) list(tag string, a *arguments) error {
	if a.at("(") {
		a.word() // selection options
	}
	reference, pattern := a.str(), a.str()
	if pattern == "" {
		c.line(`* LIST (\Noselect) %s ""`, c.delimiter())
		c.line("%s OK done", tag)
		return nil
	}
	c.account.mu.Lock()
	var names []string
	for n := range c.account.boxes {
		if match(reference+pattern, n, c.sw.delimiter()) {
			names = append(names, n)
		}
	}
	c.account.mu.Unlock()
	sort.Strings(names)
	for _, n := range names {
		c.line("* LIST () %s %s", c.delimiter(), quote(n))
	}
	c.line("%s OK done", tag)
	return nil
}

// match is LIST's pattern matching: * is anything, % anything but the delimiter.
func match(pattern, name, delimiter string) bool {
	if pattern == "" {
		return name == ""
	}
	switch pattern[0] {
	case '*', '%':
		for i := 0; i <= len(name); i++ {
			if match(pattern[1:], name[i:], delimiter) {
				return true
			}
			if i < len(name) && pattern[0] == '%' && name[i:i+1] == delimiter {
				return false
			}
		}
		return false
	}
	return name != "" && pattern[0] == name[0] && match(pattern[1:], name[1:], delimiter)
}

func (c *conn) status(tag string, a *arguments) error {
	name, items := a.str(), strings.Fields(strings.Trim(a.word(), "()"))
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	b := c.account.box(name)
	if b == nil || !c.allowed(name) {
		c.line("%s %s", tag, c.code("NO", "NONEXISTENT", "no such mailbox"))
		return nil
	}
	var out []string
	for _, item := range items {
		switch strings.ToUpper(item) {
		case "MESSAGES":
			out = append(out, fmt.Sprintf("MESSAGES %d", len(b.messages)))
		case "UIDNEXT":
			out = append(out, fmt.Sprintf("UIDNEXT %d", b.uidNext))
		case "UIDVALIDITY":
			out = append(out, fmt.Sprintf("UIDVALIDITY %d", b.uidValidity))
		case "APPENDLIMIT":
			out = append(out, fmt.Sprintf("APPENDLIMIT %d", c.sw.AppendLimit))
		default:
			out = append(out, strings.ToUpper(item)+" 0")
		}
	}
	c.line("* STATUS %s (%s)", quote(name), strings.Join(out, " "))
	c.line("%s OK done", tag)
	return nil
}

// readOnly answers a command that would change something on a server that is read-only.
func (c *conn) readOnly(tag string) bool {
	if c.sw.ReadOnly {
		c.line("%s %s", tag, c.code("NO", "NOPERM", "read-only"))
	}
	return c.sw.ReadOnly
}

func (c *conn) createBox(tag, name string) error {
	if c.readOnly(tag) {
		return nil
	}
	if c.sw.CreateAnswer != "" {
		c.line("%s %s", tag, c.sw.CreateAnswer)
		return nil
	}
	d := c.sw.delimiter()
	if d != "" {
		name = strings.TrimSuffix(name, d)
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	parent := ""
	if i := strings.LastIndex(name, d); d != "" && i > 0 {
		parent = name[:i]
	}
	switch {
	case !c.allowed(name):
		c.line("%s %s", tag, c.code("NO", "CANNOT", "not a name for a mailbox here"))
	case c.account.box(name) != nil:
		c.line("%s %s", tag, c.code("NO", "ALREADYEXISTS", "it is there"))
	case c.sw.NeedParents && parent != "" && c.account.box(parent) == nil:
		c.line("%s NO no such parent", tag)
	default:
		c.account.create(name)
		c.line("%s OK created", tag)
	}
	return nil
}

func (c *conn) subscribe(tag, name string) error {
	if c.readOnly(tag) {
		return nil
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	b := c.account.box(name)
	if b == nil {
		c.line("%s %s", tag, c.code("NO", "NONEXISTENT", "no such mailbox"))
		return nil
	}
	b.subscribed = true
	c.line("%s OK done", tag)
	return nil
}

func (c *conn) selectBox(tag, verb, name string) error {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	b := c.account.box(name)
	if c.selected = b; b == nil {
		c.line("%s %s", tag, c.code("NO", "NONEXISTENT", "no such mailbox"))
		return nil
	}
	c.line(`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`)
	c.line(`* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] any`)
	c.line("* %d EXISTS", len(b.messages))
	c.line("* 0 RECENT")
	c.line("* OK [UIDVALIDITY %d] valid", b.uidValidity)
	c.line("* OK [UIDNEXT %d] next", b.uidNext)
	if verb == "EXAMINE" || c.sw.ReadOnly {
		c.line("%s OK [READ-ONLY] done", tag)
	} else {
		c.line("%s OK [READ-WRITE] done", tag)
	}
	return nil
}
