package imaptest

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// errCut ends a connection without another word.
var errCut = errors.New("cut")

// cutConn dies after so many octets each way; 0 is never.
type cutConn struct {
	net.Conn
	in, out       int64
	gotIn, gotOut int64
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.in > 0 {
		left := c.in - c.gotIn
		if left <= 0 {
			c.Conn.Close()
			return 0, errCut
		}
		p = p[:min(int64(len(p)), left)]
	}
	n, err := c.Conn.Read(p)
	c.gotIn += int64(n)
	return n, err
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.out > 0 && c.gotOut+int64(len(p)) > c.out {
		n, _ := c.Conn.Write(p[:max(c.out-c.gotOut, 0)])
		c.gotOut += int64(n)
		c.Conn.Close()
		return n, errCut
	}
	n, err := c.Conn.Write(p)
	c.gotOut += int64(n)
	return n, err
}

// wire reads commands and writes answers. Answers are held back until the next read would block, so that pipelined commands are
// answered together.
type wire struct {
	net net.Conn
	br  *bufio.Reader
	bw  *bufio.Writer
	fw  *flate.Writer // while compressing
}

func newWire(nc net.Conn) *wire {
	w := &wire{net: nc}
	w.reset(nc)
	return w
}

func (w *wire) reset(nc net.Conn) {
	w.net = nc
	w.br = bufio.NewReaderSize(flushingReader{w, nc}, 64<<10)
	w.bw = bufio.NewWriterSize(nc, 64<<10)
}

func (w *wire) compress() {
	w.fw, _ = flate.NewWriter(w.net, flate.DefaultCompression)
	w.bw = bufio.NewWriterSize(w.fw, 64<<10)
	w.br = bufio.NewReaderSize(flushingReader{w, flate.NewReader(bufio.NewReader(flushingReader{w, w.net}))}, 64<<10)
}

func (w *wire) flush() error {
	if w.bw.Buffered() == 0 {
		return nil
	}
	err := w.bw.Flush()
	if w.fw != nil && err == nil {
		err = w.fw.Flush()
	}
	return err
}

type flushingReader struct {
	w *wire
	r io.Reader
}

func (f flushingReader) Read(p []byte) (int, error) {
	if err := f.w.flush(); err != nil {
		return 0, err
	}
	return f.r.Read(p)
}

func (w *wire) line(format string, args ...any) {
	fmt.Fprintf(w.bw, format, args...)
	w.bw.WriteString("\r\n")
}

// readLine reads a line without its end; CRLF is required.
func (w *wire) readLine() (string, error) {
	var long []byte
	for {
		part, err := w.br.ReadSlice('\n')
		if err == bufio.ErrBufferFull && len(long) < 8<<20 {
			long = append(long, part...)
			continue
		}
		if err != nil {
			return "", err
		}
		s := string(append(long, part...))
		if !strings.HasSuffix(s, "\r\n") {
			return "", errors.New("a line that does not end in CRLF")
		}
		return s[:len(s)-2], nil
	}
}

// literalAt looks for a literal's header at the end of a line.
func literalAt(line string) (before string, size int64, nonSync, ok bool) {
	if !strings.HasSuffix(line, "}") {
		return line, 0, false, false
	}
	i := strings.LastIndexByte(line, '{')
	if i < 0 {
		return line, 0, false, false
	}
	digits := line[i+1 : len(line)-1]
	if strings.HasSuffix(digits, "+") {
		digits, nonSync = digits[:len(digits)-1], true
	}
	n, err := strconv.ParseInt(digits, 10, 63)
	if err != nil {
		return line, 0, false, false
	}
	return line[:i], n, nonSync, true
}
