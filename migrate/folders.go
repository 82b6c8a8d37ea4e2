package migrate

import (
	"context"
	"fmt"
	"time"
)

// folder is a mailbox of the target in one session, and what the store knows of it.
type folder struct {
	mb   Mailbox
	role Role
	mark FolderMark
	// indexed says that every message below mark.Next, and all that lay there when the session began, is in the store.
	indexed bool
	// seen is when mb was asked for.
	seen time.Time
	// unnamed says that a receipt came without a UID: the folder has to be looked at again to learn it.
	unnamed bool
}

// took moves the mark over a message that we put there ourselves. Behind a gap it stays: what lies in the gap is somebody else's and has to
// be looked at, in the next session.
func (f *folder) took(uid uint32) {
	switch {
	case uid == 0:
		f.unnamed = true
	case uid == f.mark.Next:
		f.mark.Next++
	}
}

// quiet is how long a folder's UIDNEXT must stand still before we believe that a server is done with what a dead session sent it, and
// quietTries how often it may move meanwhile.
const (
	quiet      = time.Second
	quietTries = 30
)

// folderOf opens the folder that an entry goes to, once a session. Several of the source's folders may go to one.
func (s *session) folderOf(ctx context.Context, e Entry) (*folder, error) {
	w, err := s.wayOf(e)
	if err != nil {
		return nil, err
	}
	if f, ok := s.folders[w.Name]; ok {
		return f, nil
	}
	f := &folder{mb: Mailbox{Name: w.Name}, role: w.Role, seen: s.Now()}
	if t, ok := s.target.(Opener); ok {
		if f.mb, err = t.OpenNamed(ctx, w.Name, w.Role); err != nil {
			return nil, err
		}
	}
	if f.mark, err = s.Store.Folder(f.mb.Name); err != nil {
		return nil, stateError(err)
	}
	if f.mark.UIDValidity != f.mb.UIDValidity {
		if f.mark.UIDValidity != 0 && f.mb.UIDValidity != 0 {
			s.Log.Warn("the target folder was made anew since the last run; looking through all of it", "folder", f.mb.Name)
		}
		f.mark = FolderMark{Name: f.mb.Name, UIDValidity: f.mb.UIDValidity, Next: 1}
	}
	if f.mb.UIDNext != 0 && f.mb.UIDNext < f.mark.Next {
		return nil, &Error{Op: "open folder", Subject: f.mb.Name, Scope: ScopeRun, Final: true,
			Err:  fmt.Errorf("its next UID is %d, but poplift has seen it at %d: was the target restored from a backup?", f.mb.UIDNext, f.mark.Next),
			Hint: "move this account's state file away and run again: what is there is found, what is missing is copied"}
	}
	s.folders[w.Name] = f
	return f, nil
}

// index makes sure that the store knows every message in the folder. This is the one way of recovery: what a session could not write
// down, whether its connection, its process or its machine went, is found here; so is what another tool has put there.
func (s *session) index(ctx context.Context, f *folder) error {
	t, ok := s.target.(Indexer)
	if f.indexed || !ok || f.mb.UIDValidity == 0 {
		f.indexed = true
		return nil
	}
	if f.mark.Dirty || f.mark.Next == 1 && f.mb.Messages > 0 {
		if err := s.settleDown(ctx, f); err != nil {
			return err
		}
	}
	// Where a session died, UIDNEXT is not believed: Dovecot 2.3 answers STATUS at once with old counts while a dead session's lock lies in the
	// mailbox, and only EXAMINE, with which an index begins, waits for the truth.
	if f.mark.Dirty || f.mb.UIDNext == 0 || f.mark.Next < f.mb.UIDNext {
		if err := s.look(ctx, t, f); err != nil {
			return err
		}
	}
	f.indexed = true
	return nil
}

// settleDown waits until nothing arrives in the folder any more. A server that had received a whole APPEND before the connection or the
// process at our end died goes on storing it (Dovecot 2.3 for as long as its socket buffer lasts), so that one look could come too early.
func (s *session) settleDown(ctx context.Context, f *folder) error {
	t, ok := s.target.(Opener)
	note := "looking whether mail is still coming into the folder"
	if f.mark.Dirty {
		note = "the last run was cut off; waiting until the server has stored what it was sent"
	}
	for range quietTries {
		if !ok || f.mb.UIDNext == 0 {
			return nil
		}
		if err := s.lookAtAll(ctx); err != nil {
			return err
		}
		if wait := quiet - s.Now().Sub(f.seen); wait > 0 {
			s.books.progress.phase("waiting", note)
			if err := s.Sleep(ctx, wait); err != nil {
				return err
			}
		}
		f.seen = s.Now()
		now, err := t.OpenNamed(ctx, f.mb.Name, f.role)
		if err != nil {
			return err
		}
		still := now.UIDNext == f.mb.UIDNext && now.UIDValidity == f.mb.UIDValidity
		f.mb.UIDNext, f.mb.Messages = now.UIDNext, now.Messages
		if now.UIDValidity != f.mb.UIDValidity {
			return &Error{Op: "index", Subject: f.mb.Name, Err: fmt.Errorf("the folder was made anew while we looked (UIDVALIDITY %d → %d)",
				f.mb.UIDValidity, now.UIDValidity)}
		}
		if still {
			return nil
		}
	}
	return nil // mail keeps coming in from elsewhere; what comes later is looked at in the next session
}

// lookAtAll opens the folders that are there and will be needed, so that waiting for one is waiting for all.
func (s *session) lookAtAll(ctx context.Context) error {
	if s.lookedAtAll {
		return nil
	}
	s.lookedAtAll = true
	for _, from := range s.ways.from {
		w := s.ways.byKey[folderKey(from.Path, from.Role)]
		if from.Messages == 0 || w.Create || w.Excluded != "" {
			continue
		}
		if _, err := s.folderOf(ctx, Entry{Folder: from.Path, Role: from.Role}); err != nil {
			return err
		}
	}
	return nil
}

// look indexes the folder from its mark on.
func (s *session) look(ctx context.Context, t Indexer, f *folder) error {
	s.books.progress.phase("indexing", "")
	next := f.mark.Next
	for m, err := range t.Index(ctx, f.mb, f.mark.Next, &next) {
		if err != nil {
			return err
		}
		if err := s.claim(f, m); err != nil {
			return err
		}
	}
	s.ledger.mark(f, func(k *FolderMark) { k.Next = max(k.Next, next) })
	f.unnamed = false
	return s.ledger.commit()
}

// claim gives an indexed message to the record that was copied without learning its UID, or else leaves it for whoever matches it.
func (s *session) claim(f *folder, m Indexed) error {
	matches, err := s.ledger.matches(f, m.Envelope)
	if err != nil {
		return stateError(err)
	}
	for _, known := range matches {
		if known.UID != 0 || !known.Claimed() || known.Size != m.Size {
			continue
		}
		rec, ok, err := s.Store.Record(known.Source, known.ID)
		if err != nil {
			return stateError(err)
		}
		if ok {
			at := rec.Time
			rec.UID = m.UID
			return s.ledger.amendAt(rec, at)
		}
	}
	return s.ledger.saw(f, m)
}

// settleFolders ends a session that got every answer it waited for: folders are clean again, and UIDs that the server didn't tell are looked
// up.
func (s *session) settleFolders(ctx context.Context) error {
	for _, f := range s.folders {
		if t, ok := s.target.(Indexer); ok && f.unnamed && f.mb.UIDValidity != 0 {
			if err := s.look(ctx, t, f); err != nil {
				return err
			}
		}
		if f.mark.Dirty {
			s.ledger.mark(f, func(k *FolderMark) { k.Dirty = false })
		}
	}
	return s.ledger.commit()
}

// stateError classifies an error of the store: without it, a run could only double.
func stateError(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: "state", Scope: ScopeRun, Final: true, Err: err}
}
