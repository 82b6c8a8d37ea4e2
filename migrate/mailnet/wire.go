package mailnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// rawReader reads from the network with a deadline each time.
type rawReader struct{ c *Conn }

func (r rawReader) Read(p []byte) (int, error) {
	c := r.c
	if len(c.ep.Limits) > 0 {
		p = p[:min(len(p), ReadBuffer)] // no more at once than what can be paid for at once
	}
	c.net.SetReadDeadline(time.Now().Add(c.ep.Stall))
	n, err := c.net.Read(p)
	c.read.Add(int64(n))
	c.count(n, 0)
	if werr := c.pay(n); werr != nil && err == nil {
		err = werr
	}
	return n, c.explain(err)
}

// rawWriter writes to the network with a deadline each time.
type rawWriter struct{ c *Conn }

// Write goes in pieces, so that a long one on a slow line is no stall. Each that has gone puts off the deadline of a read that waits for
// the answer: a server says nothing while it takes thirty megabytes.
func (w rawWriter) Write(p []byte) (int, error) {
	c, done := w.c, 0
	for {
		part := p[done:min(len(p), done+ReadBuffer)]
		if err := c.pay(len(part)); err != nil {
			return done, c.explain(err)
		}
		c.net.SetWriteDeadline(time.Now().Add(c.ep.Stall))
		n, err := c.net.Write(part)
		c.written.Add(int64(n))
		c.count(0, n)
		c.net.SetReadDeadline(time.Now().Add(c.ep.Stall))
		if done += n; err != nil || done == len(p) {
			return done, c.explain(err)
		}
	}
}

// count tells whoever counts.
func (c *Conn) count(read, written int) {
	if c.ep.Count != nil {
		c.ep.Count(read, written)
	}
}

// pay waits until every limit allows n octets, in steps that its burst allows. It ends early with the connection.
func (c *Conn) pay(n int) error {
	for _, l := range c.ep.Limits {
		for left := n; left > 0; {
			step := min(left, max(l.Burst(), 1))
			if err := l.WaitN(c.life, step); err != nil {
				return fmt.Errorf("bandwidth limit: %w", err)
			}
			left -= step
		}
	}
	return nil
}

// explain says why a connection ended: an ended context before our own Close, and that before anything the network says about it.
func (c *Conn) explain(err error) error {
	if err == nil {
		return nil
	}
	if c.ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrClosed, context.Cause(c.ctx))
	}
	if c.life.Err() != nil || errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	if err == io.EOF {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s: nothing moved for %v: %w", c.ep.Address, c.ep.Stall, err)
	}
	return err
}
