package applemail

import (
	"context"
	"io"
	"path/filepath"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/mbox"
)

// packageMark stands in an ID between the place of an exported mailbox and the ID that package mbox gives the message.
const packageMark = "/mbox#"

// listPackage yields the messages of an exported mailbox, which has no flags.
func (s *Store) listPackage(ctx context.Context, m mailbox, yield func(migrate.Entry, error) bool) bool {
	nameless := migrate.Entry{Folder: m.path, Role: m.role}
	place := s.place(filepath.Dir(m.mbox))
	store, ok := s.packages[place]
	if !ok {
		var err error
		if store, err = mbox.Open(mbox.Options{Path: m.mbox, CacheDir: s.cacheDir, Log: s.log}); err != nil {
			return yield(nameless, unreadable(m.mbox, err))
		}
		s.packages[place] = store
	}
	for e, err := range store.List(ctx) {
		if ctx.Err() != nil {
			yield(migrate.Entry{}, context.Cause(ctx))
			return false
		}
		e.Folder, e.Role = m.path, m.role
		if e.ID != "" {
			e.ID = place + packageMark + e.ID
		}
		if m.role == migrate.RoleDrafts {
			e.Flags = append(e.Flags, migrate.Draft)
		}
		if !yield(e, err) {
			return false
		}
	}
	return true
}

func (s *Store) readPackage(ctx context.Context, place, id string, e migrate.Entry, w io.Writer) error {
	store, ok := s.packages[place]
	if !ok {
		return filestore.ErrChanged
	}
	e.ID = id
	return store.Read(ctx, e, w)
}

// Close closes the exported mailboxes.
func (s *Store) Close() error {
	var first error
	for _, p := range s.packages {
		if err := p.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
