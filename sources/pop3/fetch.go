package pop3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"poplift/migrate"
)

// Fetch brings bodies by RETR. Entries must come from this session's Messages. A message is yielded once the next answer has begun where
// this one ended (after the last, that of a NOOP): a server that forgot to stuff a dot would end a body early, and only the junk in
// place of the next status line would tell. Then the session ends with an error that names the message, which was not yielded.
func (s *Source) Fetch(ctx context.Context, entries iter.Seq[migrate.Entry]) iter.Seq2[*migrate.Message, error] {
	return s.stream(ctx, entries, retr)
}

// Headers brings headers by TOP (RFC 1939 section 7).
func (s headerSource) Headers(ctx context.Context, entries iter.Seq[migrate.Entry]) iter.Seq2[*migrate.Message, error] {
	return s.stream(ctx, entries, top)
}

// verb is how messages are asked for.
type verb struct {
	name, args string
	body       bool // what comes is the whole message, and is handed out
}

var (
	retr = verb{name: "RETR", body: true}
	top  = verb{name: "TOP", args: " 0"}
)

func (s *Source) stream(ctx context.Context, entries iter.Seq[migrate.Entry], v verb) iter.Seq2[*migrate.Message, error] {
	return func(yield func(*migrate.Message, error) bool) {
		err := s.listed(ctx)
		var release func(error)
		if err == nil {
			release, err = s.begin(ctx)
		}
		if err != nil {
			yield(&migrate.Message{}, err)
			return
		}
		p := &pipeline{s: s, ctx: ctx, yield: yield, verb: v, depth: 1, err: errAbandoned}
		if s.conn.caps.has("PIPELINING") {
			p.depth = maxAhead
		}
		defer func() {
			p.drop()
			release(p.err)
		}()
		for e := range entries {
			if !p.put(e) {
				return
			}
		}
		p.finish()
	}
}

var errAbandoned = errors.New("a fetch was not ranged over to its end")

// pipeline keeps commands on their way and takes the answers in their order. Each method returns false when the sequence is over.
type pipeline struct {
	s     *Source
	ctx   context.Context
	yield func(*migrate.Message, error) bool
	verb  verb
	depth int

	batch []byte          // commands that were not sent yet
	queue []migrate.Entry // asked for and not answered, in order
	ahead int64           // their octets
	held  *migrate.Message
	err   error // how it ended; nil is to the full
}

// least is what a message is reckoned at when LIST says less, or nothing.
const least = 512

func cost(e migrate.Entry) int64 { return max(e.Size, least) }

// put asks for one more, after having made room for it in the window.
func (p *pipeline) put(e migrate.Entry) bool {
	if it, ok := p.s.list.find(e.Seq); !ok || p.s.list.id(it) != e.ID {
		// A number of another session names another message here.
		return p.finish() && p.fail(e, errors.New("the entry is not of this session's listing"))
	}
	window := p.s.cfg.Window
	if len(p.queue) > 0 && (len(p.queue) >= p.depth || p.ahead+cost(e) > window) {
		// Half of it at a time, so that commands go out in batches.
		for len(p.queue) > 0 && (len(p.queue) > p.depth/2 || p.ahead+cost(e) > window/2) {
			if !p.step() {
				return false
			}
		}
	}
	p.batch = append(append(append(p.batch, p.verb.name...), ' '), strconv.Itoa(e.Seq)...)
	p.batch = append(append(p.batch, p.verb.args...), "\r\n"...)
	p.queue = append(p.queue, e)
	p.ahead += cost(e)
	return true
}

// finish takes the answers that are still to come, and that of a NOOP to vouch for the last of them.
func (p *pipeline) finish() bool {
	for p.depth == 1 && len(p.queue) > 0 {
		if !p.step() {
			return false
		}
	}
	if len(p.queue) == 0 && p.held == nil {
		p.err = nil
		return true
	}
	p.batch = append(p.batch, "NOOP\r\n"...)
	for len(p.queue) > 0 {
		if !p.step() {
			return false
		}
	}
	st, err := p.answer()
	if err == nil && st.is == isOK && st.octets() > 0 {
		err = errDesync // that is the answer to a RETR: there were more of them than bodies
	}
	if !p.settle(err) {
		return false
	}
	p.err = err // a connection that was lost only now costs no message
	return true
}

// step takes one answer: its status line settles the message before, its body is held until the next one settles it.
func (p *pipeline) step() bool {
	e := p.queue[0]
	st, err := p.answer()
	if !p.settle(err) {
		return false
	}
	if err != nil {
		return p.fail(e, err)
	}
	p.queue = p.queue[1:]
	p.ahead -= cost(e)
	if st.is == isErr {
		refused := refusal(st, p.error(e, nil), p.s.conn.loginDelay)
		if refused.Scope != migrate.ScopeMessage {
			p.err = refused
		}
		return p.yield(&migrate.Message{Entry: e}, refused) && refused.Scope == migrate.ScopeMessage
	}
	if p.held, err = p.read(e, st); err != nil {
		return p.fail(e, err)
	}
	return true
}

// answer sends what was not sent yet and reads the next status line.
func (p *pipeline) answer() (status, error) {
	if n := len(p.batch); n > 0 {
		err := p.s.conn.send(string(p.batch[:n-2]), "")
		if p.batch = p.batch[:0]; err != nil {
			return status{}, err
		}
	}
	st, err := p.s.conn.answer()
	if err == nil && st.is == isMore {
		err = errDesync
	}
	return st, err
}

// settle yields the message that is held, unless what follows it shows that its end was not its end.
func (p *pipeline) settle(err error) bool {
	m := p.held
	if m == nil {
		return true
	}
	if errors.Is(err, errDesync) {
		return p.fail(m.Entry, fmt.Errorf("the message ends early or the server lost step: %w", err))
	}
	if p.held = nil; !p.verb.body {
		m.Body.Release()
		m.Body = nil
	}
	return p.yield(m, nil)
}

// read takes a body off the connection.
func (p *pipeline) read(e migrate.Entry, st status) (*migrate.Message, error) {
	sp := p.s.cfg.Pool.NewSpool(p.ctx)
	n, stuffed, err := readBody(p.s.conn.conn.Reader(), sp, st.bareLF, p.s.cfg.MaxMessage)
	if announced := cmp.Or(st.octets(), e.Size); err == nil && p.verb.body && n == 0 && announced > int64(len("\r\n")) {
		// A message whose first line is a lone dot, from a server that doesn't stuff a dot that is the first octet (Dovecot, Courier): what
		// follows are its other lines, and they can be made to look like answers.
		err = fmt.Errorf("%w: the message ends before its first octet, and %d were announced", errDesync, announced)
	}
	if err == nil && p.verb.body && stuffed && st.octets() == n+1 {
		// Dovecot doesn't stuff a dot that is the message's first octet, so that one which begins with two is taken for a stuffed one.
		// The octets that it announced tell: they are exact there, and for a dot that was stuffed they would be n.
		sp, err = p.redot(sp)
	}
	if err != nil {
		sp.Release()
		return nil, err
	}
	if t := p.s.conn.conn.Trace(); t.On() {
		t.Got(traceName, "[%d octets]", n)
	}
	m := &migrate.Message{Entry: e, Body: sp}
	m.Identity, m.Header = sp.Seal()
	return m, nil
}

// redot puts the first dot back. It releases the spool that it doesn't return.
func (p *pipeline) redot(old *migrate.Spool) (*migrate.Spool, error) {
	defer old.Release()
	sp := p.s.cfg.Pool.NewSpool(p.ctx)
	_, err := sp.Write([]byte("."))
	if err == nil {
		_, err = old.WriteTo(sp)
	}
	if err != nil {
		err = &writeError{err}
	}
	return sp, err
}

// fail ends the sequence with an error of the session that names e.
func (p *pipeline) fail(e migrate.Entry, err error) bool {
	p.drop()
	out := p.error(e, because(p.ctx, err))
	out.Scope = migrate.ScopeSession
	p.err = &out
	p.yield(&migrate.Message{Entry: e}, p.err)
	return false
}

func (p *pipeline) error(e migrate.Entry, err error) migrate.Error {
	id := strconv.Quote(e.ID)
	if len(id) > 80 {
		id = id[:80] + "…"
	}
	return migrate.Error{
		Op: "pop3 " + strings.ToLower(p.verb.name), Subject: fmt.Sprintf("message %d (%s)", e.Seq, id), Scope: migrate.ScopeMessage, Err: err,
	}
}

// drop releases the message that is held.
func (p *pipeline) drop() {
	if p.held != nil {
		p.held.Body.Release()
		p.held = nil
	}
}
