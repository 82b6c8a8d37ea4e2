package strip

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"poplift/migrate"
)

// rewrite copies a message with notes in place of its leaves, and says what they were.
func rewrite(ctx context.Context, out io.Writer, message io.WriterTo, leaves []leaf) ([]Removed, error) {
	w := &rewriter{ctx: ctx, out: out, cuts: cuts(leaves), digest: sha256.New()}
	if _, err := message.WriteTo(w); err != nil {
		return nil, err
	}
	if len(w.cuts) > 0 {
		return nil, errors.New("the message ends earlier than it did before")
	}
	return w.removed, nil
}

// cut is a range that isn't copied: a field of a leaf's header, or all from the end of the header to the end of the body, where the note comes.
type cut struct {
	span
	leaf *leaf // of a body
}

func cuts(leaves []leaf) []cut {
	var out []cut
	for i := range leaves {
		l := &leaves[i]
		for _, f := range l.fields {
			out = append(out, cut{span: f})
		}
		out = append(out, cut{span{l.blank, l.body.end}, l})
	}
	return out
}

// rewriter is one pass over a message.
type rewriter struct {
	ctx     context.Context
	out     io.Writer
	cuts    []cut // to come
	at      int64
	removed []Removed

	decoder io.WriteCloser // of the body that is being left out
	digest  hash.Hash
	octets  counter
}

func (w *rewriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n := len(p)
	for len(p) > 0 {
		piece, step := p, w.copy
		if len(w.cuts) > 0 {
			end := w.cuts[0].start
			if w.at >= end {
				end, step = w.cuts[0].end, w.leaveOut
			}
			piece = p[:min(int64(len(p)), end-w.at)]
		}
		if err := step(piece); err != nil {
			return n - len(p), err
		}
		w.at += int64(len(piece))
		p = p[len(piece):]
	}
	return n, nil
}

func (w *rewriter) copy(p []byte) error {
	_, err := w.out.Write(p)
	return err
}

// leaveOut takes octets of the first cut, and at its end writes the note.
func (w *rewriter) leaveOut(p []byte) error {
	c := w.cuts[0]
	ends := w.at+int64(len(p)) == c.end
	if ends {
		w.cuts = w.cuts[1:]
	}
	if c.leaf == nil {
		return nil
	}
	if w.decoder == nil {
		w.digest.Reset()
		w.octets = 0
		w.decoder = newDecoder(c.leaf.encoding, io.MultiWriter(w.digest, &w.octets))
	}
	header := min(max(c.leaf.body.start-w.at, 0), int64(len(p)))
	if _, err := w.decoder.Write(p[header:]); err != nil || !ends {
		return err
	}
	if err := w.decoder.Close(); err != nil {
		return err
	}
	w.decoder = nil
	r := Removed{Name: c.leaf.name, Type: c.leaf.kind, Octets: int64(w.octets), Digest: migrate.Digest(w.digest.Sum(nil))}
	w.removed = append(w.removed, r)
	return w.copy(note(r, c.leaf.version))
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
