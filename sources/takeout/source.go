package takeout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/mbox"
)

// Labels says what becomes of the labels of a message beside the one that is its folder.
type Labels uint8

const (
	// Keywords makes IMAP keywords of them.
	Keywords Labels = iota
	// Copies puts a copy of the message into a folder for each.
	Copies
	// Primary forgets them.
	Primary
)

// ParseLabels reads what a user types.
func ParseLabels(s string) (Labels, error) {
	for i, name := range []string{"keywords", "copies", "primary"} {
		if s == name {
			return Labels(i), nil
		}
	}
	return 0, errors.New("labels become keywords, copies, or primary for the folder alone")
}

// Options say what is read.
type Options struct {
	// Path is an mbox file, or a directory with such files anywhere below it.
	Path   string
	Labels Labels
	// Chats reads chats too.
	Chats bool
	// CacheDir keeps what was found in large files, so that they aren't read again as long as they are the same; empty keeps nothing.
	CacheDir string
	// Log takes what is odd but breaks nothing; nil drops it.
	Log *slog.Logger
}

// Store is an export. It is used by one goroutine at a time.
type Store struct {
	root     string
	files    []string // relative to root
	problems []error
	options  Options
	at       listed
	cache    mbox.Cache
	copier   mbox.Copier
	doubts   filestore.Doubts
}

var (
	_ filestore.Store   = (*Store)(nil)
	_ filestore.Doubter = (*Store)(nil)
)

// maxTried bounds the files that Detect looks into.
const maxTried = 1000

// Detect says whether a path has any export of Gmail in it, by what the files are.
func Detect(path string) bool {
	tried := 0
	for f, err := range mboxes(path) {
		if err == nil && f != "" {
			return true
		}
		if tried++; tried > maxTried {
			break
		}
	}
	return false
}

// Open finds the files of an export.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := os.Stat(o.Path); err != nil {
		return nil, fmt.Errorf("takeout: %w", err)
	}
	s := &Store{root: o.Path, options: o, cache: mbox.Cache{Dir: o.CacheDir, Reader: "takeout 1", Log: o.Log}}
	for f, err := range mboxes(o.Path) {
		switch {
		case err != nil:
			s.problems = append(s.problems, err)
		case f != "":
			s.files = append(s.files, f)
		}
	}
	slices.Sort(s.files)
	if len(s.files) == 0 && len(s.problems) == 0 {
		return nil, fmt.Errorf("takeout %s: no mail of Gmail in it", o.Path)
	}
	return s, nil
}

// mboxes yields the files below a path that are exports, by their path below it, and "" for every one that isn't. Links are not followed.
func mboxes(root string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		real, err := filepath.EvalSymlinks(root)
		if err != nil {
			yield("", filestore.Unreadable("read", root, err))
			return
		}
		walk := func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				if !yield("", filestore.Unreadable("read", p, err)) {
					return fs.SkipAll
				}
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			rel, err := filepath.Rel(real, p)
			if err != nil {
				return err
			}
			if !isExport(p) {
				rel = ""
			}
			if !yield(filepath.ToSlash(rel), nil) {
				return fs.SkipAll
			}
			return nil
		}
		if err := filepath.WalkDir(real, walk); err != nil {
			yield("", filestore.Unreadable("read", root, err))
		}
	}
}

// Reads says whether a file is this store's, so that whoever reads the rest of a tree leaves it alone.
func (s *Store) Reads(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && isExport(path)
}

// isExport says whether a file begins like Gmail's: a From_ line with a number, or the fields that it adds.
func isExport(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false // List will say so if it looked like one before
	}
	defer f.Close()
	b := make([]byte, 16<<10)
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	head := strings.TrimPrefix(strings.ReplaceAll(string(b[:n]), "\r", ""), "\ufeff")
	line, rest, ok := strings.Cut(head, "\n")
	if !ok || !strings.HasPrefix(line, "From ") {
		return false
	}
	if sender, _, _ := strings.Cut(line[len("From "):], " "); strings.HasSuffix(sender, "@xxx") && number(sender) != "" {
		return true
	}
	header, _, _ := strings.Cut(rest, "\n\n")
	header = "\n" + strings.ToLower(header)
	return strings.Contains(header, "\nx-gmail-labels:") || strings.Contains(header, "\nx-gm-thrid:")
}

// List yields every message once, or with Copies once for each of its folders.
func (s *Store) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		for _, err := range s.problems {
			if !yield(migrate.Entry{}, err) {
				return
			}
		}
		seen := newIndex()
		s.doubts.Reset()
		if len(s.files) > 1 {
			for _, f := range s.files {
				// What can't be read is reported when it is listed.
				for m, err := range s.messages(ctx, f) {
					if err == nil {
						seen.gather(m)
					}
				}
			}
		}
		chats := 0
		for _, f := range s.files {
			if !s.list(ctx, f, seen, &chats, yield) {
				return
			}
		}
		if chats > 0 {
			s.options.Log.Info("takeout: chats are left out", "messages", chats)
		}
	}
}

// list yields what a file has that no file before it had.
func (s *Store) list(ctx context.Context, f string, seen *index, chats *int, yield func(migrate.Entry, error) bool) bool {
	defer func() { s.at = listed{} }()
	for m, err := range s.messages(ctx, f) {
		if err != nil {
			if ctx.Err() != nil {
				yield(migrate.Entry{}, context.Cause(ctx))
				return false
			}
			if !yield(migrate.Entry{}, filestore.Unreadable("read", s.file(f), err)) {
				return false
			}
			continue
		}
		s.doubts.Add(mbox.DoubtsOf(f, m.part)...)
		labels, twin, again := seen.list(m, len(s.files) > 1)
		if again {
			continue
		}
		id := m.id()
		if twin > 1 {
			id = fmt.Sprintf("%s.%d", id, twin)
		}
		s.at = listed{id: id, message: m}
		entries := s.entries(m, id, labels)
		if len(entries) == 0 {
			*chats++
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return false
			}
		}
	}
	return true
}

// Doubts are what the last List was not sure of.
func (s *Store) Doubts() []filestore.Doubt { return s.doubts.List() }

// file is where a file lies; the only file may be the path itself.
func (s *Store) file(f string) string { return filepath.Join(s.root, filepath.FromSlash(f)) }

// Close has nothing to do: files are open only while they are listed or read.
func (s *Store) Close() error { return nil }
