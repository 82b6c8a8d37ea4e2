package maildir

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/onefile"
)

// Options say which tree is read.
type Options struct {
	// Path is a Maildir, or a directory with Maildirs below it.
	Path string
	// Skip leaves a directory to somebody else, by its path; nil leaves none.
	Skip func(path string) bool
	// Log takes what is odd about the tree but costs no mail; nil drops it.
	Log *slog.Logger
}

// Store is a tree of Maildirs.
type Store struct {
	root    string
	log     *slog.Logger
	skip    func(string) bool
	dialect dialect
	reader  onefile.Reader
	last    *folder // the folder that was read last: listing and reading go hand in hand
}

var _ filestore.Store = (*Store)(nil)

// dialect is what one client does differently.
type dialect struct {
	evolution bool // the folders of Evolution's own store have fixed names
	escapes   bool // names have _XX for dots and underscores
	kmail     bool // the folders of KMail's own store have fixed names
}

// Open makes a store of a tree. It reads no mail yet.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	fi, err := os.Stat(o.Path)
	if err == nil && !fi.IsDir() {
		err = errors.New("it is no directory")
	}
	if err != nil {
		return nil, fmt.Errorf("open maildir %s: %w", o.Path, err)
	}
	if o.Skip == nil {
		o.Skip = func(string) bool { return false }
	}
	s := &Store{root: filepath.Clean(o.Path), log: o.Log, skip: o.Skip}
	s.dialect = dialectOf(s.root)
	return s, nil
}

// Detect looks at this many directories, in this many levels.
const (
	detectDirs   = 5000
	detectLevels = 4
)

// Detect says whether path is a Maildir, or has one in the levels below. A single cur is not enough: other programs have such directories.
func Detect(path string) bool {
	dirs := detectDirs
	return detect(path, detectLevels, &dirs)
}

func detect(path string, levels int, dirs *int) bool {
	if has(path, "cur") && (has(path, "new") || has(path, "tmp")) {
		return true
	}
	if levels == 0 {
		return false
	}
	var below []string
	for it, err := range onefile.Items(path) {
		if *dirs--; err != nil || *dirs < 0 {
			return false
		}
		if it.Dir && !it.Link {
			below = append(below, it.Name)
		}
	}
	for _, name := range below {
		if detect(filepath.Join(path, name), levels-1, dirs) {
			return true
		}
	}
	return false
}

func has(dir, name string) bool { return onefile.IsDir(filepath.Join(dir, name)) }

// holdsMail says whether messages can lie in dir. Backups drop empty directories, so that either will do.
func holdsMail(dir string) bool { return has(dir, "cur") || has(dir, "new") }

// dialectOf looks for what only one client leaves behind.
func dialectOf(root string) dialect {
	var d dialect
	switch filepath.Base(root) {
	case "local-mail", ".local-mail.directory":
		d.kmail = true
	}
	for it, err := range onefile.Items(root) {
		switch {
		case err != nil:
			return d
		case it.Name == "..maildir++":
			d.evolution, d.escapes = true, true
		case it.Name == "folders.db" || strings.HasSuffix(it.Name, ".cmeta") || strings.HasSuffix(it.Name, ".ibex.index"):
			d.evolution = true
		case it.Dir && strings.HasPrefix(it.Name, ".") && strings.HasSuffix(it.Name, ".directory"):
			d.kmail = d.kmail || !holdsMail(filepath.Join(root, it.Name))
		}
	}
	return d
}

// fixed are the folders that clients name alike in every language.
var (
	evolutionRoles = map[string]migrate.Role{"drafts": migrate.RoleDrafts, "outbox": migrate.RoleOutbox, "sent": migrate.RoleSent,
		"templates": migrate.RoleTemplates, "trash": migrate.RoleTrash}
	kmailRoles = map[string]migrate.Role{"inbox": migrate.RoleInbox, "drafts": migrate.RoleDrafts, "outbox": migrate.RoleOutbox,
		"sent-mail": migrate.RoleSent, "templates": migrate.RoleTemplates, "trash": migrate.RoleTrash}
)

func (d dialect) role(p migrate.Path) migrate.Role {
	switch {
	case len(p) == 0:
		return migrate.RoleInbox
	case len(p) > 1:
		return ""
	case d.kmail:
		return kmailRoles[strings.ToLower(p[0])]
	case d.evolution:
		return evolutionRoles[strings.ToLower(p[0])]
	}
	return ""
}

// List yields the messages of every folder, parents first and by name, each folder in the order its messages came in.
func (s *Store) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		trail, err := onefile.NewTrail(s.root)
		if err != nil {
			yield(migrate.Entry{}, filestore.Unreadable("open maildir", s.root, err))
			return
		}
		w := &walker{store: s, trail: trail}
		w.fail = func(p place, err error) bool {
			return yield(migrate.Entry{Folder: p.path, Role: p.role}, filestore.Unreadable("read folder", p.dir, err))
		}
		w.visit = func(p place) bool {
			if ctx.Err() != nil {
				yield(migrate.Entry{Folder: p.path}, context.Cause(ctx))
				return false
			}
			return s.listFolder(ctx, p, yield)
		}
		w.walk(place{dir: s.root, role: migrate.RoleInbox}, 0)
	}
}

// Reads says whether what lies at a path is this store's, so that whoever reads the rest of a tree leaves it alone.
func (s *Store) Reads(path string) bool {
	switch filepath.Base(path) {
	case "cur", "new", "tmp":
		return holdsMail(filepath.Dir(path)) && onefile.IsDir(path)
	}
	return isIndex(filepath.Base(path)) && !onefile.IsDir(path)
}

// Close has nothing to do: no file stays open.
func (s *Store) Close() error { return nil }
