//go:build unix

package state

import (
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"poplift/migrate"
)

// untilFull commits until the disk takes no more, looks whether the store lives, makes room, and goes on. The disk's end is a bound on the
// size of this process's files: it fails the same calls.
func untilFull(s *Store, _ Options) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := func(octets uint64) {
		var l syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			fmt.Println(err)
		}
		l.Cur = octets
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			fmt.Println(err)
		}
	}
	limit(200 << 10)
	commit := func(i int) error { return s.Commit(&migrate.Batch{Records: []migrate.Record{sample(i, true)}}) }
	n := 0
	var err error
	for ; err == nil && n < 5000; n++ {
		err = commit(n)
	}
	n--
	fmt.Println("full:", err)
	for range 3 {
		if commit(n) == nil {
			fmt.Println("a full disk took more")
		}
	}
	limit(100 << 20)
	if err := commit(n); err != nil {
		fmt.Println("with room again:", err)
	}
	counts, err := s.Counts()
	fmt.Println("counts:", counts[migrate.Copied].Messages == int64(n+1), n > 50, err)
}

func TestDiskFull(t *testing.T) {
	o := options(t)
	c := startChild(t, "full", o.Dir)
	var said []string
	for c.lines.Scan() {
		said = append(said, c.lines.Text())
	}
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if len(said) != 2 || !strings.HasPrefix(said[0], "full: commit state me@new.example: ") || said[1] != "counts: true true <nil>" {
		t.Errorf("the child said:\n%s", strings.Join(said, "\n"))
	}
	s := mustOpen(t, o)
	if counts, err := s.Counts(); err != nil || counts[migrate.Copied].Messages < 50 {
		t.Errorf("%v, %v", counts, err)
	}
}

func TestDiskFullHint(t *testing.T) {
	err := explain("commit state", "me", "/state/me.db", fmt.Errorf("write: %w", syscall.ENOSPC))
	if h := migrate.HintOf(err); !strings.Contains(h, "make room on the disk of /state/me.db") {
		t.Errorf("hint %q", h)
	}
}
