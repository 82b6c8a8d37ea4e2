package imap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
)

// errEarly ends a sender whose command was refused before it was sent whole.
var errEarly = errors.New("refused in the middle of a command")

// sender puts uploads on one lane.
type sender struct {
	*run
	lane *lane
	open *command // a MULTIAPPEND that takes more messages
	fin  bool     // no more uploads come
}

// send takes uploads until there are no more, and returns when all of them are answered, or with the reason why it can't go on.
func (s *sender) send(first *item) error {
	idle := time.NewTimer(time.Hour)
	defer idle.Stop()
	if first != nil {
		if err := s.one(first); err != nil {
			return s.unsent(first, err)
		}
	}
	for {
		b, ended, err := s.state()
		switch {
		case err != nil:
			return err
		case b != nil:
			err = s.resend(*b)
		case ended:
			return nil
		default:
			err = s.take(idle)
		}
		if err != nil {
			return err
		}
	}
}

// state is what the answers so far ask for: a batch to be sent again, or to stop.
func (s *sender) state() (b *batch, ended bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return nil, false, s.err
	case s.early != nil:
		return nil, false, errEarly
	case len(s.again) > 0:
		first := s.again[0]
		s.again = s.again[1:]
		return &first, false, nil
	case s.fin && s.open == nil && len(s.flights) == 0:
		s.ended = true
		signal(s.settled)
		return nil, true, nil
	}
	return nil, false, nil
}

// take sends the next upload, or waits for something to happen. What is written is flushed as soon as nothing more is at hand.
func (s *sender) take(idle *time.Timer) error {
	in := s.in
	if s.fin {
		in = nil
	}
	select {
	case u, ok := <-in:
		return s.got(u, ok)
	default:
	}
	if s.fin && s.open != nil {
		return s.end()
	}
	if err := s.flush(); err != nil {
		return err
	}
	var timeout <-chan time.Time
	if s.open != nil {
		idle.Reset(idleClose)
		timeout = idle.C
	}
	select {
	case u, ok := <-in:
		return s.got(u, ok)
	case <-timeout:
		return s.end()
	case <-s.wake:
	case <-s.stopped:
		return errStopped
	}
	return nil
}

func (s *sender) got(u migrate.Upload, ok bool) error {
	if !ok {
		s.fin = true
		return nil
	}
	it := s.enqueue(u)
	if it == nil {
		return nil
	}
	return s.unsent(it, s.one(it))
}

// unsent keeps an upload for the next lane when this one ended before a command had it.
func (s *sender) unsent(it *item, err error) error {
	if err != errEarly {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.flights {
		for _, sent := range c.items {
			if sent == it {
				return err
			}
		}
	}
	if !it.done {
		s.retry(batch{items: []*item{it}})
	}
	return err
}

// one sends a message: into the open command where there can be one, else as a command of its own.
func (s *sender) one(it *item) error {
	if it.up.Alone {
		return s.alone(it)
	}
	if s.lane.how != multi {
		return s.whole(it)
	}
	if c := s.open; c != nil && (c.mailbox != it.up.Mailbox.Name || c.octets+it.octets > s.lane.limits.MaxOctets) {
		if err := s.end(); err != nil {
			return err
		}
	}
	if s.open == nil {
		if err := s.begin(it); err != nil {
			return err
		}
	}
	c := s.open
	if err := s.add(c, it); err != nil {
		return err
	}
	if len(c.items) >= s.lane.limits.MaxMessages || c.octets >= s.lane.limits.MaxOctets {
		return s.end()
	}
	return nil
}

// whole sends messages as one whole command.
func (s *sender) whole(items ...*item) error {
	if err := s.begin(items[0]); err != nil {
		return err
	}
	for _, it := range items {
		if err := s.add(s.open, it); err != nil {
			return err
		}
		if s.open == nil {
			return nil // refused at its literal
		}
	}
	return s.end()
}

// resend sends a batch again after a refusal.
func (s *sender) resend(b batch) error {
	err := s.end()
	switch {
	case err != nil:
	case b.check != nil:
		err = s.check(b)
	case len(b.items) == 1 && b.items[0].up.Alone:
		err = s.alone(b.items[0])
	default:
		err = s.whole(b.items...)
	}
	if err == errEarly {
		for _, it := range b.items {
			s.unsent(it, err)
		}
	}
	return err
}

// alone sends a message when nothing else is on its way, and waits until it is settled.
func (s *sender) alone(it *item) error {
	if err := s.drain(); err != nil {
		return err
	}
	if err := s.whole(it); err != nil {
		return err
	}
	return s.drain()
}

// drain waits until everything is answered.
func (s *sender) drain() error {
	for {
		if err := s.end(); err != nil {
			return err
		}
		s.mu.Lock()
		quiet := len(s.flights) == 0 && len(s.again) == 0
		s.mu.Unlock()
		if quiet {
			return nil
		}
		b, _, err := s.state()
		if err != nil {
			return err
		}
		if b != nil {
			err = s.resend(*b)
		} else {
			err = s.pause()
		}
		if err != nil {
			return err
		}
	}
}

// pause flushes and waits until an answer has changed something.
func (s *sender) pause() error {
	if err := s.flush(); err != nil {
		return err
	}
	select {
	case <-s.wake:
		return nil
	case <-s.stopped:
		return errStopped
	}
}

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
		b := s.lane.limits
		if count == 0 || s.lane.how == multi && count < b.InFlight || s.lane.how != multi && count < b.Commands && octets+n <= b.Window {
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
	_, err := fmt.Fprintf(s.lane.bw, "%s APPEND %s", s.open.tag, quoted(encodeName(s.open.mailbox)))
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
	c.asking = wait
	s.mu.Unlock()
	signal(s.flown)
	if t := s.lane.w.conn.Trace(); t.On() {
		t.Sent(s.lane.w.name, "%s APPEND %s%s[%d octets]", c.tag, quoted(encodeName(c.mailbox)), head[:strings.LastIndexByte(head, '{')], it.octets)
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
	if flags := flagList(it.up.Flags, it.keywords); flags != "" {
		b.WriteString(" (" + flags + ")")
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

// check asks whether the mailbox is there.
func (s *sender) check(b batch) error {
	if err := s.room(0); err != nil {
		return err
	}
	c := &command{tag: s.lane.w.tag(), mailbox: b.items[0].up.Mailbox.Name, items: b.items, check: b.check, whole: true}
	s.mu.Lock()
	s.flights = append(s.flights, c)
	s.mu.Unlock()
	signal(s.flown)
	_, err := fmt.Fprintf(s.lane.bw, "%s STATUS %s (UIDVALIDITY)\r\n", c.tag, quoted(encodeName(c.mailbox)))
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

// systemFlags are those of RFC 3501 2.3.2 that a client may set: not \Recent, and none that a server has never heard of.
var systemFlags = map[string]string{`\seen`: `\Seen`, `\answered`: `\Answered`, `\flagged`: `\Flagged`, `\deleted`: `\Deleted`, `\draft`: `\Draft`}

// flagList joins the flags that a server can take: system flags, and keywords that are atoms.
func flagList(flags []migrate.Flag, keywords bool) string {
	var out []string
	for _, f := range flags {
		if name, ok := systemFlags[strings.ToLower(string(f))]; ok {
			out = append(out, name)
		} else if keywords && isKeyword(string(f)) {
			out = append(out, string(f))
		}
	}
	return strings.Join(out, " ")
}

// isKeyword says whether f is a flag-keyword: an atom (RFC 3501 9).
func isKeyword(f string) bool {
	if f == "" || len(f) > 200 || f[0] == '\\' {
		return false
	}
	for i := 0; i < len(f); i++ {
		if f[i] <= ' ' || f[i] >= 0x7f || strings.IndexByte(`(){%*"\[]`, f[i]) >= 0 {
			return false
		}
	}
	return true
}
