package pop3test

import "time"

// Quirk is what a server does wrong. The zero value is a decent server.
type Quirk struct {
	// NoUIDL refuses UIDL and hides it; HiddenUIDL only hides it from CAPA.
	NoUIDL, HiddenUIDL bool
	// EmptyUIDL leaves the unique id of this message number out of its line; DuplicateUIDL gives each message the first one's, and
	// UIDLChanges gives all of them others in every session.
	EmptyUIDL     int
	DuplicateUIDL bool
	UIDLChanges   bool
	// SizesLie makes LIST, STAT and the line before a body say something near the truth.
	SizesLie bool
	// StatMismatch is added to STAT's count. GapInList and GapInUIDL leave this message number out.
	StatMismatch, GapInList, GapInUIDL int
	// LoosePrefix puts "+OK " before, and runs of blanks into, each line of LIST and UIDL, and a line of junk at their end.
	LoosePrefix bool

	// NoPipelining hides PIPELINING and throws away input that came before its time.
	NoPipelining bool
	// NoCAPA refuses CAPA; SilentCAPA never answers it.
	NoCAPA, SilentCAPA bool
	// NoTOP refuses TOP and hides it; TopDiffers answers it with another header than RETR's.
	NoTOP, TopDiffers bool
	// InjectBeforeTLS sends a line in clear behind the answer to STLS, in the same segment.
	InjectBeforeTLS bool
	// HangAcrossPASS falls silent for ever when something came behind PASS in its segment (Courier).
	HangAcrossPASS bool

	// InUse and LoginDelayed refuse that many logins, with [IN-USE] and [LOGIN-DELAY]. LoginDelay is what CAPA says, in whole seconds.
	InUse, LoginDelayed int
	LoginDelay          time.Duration
	// SessionCap refuses every RETR of a session after this many (163.com).
	SessionCap int
	// GmailWindow shows only this many messages a session, the oldest, and hides for ever what was retrieved in one that ended with QUIT.
	GmailWindow int
	// APOP puts a stamp into the greeting and takes the command.
	APOP bool
	// UTF8 offers RFC 6856 and, as Courier does, wraps messages with 8-bit headers for clients that didn't send UTF8 after login.
	UTF8 bool

	// BareLFLines sends the message's octets as they are: only CRLF ends a line, so that a dot between bare LFs isn't stuffed.
	BareLFLines bool
	// LFOnly ends every line in a bare LF, the terminator's too.
	LFOnly bool
	// UnstuffedFirstDot doesn't stuff a dot that is the first octet of a message (Dovecot).
	UnstuffedFirstDot bool
	// NoStuffing stuffs no dot at all, so that a line "." ends the answer early.
	NoStuffing bool
	// NoFinalLineEnd glues the terminator's dot to a message that doesn't end in a line end (Exchange 2000).
	NoFinalLineEnd bool
}

// Fault is what happens instead of, or in the middle of, the answer to a command. The zero value is none.
type Fault struct {
	answer string
	stall  bool
	cut    bool
	after  int
}

// Pass lets the command be carried out.
func Pass() Fault { return Fault{} }

// Err answers with that line instead, such as "-ERR [SYS/TEMP] later".
func Err(line string) Fault { return Fault{answer: line + "\r\n"} }

// Answer sends these octets instead, whatever they are.
func Answer(octets string) Fault { return Fault{answer: octets} }

// Cut carries the command out and breaks the connection after that many octets of the answer.
func Cut(after int) Fault { return Fault{cut: true, after: after} }

// Stall never answers, and reads nothing more.
func Stall() Fault { return Fault{stall: true} }
