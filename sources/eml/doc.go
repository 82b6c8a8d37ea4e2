// Package eml reads single-message files as a [filestore.Store]: what Windows Live Mail keeps on disk, what webmails and clients export,
// and what people have dragged out of their client into a directory.
//
// It is for a directory tree, one file, or an archive of such files (zip, or tar in any compression that is known), also for archives in a tree,
// which are folders then. Directories are the folders.
//
// Its policy:
//   - A file is mail when it begins with the header of a message, whatever its name; a name alone proves nothing. But a file that is called
//     .eml and isn't mail is reported, as is an empty one: Windows Live Mail keeps such in place of messages that it never downloaded.
//   - A file that holds several messages is an mbox, and reported as such instead of being taken for one long message.
//   - Beside mboxes, files that begin with a From_ line are package mbox's, unless they are called .eml: Options.LeaveMbox.
//   - Such files know neither flags nor dates of delivery. The export of Proton does, in a .metadata.json beside each message; labels.json
//     there gives the folders their names, and a folder of Proton counts for more than the directory. So does that of Zimbra, in a .meta.
//   - An archive that is cut off is read as far as it goes, and reported.
//   - An ID is the path, the size, and a digest of the beginning: names such as "message (1).eml" are soon given to something else.
package eml
