package eml

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/onefile"
	"poplift/sources/filestore/unpack"
)

// place is a directory in the tree.
type place struct {
	dir  string // where it is
	rel  string // the same from the root on, with slashes; "" is the root
	path migrate.Path
}

// walker goes through a tree and keeps no more of it than the names in the directories on its way.
type walker struct {
	ctx   context.Context
	store *Store
	trail *onefile.Trail
	yield func(migrate.Entry, error) bool
}

// walk yields the messages in p and below. It is false when that was enough.
func (w *walker) walk(p place, depth int) bool {
	if depth > onefile.MaxDepth {
		return w.fail(p, onefile.ErrTooDeep)
	}
	var items []onefile.Item
	var failed error
	for it, err := range onefile.Items(p.dir) {
		if err != nil {
			failed = err
		} else if !skipped(it.Name) && (w.store.only == "" || it.Name == w.store.only) && !w.store.skip(filepath.Join(p.dir, it.Name)) {
			items = append(items, it)
		}
	}
	slices.SortFunc(items, func(a, b onefile.Item) int {
		return cmp.Or(order(a.Dir)-order(b.Dir), compareNatural(a.Name, b.Name))
	})
	var labels *labels
	if len(items) > 0 {
		labels = newLabels(w.store.log, p.dir, readSmall)
	}
	for _, it := range items {
		if w.ctx.Err() != nil {
			w.yield(migrate.Entry{Folder: p.path}, context.Cause(w.ctx))
			return false
		}
		if it.Dir {
			if !w.below(p, it, depth) {
				return false
			}
			continue
		}
		more, gone := w.file(p, it.Name, labels)
		if !more {
			return false
		}
		if gone != nil {
			failed = gone
			break
		}
	}
	return failed == nil || w.fail(p, failed)
}

func order(dir bool) int {
	if dir {
		return 1
	}
	return 0
}

func (w *walker) fail(p place, err error) bool {
	return w.yield(migrate.Entry{Folder: p.path}, filestore.Unreadable("read folder", p.dir, err))
}

// below goes into a directory, also through a link that leads out of the tree.
func (w *walker) below(p place, it onefile.Item, depth int) bool {
	child := place{filepath.Join(p.dir, it.Name), join(p.rel, it.Name), append(slices.Clone(p.path), onefile.Name(it.Name))}
	if it.Link {
		err := w.trail.Follow(child.dir)
		if errors.Is(err, onefile.ErrAlias) {
			w.store.log.Warn("eml: "+err.Error(), "link", child.dir)
			return true
		}
		if err != nil {
			return w.fail(child, err)
		}
	}
	return w.walk(child, depth+1)
}

// file yields the message that a file holds, and nothing for any other file. gone says that the whole directory has disappeared.
func (w *walker) file(p place, name string, labels *labels) (more bool, gone error) {
	path := filepath.Join(p.dir, name)
	e, err := w.entry(p, name, labels)
	switch {
	case err == nil:
		return w.yield(e, nil), nil
	case errors.Is(err, errNoMail):
		if k := unpack.Archive(path); k != unpack.None && w.store.only == "" {
			return w.archive(p, name, k), nil
		}
		fallthrough
	case errors.Is(err, onefile.ErrEmpty), errors.Is(err, onefile.ErrNotFile), errors.Is(err, errLeft):
		if !named(name) {
			w.store.log.Debug("eml: not a message", "file", path)
			return true, nil
		}
	case errors.Is(err, os.ErrNotExist), errors.Is(err, onefile.ErrGone):
		if _, gone := os.Stat(p.dir); gone != nil {
			return true, gone
		}
		if !named(name) {
			w.store.log.Debug("eml: gone while the folder was listed, or a link to nowhere", "file", path)
			return true, nil
		}
	}
	return w.yield(e, filestore.Damaged("read", path, err)), nil
}

// archive yields the messages of an archive in the tree. One without any is no concern of ours.
func (w *walker) archive(p place, name string, k unpack.Kind) bool {
	path := filepath.Join(p.dir, name)
	if !detectArchive(path, k) {
		return true
	}
	rel := join(p.rel, name)
	a, err := w.store.archive(w.ctx, rel, path, k)
	below := append(slices.Clone(p.path), onefile.Name(withoutEnding(name)))
	if err != nil {
		return w.yield(migrate.Entry{Folder: below}, filestore.Unreadable("read archive", path, err))
	}
	return a.list(w.ctx, w.store, below, rel+archiveMark, w.yield)
}

// withoutEnding is what an archive is called for people.
func withoutEnding(name string) string {
	for _, ext := range []string{".zip", ".tgz", ".tar.gz", ".tar.bz2", ".tar"} {
		if n := len(name) - len(ext); n > 0 && strings.EqualFold(name[n:], ext) {
			return name[:n]
		}
	}
	return name
}

var (
	errNoMail = errors.New("it does not begin with the header of a message")
	errMbox   = errors.New("it holds several messages and is an mbox; name it by itself to have it read as one")
)

func (w *walker) entry(p place, name string, labels *labels) (migrate.Entry, error) {
	path := filepath.Join(p.dir, name)
	e := migrate.Entry{ID: join(p.rel, name), Folder: p.path, DateRule: "file time"}
	fi, err := os.Stat(path)
	if err != nil {
		return e, err
	}
	e.Size, e.Fallback = fi.Size(), fi.ModTime()
	switch {
	case !fi.Mode().IsRegular():
		return e, onefile.ErrNotFile
	case fi.Size() == 0:
		return e, onefile.ErrEmpty
	}
	head, err := onefile.ReadHead(path)
	if err != nil {
		return e, err
	}
	e.ID, e.Stable = idOf(e.ID, e.Size, head), true
	if !head.IsMail() {
		return e, errNoMail
	}
	if w.store.leaveMbox && head.Envelope && !named(name) {
		return e, errLeft
	}
	if several, err := holdsSeveral(path, head); err != nil || several {
		return e, cmp.Or(err, errMbox)
	}
	if unsent(head) {
		e.Flags = append(e.Flags, migrate.Draft)
	}
	labels.apply(&e, path)
	return e, nil
}

func join(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}

// unsent tells a draft of Windows Live Mail and Outlook.
func unsent(head onefile.Head) bool { return strings.TrimSpace(head.Field("X-Unsent")) == "1" }

// compareNatural orders names as people number them: 9 comes before 10.
func compareNatural(a, b string) int {
	whole := strings.Compare(a, b)
	for a != "" && b != "" {
		m, n := digits(a), digits(b)
		if m == 0 || n == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y := strings.TrimLeft(a[:m], "0"), strings.TrimLeft(b[:n], "0")
		if c := cmp.Or(len(x)-len(y), strings.Compare(x, y)); c != 0 {
			return c
		}
		a, b = a[m:], b[n:]
	}
	return cmp.Or(len(a)-len(b), whole)
}

// digits returns the length of the number at the start of s.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
