package mbox

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"poplift/sources/filestore/unpack"
)

// packed finds what of mbox a compressed file or an archive holds; ErrNotMbox when that is nothing.
func (w *walker) packed(at place, p unpack.Kind) error {
	switch p {
	case unpack.Zip:
		return w.zip(at)
	case unpack.Tar:
		return w.tar(at, p)
	}
	r, err := unpack.Decompress(at.path, p)
	if err != nil {
		return err
	}
	head, err := readHead(r)
	r.Close()
	if err != nil {
		return err
	}
	if unpack.KindOf(head) == unpack.Tar {
		return w.tar(at, p)
	}
	if !Sniff(head) {
		return ErrNotMbox
	}
	w.found(&file{rel: at.rel, path: at.path, unpack: func(_ context.Context, path string) (io.ReadCloser, error) {
		return unpack.Decompress(path, p)
	}}, at.rel, true)
	return nil
}

// closing closes an archive with the reader of a member.
type closing struct {
	io.Reader
	f io.Closer
}

func (c closing) Close() error { return c.f.Close() }

// zip looks at the beginning of every member.
func (w *walker) zip(at place) error {
	z, err := zip.OpenReader(at.path)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are never used as paths
		return err
	}
	defer z.Close()
	some := false
	for i, m := range z.File {
		if w.done {
			return nil
		}
		if !m.Mode().IsRegular() || isLetterName(m.Name) {
			continue
		}
		head, err := memberHead(m)
		if err != nil {
			w.fail(place{path: at.path, rel: member(at.rel, m.Name)}, errPacked(m.Name, err))
			continue
		}
		if Sniff(head) {
			some = true
			f := &file{rel: member(at.rel, m.Name), path: at.path, loose: isMessageName(path.Base(m.Name))}
			f.unpack = func(_ context.Context, path string) (io.ReadCloser, error) { return openMember(path, i, m.Name) }
			w.found(f, w.inside(at, m.Name), true)
		}
	}
	if !some {
		return ErrNotMbox
	}
	return nil
}

func memberHead(m *zip.File) ([]byte, error) {
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readHead(r)
}

func openMember(path string, i int, name string) (io.ReadCloser, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	if i >= len(z.File) || z.File[i].Name != name {
		z.Close()
		return nil, errors.New("the archive has changed")
	}
	r, err := z.File[i].Open()
	if err != nil {
		z.Close()
		return nil, errPacked(name, err)
	}
	return closing{r, z}, nil
}

// tar unpacks on the way, since its members can only be read in one pass.
func (w *walker) tar(at place, p unpack.Kind) error {
	info, err := os.Stat(at.path)
	if err != nil {
		return err
	}
	r, err := unpack.Decompress(at.path, p)
	if err != nil {
		return err
	}
	defer r.Close()
	t := tar.NewReader(r)
	some := false
	for !w.done {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if h.Typeflag != tar.TypeReg || isLetterName(h.Name) {
			continue
		}
		head, err := readHead(t)
		if err != nil {
			return errPacked(h.Name, err)
		}
		if !Sniff(head) {
			continue
		}
		some = true
		f := &file{rel: member(at.rel, h.Name), path: at.path, seen: stampOf(info), unpack: onlyOnce, once: true, loose: isMessageName(path.Base(h.Name))}
		if old := w.store.known(f.rel); old != nil && old.seen == f.seen {
			f.inherit(old)
		}
		if f.content != nil {
			w.found(f, w.inside(at, h.Name), true)
			continue
		}
		if f.content, err = w.store.spool.Take(w.ctx, io.MultiReader(bytes.NewReader(head), t)); err != nil {
			return errPacked(h.Name, err)
		}
		w.found(f, w.inside(at, h.Name), true)
	}
	if !some && !w.done {
		return ErrNotMbox
	}
	return nil
}

// onlyOnce is for what is unpacked when it is found.
func onlyOnce(context.Context, string) (io.ReadCloser, error) {
	return nil, errors.New("the archive has changed")
}

// member is the name of an archive's member, which is a directory within the store. Names that would lead out of it don't.
func member(archive, name string) string {
	names := unpack.Names(name)
	if archive != "" {
		names = append([]string{archive}, names...)
	}
	return strings.Join(names, "/")
}

// inside is what the folder of a member is named by: an archive that is the whole store has no name in it, and a member that is a message by
// its name none either.
func (w *walker) inside(at place, name string) string {
	if isMessageName(path.Base(name)) {
		name = path.Dir(name)
	}
	if at.path == w.store.path {
		return member("", name)
	}
	return member(withoutEnding(at.rel), name)
}
