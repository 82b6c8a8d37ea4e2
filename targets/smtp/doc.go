// Package smtp is the target that relays mail: it hands messages to an SMTP server (RFC 5321) or an LMTP server (RFC 2033), for what no IMAP
// account takes, for addresses that only forward, and for what a user's own rules redirect.
//
// It is for the engine in migrate, as a target without folders. It stands on go-smtp for the conversation that opens and closes a session:
// greeting, EHLO or LHLO and the fall back to HELO, AUTH, QUIT. The library gets to see replies only as bare verdicts, one at a time (see lent),
// because it reads them without a bound and parses extensions by the letters' case. The mail transaction is ours; deliver.go says why.
//
// # What is sent
//
// Either the original octets with a Resent-* block on top ([Resent], RFC 5322 3.6.6), or a short note in the user's language with the original as
// message/rfc822 ([Attached]). Nothing is ever encoded anew in place:
//   - A header that relays mend, cut or bounce (see survey.resendable) doesn't go out on top of a message; it is sent attached.
//   - Octets that the transport can't carry (above 127 without 8BITMIME, lines above 998, NUL, a bare CR) and 8-bit headers (without SMTPUTF8) are
//     sent attached, whole and in base64, as application/octet-stream with the name message.eml. RFC 2046 5.2.1 forbids base64 for message/rfc822 and
//     has its header in ASCII; message/global (RFC 6532 3.7) may be in base64, but only where SMTPUTF8 is spoken all the way, and other readers
//     show it as an unknown attachment. An .eml opens everywhere.
//
// The one thing added to the octets is a line end behind a last line that has none: SMTP can't carry it (RFC 5321 4.1.1.4). Under a Resent block,
// relays themselves take the last delivery's Return-Path away (RFC 5321 4.4; Exim its Envelope-To and Delivery-Date as well): where that matters,
// attach.
//
// # Policy, because a mistake here mails people
//
// The envelope's sender is the operator's or empty, never the original author's. No notices are asked for (NOTIFY=NEVER, RFC 3461, where offered).
// A message that poplift has relayed before, or that has been through too many hands, is refused. Nothing secret goes over an unprotected
// connection. Nothing that a server sends is read without a bound. No address, subject or secret is logged above Debug; errors hold the server's
// own words, which often repeat an address.
//
// # What an error of Append means
//
//   - nil: every recipient's server has taken the message.
//   - [migrate.ErrRejected], scope message: nobody has it, and trying again is of no use (5yz, too big, a loop, no valid recipient).
//   - scope message without it: nobody has it now; another try is of use after Error.After (4yz: 450, 451, 452).
//   - a [PartialError] in it, scope message: some recipients have it. It must not be sent again to those; PartialError.Left are the others.
//   - [migrate.ErrUncertain], scope session: the whole message was sent and no answer came. It may have arrived. It is never sent again from here.
//     A PartialError beside it says which recipients of an LMTP server are certain. It is wrapped also when a context that ended was the cause,
//     so that it must be looked for first.
//   - any other: nobody has it. Scope session (connection lost before the final dot, 421, 4yz to the login) is worth another session after
//     Error.After; scope run (the login is refused, dry run, wrong configuration) is not.
//
// The sequence goes on after every error of scope message and ends with any other one.
//
// A connection that ended between two messages, or that had carried some (servers close after so many, or when nothing came for minutes), is made
// anew once for a message whose final dot was not sent yet.
package smtp
