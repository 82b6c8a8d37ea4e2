package state

import (
	"sync"

	bolt "go.etcd.io/bbolt"
)

// lookups keeps one read transaction open between two Commits: a poll asks for each message of a maildrop, and beginning a transaction for each took
// longer than finding the record. bbolt must not remap its file under a transaction, and waits for it in Close, so that both end it first.
type lookups struct {
	mu     sync.Mutex
	tx     *bolt.Tx
	paused bool
}

// with runs fn on the transaction, or, while it is paused, on one of its own.
func (l *lookups) with(db *bolt.DB, fn func(*bolt.Tx) error) error {
	l.mu.Lock()
	if l.paused {
		l.mu.Unlock()
		return db.View(fn)
	}
	defer l.mu.Unlock() // a transaction is for one goroutine at a time
	if l.tx == nil {
		tx, err := db.Begin(false)
		if err != nil {
			return err
		}
		l.tx = tx
	}
	return fn(l.tx)
}

// pause ends the transaction until resume.
func (l *lookups) pause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = true
	tx := l.tx
	if l.tx = nil; tx == nil {
		return nil
	}
	return tx.Rollback()
}

func (l *lookups) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = false
}
