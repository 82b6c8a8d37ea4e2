package migratetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"poplift/migrate"
)

// Stored is a message in Mailboxes.
type Stored struct {
	UID   uint32
	Raw   string
	Flags []migrate.Flag
	Date  time.Time
}

// Mailboxes is a target in memory.
type Mailboxes struct {
	Crash *Crasher
	// Batch is how many messages are stored at a time, all or nothing; 0 is 1.
	Batch int
	// NoUIDs gives receipts without UIDs, as servers without UIDPLUS do.
	NoUIDs bool
	// Late keeps a batch that was under way when the session died, and stores it when Drain is called: a server goes on with what it has
	// received.
	Late bool
	// Refuse returns why a message is refused, or "".
	Refuse func(raw string) string
	// Fail returns the error that ends the session instead of storing a message, or nil.
	Fail func(raw string) error
	// Rewrite changes a message as it is stored.
	Rewrite func(raw string) string

	mu       sync.Mutex
	boxes    map[string]*box
	late     []func()
	appended int
}

type box struct {
	validity, next uint32
	messages       []Stored
}

func (m *Mailboxes) box(name string) *box {
	if m.boxes == nil {
		m.boxes = map[string]*box{}
	}
	b, ok := m.boxes[name]
	if !ok {
		b = &box{validity: uint32(100 + len(m.boxes)), next: 1}
		m.boxes[name] = b
	}
	return b
}

// Deliver puts a message into a mailbox as somebody else would.
func (m *Mailboxes) Deliver(name string, raws ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, raw := range raws {
		m.box(name).add(Stored{Raw: raw})
	}
}

func (b *box) add(s Stored) uint32 {
	s.UID = b.next
	b.next++
	b.messages = append(b.messages, s)
	return s.UID
}

// Renew gives a mailbox a new UIDVALIDITY and new UIDs, keeping those of its messages that keep says.
func (m *Mailboxes) Renew(name string, keep func(i int) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.box(name)
	fresh := &box{validity: old.validity + 1000, next: 1}
	for i, s := range old.messages {
		if keep(i) {
			fresh.add(s)
		}
	}
	m.boxes[name] = fresh
}

// Raws returns a mailbox's messages in the order of their UIDs.
func (m *Mailboxes) Raws(name string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, s := range m.box(name).messages {
		out = append(out, s.Raw)
	}
	return out
}

// Messages returns a mailbox's messages.
func (m *Mailboxes) Messages(name string) []Stored {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.box(name).messages)
}

// Dump is every message as "mailbox digest", sorted: two Mailboxes with the same dump hold the same mail.
func (m *Mailboxes) Dump() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	for name, b := range m.boxes {
		for _, s := range b.messages {
			lines = append(lines, fmt.Sprintf("%s %x", name, sha256.Sum256([]byte(s.Raw))))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Appended returns how many messages were appended since the last call.
func (m *Mailboxes) Appended() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.appended
	m.appended = 0
	return n
}

// Open starts a session.
func (m *Mailboxes) Open(ctx context.Context) (migrate.Target, error) {
	l := m.Crash.life()
	if err := l.step(); err != nil {
		return nil, err
	}
	return &mailboxSession{boxes: m, life: l}, nil
}

type mailboxSession struct {
	boxes *Mailboxes
	life  life
}

var (
	_ migrate.Target   = (*mailboxSession)(nil)
	_ migrate.Foldered = (*mailboxSession)(nil)
	_ migrate.Indexer  = (*mailboxSession)(nil)
)

func (s *mailboxSession) Close() error { return nil }

// Open is migrate.Foldered's.
func (s *mailboxSession) Open(ctx context.Context, p migrate.Path) (migrate.Mailbox, error) {
	if err := s.life.step(); err != nil {
		return migrate.Mailbox{}, err
	}
	s.boxes.mu.Lock()
	defer s.boxes.mu.Unlock()
	b := s.boxes.box(p.String())
	return migrate.Mailbox{Path: p, Name: p.String(), UIDValidity: b.validity, UIDNext: b.next, Messages: uint32(len(b.messages))}, nil
}

// Index is migrate.Indexer's.
func (s *mailboxSession) Index(ctx context.Context, mb migrate.Mailbox, from uint32, next *uint32) iter.Seq2[migrate.Indexed, error] {
	return func(yield func(migrate.Indexed, error) bool) {
		var r migrate.EnvelopeReader
		for _, m := range s.boxes.Messages(mb.Name) {
			if m.UID < from {
				continue
			}
			if err := s.life.step(); err != nil {
				yield(migrate.Indexed{}, err)
				return
			}
			header, _, _ := strings.Cut(m.Raw, "\r\n\r\n")
			if !yield(migrate.Indexed{UID: m.UID, Size: int64(len(m.Raw)), Envelope: r.Envelope([]byte(header + "\r\n"))}, nil) {
				return
			}
			*next = m.UID + 1
		}
	}
}

// Read is migrate.Indexer's.
func (s *mailboxSession) Read(ctx context.Context, mb migrate.Mailbox, uid uint32, w io.Writer) error {
	if err := s.life.step(); err != nil {
		return err
	}
	for _, m := range s.boxes.Messages(mb.Name) {
		if m.UID == uid {
			_, err := io.WriteString(w, m.Raw)
			return err
		}
	}
	return &migrate.Error{Op: "read", Scope: migrate.ScopeMessage, Err: fmt.Errorf("no message with UID %d", uid)}
}

// Append is migrate.Target's.
func (s *mailboxSession) Append(ctx context.Context, uploads iter.Seq[migrate.Upload]) iter.Seq2[migrate.Receipt, error] {
	return func(yield func(migrate.Receipt, error) bool) {
		in, stop := make(chan migrate.Upload), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(in)
			for u := range uploads {
				select {
				case in <- u:
				case <-stop:
					return
				}
			}
		})
		defer wg.Wait()
		defer close(stop)
		for first := range in {
			for _, answer := range s.store(gather(first, in, s.boxes.Batch)) {
				if !yield(answer.receipt, answer.err) || answer.fatal {
					return
				}
			}
		}
	}
}

// gather takes what is there already, up to a batch of one mailbox.
func gather(first migrate.Upload, in <-chan migrate.Upload, n int) []migrate.Upload {
	batch := []migrate.Upload{first}
	for len(batch) < n && !first.Alone {
		select {
		case u, ok := <-in:
			if !ok {
				return batch
			}
			batch = append(batch, u)
		default:
			return batch
		}
	}
	return batch
}

type answer struct {
	receipt migrate.Receipt
	err     error
	fatal   bool
}

// store puts a batch away, all or nothing; refused messages are taken out first, as bisecting would.
func (s *mailboxSession) store(batch []migrate.Upload) []answer {
	if err := s.life.step(); err != nil {
		if s.boxes.Late {
			s.boxes.keep(batch)
		}
		return []answer{{migrate.Receipt{Upload: batch[0]}, err, true}}
	}
	out := s.put(batch)
	if err := s.life.step(); err != nil { // stored, and the answer is lost
		return []answer{{migrate.Receipt{Upload: batch[0]}, err, true}}
	}
	return out
}

// keep notes a batch, whose bodies will be gone, to be stored later.
func (m *Mailboxes) keep(batch []migrate.Upload) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range batch {
		var buf bytes.Buffer
		u.Message.Body.WriteTo(&buf)
		m.late = append(m.late, func() { m.box(u.Mailbox.Name).add(Stored{Raw: buf.String(), Flags: u.Flags, Date: u.Date}) })
	}
}

// Drain stores what Late has kept.
func (m *Mailboxes) Drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, store := range m.late {
		store()
	}
	m.late = nil
}

func (s *mailboxSession) put(batch []migrate.Upload) []answer {
	m := s.boxes
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []answer
	for _, u := range batch {
		var buf bytes.Buffer
		u.Message.Body.WriteTo(&buf)
		raw := buf.String()
		a := answer{receipt: migrate.Receipt{Upload: u}}
		if m.Fail != nil {
			if err := m.Fail(raw); err != nil {
				return append(out, answer{a.receipt, err, true})
			}
		}
		if m.Refuse != nil && m.Refuse(raw) != "" {
			a.err = &migrate.Error{Op: "append", Subject: u.Message.ID, Scope: migrate.ScopeMessage, Final: true,
				Err: fmt.Errorf("%w: %s", migrate.ErrRejected, m.Refuse(raw))}
			out = append(out, a)
			continue
		}
		if m.Rewrite != nil {
			raw = m.Rewrite(raw)
		}
		b := m.box(u.Mailbox.Name)
		uid := b.add(Stored{Raw: raw, Flags: u.Flags, Date: u.Date})
		m.appended++
		if !m.NoUIDs {
			a.receipt.UIDValidity, a.receipt.UID = b.validity, uid
		}
		out = append(out, a)
	}
	return out
}
