package eml

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/maildir/onefile"
)

// Options say what is read.
type Options struct {
	// Path is a directory, a message, or a zip archive.
	Path string
	// Log takes what is odd but costs no mail; nil drops it.
	Log *slog.Logger
}

// Store is a tree of files with one message each.
type Store struct {
	root   string
	only   string // the name of the one file in root that was asked for; empty is all of it
	zip    *archive
	log    *slog.Logger
	reader onefile.Reader
}

var _ filestore.Store = (*Store)(nil)

// Open makes a store. It reads no mail yet.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{root: filepath.Clean(o.Path), log: o.Log}
	fi, err := os.Stat(s.root)
	switch {
	case err != nil:
	case fi.IsDir():
		return s, nil
	case !fi.Mode().IsRegular():
		err = onefile.ErrNotFile
	case isZip(s.root):
		if s.zip, err = openArchive(s.root); err == nil {
			return s, nil
		}
	default:
		s.root, s.only = filepath.Split(s.root)
		if s.root == "" {
			s.root = "."
		}
		return s, nil
	}
	return nil, fmt.Errorf("open eml %s: %w", o.Path, err)
}

// List yields the messages of every directory, by name, and those of a directory before those below it.
func (s *Store) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		if s.zip != nil {
			s.zip.list(ctx, s.log, yield)
			return
		}
		trail, err := onefile.NewTrail(s.root)
		if err != nil {
			yield(migrate.Entry{}, filestore.Unreadable("open eml", s.root, err))
			return
		}
		w := &walker{ctx: ctx, store: s, trail: trail, yield: yield}
		w.walk(place{dir: s.root}, 0)
	}
}

// Read writes a message to w.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	if s.zip != nil {
		return s.zip.read(ctx, &s.reader, e, w)
	}
	rel := pathOf(e.ID)
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

// Close ends the use of an archive.
func (s *Store) Close() error {
	if s.zip == nil {
		return nil
	}
	return s.zip.Close()
}

// idOf names a message.
func idOf(rel string, size int64, head onefile.Head) string {
	return fmt.Sprintf("%s#%d.%x", rel, size, head.Sum())
}

// pathOf takes the path out of an ID.
func pathOf(id string) string {
	if i := strings.LastIndexByte(id, '#'); i >= 0 {
		return id[:i]
	}
	return id
}
