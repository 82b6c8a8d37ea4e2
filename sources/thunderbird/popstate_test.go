package thunderbird

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

const popstate = "# POP3 State File\n# This is a generated file!  Do not edit.\n\n*mail.example.org joe user\nk UID18345-1161858178 1161858178\r\nd abc 1\n" +
	"b big\nf 4!x 1161858179 more\nx what 1\nk\n*other.example.org\nk one 0\n"

func TestPopState(t *testing.T) {
	got, err := ReadPopState(strings.NewReader(popstate))
	want := []PopState{
		{Host: "mail.example.org", User: "joe user", Entries: []PopEntry{
			{"UID18345-1161858178", PopKeep, time.Unix(1161858178, 0).UTC()}, {"abc", PopDelete, time.Unix(1, 0).UTC()},
			{"big", PopTooBig, time.Time{}}, {"4!x", PopFetch, time.Unix(1161858179, 0).UTC()}}},
		{Host: "other.example.org", Entries: []PopEntry{{"one", PopKeep, time.Time{}}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzPopState(f *testing.F) {
	f.Add([]byte(popstate))
	f.Add([]byte("k no host 1\n*\nk x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		states, _ := ReadPopState(bytes.NewReader(b))
		for _, s := range states {
			for _, e := range s.Entries {
				if e.UIDL == "" || strings.ContainsAny(e.UIDL, " \n") {
					t.Errorf("UIDL %q", e.UIDL)
				}
			}
		}
	})
}
