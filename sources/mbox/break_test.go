package mbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestListCanBeLeftAnywhere: the engine leaves a listing when the target is lost.
func TestListCanBeLeftAnywhere(t *testing.T) {
	dir := t.TempDir()
	for i := range 6 {
		one := fmt.Sprintf("From a@x Tue Mar  5 14:07:0%d 2024\nSubject: %d\n\nbody\n\n", i, i)
		sub := filepath.Join(dir, fmt.Sprint("d", i%2))
		if err := os.MkdirAll(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), []byte(strings.Repeat(one, i%3+1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, cache := range []string{"", t.TempDir()} {
		for leave := 1; leave <= 12; leave++ {
			s, err := Open(Options{Path: dir, CacheDir: cache})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				n := 0
				ctx, cancel := context.WithCancel(t.Context())
				for _, err := range s.List(ctx) {
					if n++; err != nil {
						t.Error(err)
					}
					if n == leave {
						cancel() // the target's end cuts the source too
						break
					}
				}
				cancel()
				if n != leave {
					t.Errorf("%d entries, want %d", n, leave)
				}
			}
			s.Close()
		}
	}
}
