package mbox

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"strings"
)

// packing is how the octets of a file hold others.
type packing uint8

const (
	notPacked packing = iota
	packedGzip
	packedBzip2
	packedZip
	packedTar
	packedOther
)

// packingOf tells by the first octets.
func packingOf(head []byte) packing {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b\x08")):
		return packedGzip
	case bytes.HasPrefix(head, []byte("BZh")) && len(head) > 10 && string(head[4:10]) == "1AY&SY":
		return packedBzip2
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return packedZip
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return packedTar
	}
	for _, magic := range []string{"\xfd7zXZ\x00", "LZIP", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "\x1f\x9d"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return packedOther
		}
	}
	return notPacked
}

// packed finds what of mbox a compressed file or an archive holds; ErrNotMbox when that is nothing.
func (w *walker) packed(at place, p packing) error {
	switch p {
	case packedZip:
		return w.zip(at)
	case packedTar:
		return w.tar(at, p)
	}
	r, err := decompress(at.path, p)
	if err != nil {
		return err
	}
	head, err := readHead(r)
	r.Close()
	if err != nil {
		return err
	}
	if packingOf(head) == packedTar {
		return w.tar(at, p)
	}
	if !Sniff(head) {
		return ErrNotMbox
	}
	w.found(&file{rel: at.rel, path: at.path, unpack: func(_ context.Context, path string) (io.ReadCloser, error) {
		return decompress(path, p)
	}}, at.rel)
	return nil
}

// closing closes a file with the reader that is over it.
type closing struct {
	io.Reader
	f io.Closer
}

func (c closing) Close() error { return c.f.Close() }

func decompress(path string, p packing) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(f, 64<<10)
	switch p {
	case packedGzip:
		r, err := gzip.NewReader(in)
		if err != nil {
			f.Close()
			return nil, err
		}
		return closing{r, f}, nil
	case packedBzip2:
		return closing{bzip2.NewReader(in), f}, nil
	}
	return closing{in, f}, nil
}

// zip looks at the beginning of every member.
func (w *walker) zip(at place) error {
	z, err := zip.OpenReader(at.path)
	if err != nil {
		return err
	}
	defer z.Close()
	some := false
	for i, m := range z.File {
		if w.done {
			return nil
		}
		if !m.Mode().IsRegular() {
			continue
		}
		head, err := memberHead(m)
		if err != nil {
			w.fail(place{at.path, member(at.rel, m.Name)}, errPacked(m.Name, err))
			continue
		}
		if Sniff(head) {
			some = true
			w.found(&file{rel: member(at.rel, m.Name), path: at.path, unpack: func(_ context.Context, path string) (io.ReadCloser, error) {
				return openMember(path, i, m.Name)
			}}, w.inside(at, m.Name))
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
func (w *walker) tar(at place, p packing) error {
	info, err := os.Stat(at.path)
	if err != nil {
		return err
	}
	r, err := decompress(at.path, p)
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
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
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
		f := &file{rel: member(at.rel, h.Name), path: at.path, seen: stampOf(info), unpack: onlyOnce, once: true}
		if old := w.store.known(f.rel); old != nil && old.seen == f.seen {
			f.inherit(old)
		}
		if f.content != nil {
			w.found(f, w.inside(at, h.Name))
			continue
		}
		if f.content, err = w.store.spool.take(w.ctx, io.MultiReader(bytes.NewReader(head), t)); err != nil {
			return errPacked(h.Name, err)
		}
		w.found(f, w.inside(at, h.Name))
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
	for n := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if n == "" || n == "." || n == ".." {
			continue
		}
		if archive != "" {
			archive += "/"
		}
		archive += n
	}
	return archive
}

// inside is what the folder of a member is named by: an archive that is the whole store has no name in it.
func (w *walker) inside(at place, name string) string {
	if at.path == w.store.path {
		return member("", name)
	}
	return member(withoutEnding(at.rel), name)
}
