// Package pop3 reads a POP3 maildrop (RFC 1939) as a [migrate.Source]: whole, exact, and as fast as the server sends.
//
// It is for the engine in package migrate, which asks it what there is and then for bodies. It is built on go-pop3 for commands and
// single-line answers, and stands beside it where that library can't do what is needed: CAPA, STLS and SASL, answers that are parsed
// line by line instead of cut off at the first odd one, bodies that go to a spool in one pass instead of into memory, and response
// codes. The two can take turns on one connection because go-pop3 is never handed an octet behind the line it reads (see lineConn).
//
// Its policy:
//   - The source is never changed: no DELE is ever sent, and RSET goes before QUIT for servers that delete what was retrieved.
//   - Nothing secret goes over an unprotected connection. STLS that isn't to be had ends the session before the login.
//   - A body ends at CRLF "." CRLF and nowhere else, and is handed out only when the next octets prove that the server agrees.
//   - What the server says of itself is a hint: sizes lie, lists have gaps, UIDL is there though CAPA hides it. Whatever is named in any
//     list, or counted by STAT, is yielded, as an entry or as an error.
//   - Errors are classified by the response codes of RFC 2449 and RFC 3206, never by text.
package pop3
