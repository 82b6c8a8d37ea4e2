package main

import (
	"strings"
	"testing"
)

func TestNetrcPassword(t *testing.T) {
	entries, err := parseNetrc(`# accounts
machine mail.example login a@example.org password one
machine mail.example
	login b@example.org
	password "two words \" quoted"   # a comment
machine other.example password pa#ss
macdef init
password nonsense

machine hash.example login h password #1st
default login anyone password last
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ host, user, want string }{
		{"mail.example", "a@example.org", "one"},
		{"MAIL.example", "b@example.org", `two words " quoted`},
		{"mail.example", "c@example.org", ""},
		{"other.example", "whoever", "pa#ss"},
		{"hash.example", "h", "#1st"},
		{"third.example", "anyone", "last"},
	} {
		if got, _ := netrcPassword(entries, c.host, c.user); got != c.want {
			t.Errorf("%s on %s: got %q, want %q", c.user, c.host, got, c.want)
		}
	}
}

func TestNetrcMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"machine":                               "line 1: machine has no value",
		"machine a\nlogin b\npassword":          "line 3: password has no value",
		"\n\npassword hunter2":                  "line 3: password before any machine",
		"machine a\nhunter2":                    "line 2: not a word",
		"machine a\npassword \"hunter2\n":       "line 2: the closing quote",
		"machine a password \"hunter2\\\" more": "line 1: the closing quote",
	} {
		_, err := parseNetrc(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzParseNetrc(f *testing.F) {
	f.Add("machine a login b password \"c d\" # e\nmacdef x\n\ndefault password z")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseNetrc(text)
		if err != nil && len(entries) > 0 {
			t.Error("entries together with an error")
		}
	})
}
