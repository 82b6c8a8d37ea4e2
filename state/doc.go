// Package state keeps what a run knows between sessions: one bbolt file per account, and beside it small JSON files that say how a run is
// getting on (Status) and what the last verification found (Verification). It is for the engine, which knows it as migrate.Store, and for the commands that report on accounts.
//
// Its policy:
//   - The file is a cache of what lies on the target. Losing it costs time, never a message. So damage is never repaired: a file is read
//     through, every page and every checksum, before it is mapped into memory, and refused with ErrDamaged when anything is wrong. A record
//     must not go missing unnoticed, because a folder's mark promises that every message below it is known. The caller may SetAside such a
//     file and open a fresh one: the next run finds everything on the target again.
//   - The file's lock is the "already running" lock of its account.
//   - Every Commit is one durable transaction.
//   - No secret is ever in it; UIDLs, folder names and digests are, so that files are 0600 and the directory is 0700.
//
// # The file
//
// Every value ends in a CRC-32C over the bucket's tag, the key and the value, but for the prints, whose keys must add up with the places.
// Numbers in keys are big-endian.
//
//	meta     name                            → schema, account, time of creation, sum over all values
//	sources  source id (2)                   → its name
//	folders  generation id (4)               → folder name, UIDVALIDITY, mark
//	places   generation id (4), place (5, 9) → envelope, size, and who has claimed it or the digest of its octets
//	prints   generation id, envelope, place  → nothing: the way from an envelope to its places
//	records  source id (2), entry ID         → the record
//
// A generation is a folder under one UIDVALIDITY. A place is where a message lies in it: a UID, or a running number for one whose UID the
// server never said. When a folder's mark comes with another UIDVALIDITY, its former generations are retired: nothing leads to them any
// more, and each later Commit sweeps some of their places out.
//
// A message takes about 400 octets when UIDLs grow, as most servers' do, and 550 when they are random. The file is mapped, so that what was
// touched of it counts as memory of the process; the system takes it back when it is short of memory.
package state
