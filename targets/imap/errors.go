package imap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
)

// errReadOnly is what every command that would change something gets in a dry run.
var errReadOnly = errors.New("refused by poplift itself: this connection only reads (dry run)")

const (
	hintRoom       = "make room on the target, then run the same command again: it goes on where it stopped"
	hintRights     = "the target account may not write there: check its rights, or whether the account was made read-only"
	hintLogin      = "check the target's user name and password (some providers want an app password or a token instead)"
	hintCleartext  = "use imaps:// or a server with STARTTLS; --allow-cleartext sends the password unprotected"
	hintServer     = "the server has a fault of its own, which its log tells; when it is mended, run the same command again"
	hintAdmin      = "the server asks you to talk to its administrator"
	hintFolderName = "choose another folder name for the target"
	hintVolume     = "nothing has to be done: a later run goes on"
)

// answered is a NO or BAD as an error.
type answered struct{ status }

func (a answered) Error() string {
	return strings.TrimSpace("the server said " + a.kind + " " + a.words())
}

// words are what was said, with the code in brackets.
func (a answered) words() string {
	if a.code == "" {
		return a.text
	}
	return strings.TrimSpace("[" + a.code + "] " + a.text)
}

// classify turns a NO or BAD into an error by its response code (RFC 5530 and those named), never by its text. A code that says nothing about
// the scope leaves it to the command: other.
func classify(op, subject string, st status, other migrate.Scope) *migrate.Error {
	e := &migrate.Error{Op: op, Subject: subject, Scope: other, Final: true, Err: answered{st}}
	switch st.code {
	case "OVERQUOTA":
		e.Scope, e.Hint = migrate.ScopeRun, hintRoom
		if bandwidth(st) {
			e.Hint, e.Err = hintVolume, fmt.Errorf("%w: %w", migrate.ErrVolume, e.Err)
		}
	case "NOPERM":
		e.Scope, e.Hint = migrate.ScopeRun, hintRights
	case "CONTACTADMIN":
		e.Scope, e.Hint = migrate.ScopeRun, hintAdmin
	case "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED":
		e.Scope, e.Hint = migrate.ScopeRun, hintLogin
	case "PRIVACYREQUIRED":
		e.Scope, e.Hint = migrate.ScopeRun, hintCleartext
	case "TRYCREATE", "NONEXISTENT": // gone since it was opened; opening it again makes it
		e.Scope, e.Final = migrate.ScopeFolder, false
	case "UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "THROTTLED":
		e.Scope, e.Final, e.After = migrate.ScopeSession, false, backOff(st)
		e.Crowded, e.Throttled = st.code == "UNAVAILABLE" || st.code == "LIMIT", st.code == "THROTTLED"
		if st.code == "SERVERBUG" {
			e.Hint = hintServer
		}
	case "CORRUPTION":
		e.Scope = migrate.ScopeFolder
	}
	if e.Final && st.code == "" && suggested(st.text) > 0 {
		e.Scope, e.Final, e.After, e.Throttled = migrate.ScopeSession, false, backOff(st), true
	}
	return e
}

// backOff is how long a server wants to be left alone.
func backOff(st status) time.Duration {
	if d := suggested(st.text); d > 0 {
		return d
	}
	switch st.code {
	case "INUSE", "SERVERBUG":
		return 5 * time.Second
	}
	return 30 * time.Second
}

// bandwidth says whether OVERQUOTA is Gmail's "Account exceeded command or bandwidth limits", which it answers to any command, APPEND too, though the
// mailbox has room (imapsync, FAQ.Gmail). Its text is all that tells it from a full mailbox, about which a person would have to do something.
func bandwidth(st status) bool {
	return st.code == "OVERQUOTA" && strings.Contains(strings.ToLower(st.text), "bandwidth")
}

// suggested reads Exchange's "Request is throttled. Suggested Backoff Time: 299609 milliseconds": with bandwidth the one text that is looked at,
// because it is all the protocol there is for it, and because taking it for the message's fault would lose the message.
func suggested(text string) time.Duration {
	_, after, ok := strings.Cut(text, "Suggested Backoff Time: ")
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(after, " ")
	ms, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || ms <= 0 {
		return 0
	}
	return min(time.Duration(ms)*time.Millisecond, time.Hour)
}

// rejected is a refusal of one message: it is not stored, and no retry helps.
func rejected(subject string, cause error) error {
	return &migrate.Error{Op: "imap append", Subject: subject, Scope: migrate.ScopeMessage, Final: true,
		Err: fmt.Errorf("%w: %w", migrate.ErrRejected, cause)}
}
