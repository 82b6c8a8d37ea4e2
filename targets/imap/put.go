package imap

import (
	"fmt"
	"strconv"
	"strings"

	"poplift/migrate"
)

// room waits until another command of n octets may be on its way.
func (s *sender) room(n int64) error {
	for {
		s.mu.Lock()
		err := s.err
		if s.early != nil {
			err = errEarly
		}
		count, octets := len(s.flights), s.octets
		s.mu.Unlock()
		if err != nil {
			return err
		}
		most := s.lane.limits.Commands
		if s.lane.how == multi {
			most = s.lane.limits.InFlight
		}
		if count == 0 || count < most && octets+n <= s.lane.limits.Window {
			return nil
		}
		if err := s.pause(); err != nil {
			return err
		}
	}
}

// begin opens a command for the mailbox of it.
func (s *sender) begin(it *item) error {
	if err := s.room(it.octets); err != nil {
		return err
	}
	s.open = &command{tag: s.lane.w.tag(), mailbox: it.up.Mailbox.Name}
	_, err := fmt.Fprintf(s.lane.bw, "%s APPEND %s", s.open.tag, s.t.wireName(s.open.mailbox))
	return s.wrote(err)
}

// add writes one message into a command.
func (s *sender) add(c *command, it *item) error {
	head, wait := s.head(it)
	s.mu.Lock()
	if s.early != nil || s.err != nil {
		err := s.err
		s.mu.Unlock()
		if err == nil {
			err = errEarly
		}
		return err
	}
	if len(c.items) == 0 {
		s.flights = append(s.flights, c)
		c.goOn = make(chan bool, 1)
	}
	c.items = append(c.items, it)
	c.octets += it.octets
	s.octets += it.octets
	s.uploaded += it.octets
	c.asking = wait
	s.mu.Unlock()
	signal(s.flown)
	if t := s.lane.w.conn.Trace(); t.On() {
		t.Sent(s.lane.w.name, "%s APPEND %s%s[%d octets]", c.tag, s.t.wireName(c.mailbox), head[:strings.LastIndexByte(head, '{')], it.octets)
	}
	if _, err := s.lane.bw.WriteString(head); err != nil {
		return s.wrote(err)
	}
	if wait {
		if goOn, err := s.await(c); err != nil || !goOn {
			s.open = nil
			return err
		}
	}
	n, err := it.up.Message.Body.WriteTo(s.lane.bw)
	if err == nil && n != it.octets {
		err = fmt.Errorf("message %q: %d octets were announced and %d are there", it.up.Message.ID, it.octets, n)
		s.lane.w.conn.Close() // the server waits for octets that don't exist
		s.fail(&migrate.Error{Op: "imap append", Subject: c.mailbox, Err: err})
	}
	return s.wrote(err)
}

// head is what stands before a message's octets: flags, date, and the literal's header. wait says that the server must let the literal come.
func (s *sender) head(it *item) (head string, wait bool) {
	var b strings.Builder
	if it.sent = s.flags(it); len(it.sent) > 0 {
		b.WriteString(" (" + strings.Join(it.sent, " ") + ")")
	}
	if d := it.up.Date; d.Year() >= 1970 && d.Year() <= 2099 { // servers refuse others (Cyrus, Courier), or make them something else
		b.WriteString(d.Format(` "_2-Jan-2006 15:04:05 -0700"`))
	}
	wait = s.lane.how == synchronizing && !(s.lane.small && it.octets <= smallLiteral)
	plus := "+"
	if wait {
		plus = ""
	}
	b.WriteString(" {" + strconv.FormatInt(it.octets, 10) + plus + "}\r\n")
	return b.String(), wait
}

// await waits for the answer to a literal's header.
func (s *sender) await(c *command) (goOn bool, err error) {
	for {
		select {
		case goOn = <-c.goOn:
			return goOn, nil
		default:
		}
		s.mu.Lock()
		err := s.err
		s.mu.Unlock()
		if err != nil {
			return false, err
		}
		if err := s.pause(); err != nil {
			return false, err
		}
	}
}

// end closes the open command, if there is one.
func (s *sender) end() error {
	c := s.open
	if c == nil {
		return nil
	}
	s.open = nil
	s.mu.Lock()
	early := s.early != nil
	c.whole = !early
	s.mu.Unlock()
	if early {
		return errEarly
	}
	_, err := s.lane.bw.WriteString("\r\n")
	return s.wrote(err)
}

// check asks the batch's question about its mailbox: whether it is there, or which flags it keeps. For the latter it must be opened, and is closed
// again where that can be done without an EXPUNGE.
func (s *sender) check(b batch) error {
	if err := s.room(0); err != nil {
		return err
	}
	c := &command{tag: s.lane.w.tag(), mailbox: b.items[0].up.Mailbox.Name, items: b.items, check: b.check, flags: b.flags, whole: true}
	sent := []*command{c}
	line := "STATUS " + s.t.wireName(c.mailbox) + " (UIDVALIDITY)"
	if c.flags {
		line = "SELECT " + s.t.wireName(c.mailbox)
		if s.lane.w.caps.has("UNSELECT") {
			sent = append(sent, &command{tag: s.lane.w.tag(), mailbox: c.mailbox, whole: true})
		}
	}
	s.mu.Lock()
	s.flights = append(s.flights, sent...)
	s.mu.Unlock()
	signal(s.flown)
	_, err := fmt.Fprintf(s.lane.bw, "%s %s\r\n", c.tag, line)
	if len(sent) > 1 && err == nil {
		_, err = fmt.Fprintf(s.lane.bw, "%s UNSELECT\r\n", sent[1].tag)
	}
	return s.wrote(err)
}

func (s *sender) flush() error { return s.wrote(s.lane.bw.Flush()) }

// wrote explains a failed write. When it failed because the command was refused in the middle, that is the reason.
func (s *sender) wrote(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case s.early != nil:
		return errEarly
	}
	return &migrate.Error{Op: "imap append", Subject: s.lane.w.address, Err: fmt.Errorf("connection lost: %w", err)}
}
