package state

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
)

// The test binary runs itself as another process that holds a store. The role is in this variable, the directory in the next.
const roleVariable, dirVariable = "POPLIFT_STATE_TEST_ROLE", "POPLIFT_STATE_TEST_DIR"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "hold":
		holder(func(s *Store, o Options) {
			io.Copy(io.Discard, os.Stdin)
		})
	case "commit":
		holder(committer)
	case "full":
		holder(untilFull)
	}
	os.Exit(0)
}

// holder opens the store, says so, and does its part.
func holder(part func(*Store, Options)) {
	o := Options{Dir: os.Getenv(dirVariable), Account: "me@new.example"}
	s, err := Open(o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer s.Close()
	if err := WriteStatus(o.Dir, o.Account, Status{PID: os.Getpid(), Started: testTime(), Phase: "copying"}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open")
	part(s, o)
}

// committer commits for ever and says after each commit up to which message it is durable.
func committer(s *Store, _ Options) {
	next := 0
	if mark, err := s.Folder("INBOX"); err == nil && mark.Next > 0 {
		next = int(mark.Next) - 1
	}
	for ; ; next += 7 {
		b := &migrate.Batch{Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: 1700000000, Next: uint32(next + 8)}}}
		for i := next; i < next+7; i++ {
			b.Records = append(b.Records, sample(i, true))
		}
		if err := s.Commit(b); err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(next + 7)
	}
}

// child is the test binary in a role, with its standard output by lines.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

func startChild(t *testing.T, role, dir string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, in, bufio.NewScanner(out)}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	if !c.lines.Scan() || c.lines.Text() != "open" {
		t.Fatalf("the child says %q", c.lines.Text())
	}
	return c
}

func TestLockAcrossProcesses(t *testing.T) {
	o := options(t)
	c := startChild(t, "hold", o.Dir)
	for _, readOnly := range []bool{false, true} {
		o.ReadOnly = readOnly
		begun := time.Now()
		_, err := Open(o)
		if !errors.Is(err, ErrLocked) || time.Since(begun) > 5*time.Second {
			t.Fatalf("read-only %v: %v after %v", readOnly, err, time.Since(begun))
		}
		for _, part := range []string{"open state me@new.example: another run holds this account",
			fmt.Sprintf("process %d, since 2024-02-", c.cmd.Process.Pid)} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
		if migrate.HintOf(err) == "" {
			t.Error("no hint")
		}
	}
	o.ReadOnly = false
	if st, err := ReadStatus(o.Dir, o.Account); err != nil || !st.Running() {
		t.Errorf("status %+v, %v", st, err)
	}
	o.Timeout = time.Minute // whoever waits gets it
	go func() {
		time.Sleep(50 * time.Millisecond)
		c.stdin.Close()
	}()
	mustOpen(t, o).Close()
	c.cmd.Wait()
	if st, err := ReadStatus(o.Dir, o.Account); err != nil || st.Running() {
		t.Errorf("status of a process that is gone: %+v, %v", st, err)
	}
}

func TestLockInOneProcess(t *testing.T) {
	o := options(t)
	s := mustOpen(t, o)
	for _, readOnly := range []bool{false, true} {
		o.ReadOnly = readOnly
		if _, err := Open(o); !errors.Is(err, ErrLocked) {
			t.Errorf("read-only %v: %v", readOnly, err)
		}
	}
	s.Close()
	first, second := mustOpen(t, o), mustOpen(t, o) // those who only read don't mind each other
	o.ReadOnly = false
	if _, err := Open(o); !errors.Is(err, ErrLocked) {
		t.Errorf("a writer beside readers: %v", err)
	}
	first.Close()
	second.Close()
	mustOpen(t, o)
	o.Account = "another"
	mustOpen(t, o)
}

// TestKill kills a process that commits, at any moment: what it said was durable is there, and no commit is there by half.
func TestKill(t *testing.T) {
	o := options(t)
	durable := 0
	for range 25 {
		c := startChild(t, "commit", o.Dir)
		go func() {
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
			c.cmd.Process.Kill()
		}()
		for c.lines.Scan() {
			n, err := strconv.Atoi(c.lines.Text())
			if err != nil {
				break // the line was cut
			}
			durable = max(durable, n)
		}
		c.cmd.Wait()
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		mark, err := s.Folder("INBOX")
		if err != nil || int(mark.Next) < durable+1 && durable > 0 {
			t.Fatalf("mark %+v, %v; %d were durable", mark, err, durable)
		}
		counts, err := s.Counts()
		if n := counts[migrate.Copied].Messages; err != nil || n%7 != 0 || mark.Next > 0 && n != int64(mark.Next)-1 {
			t.Fatalf("%d records, %v; mark %+v", n, err, mark)
		}
		for i := range int(counts[migrate.Copied].Messages) {
			want := sample(i, true)
			m, err := s.Matches("INBOX", 1700000000, want.Identity.Envelope)
			if err != nil || len(m) != 1 || m[0].ID != want.ID || m[0].Digest != want.Identity.Digest {
				t.Fatalf("message %d: %+v, %v", i, m, err)
			}
		}
		s.Close()
	}
	if durable == 0 {
		t.Error("no child came to commit anything")
	}
}
