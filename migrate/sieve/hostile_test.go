package sieve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"poplift/migrate"
	"poplift/migrate/sieve"
)

// TestHostileScriptsEnd runs scripts and messages that would take minutes. They end in the implicit keep and an error about this message.
func TestHostileScriptsEnd(t *testing.T) {
	t.Parallel()
	long := "Subject: " + strings.Repeat("a", 20_000) + "\n\n"
	for name, script := range map[string]string{
		"stars":                 strings.Repeat(`if header :matches "Subject" "`+strings.Repeat("*a?", 300)+`b" { discard; }`, 50),
		"a long segment":        `if header :matches "Subject" "*` + strings.Repeat("a", 2000) + `b*" { discard; }`,
		"regular expressions":   strings.Repeat(`if header :regex "Subject" "((a*)*)*(b|c){1,60}" { discard; }`, 2),
		"many keys":             `if header :contains "Subject" [` + strings.Repeat(`"aab",`, 300) + `"b"] { discard; }`,
		"case beyond ASCII":     strings.Repeat(`if header :comparator "i;unicode-casemap" :contains "Subject" "b" { discard; }`, 300),
		"expressions of a name": `set "v" "` + strings.Repeat("(a|b)", 50) + `";` + strings.Repeat(`if header :regex "Subject" "${v}x" { discard; }`, 2),
		"commands":              strings.Repeat("addflag \"a\";", 30_000) + strings.Repeat(`if header :matches "Subject" "*b*" { discard; }`, 30),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := load(t, sieve.Options{}, everything+script)
			s.SetBudget(1 << 21)
			v, err := s.File(context.Background(), spooled(t, long))
			var known *migrate.Error
			if !errors.As(err, &known) || !known.Final || known.Scope != migrate.ScopeMessage || !strings.Contains(err.Error(), "takes too long") {
				t.Errorf("error %v", err)
			}
			if written(v) != "INBOX[]" {
				t.Errorf("verdict %s", written(v))
			}
		})
	}
}

// TestBoundsAreKept: what is cut and what is not looked at.
func TestBoundsAreKept(t *testing.T) {
	t.Parallel()
	far := strings.Repeat("X-Filler: "+strings.Repeat("x", 990)+"\n", 300) + "Subject: far away\n\nbody"
	wide := strings.Repeat("--b\n\npart\n", 2000)
	deep := "Subject: x\n"
	for i := range 60 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	deep += "Content-Type: text/plain\n\nneedle\n"
	for _, tt := range []struct{ name, message, script, want string }{
		{"fields behind 256 KiB of header are not seen", far, hit(`exists "Subject"`), `INBOX[]`},
		{"a variable holds 16 KiB", field("Subject: x"), everything + `set "a" "` + strings.Repeat("é", 9000) + `"; set :length "n" "${a}"; fileinto "${n}";`, `8192[]`},
		{"a string 64 KiB", field("Subject: x"), everything + `set "a" "` + strings.Repeat("x", 16<<10) + `"; if string :regex "${a}${a}${a}${a}${a}y" "y" { discard; }`, `INBOX[]`},
		{"the parts of a body", "Content-Type: multipart/mixed; boundary=b\n\n" + wide + "--b\n\nneedle\n", hit(`body :contains "needle"`), `INBOX[]`},
		{"and their depth", deep, hit(`body :content "text" :contains "needle"`), `INBOX[]`},
		{"the number of flags", field("Subject: x"), everything + `set "a" "` + flags(100) + `"; addflag "${a}"; addflag "more"; fileinto "F";`, `F[` + flags(64) + `]`},
		{"filings", field("Subject: x"), everything + `fileinto "1";` + many(33), `INBOX[] error: sieve m1: the script files the message into more than 32 folders`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := verdict(t, load(t, sieve.Options{}, tt.script), spooled(t, tt.message)); got != tt.want {
				t.Errorf("got %.300s, want %s", got, tt.want)
			}
		})
	}
}

func flags(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("f%d", i))
	}
	return strings.Join(out, " ")
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "fileinto \"f%d\";", i)
	}
	return b.String()
}

// TestTooManyVariables: their number is bounded when the script is read.
func TestTooManyVariables(t *testing.T) {
	t.Parallel()
	script := `require "variables";`
	for i := range 1001 {
		script += fmt.Sprintf("set \"v%d\" \"x\";\n", i)
	}
	if _, err := sieve.Load("f", []byte(script)); err == nil || !strings.Contains(err.Error(), "f:1001:1: the script has more than 1000 variables") {
		t.Error(err)
	}
}

// TestHostileMessages are what is known to cost parsers most. They have to come through, and without the budget's help: that would be an error.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	const n = 100_000
	script := load(t, sieve.Options{}, everything+`if anyof (address :contains ["To", "From"] "needle", header :contains ["Subject", "X"] "needle", envelope "to" "needle",
		date "Date" "year" "1", date "Received" "year" "1", body :contains "needle", body :content "text/html" :contains "needle") { discard; }`)
	for name, text := range map[string]string{
		"open angles":           "To: " + strings.Repeat("<a,", n/3),
		"open quotes":           "To: " + strings.Repeat(`"\`, n/2),
		"open comments":         "To: " + strings.Repeat("(", n),
		"open brackets":         "To: " + strings.Repeat("[", n),
		"groups":                "To: " + strings.Repeat("a:b;", n/4),
		"commas":                "To: " + strings.Repeat(",", n),
		"at signs":              "To: " + strings.Repeat("@", n),
		"encoded words":         "Subject: " + strings.Repeat("=?", n/2),
		"half words":            "Subject: " + strings.Repeat("=?utf-8?q?", n/10),
		"words":                 "Subject: " + strings.Repeat("=?utf-8?q?a?= ", n/14),
		"UTF-7 words":           "Subject: " + strings.Repeat("=?utf-7?q?+?= ", n/14),
		"marks":                 "Subject: e" + strings.Repeat("\u0301", n/2),
		"fields":                strings.Repeat("a:\n", n/3),
		"continuations":         "Subject:\n" + strings.Repeat(" x\n", n/3),
		"a date":                "Date: " + strings.Repeat("(", n) + "\nReceived: " + strings.Repeat(";", n),
		"a content type":        "Content-Type: text/plain" + strings.Repeat(";a=b", n/4),
		"a short one":           "Content-Type: text/plain" + strings.Repeat("; a=\"", 600),
		"HTML":                  "Content-Type: text/html\n\n" + strings.Repeat("<!-", n),
		"open comments of HTML": "Content-Type: text/html\n\n" + strings.Repeat("<!--", n),
		"scripts":               "Content-Type: text/html\n\n" + strings.Repeat("<script></scrip", n/10),
		"entities":              "Content-Type: text/html\n\n" + strings.Repeat("&", n),
		"boundaries":            "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n", n),
		"base64":                "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("=\n", n),
		"quoted-printable":      "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=\n=zz", n/4),
		"3 MiB":                 "Subject: x\n\n" + strings.Repeat(strings.Repeat("x", 1022)+"\n", 3<<10),
		"one line":              "Subject: x\n\n" + strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := verdict(t, script, spooled(t, text+"\n")); got != "INBOX[]" {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestManyAtOnce: a script is shared by the accounts of a run.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := load(t, sieve.Options{}, everything+`if header :matches "Subject" "* *" { set "a" "${2}"; addflag "${1}"; fileinto "${a}"; }`)
	var wg sync.WaitGroup
	for i := range 8 {
		m := spooled(t, fmt.Sprintf("Subject: flag%d folder%d\n\n", i, i))
		wg.Go(func() {
			for range 50 {
				if got, want := verdict(t, s, m), fmt.Sprintf("folder%d[flag%d]", i, i); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough of it")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	s := load(t, sieve.Options{}, everything+`if body :raw :contains "zzz" { discard; }`)
	v, err := s.File(ctx, spooled(t, "Subject: x\n\n"+strings.Repeat("x", 2<<20)))
	if !errors.Is(err, cause) || written(v) != "INBOX[]" {
		t.Errorf("%s, %v", written(v), err)
	}
}

// TestUnreadable: what can't be read is kept, whatever the script says.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	s := load(t, sieve.Options{}, `discard;`)
	v, err := s.File(context.Background(), &migrate.Message{})
	var known *migrate.Error
	if !errors.As(err, &known) || known.Final || known.Scope != migrate.ScopeMessage || written(v) != "INBOX[]" {
		t.Errorf("%s, %v", written(v), err)
	}
}
