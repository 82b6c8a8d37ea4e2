package onefile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// lookSize is how much of a file is looked at to tell what it is.
const lookSize = 16 << 10

// Head is the beginning of a file, as CopyFrom would hand it on.
type Head struct {
	// Text is what is left of the first 16 KiB without the preamble.
	Text []byte
	// Envelope says that a From_ line was cut off.
	Envelope bool
}

// ReadHead reads the beginning of a file.
func ReadHead(path string) (Head, error) {
	f, _, err := open(path)
	if err != nil {
		return Head{}, err
	}
	defer f.Close()
	return HeadOf(f)
}

// HeadOf reads the beginning of what r yields.
func HeadOf(r io.Reader) (Head, error) {
	raw := bufio.NewReaderSize(r, lookSize)
	in, err := unwrapped(raw)
	if err != nil {
		return Head{}, err
	}
	text := make([]byte, lookSize)
	n, err := io.ReadFull(in, text)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Head{}, err
	}
	text = text[:n]
	cut := Preamble(text)
	return Head{text[cut:], cut > 3}, nil
}

// Sum is a short digest of the beginning, for IDs of files that have no name of their own.
func (h Head) Sum() []byte {
	sum := sha256.Sum256(h.Text)
	return sum[:8]
}

// mailFields are the fields of which every message has some, and other files hardly any.
const mailFields = " from to cc bcc date subject sender reply-to message-id received return-path delivered-to mime-version content-type" +
	" in-reply-to references x-mailer x-uidl envelope-to x-originating-ip apparently-to newsgroups resent-from resent-date" +
	" errors-to dkim-signature" +
	" arc-seal authentication-results x-received x-original-to delivery-date "

// IsMail says whether text begins with the header of a message: its first line is a field, most others are, and one that only mail has is
// among them.
func (h Head) IsMail() bool {
	text := bytes.TrimLeft(h.Text, "\r\n")
	fields, others, known := 0, 0, 0
	for len(text) > 0 {
		line := text
		if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
			line, text = text[:i], bytes.TrimPrefix(bytes.TrimPrefix(text[i:], []byte("\r")), []byte("\n"))
		} else {
			text = nil
		}
		if len(line) == 0 {
			break
		}
		name := fieldName(line)
		switch {
		case name != "":
			fields++
			if strings.Contains(mailFields, " "+strings.ToLower(name)+" ") {
				known++
			}
		case fields == 0 && fieldName(bytes.TrimLeft(line, " \t")) == "":
			return false
		case line[0] != ' ' && line[0] != '\t':
			others++
		}
	}
	return known > 0 && others <= fields
}

// fieldName returns the name of the field that a line begins, or "".
func fieldName(line []byte) string {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return ""
	}
	name := bytes.TrimRight(line[:i], " \t")
	if len(name) == 0 || len(name) > 76 {
		return ""
	}
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return string(name)
}

// Name makes the name of a directory UTF-8: what isn't, is taken for Latin-1, so that none is lost.
func Name(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	latin := make([]rune, len(name))
	for i := range len(name) {
		latin[i] = rune(name[i])
	}
	return string(latin)
}

// IsDir says whether path leads to a directory.
func IsDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// Field returns the value of the first field of a name, as far as it stands on the field's first line.
func (h Head) Field(name string) string {
	for line := range bytes.Lines(h.Text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if strings.EqualFold(fieldName(line), name) {
			_, value, _ := bytes.Cut(line, []byte(":"))
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// IsMbox says whether a file that begins with a From_ line has another one that a header follows.
func IsMbox(path string) (bool, error) {
	f, _, err := open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	in, err := unwrapped(bufio.NewReaderSize(f, bufferSize))
	if err != nil {
		return false, err
	}
	blank, after, first := false, false, true
	for {
		line, err := in.ReadSlice('\n')
		text := bytes.TrimRight(line, "\r\n")
		switch {
		case after && fieldName(text) != "":
			return true, nil
		case !first && blank && envelope(line) > 0 && line[0] == 'F':
			after = true
		default:
			after = false
		}
		first, blank = false, len(text) == 0
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
}
