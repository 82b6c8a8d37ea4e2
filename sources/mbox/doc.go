// Package mbox reads mbox files: mboxo, mboxrd, mboxcl, mboxcl2, MMDF, and what programs in thirty years have made of them.
//
// It is for everybody who has such files, alone or in a tree ([Open]), and for the packages that read the stores of clients which keep
// their mail in mbox files ([Cache], [Scan], [Copier]).
//
// Its policy:
//   - A message begins at a From_ line, and a From_ line is told by all its evidence together: an empty line before it, a sender, a date,
//     and lines after it that look like a header. Real files lack each of these, so none alone is required and none alone is enough. A
//     "From " at the beginning of a line in a paragraph doesn't split. A doubtful split is made and reported, and so is a doubtful line
//     that was left in.
//   - Not an octet is lost: the parts and the empty lines between them are the file. Content-Length is believed only where it leads
//     exactly to the next From_ line or to the end of the file.
//   - One level of quoting is taken off, nothing else is changed.
//   - A directory of files with one message each is a folder of single messages, and no tree of folders, where all speaks for it; nothing was
//     quoted in them, so that nothing is taken off. Files called .eml are package eml's.
//   - Flags are those of the client that keeps the file: X-Mozilla-Status, X-Evolution, KMail's X-Status and its index, else Status and X-Status.
//   - A file is read in one pass, in the same memory whatever its size or the length of its lines. It is never written to.
package mbox
