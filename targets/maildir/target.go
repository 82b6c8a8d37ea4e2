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
	"sync"
	"time"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// Target is a Maildir++ tree.
type Target struct {
	root     string
	readOnly bool
	limit    int64
	used     int64 // octets of messages, where there is a limit

	mu      sync.Mutex // folders are opened while messages are stored
	folders map[string]*folder
}

// Options say where the tree is. The directory is made if it isn't there.
type Options struct {
	Path string
	// ReadOnly changes nothing: folders that are missing stay missing and Append fails.
	ReadOnly bool
	// Limit is how many octets of messages the tree may hold; what would exceed it is refused. 0 is no limit.
	Limit int64
}

var (
	_ migrate.Target   = (*Target)(nil)
	_ migrate.Layouter = (*Target)(nil)
	_ migrate.Opener   = (*Target)(nil)
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
	case len(entries) > 0 && !isMaildir(o.Path, entries):
		return nil, openError(o.Path, ErrNotMaildir)
	}
	t := &Target{root: o.Path, readOnly: o.ReadOnly, limit: o.Limit, folders: map[string]*folder{}}
	if o.Limit > 0 {
		if t.used, err = usage(o.Path); err != nil {
			return nil, openError(o.Path, err)
		}
	}
	return t, nil
}

// isMaildir says whether a directory is a Maildir, or has folders of one: a tree whose inbox got no mail has no cur of its own.
func isMaildir(root string, entries []fs.DirEntry) bool {
	for _, e := range entries {
		cur := filepath.Join(root, e.Name())
		if e.Name() != "cur" {
			cur = filepath.Join(cur, "cur")
		}
		if e.Name() != "cur" && !strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := os.Stat(cur); err == nil && info.IsDir() {
			return true
		}
	}
	return false
}

// usage adds up the files below a directory.
func usage(root string) (octets int64, err error) {
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		info, err := d.Info()
		if err == nil {
			octets += info.Size()
		}
		return err
	})
	return octets, err
}

func openError(path string, err error) error {
	return &migrate.Error{Op: "maildir open", Subject: path, Scope: migrate.ScopeRun, Final: true, Err: err}
}

// delimiter joins the names of a path for the engine; on the disk it is a dot.
const delimiter = "/"

// escapes are what stands for a name's own dot, and for what no file's name can have everywhere, as UTF-7 would write them.
var escapes = []string{".", "&AC4-", "/", "&AC8-", `\`, "&AFw-", ":", "&ADo-"}

// maxDir is how long a directory's name may be; most file systems have 255.
const maxDir = 250

// dirName is a folder's directory below the root. One that is too long ends in a digest of all of it.
func dirName(name string) (string, error) {
	if name == inbox {
		return "", nil
	}
	var b strings.Builder
	for part := range strings.SplitSeq(name, delimiter) {
		if part == "" || strings.ContainsRune(part, 0) {
			return "", fmt.Errorf("%q can't be the name of a folder", part)
		}
		b.WriteByte('.')
		b.WriteString(strings.NewReplacer(escapes...).Replace(mutf7.Encode(part)))
	}
	dir := b.String()
	if len(dir) > maxDir {
		sum := sha256.Sum256([]byte(dir))
		dir = strings.TrimRight(dir[:maxDir-17], ".") + "-" + hex.EncodeToString(sum[:8])
	}
	return dir, nil
}

const inbox = "INBOX"

// Layout says which folders are there.
func (t *Target) Layout(context.Context) (migrate.Layout, error) {
	l := migrate.Layout{Delimiter: delimiter, UTF8: true, Boxes: []migrate.Box{{Name: inbox}}}
	entries, err := os.ReadDir(t.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l, openError(t.root, err)
	}
	for _, e := range entries {
		parts, ok := strings.CutPrefix(e.Name(), ".")
		if !ok || !e.IsDir() {
			continue
		}
		var names []string
		for part := range strings.SplitSeq(parts, ".") {
			names = append(names, mutf7.Decode(part))
		}
		l.Boxes = append(l.Boxes, migrate.Box{Name: strings.Join(names, delimiter)})
	}
	return l, nil
}

// OpenNamed makes sure that a folder is there. There are no UIDs in a Maildir: the mailbox has none, and is never indexed.
func (t *Target) OpenNamed(_ context.Context, name string, _ migrate.Role) (migrate.Mailbox, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	mb := migrate.Mailbox{Name: name}
	if _, ok := t.folders[name]; ok || t.readOnly {
		return mb, nil
	}
	dir, err := dirName(name)
	if err == nil {
		var f *folder
		if f, err = makeFolder(filepath.Join(t.root, dir), dir != ""); err == nil {
			t.folders[name] = f
			return mb, nil
		}
	}
	return mb, &migrate.Error{Op: "maildir folder", Subject: name, Scope: migrate.ScopeRun, Final: true, Err: err}
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
	t.mu.Lock()
	f := t.folders[u.Mailbox.Name]
	t.mu.Unlock()
	if t.readOnly || f == nil {
		return &migrate.Error{Op: "maildir append", Subject: u.Mailbox.Name, Scope: migrate.ScopeRun, Final: true, Err: fs.ErrPermission}
	}
	if size := u.Message.Body.Len(); t.limit > 0 && t.used+size > t.limit && !f.have(baseName(u)) {
		return &migrate.Error{Op: "maildir append", Subject: u.Mailbox.Name, Scope: migrate.ScopeMessage, Final: true,
			Err:  fmt.Errorf("%w: %d octets, and the tree may hold %d, of which %d are used", migrate.ErrRejected, size, t.limit, t.used),
			Hint: "empty " + t.root + " (its messages can be copied from there), or allow more with --keep-limit"}
	}
	t.used += u.Message.Body.Len()
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
	id := ""
	if u.Message.Stable {
		id = u.Message.ID
	}
	return unique(id, u.Message.Identity.Digest, u.Date) + fmt.Sprint(u.Message.Body.Len())
}

// unique is a base name without its size. id is empty where it isn't stable.
func unique(id string, d migrate.Digest, date time.Time) string {
	h := sha256.New()
	h.Write([]byte(id))
	h.Write(d[:])
	return fmt.Sprintf("%d.P%s.poplift,S=", max(date.Unix(), 0), hex.EncodeToString(h.Sum(nil)[:12]))
}

// Remove takes messages out of the tree that have found another place since, and says how many there were. Only names that a Target made of
// these records are touched.
func Remove(root string, records []migrate.Record) (removed int, err error) {
	gone := map[string]bool{}
	for _, rec := range records {
		id, _, _ := strings.Cut(rec.ID, "\x00") // one that was filed by a script has its folder behind
		gone[unique(id, rec.Identity.Digest, rec.Date)] = true
		gone[unique("", rec.Identity.Digest, rec.Date)] = true
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(path)) != "cur" {
			return err
		}
		name, _, ok := strings.Cut(d.Name(), ",S=")
		if !ok || !gone[name+",S="] {
			return nil
		}
		removed++
		return os.Remove(path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return removed, err
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
