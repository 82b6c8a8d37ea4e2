// Package applemail reads what Apple Mail keeps on disk as a [filestore.Store]: the directory Mail of a user's Library in any of its versions, one
// version of it (V2 to V10), one account, one mailbox, and the packages Name.mbox that the program exports.
//
// It is for whoever has mail nowhere but in that program, and for copies of such directories made on a Mac that is no more. The mboxes in exported
// packages are read by package mbox; what stands here is the tree, the files of single messages (emlx), and what their property lists say.
//
// Its policy:
//   - Of several versions the newest is read: the program leaves the older ones behind when it moves on.
//   - Flags and the date of the delivery are those of the property list behind each message. One that can't be read costs the flags, not the
//     message. No database is looked at.
//   - Of a message whose attachments lie in files of their own, the attachments are put back where they were; if one is missing the message is
//     Partial. Put back they are encoded anew, so that lines may break elsewhere than the sender had them.
//   - The bit for drafts isn't asked: sent mail has it too. A message is a draft where the mailbox of drafts is.
//   - One account stands at the top, its INBOX being INBOX, and the mailboxes "On My Mac" below a folder of that name. Several accounts stand
//     below folders of their own, which have the names of their directories, since the accounts' own names are elsewhere.
//
// IDs are the place of a message's file, which has a number that is never used twice.
package applemail
