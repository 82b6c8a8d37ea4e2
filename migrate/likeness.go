package migrate

import (
	"crypto/sha256"
	"hash"
	"io"
)

// likeness returns a digest that survives what servers do to a message they store, to prove that a message on the target is one of the
// source when their sizes differ. It leaves out all line ends, the fields that clients add, and NUL with the 0x80 that Dovecot 2.3 makes of
// it. Courier 5.0 removes lone CRs and ends the last line; neither changes it.
func likeness(m io.WriterTo) (Digest, error) {
	w := newLikenessWriter()
	_, err := m.WriteTo(w)
	return w.sum(), err
}

// identityWriter computes a digest of what is written to it.
type identityWriter struct{ id *identifier }

func newLikenessWriter() *identityWriter {
	return &identityWriter{identifierOver(&lenient{Hash: sha256.New()}, &lenient{Hash: sha256.New()})}
}

func (w *identityWriter) Write(p []byte) (int, error) {
	w.id.write(p)
	return len(p), nil
}

func (w *identityWriter) sum() Digest {
	id, _ := w.id.sum()
	return id.Digest
}

// lenient is a hash that doesn't see the octets that servers change.
type lenient struct {
	hash.Hash
	buf []byte
}

func (l *lenient) Write(p []byte) (int, error) {
	l.buf = l.buf[:0]
	for _, b := range p {
		if b != '\r' && b != '\n' && b != 0 && b != 0x80 {
			l.buf = append(l.buf, b)
		}
	}
	l.Hash.Write(l.buf)
	return len(p), nil
}
