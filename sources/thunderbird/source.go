package thunderbird

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
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/mbox"
)

// Options say what is read.
type Options struct {
	// Path is the directory with profiles.ini, a profile, its Mail directory, an account's directory, or one folder.
	Path string
	// IMAP reads the copies that the client keeps of IMAP accounts too. They are rarely whole.
	IMAP bool
	// Feeds reads news feeds too.
	Feeds bool
	// CacheDir keeps what was found in large folders, so that they aren't read again as long as they are the same; empty keeps nothing.
	CacheDir string
	// Log takes what is odd but breaks nothing; nil drops it.
	Log *slog.Logger
}

// Store is the mail below one path. It is used by one goroutine at a time.
type Store struct {
	root     string
	accounts []placed
	single   *folder // when the path is one folder
	whole    bool    // the path is a profile, or the directory of profiles
	feeds    bool
	log      *slog.Logger
	headers  *headerReader
	cache    mbox.Cache
	copier   mbox.Copier
	// at is the message of an mbox that was listed last. It is mostly the one that is read next, while its file is open.
	at     listed
	doubts filestore.Doubts
}

var (
	_ filestore.Store    = (*Store)(nil)
	_ filestore.Doubter  = (*Store)(nil)
	_ migrate.Rememberer = (*Store)(nil)
)

// Detect says whether a path is anything that Open reads, by what lies there.
func Detect(path string) bool { return classify(path) != notOurs }

// Open finds the accounts below a path.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{root: o.Path, feeds: o.Feeds, log: o.Log, headers: newHeaderReader(),
		cache: mbox.Cache{Dir: o.CacheDir, Reader: "thunderbird 2", Log: o.Log}}
	var accounts []account
	switch classify(o.Path) {
	case profiles:
		s.root, s.whole = profileOf(o.Path, o.Log), true
		accounts = profileAccounts(s.root, o)
	case profile:
		s.whole = true
		accounts = profileAccounts(s.root, o)
	case mailDir:
		accounts = looseAccounts(subAccounts(o.Path), o)
	case accountDir:
		accounts = []account{{dir: o.Path, name: filepath.Base(o.Path)}}
	case folderFile, folderInDir:
		s.openFolder(o.Path)
		return s, nil
	default:
		if _, err := os.Stat(o.Path); err != nil {
			return nil, fmt.Errorf("thunderbird: %w", err)
		}
		return nil, fmt.Errorf("thunderbird %s: neither a profile nor a directory of folders", o.Path)
	}
	s.accounts = arrange(accounts)
	return s, nil
}

// openFolder makes a store of one folder. An Inbox is INBOX; any other keeps its name.
func (s *Store) openFolder(path string) {
	path = filepath.Clean(path)
	name := filepath.Base(path)
	f := folder{place: name, file: path, maildir: isDir(path), indexed: true, role: roles[strings.ToLower(name)]}
	f.path = migrate.Path{folderName(name, path+".msf")}
	if f.role == migrate.RoleInbox {
		f.path = nil
	}
	s.root, s.single = filepath.Dir(path), &f
}

// profileAccounts are the accounts of a profile with mail in them: those in its settings, and directories that no setting names any more.
func profileAccounts(profile string, o Options) []account {
	prefs := map[string]string{}
	if f, err := os.Open(filepath.Join(profile, "prefs.js")); err == nil {
		defer f.Close()
		if prefs, err = readPrefs(f); err != nil {
			o.Log.Warn("thunderbird: the settings can't be read to their end", "profile", profile, "error", err)
		}
	}
	var out []account
	known := map[string]bool{}
	for _, a := range accountsOf(profile, prefs) {
		known[trueName(a.dir)] = true
		if o.wants(a) {
			out = append(out, a)
		}
	}
	var loose []string
	for _, dir := range subAccounts(filepath.Join(profile, "Mail")) {
		if !known[trueName(dir)] {
			loose = append(loose, dir)
		}
	}
	if len(prefs) > 0 {
		for _, a := range looseAccounts(loose, o) {
			o.Log.Info("thunderbird: a directory of mail belongs to no account any more; it is read under its own name", "directory", a.dir)
			if a.kind == "pop3" {
				a.kind = ""
			}
			out = append(out, a)
		}
		return out
	}
	return append(out, looseAccounts(loose, o)...)
}

func trueName(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return filepath.Clean(dir)
}

// looseAccounts are directories without settings that say what they are.
func looseAccounts(dirs []string, o Options) []account {
	var out []account
	for _, dir := range dirs {
		a := account{dir: dir, name: filepath.Base(dir), kind: "pop3"}
		switch low := strings.ToLower(a.name); {
		case strings.HasPrefix(low, "local folders"):
			a.kind = "none"
		case strings.HasPrefix(low, "feeds") && (exists(dir, "feeds.rdf") || exists(dir, "feeds.json")):
			a.kind = "rss"
		}
		if o.wants(a) {
			out = append(out, a)
		}
	}
	return out
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// wants says whether an account is to be read.
func (o Options) wants(a account) bool {
	if a.kind == "imap" && !o.IMAP || a.kind == "rss" && !o.Feeds {
		o.Log.Info("thunderbird: an account is left out", "account", a.name, "type", a.kind)
		return false
	}
	return a.hasMail()
}

// List yields the messages of all accounts, folder by folder.
func (s *Store) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		s.doubts.Reset()
		for f, err := range s.folders(ctx) {
			switch {
			case ctx.Err() != nil:
				yield(migrate.Entry{}, context.Cause(ctx))
				return
			case err != nil:
				if !yield(migrate.Entry{Folder: f.path, Role: f.role}, err) {
					return
				}
			case f.maildir && !s.listMaildir(ctx, f, yield), !f.maildir && !s.listMbox(ctx, f, yield):
				return
			}
		}
	}
}

func (s *Store) folders(ctx context.Context) iter.Seq2[folder, error] {
	return func(yield func(folder, error) bool) {
		if s.single != nil {
			yield(*s.single, nil)
			return
		}
		w := walker{root: s.root, yield: yield, seen: map[string]bool{}}
		for _, a := range s.accounts {
			if !w.account(ctx, a.account, a.prefix) {
				return
			}
		}
	}
}

// entry is what a header tells of its message. ok is false for a feed's item that nobody asked for.
func (s *Store) entry(f folder, h header, place string) (e migrate.Entry, ok bool) {
	st, valid := parseStatus(h.status, h.status2)
	if !valid {
		s.log.Warn("thunderbird: a status that is no number is taken for 0", "message", place, "status", h.status, "status2", h.status2)
	}
	if st&statusFeed != 0 && !s.feeds {
		return e, false
	}
	e = migrate.Entry{Stable: true, Folder: f.path, Role: f.role, Flags: flags(st, h.keys), Deleted: st.deleted(), Partial: st&statusPartial != 0,
		UIDL: h.uidl}
	if e.Partial {
		e.Subject = h.subject
	}
	if st&statusQueued != 0 {
		e.Role = migrate.RoleOutbox
	}
	if e.Role == migrate.RoleDrafts {
		e.Flags = append(e.Flags, migrate.Draft)
	}
	return e, true
}

// Read writes one listed message.
func (s *Store) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	if e.Seq == 0 {
		return s.readFile(ctx, e, w)
	}
	return s.readPart(ctx, e, w)
}

// Close has nothing to do: files are open only while they are listed or read.
func (s *Store) Close() error { return nil }

// Doubts are what the last List was not sure of.
func (s *Store) Doubts() []filestore.Doubt { return s.doubts.List() }

// PopStates are the memories of the server that lie in the accounts, by the path of their file.
func (s *Store) PopStates() iter.Seq2[string, []PopState] {
	return func(yield func(string, []PopState) bool) {
		for _, a := range s.accounts {
			name := filepath.Join(a.dir, "popstate.dat")
			f, err := os.Open(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			var states []PopState
			if err == nil {
				states, err = ReadPopState(f)
				f.Close()
			}
			if err != nil {
				s.log.Warn("thunderbird: the memory of what was downloaded can't be read", "file", name, "error", err)
			}
			if len(states) > 0 && !yield(name, states) {
				return
			}
		}
	}
}

// fallback is a date to use when nothing better is known.
func fallback(e *migrate.Entry, t time.Time, rule string) {
	if !t.IsZero() {
		e.Fallback, e.DateRule = t, rule
	}
}
