package jobs

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// person answers by the first word of a question that is a key here, and takes the default otherwise. It notes what it was asked.
type person struct {
	answers map[string][]string
	asked   []string
}

func (p *person) ask(question, def string) (string, error) {
	p.asked = append(p.asked, question)
	for words, list := range p.answers {
		if strings.Contains(question, words) && len(list) > 0 {
			p.answers[words] = list[1:]
			return list[0], nil
		}
	}
	return "", nil
}

func TestInit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		answers   map[string][]string
		yaml, csv string
		accounts  string // with the CSV's rows below
		rows      string
	}{
		{"a CSV with passwords", map[string][]string{"Where is the mail": {"pop.old.example"}, "Where does it go": {"imap.gmail.com"}}, `
limits:
  concurrency: 8        # accounts at a time

jobs:
  - name: move
    source: pop3s://pop.old.example
`, "user,source_password,target_password\n", "ada pop3s://ada@pop.old.example ada imaps://ada@imap.gmail.com ada", "ada,env:A,env:B\n"},
		{"everything said", map[string][]string{"called?": {"old domain"}, "Where is the mail": {"pop3://pop.old.example:1110"}, "Where does it go": {"imaps://imap.new.example/Old mail"},
			"listed in a CSV": {"here"}, "Which accounts": {" ada, grace,ada "}, "users called at the old": {"{{.User}}@old.example"}, "passwords for the old": {"master"},
			"master user's password": {"file:/etc/poplift/master"}, "passwords for the new": {"token"}, "access token": {`graph-token "$POPLIFT_USER"`}, "marked as read": {"older-than:30d"},
			"How many": {"3"}, "state": {"/var/lib/poplift"}}, `
version: 1
state: /var/lib/poplift

limits:
  concurrency: 3        # accounts at a time

jobs:
  - name: old domain
    source:
      url: pop3://pop.old.example:1110
      user: '{{.User}}@old.example'
      login: '{{.SourceUser}}*master'
      password: file:/etc/poplift/master
    target:
      url: imaps://imap.new.example/Old mail
      user: '{{.User}}'
      token: cmd:graph-token "$POPLIFT_USER"
    seen: older-than:30d        # which messages are marked as read: none, all or older-than:30d
    accounts:
      - ada
      - grace
`, "", "ada pop3://ada@old.example@pop.old.example:1110 ada@old.example*master imaps://ada@imap.new.example ada\n" +
			"grace pop3://grace@old.example@pop.old.example:1110 grace@old.example*master imaps://grace@imap.new.example grace", ""},
		{"a mail program's files, and a CSV without passwords", map[string][]string{"Where is the mail": {"thunderbird:/srv/{{.User}}"}, "Where does it go": {"imap.new.example"},
			"passwords for the new": {"cmd"}, "CSV called": {"/etc/poplift/list.csv"}}, `
    source: thunderbird:/srv/{{.User}}
    target:
      url: imaps://imap.new.example
      user: '{{.User}}'
      password: cmd:pass show new/"$POPLIFT_USER"
    seen: none        # which messages are marked as read: none, all or older-than:30d
    csv: /etc/poplift/list.csv        # a line for each account; the first line names the columns: user
`, "user\n", "ada thunderbird:/srv/ada  imaps://ada@imap.new.example ada", "ada\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &person{answers: c.answers}
			d, err := Init(p.ask)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(d.YAML), c.yaml) || string(d.CSV) != c.csv {
				t.Errorf("wrote\n%s%s\nwithout\n%s", d.YAML, d.CSV, c.yaml)
			}
			if c.csv == "" != (d.CSVName == "") {
				t.Errorf("the CSV is called %q", d.CSVName)
			}
			f, err := Parse("jobs.yaml", d.YAML, LoadOptions{Now: now, Open: opener(map[string]string{d.CSVName[strings.LastIndexByte(d.CSVName, '/')+1:]: string(d.CSV) + c.rows})})
			if err != nil {
				t.Fatalf("%v\n%s", err, d.YAML)
			}
			var got []string
			for _, a := range f.Accounts {
				got = append(got, strings.Join([]string{a.Name, a.Sources[0].String(), a.Sources[0].Login, a.Target.String(), a.Target.Login}, " "))
			}
			if all := strings.Join(got, "\n"); all != c.accounts {
				t.Errorf("accounts\n%s\nwant\n%s\n%s", all, c.accounts, d.YAML)
			}
		})
	}
}

func TestInitShowsWhatIsKnownOfAProvider(t *testing.T) {
	t.Parallel()
	p := &person{answers: map[string][]string{"Where is the mail": {"pop.gmail.com"}, "Where does it go": {"imap.fastmail.com"}}}
	d, err := Init(p.ask)
	if err != nil || !strings.Contains(string(d.YAML), "# Gmail: POP3 shows about 250") || !strings.Contains(string(d.YAML), "# Fastmail: Passwords") {
		t.Errorf("%v\n%s", err, d.YAML)
	}
}

func TestInitAsksAgain(t *testing.T) {
	t.Parallel()
	p := &person{answers: map[string][]string{"Where is the mail": {"", "imaps://h", "pop3s://ada@h", "/mail", "pop.old.example"}, "Where does it go": {"imap.new.example"},
		"passwords for the old": {"somewhere", "env"}, "variable": {"a b", "OLD"}}}
	if _, err := Init(p.ask); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(p.asked, "\n")
	for _, want := range []string{"An address is needed.\nWhere is the mail", "imaps:// can't be a source; it is pop3s://HOST, pop3://HOST or a path.\nWhere is the mail",
		"Without a user, please", "put {{.User}} into the path", "Please answer with one of these words.\nWhere are the passwords for the old", "is no name of a variable"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not said in\n%s", want, all)
		}
	}
}

func TestInitEnds(t *testing.T) {
	t.Parallel()
	if _, err := Init((&person{}).ask); err == nil || !strings.Contains(err.Error(), "no usable answer") {
		t.Errorf("without a source: %v", err)
	}
	gone := errors.New("gone")
	asked := 0
	_, err := Init(func(string, string) (string, error) { asked++; return "", gone })
	if !errors.Is(err, gone) || asked != 1 {
		t.Errorf("after the person has gone: %v, %d questions", err, asked)
	}
	p := &person{answers: map[string][]string{"Where is the mail": {"pop.old.example"}, "Where does it go": {"imap.new.example"}, "listed in a CSV": {"here"}, "Which accounts": {"a@x,a@y"},
		"users called at the new": {"{{local .User}}"}}}
	if _, err := Init(p.ask); len(Mistakes(err)) != 1 {
		t.Errorf("two users of one name: %v", err)
	}
}

// TestInitWritesWhatIsRead: whatever is answered, a draft has no mistake.
func TestInitWritesWhatIsRead(t *testing.T) {
	t.Parallel()
	drafts := 0
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SampledFrom([]string{"", "pop.old.example", "imap.new.example", "/mail/{{.User}}", "{{.User}}", "csv", "here", "file", "cmd", "env", "master", "token", "none", "a, b", "# x: [", "'\"",
			"env:A", "file:/x/{{.User}}", "é: {{", "- y", "7", "all", "*x", "&x", "!x", "{{.Name}}*m", "0x1", "null", "~", "yes", "/s: #"})
		d, err := Init(func(question, _ string) (string, error) {
			switch {
			case strings.Contains(question, "Where is the mail"):
				return "pop.old.example", nil
			case strings.Contains(question, "Where does it go"):
				return "imap.new.example", nil
			}
			return words.Draw(t, question), nil
		})
		if err != nil {
			if len(Mistakes(err)) > 0 {
				t.Fatalf("%v", err)
			}
			return
		}
		drafts++
		if _, err := Parse("jobs.yaml", d.YAML, LoadOptions{Now: now, Open: opener(map[string]string{d.CSVName[strings.LastIndexByte(d.CSVName, '/')+1:]: string(d.CSV)})}); err != nil {
			t.Fatalf("%v\n%s", err, d.YAML)
		}
	})
	if drafts == 0 {
		t.Error("no draft was written")
	}
}
