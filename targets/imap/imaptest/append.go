package imaptest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// append stores the messages of one APPEND command, all or none (RFC 3502).
func (c *conn) append(tag string, a *arguments) error {
	name := a.str()
	var messages []Stored
	for more := true; more; more = a.more() {
		m, bad := appended(a)
		if bad != "" {
			c.line("%s BAD %s", tag, bad)
			return nil
		}
		messages = append(messages, m)
	}
	if len(messages) > 1 && !c.has("MULTIAPPEND") {
		c.line("%s BAD one message at a time", tag)
		return nil
	}
	no := c.refusal(messages)
	for i := range messages {
		kept, refused := c.keeps(name, messages[i].Flags)
		if no == "" && refused != "" {
			no = "BAD unrecognized flag " + refused
		}
		messages[i].Flags = slices.DeleteFunc(kept, func(f string) bool { return contains(c.sw.DropOnAppend, f) })
	}
	if no != "" {
		c.line("%s %s", tag, no)
		return nil
	}
	if c.readOnly(tag) {
		return nil
	}
	answer, n := c.stored(name, messages)
	if n > 0 && c.sw.DropAnswer != nil && c.sw.DropAnswer(n) {
		c.flush()
		return errCut
	}
	c.line("%s %s", tag, answer)
	return nil
}

// stored puts messages into a mailbox. n is the number of this command among those stored, 0 when it was not.
func (c *conn) stored(name string, messages []Stored) (answer string, n int) {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	b := c.account.box(name)
	if b == nil || b.noSelect || !c.allowed(name) {
		return c.code("NO", "TRYCREATE", "no such mailbox"), 0
	}
	var size int64
	for i := range messages {
		if c.sw.Rewrite != nil {
			messages[i].Raw = c.sw.Rewrite(messages[i].Raw)
		}
		size += int64(len(messages[i].Raw))
	}
	if c.sw.Quota > 0 && c.account.used+size > c.sw.Quota {
		return c.code("NO", "OVERQUOTA", "mailbox is full"), 0
	}
	first, last := c.account.add(b, messages)
	c.server.mu.Lock()
	c.server.commands++
	n = c.server.commands
	c.server.mu.Unlock()
	set := fmt.Sprint(first)
	if last > first {
		set = fmt.Sprintf("%d:%d", first, last)
	}
	switch {
	case c.sw.AppendCode != nil:
		return "OK " + c.sw.AppendCode(b.uidValidity, set) + " stored", n
	case !c.has("UIDPLUS") || c.sw.HideCodes:
		return "OK stored", n
	}
	return fmt.Sprintf("OK [APPENDUID %d %s] stored", b.uidValidity, set), n
}

// refusal asks the switches about messages that have arrived.
func (c *conn) refusal(messages []Stored) string {
	answer := ""
	for _, m := range messages {
		c.server.mu.Lock()
		c.server.appended++
		n := c.server.appended
		c.server.mu.Unlock()
		switch {
		case answer != "":
		case len(m.Raw) == 0:
			answer = "NO zero-length message literal"
		case c.sw.RefuseAppend != nil:
			answer = c.sw.RefuseAppend(n, m.Raw)
		}
	}
	return answer
}

// appended parses one message of an APPEND: flags, date, literal.
func appended(a *arguments) (m Stored, bad string) {
	if a.at("(") {
		for _, f := range strings.Fields(strings.Trim(a.word(), "()")) {
			if strings.EqualFold(f, `\Recent`) || strings.ContainsAny(f, "()[]{}%*\"") {
				return m, "flag " + f
			}
			m.Flags = append(m.Flags, f)
		}
	}
	if a.at(`"`) {
		date := a.str()
		t, err := time.Parse("_2-Jan-2006 15:04:05 -0700", date)
		if err != nil || len(date) != 26 || t.Year() < 1970 {
			return m, "date-time " + date
		}
		m.Date = t
	}
	if m.Raw = a.literal(); a.bad {
		return m, "APPEND mailbox (flags) date literal"
	}
	return m, ""
}
