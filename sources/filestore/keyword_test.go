package filestore

import (
	"strings"
	"testing"

	"poplift/migrate"
)

func TestKeywords(t *testing.T) {
	for label, want := range map[string]migrate.Flag{
		"takeout": "takeout", "Work/2019 (old)": "Work/2019__old_", "☯": "&Ji8-", "Tom & Jerry": "Tom_&-_Jerry", "Entwürfe!": "Entw&APw-rfe!", "😀": "&2D3eAA-",
		`\Seen`: "_Seen", "a\"b\\c]": "a_b_c_", " to do ": "to_do", "  ": "", strings.Repeat("x", 50): migrate.Flag(strings.Repeat("x", 50)),
	} {
		if got := Keyword(label); got != want {
			t.Errorf("%q: %s, want %s", label, got, want)
		}
	}
	long := Keyword(strings.Repeat("ü", 200))
	if len(long) != maxKeyword || long == Keyword(strings.Repeat("ü", 201)) {
		t.Errorf("%d octets: %s", len(long), long)
	}
}

func FuzzKeyword(f *testing.F) {
	f.Add("Entwürfe & (alt)")
	f.Add(strings.Repeat("ü", 40))
	f.Fuzz(func(t *testing.T, name string) {
		k := string(Keyword(name))
		if strings.ContainsFunc(k, func(r rune) bool { return r <= ' ' || r >= 0x7F || strings.ContainsRune(`(){%*"\]`, r) }) || len(k) > maxKeyword {
			t.Errorf("%q: %q", name, k)
		}
	})
}
