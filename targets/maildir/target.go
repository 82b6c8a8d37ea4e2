// Package maildir is the target that writes mail into a Maildir++ tree on disk: for a careful user's first step, before any server is touched, and
// for what no server would take.
//
// Its policy: what was reported stored is on the disk, synced; a message is written under tmp/ and appears under its name in one step; its name is made
// from what identifies it, so that storing it again finds it there and changes nothing. Nothing in the tree is ever removed or rewritten but the
// list of keywords.
//
// Layout: the root is INBOX, a folder Old/Work is ".Old.Work", names in modified UTF-7 as Dovecot and Courier write them, with a dot inside a name
// as "&AC4-". The INTERNALDATE is the file's time, flags are the letters behind ":2,", keywords are letters too, by the file dovecot-keywords.
package maildir

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// Target is a Maildir++ tree.
type Target struct {
	root     string
	readOnly bool
	folders  map[string]*folder
}

// Options say where the tree is. The directory is made if it isn't there.
type Options struct {
	Path string
	// ReadOnly changes nothing: folders that are missing stay missing and Append fails.
	ReadOnly bool
}

var (
	_ migrate.Target   = (*Target)(nil)
	_ migrate.Foldered = (*Target)(nil)
)

// ErrNotMaildir is a directory that has other things in it.
var ErrNotMaildir = errors.New("the directory is not empty and no Maildir")

// Open opens the tree. A directory that holds anything but a Maildir is refused: it would be a mistake to mix them.
func Open(o Options) (*Target, error) {
	entries, err := os.ReadDir(o.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, openError(o.Path, err)
	case len(entries) > 0:
		if _, err := os.Stat(filepath.Join(o.Path, "cur")); err != nil {
			return nil, openError(o.Path, ErrNotMaildir)
		}
	}
	return &Target{root: o.Path, readOnly: o.ReadOnly, folders: map[string]*folder{}}, nil
}

func openError(path string, err error) error {
	return &migrate.Error{Op: "maildir open", Subject: path, Scope: migrate.ScopeRun, Final: true, Err: err}
}

// dirName is a folder's directory below the root.
func dirName(p migrate.Path) (string, error) {
	var b strings.Builder
	for _, name := range p {
		if name == "" || strings.ContainsRune(name, 0) {
			return "", fmt.Errorf("%q can't be the name of a folder", name)
		}
		b.WriteByte('.')
		b.WriteString(strings.NewReplacer(".", "&AC4-", "/", "&AC8-", `\`, "&AFw-", ":", "&ADo-").Replace(mutf7.Encode(name)))
	}
	return b.String(), nil
}

// Open makes sure that a folder is there. There are no UIDs in a Maildir: the mailbox has none, and is never indexed.
func (t *Target) Open(_ context.Context, p migrate.Path) (migrate.Mailbox, error) {
	mb := migrate.Mailbox{Path: p, Name: p.String()}
	if _, ok := t.folders[mb.Name]; ok || t.readOnly {
		return mb, nil
	}
	name, err := dirName(p)
	if err == nil {
		var f *folder
		if f, err = makeFolder(filepath.Join(t.root, name), len(p) > 0); err == nil {
			t.folders[mb.Name] = f
			return mb, nil
		}
	}
	return mb, &migrate.Error{Op: "maildir folder", Subject: mb.Name, Scope: migrate.ScopeRun, Final: true, Err: err}
}

// Append writes messages one by one; each is synced before its receipt.
func (t *Target) Append(ctx context.Context, uploads iter.Seq[migrate.Upload]) iter.Seq2[migrate.Receipt, error] {
	return func(yield func(migrate.Receipt, error) bool) {
		for u := range uploads {
			err := context.Cause(ctx)
			if err == nil {
				err = t.store(u)
			}
			if !yield(migrate.Receipt{Upload: u}, err) || err != nil && !errors.Is(err, migrate.ErrRejected) {
				return
			}
		}
	}
}

func (t *Target) store(u migrate.Upload) error {
	f := t.folders[u.Mailbox.Name]
	if t.readOnly || f == nil {
		return &migrate.Error{Op: "maildir append", Subject: u.Mailbox.Name, Scope: migrate.ScopeRun, Final: true, Err: fs.ErrPermission}
	}
	if err := f.write(u); err != nil {
		return &migrate.Error{Op: "maildir append", Subject: u.Mailbox.Name, Scope: migrate.ScopeRun, Final: true, Err: err,
			Hint: "make room or mend the directory, then run the same command again: it goes on where it stopped"}
	}
	return nil
}

// Close syncs the directories.
func (t *Target) Close() error {
	var errs []error
	for _, f := range t.folders {
		errs = append(errs, syncDir(filepath.Join(f.dir, "cur")))
	}
	return errors.Join(errs...)
}

// syncDir makes names durable. Windows has no such thing for directories.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && os.PathSeparator == '/' {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// baseName is a message's name without its flags, made of what stays the same when it is stored again: its source's ID where that is good for
// more than one session, else its digest.
func baseName(u migrate.Upload) string {
	h := sha256.New()
	if u.Message.Stable {
		h.Write([]byte(u.Message.ID))
	}
	h.Write(u.Message.Identity.Digest[:])
	seconds := max(u.Date.Unix(), 0)
	return fmt.Sprintf("%d.P%s.poplift,S=%d", seconds, hex.EncodeToString(h.Sum(nil)[:12]), u.Message.Body.Len())
}

func (f *folder) write(u migrate.Upload) error {
	base := baseName(u)
	if f.have(base) {
		return nil // an earlier run stored it and could not write that down
	}
	info, err := f.info(u.Flags)
	if err != nil {
		return err
	}
	tmp := filepath.Join(f.dir, "tmp", base)
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 64<<10)
	_, err = u.Message.Body.WriteTo(w)
	if err = errors.Join(err, w.Flush(), file.Sync(), file.Close()); err != nil {
		os.Remove(tmp)
		return err
	}
	if !u.Date.IsZero() {
		if err := os.Chtimes(tmp, u.Date, u.Date); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, filepath.Join(f.dir, "cur", base+info)); err != nil {
		return err
	}
	f.names[base] = true
	return nil
}
