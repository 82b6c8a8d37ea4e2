package mh

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/onefile"
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
	numbers, dirs, failed := w.look(p)
	if len(numbers) > 0 {
		more, gone := w.messages(p, numbers)
		if !more {
			return false
		}
		failed = cmp.Or(failed, gone)
	}
	for _, it := range dirs {
		if w.ctx.Err() != nil {
			w.yield(migrate.Entry{Folder: p.path}, context.Cause(w.ctx))
			return false
		}
		if !w.below(p, it, depth) {
			return false
		}
	}
	return failed == nil || w.fail(p, failed)
}

// look returns the messages in p by number and its directories by name, and what was found before an error.
func (w *walker) look(p place) (numbers []uint64, dirs []onefile.Item, failed error) {
	others := 0
	for it, err := range onefile.Items(p.dir) {
		switch {
		case err != nil:
			failed = err
		case it.Dir && !strings.HasPrefix(it.Name, ".") && !w.store.skip(filepath.Join(p.dir, it.Name)):
			dirs = append(dirs, it)
		case it.Dir:
		case isNumber(it.Name):
			n, err := strconv.ParseUint(it.Name, 10, 64)
			if err == nil {
				numbers = append(numbers, n)
			}
		case !strings.ContainsAny(it.Name[:1], ".,#"):
			others++
		}
	}
	if others > 0 {
		w.store.log.Info("mh: files that are not called by a number are no messages", "directory", p.dir, "files", others)
	}
	slices.Sort(numbers)
	slices.SortFunc(dirs, func(a, b onefile.Item) int { return strings.Compare(a.Name, b.Name) })
	return numbers, dirs, failed
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
			w.store.log.Warn("mh: "+err.Error(), "link", child.dir)
			return true
		}
		if err != nil {
			return w.fail(child, err)
		}
	}
	return w.walk(child, depth+1)
}

// messages yields those of one folder. gone says that the whole directory has disappeared.
func (w *walker) messages(p place, numbers []uint64) (more bool, gone error) {
	f := w.store.folder(p)
	for _, n := range numbers {
		if w.ctx.Err() != nil {
			w.yield(migrate.Entry{Folder: f.path}, context.Cause(w.ctx))
			return false, nil
		}
		e, err := f.entry(n)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, onefile.ErrGone) {
			if _, gone := os.Stat(p.dir); gone != nil {
				return true, gone
			}
			w.store.log.Info("mh: gone while the folder was listed", "file", f.file(n))
			continue
		}
		if err != nil {
			err = filestore.Damaged("read", f.file(n), err)
		}
		if !w.yield(e, err) {
			return false, nil
		}
	}
	return true, nil
}

func join(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}
