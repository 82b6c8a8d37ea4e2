package mbox

import (
	"path"
	"strings"
)

// manyLoose is how many files with one message each nobody has for folders.
const manyLoose = 50

// loose says which files of a directory are single messages with a From_ line before them, as exports and spam collections have them by the
// thousand, and no folders. In most of these no file has more than one message, and many others have none with a From_ line (letters counts
// those), or names that are numbers. Where that isn't so, each is a folder: folders with one message are nothing rare.
func (w *walker) loose(group []*file, letters int) map[*file]bool {
	one, several, numbered := map[*file]bool{}, 0, 0
	for _, f := range group {
		switch {
		case w.ctx.Err() != nil:
			return nil
		case isMboxName(f.rel) || isFolderName(path.Base(f.rel)) || !w.holdsOne(f):
			several++
		default:
			one[f] = true
			if isMessageName(path.Base(f.rel)) {
				numbered++
			}
		}
	}
	if len(one) > several && (letters > max(len(one), 10*several) || len(one) >= manyLoose || numbered == len(one)) {
		return one
	}
	return nil
}

// isFolderName says that a file is a folder by a name that clients give their own.
func isFolderName(name string) bool {
	switch strings.ToLower(name) {
	case "inbox", "sent", "sent-mail", "sent items", "drafts", "draft", "trash", "junk", "spam", "outbox", "unsent messages", "templates",
		"archive", "archives":
		return true
	}
	return false
}

// isMboxName says that a file is an mbox by what somebody has called it.
func isMboxName(name string) bool {
	low := strings.ToLower(name)
	return strings.HasSuffix(low, ".mbox") || strings.HasSuffix(low, ".mbx")
}

// isLetterName says that a file was made for one message, whatever its first line. That is for package eml.
func isLetterName(name string) bool {
	low := strings.TrimSuffix(strings.ToLower(name), ".gz")
	return strings.HasSuffix(low, ".eml") || strings.HasSuffix(low, ".eml.txt")
}

// isMessageName says that a file is a message by its name: "00001.7c53336b37003a9286aba55d2945844c", "letter.msg".
func isMessageName(name string) bool {
	if strings.HasSuffix(strings.ToLower(name), ".msg") {
		return true
	}
	number, _, _ := strings.Cut(name, ".")
	return len(number) >= 4 && len(number) < len(name) && strings.Trim(number, "0123456789") == ""
}

// holdsOne says whether a file has no second message. It reads on until it finds one.
func (w *walker) holdsOne(f *file) bool {
	src, err := f.open(w.ctx, &w.store.spool)
	if err != nil {
		return false // whoever lists it will say why
	}
	defer src.Close()
	n := 0
	for _, err := range Scan(w.ctx, src.ReaderAt, src.size, ScanOptions{Variant: w.store.variant}) {
		if n++; n > 1 || err != nil {
			return false
		}
	}
	return n == 1
}
