package imaptest

import (
	"fmt"
	"strings"
)

// allowed says whether a mailbox can have this name.
func (c *conn) allowed(name string) bool {
	return name != "" && (strings.EqualFold(name, "INBOX") || strings.HasPrefix(name, c.sw.Prefix) || c.foreign(name))
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

// foreign says whether a mailbox is in the name space of others or of everybody.
func (c *conn) foreign(name string) bool {
	return c.sw.Others != "" && strings.HasPrefix(name, c.sw.Others) || c.sw.Shared != "" && strings.HasPrefix(name, c.sw.Shared)
}

func (c *conn) status(tag string, a *arguments) error {
	name, items := a.str(), strings.Fields(strings.Trim(a.word(), "()"))
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	b := c.account.box(name)
	if no := c.refusedName(name); no != "" {
		c.line("%s %s", tag, no)
		return nil
	}
	if b == nil || b.noSelect || !c.allowed(name) {
		c.line("%s %s", tag, c.code("NO", "NONEXISTENT", "no such mailbox"))
		return nil
	}
	c.line("* STATUS %s (%s)", quote(name), c.statusOf(b, items))
	c.line("%s OK done", tag)
	return nil
}

// statusOf are a mailbox's STATUS items. The account is locked.
func (c *conn) statusOf(b *mailbox, items []string) string {
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
	return strings.Join(out, " ")
}

// readOnly answers a command that would change something on a server that is read-only.
func (c *conn) readOnly(tag string) bool {
	if c.sw.ReadOnly {
		c.line("%s %s", tag, c.code("NO", "NOPERM", "read-only"))
	}
	return c.sw.ReadOnly
}

// createBox answers CREATE name, or CREATE name (USE (\Sent)) (RFC 6154).
func (c *conn) createBox(tag string, a *arguments) error {
	name, use := a.str(), ""
	if a.more() {
		option := strings.ToUpper(a.word())
		use = strings.Trim(strings.TrimPrefix(option, "(USE "), "() ")
		if !c.has("CREATE-SPECIAL-USE") || !strings.HasPrefix(option, "(USE (") {
			c.line("%s BAD CREATE with more than a name", tag)
			return nil
		}
	}
	if c.readOnly(tag) {
		return nil
	}
	if c.sw.CreateAnswer != "" {
		c.line("%s %s", tag, c.sw.CreateAnswer)
		return nil
	}
	d := c.sw.delimiter()
	directory := d != "" && strings.HasSuffix(name, d)
	if d != "" {
		name = strings.TrimSuffix(name, d)
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	if no := c.cannotCreate(name, use); no != "" {
		c.line("%s %s", tag, no)
		return nil
	}
	if c.sw.MailOrChildren {
		for i := range len(name) {
			if d != "" && strings.HasPrefix(name[i:], d) && i > 0 && c.account.box(name[:i]) == nil {
				c.account.create(name[:i]).noSelect = true
			}
		}
	}
	b := c.account.box(name)
	if b == nil {
		b = c.account.create(name)
	}
	b.noSelect, b.noInferiors = directory && c.sw.MailOrChildren, !directory && c.sw.MailOrChildren
	for _, known := range []string{`\All`, `\Archive`, `\Drafts`, `\Flagged`, `\Junk`, `\Sent`, `\Trash`} {
		if strings.EqualFold(known, use) {
			b.use = known
		}
	}
	c.line("%s OK created", tag)
	return nil
}

// cannotCreate is why a mailbox can't be made. The account is locked.
func (c *conn) cannotCreate(name, use string) string {
	d := c.sw.delimiter()
	parts := []string{name}
	if d != "" {
		parts = strings.Split(name, d)
	}
	for _, n := range parts {
		if c.sw.MaxName > 0 && len(n) > c.sw.MaxName {
			return c.code("NO", "CANNOT", "name too long")
		}
	}
	if no := c.refusedName(name); no != "" {
		return no
	}
	for _, b := range c.account.boxes {
		if use != "" && strings.EqualFold(b.use, use) {
			return c.code("NO", "USEATTR", "another mailbox has that use")
		}
	}
	parent := strings.Join(parts[:len(parts)-1], d)
	above := c.account.box(parent)
	switch b := c.account.box(name); {
	case !c.allowed(name):
		return c.code("NO", "CANNOT", "not a name for a mailbox here")
	case b != nil:
		return c.code("NO", "ALREADYEXISTS", "it is there")
	case c.sw.NeedParents && parent != "" && above == nil:
		return "NO no such parent"
	case c.sw.MailOrChildren && above != nil && !above.noSelect && above.name != "INBOX":
		return "NO a mailbox with mail has nothing below it"
	}
	return ""
}

func (c *conn) refusedName(name string) string {
	if c.sw.RefuseName == nil {
		return ""
	}
	return c.sw.RefuseName(name)
}

func (c *conn) subscribe(tag, verb, name string) error {
	if c.readOnly(tag) {
		return nil
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	b := c.account.box(name)
	switch {
	case verb == "UNSUBSCRIBE":
		delete(c.account.ghosts, name)
		if b != nil {
			b.subscribed = false
		}
	case b != nil:
		b.subscribed = true
	case c.sw.LaxSubscribe:
		c.account.ghosts[name] = true
	default:
		c.line("%s %s", tag, c.code("NO", "NONEXISTENT", "no such mailbox"))
		return nil
	}
	c.line("%s OK done", tag)
	return nil
}

func (c *conn) selectBox(tag, verb, name string) error {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	b := c.account.box(name)
	c.selected = nil
	if b == nil || b.noSelect {
		c.line("%s %s", tag, c.code("NO", "NONEXISTENT", "no such mailbox"))
		return nil
	}
	c.selected = b
	c.locked = verb == "EXAMINE" || c.sw.ReadOnly || c.sw.Locked != nil && c.sw.Locked(b.name)
	permanent := ""
	if !c.locked {
		permanent = strings.Join(c.permanent(b.name), " ")
	}
	c.line(`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`)
	c.line("* OK [PERMANENTFLAGS (%s)] these", permanent)
	c.line("* %d EXISTS", len(b.messages))
	c.line("* 0 RECENT")
	c.line("* OK [UIDVALIDITY %d] valid", b.uidValidity)
	c.line("* OK [UIDNEXT %d] next", b.uidNext)
	if c.locked {
		c.line("%s OK [READ-ONLY] done", tag)
	} else {
		c.line("%s OK [READ-WRITE] done", tag)
	}
	return nil
}
