package mailnet

import (
	"bufio"
	"errors"
	"io"
)

// ErrLineTooLong is a line above the bound that ReadLine was given. Some of it has been taken, so the connection is of no more use.
var ErrLineTooLong = errors.New("line too long")

// ReadLine reads one line of at most max octets, its line end neither counted nor returned. bareLF tells a line that ended in LF alone.
// The line is the caller's until the next read. A connection that ends within a line gives io.ErrUnexpectedEOF, one that ends before it
// io.EOF.
func (c *Conn) ReadLine(max int) (line []byte, bareLF bool, err error) {
	return readLine(c.reader(), max)
}

func readLine(br *bufio.Reader, max int) (line []byte, bareLF bool, err error) {
	line, err = br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := append([]byte(nil), line...)
		for err == bufio.ErrBufferFull && len(long) <= max+1 { // a CR may be the octet too many
			line, err = br.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	whole := err == nil
	if whole {
		line = line[:len(line)-1]
		bareLF = true
	}
	if n := len(line); whole && n > 0 && line[n-1] == '\r' {
		line, bareLF = line[:n-1], false
	}
	switch {
	case len(line) > max:
		return nil, false, ErrLineTooLong
	case whole:
		return line, bareLF, nil
	case err == io.EOF && len(line) > 0:
		err = io.ErrUnexpectedEOF
	}
	return nil, false, err
}
