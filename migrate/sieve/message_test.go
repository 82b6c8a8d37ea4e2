package sieve_test

import (
	"strings"
	"testing"

	"poplift/migrate/sieve"
)

// field is a message with these fields.
func field(s string) string { return s + "\n\nbody\n" }

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, header, test string }{
		{"folded at a space", "Subject: a\n b\n  c", `header "Subject" "a b  c"`},
		{"folded at a tab", "Subject: a\n\tb", `header "Subject" "a b"`},
		{"a value on the next line", "Subject:\n a", `header "Subject" "a"`},
		{"no space behind the colon", "Subject:a", `header "Subject" "a"`},
		{"white space around", "Subject: \t a  ", `header "Subject" "a"`},
		{"white space before the colon", "Subject \t: a", `header "subject" "a"`},
		{"any field of the name", "Subject: a\nSUBJECT: b", `header "Subject" "b"`},
		{"an encoded word", "Subject: =?utf-8?b?Y2Fmw6k=?=", `header "Subject" "café"`},
		{"two, folded", "Subject: =?utf-8?b?Y2Fmw6k=?=\n =?utf-8?q?_x?= y", `header "Subject" "café x y"`},
		{"in Latin-1", "Subject: =?ISO-8859-1?Q?caf=E9?=", `header "Subject" "café"`},
		{"in ISO-2022-JP", "Subject: =?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", `header "Subject" "日本"`},
		{"with a language", "Subject: =?UTF-8*en?Q?a?=", `header "Subject" "a"`},
		{"a character in two encoded words", "Subject: =?UTF-8?Q?caf=C3?= =?UTF-8?Q?=A9?=", `header "Subject" "café"`},
		{"in a character set that nobody knows", "Subject: =?x-nope?q?abc?= z", `header "Subject" "=?x-nope?q?abc?= z"`},
		{"broken off", "Subject: =?utf-8?q?abc", `header "Subject" "=?utf-8?q?abc"`},
		{"with a NUL in it", "Subject: =?utf-8?q?a=00b?= c", `header :matches "Subject" "a?b c"`},
		{"raw UTF-8", "Subject: café", `header "Subject" "café"`},
		{"raw Windows-1252", "Subject: caf\xe9 \x80", `header "Subject" "café €"`},
		{"lines that are no fields", "junk\n more\nSubject: a", `header "Subject" "a"`},
		{"a From_ line", "From a@b Thu Jan  1 00:00:00 1970\nSubject: a", `header "Subject" "a"`},
		{"a continuation of nothing", " x\nSubject: a", `header "Subject" "a"`},
		{"a lone CR", "Subject: a\rb", `header :matches "Subject" "a?b"`},
		{"a header without a body", "Subject: a", `header "Subject" "a"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := verdict(t, load(t, sieve.Options{}, hit(tt.test)), spooled(t, field(tt.header))); got != "Hit[]" {
				t.Errorf("%s: got %s", tt.test, got)
			}
		})
	}
	for name, text := range map[string]string{
		"nothing at all": "", "an empty header": "\n\nbody", "a body alone": "\nSubject: a\n", "a header broken off": "Subj",
	} {
		if got := verdict(t, load(t, sieve.Options{}, hit(`exists "Subject"`)), spooled(t, text)); got != "INBOX[]" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestAddresses are address lists as they come. go-sieve gives up a field at the first fault in it.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ field, want string }{
		{`a@b.c`, `a@b.c`},
		{`<a@b.c>`, `a@b.c`},
		{`A B <a@b.c>`, `a@b.c`},
		{`"B, A" <a@b.c>, d@e.f`, `a@b.c d@e.f`},
		{`"x\"y, z" <a@b.c>`, `a@b.c`},
		{`a@b.c (Comment (in it), d@e.f)`, `a@b.c`},
		{`a (x) @ (y) b.c`, `a@b.c`},
		{`a . b @ c . d`, `a.b@c.d`},
		{`"quoted local"@b.c`, `"quoted local"@b.c`},
		{`"plain"@b.c`, `plain@b.c`},
		{`a@[192.0.2.1]`, `a@[192.0.2.1]`},
		{`<@r1.x,@r2.x:a@b.c>`, `a@b.c`},
		{`undisclosed-recipients:;`, ``},
		{`birds: a@b.c, "D" <d@e.f>;, g@h.i`, `a@b.c d@e.f g@h.i`},
		{`a@b.c,, d@e.f,`, `a@b.c d@e.f`},
		{`a@b.c; d@e.f`, `a@b.c d@e.f`},
		{"J\xf6rg <a@b.c>", `a@b.c`},
		{`=?utf-8?q?a=2C_b?= <a@b.c>`, `a@b.c`},
		{`Foo <a@b.c`, `a@b.c`},
		{`Foo <broken, d@e.f`, `Foo <broken d@e.f`},
		{`"open <a@b.c>, d@e.f`, `a@b.c d@e.f`},
		{`John <a@b.c> junk`, `a@b.c`},
		{`nobody`, `nobody`},
		{`<>`, `<>`},
		{`a@`, `a@`},
		{`@b`, `@b`},
		{`.a..b.@c.d`, `.a..b.@c.d`},
		{`a@b@c.d`, `a@b@c.d`},
		{`a b@c.d`, `a b@c.d`},
		{`(only a comment)`, `(only a comment)`},
		{`[`, `[`},
		{`\`, `\`},
	} {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			if s := strings.Join(sieve.AddressesIn(tt.field), " "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

func TestAddressParts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field, test string
		want        bool
	}{
		{"From: nobody", `address :all "From" "nobody"`, true},
		{"From: nobody", `address :localpart :contains "From" ""`, false},
		{"From: nobody", `address :domain :contains "From" ""`, false},
		{"From: nobody", `address :count "ge" :comparator "i;ascii-numeric" "From" "1"`, false},
		{"X-Admin: nobody", `address :all "X-Admin" "nobody"`, false},
		{"X-Admin: a@b.c", `address :all "X-Admin" "a@b.c"`, true},
		{"From: \"a b+c\"@d.e", `address :user "From" "a b"`, true},
		{"From: a+b+c@d.e", `address :detail "From" "b+c"`, true},
		{"From: a+@d.e", `address :detail "From" ""`, true},
		{"To: a@b.c, d@e.f\nTo: g@h.i", `address :index 2 :all "To" "g@h.i"`, true},
		{"To: a@b.c, d@e.f\nTo: g@h.i", `address :index 2 :all "To" "d@e.f"`, false},
	} {
		got := verdict(t, load(t, sieve.Options{}, hit(tt.test)), spooled(t, field(tt.field)))
		if got != map[bool]string{true: "Hit[]", false: "INBOX[]"}[tt.want] {
			t.Errorf("%s, %s: got %s", tt.field, tt.test, got)
		}
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	account := sieve.Options{Account: "me@home.example"}
	given := sieve.Options{EnvelopeFrom: "<given@x.y>", EnvelopeTo: "too@x.y", Account: "me@home.example"}
	for _, tt := range []struct {
		name, header string
		options      sieve.Options
		test         string
		want         bool
	}{
		{"the topmost Return-Path", "Return-Path: <a@b.c>\nReturn-Path: <d@e.f>", sieve.Options{}, `envelope "from" "a@b.c"`, true},
		{"and no other", "Return-Path: <a@b.c>\nReturn-Path: <d@e.f>", sieve.Options{}, `envelope "from" "d@e.f"`, false},
		{"the null reverse-path", "Return-Path: <>", sieve.Options{}, `envelope "from" ""`, true},
		{"whatever the part", "Return-Path: <>", sieve.Options{}, `envelope :domain "from" ""`, true},
		{"counts 0", "Return-Path: <>", sieve.Options{}, `envelope :count "eq" :comparator "i;ascii-numeric" "from" "0"`, true},
		{"no Return-Path is not known", "Subject: x", sieve.Options{}, `envelope :contains "from" ""`, false},
		{"a source route is dropped", "Return-Path: <@x.y:a@b.c>", sieve.Options{}, `envelope "from" "a@b.c"`, true},
		{"Delivered-To first", "X-Original-To: list@b.c\nDelivered-To: me@b.c", account, `envelope "to" "me@b.c"`, true},
		{"then X-Original-To", "Envelope-To: d@e.f\nX-Original-To: me@b.c", account, `envelope "to" "me@b.c"`, true},
		{"then Envelope-To", "X-Envelope-To: d@e.f\nEnvelope-To: me@b.c", account, `envelope "to" "me@b.c"`, true},
		{"then X-Envelope-To", "X-Envelope-To: <me@b.c>", account, `envelope "to" "me@b.c"`, true},
		{"then the account", "To: list@b.c", account, `envelope :localpart "to" "me"`, true},
		{"or nothing", "To: list@b.c", sieve.Options{}, `envelope :contains "to" ""`, false},
		{"what the caller says comes first", "Return-Path: <a@b.c>\nDelivered-To: me@b.c", given, `allof (envelope "from" "given@x.y", envelope "to" "too@x.y")`, true},
		{"the null reverse-path of the caller", "Return-Path: <a@b.c>", sieve.Options{EnvelopeFrom: "<>"}, `envelope "from" ""`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := verdict(t, load(t, tt.options, hit(tt.test)), spooled(t, field(tt.header)))
			if got != map[bool]string{true: "Hit[]", false: "INBOX[]"}[tt.want] {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestFolderNames(t *testing.T) {
	t.Parallel()
	dot := sieve.Options{Delimiter: "."}
	for _, tt := range []struct {
		name    string
		options sieve.Options
		script  string
		want    string
	}{
		{"the inbox in any case", sieve.Options{}, `fileinto "inBox";`, `INBOX[]`},
		{"a slash", sieve.Options{}, `fileinto "a/b c/d";`, `a/b c/d[]`},
		{"slashes too many", sieve.Options{}, `fileinto "/a//b/";`, `a/b[]`},
		{"the old server's prefix", sieve.Options{}, `fileinto "INBOX/a";`, `a[]`},
		{"with dots", sieve.Options{}, `fileinto "INBOX.Lists.go";`, `Lists/go[]`},
		{"the prefix decides for all names", sieve.Options{}, `fileinto "x.y"; fileinto "Inbox.Lists.go";`, `x/y[] Lists/go[]`},
		{"unless there is a slash", sieve.Options{}, `fileinto "x.y"; fileinto "INBOX.go"; fileinto "a/b";`, `x.y[] INBOX.go[] a/b[]`},
		{"a dot alone is no proof", sieve.Options{}, `fileinto "example.com";`, `example.com[]`},
		{"the caller's delimiter", dot, `fileinto "example.com"; fileinto "a/b";`, `example/com[] a/b[]`},
		{"in the words around a variable", sieve.Options{}, `if header :matches "Subject" "*" { fileinto "INBOX.s.${1}"; }`, `s/x[]`},
		{"UTF-8", sieve.Options{}, `fileinto "Entwürfe";`, `Entwürfe[]`},
		{"modified UTF-7", sieve.Options{}, `fileinto "INBOX.Entw&APw-rfe";`, `Entwürfe[]`},
		{"what only looks like it", sieve.Options{}, `fileinto "R&D-x"; fileinto "a&-b";`, `R&D-x[] a&-b[]`},
		{"a role", sieve.Options{}, `fileinto "\\Junk";`, `Junk[]`},
		{"a name that a message spoils: control characters", sieve.Options{}, `fileinto "${hex:41}"; set "v" "a${hex:07}"; fileinto "${v}";`, `A[] INBOX[]`},
		{"parents", sieve.Options{}, `set "v" "a/../b"; fileinto "${v}";`, `INBOX[]`},
		{"nothing", sieve.Options{}, `set "v" ""; fileinto "${v}";`, `INBOX[]`},
		{"half a character", sieve.Options{}, `if string :matches "é" "??" { fileinto "a${1}"; }`, `INBOX[]`},
		{"too long", sieve.Options{}, `set "v" "` + strings.Repeat("x", 1001) + `"; fileinto "${v}";`, `INBOX[]`},
		{"too deep", sieve.Options{}, `set "v" "` + strings.Repeat("x/", 33) + `"; fileinto "${v}";`, `INBOX[]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := verdict(t, load(t, tt.options, everything+tt.script), spooled(t, field("Subject: x"))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// outer is the message of RFC 5173 5.2, with one part more.
const outer = `Content-Type: multipart/mixed; boundary=outer

This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset="us-ascii"

Hello

--inner
Content-Type: text/html; charset="us-ascii"

<html><body><style>p { x }</style>Hel<b>lo</b> &eacute;</body></html>

--inner--

This is the end of the inner MIME multipart.

--outer
Content-Type: message/rfc822

From: Someone Else
Subject: hello request

Please say Hello

--outer
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

QklOQVJZ
--outer--

This is the end of the outer MIME multipart.
`

func TestBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		message, test string
		want          bool
	}{
		{outer, `body :content "multipart" :contains "end of the outer MIME"`, true},
		{outer, `body :content "multipart" :contains "nested multi-part"`, true},
		{outer, `body :content "multipart" :contains "Hello"`, false},
		{outer, `body :content "text/plain" :contains "Please say"`, true},
		{outer, `body :content "text/plain" :contains "<b>"`, false},
		{outer, `body :content "text/html" :contains "<b>lo"`, true},
		{outer, `body :content "text" :contains ["x", "<b>lo"]`, true},
		{outer, `body :content "message/rfc822" :contains "request"`, true},
		{outer, `body :content "message/rfc822" :contains "Please"`, false},
		{outer, `body :content "application" :is "BINARY"`, true},
		{outer, `body :content "audio" :contains ""`, false},
		{outer, `body :content "text/" :contains ""`, false},
		{outer, `body :content "/plain" :contains ""`, false},
		{outer, `body :content "" :contains "BINARY"`, true},
		{outer, `body :raw :contains "QklO"`, true},
		{outer, `body :raw :contains "BINARY"`, false},
		{outer, `body :text :contains "Hello é"`, true},
		{"Content-Type: text/html\n\n<p>one</p><P class=x>t<B>w</B>o<br/>three<!-- four -->", `body :text :contains "one  two three"`, true},
		{outer, `body :contains "p {"`, false},
		{outer, `body :text :contains "BINARY"`, false},
		{"Subject: x", `body :contains ""`, false},
		{"Subject: x\n\n", `body :contains ""`, true},
		{"Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: base64\n\nGyRCRnxLXBsoQg==\n", `body :contains "日本"`, true},
		{"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: Quoted-Printable\n\ncaf=E9\n", `body :contains "café"`, true},
		{"Content-Type: nonsense\nContent-Transfer-Encoding: nonsense\n\ncaf\xe9\n", `body :contains "café"`, true},
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nnever closed\n", `body :contains "never"`, true},
		{"Content-Type: multipart/mixed\n\n--b\n\nno boundary\n--b--\n", `body :content "" :contains "no boundary"`, true},
	} {
		got := verdict(t, load(t, sieve.Options{}, hit(tt.test)), spooled(t, tt.message))
		if got != map[bool]string{true: "Hit[]", false: "INBOX[]"}[tt.want] {
			t.Errorf("%.40q, %s: got %s", tt.message, tt.test, got)
		}
	}
	// RFC 5173 6: a body test sets no match variables.
	script := everything + `if header :matches "Subject" "*" {} if body :raw :matches "*" { fileinto "a${1}"; }`
	if got := verdict(t, load(t, sieve.Options{}, script), spooled(t, field("Subject: x"))); got != "ax[]" {
		t.Errorf("got %s", got)
	}
}
