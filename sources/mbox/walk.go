package mbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"poplift/migrate"
	"poplift/migrate/mutf7"
	"poplift/sources/filestore"
)

// walker finds the mbox files below a directory. A symbolic link is followed after everything that is really there, and nothing is visited
// twice.
type walker struct {
	ctx   context.Context
	store *Store
	yield func(*file, error) bool
	been  map[string]bool // the real paths of directories, and of what links lead to
	links []place
	done  bool
}

// place is a path, and what it is called within the store.
type place struct{ path, rel string }

// files yields every mbox of the store, and an error for what can't be looked at.
func (s *Store) files(ctx context.Context, yield func(*file, error) bool) {
	w := &walker{ctx: ctx, store: s, yield: yield, been: map[string]bool{}}
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		yield(&file{rel: filepath.Base(s.path)}, filestore.Unreadable("mbox open", s.path, err))
	case !info.IsDir() && !info.Mode().IsRegular():
		w.fail(place{s.path, ""}, errors.New("neither a file nor a directory"))
	case !info.IsDir():
		w.file(place{s.path, filepath.Base(s.path)}, true)
	default:
		w.directory(place{s.path, ""})
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
	for _, e := range entries {
		if w.done {
			return
		}
		next := place{filepath.Join(at.path, e.Name()), e.Name()}
		if at.rel != "" {
			next.rel = at.rel + "/" + e.Name()
		}
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			w.links = append(w.links, next)
		case e.IsDir():
			w.directory(next)
		case e.Type().IsRegular():
			if name := filepath.Join(real, e.Name()); !w.been[name] {
				w.been[name] = true
				w.file(next, false)
			}
		}
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
	case info.IsDir():
		w.directory(at)
	case info.Mode().IsRegular() && !w.been[real]:
		w.been[real] = true
		w.file(at, false)
	}
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
	if !w.yield(&file{rel: rel, folder: folderOf(rel)}, filestore.Unreadable("mbox open", at.path, bare(err))) {
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

// file looks at a regular file, and yields what of mbox is in it. A file that the user has named is an mbox though it may not look like one.
func (w *walker) file(at place, named bool) {
	head, err := headOf(at.path)
	if err != nil {
		w.fail(at, err)
		return
	}
	switch p := packingOf(head); {
	case Sniff(head) || named && p == notPacked:
		w.found(&file{rel: at.rel, path: at.path}, at.rel)
	case p == notPacked:
	case p == packedOther:
		if named {
			w.fail(at, errors.New("it is compressed in a way that is not read; unpack it first"))
		}
	default:
		if err := w.packed(at, p); err != nil && (named || !errors.Is(err, ErrNotMbox)) {
			w.fail(at, err)
		}
	}
}

// found hands on an mbox, whose folder has the name that rel says.
func (w *walker) found(f *file, rel string) {
	if f.folder = folderOf(rel); w.store.isSpool(f.path) {
		f.folder = nil
	}
	if len(f.folder) == 0 {
		f.role = migrate.RoleInbox
	}
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

// isSpool says whether the store is one user's mail where a system delivers it.
func (s *Store) isSpool(path string) bool {
	switch dir := filepath.ToSlash(filepath.Dir(path)); dir {
	case "/var/mail", "/var/spool/mail":
		return path == s.path
	}
	return false
}

// folderOf makes a folder of a relative path: its names decoded, without the endings that people give to such files. INBOX is nil.
func folderOf(rel string) migrate.Path {
	names := strings.Split(withoutEnding(rel), "/")
	if len(names) == 1 && strings.EqualFold(names[0], "INBOX") {
		return nil
	}
	path := make(migrate.Path, len(names))
	for i, n := range names {
		path[i] = folderName(n)
	}
	return path
}

func withoutEnding(rel string) string {
	for _, ext := range []string{".bz2", ".gz", ".tgz", ".tar", ".zip", ".mbox", ".mbx"} {
		if n := len(rel) - len(ext); n > 0 && rel[n-1] != '/' && strings.EqualFold(rel[n:], ext) {
			rel = rel[:n]
		}
	}
	return rel
}

// folderName decodes a name on disk: servers that keep mail in mbox files name them in modified UTF-7; a name that is no UTF-8 is Latin-1.
func folderName(n string) string {
	if !utf8.ValidString(n) {
		runes := make([]rune, len(n))
		for i := range len(n) {
			runes[i] = rune(n[i])
		}
		return string(runes)
	}
	return mutf7.Decode(n)
}

// errPacked is a member of an archive that can't be read.
func errPacked(member string, err error) error { return fmt.Errorf("member %s: %w", member, err) }
