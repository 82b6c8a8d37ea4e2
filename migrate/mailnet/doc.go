// Package mailnet is what a POP3 and an IMAP (and later an SMTP) client need of a connection: dialling, TLS that is verified unless
// the user says otherwise by name, deadlines, cutting on a cancelled context, octet counters, rate limits, SASL, and a transcript
// without secrets.
//
// It is for the protocol packages under sources and targets, which otherwise must not know each other, and imports nothing of ours.
// Its policy: no octet of a secret is ever written to a transcript, an error or a log; no login goes over clear text unless the
// endpoint says so; nothing that a server sends is read without a bound.
package mailnet
