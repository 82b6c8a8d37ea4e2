// Package mh reads MH folders as a [filestore.Store]: a folder is a directory, a message a file that is called by a number.
//
// It is for the mail of Sylpheed and Claws Mail, and for plain MH (nmh, mutt, Gnus nnml).
//
// Its policy:
//   - Flags come from the mark file of Sylpheed or Claws where there is one; a message that it doesn't name is new. Plain MH has
//     sequences: what is in "unseen" is, everything else was read, as mutt and Python take it too.
//   - What a folder is for, folderlist.xml says where it is found; else the names that Sylpheed and Claws give their own folders, in
//     directories that have a mark file.
//   - The headers that these clients put before a draft or a queued message are no part of it.
//   - Numbers are given anew when a folder is packed or sorted. So an ID is the folder, the number, the size, and a digest of the
//     beginning: what has got another number has another ID, and is known by its octets.
//   - Files of other names are no mail: also not ,12 and #12, which is how MH deletes.
package mh
