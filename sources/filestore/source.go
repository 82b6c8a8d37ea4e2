// Package filestore makes a migrate.Source of a mail store on disk. It is for the packages that read one client's format each: they list and
// read, and what all of them need beside that stands here once.
//
// Its policy: a store is never written to; the client may be running. Headers that the client added for itself are left out on the way, unless
// the user wants them. A message that can't be read costs that message, a folder that can't be read costs that folder, and both are reported.
package filestore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"

	"poplift/migrate"
)

// Store is one client's mail on disk.
type Store interface {
	// List yields every message, folder by folder and in the store's own order, with all that can be told of it without keeping its body. It can
	// be ranged over more than once, also from within another of its loops. A *migrate.Error of scope message or folder concerns that message or folder and the sequence goes on (the Entry
	// beside it names the folder as far as it is known); any other error ends it. Every entry has an ID that is unique within the store, and is
	// Stable where it names the same octets in a later session.
	List(ctx context.Context) iter.Seq2[migrate.Entry, error]
	// Read writes a listed message to w as its sender wrote it: without From_ line, quoting and whatever else the format adds around it. A
	// message that is no longer what List saw is ErrChanged.
	Read(ctx context.Context, e migrate.Entry, w io.Writer) error
	Close() error
}

// Options say how a store's messages are handed on.
type Options struct {
	Pool *migrate.Pool
	// KeepClientHeaders hands on the fields that a client added for itself (X-Mozilla-Status, Status, …).
	KeepClientHeaders bool
}

// Source is a Store in a session of the engine.
type Source struct {
	store   Store
	options Options
}

var (
	_ migrate.Source     = (*Source)(nil)
	_ migrate.Rememberer = (*Source)(nil)
)

// New makes a source of a store, and owns it from then on.
func New(s Store, o Options) *Source { return &Source{s, o} }

// Memories are what the store's client remembers of POP3 servers, where it does.
func (s *Source) Memories() []migrate.Memory {
	if r, ok := s.store.(migrate.Rememberer); ok {
		return r.Memories()
	}
	return nil
}

// Messages lists the store. To the engine, a folder that can't be read is one more entry that failed.
func (s *Source) Messages(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		for e, err := range s.store.List(ctx) {
			if ctx.Err() != nil {
				yield(e, context.Cause(ctx))
				return
			}
			if !yield(e, asMessage(err)) {
				return
			}
		}
	}
}

func asMessage(err error) error {
	var e *migrate.Error
	if errors.As(err, &e) && e.Scope == migrate.ScopeFolder {
		f := *e
		f.Scope = migrate.ScopeMessage
		return &f
	}
	return err
}

// Fetch reads messages one after another: a disk has no round trips.
func (s *Source) Fetch(ctx context.Context, entries iter.Seq[migrate.Entry]) iter.Seq2[*migrate.Message, error] {
	return func(yield func(*migrate.Message, error) bool) {
		for e := range entries {
			m, err := s.read(ctx, e)
			if !yield(m, err) || ctx.Err() != nil {
				return
			}
		}
	}
}

func (s *Source) read(ctx context.Context, e migrate.Entry) (*migrate.Message, error) {
	m := &migrate.Message{Entry: e}
	if ctx.Err() != nil {
		return m, context.Cause(ctx)
	}
	spool := s.options.Pool.NewSpool(ctx)
	if err := s.copy(ctx, e, spool); err != nil {
		spool.Release()
		if ctx.Err() != nil {
			return m, context.Cause(ctx)
		}
		return m, &migrate.Error{Op: "read", Subject: e.ID, Scope: migrate.ScopeMessage, Err: err}
	}
	m.Identity, m.Header = spool.Seal()
	m.Body = spool
	return m, nil
}

func (s *Source) copy(ctx context.Context, e migrate.Entry, spool *migrate.Spool) error {
	if s.options.KeepClientHeaders {
		return s.store.Read(ctx, e, spool)
	}
	f := &headerFilter{to: spool}
	if err := s.store.Read(ctx, e, f); err != nil {
		return err
	}
	return f.close()
}

// Close ends the session.
func (s *Source) Close() error { return s.store.Close() }

// Damaged is an error that costs one message; place says where: a file, and an offset where there is one.
func Damaged(op, place string, err error) error {
	return &migrate.Error{Op: op, Subject: place, Scope: migrate.ScopeMessage, Err: without(place, err)}
}

// Unreadable is an error that costs one folder or file.
func Unreadable(op, place string, err error) error {
	return &migrate.Error{Op: op, Subject: place, Scope: migrate.ScopeFolder, Err: without(place, err)}
}

// without is err without the place, which stands beside it.
func without(place string, err error) error {
	if p, ok := err.(*fs.PathError); ok && p.Path == place {
		return p.Err
	}
	return err
}

// ErrChanged is a message that is no longer what was listed: the client is running, or has compacted the folder.
var ErrChanged = errors.New("it has changed since it was listed; run again")
