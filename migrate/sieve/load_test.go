package sieve_test

import (
	"errors"
	"strings"
	"testing"

	"poplift/migrate/sieve"
)

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, script, want string }{
		{"an extension that isn't there", "require [\"fileinto\",\n  \"foreverypart\"];", `f:2:3: the extension "foreverypart" is not supported; there are body, comparator-i;ascii-casemap,`},
		{"and what follows from it isn't told again", "require [\"foreverypart\"];\nforeverypart { stop; }", `f:1:10: the extension "foreverypart" is not supported; `},
		{"a word of an extension that a script may require but not use", "require \"editheader\";\naddheader \"X\" \"y\";", `f:2:1: addheader is not supported: a migration changes no message`},
		{"an option of such", "require \"extlists\";\nif header :list \"From\" \"x\" {}", `f:2:11: :list is not supported: the old server's lists are not known here`},
		{"include of another script", "require \"include\"; include :personal \"x\";", `f:1:20: include is not supported: put the other script's commands into this one`},
		{"no require", "keep;\n  fileinto \"a\";", `f:2:3: fileinto needs: require "fileinto";`},
		{"no require for an option", `require "fileinto"; fileinto :copy "a";`, `f:1:30: :copy needs: require "copy";`},
		{"no require for a test", `if envelope "from" "x" {}`, `f:1:4: envelope needs: require "envelope";`},
		{"require too late", "keep;\nrequire \"copy\";", `f:2:1: require must stand before all other commands`},
		{"require in a block", "if true {\nrequire \"copy\"; }", `f:2:1: require must stand before all other commands`},
		{"elsif without if", `keep; elsif true { }`, `f:1:7: elsif must follow if or elsif`},
		{"else behind else", `if true {} else {} else {}`, `f:1:20: else must follow if or elsif`},
		{"else if", `if true {} else if false {}`, `f:1:17: "else if" is written elsif`},
		{"two tests", `if true, false {}`, `f:1:4: behind this: expected semicolon or arguments or block, got Comma()`},
		{"no semicolon", "keep\ndiscard;", `f:2:1: keep takes no test; is a ";" missing before discard?`},
		{"a command that isn't there", `foo;`, `f:1:1: there is no command foo`},
		{"a test that isn't there", `if foo {}`, `f:1:4: there is no test foo`},
		{"an option that isn't there", `keep :foo;`, `f:1:6: there is no option of keep :foo`},
		{"a block where none can stand", `keep { stop; }`, `f:1:1: keep takes no block`},
		{"arguments", `require "fileinto"; fileinto;`, `f:1:21: fileinto takes 1 argument, not 0`},
		{"a list for a string", `require "fileinto"; fileinto ["a"];`, `f:1:30: fileinto takes a string here`},
		{"an option twice", `if header :is :is "a" "b" {}`, `f:1:15: :is is given twice`},
		{"two of one kind", `if header :is :contains "a" "b" {}`, `f:1:15: :contains is a second match type`},
		{"an option at the end", `require ["fileinto", "copy"]; fileinto "a" :copy;`, `f:1:44: :copy must stand before the other arguments of fileinto`},
		{"an option without its value", `require "imap4flags"; keep :flags;`, `f:1:28: :flags needs a list of strings`},
		{"a comparator that isn't there", `if header :comparator "i;foo" "a" "b" {}`, `f:1:23: there is no comparator "i;foo"; there are i;octet,`},
		{"a comparator that doesn't fit", `if header :contains :comparator "i;ascii-numeric" "a" "b" {}`, `f:1:4: :contains can't be used with the comparator "i;ascii-numeric"`},
		{"a relation that isn't there", `require "relational"; if header :count "eg" "a" "1" {}`, `f:1:40: "eg" is no relation; there are gt, ge, lt, le, eq and ne`},
		{"a regular expression", `require "regex"; if header :regex "a" "a(" {}`, `f:1:21: "a(": error parsing regexp: missing closing ): ` + "`a(`"},
		{"an envelope part", `require "envelope"; if envelope ["from", "orig"] "a" {}`, `f:1:42: there is no envelope part "orig"; there are from and to`},
		{"a date part", `require "date"; if date "date" "decade" "1" {}`, `f:1:20: there is no date part "decade"`},
		{"a zone", `require "date"; if date :zone "CET" "date" "year" "1" {}`, `f:1:31: "CET" is no time zone; write it like "+0100"`},
		{"size", `if size 100 {}`, `f:1:4: size takes 0 arguments, not 1`},
		{"last without index", `require "index"; if header :last "a" "b" {}`, `f:1:21: :last needs :index`},
		{"a variable's name", `require "variables"; set "1" "x";`, `f:1:22: "1" is no name of a variable that can be set`},
		{"a variable's name with a variable", `require "variables"; set "a${b}" "x";`, `f:1:22: the name of a variable can't have variables`},
		{"a namespace", "require \"variables\"; set \"a\" \"${vacation.days}\";", `f:1:30: there are no variables ${vacation.…}`},
		{"a match variable", `require "variables"; set "a" "${100}";`, `f:1:30: there are no match variables above ${99}`},
		{"a flag variable without variables", `require "imap4flags"; addflag "v" "x";`, `f:1:23: the variable of addflag needs: require "variables";`},
		{"no character", `require ["encoded-character", "variables"]; set "a" "${unicode:D800}";`, `f:1:53: D800 is no character of Unicode`},
		{"an address", `redirect "a@b.c, d@e.f";`, `f:1:1: "a@b.c, d@e.f" is no address`},
		{"no folder", "require \"fileinto\";\n fileinto \"a/../b\";", `f:2:2: "a/../b" is no name of a folder`},

		// What go-sieve passes over, or says without a place.
		{"a brace too many", "require \"fileinto\";\nif true { keep; } }\nfileinto \"x\";", `f:2:19: this "}" closes nothing`},
		{"a brace too few", "if true {\n  if false { keep; }\n", `f:1:9: this "{" is never closed`},
		{"a list that ends in a comma", `if header ["a", ] "b" {}`, `f:1:17: a list must not end in a comma`},
		{"tests that end in a comma", `if anyof (true, ) {}`, `f:1:17: a list must not end in a comma`},
		{"an empty list", `if header [] "b" {}`, `f:1:12: a list must not be empty`},
		{"a number too large", `if size :over 9999999999G {}`, `f:1:15: this number is too large`},
		{"a number with too many digits", "\nif size :over 99999999999999999999 {}", `f:2:34: strconv.Atoi`},
		{"a string that isn't closed", "keep;\nredirect \"a@b.c;\nkeep;", `f:2:10: this string is never closed`},
		{"a text: that isn't closed", "require \"variables\";\nset \"a\" text:\nabc\n", `f:2:9: this text: is never closed`},
		{"a comment that isn't closed", "keep;\n/* abc", `f:1:5: a comment behind this is never closed`},
		{"a text: that begins with a dot", "require \"variables\";\nset \"a\" text:\n.\n;\nset \"b\" text:\n.\n;", `f:2:9: the first line of this text: begins with a dot`},
		{"a character that can't stand there", "keep;\n  @", `f:2:3: unexpected "@"`},
		{"a NUL", "keep;\x00", `f:1:6: go-sieve/lexer: NUL is not allowed in input stream`},
		{"nothing behind a command", "keep ", `f:1:1: behind this: expected semicolon`},
		{"a list in a list", `if header [["a"]] "b" {}`, `f:1:12: behind this: expected string`},
		{"tests in each other", "if " + strings.Repeat("not ", 100) + "true {}", `nesting limit exceeded`},
		{"blocks in each other", strings.Repeat("if true {", 100) + strings.Repeat("}", 100), `block nesting limit exceeded`},
		{"a script too large", strings.Repeat("keep; ", 1<<18), `f:1:1: the script has more than 1048576 octets`},
		{"too many tokens", strings.Repeat(";", 1<<18), `too many tokens`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := sieve.Load("f", []byte(tt.script))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
			if strings.HasPrefix(tt.want, "f:") && err.Error()[:len(tt.want)] != tt.want || strings.Contains(err.Error(), "\n") {
				t.Errorf("this error alone: %v", err)
			}
			var p *sieve.Problem
			if !errors.As(err, &p) || p.File != "f" || p.Line < 1 || p.Column < 1 {
				t.Errorf("no place: %+v", p)
			}
		})
	}
}

func TestLoadTellsAllErrors(t *testing.T) {
	t.Parallel()
	_, err := sieve.Load("rules.sieve", []byte(`require ["fileinto", "nonsense", "also-nonsense"];
if header :is "Subject" { fileinto "a"; }
elsif size :over "1M" { fileinto "b" "c"; }
else { stop now; }
redirect "nobody";
`))
	want := []string{"1:22: the extension", "1:34: the extension", "2:4: header takes 2 arguments", "3:12: :over needs a number", "3:7: size takes 0",
		"3:25: fileinto takes 1", "4:13: stop takes no test", "5:1: \"nobody\""}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		if i >= len(want) || !strings.HasPrefix(line, "rules.sieve:"+want[i]) {
			t.Fatalf("line %d of\n%v", i+1, err)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d errors, want %d:\n%v", len(lines), len(want), err)
	}
	_, err = sieve.Load("x", []byte(strings.Repeat("foo;\n", 100)))
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 21 || lines[20] != "x: and 80 more errors" {
		t.Errorf("%v", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ script, want string }{
		{`require "vacation"; vacation "gone";`, `f:1:21: vacation answers nobody here`},
		{`require "reject"; if true { reject "no"; }`, `f:1:29: reject refuses nothing here; the message is kept`},
		{`require "duplicate"; keep;`, `f:1:9: the extension "duplicate" is not supported; the script is in order as long as it doesn't use it`},
		{`if header :comparator "i;unicode-casemap" "a" "b" {}`, `f:1:23: a strict server wants: require "comparator-i;unicode-casemap";`},
		{`require "fileinto"; fileinto "a.b";`, `f:1:21: "a.b" is taken for one folder with a dot in its name; if the dot parts folders, set the delimiter to "."`},
		{`require "fileinto"; fileinto "Entw&APw-rfe";`, `f:1:30: "Entw&APw-rfe" is taken for modified UTF-7: the folder "Entwürfe"`},
		{`require "fileinto"; fileinto "INBOX.a.b";`, ``},
		{`require "fileinto"; fileinto "R&D-x & co/AT&T";`, ``},
	} {
		s, err := sieve.Load("f", []byte(tt.script))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range s.Warnings() {
			got += w.Error()
		}
		if got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.script, got, tt.want)
		}
	}
}

func TestLoadTakes(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"nothing":                           "",
		"a byte order mark":                 "\xef\xbb\xbfkeep;",
		"words in any case":                 "IF NOT Header :Contains \"SUBJECT\" \"x\" { KEEP; } ELSE { Stop; }",
		"comments everywhere":               "# x\r\nkeep /* y\n*/ ; # z",
		"one level less than the bound":     strings.Repeat("if true {", 60) + strings.Repeat("}", 60),
		"fifteen tests in each other":       "if " + strings.Repeat("anyof (true, allof (", 15) + "true" + strings.Repeat("))", 15) + " {}",
		"a line end within a string":        "require \"variables\"; set \"a\" \"b\nc\";",
		"all that Fastmail puts at the top": `require ["fileinto", "reject", "vacation", "notify", "envelope", "body", "relational", "regex", "subaddress", "copy", "mailbox", "mboxmetadata", "servermetadata", "date", "index", "comparator-i;ascii-numeric", "variables", "imap4flags", "editheader", "duplicate", "vacation-seconds"];`,
	} {
		if _, err := sieve.Load(name, []byte(script)); err != nil {
			t.Error(err)
		}
	}
}
