package eml

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/onefile"
	"poplift/sources/filestore/unpack"
)

// archive is a zip or tar of messages, as Roundcube, Zimbra and others export them. Its list of contents is held in memory, some 300 octets a
// message; what a tar holds is unpacked into the store's spool, since it can only be read in one pass.
type archive struct {
	path   string
	order  []member
	byName map[string]int // the files beside messages
	close  func() error
	damage error // what has cut a tar short
}

// member is a file in an archive.
type member struct {
	name     string
	size     int64
	modified time.Time
	open     func() (io.ReadCloser, error)
}

// openArchive lists what is in an archive.
func openArchive(ctx context.Context, path string, k unpack.Kind, spool *unpack.Spool) (*archive, error) {
	a := &archive{path: path, byName: map[string]int{}, close: func() error { return nil }}
	var err error
	if k == unpack.Zip {
		err = a.readZip()
	} else {
		err = a.readTar(ctx, k, spool)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(a.order, func(x, y member) int { return compareNatural(x.name, y.name) })
	for i, m := range a.order {
		if strings.HasSuffix(m.name, metaSuffix) || strings.HasSuffix(m.name, ".json") {
			a.byName[m.name] = i
		}
	}
	return a, nil
}

func (a *archive) readZip() error {
	r, err := zip.OpenReader(a.path)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are never used as paths here
		return err
	}
	a.close = r.Close
	for _, f := range r.File {
		if !f.Mode().IsDir() && !strings.HasSuffix(f.Name, "/") {
			a.order = append(a.order, member{f.Name, int64(f.UncompressedSize64), f.Modified, f.Open})
		}
	}
	return nil
}

func (a *archive) readTar(ctx context.Context, k unpack.Kind, spool *unpack.Spool) error {
	r, err := unpack.Decompress(a.path, k)
	if err != nil {
		return err
	}
	defer r.Close()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			a.damage = fmt.Errorf("it is damaged behind %d files: %w", len(a.order), err)
			return nil
		}
		if h.Typeflag != tar.TypeReg || skippedPath(h.Name) {
			continue
		}
		text, err := spool.Take(ctx, t)
		if err != nil {
			a.damage = fmt.Errorf("%s: %w", h.Name, err)
			return ctx.Err()
		}
		a.order = append(a.order, member{h.Name, text.Size(), h.ModTime, func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(text, 0, text.Size())), nil
		}})
	}
}

// detectArchive says whether a message is among the first files of an archive.
func detectArchive(path string, k unpack.Kind) (found bool) {
	left := detectFiles
	unpack.Walk(path, k, func(name string, r io.Reader) bool {
		if left--; !skippedPath(name) {
			head, err := onefile.HeadOf(r)
			found = err == nil && head.IsMail()
		}
		return !found && left > 0
	})
	return found
}

func (m member) head() (onefile.Head, error) {
	r, err := m.open()
	if err != nil {
		return onefile.Head{}, err
	}
	defer r.Close()
	return onefile.HeadOf(r)
}

func skippedPath(name string) bool {
	return slices.ContainsFunc(unpack.Names(name), skipped)
}

// list yields the messages of the archive, in folders below a path. Seq is their place in it, from 1.
func (a *archive) list(ctx context.Context, s *Store, below migrate.Path, id string, yield func(migrate.Entry, error) bool) bool {
	for i, m := range a.order {
		if ctx.Err() != nil {
			yield(migrate.Entry{}, context.Cause(ctx))
			return false
		}
		if skippedPath(m.name) {
			continue
		}
		e, err := a.entry(s, m, i, below, id)
		if (errors.Is(err, errNoMail) || errors.Is(err, onefile.ErrEmpty) || errors.Is(err, errLeft)) && !named(m.name) {
			s.log.Debug("eml: not a message", "archive", a.path, "file", m.name)
			continue
		}
		if err != nil {
			err = filestore.Damaged("read", a.path+": "+m.name, err)
		}
		if !yield(e, err) {
			return false
		}
	}
	return a.damage == nil || yield(migrate.Entry{Folder: below}, filestore.Unreadable("read archive", a.path, a.damage))
}

// errLeft is a file that somebody else reads.
var errLeft = errors.New("it begins with a From_ line")

func (a *archive) entry(s *Store, m member, i int, below migrate.Path, id string) (migrate.Entry, error) {
	e := migrate.Entry{ID: id + m.name, Size: m.size, Seq: i + 1, Fallback: m.modified, DateRule: "file time", Folder: below}
	if n := unpack.Names(m.name); len(n) > 1 {
		for _, name := range n[:len(n)-1] {
			e.Folder = append(e.Folder[:len(e.Folder):len(e.Folder)], onefile.Name(name))
		}
	}
	head, err := m.head()
	switch {
	case err != nil:
		return e, err
	case e.Size == 0:
		return e, onefile.ErrEmpty
	case !head.IsMail():
		return e, errNoMail
	case s.leaveMbox && head.Envelope && !named(m.name):
		return e, errLeft
	}
	e.ID, e.Stable = idOf(e.ID, e.Size, head), true
	if i > 0 && a.order[i-1].name == m.name { // an archive can hold a name twice
		e.ID, e.Stable = fmt.Sprintf("%s.%d", e.ID, i), false
	}
	if unsent(head) {
		e.Flags = append(e.Flags, migrate.Draft)
	}
	a.labels(s.log, m.name).apply(&e, m.name)
	return e, nil
}

// labels are what the files beside a member say.
func (a *archive) labels(log *slog.Logger, name string) *labels {
	return newLabels(log, path.Dir(name), func(name string) ([]byte, error) {
		i, ok := a.byName[name]
		if !ok {
			return nil, os.ErrNotExist
		}
		if a.order[i].size > maxJSON {
			return nil, errTooLarge
		}
		r, err := a.order[i].open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, maxJSON))
	})
}

// read writes a message to w. A zip proves with a checksum that it is whole.
func (a *archive) read(ctx context.Context, r *onefile.Reader, seq int, name string, w io.Writer) error {
	if seq < 1 || seq > len(a.order) || a.order[seq-1].name != name {
		return filestore.ErrChanged
	}
	f, err := a.order[seq-1].open()
	if err != nil {
		return err
	}
	defer f.Close()
	return r.CopyFrom(ctx, f, w)
}
