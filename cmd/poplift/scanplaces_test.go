package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Every place is found where it is, once, and nothing is said of those that aren't there.
func TestUsualPlaces(t *testing.T) {
	home, roaming := t.TempDir(), t.TempDir()
	getenv := func(name string) string {
		return map[string]string{"HOME": home, "USERPROFILE": home, "APPDATA": roaming, "USER": "nobody-has-this-name"}[name]
	}
	if got := usualPlaces(getenv); len(got) != 0 {
		t.Errorf("in an empty home: %q", got)
	}
	var want []string
	for _, p := range homePlaces {
		p = filepath.Join(home, filepath.FromSlash(p))
		if err := os.MkdirAll(p, 0o700); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(p) != ".local-mail.directory" { // is read with its sibling
			want = append(want, p)
		}
	}
	dir := filepath.Join(roaming, "Thunderbird")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(roaming, "Betterbird")); err != nil {
		t.Skip(err)
	}
	if got := usualPlaces(getenv); !slices.Equal(got, append(want, dir)) {
		t.Errorf("got %q", got)
	}
}
