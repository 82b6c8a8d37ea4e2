package thunderbird

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// folder is one folder on disk.
type folder struct {
	// place is where it lies below the path that was opened, with slashes: the first part of its messages' IDs.
	place string
	file  string
	// maildir says that file is a directory with a file for every message in cur, instead of an mbox.
	maildir bool
	// indexed says that the client keeps an index beside it, and so takes it for a folder whatever its contents look like.
	indexed bool
	path    migrate.Path
	role    migrate.Role
}

// maxDepth bounds how deep folders are nested. Real trees have ten levels; the file system's own bound is mostly met first.
const maxDepth = 1000

// walker finds the folders of accounts.
type walker struct {
	root  string
	yield func(folder, error) bool
	// seen has the true names of all directories that were read, so that none is read twice by way of links.
	seen map[string]bool
}

// account walks through one account. prefix is the folder that its folders are put in.
func (w *walker) account(ctx context.Context, a account, prefix migrate.Path) bool {
	return w.dir(ctx, a.dir, prefix, len(prefix) == 0, 0)
}

// dir walks through the folders in a directory: that of an account at depth 0, an .sbd below. inbox says that an Inbox here is INBOX.
func (w *walker) dir(ctx context.Context, dir string, path migrate.Path, inbox bool, depth int) bool {
	if ctx.Err() != nil {
		return w.yield(folder{}, context.Cause(ctx))
	}
	if depth == maxDepth {
		return w.problem(dir, path, fmt.Errorf("folders are nested more than %d deep", maxDepth))
	}
	entries, err := w.enter(dir)
	if err != nil {
		return w.problem(dir, path, err)
	}
	for _, name := range entries.names {
		f := folder{path: append(path[:len(path):len(path)], folderName(name, w.indexOf(dir, name, entries)))}
		f.indexed = entries.has[name+".msf"]
		if depth == 0 {
			f.role = roles[strings.ToLower(name)]
		}
		below := f.path
		if inbox && f.role == migrate.RoleInbox {
			f.path, below = nil, migrate.Path{inboxName}
		}
		if entries.has[name] && !w.own(filepath.Join(dir, name), f) {
			return false
		}
		if entries.has[name+sbd] && !w.dir(ctx, filepath.Join(dir, name+sbd), below, false, depth+1) {
			return false
		}
	}
	return true
}

const (
	sbd = ".sbd"
	// inboxName stands for INBOX where a folder lies below it (RFC 9051 section 5.1).
	inboxName = "INBOX"
)

// roles are by the names on disk, which are English whatever language the client speaks.
var roles = map[string]migrate.Role{
	"inbox": migrate.RoleInbox, "sent": migrate.RoleSent, "drafts": migrate.RoleDrafts, "templates": migrate.RoleTemplates, "trash": migrate.RoleTrash,
	"junk": migrate.RoleJunk, "archives": migrate.RoleArchive, "unsent messages": migrate.RoleOutbox, "outbox": migrate.RoleOutbox,
}

// own yields the folder that a file or a directory is, if it is one.
func (w *walker) own(file string, f folder) bool {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true // a link to nowhere, or gone this moment: there is no mail in it
	case err != nil:
		return w.problem(file, f.path, err)
	case info.IsDir():
		cur, err := os.Stat(filepath.Join(file, "cur"))
		if err != nil || !cur.IsDir() {
			return true
		}
		f.maildir = true
	case !info.Mode().IsRegular() || info.Size() == 0:
		return true
	case !f.indexed && !beginsWithFrom(file):
		return true // the client would show a folder that nobody has made
	}
	f.file, f.place = file, w.place(file)
	return w.yield(f, nil)
}

func (w *walker) place(file string) string {
	rel, err := filepath.Rel(w.root, file)
	if err != nil {
		rel = file
	}
	return filepath.ToSlash(rel)
}

func (w *walker) problem(place string, path migrate.Path, err error) bool {
	return w.yield(folder{path: path}, filestore.Unreadable("read folder", place, err))
}

func (w *walker) indexOf(dir, name string, e entries) string {
	if !e.has[name+".msf"] {
		return ""
	}
	return filepath.Join(dir, name+".msf")
}

// entries are what lies in a directory.
type entries struct {
	names []string // of folders, in order
	has   map[string]bool
}

// enter reads a directory, unless it was read before.
func (w *walker) enter(dir string) (entries, error) {
	e := entries{has: map[string]bool{}}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return e, err
	}
	if w.seen[real] {
		return e, errors.New("a link leads to a directory that was read already")
	}
	w.seen[real] = true
	list, err := readNames(dir)
	if err != nil {
		return e, err
	}
	for _, name := range list {
		e.has[name] = true
	}
	for _, name := range list {
		base := strings.TrimSuffix(name, sbd)
		if skipped(name) || base == "" || base != name && e.has[base] {
			continue // the folder's own file stands for both
		}
		e.names = append(e.names, base)
	}
	slices.Sort(e.names)
	return e, nil
}

func readNames(dir string) ([]string, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, errors.New("it is no directory") // to open a pipe would keep us waiting
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
