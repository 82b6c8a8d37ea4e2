// Package migratetest has the three ends of a migration in memory: a maildrop, mailboxes and a store, for tests of the engine. They behave as the
// contracts in migrate allow at their worst: they can die at any step, lose answers, renumber and forget.
//
// What they hold lives on when a session, or with a Crasher the whole process, has died: that is the point.
package migratetest

import (
	"errors"
	"sync"
)

// ErrDead is what everything answers once a Crasher has struck.
var ErrDead = errors.New("the process is dead")

// ErrCut is what the rest of a session answers once a Crasher has cut it.
var ErrCut = errors.New("connection reset by peer")

// Crasher strikes at the At-th step that is taken, counted from 1; 0 never strikes. A step is one effect on the maildrop, the mailboxes
// or the store; each is counted twice, before and after it.
type Crasher struct {
	At int
	// CutOnly ends the session instead of the process: the steps of a new session work again.
	CutOnly bool

	mu    sync.Mutex
	steps int
	dead  bool
	cuts  int
}

// Steps returns how many steps were taken.
func (c *Crasher) Steps() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps
}

// Struck says whether it has struck. An injected fault that never struck has tested nothing.
func (c *Crasher) Struck() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead || c.cuts > 0
}

// life is one session's view of the Crasher.
type life struct {
	c   *Crasher
	cut int // c.cuts when the session began
}

func (c *Crasher) life() life {
	if c == nil {
		return life{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return life{c, c.cuts}
}

// step is taken before and after each effect; with an error, the effect must not happen or must not be told.
func (l life) step() error {
	c := l.c
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return ErrDead
	}
	if c.steps++; c.steps == c.At {
		if c.CutOnly {
			c.cuts++
		} else {
			c.dead = true
			return ErrDead
		}
	}
	if l.cut != c.cuts {
		return ErrCut
	}
	return nil
}
