package takeout

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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
	return s.messagesFrom(ctx, f, 0)
}

// messagesFrom begins at the offset of a message.
func (s *Store) messagesFrom(ctx context.Context, f string, offset int64) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		file, err := os.Open(s.file(f))
		if err != nil {
			yield(message{}, err)
			return
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			yield(message{}, err)
			return
		}
		if offset > 0 && offset >= info.Size() {
			return
		}
		sum := sha256.New()
		for part, err := range mbox.Scan(ctx, file, info.Size(), mbox.ScanOptions{Start: offset}) {
			if err != nil {
				yield(message{}, err)
				return
			}
			m := message{f: file, length: info.Size(), changed: info.ModTime()}
			m.read(part, sum)
			if !m.labelled {
				m.labels = labelOfFile(f)
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// read takes from a part what is told of it.
func (m *message) read(p mbox.Part, sum hash.Hash) {
	m.number = number(p.Sender)
	m.size = p.Len()
	sum.Reset()
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
	p.Header = nil
	m.part = p
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
	offset := int64(e.Seq) - 1
	for _, f := range s.files {
		for m, err := range s.messagesFrom(ctx, f, offset) {
			if err == nil && m.part.Offset == offset && m.id() == id {
				return s.copy(ctx, m, w)
			}
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return filestore.ErrChanged
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
