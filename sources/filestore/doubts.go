package filestore

import "sync"

// Doubt is something in a file that a person should have a look at. No message is missing for it.
type Doubt struct {
	File   string // within the store
	Offset int64
	Text   string
}

// Doubter is a Store that isn't always sure where messages begin.
type Doubter interface {
	// Doubts are those of the last List: splits that were made and might be wrong, and lines that were left in a message and might begin
	// another. Every message was yielded, one way or the other.
	Doubts() []Doubt
}

// maxDoubts bounds what is kept of them.
const maxDoubts = 10_000

// Doubts gathers them. The zero value is ready.
type Doubts struct {
	mu   sync.Mutex
	list []Doubt
}

// Reset begins a new List.
func (d *Doubts) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = nil
}

// Add keeps doubts, as far as there is room.
func (d *Doubts) Add(doubts ...Doubt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, doubts[:min(len(doubts), maxDoubts-len(d.list))]...)
}

// List is what was gathered.
func (d *Doubts) List() []Doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Doubt(nil), d.list...)
}
