package state

import (
	"bytes"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// lookups keeps one read transaction open between two Commits: a poll asks for each message of a maildrop, and beginning a transaction for each took
// longer than finding the record. bbolt must not remap its file under a transaction, and waits for it in Close, so that both end it first.
//
// Most maildrops are listed in the order of their unique ids, so that the record asked for is the one behind the last: that step is tried before the
// tree is searched from its root.
type lookups struct {
	mu      sync.Mutex
	tx      *bolt.Tx
	records *bolt.Cursor
	key     []byte // where the cursor stands; nil beyond the end, and before the first search
	value   []byte
	wanted  []byte // scratch
	paused  bool
}

// with runs fn on a record as it is stored, or on nil when there is none: in the transaction, or, while that is paused, in one of its own.
func (l *lookups) with(db *bolt.DB, source uint16, id string, fn func(tx *bolt.Tx, key, stored []byte) error) error {
	l.mu.Lock()
	if l.paused {
		l.mu.Unlock()
		key := recordKey(nil, source, id)
		return db.View(func(tx *bolt.Tx) error { return fn(tx, key, tx.Bucket(bucketRecords).Get(key)) })
	}
	defer l.mu.Unlock() // a transaction is for one goroutine at a time
	if l.tx == nil {
		tx, err := db.Begin(false)
		if err != nil {
			return err
		}
		l.tx, l.records = tx, tx.Bucket(bucketRecords).Cursor()
	}
	l.wanted = recordKey(l.wanted[:0], source, id)
	return fn(l.tx, l.wanted, l.find(l.wanted))
}

func (l *lookups) find(key []byte) []byte {
	if l.key != nil && bytes.Compare(l.key, key) < 0 {
		l.key, l.value = l.records.Next()
	}
	if !bytes.Equal(l.key, key) {
		l.key, l.value = l.records.Seek(key)
	}
	if !bytes.Equal(l.key, key) {
		return nil
	}
	return l.value
}

// pause ends the transaction until resume.
func (l *lookups) pause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = true
	tx := l.tx
	l.tx, l.records, l.key, l.value = nil, nil, nil, nil // what they point to is unmapped with it
	if tx == nil {
		return nil
	}
	return tx.Rollback()
}

func (l *lookups) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = false
}
