package state

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"poplift/migrate"
)

// sample is the n-th of a row of records as the engine makes them for a POP3 maildrop. UIDLs are Dovecot's, which grow, or random.
func sample(n int, random bool) migrate.Record {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n))
	header, body := sha256.Sum256(append(seed[:], 'h')), sha256.Sum256(append(seed[:], 'b'))
	id := migrate.Identity{Version: 1, Header: header, Body: body}
	id.Digest = derivedDigest(&id)
	copy(id.Envelope[:], header[:])
	uidl := fmt.Sprintf("%08x%08x", n+1, 0x5f3a11c2)
	if random {
		uidl = fmt.Sprintf("%x", body[:12])
	}
	return migrate.Record{
		Source: "pop3s://me@old.example", ID: uidl, Outcome: migrate.Copied, Identity: id, Listed: 20000 + int64(n), Size: 20100 + int64(n),
		Folder: "INBOX", UIDValidity: 1700000000, UID: uint32(n + 1),
		Date: time.Unix(1600000000+int64(n)*3600, 0).In(time.FixedZone("", 7200)),
	}
}

const commitSize = 256

// fill commits n records in batches as the engine does.
func fill(tb testing.TB, s *Store, n int, random bool) {
	tb.Helper()
	for from := 0; from < n; from += commitSize {
		to := min(from+commitSize, n)
		b := &migrate.Batch{Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: 1700000000, Next: uint32(to + 1), Dirty: true}}}
		for i := from; i < to; i++ {
			b.Records = append(b.Records, sample(i, random))
		}
		if err := s.Commit(b); err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, messages := range []int{1_000, 10_000, 100_000} {
		for _, random := range []bool{false, true} {
			b.Run(fmt.Sprintf("messages=%d/random=%v", messages, random), func(b *testing.B) {
				var size int64
				for b.Loop() {
					s, err := Open(Options{Dir: b.TempDir(), Account: "bench"})
					if err != nil {
						b.Fatal(err)
					}
					fill(b, s, messages, random)
					info, err := os.Stat(s.File())
					if err != nil {
						b.Fatal(err)
					}
					size = info.Size()
					var used int64
					s.db.View(func(tx *bolt.Tx) error { used = tx.Size(); return nil })
					b.ReportMetric(float64(used)/float64(messages), "used-B/msg")
					s.Close()
				}
				b.ReportMetric(float64(size)/float64(messages), "file-B/msg")
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, messages := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("messages=%d", messages), func(b *testing.B) {
			o := Options{Dir: b.TempDir(), Account: "bench"}
			s, err := Open(o)
			if err != nil {
				b.Fatal(err)
			}
			fill(b, s, messages, true)
			s.Close()
			for b.Loop() {
				s, err := Open(o)
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	s, err := Open(Options{Dir: b.TempDir(), Account: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const messages = 10_000
	fill(b, s, messages, true)
	var known []migrate.Record
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(messages) {
		known = append(known, sample(i, true))
	}
	b.Run("Record", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, found, err := s.Record(known[i%messages].Source, known[i%messages].ID); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("Skim", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, found, err := s.Skim(known[i%messages].Source, known[i%messages].ID); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("SkimInOrder", func(b *testing.B) {
		b.ReportAllocs()
		inOrder := slices.SortedFunc(slices.Values(known), func(a, b migrate.Record) int { return cmp.Compare(a.ID, b.ID) })
		for i := 0; b.Loop(); i++ {
			if _, found, err := s.Skim(inOrder[i%messages].Source, inOrder[i%messages].ID); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("Matches", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if m, err := s.Matches("INBOX", 1700000000, known[i%messages].Identity.Envelope); err != nil || len(m) != 1 {
				b.Fatal(m, err)
			}
		}
	})
	b.Run("Counts", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Counts(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
