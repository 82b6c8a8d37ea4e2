// Package sieve files mail from a POP inbox by a Sieve script (RFC 5228), for people whose new server can't run their old rules over old
// mail. A Script is a migrate.Filer: it reads the message, says where its copies go, and touches nothing itself.
//
// What counts is that the outcome is the one that the script's old server would have had, and that nobody but the account's owner notices:
//
//   - Nothing is sent but by redirect, and that only if the caller relays Verdict.Redirect. vacation, notify, reject and ereject are
//     accepted, because scripts are full of them, but never run: Script.Warnings says so with line and column, and a message that reject
//     would have refused is kept. What would change or run something (editheader, vnd.dovecot.pipe, …) is refused by Load where it is used.
//   - Nothing is lost. Whatever goes wrong while a script runs ends in the implicit keep of RFC 5228 2.10.6, and none of its other actions.
//   - Scripts and messages are hostile. The size of a script, the header that is looked at, the strings it builds and the octets it compares
//     are bounded (see the constants), and the worst message takes about a second. Nothing loops, nothing panics.
//
// # Extensions
//
// Extensions lists them. Beyond RFC 5228 they are body (5173), copy (3894), date and index (5260), encoded-character, envelope,
// environment (5183), fileinto, imap4flags (5232, and its draft imapflags), mailbox (5490), mailboxid (9042), regex
// (draft-ietf-sieve-regex, POSIX extended), relational (5231), spamtest, spamtestplus and virustest (5235), special-use (8579),
// subaddress (5233, "+"), variables (5229), and the comparators i;octet, i;ascii-casemap, i;ascii-numeric (4790) and i;unicode-casemap
// (5051). A migration is not a delivery, so that some of them mean:
//
//   - envelope "from" is the topmost Return-Path, "to" the topmost Delivered-To, else X-Original-To, Envelope-To, X-Envelope-To, else
//     Options.Account. A part that can't be known matches nothing and counts 0.
//   - currentdate is the time the message was received (topmost Received, else its Date), as it was when it was delivered.
//   - :create is always in force, mailboxexists always true: folders are made as they are needed. The mailbox of :mailboxid and the role of
//     :specialuse aren't known here, and the name that stands beside them is used, as both RFCs say.
//   - spamtest and virustest are "0", never tested. include is there for its return, which ends the script; including another script is refused.
//   - environment knows name ("poplift") and phase ("post"); other items match nothing.
//
// Where servers differ, and old scripts rely on it, this package is the lenient one: a comparator need not be required, the address test
// takes any field, though of those that aren't made of addresses it sees only what is one, an address list is read past its faults,
// :count compares as numbers under any comparator, and a line folded at a tab is joined by a space. Octets in a header that are no UTF-8 are
// taken for Windows-1252. The first 256 KiB of a header and 2 MiB of a message are looked at.
//
// # Folder names
//
// Names are UTF-8 and are split at Options.Delimiter. Without one "/" is taken, unless no name in the script has a "/" and one begins with
// "INBOX.": then it is ".". A leading INBOX component is the old server's prefix and is left out ("INBOX.Lists" is the folder Lists);
// INBOX alone is the inbox. A name in modified UTF-7, as Cyrus wants them, is decoded and warned of. A name that a variable made
// unusable (empty, control characters, "..", too long) files into the inbox.
//
// # Why so little of go-sieve
//
// Lexer and parser are those of github.com/foxcpp/go-sieve, behind the guards in syntax.go. Its interpreter is not used, as of 2024-01-30 it
// panics on ${unknown.namespace}, keeps one set of flags for all filings, has no :copy, :create, hasflag or flag variables and no way to add
// them, never matches a pattern with a letter beyond ASCII, takes a pattern that ends in a backslash for a match, runs 20 s on a
// pattern of 400 stars, gives up a whole address field at the first fault in it, takes elsif without if, require anywhere, and
// options twice, reports half of its errors without a place, and links package testing into the program.
package sieve
