// Package maildir reads Maildirs as a [filestore.Store]: a message is a file, its flags are in the file's name.
//
// It is for whoever has a Maildir from a server or a client: Maildir++ (Dovecot, Courier, Evolution 3), folders nested as directories
// ("fs" layout, KMail 2 with its .Name.directory), and trees of both.
//
// Its policy:
//   - What lies in cur and new is mail, except index files; tmp is never looked at, and nothing is renamed.
//   - The date is the epoch at the start of the file name, which copies of the tree don't change; a file's own time is only the fallback.
//   - A folder's name is read as modified UTF-7 where it is valid as such and as UTF-8 (else Latin-1) where not, each name by itself.
//   - An ID is the directory and the file's name without its flags, so that it stays when a message is read, flagged, or moved from new
//     to cur. Two files with one such name (a backup laid over its original) have no stable ID, and are told apart by their octets.
//   - Indexes are believed where nothing else knows: dovecot-uidlist for the order and the UIDLs, dovecot-keywords for keywords, the index of
//     KMail 1 for flags beside those of the names. Sizes in names and indexes are not.
package maildir
