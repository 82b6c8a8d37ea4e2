package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"poplift/sources/applemail"
	"poplift/sources/eml"
	"poplift/sources/filestore"
	"poplift/sources/maildir"
	"poplift/sources/mbox"
	"poplift/sources/mh"
	"poplift/sources/takeout"
	"poplift/sources/thunderbird"
)

// storeKind is a kind of mail store on disk.
type storeKind struct {
	// scheme names it on the command line: scheme:PATH.
	scheme string
	// title is its name for people.
	title string
	// detect looks at what lies at a path; the extension never decides.
	detect func(path string) bool
	open   func(storeRequest) (filestore.Store, error)
	// sure says that detect has seen a message, so that nobody has to list the store to know.
	sure bool
}

// storeRequest is what all kinds are opened with.
type storeRequest struct {
	path string
	// cacheDir is where an index of large files may be kept, and archives are unpacked; empty keeps no index.
	cacheDir string
	labels   takeout.Labels
	variant  mbox.Variant
	// skip says what another kind reads in the same tree; nil skips nothing.
	skip func(path string) bool
	// leaveMbox says that mboxes are read by their own kind.
	leaveMbox bool
	log       *slog.Logger
}

// storeKinds are the stores that can be read, the more particular first: a Thunderbird profile is full of mboxes.
func storeKinds() []storeKind {
	return []storeKind{
		{"takeout", "Google Takeout", takeout.Detect, func(r storeRequest) (filestore.Store, error) {
			return asStore(takeout.Open(takeout.Options{Path: r.path, Labels: r.labels, CacheDir: r.cacheDir, Log: r.log}))
		}, true},
		{"thunderbird", "Thunderbird", thunderbird.Detect, func(r storeRequest) (filestore.Store, error) {
			return asStore(thunderbird.Open(thunderbird.Options{Path: r.path, CacheDir: r.cacheDir, Log: r.log}))
		}, false},
		{"applemail", "Apple Mail", applemail.Detect, func(r storeRequest) (filestore.Store, error) {
			return asStore(applemail.Open(applemail.Options{Path: r.path, CacheDir: r.cacheDir, Log: r.log}))
		}, false},
		{"maildir", "Maildir", maildir.Detect, func(r storeRequest) (filestore.Store, error) {
			return asStore(maildir.Open(maildir.Options{Path: r.path, Skip: r.skip, Log: r.log}))
		}, false},
		{"mh", "MH, Claws Mail or Sylpheed", mh.Detect, func(r storeRequest) (filestore.Store, error) {
			return asStore(mh.Open(mh.Options{Path: r.path, Skip: r.skip, Log: r.log}))
		}, false},
		{"mbox", "mbox", anything, func(r storeRequest) (filestore.Store, error) {
			return asStore(mbox.Open(mbox.Options{Path: r.path, Variant: r.variant, CacheDir: r.cacheDir, Skip: r.skip, Log: r.log}))
		}, false},
		{"eml", "single messages", anything, func(r storeRequest) (filestore.Store, error) {
			return asStore(eml.Open(eml.Options{Path: r.path, CacheDir: r.cacheDir, LeaveMbox: r.leaveMbox, Skip: r.skip, Log: r.log}))
		}, false},
	}
}

// anything leaves it to the reader to find out what is its own.
func anything(string) bool { return true }

// asStore keeps a nil pointer out of an interface.
func asStore[S filestore.Store](s S, err error) (filestore.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// store is a mail store that an argument names.
type store struct {
	storeKind
	path string // absolute
}

// name is the store's key in the state.
func (s store) name() string { return s.scheme + ":" + s.path }

// parseStore reads an argument that names a mail store, as a path or as KIND:PATH. ok is false when it is neither, and may be an address.
func parseStore(raw string) (s store, ok bool, err error) {
	path, named := raw, storeKind{}
	for _, k := range storeKinds() {
		if rest, is := strings.CutPrefix(raw, k.scheme+":"); is && !strings.HasPrefix(rest, "//") {
			named, path = k, rest
		}
	}
	if rest, is := strings.CutPrefix(raw, severalScheme+":"); is && !strings.HasPrefix(rest, "//") {
		path = rest // as a store of several kinds is called in reports
	}
	if named.scheme == "" && strings.Contains(raw, "://") {
		return store{}, false, nil
	}
	if _, err := os.Stat(path); err != nil {
		if named.scheme == "" && !strings.ContainsAny(raw, `/\`) {
			return store{}, false, nil // "me@old" without a scheme, more likely
		}
		return store{}, true, usagef("%s: %v", raw, err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return store{}, true, usagef("%s: %v", raw, err)
	}
	if named.scheme != "" {
		return store{named, path}, true, nil
	}
	kind, err := kindOf(raw, path)
	if err != nil {
		return store{}, true, err
	}
	return store{kind, path}, true, nil
}

func storeTitles() string {
	var out []string
	for _, k := range storeKinds() {
		out = append(out, fmt.Sprintf("%s (%s:)", k.title, k.scheme))
	}
	return strings.Join(out, ", ")
}
