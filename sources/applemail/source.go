package applemail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/mbox"
)

// Options say what is read.
type Options struct {
	// Path is the directory Mail, one version's or account's below it, a mailbox, or a directory of exported mailboxes.
	Path string
	// CacheDir is where package mbox keeps its index of exported mailboxes; empty keeps none.
	CacheDir string
	// Log takes what is odd but breaks nothing; nil drops it.
	Log *slog.Logger
}

// Store is the mail below one path. It is used by one goroutine at a time.
type Store struct {
	root     string
	accounts []account
	single   bool // root is one mailbox
	log      *slog.Logger
	cacheDir string
	packages map[string]*mbox.Store // by their place
}

var _ filestore.Store = (*Store)(nil)

// account is a directory of mailboxes, and the folder that they are put in.
type account struct {
	dir    string
	prefix migrate.Path
}

// Detect says whether a path is anything that Open reads, by what lies there.
func Detect(path string) bool {
	if !isDir(path) {
		return false // one message alone is no store
	}
	if _, ok := mailboxName(filepath.Base(path)); ok && isMailbox(path) {
		return true
	}
	return hasMailboxes(path)
}

// Open finds the accounts below a path.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	root := filepath.Clean(o.Path)
	if _, err := os.Stat(root); err != nil {
		return nil, fmt.Errorf("apple mail: %w", err)
	}
	if !Detect(root) {
		return nil, fmt.Errorf("apple mail %s: no mailboxes in it", o.Path)
	}
	s := &Store{root: root, log: o.Log, cacheDir: o.CacheDir, packages: map[string]*mbox.Store{}}
	if _, ok := mailboxName(filepath.Base(root)); ok && isMailbox(root) {
		s.single = true
		return s, nil
	}
	dir, older := newest(root)
	for _, v := range older {
		o.Log.Info("apple mail: an older version's directory is not read", "directory", v, "read", dir)
	}
	s.accounts = accountsIn(dir)
	return s, nil
}

// Reads says whether what lies at a path is this store's, so that whoever reads the rest of a tree leaves it alone. All of the program's own
// directory is; elsewhere the mailboxes are.
func (s *Store) Reads(path string) bool {
	if s.single || len(s.accounts) > 1 || len(s.accounts) == 1 && s.accounts[0].dir != s.root {
		return true
	}
	if _, _, ok := isNumbered(filepath.Base(path)); ok {
		return isFile(path)
	}
	_, ok := mailboxName(filepath.Base(path))
	return ok && isMailbox(path)
}

// guid is how new versions name the directories of accounts.
var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$`)

// local is what the program calls the mailboxes that are in no account, and Mailboxes their directory.
const local = "On My Mac"

// accountsIn are the accounts of a version's directory; one that is an account itself, or a directory of exported mailboxes, is all there is.
func accountsIn(dir string) []account {
	names, err := readNames(dir)
	if err != nil {
		return []account{{dir: dir}}
	}
	var found []account
	named := false
	for _, n := range names {
		sub := filepath.Join(dir, n)
		name, ok := accountName(n)
		if _, is := mailboxName(n); is || n == "MailData" || strings.HasPrefix(n, ".") || !isDir(sub) || !hasMailboxes(sub) {
			continue
		}
		named = named || ok
		found = append(found, account{sub, migrate.Path{strings.ToValidUTF8(name, "_")}})
	}
	if !named {
		return []account{{dir: dir}}
	}
	if i := only(found); i >= 0 {
		found[i].prefix = nil
	}
	return found
}

// only returns the one account that isn't the local mailboxes, or these if there is nothing else, or -1.
func only(found []account) int {
	at := -1
	for i, a := range found {
		if a.prefix[0] == local && len(found) > 1 {
			continue
		}
		if at >= 0 {
			return -1
		}
		at = i
	}
	return at
}

// accountName returns what an account's directory is called for people, "POP-joe@mail.example.org" being joe@mail.example.org.
func accountName(dir string) (string, bool) {
	if dir == "Mailboxes" {
		return local, true
	}
	for _, kind := range []string{"POP-", "IMAP-", "Mac-", "EWS-", "Exchange-", "AosImap-", "iCloud-"} {
		if name, ok := strings.CutPrefix(dir, kind); ok && name != "" {
			return name, true
		}
	}
	return dir, guid.MatchString(dir)
}

func unreadable(place string, err error) error {
	return filestore.Unreadable("read mailbox", place, err)
}

// List yields the messages of all mailboxes.
func (s *Store) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		w := walker{seen: map[string]bool{}, yield: func(m mailbox, err error) bool {
			nameless := migrate.Entry{Folder: m.path, Role: m.role}
			switch {
			case ctx.Err() != nil:
				yield(migrate.Entry{}, context.Cause(ctx))
				return false
			case err != nil:
				return yield(nameless, err)
			case m.mbox != "":
				return s.listPackage(ctx, m, yield)
			}
			for _, dir := range m.dirs {
				if !s.listDir(ctx, m, dir, yield) {
					return false
				}
			}
			return true
		}}
		if s.single {
			name, _ := mailboxName(filepath.Base(s.root))
			w.mailbox(s.root, name, nil, 0)
			return
		}
		for _, a := range s.accounts {
			if !w.account(a) {
				return
			}
		}
	}
}

// account walks through an account, whose mailboxes have their roles though they stand below a prefix.
func (w *walker) account(a account) bool { return w.dir(a.dir, a.prefix, 0) }

// listDir yields the messages of a directory of emlx files. A message of which only a part is there is passed over if all of it is there too.
func (s *Store) listDir(ctx context.Context, m mailbox, dir string, yield func(migrate.Entry, error) bool) bool {
	names, err := readNames(dir)
	if err != nil {
		return yield(migrate.Entry{Folder: m.path, Role: m.role}, unreadable(dir, err))
	}
	byNumber := slices.SortedFunc(slices.Values(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a)-len(strings.TrimLeft(a, "0123456789")), len(b)-len(strings.TrimLeft(b, "0123456789"))), cmp.Compare(a, b))
	})
	for _, name := range byNumber {
		if ctx.Err() != nil {
			yield(migrate.Entry{}, context.Cause(ctx))
			return false
		}
		number, partial, ok := isNumbered(name)
		if _, both := slices.BinarySearch(names, number+".emlx"); !ok || partial && both {
			continue
		}
		file := filepath.Join(dir, name)
		e, err := s.entry(m, file, number, partial)
		if gone(err) {
			continue // the program moved it this moment
		}
		if err != nil {
			err = filestore.Damaged("read message", file, err)
		}
		if !yield(e, err) {
			return false
		}
	}
	return true
}

// place is the ID of a file.
func (s *Store) place(file string) string {
	rel, err := filepath.Rel(s.root, file)
	if err != nil {
		rel = file
	}
	return filepath.ToSlash(rel)
}

func (s *Store) entry(m mailbox, file, number string, partial bool) (migrate.Entry, error) {
	e := migrate.Entry{ID: s.place(file), Stable: true, Folder: m.path, Role: m.role}
	f, info, err := openRegular(file)
	if err != nil {
		return e, err
	}
	defer f.Close()
	x, err := readEmlx(f, info.Size())
	if errors.Is(err, errProperties) {
		s.log.Warn("apple mail: a message without its flags and its date", "file", file, "error", err)
		err = nil
	}
	if err != nil {
		return e, err
	}
	flags := x.props.numbers["flags"]
	e.Flags, e.Deleted, e.Size = flagsOf(flags), flags&flagDeleted != 0, x.size
	if m.role == migrate.RoleDrafts {
		e.Flags = append(e.Flags, migrate.Draft)
	}
	if e.Date, e.DateRule = x.received(), "date-received"; e.Date.IsZero() {
		e.Fallback, e.DateRule = info.ModTime(), "file time"
	}
	if !partial {
		return e, nil
	}
	list, missing, err := fillings(io.NewSectionReader(f, x.start, x.size), attachments(file, number))
	if err != nil {
		return e, err
	}
	if e.Partial = missing > 0 || len(list) == 0; e.Partial {
		e.Subject = subject(io.NewSectionReader(f, x.start, x.size))
	}
	for _, l := range list {
		e.Size += l.encodedSize()
	}
	return e, nil
}

// subject is what a message's header says.
func subject(message io.Reader) string {
	head, _ := io.ReadAll(io.LimitReader(message, 64<<10)) // what is there is good enough
	value, _ := mbox.HeaderField(head, "Subject")
	return string(value[:min(len(value), 998)])
}

// Read writes one listed message.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	if place, id, ok := strings.Cut(e.ID, packageMark); ok {
		return s.readPackage(ctx, place, id, e, w)
	}
	file := filepath.Join(s.root, filepath.FromSlash(e.ID))
	f, info, err := openRegular(file)
	if gone(err) {
		return fmt.Errorf("%w (%w)", filestore.ErrChanged, err)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	x, err := readEmlx(f, info.Size())
	if err != nil && !errors.Is(err, errProperties) {
		return err
	}
	message := io.NewSectionReader(f, x.start, x.size)
	number, partial, _ := isNumbered(filepath.Base(file))
	if !partial || e.Partial {
		_, err := io.Copy(w, contextReader{ctx, message})
		return err
	}
	list, missing, err := fillings(message, attachments(file, number))
	if err != nil {
		return err
	}
	if missing > 0 || len(list) == 0 {
		return filestore.ErrChanged
	}
	return writeFilled(ctx, w, message, list)
}
