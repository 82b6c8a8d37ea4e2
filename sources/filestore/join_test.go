package filestore

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"poplift/migrate"
)

// Two stores in one place are one, in which each reads its own and a problem of both is told once.
func TestJoin(t *testing.T) {
	locked := Unreadable("open", "locked", os.ErrPermission)
	a := shelf{{id: "1", raw: "one of a"}, {id: "locked", err: locked}, {id: "x:2", raw: "two of a"}}
	b := shelf{{id: "1", raw: "one of b"}, {id: "locked", err: Damaged("read", "locked", os.ErrPermission)}, {id: "gone", err: Damaged("read", "gone", os.ErrNotExist)}}
	s := Join(Part{"a", a}, Part{"b", b})
	var got, failed []string
	for e, err := range s.List(t.Context()) {
		if err != nil {
			failed = append(failed, err.Error())
			continue
		}
		var out bytes.Buffer
		if err := s.Read(t.Context(), e, &out); err != nil {
			t.Error(err)
		}
		got = append(got, e.ID+" "+out.String())
	}
	if all := strings.Join(got, "|"); all != "a:1 one of a|a:x:2 two of a|b:1 one of b" {
		t.Error(all)
	}
	if all := strings.Join(failed, "|"); all != "open locked: permission denied|read gone: file does not exist" {
		t.Error(all)
	}
	if err := s.Read(t.Context(), migrate.Entry{ID: "c:1"}, &bytes.Buffer{}); err == nil {
		t.Error("a message of nobody was read")
	}
	for range s.List(t.Context()) { // can be left at any time
		break
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestDoubtsAreBounded(t *testing.T) {
	var d Doubts
	for i := range maxDoubts {
		d.Add(Doubt{"f", int64(i), "x"}, Doubt{"g", int64(i), "y"})
	}
	if got := d.List(); len(got) != maxDoubts || fmt.Sprint(got[1]) != "{g 0 y}" {
		t.Error(len(got))
	}
	if d.Reset(); len(d.List()) != 0 {
		t.Error("not reset")
	}
}
