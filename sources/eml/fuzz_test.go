package eml

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"poplift/migrate"
	"poplift/sources/filestore/unpack"
)

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"Version":1,"Payload":{"LabelIDs":["0","10","x"],"Unread":1,"IsReplied":true,"Time":1700000000}}`),
		[]byte(`{"Version":1,"Payload":[{"ID":"x","Name":"n","Path":"a/b\\/c","Type":3},{"ID":"10","Name":"to do","Type":1}]}`))
	f.Add([]byte(`{"LabelIDs":null,"Unread":2}`), []byte(`[]`))
	f.Fuzz(func(t *testing.T, meta, list []byte) {
		byID, _ := parseLabels(list)
		l := &labels{byID: byID, log: slog.New(slog.DiscardHandler)}
		m, err := parseMetadata(meta)
		if err != nil {
			return
		}
		var e migrate.Entry
		l.tell(&e, m)
		if slices.Contains(e.Folder, "") || slices.Contains(e.Flags, "") {
			t.Fatalf("%q %q", e.Folder, e.Flags)
		}
	})
}

func FuzzArchive(f *testing.F) {
	octets, err := os.ReadFile(zipOf(f, [2]string{"a/1.eml", mail}, [2]string{"b\\2", mail}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(octets)
	f.Add([]byte(tarOf(f, [2]string{"Inbox/1.eml.meta", zimbraSample}, [2]string{"Inbox/1.eml", mail}, [2]string{"../x", mail})))
	f.Add([]byte(gzipped(tarOf(f, [2]string{"a", mail}))))
	path := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, octets []byte) {
		if err := os.WriteFile(path, octets, 0o600); err != nil {
			t.Fatal(err)
		}
		if unpack.Archive(path) == unpack.None {
			return
		}
		s, err := Open(Options{Path: path})
		if err != nil {
			return
		}
		defer s.Close()
		n := 0
		for e, err := range s.List(context.Background()) {
			if err == nil {
				s.Read(context.Background(), e, &bytes.Buffer{})
			}
			if n++; n > 100 {
				break
			}
		}
	})
}

func FuzzNaturalOrder(f *testing.F) {
	f.Add("a10b", "a9b", "a010")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareNatural(a, b) != -compareNatural(b, a) && compareNatural(a, b) < 0 == (compareNatural(b, a) < 0) {
			t.Fatalf("%q and %q", a, b)
		}
		if compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0 && compareNatural(a, c) > 0 {
			t.Fatalf("%q, %q, %q", a, b, c)
		}
		if (compareNatural(a, b) == 0) != (a == b) {
			t.Fatalf("%q is %q", a, b)
		}
	})
}
