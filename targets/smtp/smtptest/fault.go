package smtptest

import "time"

// Step is a point in a conversation at which a Hook is asked.
type Step struct {
	// Verb is the command in upper case, or one of
	//   - "CONNECT": a connection was made, the greeting is due;
	//   - ".": a message was sent whole and its answer is due. On an LMTP server, this comes once for each recipient.
	Verb string
	// Arg is what stands behind the command; of a step ".", the recipient on an LMTP server.
	Arg string
	// Message counts the messages that were begun with MAIL on this connection, from 1; 0 is before the first one.
	Message int
}

// Fault is what happens instead of, or in the middle of, a step. The zero value is none.
type Fault struct {
	answer string
	cut    bool
	act    bool
	stall  bool
	body   int
	early  string
	delay  time.Duration
	drip   time.Duration
	inject bool
}

// Pass lets the step be carried out.
func Pass() Fault { return Fault{} }

// Answer answers with that line instead, such as "451 4.3.0 later". A message is not taken, a recipient not added.
func Answer(line string) Fault { return Fault{answer: line + "\r\n"} }

// Octets sends these octets instead of an answer, whatever they are.
func Octets(octets string) Fault { return Fault{answer: octets} }

// LastWords sends these octets instead of an answer, and breaks the connection.
func LastWords(octets string) Fault { return Fault{answer: octets, cut: true} }

// Cut breaks the connection instead.
func Cut() Fault { return Fault{cut: true} }

// ActAndCut carries the step out and breaks the connection instead of answering: behind ".", the message is taken and nobody told.
func ActAndCut() Fault { return Fault{act: true, cut: true} }

// Stall never answers, and reads nothing more.
func Stall() Fault { return Fault{stall: true} }

// Slow carries the step out after that time.
func Slow(d time.Duration) Fault { return Fault{delay: d} }

// SlowBody is for DATA: it waits that long before each time that it reads some of the message from the network.
func SlowBody(d time.Duration) Fault { return Fault{drip: d} }

// CutBody is for DATA: it lets the message come, and breaks the connection after that many octets of it, which must be more than 0.
func CutBody(after int) Fault { return Fault{body: after} }

// EndBody is CutBody with last words, such as "552 5.3.4 too big", before the connection is closed.
func EndBody(after int, line string) Fault { return Fault{body: after, early: line + "\r\n"} }

// StallBody is for DATA: it lets the message come, and reads no more after that many octets of it, which must be more than 0.
func StallBody(after int) Fault { return Fault{body: after, stall: true} }

// Inject is for STARTTLS: it sends a line in clear behind its answer, in the same segment.
func Inject() Fault { return Fault{inject: true} }
