package mbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"poplift/sources/filestore"
	"poplift/sources/filestore/onefile"
	"poplift/sources/filestore/unpack"
)

// walker finds the mbox files below a directory. A symbolic link is followed after everything that is really there, and nothing is visited
// twice.
type walker struct {
	ctx   context.Context
	store *Store
	yield func(*file, error) bool
	been  map[string]bool // the real paths of directories, and of what links lead to
	links []place
	group []*file // what was found in the directory that is being visited
	done  bool
}

// place is a path, what it is called within the store, and whose it is.
type place struct {
	path, rel string
	dialect   dialect
}

// files yields every mbox of the store, and an error for what can't be looked at.
func (s *Store) files(ctx context.Context, yield func(*file, error) bool) {
	w := &walker{ctx: ctx, store: s, yield: yield, been: map[string]bool{}}
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		yield(&file{rel: filepath.Base(s.path)}, filestore.Unreadable("mbox open", s.path, err))
	case !info.IsDir() && !info.Mode().IsRegular():
		w.fail(place{path: s.path}, errors.New("neither a file nor a directory"))
	case !info.IsDir():
		w.file(place{path: s.path, rel: filepath.Base(s.path)}, true)
	default:
		w.directory(place{path: s.path})
		for len(w.links) > 0 && !w.done {
			next := w.links[0]
			w.links = w.links[1:]
			w.link(next)
		}
	}
}

// directory visits a directory. A path that is too long for the system, or a directory that has gone, costs that directory.
func (w *walker) directory(at place) {
	real, err := filepath.EvalSymlinks(at.path)
	if err != nil {
		w.fail(at, err)
		return
	}
	if w.been[real] || w.done {
		return
	}
	w.been[real] = true
	entries, err := os.ReadDir(at.path)
	if err != nil {
		w.fail(at, err)
	}
	if d := dialectOf(entries); d != noDialect {
		at.dialect = d // what lies below is the same client's
	}
	var dirs []place
	letters := 0
	for _, e := range entries {
		next := place{filepath.Join(at.path, e.Name()), e.Name(), at.dialect}
		if at.rel != "" {
			next.rel = at.rel + "/" + e.Name()
		}
		switch {
		case w.done:
			return
		case w.store.skip(next.path):
		case e.Type()&fs.ModeSymlink != 0:
			w.links = append(w.links, next)
		case e.IsDir():
			dirs = append(dirs, next)
		case e.Type().IsRegular():
			if name := filepath.Join(real, e.Name()); !w.been[name] {
				w.been[name] = true
				letters += w.file(next, false)
			}
		}
	}
	w.settle(at, letters)
	for _, d := range dirs {
		w.directory(d)
	}
}

// settle hands on the mboxes of one directory.
func (w *walker) settle(at place, letters int) {
	group := w.group
	w.group = nil
	loose := w.loose(group, letters)
	for _, f := range group {
		if w.done {
			return
		}
		if f.loose = loose[f]; f.loose {
			f.folder = folderOf(at.rel, at.dialect)
		} else {
			f.folder = folderOf(f.rel, at.dialect)
		}
		f.role = at.dialect.role(f.folder)
		w.hand(f)
	}
}

func (w *walker) link(at place) {
	real, err := filepath.EvalSymlinks(at.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // it leads nowhere
			w.fail(at, err)
		}
		return
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		w.fail(at, err)
	case info.IsDir() && w.isAbove(real):
		w.fail(at, onefile.ErrLoop)
	case info.IsDir():
		w.directory(at)
	case info.Mode().IsRegular() && !w.been[real]:
		w.been[real] = true
		letters := w.file(at, false)
		w.settle(place{filepath.Dir(at.path), path.Dir("/" + at.rel)[1:], at.dialect}, letters)
	}
}

// isAbove says that the store lies in a directory: whoever named the store didn't mean that.
func (w *walker) isAbove(real string) bool {
	root, err := filepath.EvalSymlinks(w.store.path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(real, root)
	return err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func (w *walker) fail(at place, err error) {
	if w.ctx.Err() != nil {
		err = context.Cause(w.ctx)
		w.done = true
	}
	rel := at.rel
	if rel == "" {
		rel = filepath.Base(at.path)
	}
	if !w.yield(&file{rel: rel, folder: folderOf(rel, noDialect)}, filestore.Unreadable("mbox open", at.path, bare(err))) {
		w.done = true
	}
}

// bare is err without the path, which stands beside it.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// file looks at a regular file, and finds what of mbox is in it. A file that the user has named is an mbox though it may not look like one.
// letters is 1 when it is a message without a From_ line, which is not for us.
func (w *walker) file(at place, named bool) (letters int) {
	head, err := headOf(at.path)
	if err != nil {
		w.fail(at, err)
		return 0
	}
	switch p := unpack.KindOf(head); {
	case !named && isLetterName(at.path):
		return 1
	case Sniff(head) || named && p == unpack.None:
		w.found(&file{rel: at.rel, path: at.path}, at.rel, named)
	case p == unpack.None:
		if h, err := onefile.HeadOf(bytes.NewReader(head)); err == nil && h.IsMail() {
			return 1
		}
	case p == unpack.Other:
		if named {
			w.fail(at, errors.New("it is compressed in a way that is not read; unpack it first"))
		}
	default:
		if err := w.packed(at, p); err != nil && (named || !errors.Is(err, ErrNotMbox)) {
			w.fail(at, err)
		}
	}
	return 0
}

// found is an mbox whose folder has the name that rel says. One that lies open in a directory waits for the others there.
func (w *walker) found(f *file, rel string, now bool) {
	if f.unpack == nil && !now {
		w.group = append(w.group, f)
		return
	}
	if f.folder = folderOf(rel, noDialect); w.store.isSpool(f.path) {
		f.folder = nil
	}
	f.role = noDialect.role(f.folder)
	w.hand(f)
}

func (w *walker) hand(f *file) {
	if !w.yield(f, nil) {
		w.done = true
	}
}

// headOf reads as much as tells what a file is.
func headOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readHead(f)
}

func readHead(r io.Reader) ([]byte, error) {
	b := make([]byte, ahead)
	n, err := io.ReadFull(r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return b[:n], err
}

// errPacked is a member of an archive that can't be read.
func errPacked(member string, err error) error { return fmt.Errorf("member %s: %w", member, err) }
