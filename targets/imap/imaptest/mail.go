package imaptest

import (
	"crypto/sha256"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

// Stored is a message in a mailbox.
type Stored struct {
	UID   uint32
	Flags []string
	// Date is the INTERNALDATE that came with the APPEND; zero when none did.
	Date time.Time
	// Raw must not be changed.
	Raw []byte
}

// Account is one user's mail. It may be used while the server runs.
type Account struct {
	password string

	mu     sync.Mutex
	boxes  map[string]*mailbox
	ghosts map[string]bool // subscribed and not there
	valid  uint32          // the last UIDVALIDITY given out
	used   int64
}

type mailbox struct {
	name        string
	uidValidity uint32
	uidNext     uint32
	messages    []Stored
	subscribed  bool
	use         string // its special-use attribute
	noSelect    bool
	noInferiors bool
}

func newAccount(password string) *Account {
	a := &Account{password: password, boxes: map[string]*mailbox{}, ghosts: map[string]bool{}, valid: 1000}
	a.create("INBOX")
	return a
}

// box finds a mailbox; INBOX in any case.
func (a *Account) box(name string) *mailbox { return a.boxes[normal(name)] }

func normal(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

func (a *Account) create(name string) *mailbox {
	a.valid++
	b := &mailbox{name: normal(name), uidValidity: a.valid, uidNext: 1}
	a.boxes[b.name] = b
	return b
}

// add stores messages and returns the UIDs of the first and the last.
func (a *Account) add(b *mailbox, messages []Stored) (first, last uint32) {
	first = b.uidNext
	for _, m := range messages {
		m.UID = b.uidNext
		b.uidNext++
		a.used += int64(len(m.Raw))
		b.messages = append(b.messages, m)
	}
	return first, b.uidNext - 1
}

// from returns the index of the first message with at least this UID.
func (b *mailbox) from(uid uint32) int {
	return sort.Search(len(b.messages), func(i int) bool { return b.messages[i].UID >= uid })
}

// Messages returns what lies in a mailbox, in order of UID; nil when there is no such mailbox.
func (a *Account) Messages(name string) []Stored {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(name)
	if b == nil {
		return nil
	}
	return append([]Stored(nil), b.messages...)
}

// Mailboxes returns the names of all mailboxes, sorted.
func (a *Account) Mailboxes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for n := range a.boxes {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Subscribed says whether a mailbox is subscribed, there or not.
func (a *Account) Subscribed(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(name)
	return b != nil && b.subscribed || a.ghosts[name]
}

// SetUse gives a mailbox, made when it is not there, a special-use attribute such as \Sent, as the server's administrator would.
func (a *Account) SetUse(name, attribute string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(name)
	if b == nil {
		b = a.create(name)
	}
	b.use = attribute
}

// Use is a mailbox's special-use attribute, or "".
func (a *Account) Use(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.box(name); b != nil {
		return b.use
	}
	return ""
}

// SetNoSelect makes a mailbox that holds no mail, such as [Gmail].
func (a *Account) SetNoSelect(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.create(name).noSelect = true
}

// Deliver puts a message into a mailbox, made when it is not there, as another client would, and returns its UID.
func (a *Account) Deliver(name string, raw []byte) uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(name)
	if b == nil {
		b = a.create(name)
	}
	_, uid := a.add(b, []Stored{{Raw: raw}})
	return uid
}

// SetFlags gives a message these flags and no others.
func (a *Account) SetFlags(name string, uid uint32, flags ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.box(name).messages {
		if m := &a.box(name).messages[i]; m.UID == uid {
			m.Flags = flags
		}
	}
}

// Expunge removes a message as another client would.
func (a *Account) Expunge(name string, uid uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(name)
	if i := b.from(uid); i < len(b.messages) && b.messages[i].UID == uid {
		a.used -= int64(len(b.messages[i].Raw))
		b.messages = append(b.messages[:i:i], b.messages[i+1:]...)
	}
}

// SetUIDValidity gives a mailbox another UIDVALIDITY and numbers its messages anew from first, as after a restore from backup.
func (a *Account) SetUIDValidity(name string, v, first uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(name)
	b.uidValidity = v
	for i := range b.messages {
		b.messages[i].UID = first + uint32(i)
	}
	b.uidNext = first + uint32(len(b.messages))
}

// SetUIDNext leaves a gap in the UIDs of a mailbox.
func (a *Account) SetUIDNext(name string, uid uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.box(name).uidNext = uid
}

// Dump is the whole account as lines "mailbox uid flags date sha256", sorted: what a test compares. Flags are joined by commas, a missing date
// or no flags are "-".
func (a *Account) Dump() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lines []string
	for _, b := range a.boxes {
		for _, m := range b.messages {
			flags := append([]string(nil), m.Flags...)
			sort.Strings(flags)
			f, d := "-", "-"
			if len(flags) > 0 {
				f = strings.Join(flags, ",")
			}
			if !m.Date.IsZero() {
				d = m.Date.UTC().Format(time.RFC3339)
			}
			lines = append(lines, fmt.Sprintf("%s %06d %s %s %x", b.name, m.UID, f, d, sha256.Sum256(m.Raw)))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
