package imap

import (
	"errors"
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
	if c := s.open; c != nil && (c.mailbox != it.up.Mailbox.Name || c.octets+it.octets > s.lane.limits.MaxOctets) {
		if err := s.end(); err != nil {
			return err
		}
	}
	if s.open == nil && s.tight(it) {
		if err := s.answered(); err != nil {
			return err
		}
		if s.putOff(it) {
			return nil
		}
	}
	if s.lane.how != multi {
		return s.whole(it)
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
	case b.inTurn:
		if err = s.answered(); err == nil {
			err = s.whole(b.items...)
		}
		if err == nil {
			err = s.answered()
		}
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

// tight says that the quota may not have room for what is on its way and this message: then commands go one by one, so that a small one is not
// stored in front of a large one that was refused.
func (s *sender) tight(it *item) bool {
	left := s.t.room.left.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	return left > 0 && s.uploaded+s.lane.limits.MaxOctets+it.octets >= left
}

// putOff lines a message up behind those that are to be sent again, if there are any.
func (s *sender) putOff(it *item) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.again) > 0 {
		s.retry(batch{items: []*item{it}})
		return true
	}
	return false
}

// answered waits until nothing is on its way. Unlike drain it leaves what is to be sent again.
func (s *sender) answered() error {
	for {
		s.mu.Lock()
		n, err := len(s.flights), s.err
		if s.early != nil {
			err = errEarly
		}
		s.mu.Unlock()
		if err != nil || n == 0 {
			return err
		}
		if err := s.pause(); err != nil {
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
