package eml

import (
	"path/filepath"
	"strings"

	"poplift/sources/filestore/onefile"
	"poplift/sources/filestore/unpack"
)

// Detect looks at this many files, in this many levels of directories.
const (
	detectFiles  = 300
	detectLevels = 4
)

// Detect says whether path is a message, or an archive or tree with one among the first files that are looked at.
func Detect(path string) bool {
	if !onefile.IsDir(path) {
		if k := unpack.Archive(path); k != unpack.None {
			return detectArchive(path, k)
		}
		head, err := onefile.ReadHead(path)
		return err == nil && isMessage(path, head)
	}
	files := detectFiles
	return detect(path, detectLevels, &files)
}

func detect(dir string, levels int, files *int) bool {
	var below []string
	for it, err := range onefile.Items(dir) {
		if err != nil || *files <= 0 {
			return false
		}
		*files--
		switch {
		case skipped(it.Name):
		case !it.Dir:
			path := filepath.Join(dir, it.Name)
			if head, err := onefile.ReadHead(path); err == nil && isMessage(path, head) {
				return true
			}
			if k := unpack.Archive(path); k != unpack.None && detectArchive(path, k) {
				return true
			}
		case !it.Link && levels > 1:
			below = append(below, it.Name)
		}
	}
	for _, name := range below {
		if detect(filepath.Join(dir, name), levels-1, files) {
			return true
		}
	}
	return false
}

func isMessage(path string, head onefile.Head) bool {
	if !head.IsMail() {
		return false
	}
	several, err := holdsSeveral(path, head)
	return err == nil && !several
}

// holdsSeveral says whether a file goes on after its first message. One that is called .eml is believed to hold one, whatever its body
// quotes.
func holdsSeveral(path string, head onefile.Head) (bool, error) {
	if !head.Envelope || named(path) {
		return false, nil
	}
	return onefile.IsMbox(path)
}

// named says whether a file's name claims that it is a message. It decides what is reported, not what is taken.
func named(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	return strings.HasSuffix(name, ".eml") || strings.HasSuffix(name, ".eml.txt")
}

// skipped are names under which no system keeps a user's mail.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "__MACOSX"
}
