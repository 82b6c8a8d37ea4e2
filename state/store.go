package state

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"poplift/migrate"
)

var (
	// ErrLocked is what Open gives while another process, or another Store of this one, holds the account.
	ErrLocked = errors.New("another run holds this account")
	// ErrDamaged is a file that is not what was written. SetAside moves it out of the way.
	ErrDamaged = errors.New("the state file is damaged")
	// ErrNewer is a file that a newer poplift has written.
	ErrNewer = errors.New("the state file is newer than this poplift")
	// ErrClosed is what every method gives after Close.
	ErrClosed = errors.New("the state is closed")
)

// Store is one account's state, open. It is safe for several goroutines: any number may read while one commits.
type Store struct {
	db      *bolt.DB
	file    *os.File // bbolt's own handle, to let go of the lock when bbolt can't be closed any more
	path    string
	account string
	created time.Time
	now     func() time.Time

	opened chan struct{} // closed when the file is checked and open, or was found to be unfit
	unfit  error         // why it could not be opened; read it when opened is closed

	lookups lookups
	commit  sync.Mutex
	catalog atomic.Pointer[catalog]

	mu     sync.Mutex // guards broken and closed
	broken error
	closed bool
}

var _ migrate.Store = (*Store)(nil)

// Account is the id that the file was made for, and Created when.
func (s *Store) Account() string { return s.account }

// Created is when the file was made.
func (s *Store) Created() time.Time {
	<-s.opened
	return s.created
}

// File is the path of the file.
func (s *Store) File() string { return s.path }

// Close lets go of the file and its lock. It waits for what is under way; a second Close does nothing.
func (s *Store) Close() error {
	<-s.opened
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.unfit != nil {
		return nil // nothing is held any more
	}
	if err := s.lookups.pause(); err != nil && s.broken == nil {
		s.broken = err
	}
	if s.broken != nil { // bbolt's locks may still be held by the transaction that broke
		return abandon(s.file)
	}
	return s.db.Close()
}

// guard runs fn, which may touch mapped memory: a page that can't be read any more is a fault, which without this would end the process,
// and bbolt panics at what it can't make sense of. After either, the store is broken for good.
func (s *Store) guard(fn func() error) error {
	<-s.opened
	s.mu.Lock()
	broken, closed := s.broken, s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case s.unfit != nil:
		return s.unfit
	case broken != nil:
		return broken
	}
	err := shielded(fn)
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return ErrClosed
	case errors.Is(err, errPanic):
		s.mu.Lock()
		s.broken = err
		s.mu.Unlock()
	}
	return err
}

var errPanic = fmt.Errorf("%w", ErrDamaged)

// shielded turns a panic or a memory fault in fn into an error that is ErrDamaged.
func shielded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return fn()
}

// view runs fn on a transaction that only reads.
func (s *Store) view(op string, fn func(tx *bolt.Tx, b buckets) error) error {
	err := s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error { return fn(tx, bucketsOf(tx)) })
	})
	return s.fail(op, err)
}

// reload reads the catalog again after a Commit that failed. When that fails too, the next Commit will.
func (s *Store) reload() {
	_ = s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			c, err := loadCatalog(tx)
			if err == nil {
				s.catalog.Store(c)
			}
			return err
		})
	})
}

// fail adds to err what was done and what the user can do about it.
func (s *Store) fail(op string, err error) error {
	if err == nil || err == s.unfit {
		return err
	}
	return explain(op, s.account, s.path, err)
}

// explain classifies err: no other session of this run would fare better.
func explain(op, account, path string, err error) error {
	e := &migrate.Error{Op: op, Subject: account, Scope: migrate.ScopeRun, Final: true, Err: err}
	switch {
	case errors.Is(err, ErrLocked):
		e.Hint = "wait until it is done, or stop it; two runs at once would double mail"
	case errors.Is(err, ErrDamaged):
		e.Hint = "move " + path + " away and run again: everything is found on the target, only that takes time"
	case errors.Is(err, ErrNewer):
		e.Hint = "use the newer poplift, or move " + path + " away: everything is found on the target again"
	case diskFull(err):
		e.Hint = "make room on the disk of " + path + ", or choose another directory with --state"
	case errors.Is(err, os.ErrPermission):
		e.Hint = "poplift must be able to write to " + path + "; choose another directory with --state"
	}
	return e
}
