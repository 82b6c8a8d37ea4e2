package takeout

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/mbox"
)

// message is one message in one file.
type message struct {
	f    *os.File
	part mbox.Part // without Header
	// number is Gmail's, as the From_ line has it; empty in other exports.
	number string
	digest uint64 // of the number and the header without the fields that exports and clients add
	labels []string
	// labelled says that there is a field with labels, even if it is empty.
	labelled bool
	size     int64 // without those fields
	// length and changed are the file's.
	length  int64
	changed time.Time
}

// id is the stable name of a message.
func (m message) id() string {
	name := binary.BigEndian.AppendUint64(nil, m.digest)
	if m.number == "" {
		return hex.EncodeToString(name)
	}
	return m.number + "-" + hex.EncodeToString(name)
}

// messages yields what a file holds. A message's file is open until the next one is asked for.
func (s *Store) messages(ctx context.Context, f string) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		file, info, err := s.open(f)
		if err != nil {
			yield(message{}, err)
			return
		}
		defer file.Close()
		for part, err := range s.cache.Scan(ctx, file, note) {
			if err != nil {
				yield(message{}, err)
				return
			}
			m := messageOf(part)
			m.f, m.length, m.changed = file, info.Size(), info.ModTime()
			if !m.labelled {
				m.labels = labelOfFile(f)
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (s *Store) open(f string) (*os.File, os.FileInfo, error) {
	file, err := os.Open(s.file(f))
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// note keeps what is told of a message beside its place; messageOf undoes it.
func note(n mbox.Note, p mbox.Part) mbox.Note {
	var m message
	m.read(p)
	labelled := int64(0)
	if m.labelled {
		labelled = 1
	}
	return n.Word(m.number).Int(int64(m.digest)).Int(m.size).Int(labelled).Words(m.labels)
}

func messageOf(p mbox.Noted) (m message) {
	in := p.Note.Read()
	m.number, m.digest, m.size = in.Word(), uint64(in.Int()), in.Int()
	m.labelled, m.labels, m.part = in.Int() != 0, in.Words(), p.Part
	return m
}

// read takes from a part what is told of it.
func (m *message) read(p mbox.Part) {
	m.number = number(p.Sender)
	m.size = p.Len()
	sum := sha256.New()
	io.WriteString(sum, m.number+"\n")
	for name, value := range mbox.HeaderFields(p.Header) {
		if !migrate.IsClientField(name) {
			sum.Write(name)
			sum.Write(value)
			continue
		}
		m.size -= int64(len(name) + len(value))
		if strings.EqualFold(string(name), "X-Gmail-Labels") && !m.labelled {
			m.labels, m.labelled = parseLabels(string(value)), true
		}
	}
	m.digest = binary.BigEndian.Uint64(sum.Sum(nil))
}

// number is the first part of a From_ line's "1628424719502045299@xxx".
func number(sender string) string {
	n, _, ok := strings.Cut(sender, "@")
	if !ok || len(n) < 10 || len(n) > 20 || strings.Trim(n, "0123456789") != "" {
		return ""
	}
	return n
}

// labelOfFile is what the name of a file says where its messages don't: exports by label are named by it. "All mail Including Spam and Trash"
// says nothing.
func labelOfFile(f string) []string {
	name := f[strings.LastIndexByte(f, '/')+1:]
	name, ok := strings.CutSuffix(name, ".mbox")
	if !ok || strings.Contains(strings.ToLower(name), "spam") && len(name) > 10 || strings.HasPrefix(strings.ToLower(name), "all mail") {
		return nil
	}
	return []string{name}
}

// listed is the message that was listed last. It is mostly the one that is read next, while its file is open.
type listed struct {
	id string
	message
}

// Read writes one listed message: the last one at once, any other after a look at the place where it was.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	id, _, _ := strings.Cut(e.ID, copyMark)
	if s.at.id != "" && s.at.id == id {
		return s.copy(ctx, s.at.message, w)
	}
	if e.Seq == math.MaxInt {
		return fmt.Errorf("%s can't be found again", id)
	}
	id, _, _ = strings.Cut(id, ".")
	for _, f := range s.files {
		if found, err := s.copyFrom(ctx, f, int64(e.Seq)-1, id, w); found {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return filestore.ErrChanged
}

// copyFrom writes the message with this id if it is the one at an offset of a file.
func (s *Store) copyFrom(ctx context.Context, f string, offset int64, id string, w io.Writer) (found bool, err error) {
	file, info, err := s.open(f)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if offset >= info.Size() {
		return false, nil
	}
	for part, err := range mbox.Scan(ctx, file, info.Size(), mbox.ScanOptions{Start: offset}) {
		if err != nil {
			return false, err
		}
		m := message{f: file, part: part, length: info.Size(), changed: info.ModTime()}
		if m.read(part); part.Offset != offset || m.id() != id {
			break
		}
		return true, s.copy(ctx, m, w)
	}
	return false, nil
}

func (s *Store) copy(ctx context.Context, m message, w io.Writer) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v := m.part.Variant
	if v == mbox.O {
		v = mbox.RD // Google quotes quotes too, and a file may have its first one late
	}
	if err := s.copier.Copy(w, m.f, m.part, v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w (%w)", filestore.ErrChanged, err)
		}
		return err
	}
	info, err := m.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != m.length || !info.ModTime().Equal(m.changed) {
		return filestore.ErrChanged // nothing writes to an export, but for a download that isn't done
	}
	return nil
}
