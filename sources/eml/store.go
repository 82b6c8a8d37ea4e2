package eml

import (
	"bytes"
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
	"poplift/sources/filestore/unpack"
)

// Options say what is read.
type Options struct {
	// Path is a directory, a message, or an archive (zip, or tar with or without compression).
	Path string
	// CacheDir is where a tar is unpacked, until Close; empty is where the system keeps temporary files.
	CacheDir string
	// LeaveMbox leaves files that begin with a From_ line to package mbox, unless they are called .eml.
	LeaveMbox bool
	// Skip leaves a file or directory to somebody else, by its path; nil leaves none.
	Skip func(path string) bool
	// Log takes what is odd but costs no mail; nil drops it.
	Log *slog.Logger
}

// Store is a tree of files with one message each.
type Store struct {
	root   string
	only   string      // the name of the one file in root that was asked for; empty is all of it
	packed unpack.Kind // of root, where that is an archive
	log    *slog.Logger
	skip   func(string) bool
	reader onefile.Reader

	leaveMbox bool
	spool     unpack.Spool
	archives  map[string]*archive // that were opened, by their place in the tree
}

var _ filestore.Store = (*Store)(nil)

// Open makes a store. It reads no mail yet.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Skip == nil {
		o.Skip = func(string) bool { return false }
	}
	s := &Store{
		root: filepath.Clean(o.Path), log: o.Log, skip: o.Skip, leaveMbox: o.LeaveMbox, reader: onefile.Reader{Cut: emptyLines},
		spool: unpack.Spool{Dir: o.CacheDir}, archives: map[string]*archive{},
	}
	fi, err := os.Stat(s.root)
	switch {
	case err != nil:
	case fi.IsDir():
		return s, nil
	case !fi.Mode().IsRegular():
		err = onefile.ErrNotFile
	case unpack.Archive(s.root) != unpack.None:
		s.packed = unpack.Archive(s.root)
		if _, err = s.archive(context.Background(), "", s.root, s.packed); err == nil {
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
		if s.packed != unpack.None {
			a, err := s.archive(ctx, "", s.root, s.packed)
			if err != nil {
				yield(migrate.Entry{}, filestore.Unreadable("read archive", s.root, err))
				return
			}
			a.list(ctx, s, nil, "", yield)
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

// archiveMark stands in an ID between the place of an archive and that of a message in it.
const archiveMark = "!/"

// archive opens an archive, once.
func (s *Store) archive(ctx context.Context, rel, path string, k unpack.Kind) (*archive, error) {
	if a := s.archives[rel]; a != nil {
		return a, nil
	}
	a, err := openArchive(ctx, path, k, &s.spool)
	if err == nil {
		s.archives[rel] = a
	}
	return a, err
}

// Read writes a message to w.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	rel := pathOf(e.ID)
	if e.Seq > 0 {
		if a, name := s.archiveOf(rel); a != nil {
			return a.read(ctx, &s.reader, e.Seq, name, w)
		}
		return filestore.ErrChanged
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

// archiveOf finds the archive that a message is in, and its name there.
func (s *Store) archiveOf(rel string) (*archive, string) {
	if s.packed != unpack.None {
		return s.archives[""], rel
	}
	for i := range rel { // names of directories can end in the mark's "!" too
		if strings.HasPrefix(rel[i:], archiveMark) && s.archives[rel[:i]] != nil {
			return s.archives[rel[:i]], rel[i+len(archiveMark):]
		}
	}
	return nil, ""
}

// Close ends the use of archives.
func (s *Store) Close() error {
	var failed error
	for _, a := range s.archives {
		failed = errors.Join(failed, a.close())
	}
	return errors.Join(failed, s.spool.Close())
}

// emptyLines returns the length of the empty lines before a header: with them it would be no header.
func emptyLines(head []byte) int {
	n := len(head) - len(bytes.TrimLeft(head, "\r\n"))
	if n == 0 || !(onefile.Head{Text: head}).IsMail() {
		return 0
	}
	return n
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
