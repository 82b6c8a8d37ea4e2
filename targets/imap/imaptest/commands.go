package imaptest

import (
	"cmp"
	"strconv"
	"strings"
)

// run carries out one command and answers it.
func (c *conn) run(tag, verb string, a *arguments) error {
	ok := func(text string) error { c.line("%s OK %s", tag, text); return nil }
	switch verb {
	case "CAPABILITY":
		c.line("* CAPABILITY %s", c.capabilities())
		return ok("done")
	case "NOOP", "CHECK":
		return ok("done")
	case "LOGOUT":
		c.line("* BYE until later")
		c.line("%s OK bye", tag)
		c.flush()
		return errCut
	case "ID":
		c.line("* ID %s", cmp.Or(c.sw.ID, `("name" "imaptest")`))
		return ok("done")
	case "STARTTLS":
		if c.secure || !c.has("STARTTLS") {
			break
		}
		c.line("%s OK go on", tag)
		if err := c.flush(); err != nil {
			return err
		}
		return c.startTLS()
	case "LOGIN", "AUTHENTICATE":
		return c.login(tag, verb, a)
	}
	if c.account == nil {
		c.line("%s BAD not now", tag)
		return nil
	}
	switch verb {
	case "COMPRESS":
		if !c.has("COMPRESS=DEFLATE") || c.fw != nil {
			break
		}
		c.line("%s OK go on", tag)
		if err := c.flush(); err != nil {
			return err
		}
		c.compress()
		return nil
	case "ENABLE":
		c.line("* ENABLED")
		return ok("done")
	case "NAMESPACE":
		if !c.has("NAMESPACE") {
			break
		}
		c.line("* NAMESPACE ((%s %s)) %s %s", quote(c.sw.Prefix), c.delimiter(), c.space(c.sw.Others), c.space(c.sw.Shared))
		return ok("done")
	case "LIST", "XLIST":
		if verb == "XLIST" && !c.has("XLIST") {
			break
		}
		return c.list(tag, verb, a)
	case "STATUS":
		return c.status(tag, a)
	case "CREATE":
		return c.createBox(tag, a)
	case "SUBSCRIBE", "UNSUBSCRIBE":
		return c.subscribe(tag, verb, a.str())
	case "SELECT", "EXAMINE":
		return c.selectBox(tag, verb, a.str())
	case "CLOSE", "UNSELECT":
		if verb == "UNSELECT" && !c.has("UNSELECT") {
			break
		}
		if verb == "CLOSE" && c.selected != nil && !c.locked {
			c.expunge(uidSet{{1, 1<<32 - 1}})
		}
		c.selected = nil
		return ok("done")
	case "APPEND":
		return c.append(tag, a)
	case "GETQUOTAROOT", "GETQUOTA":
		return c.quota(tag, verb, a.str())
	case "UID FETCH", "FETCH":
		return c.fetch(tag, verb, a)
	case "UID SEARCH", "SEARCH":
		return c.search(tag, verb, a)
	case "UID STORE":
		return c.store(tag, a)
	case "UID COPY", "UID MOVE":
		if verb == "UID MOVE" && !c.has("MOVE") {
			break
		}
		return c.copy(tag, verb, a)
	case "EXPUNGE", "UID EXPUNGE":
		if verb == "UID EXPUNGE" && !c.has("UIDPLUS") {
			break
		}
		return c.expungeAsked(tag, verb, a)
	}
	c.line("%s BAD unknown command or not offered", tag)
	return nil
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func (c *conn) delimiter() string {
	if d := c.sw.delimiter(); d != "" {
		return quote(d)
	}
	return "NIL"
}

// space is one of NAMESPACE's lists.
func (c *conn) space(prefix string) string {
	if prefix == "" {
		return "NIL"
	}
	return "((" + quote(prefix) + " " + c.delimiter() + "))"
}

func (c *conn) login(tag, verb string, a *arguments) error {
	if c.account != nil || c.sw.LoginDisabled && !c.secure {
		c.line("%s", tag+" "+c.code("NO", "PRIVACYREQUIRED", "not without TLS"))
		return nil
	}
	var user string
	if verb == "LOGIN" {
		name, word := a.str(), a.str()
		if a.bad {
			c.line("%s BAD LOGIN user password", tag)
			return nil
		}
		if c.password(name, word) {
			user = name
		}
	} else {
		mechanism := a.str()
		if !c.has("AUTH=" + mechanism) {
			c.line("%s NO unknown mechanism", tag)
			return nil
		}
		initial := a.word()
		var err error
		if user, err = c.sasl(mechanism, initial, initial != "" && c.has("SASL-IR")); err != nil {
			return err
		}
	}
	account := c.server.Account(user)
	if account == nil {
		c.line("%s %s", tag, c.code("NO", "AUTHENTICATIONFAILED", "wrong name or password"))
		return nil
	}
	if c.sw.Login != nil {
		if no := c.sw.Login(user); no != "" {
			c.line("%s %s", tag, no)
			return nil
		}
	}
	c.account = account
	if c.sw.CapsHidden {
		c.line("%s OK logged in", tag)
	} else {
		c.line("%s OK [CAPABILITY %s] logged in", tag, c.capabilities())
	}
	return nil
}

func (c *conn) quota(tag, verb, name string) error {
	if !c.has("QUOTA") {
		c.line("%s BAD not offered", tag)
		return nil
	}
	if verb == "GETQUOTAROOT" {
		c.line(`* QUOTAROOT %s ""`, quote(name))
	}
	c.account.mu.Lock()
	used := c.account.used
	c.account.mu.Unlock()
	switch {
	case c.sw.QuotaLine != "":
		c.line("%s", c.sw.QuotaLine)
	case c.sw.Quota > 0:
		c.line(`* QUOTA "" (STORAGE %d %d)`, (used+1023)/1024, c.sw.Quota/1024)
	default:
		c.line(`* QUOTA "" ()`)
	}
	c.line("%s OK done", tag)
	return nil
}

func (c *conn) search(tag, verb string, a *arguments) error {
	returns := ""
	if strings.EqualFold(strings.SplitN(strings.TrimSpace(a.parts[0].text), " ", 2)[0], "RETURN") {
		a.word()
		returns = strings.ToUpper(a.word())
	}
	if c.selected == nil {
		c.line("%s BAD no mailbox selected", tag)
		return nil
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	var last uint32
	if n := len(c.selected.messages); n > 0 {
		last = c.selected.messages[n-1].UID
	}
	all := uidSet{{1, 1<<32 - 1}}
	set := all
	for a.more() {
		switch k := strings.ToUpper(a.word()); k {
		case "ALL":
		case "UID":
			set, _ = parseSet(a.word(), last)
		default:
			c.line("%s BAD unknown search key", tag)
			return nil
		}
	}
	var found []string
	for i, m := range c.selected.messages {
		if set.has(m.UID) {
			n := uint64(m.UID)
			if verb == "SEARCH" {
				n = uint64(i + 1)
			}
			found = append(found, strconv.FormatUint(n, 10))
		}
	}
	switch {
	case strings.Contains(returns, "COUNT"):
		c.line(`* ESEARCH (TAG "%s") UID COUNT %d`, tag, len(found))
	case returns != "" && len(found) > 0:
		c.line(`* ESEARCH (TAG "%s") UID ALL %s`, tag, strings.Join(found, ","))
	case returns != "":
		c.line(`* ESEARCH (TAG "%s") UID`, tag)
	default:
		c.line("* SEARCH%s", strings.TrimRight(" "+strings.Join(found, " "), " "))
	}
	c.line("%s OK done", tag)
	return nil
}
