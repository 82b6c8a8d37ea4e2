// Package takeout reads the mail of a Google Takeout, or of any other export of Gmail to mbox files with X-Gmail-Labels, as a [filestore.Store].
//
// It is for whoever leaves Gmail with the archive that Google made. The mboxes are read by package mbox; what stands here is what the labels
// mean, in whatever language the account was.
//
// Its policy:
//   - A message is one message however many labels it has, and however many files have it. Its folder is the first of these that it is
//     labelled with: trash, spam, drafts, inbox, sent, the first of the user's own labels; without any it is archived mail.
//   - The user's other labels become keywords, copies in folders of their own, or nothing, as [Labels] says.
//   - Labels for the state of a message become flags. What Gmail works out for itself (categories) is left out.
//   - A label that isn't known is the user's own. It never stops anything.
//   - Chats are left out unless asked for: they are no mail.
//   - The date of the From_ line is that of the delivery, and believed first.
//
// IDs are Gmail's number of the message, which the From_ line has, and a digest of the header. So they are the same in the next export.
//
// A single file is read in one pass. Of several files there is a pass before that to find what is in more than one; it costs some 16 to 30 octets
// of memory for every message, as does knowing what was listed.
package takeout
