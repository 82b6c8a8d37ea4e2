package state

import (
	"bytes"
	"testing"
	"time"

	"poplift/migrate"
)

// FuzzRecordCodec reads any octets as a record: what can be read must be the same after it was written and read again.
func FuzzRecordCodec(f *testing.F) {
	full := row{Record: sample(1, true), folder: true, generation: 3, claims: true}
	full.Reason, full.Tries, full.Time = "NO [TOOBIG]", 2, testTime()
	f.Add(appendRow(nil, &full))
	noUID := full
	noUID.UID, noUID.number = 0, 1<<40
	f.Add(appendRow(nil, &noUID))
	odd := full
	odd.Identity.Digest[0]++
	odd.Date = time.Time{}
	f.Add(appendRow(nil, &odd))
	f.Add(appendRow(nil, &row{Record: migrate.Record{Outcome: migrate.Skipped}}))
	f.Add([]byte{})
	f.Add([]byte{0xff, 1, 1})
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := readRow(value)
		if err != nil {
			return
		}
		again, err := readRow(appendRow(nil, &r))
		if err != nil || !sameRecord(again.Record, r.Record) {
			t.Fatalf("\n got %+v, %v\nwant %+v", again, err, r)
		}
		again.Record, r.Record = migrate.Record{}, migrate.Record{}
		if again != r {
			t.Fatalf("\n got %+v\nwant %+v", again, r)
		}
	})
}

func FuzzOccupantCodec(f *testing.F) {
	f.Add(appendOccupant(nil, &occupant{envelope: envA, size: 1 << 40, indexed: true}))
	f.Add(appendOccupant(nil, &occupant{envelope: envA, digest: digest}))
	f.Add(appendOccupant(nil, &occupant{claim: []byte("\x00\x01uidl")}))
	f.Fuzz(func(t *testing.T, value []byte) {
		o, err := readOccupant(value)
		if err != nil {
			return
		}
		again, err := readOccupant(appendOccupant(nil, &o))
		if err != nil || !bytes.Equal(again.claim, o.claim) || (again.claim == nil) != (o.claim == nil) {
			t.Fatalf("got %+v, %v, want %+v", again, err, o)
		}
		if again.envelope != o.envelope || again.size != o.size || again.indexed != o.indexed || again.digest != o.digest {
			t.Fatalf("got %+v, want %+v", again, o)
		}
	})
}

// FuzzPages gives the reader of bbolt's pages any octets: it must come back, with whatever.
func FuzzPages(f *testing.F) {
	s := mustOpen(f, options(f))
	fill(f, s, 300, true)
	var buf bytes.Buffer
	if _, err := s.Backup(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes(), 0, byte(0))
	f.Add(buf.Bytes(), 4096+10, byte(1))
	f.Fuzz(func(t *testing.T, data []byte, at int, with byte) {
		if at >= 0 && at < len(data) {
			data = bytes.Clone(data)
			data[at] ^= with
		}
		r := bytes.NewReader(data)
		pages, buckets, err := openPages(r, int64(len(data)))
		if err != nil {
			return
		}
		for _, b := range buckets {
			if err := pages.walkBucket(b, func(uint32, []byte, []byte) error { return nil }); err != nil {
				return
			}
		}
		pages.complete()
	})
}

func TestChecksumIsOfBucketAndKey(t *testing.T) {
	stored := seal(tagRecord, []byte("key"), []byte("value"), 0)
	if v, err := unseal(tagRecord, []byte("key"), stored); err != nil || string(v) != "value" {
		t.Errorf("%q, %v", v, err)
	}
	for _, other := range []struct {
		tag    byte
		key    string
		stored []byte
	}{{tagPlace, "key", stored}, {tagRecord, "kez", stored}, {tagRecord, "key", stored[:len(stored)-1]}, {tagRecord, "key", nil}} {
		if _, err := unseal(other.tag, []byte(other.key), other.stored); err == nil {
			t.Errorf("%+v was taken", other)
		}
	}
}
