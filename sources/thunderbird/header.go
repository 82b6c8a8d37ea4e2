package thunderbird

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"

	"poplift/migrate"
)

// header is what the client wrote into a message's header, and what names the message without that.
type header struct {
	status, status2, keys, uidl string
	// subject is the message's own, as it is written.
	subject string
	// client counts the octets of the fields that aren't.
	client int64
}

// The parts of a header that are looked at. A header that goes on behind maxHeader is taken for one that ends there.
const (
	maxHeader = 1 << 20
	maxLine   = 8 << 10 // of which the beginning is looked at
)

// digest names a message by its own header and its size, whatever the client has written into it.
type digest [12]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// headerReader reads headers one after another with one buffer.
type headerReader struct {
	br  *bufio.Reader
	sum hash.Hash
}

func newHeaderReader() *headerReader {
	return &headerReader{br: bufio.NewReaderSize(nil, maxLine), sum: sha256.New()}
}

// read takes the header at the beginning of r. Line ends don't count, neither in the digest nor for what ends a line.
func (h *headerReader) read(r io.Reader) (header, error) {
	h.br.Reset(io.LimitReader(r, maxHeader))
	h.sum.Reset()
	var out header
	var value *string // of the field that the line belongs to, where it is wanted
	client, begins := false, true
	for {
		line, err := h.br.ReadSlice('\n')
		text := bytes.TrimRight(line, "\r\n")
		if begins && len(line) > 0 {
			if len(text) == 0 {
				return out, nil
			}
			if text[0] != ' ' && text[0] != '\t' {
				client, value = out.begin(text)
			} else if value != nil && len(*value) < maxLine {
				*value += " " + strings.TrimSpace(string(text))
			}
		}
		begins = err == nil
		if client {
			out.client += int64(len(line))
		} else {
			h.sum.Write(text)
			if begins {
				h.sum.Write([]byte{'\n'})
			}
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return out, err
		}
	}
}

// name finishes the digest of the header that was read last; size is that of the message without the client's fields.
func (h *headerReader) name(size int64) (d digest) {
	h.sum.Write(strconv.AppendInt(nil, size, 10))
	copy(d[:], h.sum.Sum(nil))
	return d
}

// begin takes the first line of a field. It says whether the field is the client's, and where the value of a wanted one goes. Of a field that
// stands twice the first counts: the client writes at the top, and what stands further down came with the message.
func (h *header) begin(line []byte) (client bool, value *string) {
	name, rest, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return false, nil
	}
	client = migrate.IsClientField(name)
	switch strings.ToLower(strings.TrimSpace(string(name))) {
	case "x-mozilla-status":
		value = &h.status
	case "x-mozilla-status2":
		value = &h.status2
	case "x-mozilla-keys":
		value = &h.keys
	case "x-uidl":
		value = &h.uidl
	case "subject":
		value = &h.subject
	}
	if value == nil || *value != "" {
		return client, nil
	}
	*value = strings.TrimSpace(string(rest))
	return client, value
}
