// Package onefile reads mail that lies in one file a message. It is for the packages whose formats keep it so (Maildir, MH, eml trees), and
// holds what they have in common: handing a file on as the message that it is, telling a message from any other file, and going through
// a tree of directories that may change, hide, or lead round in circles.
//
// Its policy: files are opened for reading and nothing else, what isn't a regular file is never opened, and a file that is no longer what
// was listed is said to have changed.
package onefile

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"poplift/sources/filestore"
)

// bufferSize also bounds the envelope lines that are found before a header.
const bufferSize = 64 << 10

// Reader copies messages, one at a time, through one buffer.
type Reader struct {
	// Cut returns the length of what a format puts before the header, given the beginning of a file; nil is a format that puts nothing there.
	Cut func(head []byte) int

	raw *bufio.Reader
}

// Copy writes the message in a file of the given size to w.
func (r *Reader) Copy(ctx context.Context, path string, size int64, w io.Writer) error {
	f, before, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if before.Size() != size {
		return filestore.ErrChanged
	}
	took := &counter{from: f}
	if err := r.CopyFrom(ctx, took, w); err != nil {
		return err
	}
	after, err := f.Stat()
	if err != nil {
		return err
	}
	if took.n != size || after.Size() != size || !after.ModTime().Equal(before.ModTime()) {
		return filestore.ErrChanged
	}
	return nil
}

// open is for regular files only: a pipe would wait for its writer for ever. One that is gone has changed.
func open(path string) (*os.File, os.FileInfo, error) {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, ErrGone
	case err != nil:
		return nil, nil, err
	case !fi.Mode().IsRegular():
		return nil, nil, ErrNotFile
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, ErrGone
	} else if err != nil {
		return nil, nil, err
	}
	if fi, err = f.Stat(); err != nil || !fi.Mode().IsRegular() {
		f.Close()
		return nil, nil, errors.Join(err, ErrNotFile)
	}
	return f, fi, nil
}

var (
	// ErrNotFile is a directory, pipe or device where a message should be.
	ErrNotFile = errors.New("it is no regular file")
	// ErrGone is a file that isn't there any more. Nothing of it was written.
	ErrGone = fmt.Errorf("the file is gone: %w", filestore.ErrChanged)
	// ErrEmpty is a file without a single octet: a delivery that was cut off, or a placeholder.
	ErrEmpty = errors.New("the file is empty")
)

// CopyFrom writes the message that from holds to w: decompressed, and without what stands before the header.
func (r *Reader) CopyFrom(ctx context.Context, from io.Reader, w io.Writer) error {
	if r.raw == nil {
		r.raw = bufio.NewReaderSize(nil, bufferSize)
	}
	r.raw.Reset(&cuttable{ctx, from})
	in, err := unwrapped(r.raw)
	if err != nil {
		return err
	}
	head, err := in.Peek(bufferSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n := Preamble(head)
	if r.Cut != nil {
		n += r.Cut(head[n:])
	}
	if _, err := in.Discard(n); err != nil {
		return err
	}
	_, err = in.WriteTo(w)
	return err
}

// packed are the beginnings of compressed files. No message begins like that.
var packed = []struct {
	magic string
	name  string
	open  func(io.Reader) (io.Reader, error)
}{
	{"\x1f\x8b\x08", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"BZh", "bzip2", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"\xfd7zXZ\x00", "xz", nil},
	{"\x28\xb5\x2f\xfd", "zstd", nil},
	{"\x04\x22\x4d\x18", "lz4", nil},
	{"Dovecot-LZ4\r\x2a\x9b\xc5", "lz4", nil},
}

// decompressed looks through the compression that Dovecot and webmail exports apply to single messages.
func decompressed(r *bufio.Reader) (*bufio.Reader, error) {
	for _, p := range packed {
		if head, _ := r.Peek(len(p.magic)); string(head) != p.magic {
			continue
		}
		if p.open == nil {
			return nil, fmt.Errorf("it is compressed with %s, which poplift can't read; decompress it first", p.name)
		}
		in, err := p.open(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		return bufio.NewReaderSize(in, bufferSize), nil
	}
	return r, nil
}

// unwrapped reads through compression, and gives the line ends of the classic Mac, a lone CR, the form that all others can be told by.
func unwrapped(r *bufio.Reader) (*bufio.Reader, error) {
	in, err := decompressed(r)
	if err != nil {
		return nil, err
	}
	head, _ := in.Peek(lookSize)
	if bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head[:len(head)-1], '\r') >= 0 {
		return bufio.NewReaderSize(&macText{in}, bufferSize), nil
	}
	return in, nil
}

// macText turns CR into LF.
type macText struct{ from io.Reader }

func (m *macText) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// cuttable ends when its context does.
type cuttable struct {
	ctx  context.Context
	from io.Reader
}

func (c *cuttable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.from.Read(p)
}

type counter struct {
	from io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// Preamble returns the length of what stands before the header in head and is no part of the message: the mark of UTF-8, and the From_ line
// of the mbox that a message once lay in, also the second, quoted one that an export has put behind it.
func Preamble(head []byte) int {
	n := 0
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		n = 3
	}
	for range 2 {
		line := envelope(head[n:])
		if line == 0 {
			break
		}
		n += line
	}
	return n
}

// envelope returns the length of the From_ line at the beginning of b, with its line end, or 0. "From :" is a field, in its obsolete form.
func envelope(b []byte) int {
	rest, ok := bytes.CutPrefix(bytes.TrimPrefix(b, []byte(">")), []byte("From "))
	if !ok || bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte(":")) {
		return 0
	}
	return bytes.IndexByte(b, '\n') + 1
}
