package eml

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/maildir/onefile"
)

// archive is a zip of messages, as Roundcube and others export a folder. Its list of contents is held in memory, some 300 octets a message.
type archive struct {
	*zip.ReadCloser
	path  string
	order []*zip.File
}

// isZip looks for the first octets of an archive, also of an empty one.
func isZip(path string) bool {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && (string(magic[:]) == "PK\x03\x04" || string(magic[:]) == "PK\x05\x06")
}

func openArchive(path string) (*archive, error) {
	r, err := zip.OpenReader(path)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are never used as paths here
		return nil, err
	}
	a := &archive{ReadCloser: r, path: path}
	for _, f := range r.File {
		if !f.Mode().IsDir() && !strings.HasSuffix(f.Name, "/") {
			a.order = append(a.order, f)
		}
	}
	slices.SortStableFunc(a.order, func(x, y *zip.File) int { return compareNatural(x.Name, y.Name) })
	return a, nil
}

func detectZip(path string) bool {
	a, err := openArchive(path)
	if err != nil {
		return false
	}
	defer a.Close()
	for _, f := range a.order[:min(len(a.order), detectFiles)] {
		if head, err := headOf(f); err == nil && head.IsMail() && !skippedPath(f.Name) {
			return true
		}
	}
	return false
}

func headOf(f *zip.File) (onefile.Head, error) {
	r, err := f.Open()
	if err != nil {
		return onefile.Head{}, err
	}
	defer r.Close()
	return onefile.HeadOf(r)
}

// names parts the name of a file in an archive, as any system has written it. Steps upwards lead nowhere here.
func names(name string) []string {
	n := strings.FieldsFunc(onefile.Name(name), func(r rune) bool { return r == '/' || r == '\\' })
	return slices.DeleteFunc(n, func(s string) bool { return s == "." || s == ".." })
}

func skippedPath(name string) bool {
	return slices.ContainsFunc(names(name), skipped)
}

// list yields the messages of the archive. Seq is their place in it.
func (a *archive) list(ctx context.Context, log *slog.Logger, yield func(migrate.Entry, error) bool) {
	for i, f := range a.order {
		if ctx.Err() != nil {
			yield(migrate.Entry{}, context.Cause(ctx))
			return
		}
		if skippedPath(f.Name) {
			continue
		}
		e, err := a.entry(f, i)
		if (errors.Is(err, errNoMail) || errors.Is(err, onefile.ErrEmpty)) && !named(f.Name) {
			log.Debug("eml: not a message", "archive", a.path, "file", f.Name)
			continue
		}
		if err != nil {
			err = filestore.Damaged("read", a.path+": "+f.Name, err)
		}
		if !yield(e, err) {
			return
		}
	}
}

func (a *archive) entry(f *zip.File, i int) (migrate.Entry, error) {
	e := migrate.Entry{ID: f.Name, Size: int64(f.UncompressedSize64), Seq: i, Fallback: f.Modified, DateRule: "file time"}
	if n := names(f.Name); len(n) > 1 {
		e.Folder = n[:len(n)-1]
	}
	head, err := headOf(f)
	switch {
	case err != nil:
		return e, err
	case e.Size == 0:
		return e, onefile.ErrEmpty
	case !head.IsMail():
		return e, errNoMail
	}
	e.ID, e.Stable = idOf(f.Name, e.Size, head), true
	if i > 0 && a.order[i-1].Name == f.Name { // an archive can hold a name twice
		e.ID, e.Stable = fmt.Sprintf("%s.%d", e.ID, i), false
	}
	if unsent(head) {
		e.Flags = append(e.Flags, migrate.Draft)
	}
	return e, nil
}

// read writes a message to w. The archive proves with a checksum that it is whole.
func (a *archive) read(ctx context.Context, r *onefile.Reader, e migrate.Entry, w io.Writer) error {
	if e.Seq < 0 || e.Seq >= len(a.order) || a.order[e.Seq].Name != pathOf(e.ID) {
		return filestore.ErrChanged
	}
	f, err := a.order[e.Seq].Open()
	if err != nil {
		return err
	}
	defer f.Close()
	return r.CopyFrom(ctx, f, w)
}
