package mh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/onefile"
)

// Options say which mailbox is read.
type Options struct {
	// Path is an MH folder, or a directory with folders below it.
	Path string
	// Config is where the client keeps folderlist.xml and tagsrc; empty looks beside the mailbox.
	Config string
	// Skip leaves a directory to somebody else, by its path; nil leaves none.
	Skip func(path string) bool
	// Log takes what is odd but costs no mail; nil drops it.
	Log *slog.Logger
}

// Store is a tree of MH folders.
type Store struct {
	root   string
	log    *slog.Logger
	skip   func(string) bool
	client client
	reader onefile.Reader
}

var _ filestore.Store = (*Store)(nil)

// Open makes a store of a mailbox. It reads no mail yet.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	root, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open mh %s: %w", o.Path, err)
	}
	fi, err := os.Stat(root)
	if err == nil && !fi.IsDir() {
		err = errors.New("it is no directory")
	}
	if err != nil {
		return nil, fmt.Errorf("open mh %s: %w", o.Path, err)
	}
	if o.Skip == nil {
		o.Skip = func(string) bool { return false }
	}
	s := &Store{root: root, log: o.Log, skip: o.Skip, reader: onefile.Reader{Cut: specialHeaders}}
	if s.client, err = readClient(root, o.Config); err != nil {
		s.log.Warn("mh: not all is known of the folders", "mailbox", root, "error", err)
	}
	return s, nil
}

// Detect looks at this many names in this many levels of directories.
const (
	detectNames  = 500
	detectLevels = 4
)

// Detect says whether path is an MH folder or has one below: a mark file of Sylpheed or Claws, or a number that is a message.
func Detect(path string) bool {
	names := detectNames
	return detect(path, detectLevels, &names)
}

func detect(dir string, levels int, names *int) bool {
	var below []string
	for it, err := range onefile.Items(dir) {
		if err != nil || *names <= 0 {
			return false
		}
		*names--
		path := filepath.Join(dir, it.Name)
		switch {
		case it.Dir && (it.Name == "cur" || it.Name == "new"):
			return false // Maildirs can have numbers for names
		case it.Dir && !it.Link && !strings.HasPrefix(it.Name, ".") && levels > 1:
			below = append(below, path)
		case it.Dir:
		case it.Name == clawsMark || it.Name == sylpheedMark:
			if _, err := readFile(path, readMarks); err == nil {
				return true
			}
		case isNumber(it.Name):
			if head, err := onefile.ReadHead(path); err == nil && head.IsMail() {
				return true
			}
		}
	}
	for _, d := range below {
		if detect(d, levels-1, names) {
			return true
		}
	}
	return false
}

// isNumber says whether a file is called as messages are.
func isNumber(name string) bool {
	return name != "" && len(name) <= 10 && name[0] != '0' && strings.Trim(name, "0123456789") == ""
}

// List yields the messages of every folder by number, parents first and by name.
func (s *Store) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		trail, err := onefile.NewTrail(s.root)
		if err != nil {
			yield(migrate.Entry{}, filestore.Unreadable("open mh", s.root, err))
			return
		}
		w := &walker{ctx: ctx, store: s, trail: trail, yield: yield}
		w.walk(place{dir: s.root}, 0)
	}
}

// Read writes a message to w.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	rel := e.ID
	if i := strings.LastIndexByte(rel, '#'); i >= 0 {
		rel = rel[:i]
	}
	path := filepath.Join(s.root, filepath.FromSlash(rel))
	head, err := onefile.ReadHead(path)
	if err != nil {
		return err
	}
	if idOf(rel, e.Size, head) != e.ID {
		return filestore.ErrChanged
	}
	return s.reader.Copy(ctx, path, e.Size, w)
}

// Reads says whether what lies at a path is this store's, so that whoever reads the rest of a tree leaves it alone.
func (s *Store) Reads(path string) bool {
	return isNumber(filepath.Base(path)) && !onefile.IsDir(path)
}

// Close has nothing to do: no file stays open.
func (s *Store) Close() error { return nil }

// idOf names a message, see the package's policy.
func idOf(rel string, size int64, head onefile.Head) string {
	return fmt.Sprintf("%s#%d.%x", rel, size, head.Sum())
}
