package mbox

import (
	"fmt"
	"io"
)

const (
	windowSize = 1 << 20
	// behind is how much stays in the window before the octet that is looked at: the line ends of the two lines before it.
	behind = 64
)

// window is a piece of a file in memory. It only moves forward, except for a few octets.
type window struct {
	r    io.ReaderAt
	size int64
	max  int64 // of what is in memory; 0 is windowSize
	buf  []byte
	off  int64 // of buf[0] in the file
}

// from returns what is in memory from off on, at least want octets unless the file ends before that. It is good until the next call.
func (w *window) from(off, want int64) ([]byte, error) {
	want = min(want, w.size-off)
	end := w.off + int64(len(w.buf))
	if off < w.off || off+want > end {
		if err := w.load(max(0, off-behind)); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.off:], nil
}

func (w *window) load(off int64) error {
	if w.buf == nil {
		if w.max == 0 {
			w.max = windowSize
		}
		w.buf = make([]byte, 0, min(w.max, w.size))
	}
	keep := 0
	if end := w.off + int64(len(w.buf)); off >= w.off && off < end {
		keep = copy(w.buf[:cap(w.buf)], w.buf[off-w.off:])
	}
	n := min(int64(cap(w.buf)), w.size-off)
	w.off, w.buf = off, w.buf[:n]
	if err := readAt(w.r, w.buf[keep:], off+int64(keep)); err != nil {
		w.buf = w.buf[:0]
		return err
	}
	return nil
}

// before returns up to behind octets that stand before off, which from was asked for last.
func (w *window) before(off int64) []byte {
	i := off - w.off
	return w.buf[max(0, i-behind):i]
}

// readAt fills p. A file that ends early was cut while it was read.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	if n, err := r.ReadAt(p, off); n < len(p) {
		if err == io.EOF || err == nil {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read at %d: %w", off+int64(n), err)
	}
	return nil
}
