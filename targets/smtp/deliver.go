package smtp

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
)

// The mail transaction is ours and not go-smtp's, because the library
//   - waits for each answer: four round trips a message, where two are enough with PIPELINING (RFC 2920);
//   - claims BODY=8BITMIME for every message once it is offered, and can't be told otherwise;
//   - has no deadline while a message is written, and doesn't say whether the final dot had gone out when that failed, which is all that tells a
//     message that is certainly not taken from one that may be;
//   - keeps LMTP's answers by recipient in a map, and drops those that came before the connection was lost;
//   - says EHLO again after each RSET.

// transaction is what one attempt to hand over a message came to.
type transaction struct {
	// answers has each recipient; err, when not nil, is what ended the transaction before they meant anything: nobody has the message.
	answers []Answer
	err     error
	// step is where it was refused.
	step string
	// gone says that the connection is of no more use; atMAIL that it was before the relay had said yes to anything.
	gone, atMAIL bool
}

// deliver runs one mail transaction (RFC 5321 3.3) for recipients that were checked.
func (s *session) deliver(l *letter, from string, to []string) *transaction {
	tx := &transaction{answers: make([]Answer, len(to)), step: "MAIL", atMAIL: true}
	for i := range to {
		tx.answers[i].To = to[i]
	}
	accepted := s.envelope(tx, l, from)
	if tx.err == nil && len(accepted) > 0 {
		s.hand(tx, l, accepted)
	}
	if tx.err == nil {
		s.settled++
	}
	if s.conn.Reader().Buffered() > 0 { // "421 closing", or an answer to nothing, which the next command must not take for its own
		tx.gone = true
	}
	return tx
}

// command is one command and its step's name.
type command struct{ step, text string }

func (s *session) commands(l *letter, from string, to []Answer) []command {
	var out []command
	if s.open {
		out = append(out, command{"RSET", "RSET"})
	}
	mail := "MAIL FROM:<" + from + ">"
	if s.caps.has("SIZE") {
		mail += fmt.Sprintf(" SIZE=%d", l.size)
	}
	if l.eight && s.caps.has("8BITMIME") {
		mail += " BODY=8BITMIME"
	}
	if l.utf8 {
		mail += " SMTPUTF8"
	}
	out = append(out, command{"MAIL", mail})
	for _, a := range to {
		rcpt := "RCPT TO:<" + a.To + ">"
		if s.caps.has("DSN") {
			rcpt += " NOTIFY=NEVER"
		}
		out = append(out, command{"RCPT", rcpt})
	}
	return append(out, command{"DATA", "DATA"})
}

// envelope says who the message is from and for, and returns the indexes of those that it may be sent to: none, when the relay doesn't want it.
func (s *session) envelope(tx *transaction, l *letter, from string) (accepted []int) {
	commands := s.commands(l, from, tx.answers)
	together := s.caps.has("PIPELINING")
	if together {
		var lines []string
		for _, c := range commands {
			lines = append(lines, c.text)
		}
		s.begin("MAIL", s.cfg.Deadlines.Command)
		if tx.fail(s.send(strings.Join(lines, "\r\n"))) {
			return nil
		}
	}
	n := 0 // the recipient that is answered
	for _, c := range commands {
		if !together && c.step == "DATA" && (len(accepted) == 0 || tx.err != nil) {
			return nil
		}
		r, ok := s.ask(tx, c, !together)
		if !ok {
			return nil
		}
		switch c.step {
		case "RSET":
			if !r.ok() {
				tx.fail(s.broken(fmt.Errorf("RSET is refused: %w", r.err())))
				return nil
			}
			s.open = false
		case "MAIL":
			if !r.ok() {
				tx.err = refusedMAIL(s.address, r)
				if !together {
					return nil
				}
				continue
			}
			s.open, tx.atMAIL = true, false
		case "RCPT":
			if tx.err == nil {
				accepted = s.recipient(tx, n, r, accepted)
			}
			n++
		case "DATA":
			return s.mayData(tx, r, accepted)
		}
	}
	return nil
}

// ask reads the reply to a command, which it sends unless all were sent together. When there is none, or one that ends the connection, the
// transaction is over.
func (s *session) ask(tx *transaction, c command, send bool) (reply, bool) {
	patience := s.cfg.Deadlines.Command
	if c.step == "DATA" {
		patience = s.cfg.Deadlines.Data
	}
	s.begin(c.step, patience)
	defer s.done()
	if send && tx.fail(s.send(c.text)) {
		return reply{}, false
	}
	r, err := s.reply()
	if err == nil && r.goOn() && c.step != "DATA" {
		err = s.broken(fmt.Errorf("an answer that fits nothing: %w", r.err()))
	}
	if tx.fail(err) {
		return r, false
	}
	if r.last() {
		tx.fail(s.refusal(c.step, r, ""))
		return r, false
	}
	return r, true
}

// fail ends a transaction together with its connection, if err says so.
func (tx *transaction) fail(err error) bool {
	if err == nil {
		return false
	}
	tx.gone = true
	if tx.err == nil {
		tx.err = err
	}
	return true
}

// recipient takes the answer to one RCPT.
func (s *session) recipient(tx *transaction, n int, r reply, accepted []int) []int {
	a := &tx.answers[n]
	switch {
	case r.ok():
		return append(accepted, n)
	case needsLogin(r.code):
		tx.err = &migrate.Error{Op: "smtp rcpt", Subject: s.address, Scope: migrate.ScopeRun, Final: true, Hint: hintLogin, Err: r.err()}
	case tooMany(r, len(accepted)):
		a.State, a.Err = Later, r.err()
	default:
		a.State, a.Err = answeredBy(r)
	}
	tx.step = "RCPT"
	return accepted
}

// mayData takes the answer to DATA.
func (s *session) mayData(tx *transaction, r reply, accepted []int) []int {
	switch {
	case r.goOn() && tx.err == nil && len(accepted) > 0:
		return accepted
	case r.goOn():
		// RFC 2920 3.1 would have a lone dot sent now: an empty message, for nobody. To hang up is sure to send none.
		s.conn.Close()
		tx.gone = true
		return nil
	case r.ok():
		tx.fail(s.broken(fmt.Errorf("an answer that fits nothing: %w", r.err())))
		return nil
	}
	if len(accepted) > 0 { // else it is only the consequence of what was refused before
		tx.step = "DATA"
		tx.refuse(r, accepted)
	}
	return nil
}

// refuse gives recipients a reply that takes nothing.
func (tx *transaction) refuse(r reply, recipients []int) {
	for _, i := range recipients {
		tx.answers[i].State, tx.answers[i].Err = answeredBy(r)
	}
}

// hand sends the message and reads the answers to it: one, or one for each recipient (RFC 2033 4.2).
func (s *session) hand(tx *transaction, l *letter, accepted []int) {
	tx.step = "DATA"
	dotOut, err := s.body(l)
	if err != nil && !dotOut {
		s.cutShort(tx, err, accepted)
		return
	}
	tx.step = "message"
	share := len(accepted)
	if s.cfg.LMTP {
		share = 1
	}
	for answered := range slices.Chunk(accepted, share) {
		var r reply
		if err == nil {
			r, err = s.answer()
		}
		switch {
		case err != nil:
			tx.gone = true
			for _, i := range answered {
				tx.answers[i].State, tx.answers[i].Err = Unknown, err
			}
		case r.last() && !s.cfg.LMTP:
			tx.gone = true
			tx.err = s.refusal("message", r, "")
		case r.ok():
			for _, i := range answered {
				tx.answers[i].State = Taken
			}
		default:
			tx.gone = tx.gone || r.last()
			tx.refuse(r, answered)
		}
	}
	s.open = false
}

// answer reads an answer to the message. What is neither yes nor no is no answer.
func (s *session) answer() (reply, error) {
	s.begin("the answer to the message", s.cfg.Deadlines.Final)
	defer s.done()
	r, err := s.reply()
	if err == nil && r.goOn() {
		err = s.broken(fmt.Errorf("an answer that fits nothing: %w", r.err()))
	}
	return r, err
}

// body writes the message as DATA has it. After an error, dotOut says whether the final dot may have gone out.
func (s *session) body(l *letter) (dotOut bool, err error) {
	s.begin("sending the message", s.cfg.Deadlines.Block)
	defer s.done()
	out := &blocks{wire: s.wire}
	bw := bufio.NewWriterSize(out, blockSize)
	dots := &stuffer{w: bw}
	if err := l.writeTo(dots); err != nil {
		if s.err == nil { // the message can't be read here, and the relay waits for the rest of it
			s.conn.Close()
			s.err = &migrate.Error{Op: "smtp message", Subject: s.address, Err: err}
		}
		return false, s.err
	}
	s.conn.Trace().Sent(traceName, "[%d octets]", l.size)
	dot, err := dots.end()
	if err == nil {
		err = bw.Flush()
	}
	return err == nil || out.n > dot, err
}

// cutShort ends a transaction whose message was not sent whole. A server that takes no more of it may have said why before it hung up.
func (s *session) cutShort(tx *transaction, err error, accepted []int) {
	defer s.conn.Close()
	tx.gone = true
	tx.err = err
	s.begin("the relay's last words", lastWords)
	r, lost := s.read()
	s.done()
	switch {
	case lost != nil:
	case r.last() || r.code/100 < 4:
		tx.err = s.refusal("DATA", r, "")
	default:
		tx.err = nil
		tx.refuse(r, accepted)
	}
}

// lastWords is how long they are waited for.
const lastWords = 2 * time.Second

// blockSize is how much of a message must go out within Deadlines.Block.
const blockSize = 16 << 10

// blocks writes to the connection, and counts what has gone out.
type blocks struct {
	*wire
	n int64
}

func (b *blocks) Write(p []byte) (int, error) {
	done := 0
	for part := range slices.Chunk(p, blockSize) {
		b.again()
		n, err := b.conn.Write(part)
		b.n += int64(n)
		done += n
		if err != nil {
			return done, b.lost(err)
		}
	}
	return done, nil
}
