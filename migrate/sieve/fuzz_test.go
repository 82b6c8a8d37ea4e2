package sieve_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/migrate/sieve"
)

// scripts are the seeds of fuzzing.
func scripts(f *testing.F) []string {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.sieve"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	var out []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, string(text))
	}
	return append(out, everything+`if header :regex "a" "b" {} elsif address :count "ge" "to" "1" { redirect "a@b"; } else { set :upper "a" "${1}${b}"; }`,
		"require \"variables\"; set \"a\" text: # x\n.a\n..\n.\n;", "if anyof(not true,size :over 1G){stop;}", "}", "\"", "text:", "/*", "t", "a:b")
}

// FuzzLoad: no script does harm, and every error has a place within the script.
func FuzzLoad(f *testing.F) {
	for _, s := range scripts(f) {
		f.Add([]byte(s))
	}
	m := spooled(f, letter)
	f.Fuzz(func(t *testing.T, script []byte) {
		s, err := sieve.Load("f", script)
		if err != nil {
			var p *sieve.Problem
			if !errors.As(err, &p) {
				t.Fatalf("no place: %v", err)
			}
			if lines := strings.Count(string(script), "\n") + 1; p.Line < 1 || p.Column < 1 || p.Line > lines {
				t.Fatalf("%d lines: %v", lines, err)
			}
			return
		}
		s.SetBudget(1 << 20)
		check(t, s, m)
	})
}

// FuzzFile: no message does harm to scripts that look at all of it.
func FuzzFile(f *testing.F) {
	var all []*sieve.Script
	for _, s := range append(scripts(f)[:5], everything+`
		if header :matches ["Subject", "From", "To", "X"] "*?*" { addflag "${1}"; fileinto "${0}/${2}"; }
		if header :regex :comparator "i;octet" "Subject" "(.)(.*)" { fileinto "${2}${1}"; }
		if address :matches :localpart ["From", "To", "Cc"] "*" { fileinto :flags "${1}" "a/${1}"; }
		if address :domain :comparator "i;unicode-casemap" :contains ["From", "To"] ["x", "é"] { fileinto "b"; }
		if envelope :matches :detail ["from", "to"] "*" { fileinto "c/${1}"; }
		if allof (date :matches "date" "iso8601" "*", currentdate :matches "std11" "?*") { fileinto "d"; }
		if anyof (body :contains "x", body :content ["", "text/html"] :matches "*y*", body :raw :is "z") { fileinto "e"; }
		if address :count "gt" :comparator "i;ascii-numeric" ["to", "cc"] "1" { redirect "${1}@example.org"; }`) {
		all = append(all, load(f, sieve.Options{}, s))
	}
	f.Add([]byte(letter))
	f.Add([]byte(outer))
	f.Add([]byte("To: a:<@b:\"c\\\"\"@d (e(f)>,;[x]@\nSubject: =?utf-8*x?q?=C3=?= =?utf-7?b?K-?=\n\t\nDate: Mon, 32 Foo 0000 99:99:99 +9999\n\n"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"\"\n\n----\n\n--\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := spooled(t, string(text))
		for _, s := range all {
			check(t, s, m)
		}
	})
}

// check holds a verdict to what is promised of every one.
func check(t *testing.T, s *sieve.Script, m *migrate.Message) {
	t.Helper()
	v, err := s.File(context.Background(), m)
	if err != nil && (len(v.Filings) != 1 || len(v.Filings[0].Folder) != 0 || len(v.Redirect) != 0) {
		t.Fatalf("an error without the implicit keep: %v, %v", v, err)
	}
	if left := len(v.Filings) == 0 && len(v.Redirect) == 0; left != (v.Why != "") {
		t.Fatalf("left out: %v, because %q", left, v.Why)
	}
	seen := map[string]bool{}
	for _, f := range v.Filings {
		name := strings.Join(f.Folder, "\x00")
		if seen[name] || len(name) > 1000 {
			t.Fatalf("folder %q twice, or too long", name)
		}
		seen[name] = true
		for _, word := range f.Folder {
			if word == "" || word == "." || word == ".." || strings.ContainsAny(word, "\x00\r\n\x1b") || strings.ToValidUTF8(word, "") != word {
				t.Fatalf("folder %q", f.Folder)
			}
		}
		if len(f.Flags) > 64 {
			t.Fatalf("%d flags", len(f.Flags))
		}
		for _, flag := range f.Flags {
			if flag == "" || strings.ContainsAny(string(flag), " \r\n\x00(){%*\"]") {
				t.Fatalf("flag %q", flag)
			}
		}
	}
	for _, a := range v.Redirect {
		if strings.ContainsAny(a, "\r\n\x00") || !strings.Contains(a, "@") {
			t.Fatalf("address %q", a)
		}
	}
}
