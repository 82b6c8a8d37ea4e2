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

// Flag adds a flag to a message, and Unflag takes all of its flags away, as a user would.
func (m *Mailboxes) Flag(name string, uid uint32, f migrate.Flag) {
	m.reflag(name, uid, func(had []migrate.Flag) []migrate.Flag { return append(had, f) })
}

// Unflag is the other half of Flag.
func (m *Mailboxes) Unflag(name string, uid uint32) {
	m.reflag(name, uid, func([]migrate.Flag) []migrate.Flag { return nil })
}

func (m *Mailboxes) reflag(name string, uid uint32, change func([]migrate.Flag) []migrate.Flag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range m.box(name).messages {
		if s.UID == uid {
			m.box(name).messages[i].Flags = change(s.Flags)
		}
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

// Change changes a message where it lies, and Remove takes one away, as somebody else would.
func (m *Mailboxes) Change(name string, uid uint32, change func(raw string) string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range m.box(name).messages {
		if s.UID == uid {
			m.box(name).messages[i].Raw = change(s.Raw)
		}
	}
}

// Remove is the other half of Change.
func (m *Mailboxes) Remove(name string, uid uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.box(name)
	b.messages = slices.DeleteFunc(b.messages, func(s Stored) bool { return s.UID == uid })
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

// OpenRelay starts a session that has nothing but Append, as a relay's. What it takes lies in the mailbox "relay" or, when the upload names
// recipients, in that of the first one.
func (m *Mailboxes) OpenRelay(ctx context.Context) (migrate.Target, error) {
	t, err := m.Open(ctx)
	if err != nil {
		return nil, err
	}
	return relaySession{t}, nil
}

type relaySession struct{ t migrate.Target }

func (s relaySession) Close() error { return s.t.Close() }

func (s relaySession) Append(ctx context.Context, uploads iter.Seq[migrate.Upload]) iter.Seq2[migrate.Receipt, error] {
	return s.t.Append(ctx, func(yield func(migrate.Upload) bool) {
		for u := range uploads {
			u.Mailbox.Name = "relay"
			if len(u.To) > 0 {
				u.Mailbox.Name = u.To[0]
			}
			if !yield(u) {
				return
			}
		}
	})
}

type mailboxSession struct {
	boxes *Mailboxes
	life  life
}

var (
	_ migrate.Target      = (*mailboxSession)(nil)
	_ migrate.Layouter    = (*mailboxSession)(nil)
	_ migrate.Opener      = (*mailboxSession)(nil)
	_ migrate.Flagger     = (*mailboxSession)(nil)
	_ migrate.FlagChecker = (*mailboxSession)(nil)
	_ migrate.Indexer     = (*mailboxSession)(nil)
)

func (s *mailboxSession) Close() error { return nil }

// Layout is migrate.Layouter's.
func (s *mailboxSession) Layout(context.Context) (migrate.Layout, error) {
	if err := s.life.step(); err != nil {
		return migrate.Layout{}, err
	}
	s.boxes.mu.Lock()
	defer s.boxes.mu.Unlock()
	l := migrate.Layout{Delimiter: "/"}
	for name := range s.boxes.boxes {
		l.Boxes = append(l.Boxes, migrate.Box{Name: name})
	}
	slices.SortFunc(l.Boxes, func(a, b migrate.Box) int { return strings.Compare(a.Name, b.Name) })
	return l, nil
}

// OpenNamed is migrate.Opener's.
func (s *mailboxSession) OpenNamed(_ context.Context, name string, _ migrate.Role) (migrate.Mailbox, error) {
	if err := s.life.step(); err != nil {
		return migrate.Mailbox{}, err
	}
	s.boxes.mu.Lock()
	defer s.boxes.mu.Unlock()
	b := s.boxes.box(name)
	return migrate.Mailbox{Name: name, UIDValidity: b.validity, UIDNext: b.next, Messages: uint32(len(b.messages))}, nil
}

// AddFlags is migrate.Flagger's.
func (s *mailboxSession) AddFlags(_ context.Context, mb migrate.Mailbox, uids []uint32, flags []migrate.Flag) error {
	if err := s.life.step(); err != nil {
		return err
	}
	s.boxes.mu.Lock()
	for i, m := range s.boxes.box(mb.Name).messages {
		for _, f := range flags {
			if slices.Contains(uids, m.UID) && !slices.Contains(m.Flags, f) {
				m.Flags = append(m.Flags, f)
			}
		}
		s.boxes.box(mb.Name).messages[i] = m
	}
	s.boxes.mu.Unlock()
	return s.life.step()
}

// Lacking is migrate.FlagChecker's.
func (s *mailboxSession) Lacking(_ context.Context, mb migrate.Mailbox, want func(uint32) []migrate.Flag) iter.Seq2[migrate.Lack, error] {
	return func(yield func(migrate.Lack, error) bool) {
		for _, m := range s.boxes.Messages(mb.Name) {
			if err := s.life.step(); err != nil {
				yield(migrate.Lack{}, err)
				return
			}
			l := migrate.Lack{UID: m.UID}
			for _, f := range want(m.UID) {
				if !slices.ContainsFunc(m.Flags, func(have migrate.Flag) bool { return strings.EqualFold(string(have), string(f)) }) {
					l.Flags = append(l.Flags, f)
				}
			}
			if len(l.Flags) > 0 && !yield(l, nil) {
				return
			}
		}
	}
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

// Router sends every folder to one of the same name, its path joined by slashes, or to what Map says for that. Exclude says why folders are left
// out, by the same name.
type Router struct{ Map, Exclude map[string]string }

// Route is migrate.Router's.
func (r Router) Route(_ migrate.Layout, folders []migrate.SourceFolder) ([]migrate.Way, error) {
	var out []migrate.Way
	for _, f := range folders {
		name := f.Path.String()
		if to, ok := r.Map[name]; ok {
			name = to
		}
		if why := r.Exclude[name]; why != "" {
			out = append(out, migrate.Way{From: f, Excluded: why})
			continue
		}
		out = append(out, migrate.Way{From: f, Name: name, Role: f.Role})
	}
	return out, nil
}
