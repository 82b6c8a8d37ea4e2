package smtp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
)

const (
	hintLogin     = "check the relay's user name and password (some providers want an app password or a token instead)"
	hintNoLogin   = "check the port (587 or 465 for a login), or leave the user name out"
	hintCleartext = "use smtps:// or a relay with STARTTLS; --allow-cleartext sends mail and password unprotected"
	hintUnwanted  = "the relay doesn't want this machine as a client: ask its operator, or use another one"
	hintTooBig    = "keep it in the dead-letter folder, or strip its attachments"
	hintFull      = "the recipient's mailbox is full: make room there, then try again"
	hintLoop      = "it stays where it is, so that it can't go in circles"
)

// When another try is of use, where no server says it. Greylisting keeps a message out for five minutes as a rule.
const (
	retrySession = 30 * time.Second
	retryMessage = 5 * time.Minute
)

var (
	errReadOnly = errors.New("refused by poplift itself: nothing is sent (dry run)")
	errLoop     = errors.New("mail that goes in circles")
)

// State is what became of a message for one recipient.
type State uint8

const (
	// Later is not taken now; another try is of use.
	Later State = iota
	// Refused is not taken, for good.
	Refused
	// Taken is with the recipient's server, or with the relay on its way there.
	Taken
	// Unknown was sent and not answered for.
	Unknown
)

func (s State) String() string { return [...]string{"later", "refused", "taken", "unknown"}[s] }

// Answer is what became of a message for one recipient, and why: Err is nil when it was taken, else often a *ReplyError.
type Answer struct {
	To    string
	State State
	Err   error
}

// PartialError is of a message that some recipients have and others haven't. It is never sent again to those who have it.
type PartialError struct {
	// Answers has every recipient, in the order they were given.
	Answers []Answer
}

func (e *PartialError) Error() string {
	var out []string
	taken := 0
	for _, a := range e.Answers {
		if a.State == Taken {
			taken++
		} else {
			out = append(out, fmt.Sprintf("%s: %v", a.To, a.Err))
		}
	}
	return fmt.Sprintf("taken for %d of %d recipients; %s", taken, len(e.Answers), strings.Join(out, "; "))
}

// Unwrap returns why the others haven't it. None of them is migrate.ErrRejected: the message was taken by some.
func (e *PartialError) Unwrap() []error {
	var out []error
	for _, a := range e.Answers {
		if a.Err != nil {
			out = append(out, a.Err)
		}
	}
	return out
}

// Is says that it is a migrate.ErrPartly.
func (e *PartialError) Is(target error) bool { return target == migrate.ErrPartly }

// Left are the recipients for whom the message can be sent again: it is certain that they haven't it, and they may take it later.
func (e *PartialError) Left() []string {
	var out []string
	for _, a := range e.Answers {
		if a.State == Later {
			out = append(out, a.To)
		}
	}
	return out
}

// answeredBy is what a refusing reply makes of a recipient.
func answeredBy(r reply) (State, error) {
	if r.later() {
		return Later, r.err()
	}
	return Refused, r.err()
}

// tooMany tells a 552 to RCPT that means the number of recipients, which is for now only: RFC 821 had a wrong code for it (RFC 5321 4.5.3.1.10). A
// mailbox that is full says the same code with a status of its own, or to the first recipient as well.
func tooMany(r reply, takenBefore int) bool {
	return r.code == 552 && takenBefore > 0 && (r.status == "" || r.subject() == "5.3")
}

// needsLogin are the codes that say that nothing will be taken without another login (RFC 4954 6).
func needsLogin(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

// refusedMAIL classifies a reply to MAIL. It comes before any recipient, so that what isn't about this message's size or form is about all of them.
func refusedMAIL(address string, r reply) error {
	e := &migrate.Error{Op: "smtp mail", Subject: address, Err: r.err()}
	switch {
	case r.code == 452 || r.code == 455:
		e.Scope, e.After = migrate.ScopeMessage, retryMessage
	case r.later():
		e.After = retrySession
	case needsLogin(r.code):
		e.Scope, e.Final, e.Hint = migrate.ScopeRun, true, hintLogin
	case r.code == 503: // what we think was said and what the relay thinks differ
	default:
		hint := ""
		if tooBig(e.Err) {
			hint = hintTooBig
		}
		return refused("smtp mail", address, hint, e.Err)
	}
	return e
}

// refused is a message that nobody has and that nobody will take.
func refused(op, address, hint string, cause error) error {
	return &migrate.Error{Op: op, Subject: address, Scope: migrate.ScopeMessage, Final: true, Hint: hint,
		Err: fmt.Errorf("%w: %w", migrate.ErrRejected, cause)}
}

// verdict is what a transaction's answers come to, where each recipient has one.
func verdict(address, step string, answers []Answer) error {
	count := map[State]int{}
	for _, a := range answers {
		count[a.State]++
	}
	op := "smtp " + strings.ToLower(step)
	switch {
	case count[Taken] == len(answers):
		return nil
	case count[Unknown] > 0:
		return uncertain(address, answers)
	case count[Taken] > 0:
		e := &migrate.Error{Op: op, Subject: address, Scope: migrate.ScopeMessage, Final: count[Later] == 0, Err: &PartialError{answers}}
		if !e.Final {
			e.After = retryMessage
		}
		return e
	case count[Refused] == len(answers):
		return refused(op, address, hintFor(answers), causes(answers))
	}
	return &migrate.Error{Op: op, Subject: address, Scope: migrate.ScopeMessage, After: retryMessage, Err: causes(answers)}
}

// hintFor is what can be done about a message that was refused for everyone.
func hintFor(answers []Answer) string {
	for _, a := range answers {
		var e *ReplyError
		switch {
		case tooBig(a.Err):
			return hintTooBig
		case errors.As(a.Err, &e) && strings.HasSuffix(e.Status, ".2.2"):
			return hintFull
		}
	}
	return ""
}

// tooBig tells a message's size from a full mailbox, which has the same code (RFC 3463 3.3, 3.4).
func tooBig(err error) bool {
	var e *ReplyError
	if !errors.As(err, &e) {
		return false
	}
	return strings.HasSuffix(e.Status, ".3.4") || strings.HasSuffix(e.Status, ".2.3") || e.Code == 552 && e.Status == ""
}

// causes joins the recipients' reasons; one that is the same for all is told once.
func causes(answers []Answer) error {
	first := answers[0].Err
	if !slices.ContainsFunc(answers, func(a Answer) bool { return a.Err.Error() != first.Error() }) {
		return first
	}
	var text []string
	var all []error
	for _, a := range answers {
		text = append(text, fmt.Sprintf("%s: %v", a.To, a.Err))
		all = append(all, a.Err)
	}
	return &joined{strings.Join(text, "; "), all}
}

// joined is several reasons on one line, which errors.Join is not.
type joined struct {
	text string
	all  []error
}

func (j *joined) Error() string   { return j.text }
func (j *joined) Unwrap() []error { return j.all }

// uncertain is a message that was sent whole and not answered for, for some recipients or all.
func uncertain(address string, answers []Answer) error {
	cause := answers[len(answers)-1].Err
	for _, a := range answers {
		if a.State == Unknown {
			cause = a.Err
		}
	}
	if slices.ContainsFunc(answers, func(a Answer) bool { return a.State != Unknown }) {
		cause = &PartialError{answers}
	}
	return &migrate.Error{Op: "smtp message", Subject: address, Err: fmt.Errorf("%w: %w", migrate.ErrUncertain, cause)}
}

// classOf is the outermost classification in err.
func classOf(err error) migrate.Error {
	var e *migrate.Error
	if errors.As(err, &e) {
		return *e
	}
	return migrate.Error{Err: err}
}
