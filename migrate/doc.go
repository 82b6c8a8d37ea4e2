// Package migrate moves mail: from sources, which only give, into a target, which only takes, with a store that remembers. It is the vocabulary
// that the protocol packages share and the engine that drives them. It knows no protocol: neither go-imap, go-pop3 nor bbolt is imported here.
//
// # One message's way
//
//	Source.Messages ─ list ──▶ known in the store? ── yes ──▶ counted
//	                             │ no
//	Source.Fetch ─ bring ───▶ Spool: CRLF form, exact length, Identity          (goroutine 1)
//	                             │ place
//	                             ├─ known by its octets, left out by a rule,
//	                             │  twin, adopted, renamed ──▶ ledger
//	                             ▼
//	Target.Append ◀──────── Upload: mailbox, flags, INTERNALDATE                (the target's own goroutine)
//	      │ Receipt
//	      ▼ take
//	    ledger ─ group commit ─▶ Store                                          (goroutine 2)
//
// session.go and copy.go read top to bottom along this way; plan.go holds the decisions as pure functions; ledger.go is the one place that
// writes; folders.go looks at the target; run.go repeats sessions. Where a folder goes a Router says (ways.go), where a message of an inbox goes
// a Filer, if there is one (file.go). join.go brings together what a client's store and its maildrop say of one message; merge.go gives flags to what
// lies there already; leftover.go finds a place for what the target refuses. verify.go and dedupe.go only look.
//
// # Why nothing is lost and nothing is doubled
//
// The target is the truth, the store is a cache of it. Of each folder the store keeps the UIDVALIDITY and a mark: below it, every message
// is known. Before the first append to a folder in a session, everything from the mark on is indexed (folder.index). So:
//
//   - A message is stored twice only if it is appended while a copy that poplift had stored before lies there unknown. All that lies there is
//     indexed first, and an unclaimed copy is adopted; UIDs only grow under one UIDVALIDITY, and under another one the index begins at 1. What a
//     server still stores after our end of the connection has died is waited for (folder.settleDown), on the strength of a durable mark that is set
//     before the first append (FolderMark.Dirty).
//   - A message is lost only if it is held for done and isn't. Done is written only after the target's answer, or after a message on the target
//     was found to be the same; each message of the target answers for one source message (a claim); size alone is believed only for an
//     envelope with a Message-ID that nothing else shares, and taken back when the one it belongs to turns up.
//   - A record is written after all that it stands for: the other copies that a Filer wants, the flags of a message that was there already, the
//     whole of a message that is stripped. A relay alone can't be asked what it has: what it never answered for is Uncertain, and stays so until a
//     person decides.
//   - A crash loses at most what the last group commit had not written: those messages are read again, and found on the target.
//
// A reconnect, a crash and a deleted state file are therefore one case, and there is one way of recovery: list, index, go on.
//
// One gap is known: with the state file deleted as well, and a folder that was empty, nothing says that a dead session may still be storing; a
// run that starts within that moment can double what was in flight.
//
// # Memory
//
// The octets of messages live in a Pool; whoever needs room waits. A target must therefore be able to finish what it holds without being
// handed more (see Target.Append). Beside that the engine keeps a few hundred octets for each message in flight, and for a source without stable IDs
// a count for each digest.
package migrate
