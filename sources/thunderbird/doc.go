// Package thunderbird reads what Thunderbird and its relatives (SeaMonkey, Betterbird, Icedove) keep on disk as a [filestore.Store]: a
// whole profile, its Mail directory, the directory of one account, or one folder's file.
//
// It is for whoever read their mail by POP3 with such a client, and so has folders, flags and tags nowhere but there. The mboxes are read by
// package mbox; what stands here is the tree around them and the meaning of the client's own header fields.
//
// Its policy:
//   - Nothing is ever written, nothing is locked: the client may be running. A file that changed since it was listed says so when it is read.
//   - The disk is the truth, not the index: a folder without an .msf file is a folder. The index is asked for one thing only, the name of a
//     folder whose name on disk was hashed.
//   - The flags are those of X-Mozilla-Status, which the client rewrites in place; the index may know newer ones when it runs.
//   - A profile with one mail account has that account's folders at the top, its Inbox being INBOX. Local Folders stand below a folder of that
//     name, unless they are all there is. With more than one mail account each stands below a folder of its own, named as the client names
//     the account. Accounts without any mail don't count: a global inbox leaves such ones behind.
//   - Directories in Mail that belong to no account any more are read too, below their own names: the client keeps what it no longer shows.
//   - A file without an index that doesn't begin with a From_ line is no folder, and a directory without indexes is an account only if most of
//     its mboxes are the client's.
//   - Copies of IMAP accounts and news feeds are left out unless asked for.
//   - What the client has deleted and not compacted away is listed as Deleted, once; what it has downloaded only in part as Partial.
//
// IDs are the folder's place on disk and a digest of the message's own header and its size. So they survive what the client does to a
// folder: flags and tags written into it, messages appended, and the compaction that moves all that follows.
package thunderbird
