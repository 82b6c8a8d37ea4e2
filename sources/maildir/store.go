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
	"poplift/sources/maildir/onefile"
)

// Options say which tree is read.
type Options struct {
	// Path is a Maildir, or a directory with Maildirs below it.
	Path string
	// Log takes what is odd about the tree but costs no mail; nil drops it.
	Log *slog.Logger
}

// Store is a tree of Maildirs.
type Store struct {
	root    string
	log     *slog.Logger
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
	s := &Store{root: filepath.Clean(o.Path), log: o.Log}
	s.dialect = dialectOf(s.root)
	return s, nil
}

// Detect says whether path is a Maildir, or has some one or two levels below. A single cur is not enough: other programs have such
// directories.
func Detect(path string) bool { return detect(path, 2) }

func detect(path string, levels int) bool {
	if has(path, "cur") && (has(path, "new") || has(path, "tmp")) {
		return true
	}
	if levels == 0 {
		return false
	}
	n := 0
	for it, err := range onefile.Items(path) {
		if err != nil {
			return false
		}
		if !it.Dir || it.Link {
			continue
		}
		if n++; n > 1000 { // no client's tree begins like that
			return false
		}
		if detect(filepath.Join(path, it.Name), levels-1) {
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

// Close has nothing to do: no file stays open.
func (s *Store) Close() error { return nil }
