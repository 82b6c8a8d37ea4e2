// Package unpack looks into compressed files and archives, for the packages that read mail out of them. It unpacks into a spool on disk that is
// bounded and gone when its process is, and never makes a path of a name in an archive.
package unpack

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
)

// Kind is how the octets of a file hold others.
type Kind uint8

const (
	None Kind = iota
	Gzip
	Bzip2
	Zip
	Tar
	// Other is a compression that isn't read.
	Other
)

// HeadSize is how much of a file tells its kind.
const HeadSize = 512

// KindOf tells by the first octets, of which HeadSize are enough.
func KindOf(head []byte) Kind {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b\x08")):
		return Gzip
	case bytes.HasPrefix(head, []byte("BZh")) && len(head) > 10 && string(head[4:10]) == "1AY&SY":
		return Bzip2
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return Zip
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return Tar
	}
	for _, magic := range []string{"\xfd7zXZ\x00", "LZIP", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "\x1f\x9d"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return Other
		}
	}
	return None
}

// Archive is how a regular file is packed if it is an archive: Zip, Tar, or the compression of a tar. It is None for anything else, also for one
// file that is compressed.
func Archive(path string) Kind {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() {
		return None
	}
	f, err := os.Open(path)
	if err != nil {
		return None
	}
	defer f.Close()
	head := make([]byte, HeadSize)
	n, _ := io.ReadFull(f, head)
	k := KindOf(head[:n])
	switch k {
	case Gzip, Bzip2:
	case Other:
		return None
	default:
		return k
	}
	r, err := Decompress(path, k)
	if err != nil {
		return None
	}
	defer r.Close()
	if n, _ = io.ReadFull(r, head); KindOf(head[:n]) == Tar {
		return k
	}
	return None
}

// Walk shows the regular files of an archive one after another, for as long as f returns true. What f doesn't read is passed over. An archive
// that is damaged ends with an error behind what can be read of it.
func Walk(path string, k Kind, f func(name string, r io.Reader) bool) error {
	if k == Zip {
		return walkZip(path, f)
	}
	in, err := Decompress(path, k)
	if err != nil {
		return err
	}
	defer in.Close()
	for t := tar.NewReader(in); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // names are never used as paths
			return err
		}
		if h.Typeflag == tar.TypeReg && !f(h.Name, t) {
			return nil
		}
	}
}

func walkZip(path string, f func(name string, r io.Reader) bool) error {
	z, err := zip.OpenReader(path)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return err
	}
	defer z.Close()
	for _, m := range z.File {
		if !m.Mode().IsRegular() {
			continue
		}
		r, err := m.Open()
		if err != nil {
			continue // encrypted, or of a method that isn't known
		}
		more := f(m.Name, r)
		r.Close()
		if !more {
			return nil
		}
	}
	return nil
}

// closing closes a file with the reader that is over it.
type closing struct {
	io.Reader
	f io.Closer
}

func (c closing) Close() error { return c.f.Close() }

// Decompress opens a file of kind Gzip or Bzip2; one of any other kind is read as it is.
func Decompress(path string, k Kind) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(f, 64<<10)
	switch k {
	case Gzip:
		r, err := gzip.NewReader(in)
		if err != nil {
			f.Close()
			return nil, err
		}
		return closing{r, f}, nil
	case Bzip2:
		return closing{bzip2.NewReader(in), f}, nil
	}
	return closing{in, f}, nil
}

// Names parts the name of a member, as any system has written it. Steps upwards lead nowhere.
func Names(name string) []string {
	var out []string
	for n := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if n != "" && n != "." && n != ".." {
			out = append(out, n)
		}
	}
	return out
}
