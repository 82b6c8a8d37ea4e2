package route

import (
	"errors"
	"strings"
	"testing"

	"poplift/migrate"
)

func rulesOf(t *testing.T, lines ...string) []Rule {
	t.Helper()
	var out []Rule
	for _, s := range lines {
		r, err := ParseRule(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		out = append(out, r)
	}
	return out
}

func TestRules(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		rules []string
		lines string
	}{
		"one folder": {[]string{"Old=Archive/Old"}, `
			Old → + Archive/Old
			Older → + Older`},
		"what is below goes along": {[]string{"Old=New"}, `
			Old/a → + New/a
			Old/a/b → + New/a/b`},
		"the nearest rule counts": {[]string{"Old=New", "Old/a=-", "Old/a/b=Kept"}, `
			Old → + New
			Old/a → - left out by your map
			Old/a/x → - left out by your map
			Old/a/b → + Kept
			Old/a/b/c → + Kept/c`},
		"a star is part of one name": {[]string{"Old/*=Archive/*"}, `
			Old → + Old
			Old/a → + Archive/a
			Old/a/b → + Archive/a/b`},
		"stars in a name": {[]string{"*-20*=Years/20*/*"}, `
			Work-2019 → + Years/20Work/19
			Work-1999 → + Work-1999
			a-b-2001 → + Years/20a-b/01
			Work- → + Work-`},
		"two stars are any number of names": {[]string{"Old/**/Sent=Was/**"}, `
			Old/Sent → + Was
			Old/a/Sent → + Was/a
			Old/a/b/Sent → + Was/a/b
			Old/a/Sent/b → + Was/a/b
			Old/a → + Old/a`},
		"two deep ones": {[]string{"**/x/**=X/**/**"}, `
			x → + X
			a/x/b → + X/a/b
			a/x/x/b → + X/a/x/b`},
		"lifted a level": {[]string{"Old/**=**"}, `
			Old → + Old
			Old/a → + a
			Old/a/b → + a/b
			Old/INBOX → INBOX`},
		"no names from nothing": {[]string{"Old*=*"}, `
			Old → + Old
			Older → + er`},
		"everything into one": {[]string{"Lists/**=Lists"}, `
			Lists → + Lists
			Lists/a → + Lists
			Lists/a/b → + Lists`},
		"the exact name first, then any case": {[]string{"work=A", "Work=B"}, `
			work → + A
			Work → + B
			WORK → + A`},
		"a name before a pattern": {[]string{"*=All/*", "work=W"}, `
			WORK → + W
			Other → + All/Other`},
		"the first pattern": {[]string{"W*=1/*", "*k=2/*"}, `
			Work → + 1/ork
			Park → + 2/Par
			wOrk → + 2/wOr`},
		"any case, with what it really is": {[]string{"straße *=*"}, `
			STRASSE Ä → + Ä
			Strase Ä → + Strase Ä`},
		"composed or not": {[]string{"É*=*"}, "\nE\u0301te → + te"},
		"roles": {[]string{`Old Sent=\Sent`, `\Trash=-`, `\Junk=Spam`, `Sent/2019=\Archive/Sent/2019`}, `
			Old Sent → Sent \Sent
			Sent{sent} → Sent \Sent
			Sent/2019 → + Archive/Sent/2019
			Papierkorb → - left out by your map
			Papierkorb/x → - left out by your map
			Spam → + Spam`},
		"the map before roles": {[]string{"Sent=Was/Sent", "Acc=Acc"}, `
			Sent{sent} → + Was/Sent
			Sent/2019 → + Was/Sent/2019
			Acc/Sent{sent} → + Acc/Sent`},
		"merged with one that stays": {[]string{"Old=Work"}, `
			Old → + Work
			Work → + Work
			work → + work-be7d08f0`},
		"INBOX": {[]string{"INBOX=Old mail", "x=inbox", "y=INBOX/y"}, `
			INBOX → + Old mail
			INBOX/a → + Old mail/a
			x → INBOX
			x/b → + INBOX/b
			y → + INBOX/y`},
		"the target's own names": {[]string{`a="Wörk/x"`, `b="Box \"1\"" \Archive`, `c="inbox"`}, `
			a → + Wörk/x
			a/b/c → + Wörk/x/b/c
			b → + Box "1" \Archive
			c → INBOX`},
		"signs in names": {[]string{`a\=b=c=d`, `\*=star`, `x\/y=z\/z`, `  spaces  =  in names `, `\ lead=1`, `\e=2`, `\x0A=3`, `[a]=4`, `"q"=5`, `-=\-`}, `
			a=b → + c=d
			* → + star
			spaces → + in names
			"q" → + 5
			[a] → + 4
			- → + -`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, Options{Map: rulesOf(t, c.rules...)}, serverNamed(t, "dovecot sdbox"), c.lines)
		})
	}
	o := Options{Map: rulesOf(t, `x\/y=z\/z`, `\ lead=1`, `\e=2`, `\x0A=3`)}
	ways := route(t, o, serverNamed(t, "dovecot sdbox"), []migrate.SourceFolder{{Path: migrate.Path{"x/y"}}, {Path: migrate.Path{" lead"}},
		{Path: migrate.Path{""}},
		{Path: migrate.Path{"\n"}}})
	for i, want := range []string{"z∕z", "1", "2", "3"} {
		if ways[i].Name != want {
			t.Errorf("%q → %q", ways[i].From.Path, ways[i].Name)
		}
	}
}

func TestPatternsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]struct {
		column int
		text   string
	}{
		"":               {1, "missing"},
		"a":              {2, `"=" is missing`},
		"=b":             {1, "missing"},
		"a=":             {3, "missing"},
		"a/=b":           {3, "missing"},
		"a//b=c":         {3, "missing"},
		"/a=b":           {1, "missing"},
		"a=b/":           {5, "missing"},
		"a**=b":          {1, "of its own"},
		"**a=b":          {1, "of its own"},
		"a/***=b":        {3, "3 asterisks"},
		"*=**":           {3, "same"},
		"a=*":            {3, "same"},
		"*/*=*":          {5, "same"},
		`a\q=b`:          {2, "means nothing"},
		`a=b\`:           {4, "lone"},
		`\xZZ=b`:         {1, "means nothing"},
		`\Sent x=b`:      {7, "behind"},
		`a \Sent x=b`:    {9, "behind"},
		`\Sent/x=b`:      {6, "behind"},
		`a=\Sent x`:      {9, "behind"},
		`a=b \Sent`:      {3, "double quotes"},
		`a="b`:           {3, "closing quote"},
		`a="b" c`:        {7, "nothing but a role"},
		`a=""`:           {3, "missing"},
		"a\xff=b":        {2, "UTF-8"},
		"é\xff=b":        {2, "UTF-8"},
		"a=\"b\xff\"":    {5, "UTF-8"},
		"a\x07=b":        {2, "control"},
		"a=\"b\u0085\"":  {5, "control"},
		`ü ü \Drafts/=b`: {12, "behind"},
	} {
		_, err := ParseRule(s)
		var e *SyntaxError
		if !errors.As(err, &e) || e.Line != 0 || e.Column != want.column || !strings.Contains(e.Text, want.text) {
			t.Errorf("%q: %v, want column %d: %s", s, err, want.column, want.text)
		}
	}
	for _, s := range []string{"a=b", "", "**x"} {
		if err := ParsePattern(s); err == nil {
			t.Errorf("%q is no pattern", s)
		}
	}
	for _, s := range []string{"a", "Lists/**", `\Trash`, `a \Outbox`, `a\=b`} {
		if err := ParsePattern(s); err != nil {
			t.Error(err)
		}
	}
	for _, o := range []Options{{Include: []string{"a=b"}}, {Exclude: []string{""}}, {Into: "*"}, {Into: "-"}, {Into: `a\q`}, {Into: `x y \Sent`}} {
		var e *SyntaxError
		if _, err := New(o); !errors.As(err, &e) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestIncludeAndExclude(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		o     Options
		lines string
	}{
		"exclude takes what is below": {Options{Exclude: []string{"Lists"}}, `
			lists → - excluded by "Lists"
			Lists/a → - excluded by "Lists"
			Listings → + Listings`},
		"only what is below": {Options{Exclude: []string{"Lists/*"}}, `
			Lists → + Lists
			Lists/a/b → - excluded by "Lists/*"`},
		"a role": {Options{Exclude: []string{`\Trash`, `Work \Outbox`}}, `
			Corbeille → - excluded by "\\Trash"
			Corbeille/x → - excluded by "\\Trash"
			Work → + Work
			Work{outbox} → - excluded by "Work \\Outbox"`},
		"include": {Options{Include: []string{"INBOX", "Work"}, Exclude: []string{"**/Secret"}}, `
			INBOX → INBOX
			INBOX/a → + INBOX/a
			Work/b → + Work/b
			Work/Secret/x → - excluded by "**/Secret"
			Other → - not among what is included
			Sent{sent} → - not among what is included`},
		"exclude before the map": {Options{Exclude: []string{"a"}, Map: rulesOf(t, "a=b")}, `
			a → - excluded by "a"
			c → + c`},
		"roles are told by those left out as well": {Options{Exclude: []string{"Papierkorb"}}, `
			Papierkorb → - excluded by "Papierkorb"
			Entwürfe → - excluded by "Entwürfe"
			Kuka → + Kuka`},
	}
	c := cases["roles are told by those left out as well"]
	c.o.Exclude = append(c.o.Exclude, "Entwürfe")
	cases["roles are told by those left out as well"] = c
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, c.o, serverNamed(t, "dovecot maildir"), c.lines)
		})
	}
}

func TestInto(t *testing.T) {
	t.Parallel()
	check(t, Options{Into: "Old PC"}, serverNamed(t, "dovecot maildir"), `
		INBOX{inbox} → + Old PC
		INBOX/a → + Old PC/a
		Sent{sent} → + Old PC/Sent
		Sent/2019 → + Old PC/Sent/2019
		Papierkorb → + Old PC/Papierkorb
		acc/Inbox{inbox} → + Old PC/acc/Inbox`)
	check(t, Options{Into: "Old PC", Map: rulesOf(t, "Sent=\\Sent", "a=b")}, serverNamed(t, "courier"), `
		Sent{sent} → + INBOX.Sent \Sent
		a → + INBOX.b
		INBOX/x → + INBOX.Old PC.x-742c7e7a
		x → + INBOX.Old PC.x`)
	check(t, Options{Into: "INBOX"}, serverNamed(t, "courier"), `
		INBOX → INBOX
		INBOX/a → + INBOX.a
		b → + INBOX.b`)
	check(t, Options{Into: `\Archive/Old`}, serverNamed(t, "gmail"), `
		INBOX → + Archive/Old
		b → + Archive/Old/b`)
	check(t, Options{Into: "Old"}, serverNamed(t, "mailutils"), `
		INBOX → + Old/Old
		INBOX/a → + Old/a
		b → + Old/b`)
	check(t, Options{Into: `"Old/x"`}, serverNamed(t, "flat"), `
		INBOX → + Old/x
		b/c → + Old/x›b›c`)
}
