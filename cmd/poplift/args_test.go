package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// testEnvironment has no terminal, an empty environment and nowhere to write.
func testEnvironment() *environment {
	return &environment{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, now: time.Now,
		columns: func() int { return 0 }, ask: func() asker { return nil }}
}

func TestReorderArgs(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"copy a b", "copy -- a b"},
		{"copy a b --json --since 30d", "copy --json --since 30d -- a b"},
		{"copy a --since=30d b -q", "copy --since=30d -q -- a b"},
		{"copy --since -30d a b", "copy --since -30d -- a b"},
		{"copy -json a b", "copy -json -- a b"},
		{"copy a -- --json b", "copy -- a --json b"},
		{"copy a - b", "copy -- a - b"},
		{"copy a --help", "copy --help -- a"},
		{"copy --tls-pin sha256:x a --tls-pin sha256:y b", "copy --tls-pin sha256:x --tls-pin sha256:y -- a b"},
		{"--help", "--help"},
		{"status", "status"},
		{"copy a --dr --generate-bash-completion", "copy a --dr --generate-bash-completion"},
	} {
		got, err := reorderArgs(strings.Fields(c.in), newApp(testEnvironment()))
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: got %q, %v; want %s", c.in, got, err, c.want)
		}
	}
}

func TestReorderArgsRefuses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"copy a b --dryrun", "unknown flag --dryrun; did you mean --dry-run?"},
		{"copy --sinse 30d a b", "unknown flag --sinse; did you mean --since?"},
		{"copy --password=hunter2 a b", "unknown flag --password"},
		{"copy --xyzzy a b", "unknown flag --xyzzy; all flags"},
		{"copy a b --since", "--since needs a value"},
		{"--josn copy", "unknown flag --josn"},
		{"cpoy a b", `unknown command "cpoy"; did you mean copy?`},
		{"frobnicate", `unknown command "frobnicate"; all commands`},
		{"pop3s://a@b imaps://c@d", "did you mean poplift copy"},
	} {
		_, err := reorderArgs(strings.Fields(c.in), newApp(testEnvironment()))
		switch {
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: got %v, want %s", c.in, err, c.want)
		case exitCode(err) != exitUsage:
			t.Errorf("%s: exit code %d", c.in, exitCode(err))
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error shows the value: %v", c.in, err)
		}
	}
}

func FuzzReorderArgs(f *testing.F) {
	f.Add("copy a --json b -- --x")
	f.Fuzz(func(t *testing.T, line string) {
		in := strings.Fields(line)
		out, err := reorderArgs(in, newApp(testEnvironment()))
		if err != nil {
			return
		}
		drop := func(words []string) []string { // but for "--", the words stay the same
			words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "--" })
			slices.Sort(words)
			return words
		}
		if !slices.Equal(drop(in), drop(out)) {
			t.Errorf("%q became %q", in, out)
		}
	})
}
