// Package smtptest is an SMTP or LMTP server within the process, for tests and demonstrations, in the shape of net/http/httptest.
//
// Left alone it is a decent relay: EHLO, PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN, enhanced status codes, STARTTLS and AUTH (PLAIN, LOGIN,
// XOAUTH2, and any other by a hook) when asked for. It takes mail for anyone and keeps each message with its envelope and octets as they came.
// What it offers is a field each in [Offer]; what goes wrong in a step is the [Server.Hook]'s word; a line that breaks is [Server.Cut].
//
// Its policy: it imports no testing package, nothing is random, what it reads and keeps is bounded, and every misbehaviour counts how often it
// struck ([Server.Fired]), so that a test can fail when the fault it rests on never happened. The wire code is its own, so that it agrees with no
// client by sharing its mistakes.
package smtptest
