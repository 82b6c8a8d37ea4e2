package migrate

import (
	"errors"
	"fmt"
	"time"
)

// Scope says how much is broken.
type Scope uint8

const (
	// ScopeSession is the zero value: an error that nobody classified costs the connection, and another is tried.
	ScopeSession Scope = iota
	// ScopeMessage leaves the session as it was; the next message can go on.
	ScopeMessage
	// ScopeFolder concerns one folder of the target.
	ScopeFolder
	// ScopeRun ends the run: no session would help.
	ScopeRun
)

// ErrRejected promises that the target did not store the message.
var ErrRejected = errors.New("refused by the target")

// ErrUncertain says that a target was sent the whole message and never said whether it took it, where looking is impossible (SMTP after the
// final dot). It ends a session; the message is not sent again unless a person says so.
var ErrUncertain = errors.New("sent, and not answered for")

// ErrPartly says that some recipients of a message have it and others don't. It has scope message, and the message is not sent again unless a
// person says so.
var ErrPartly = errors.New("only some recipients have it")

// ErrLogin says that a server has refused a log-in for good: with the same name and secret it will refuse the next one too, and may lock the account for
// it. Busy servers and lost connections are none of these.
var ErrLogin = errors.New("log-in refused")

// ErrVolume says that a server takes or gives no more for a while, because so much has gone over it already. Nothing is wrong with the account or its
// messages, and a later run goes on where this one stopped.
var ErrVolume = errors.New("today's volume of this provider is used up")

// LoginRefused marks err, a server's answer, as ErrLogin; its text stays as it is.
func LoginRefused(err error) error { return loginRefused{err} }

type loginRefused struct{ error }

func (e loginRefused) Unwrap() []error { return []error{ErrLogin, e.error} }

// Error is an error whose consequences are known, classified where the protocol is known and by code, never by text.
type Error struct {
	// Op and Subject say what was done to what: "imap append", "INBOX".
	Op, Subject string
	Scope       Scope
	// Final says that no retry helps until a person changes something.
	Final bool
	// After is the earliest time that another try is of use, from now; 0 leaves it to the caller.
	After time.Duration
	// Crowded says that the server had no room for one more session, whoever's: other accounts there should ask for fewer.
	Crowded bool
	// Throttled says that the server was asked for too much at a time: it wants fewer messages and octets a second. It means this session, and need not
	// mean others.
	Throttled bool
	// Hint is what the user can do about it.
	Hint string
	Err  error
}

func (e *Error) Error() string {
	if e.Subject == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Subject, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// classOf returns the outermost classification in err; an unclassified error is of scope session and worth another try.
func classOf(err error) Error {
	var e *Error
	if errors.As(err, &e) {
		return *e
	}
	return Error{Err: err}
}

// HintOf returns what the user can do about err, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
