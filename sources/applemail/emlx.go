package applemail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
)

// emlx is the file of one message: its length as a decimal number on a line of its own, the message, and a property list.
type emlx struct {
	start, size int64 // of the message
	props       properties
	header      []byte // the beginning of the message
}

const (
	// maxCount is above the longest first line; the program fills it up with blanks.
	maxCount = 64
	// maxPlist bounds what is read behind the message, and maxHeader what is looked at for a date.
	maxPlist  = 1 << 20
	maxHeader = 64 << 10
)

var errProperties = errors.New("the flags and the date can't be read")

// readEmlx takes a file apart. With errProperties the message is all right.
func readEmlx(f io.ReaderAt, length int64) (e emlx, err error) {
	head := make([]byte, min(maxCount+maxHeader, length))
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return e, err
	}
	line, _, ok := bytes.Cut(head[:min(maxCount, len(head))], []byte("\n"))
	if !ok {
		return e, errors.New("no emlx file: it doesn't begin with a length")
	}
	if e.size, err = strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64); err != nil || e.size < 0 {
		return e, errors.New("no emlx file: it doesn't begin with a length")
	}
	e.start = int64(len(line)) + 1
	if e.size > length-e.start {
		return e, fmt.Errorf("it is cut off: %d of %d octets are there", length-e.start, e.size)
	}
	e.header = head[e.start:min(int64(len(head)), e.start+e.size)]
	end := e.start + e.size
	if end == length {
		return e, errProperties
	}
	plist := make([]byte, min(maxPlist, length-end))
	if _, err := f.ReadAt(plist, end); err != nil && err != io.EOF {
		return e, err
	}
	if e.props, err = parsePlist(plist); err != nil {
		return e, fmt.Errorf("%w: %w", errProperties, err)
	}
	return e, nil
}

// The bits of the number "flags", which has more than 32.
const (
	flagRead      = 1 << 0
	flagDeleted   = 1 << 1
	flagAnswered  = 1 << 2
	flagFlagged   = 1 << 4
	flagForwarded = 1 << 8
	flagJunk      = 1 << 24
	flagNotJunk   = 1 << 25
)

func flagsOf(n int64) []migrate.Flag {
	var out []migrate.Flag
	for _, b := range []struct {
		bit  int64
		flag migrate.Flag
	}{
		{flagRead, migrate.Seen}, {flagAnswered, migrate.Answered}, {flagFlagged, migrate.Flagged}, {flagForwarded, migrate.Forwarded},
		{flagJunk, migrate.Junk}, {flagNotJunk, migrate.NotJunk},
	} {
		if n&b.bit != 0 {
			out = append(out, b.flag)
		}
	}
	return out
}

// received is when the message came: "date-received", which old versions count from 1970 and others from 2001.
func (e emlx) received() time.Time {
	if t := e.props.dates["date-received"]; !t.IsZero() {
		return t
	}
	n := e.props.numbers["date-received"]
	if n <= 0 || n > 1<<40 {
		return time.Time{}
	}
	return rightEpoch(n, dateOf(e.header))
}

// rightEpoch reads a number of seconds by the epoch that brings it closer to the date in the header. Without that, a number that would be before
// 2001 by Unix's epoch isn't counted by it: there was no such program yet.
func rightEpoch(n int64, header time.Time) time.Time {
	unix, apple := time.Unix(n, 0).UTC(), time.Unix(n+epoch2001, 0).UTC()
	if header.IsZero() {
		if n < epoch2001 {
			return apple
		}
		return unix
	}
	if header.Sub(unix).Abs() <= header.Sub(apple).Abs() {
		return unix
	}
	return apple
}

// dateOf is the header's own date, as far as a simple reader makes it out: thirty years are to be told apart.
func dateOf(header []byte) time.Time {
	for len(header) > 0 {
		var line []byte
		line, header, _ = bytes.Cut(header, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		if len(line) > 5 && strings.EqualFold(string(line[:5]), "date:") {
			if t, err := mail.ParseDate(strings.TrimSpace(string(line[5:]))); err == nil {
				return t
			}
			break
		}
	}
	return time.Time{}
}

// openRegular opens a file, and nothing that could keep us waiting.
func openRegular(name string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("no regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
