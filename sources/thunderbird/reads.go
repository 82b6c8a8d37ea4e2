package thunderbird

import (
	"os"
	"path/filepath"
	"strings"
)

// Reads says whether what lies at a path is this store's, so that whoever reads the rest of a tree leaves it alone. All of a profile is; of a
// directory of accounts, or of one, the folders are.
func (s *Store) Reads(path string) bool {
	if s.whole || s.single != nil {
		return true
	}
	for _, a := range s.accounts {
		if rel, err := filepath.Rel(a.dir, path); err == nil && !strings.HasPrefix(rel, "..") {
			return rel != "." && readsBelow(a.dir, rel)
		}
	}
	return false
}

// readsBelow says whether a path below an account is a folder or a file of the client's.
func readsBelow(dir, rel string) bool {
	above, name := filepath.Split(rel)
	for d := range strings.SplitSeq(strings.Trim(filepath.ToSlash(above), "/"), "/") {
		if d != "" && !strings.HasSuffix(d, sbd) {
			return false // the client doesn't look into other directories
		}
	}
	path := filepath.Join(dir, rel)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return false
	case info.IsDir():
		return isDir(filepath.Join(path, "cur"))
	}
	return skipped(name) || exists(filepath.Dir(path), name+".msf") || beginsWithFrom(path)
}
