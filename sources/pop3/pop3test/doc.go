// Package pop3test is a POP3 server within the process, for tests, benchmarks and demonstrations, in the shape of net/http/httptest.
//
// Left alone it is a decent server: CAPA, UIDL, TOP, PIPELINING, RESP-CODES, STLS when asked for, USER/PASS, APOP and SASL (PLAIN, LOGIN,
// XOAUTH2), CRLF line ends and dot-stuffing as RFC 1939 says, fast on maildrops of 10,000 messages. What real servers do wrong is a
// switch each in [Quirk]; a fault in the middle of one command is a [Server.Hook]; a line that breaks is [Server.Cut].
//
// Its policy: it imports no testing package, nothing is random, and every misbehaviour counts how often it struck ([Server.Fired]), so
// that a test can fail when the fault it rests on never happened.
package pop3test
