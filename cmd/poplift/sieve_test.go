package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"poplift/migrate/sieve"
)

// sieveTest runs the command, and returns what it prints.
func sieveTest(t *testing.T, o sieveTestOptions) (stdout, stderr string, err error) {
	t.Helper()
	var out, warnings bytes.Buffer
	err = runSieveTest(context.Background(), &environment{stdout: &out, stderr: &warnings}, o)
	return out.String(), warnings.String(), err
}

// inDir writes files into a new directory and returns their paths.
func inDir(t *testing.T, files ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var out []string
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
		out = append(out, path)
	}
	return out
}

const sieveTestScript = `require ["fileinto", "imap4flags", "envelope", "vacation", "variables"];
if header :contains "Subject" "spam" { discard; }
elsif envelope "from" "list@example.com" { addflag "\\Seen $list"; fileinto "Lists/one"; }
elsif header :matches "X-Folder" "*" { fileinto "${1}"; redirect "me@example.org"; }
vacation "gone";
`

func TestSieveTestTellsWhere(t *testing.T) {
	t.Parallel()
	p := inDir(t, "r.sieve", sieveTestScript, "spam.eml", "Subject: Spam!\n\nx\n", "list.eml", "Return-Path: <list@example.com>\r\n\r\nx",
		"other.eml", "From other Mon Jan  1 00:00:00 2001\nX-Folder: Odd/\x1b[31mred\nSubject: y\n\n", "empty.eml", "")
	stdout, stderr, err := sieveTest(t, sieveTestOptions{Script: p[0], Messages: append(p[1:], "-"), Stdin: strings.NewReader("X-Folder: in\n\n")})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("SPAM", p[1], "LIST", p[2], "OTHER", p[3], "EMPTY", p[4], "R", p[0]).Replace(`SPAM
  discarded    R:2:40 discard
LIST
  into Lists/one  \Seen $list  R:3:68 fileinto
OTHER
  into INBOX                   R:4:40 fileinto
  relayed to me@example.org    R:4:57 redirect
EMPTY
  into INBOX    implicit keep
-
  into in                      R:4:40 fileinto
  relayed to me@example.org    R:4:57 redirect
`)
	if stdout != want {
		t.Errorf("got\n%s\nwant\n%s", stdout, want)
	}
	if want := "poplift: warning: " + p[0] + ":5:1: vacation answers nobody here\n"; stderr != want {
		t.Errorf("got %q, want %q", stderr, want)
	}
}

func TestSieveTestJSON(t *testing.T) {
	t.Parallel()
	p := inDir(t, "r.sieve", sieveTestScript, "spam.eml", "Subject: Spam!\n\nx\n", "list.eml", "Subject: x\n\n", "keep.eml", "\n")
	stdout, _, err := sieveTest(t, sieveTestOptions{Script: p[0], Messages: p[1:], JSON: true, Sieve: sieve.Options{EnvelopeFrom: "list@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	list := func(path string) map[string]any {
		return map[string]any{"message": path, "redirects": []any{}, "filings": []any{map[string]any{
			"name": "Lists/one", "folder": []any{"Lists", "one"}, "flags": []any{`\Seen`, "$list"}, "command": "fileinto", "line": 3.0, "column": 68.0}}}
	}
	want := []any{
		map[string]any{"message": p[1], "filings": []any{}, "redirects": []any{}, "discarded": map[string]any{"command": "discard", "line": 2.0, "column": 40.0}},
		list(p[2]), list(p[3]),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	stdout, _, err = sieveTest(t, sieveTestOptions{Script: p[0], JSON: true})
	if err != nil || strings.TrimSpace(stdout) != "[]" {
		t.Errorf("%q, %v", stdout, err)
	}
}

func TestSieveTestExitCodes(t *testing.T) {
	t.Parallel()
	p := inDir(t, "good.sieve", "keep;", "bad.sieve", "keep\nfoo;\nbar;", "fails.sieve", `require "variables"; redirect "${x}";`, "m.eml", "Subject: x\n\n")
	for _, tt := range []struct {
		name        string
		script      string
		messages    []string
		code        int
		says, fails string
	}{
		{"a script in order", p[0], nil, exitDone, "good.sieve is in order\n", ""},
		{"a message", p[0], p[3:], exitDone, "into INBOX", ""},
		{"a script with errors", p[1], p[3:], exitUsage, "", "bad.sieve:2:1: keep takes no test"},
		{"no script", p[0] + "x", p[3:], exitUsage, "", "no such file"},
		{"a message that isn't there", p[0], []string{p[0] + "x", p[3]}, exitLeft, "no such file", ""},
		{"a directory", p[0], []string{filepath.Dir(p[0])}, exitLeft, "is a directory", ""},
		{"a script that fails on a message", p[2], p[3:], exitLeft, `failed: sieve `, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, _, err := sieveTest(t, sieveTestOptions{Script: tt.script, Messages: tt.messages})
			if exitCode(err) != tt.code || !strings.Contains(stdout, tt.says) {
				t.Errorf("exit code %d, want %d: %v\n%s", exitCode(err), tt.code, err, stdout)
			}
			if tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestSieveTestIsInterrupted(t *testing.T) {
	t.Parallel()
	p := inDir(t, "r.sieve", "keep;", "m.eml", "Subject: x\n\n")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errInterrupted)
	var out bytes.Buffer
	err := runSieveTest(ctx, &environment{stdout: &out, stderr: &out}, sieveTestOptions{Script: p[0], Messages: p[1:]})
	if !errors.Is(err, errInterrupted) || out.Len() > 0 {
		t.Errorf("%v, %q", err, &out)
	}
}

// TestSieveTestCommand is the command as the app has it.
func TestSieveTestCommand(t *testing.T) {
	t.Parallel()
	p := inDir(t, "r.sieve", `require ["fileinto", "envelope"]; if envelope "to" "b@x.y" { fileinto "a.b"; }`, "m.eml", "Return-Path: <q@x.y>\n\n")
	var out, warnings bytes.Buffer
	env := &environment{stdout: &out, stderr: &warnings}
	run := func(args ...string) error {
		app := &cli.App{Name: "poplift", Writer: &out, Commands: []*cli.Command{sieveTestCommand(env)}, ExitErrHandler: func(*cli.Context, error) {}}
		out.Reset()
		return app.Run(append([]string{"poplift", "sieve-test"}, args...))
	}
	if err := run("--envelope-to", "b@x.y", "--delimiter", ".", p[0], p[1]); err != nil || !strings.Contains(out.String(), "into a/b") || warnings.Len() > 0 {
		t.Errorf("%v\n%s%s", err, &out, &warnings)
	}
	if err := run(); exitCode(err) != exitUsage {
		t.Errorf("no script: %v", err)
	}
	if err := run("--help"); err != nil || !strings.Contains(out.String(), "--envelope-from ADDRESS") {
		t.Errorf("%v\n%s", err, &out)
	}
}
