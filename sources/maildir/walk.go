package maildir

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore/onefile"
)

// place is a directory in the tree.
type place struct {
	dir  string // where it is
	rel  string // the same from the root on, with slashes; "" is the root
	path migrate.Path
	role migrate.Role
}

// walker goes through a tree and keeps no more of it than the names of the directories on its way.
type walker struct {
	store *Store
	trail *onefile.Trail
	visit func(place) bool        // a directory with mail
	fail  func(place, error) bool // a directory that can't be read
}

// walk visits p and what lies below. It is false when the visitor has had enough.
func (w *walker) walk(p place, depth int) bool {
	if depth > onefile.MaxDepth {
		return w.fail(p, onefile.ErrTooDeep)
	}
	dirs, err := w.look(p)
	mail := holdsMail(p.dir)
	if mail && !w.visit(p) {
		return false
	}
	for _, it := range dirs {
		child, ok := w.child(p, it.Name, mail)
		if ok && it.Link {
			if ok, err := w.follow(child); !ok || err != nil {
				if err != nil && !w.fail(child, err) {
					return false
				}
				continue
			}
		}
		if ok && !w.walk(child, depth+1) {
			return false
		}
	}
	if err != nil && !w.fail(p, err) {
		return false
	}
	if depth == 0 {
		return w.sibling(p)
	}
	return true
}

// look returns the directories in p by name, and what it has found when an error came between.
func (w *walker) look(p place) (dirs []onefile.Item, err error) {
	loose := 0
	for it, e := range onefile.Items(p.dir) {
		switch {
		case e != nil:
			err = e
		case it.Dir && w.store.skip(filepath.Join(p.dir, it.Name)):
		case it.Dir:
			dirs = append(dirs, it)
		case !isIndex(it.Name):
			loose++
		}
	}
	if loose > 0 {
		w.store.log.Info("maildir: files beside cur and new are no mail of this folder", "directory", p.dir, "files", loose)
	}
	slices.SortFunc(dirs, func(a, b onefile.Item) int {
		return cmp.Or(strings.Compare(folderOf(a.Name), folderOf(b.Name)), -strings.Compare(a.Name, b.Name))
	})
	return dirs, err
}

// folderOf is the folder that a directory belongs to, so that KMail's .Name.directory comes behind Name.
func folderOf(name string) string {
	if isContainer(name) {
		name = strings.TrimSuffix(name, containerSuffix)
	}
	return strings.TrimPrefix(name, ".")
}

// child says what folder a directory in p is. mail says that p is a Maildir itself.
func (w *walker) child(p place, name string, mail bool) (place, bool) {
	c := place{dir: filepath.Join(p.dir, name), rel: join(p.rel, name)}
	var names []string
	switch {
	case mail && (name == "cur" || name == "new" || name == "tmp"):
		return c, false
	case !strings.HasPrefix(name, "."):
		names = []string{decodeName(name)}
	case holdsMail(c.dir):
		names = w.store.dialect.dotted(name)
	case isContainer(name):
		names = []string{decodeName(strings.TrimSuffix(name[1:], containerSuffix))}
	default:
		return c, false
	}
	c.path = slices.Concat(p.path, names)
	if len(c.path) == 1 && strings.EqualFold(c.path[0], "INBOX") {
		c.path = nil // there is only one INBOX, however it is written
	}
	if isContainer(name) && c.path == nil {
		c.path = migrate.Path{"INBOX"}
	}
	c.role = w.store.dialect.role(c.path)
	return c, true
}

// containerSuffix ends the name of the directory in which KMail keeps the children of a folder: .Name.directory beside Name.
const containerSuffix = ".directory"

func isContainer(name string) bool {
	return len(name) > len(containerSuffix)+1 && name[0] == '.' && strings.HasSuffix(name, containerSuffix)
}

// sibling goes on with the children of a folder of KMail that the user has named, which lie beside it.
func (w *walker) sibling(p place) bool {
	name := "." + filepath.Base(p.dir) + containerSuffix
	dir := filepath.Join(filepath.Dir(p.dir), name)
	if !isContainer(name) || !onefile.IsDir(dir) || holdsMail(dir) || w.trail.Follow(dir) != nil {
		return true
	}
	w.store.dialect.kmail = true
	return w.walk(place{dir: dir, rel: "../" + name}, 1)
}

// follow says whether to read what a link leads to. A circle is an error; what is read anyway is only worth a line in the log.
func (w *walker) follow(p place) (bool, error) {
	err := w.trail.Follow(p.dir)
	if errors.Is(err, onefile.ErrAlias) {
		w.store.log.Warn("maildir: "+err.Error(), "link", p.dir)
		return false, nil
	}
	return err == nil, err
}

func join(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}
