package imaptest

import (
	"fmt"
	"strings"
)

// keeps is what a mailbox keeps of flags, and the first one that it refuses.
func (c *conn) keeps(mailbox string, flags []string) (kept []string, refused string) {
	set := c.permanent(mailbox)
	for _, f := range flags {
		switch {
		case contains(set, f) || contains(set, `\*`) && f[0] != '\\':
			kept = append(kept, f)
		case c.sw.StrictFlags && refused == "":
			refused = f
		}
	}
	return kept, refused
}

// permanent are the PERMANENTFLAGS of a mailbox.
func (c *conn) permanent(mailbox string) []string {
	if c.sw.Keeps != nil {
		if set := c.sw.Keeps(mailbox); set != "" {
			return strings.Fields(set)
		}
	}
	return []string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`, `\*`}
}

// changeable answers a command that would change the selected mailbox when it can't.
func (c *conn) changeable(tag string) bool {
	switch {
	case c.selected == nil:
		c.line("%s BAD no mailbox selected", tag)
	case c.locked:
		c.line("%s NO the mailbox is open for reading only", tag)
	default:
		return !c.readOnly(tag)
	}
	return false
}

func (c *conn) store(tag string, a *arguments) error {
	set, ok := parseSet(a.word(), 1<<32-1)
	how, flags := strings.ToUpper(a.word()), strings.Fields(strings.Trim(a.word(), "()"))
	if !ok || len(how) < 5 {
		c.line("%s BAD store", tag)
		return nil
	}
	if !c.changeable(tag) {
		return nil
	}
	flags, refused := c.keeps(c.selected.name, flags)
	if refused != "" {
		c.line("%s BAD unrecognized flag %s", tag, refused)
		return nil
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	for i := range c.selected.messages {
		m := &c.selected.messages[i]
		if !set.has(m.UID) {
			continue
		}
		var kept []string
		for _, f := range m.Flags {
			if how[0] == '+' || how[0] == '-' && !contains(flags, f) {
				kept = append(kept, f)
			}
		}
		if how[0] != '-' {
			for _, f := range flags {
				if !contains(kept, f) {
					kept = append(kept, f)
				}
			}
		}
		m.Flags = kept
		if !strings.HasSuffix(how, ".SILENT") {
			c.line("* %d FETCH (UID %d FLAGS (%s))", i+1, m.UID, strings.Join(m.Flags, " "))
		}
	}
	c.line("%s OK done", tag)
	return nil
}

// copy copies or moves messages, all or none.
func (c *conn) copy(tag, verb string, a *arguments) error {
	set, ok := parseSet(a.word(), 1<<32-1)
	name := a.str()
	move := verb == "UID MOVE"
	switch {
	case !ok || a.bad:
		c.line("%s BAD %s", tag, verb)
		return nil
	case c.selected == nil:
		c.line("%s BAD no mailbox selected", tag)
		return nil
	case move && !c.changeable(tag) || !move && c.readOnly(tag):
		return nil
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	to := c.account.box(name)
	if to == nil || to.noSelect {
		c.line("%s %s", tag, c.code("NO", "TRYCREATE", "no such mailbox"))
		return nil
	}
	var copies []Stored
	var sources []string
	var moved uidSet
	for _, m := range c.selected.messages {
		if set.has(m.UID) {
			copies, sources, moved = append(copies, m), append(sources, fmt.Sprint(m.UID)), append(moved, [2]uint32{m.UID, m.UID})
		}
	}
	if len(copies) == 0 {
		c.line("%s OK no messages", tag)
		return nil
	}
	first, last := c.account.add(to, copies)
	code := ""
	if c.has("UIDPLUS") && !c.sw.HideCodes {
		code = fmt.Sprintf("[COPYUID %d %s %d:%d] ", to.uidValidity, strings.Join(sources, ","), first, last)
	}
	if !move {
		c.line("%s OK %sdone", tag, code)
		return nil
	}
	if code != "" {
		c.line("* OK %smoved", code)
	}
	for _, n := range c.remove(func(m *Stored) bool { return moved.has(m.UID) }) {
		c.line("* %d EXPUNGE", n)
	}
	c.line("%s OK done", tag)
	return nil
}

func (c *conn) expungeAsked(tag, verb string, a *arguments) error {
	set, ok := uidSet{{1, 1<<32 - 1}}, true
	if verb == "UID EXPUNGE" {
		set, ok = parseSet(a.word(), 1<<32-1)
	}
	if !ok {
		c.line("%s BAD %s", tag, verb)
		return nil
	}
	if !c.changeable(tag) {
		return nil
	}
	for _, n := range c.expunge(set) {
		c.line("* %d EXPUNGE", n)
	}
	c.line("%s OK done", tag)
	return nil
}

// expunge removes the messages of a set that are \Deleted.
func (c *conn) expunge(set uidSet) (numbers []int) {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	return c.remove(func(m *Stored) bool { return set.has(m.UID) && contains(m.Flags, `\Deleted`) })
}

// remove takes messages out of the selected mailbox and returns the numbers that EXPUNGE answers name. The account is locked.
func (c *conn) remove(gone func(*Stored) bool) (numbers []int) {
	var kept []Stored
	for i := range c.selected.messages {
		if m := &c.selected.messages[i]; gone(m) {
			c.account.used -= int64(len(m.Raw))
			numbers = append(numbers, len(kept)+1)
		} else {
			kept = append(kept, *m)
		}
	}
	c.selected.messages = kept
	return numbers
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}
