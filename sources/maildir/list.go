package maildir

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/onefile"
)

// listFolder yields the messages of one folder. It is false when that was enough.
func (s *Store) listFolder(ctx context.Context, p place, yield func(migrate.Entry, error) bool) bool {
	f, failed := s.scan(p)
	for _, m := range f.files {
		if ctx.Err() != nil {
			yield(migrate.Entry{Folder: p.path}, context.Cause(ctx))
			return false
		}
		e, err := s.entry(f, m)
		if errors.Is(err, os.ErrNotExist) {
			if _, err := os.Stat(p.dir); err != nil {
				failed = err
				break
			}
			s.log.Info("maildir: gone while the folder was listed", "file", f.file(m))
			continue
		}
		if err != nil {
			err = filestore.Damaged("read", f.file(m), err)
		}
		if !yield(e, err) {
			return false
		}
	}
	return failed == nil || yield(migrate.Entry{Folder: p.path, Role: p.role}, filestore.Unreadable("read folder", p.dir, failed))
}

// entry tells all of a message that its name and its file's attributes do.
func (s *Store) entry(f *folder, m file) (migrate.Entry, error) {
	fi, err := os.Stat(f.file(m))
	if errors.Is(err, os.ErrNotExist) {
		m, fi, err = s.renamed(f, m)
	}
	e := migrate.Entry{ID: f.id(m), Stable: !m.twin, Folder: f.path, Role: f.role, UIDL: m.uidl}
	_, letters := splitName(m.name)
	e.Flags, e.Deleted = flagsOf(letters, f.keywords)
	if !m.cur {
		e.Flags = slices.DeleteFunc(e.Flags, func(x migrate.Flag) bool { return x == migrate.Seen })
	}
	f.indexed(m, &e)
	if f.role == migrate.RoleDrafts && !slices.Contains(e.Flags, migrate.Draft) {
		e.Flags = append(e.Flags, migrate.Draft)
	}
	if err != nil {
		return e, err
	}
	e.Size, e.Fallback, e.DateRule = fi.Size(), fi.ModTime(), "file time"
	if m.epoch != 0 {
		e.Date, e.DateRule = time.Unix(m.epoch, 0).UTC(), "file name"
	}
	switch {
	case !fi.Mode().IsRegular():
		return e, onefile.ErrNotFile
	case fi.Size() == 0:
		return e, onefile.ErrEmpty
	}
	return e, nil
}

// indexed adds what KMail's index says of a message.
func (f *folder) indexed(m file, e *migrate.Entry) {
	st, ok := f.kmail[m.name[:m.base]]
	if !ok {
		return
	}
	for _, x := range st.Flags() {
		if !slices.Contains(e.Flags, x) {
			e.Flags = append(e.Flags, x)
		}
	}
	e.Deleted = e.Deleted || st.Deleted()
	if st.Queued() {
		e.Role = migrate.RoleOutbox
	}
}

// renamed looks for a message under the name that a client has just given it.
func (s *Store) renamed(f *folder, m file) (file, os.FileInfo, error) {
	if fi, err := os.Lstat(f.file(m)); err == nil && fi.Mode()&os.ModeSymlink != 0 {
		return m, nil, onefile.ErrBrokenLink
	}
	now := s.last
	if now == f || now == nil || now.dir != f.dir || now.times != times(f.dir) {
		var err error
		if now, err = s.scan(f.place); err != nil {
			return m, nil, err
		}
	}
	if found, ok := now.find(f.id(m)); ok {
		fi, err := os.Stat(now.file(found))
		return found, fi, err
	}
	return m, nil, os.ErrNotExist
}

// Read writes a message to w.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	path, err := s.where(e.ID)
	if err != nil {
		return err
	}
	err = s.reader.Copy(ctx, path, e.Size, w)
	if !errors.Is(err, onefile.ErrGone) || s.last.times == times(s.last.dir) {
		return err
	}
	s.last = nil // most likely the file has another name now
	if path, err = s.where(e.ID); err != nil {
		return err
	}
	return s.reader.Copy(ctx, path, e.Size, w)
}

// where returns the file of a message. It needs no more than the ID, so that nothing has to be kept from the listing.
func (s *Store) where(id string) (string, error) {
	if s.last != nil {
		if m, ok := s.last.find(id); ok {
			return s.last.file(m), nil
		}
	}
	rel := ""
	if i := strings.LastIndexByte(id, '/'); i >= 0 {
		rel = id[:i]
	}
	for _, sub := range [...]string{"cur", "new"} { // one of several with the same base
		if rel == sub {
			rel = ""
		}
		rel = strings.TrimSuffix(rel, "/"+sub)
	}
	dir := filepath.Join(s.root, filepath.FromSlash(rel))
	f, err := s.scan(place{dir: dir, rel: rel})
	if err != nil && len(f.files) == 0 {
		return "", err
	}
	if m, ok := f.find(id); ok {
		return f.file(m), nil
	}
	return "", filestore.ErrChanged
}
