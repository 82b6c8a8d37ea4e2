package thunderbird

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/mbox"
)

// listed is a message of an mbox as it was listed.
type listed struct {
	id   string
	file *os.File
	part mbox.Part
	// size and changed are the file's.
	size    int64
	changed time.Time
}

// listMbox yields a folder that is an mbox.
func (s *Store) listMbox(ctx context.Context, f folder, yield func(migrate.Entry, error) bool) bool {
	nameless := migrate.Entry{Folder: f.path, Role: f.role}
	file, err := openRegular(f.file)
	if errors.Is(err, fs.ErrNotExist) {
		return true // the client is compacting it away this moment, or it was deleted
	}
	var info os.FileInfo
	if err == nil {
		defer file.Close()
		info, err = file.Stat()
	}
	if err != nil {
		return yield(nameless, filestore.Unreadable("read folder", f.file, err))
	}
	defer func() { s.at = listed{} }()
	seen := map[uint64]uint32{}
	feeds, begun := 0, false
	for part, err := range s.cache.Scan(ctx, file, s.headers.note) {
		facts := factsOf(part.Note)
		switch {
		case ctx.Err() != nil:
			return yield(migrate.Entry{}, context.Cause(ctx))
		case !f.indexed && (errors.Is(err, mbox.ErrNotMbox) || err == nil && !begun && !facts.fields):
			s.log.Info("thunderbird: a file that is no folder is passed over", "file", f.file)
			return true
		case err != nil:
			return yield(nameless, filestore.Unreadable("read folder", f.file, err))
		}
		begun = true
		s.doubt(f, part.Part)
		e, name, ok := s.partEntry(f, part.Part, facts)
		if !ok {
			feeds++
			continue
		}
		if seen[name]++; seen[name] > 1 {
			e.ID += "." + strconv.Itoa(int(seen[name]))
		}
		s.at = listed{e.ID, file, part.Part, info.Size(), info.ModTime()}
		if !yield(e, nil) {
			return false
		}
	}
	s.noteFeeds(f, feeds)
	return true
}

// facts are what is noted of a message in an mbox.
type facts struct {
	header
	digest digest
	// fields says that the header has any. A note that begins "From what I know" has none.
	fields bool
}

// facts takes a part.
func (h *headerReader) facts(p mbox.Part) (out facts) {
	out.header, _ = h.read(headerOf(p)) // reading from memory doesn't fail
	out.digest = h.name(p.Len() - out.client)
	for range mbox.HeaderFields(p.Header) {
		out.fields = true
		break
	}
	return out
}

// note keeps a part's facts; factsOf undoes it.
func (h *headerReader) note(n mbox.Note, p mbox.Part) mbox.Note {
	f := h.facts(p)
	fields := int64(0)
	if f.fields {
		fields = 1
	}
	if st, _ := parseStatus(f.status, f.status2); st&statusPartial == 0 {
		f.subject = "" // nobody will ask for it
	}
	return n.Word(string(f.digest[:])).Int(f.client).Int(fields).Word(f.status).Word(f.status2).Word(f.keys).Word(f.uidl).Word(f.subject)
}

func factsOf(n mbox.Note) (f facts) {
	in := n.Read()
	copy(f.digest[:], in.Word())
	f.client, f.fields = in.Int(), in.Int() != 0
	f.status, f.status2, f.keys, f.uidl, f.subject = in.Word(), in.Word(), in.Word(), in.Word(), in.Word()
	return f
}

// doubt keeps what a person should look at.
func (s *Store) doubt(f folder, p mbox.Part) { s.doubts.Add(mbox.DoubtsOf(f.place, p)...) }

// partEntry makes the entry of a message in an mbox. A From_ line of this client has the time of the download, and one of another program that
// of its delivery or import; so it is believed last.
//
// name is what tells the message apart in its folder: a part of the digest, so that a folder of a million messages costs some 40 MB while it is
// listed.
func (s *Store) partEntry(f folder, p mbox.Part, h facts) (e migrate.Entry, name uint64, ok bool) {
	e, ok = s.entry(f, h.header, f.place+" at "+strconv.FormatInt(p.Offset, 10))
	if !ok {
		return e, 0, false
	}
	name = binary.BigEndian.Uint64(h.digest[:])
	e.ID, e.Size = f.place+"#"+h.digest.String(), p.Len()-h.client
	if e.Deleted {
		// A message that was moved or edited is there twice. What is left of it must not take the other's ID away.
		e.ID += "!"
		name = ^name
	}
	e.Seq = math.MaxInt
	if p.Offset < math.MaxInt {
		e.Seq = int(p.Offset) + 1
	}
	fallback(&e, p.Date, "From_ line")
	return e, name, true
}

// headerOf is a part's header with line ends that every reader knows.
func headerOf(p mbox.Part) io.Reader {
	if p.CR {
		return bytes.NewReader(bytes.ReplaceAll(p.Header, []byte{'\r'}, []byte{'\n'}))
	}
	return bytes.NewReader(p.Header)
}

// readPart writes a message of an mbox: the one that was listed last at once, any other after a look at the place where it was.
func (s *Store) readPart(ctx context.Context, e migrate.Entry, w io.Writer) error {
	if s.at.id == e.ID {
		return s.copyPart(ctx, s.at, w)
	}
	l, err := s.find(ctx, e)
	if err != nil {
		return err
	}
	defer l.file.Close()
	return s.copyPart(ctx, l, w)
}

// find opens the file of a message that was listed before. What lies there now must have the name that the ID ends with.
func (s *Store) find(ctx context.Context, e migrate.Entry) (l listed, err error) {
	cut := strings.LastIndexByte(e.ID, '#')
	if cut < 0 || e.Seq == math.MaxInt {
		return l, fmt.Errorf("%s can't be found again", e.ID)
	}
	file, err := openRegular(filepath.Join(s.root, filepath.FromSlash(e.ID[:cut])))
	if err != nil {
		return l, fmt.Errorf("%w (%w)", filestore.ErrChanged, err)
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return l, err
	}
	offset := int64(e.Seq) - 1
	if offset >= info.Size() {
		return l, filestore.ErrChanged
	}
	for part, err := range mbox.Scan(ctx, file, info.Size(), mbox.ScanOptions{Start: offset}) {
		if err != nil || part.Offset != offset || !s.isAt(part, e.ID[cut+1:]) {
			break
		}
		return listed{id: e.ID, file: file, part: part, size: info.Size(), changed: info.ModTime()}, nil
	}
	if ctx.Err() != nil {
		return l, context.Cause(ctx)
	}
	return l, filestore.ErrChanged
}

// isAt says whether a part is the message whose ID ends with name.
func (s *Store) isAt(p mbox.Part, name string) bool {
	return strings.HasPrefix(name, s.headers.facts(p).digest.String())
}

// copyPart writes a message. A file that was written to meanwhile must still have it in its place.
func (s *Store) copyPart(ctx context.Context, l listed, w io.Writer) error {
	if err := s.copier.Copy(w, l.file, l.part, quoting(l.part)); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w (%w)", filestore.ErrChanged, err)
		}
		return err
	}
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == l.size && info.ModTime().Equal(l.changed) {
		return nil
	}
	if err := s.stillThere(ctx, l, info.Size()); err != nil {
		return err
	}
	if s.at.id == l.id {
		s.at.size, s.at.changed = info.Size(), info.ModTime()
	}
	return nil
}

// quoting has every level of quotes taken off by one, as the client puts them on, where the file doesn't say how it was written.
func quoting(p mbox.Part) mbox.Variant {
	if p.Variant == mbox.O {
		return mbox.RD
	}
	return p.Variant
}

// stillThere looks at a message again in a file that has changed since it was listed. Mail that was appended is no harm, and neither are flags.
func (s *Store) stillThere(ctx context.Context, l listed, size int64) error {
	if l.part.End > size {
		return filestore.ErrChanged
	}
	for part, err := range mbox.Scan(ctx, l.file, size, mbox.ScanOptions{Start: l.part.Offset}) {
		if err == nil && part.Offset == l.part.Offset && part.Start == l.part.Start && part.End == l.part.End &&
			s.isAt(part, l.id[strings.LastIndexByte(l.id, '#')+1:]) {
			return nil
		}
		break
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return filestore.ErrChanged
}
