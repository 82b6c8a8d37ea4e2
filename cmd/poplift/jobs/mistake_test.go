package jobs

import (
	"errors"
	"strings"
	"testing"
)

// told is what a jobs file is told, without its name, a line each.
func told(t *testing.T, text string, files map[string]string, o LoadOptions) []string {
	t.Helper()
	o.Now, o.Open = now, opener(files)
	f, err := Parse("jobs.yaml", []byte(text), o)
	if (f == nil) == (err == nil) {
		t.Fatalf("file %v, error %v: exactly one is due", f, err)
	}
	var out []string
	for _, m := range Mistakes(err) {
		if (m.Line < 1 || m.Column < 1) && !strings.HasSuffix(m.Msg, "reading ended here") {
			t.Errorf("no place: %v", m)
		}
		out = append(out, strings.TrimPrefix(m.Error(), "jobs.yaml:"))
	}
	if err != nil && len(out) == 0 {
		t.Fatalf("not made of mistakes: %v", err)
	}
	return out
}

const goodHead = "defaults: {source: pop3s://pop.old.example, target: imaps://imap.new.example}\njobs:\n"

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "1:1: there is nothing in it; poplift init writes a first one"},
		{"only a comment", "# nothing\n", "1:1: there is nothing in it; poplift init writes a first one"},
		{"a list", "- a\n", "1:1: a mapping is needed (key: value), not a list"},
		{"no jobs", "version: 1\n", "1:1: there are no jobs; poplift init writes a first file"},
		{"an empty list of jobs", "jobs: []\n", "1:7: jobs: there are no jobs; poplift init writes a first file"},
		{"a tab", "jobs:\n  - name: x\n\taccounts: [a]\n", "3:1: no YAML: found a tab character that violates indentation; indent with spaces"},
		{"braces without quotes", goodHead + "  - name: x\n    source: {{.User}}@x\n",
			"4:22: no YAML: found character that cannot start any token; a value that begins with {{ stands in quotes"},
		{"braces alone", goodHead + "  - name: x\n    into: {{.User}}\n    accounts: [a]\n",
			"4:11: jobs[0].into: a single value is needed, not a mapping; a value that begins with {{ stands in quotes"},
		{"a colon in a value", goodHead + "  - name: x: y\n",
			`3:12: no YAML: mapping values are not allowed in this context; a value that holds ": " stands in quotes, and keys of one mapping begin in one column`},
		{"a quote left open", goodHead + "  - name: 'x\n    accounts: [a]\n", "3:11: no YAML: found unexpected end of stream"},
		{"an unknown anchor", "jobs: *x\n", "1:8: no YAML: unknown anchor 'x' referenced"},
		{"not UTF-8", "jobs:\n- name: é\xff\n", "2:10: not UTF-8; save the file as UTF-8"},
		{"two documents", goodHead + "  - {name: x, accounts: [a]}\n---\njobs: 2\n", "4:1: a second document begins here (---)"},

		{"an unknown key", goodHead + "  - {name: x, accounts: [a], max-size: 1M}\n", "3:30: jobs[0].max-size: there is no key max-size here; did you mean max_size?"},
		{"a slip", goodHead + "  - {name: x, acounts: [a]}\n", "3:15: jobs[0].acounts: there is no key acounts here; did you mean accounts?"},
		{"swapped letters", goodHead + "  - {name: x, accounts: [a], sicne: 2020-01-01}\n", "3:30: jobs[0].sicne: there is no key sicne here; did you mean since?"},
		{"another tool's word", goodHead + "  - {name: x, accounts: [{user: a, source: {password_cmd: pass}}]}\n",
			"3:45: jobs[0].accounts[0].source.password_cmd: there is no key password_cmd here; did you mean password: cmd:COMMAND?"},
		{"a key of another place", goodHead + "  - {name: x, accounts: [a], concurrency: 3}\n",
			"3:30: jobs[0].concurrency: there is no key concurrency here; concurrency stands in limits"},
		{"a key said twice", goodHead + "  - {name: x, accounts: [a], seen: all, seen: none}\n", "3:41: jobs[0].seen: seen is said twice, first in line 3"},
		{"a list for a value", goodHead + "  - {name: x, accounts: [a], seen: [all]}\n", "3:36: jobs[0].seen: a single value is needed, not a list"},
		{"a value for a mapping", "limits: 3\n" + goodHead + "  - {name: x, accounts: [a]}\n", "1:9: limits: a mapping is needed (key: value), not a single value"},
		{"a value for a list", goodHead + "  - {name: x, accounts: a}\n",
			"3:25: jobs[0].accounts: a list is needed, not a single value; each item stands on a line of its own behind a -"},
		{"a tag", goodHead + "  - {name: x, accounts: [a], seen: !!binary YWxs}\n", "3:36: jobs[0].seen: the tag !!binary has no meaning here"},

		{"another version", "version: 2\n" + goodHead + "  - {name: x, accounts: [a]}\n", "1:10: version: version 2; this poplift reads version 1"},
		{"a size", "limits: {memory: 10Q}\n" + goodHead + "  - {name: x, accounts: [a]}\n",
			`1:18: limits.memory: "10Q" is no size; write it as 500k, 20M or 1.5G, in octets`},
		{"too little memory", "limits: {memory: 10k}\n" + goodHead + "  - {name: x, accounts: [a]}\n", "1:18: limits.memory: memory 10k: at least 1M is needed"},
		{"a window above the memory", "limits: {memory: 10M, window: 20M}\n" + goodHead + "  - {name: x, accounts: [a]}\n",
			"1:31: limits.window: window 20M is more than memory 10M; what is asked for ahead must also fit"},
		{"a count", "limits: {concurrency: 0}\n" + goodHead + "  - {name: x, accounts: [a]}\n", `1:23: limits.concurrency: "0" is no number of things; it is 1 or more`},
		{"a rate", "limits: {messages_per_second: -1}\n" + goodHead + "  - {name: x, accounts: [a]}\n",
			`1:31: limits.messages_per_second: "-1" is no rate; it is a number above 0, such as 0.5 or 20`},
		{"a length of time", "schedule: {wait: soon}\n" + goodHead + "  - {name: x, accounts: [a]}\n",
			`1:18: schedule.wait: "soon" is no length of time; write it as 30s, 5m, 1h30m or 2d`},
		{"a jitter without an interval", "schedule: {jitter: 5m}\n" + goodHead + "  - {name: x, accounts: [a]}\n",
			"1:20: schedule.jitter: a jitter without an interval; say interval: too"},
		{"a jitter above the interval", "schedule: {jitter: 5m, interval: 1m}\n" + goodHead + "  - {name: x, accounts: [a]}\n",
			"1:20: schedule.jitter: a jitter of 5m is more than the interval of 1m"},
		{"a kind of report", "report: report.pdf\n" + goodHead + "  - {name: x, accounts: [a]}\n", `1:9: report: "report.pdf": not a kind of report; it ends in .html, .csv or .json`},
		{"a host", "hosts: {Pop.Old: {connections: 1}}\n" + goodHead + "  - {name: x, accounts: [a]}\n",
			"1:9: hosts.Pop.Old: Pop.Old is no host; it is a name in lower case, such as imap.example.org"},
		{"a provider", "hosts: {h: {provider: gmial}}\n" + goodHead + "  - {name: x, accounts: [a]}\n", `1:23: hosts.h.provider: "gmial" is not known here; did you mean gmail?`},
		{"a date", goodHead + "  - {name: x, accounts: [a], since: 2020-13-01}\n",
			`3:37: jobs[0].since: "2020-13-01" is no date; write it as 2024-12-31, 2024-12-31T18:00:00+01:00, or an age such as 30d, 6w, 2y`},
		{"since behind until", goodHead + "  - {name: x, accounts: [a], since: 30d, until: 2020-01-01}\n",
			"3:49: jobs[0].until: since 30d is not before until 2020-01-01, so that nothing would be copied"},
		{"seen", goodHead + "  - {name: x, accounts: [a], seen: older}\n", `3:36: jobs[0].seen: "older" is not known here; it is none, all or older-than:30d`},
		{"a word out of a few", goodHead + "  - {name: x, accounts: [a], dedupe: contents}\n", `3:38: jobs[0].dedupe: "contents" is not known here; did you mean content?`},
		{"a truth", goodHead + "  - {name: x, accounts: [a], include_deleted: maybe}\n", `3:47: jobs[0].include_deleted: "maybe" is neither true nor false; it is true or false`},
		{"a glob", goodHead + "  - {name: x, accounts: [a], exclude: ['[a']}\n",
			`3:40: jobs[0].exclude[0]: "[a" is no pattern; * and ? stand for letters, [abc] for one of them; \ takes their meaning away`},
		{"a rule", goodHead + "  - {name: x, accounts: [a], map: [Old]}\n", `3:36: jobs[0].map[0]: "Old" is no rule; it is FROM=TO, such as Old/*=Archive/*`},
		{"a pin", goodHead + "  - {name: x, accounts: [a], target: {tls_pin: sha256:12}}\n",
			`3:48: jobs[0].target.tls_pin: "sha256:12" is no pin; it is sha256: and 64 hexadecimal or 44 base64 digits`},
		{"what would never be stripped", goodHead + "  - {name: x, accounts: [a], max_size: 10M, strip_attachments_over: 20M}\n",
			"3:69: jobs[0].strip_attachments_over: max_size 10M leaves out every message that strip_attachments_over 20M is for"},

		{"no source", "jobs: [{name: x, target: 'imaps://h', accounts: [a]}]\n", "1:50: jobs[0].accounts[0]: the account has no source; it is pop3s://HOST, pop3://HOST or a path"},
		{"no target", "jobs: [{name: x, source: 'pop3s://h', accounts: [a]}]\n", "1:50: jobs[0].accounts[0]: the account has no target; it is imaps://HOST, imap://HOST or maildir:PATH"},
		{"no accounts", goodHead + "  - name: x\n", "3:5: jobs[0]: the job has no accounts; say accounts: or csv:"},
		{"no name", goodHead + "  - accounts: [a]\n", "3:5: jobs[0]: the job has no name; say name:, which messages and --account show"},
		{"two jobs of one name", goodHead + "  - {name: x, accounts: [a]}\n  - {name: x, accounts: [b]}\n", "4:12: jobs[1].name: a job of that name is in line 3 already"},
		{"no user", goodHead + "  - {name: x, accounts: [{seen: all}]}\n",
			"3:26: jobs[0].accounts[0]: whose mailbox at pop.old.example is it?; say user:|3:26: jobs[0].accounts[0]: whose mailbox at imap.new.example is it?; say user:"},
		{"a URL's scheme", goodHead + "  - {name: x, accounts: [a], source: 'imaps://h'}\n", "3:38: jobs[0].source: imaps:// can't be a source; it is pop3s://HOST, pop3://HOST or a path"},
		{"an unknown scheme", goodHead + "  - {name: x, accounts: [a], source: 'http://h'}\n", "3:38: jobs[0].source: addresses of this kind are not known; it is pop3s://HOST, pop3://HOST or a path"},
		{"a path for a target", goodHead + "  - {name: x, accounts: [a], target: /srv/mail}\n", "3:38: jobs[0].target: not an address of a target; it is imaps://HOST, imap://HOST or maildir:PATH"},
		{"no scheme", goodHead + "  - {name: x, accounts: [a], source: 'a@h'}\n", "3:38: jobs[0].source: the address has no scheme; it is pop3s://HOST, pop3://HOST or a path"},
		{"a port", goodHead + "  - {name: x, accounts: [a], source: 'pop3s://h:99999'}\n", `3:38: jobs[0].source: port "99999"; it is a number from 1 to 65535`},
		{"a host name", goodHead + "  - {name: x, accounts: [a], source: 'pop3s://a@b c'}\n", `3:38: jobs[0].source: "b c" is no host name`},
		{"a folder at a maildrop", goodHead + "  - {name: x, accounts: [a], source: 'pop3s://h/INBOX'}\n", "3:38: jobs[0].source: nothing can follow the host of pop3s://"},
		{"a kind of store", goodHead + "  - {name: x, accounts: [a], source: 'thunderbrid:/x'}\n", "3:38: jobs[0].source: thunderbrid: is no kind of mail store; did you mean thunderbird:?"},
		{"a path that climbs out", goodHead + "  - {name: x, accounts: [a], source: ../mail}\n",
			"3:38: jobs[0].source: a relative path stays below the folder of the file it is written in; write it as an absolute path"},
		{"a path of home", goodHead + "  - {name: x, accounts: [a], source: ~/mail}\n",
			"3:38: jobs[0].source: ~ is not expanded here; write the whole path: a job may run as another user"},
		{"path and url", goodHead + "  - {name: x, accounts: [a], source: {url: 'pop3s://h', path: /x}}\n", "3:63: jobs[0].source.path: path and url are both said; leave one of them out"},
		{"a path in url", goodHead + "  - {name: x, accounts: [a], source: {url: /x}}\n", "3:44: jobs[0].source.url: an address is SCHEME://HOST; a place on disk has the key path"},
		{"a password for a path", goodHead + "  - {name: x, accounts: [a], source: {path: /x, password: 'env:A'}}\n", "3:59: jobs[0].source.password: nobody logs in to a path; leave it out"},
		{"password and token", goodHead + "  - {name: x, accounts: [a], source: {password: 'env:A', token: 'env:B'}}\n",
			"3:65: jobs[0].source.token: password and token are both said; leave one of them out"},
		{"two users", goodHead + "  - {name: x, accounts: [a], source: {url: 'pop3s://b@h', user: c}}\n", "3:65: jobs[0].source.user: the url names a user too; leave one of them out"},
		{"a password for a bearer", goodHead + "  - {name: x, accounts: [a], source: {password: 'env:A', auth: xoauth2}}\n",
			"3:64: jobs[0].source.auth: XOAUTH2 takes a token; say token: instead of password:"},
		{"authzid by LOGIN", goodHead + "  - {name: x, accounts: [a], source: {authzid: b, auth: LOGIN}}\n",
			"3:57: jobs[0].source.auth: LOGIN can't log in for another account, as authzid asks; PLAIN and SCRAM can"},
		{"a folder said twice", goodHead + "  - {name: x, accounts: [a], target: 'imaps://h/A', into: B}\n",
			"3:59: jobs[0].into: the target's url names a folder, and so does into; leave one of them out"},
		{"a reference to nothing", goodHead + "  - {name: x, accounts: [a], source: {password: 'env:'}}\n",
			"3:49: jobs[0].source.password: nothing follows the colon; it is env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/USER"},
		{"a variable's name", goodHead + "  - {name: x, accounts: [a], source: {password: 'env:a b'}}\n",
			"3:49: jobs[0].source.password: what follows env: is no name of a variable; it is letters, digits and _"},
		{"a keyring without a user", goodHead + "  - {name: x, accounts: [a], source: {password: 'keyring:x'}}\n",
			"3:49: jobs[0].source.password: a service and a user are needed; it is keyring:SERVICE/USER"},
		{"a field in a command", goodHead + "  - {name: x, accounts: [a], source: {password: 'cmd:pass {{.User}}'}}\n",
			"3:49: jobs[0].source.password: a command can't hold {{…}}: a user's name would become a part of it; the command gets $POPLIFT_USER, $POPLIFT_LOGIN, $POPLIFT_HOST and $POPLIFT_ACCOUNT"},
		{"a field that isn't", goodHead + "  - name: x\n    accounts: [a]\n    source: pop3s://{{.Usr}}@h\n", "5:23: jobs[0].source: .Usr is no field; did you mean .User?"},
		{"a function that isn't, behind letters of two octets", goodHead + "  - name: x\n    accounts: [a]\n    into: \"Früher/{{.User | upper}}\"\n",
			"5:29: jobs[0].into: upper is no function; fields are .User, .SourceUser, .TargetUser, .Name, .Job and .Extra.COLUMN; functions are lower, local and domain"},
		{"braces left open", goodHead + "  - {name: x, accounts: [a], into: 'a{{.User'}\n", "3:38: jobs[0].into: the closing }} is missing"},
		{"a column that isn't", goodHead + "  - {name: x, accounts: [a], into: '{{.Extra.no}}'}\n",
			"3:26: jobs[0].accounts[0]: there is no column no; name it in extra_columns, which line 3 asks for (jobs[0].into)"},
		{"a user without a domain", goodHead + "  - {name: x, accounts: [a], into: '{{domain .User}}'}\n",
			`3:26: jobs[0].accounts[0]: "a" has no domain, which line 3 asks for (jobs[0].into)`},
		{"a user that is no name of a file", goodHead + "  - {name: x, accounts: ['../../root'], keep: '/k/{{.User}}'}\n",
			`3:26: jobs[0].accounts[0]: "../../root" can't be part of a path, which line 3 asks for (jobs[0].keep)`},
		{"one target twice", goodHead + "  - name: x\n    accounts:\n      - a\n      - {name: b, user: a}\n",
			"6:9: jobs[0].accounts[1]: imaps://a@imap.new.example is the target of x/a already (jobs.yaml:5); " +
				"mail from several places into one mailbox is one account with several sources; or give each an into (folder)"},
		{"one name twice", goodHead + "  - name: x\n    accounts:\n      - a\n      - {name: a, user: b}\n",
			"6:9: jobs[0].accounts[1]: there is an account a in this job already (jobs.yaml:5); say name:"},
		{"one source twice", goodHead + "  - {name: x, accounts: [a], sources: ['pop3s://h', 'pop3s://h']}\n", "3:26: jobs[0].accounts[0]: pop3s://a@h is a source of it twice"},
		{"a relay without a url", goodHead + "  - {name: x, accounts: [a], relay: {as: resent}}\n", "3:42: jobs[0].relay.as: a relay without a url; say url: smtp://USER@HOST"},
		{"a relay without people", goodHead + "  - {name: x, accounts: [a], relay: {url: 'smtp://h'}}\n",
			"3:43: jobs[0].relay.url: the relay has no from; say from:, an address that a person reads: it is the sender, and stands in what is relayed|" +
				"3:43: jobs[0].relay.url: the relay has nobody to send to; say to:, or sieve: with a script that redirects"},
		{"a relay's recipient", goodHead + "  - {name: x, accounts: [a], relay: {url: 'smtp://h', from: a@b, to: ['{{.User}}']}}\n", `3:26: jobs[0].accounts[0]: "a" is no mail address`},
		{"a secret and no user", goodHead + "  - {name: x, accounts: [a], relay: {url: 'smtp://h', from: a@b, to: a@b, password: 'env:P'}}\n",
			"3:43: jobs[0].relay.url: the relay has a secret and no user; write it as smtp://USER@HOST"},
		{"aliases of themselves", "jobs:\n- &j {name: a, <<: *j}\n", "2:3: the aliases unfold to too much"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(told(t, c.text, nil, LoadOptions{}), "|"); got != c.want {
				t.Errorf("told\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestTenMistakesAreTenMessages is one file with ten mistakes of different kinds, in the file and in its CSV.
func TestTenMistakesAreTenMessages(t *testing.T) {
	t.Parallel()
	const text = `limits:
  concurrency: many
  memroy: 64M
defaults:
  target: imaps://imap.new.example
  seen: older-than:soon
jobs:
  - name: staff
    csv: staff.csv
    source: pop3s://pop.old.example:123456
    max_size: 20MM
  - name: others
    source: {url: pop3s://pop.old.example, password: "cmd:pass {{.User}}"}
    exclude: "[x"
    accounts:
      - ada
      - {user: eve, target: "imaps://eve:geheim@imap.new.example"}
      - name: twin
        user: ada
`
	const csv = "user;target_pasword\nbob;x\n"
	want := []string{
		`2:16: limits.concurrency: "many" is no number of things; it is 1 or more`,
		`3:3: limits.memroy: there is no key memroy here; did you mean memory?`,
		`6:9: defaults.seen: "older-than:soon" has no date; write it as 2024-12-31, 2024-12-31T18:00:00+01:00, or an age such as 30d, 6w, 2y`,
		`10:13: jobs[0].source: port "123456"; it is a number from 1 to 65535`,
		`11:15: jobs[0].max_size: "20MM" is no size; write it as 500k, 20M or 1.5G, in octets`,
		`13:54: jobs[1].source.password: a command can't hold {{…}}: a user's name would become a part of it; the command gets $POPLIFT_USER, $POPLIFT_LOGIN, $POPLIFT_HOST and $POPLIFT_ACCOUNT`,
		`14:14: jobs[1].exclude: "[x" is no pattern; * and ? stand for letters, [abc] for one of them; \ takes their meaning away`,
		`17:29: jobs[1].accounts[1].target: a password has no place in an address; it has the key password; a ":" that belongs to the user name is written %3A`,
		`18:9: jobs[1].accounts[2]: imaps://ada@imap.new.example is the target of others/ada already (jobs.yaml:16); ` +
			`mail from several places into one mailbox is one account with several sources; or give each an into (folder)`,
		`staff.csv:1:6: there is no column target_pasword; did you mean target_password?`,
	}
	got := told(t, text, map[string]string{"staff.csv": csv}, LoadOptions{})
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("message %d:\n%s\nwant\n%s", i, g, w)
		}
	}
	if all := strings.Join(got, "\n"); strings.Contains(all, "geheim") {
		t.Error("a password is shown")
	}
}

func TestMistakesAreBounded(t *testing.T) {
	t.Parallel()
	csv := "user\n" + strings.Repeat("a,b\n", 5000)
	got := told(t, goodHead+"  - {name: x, csv: a.csv}\n", map[string]string{"a.csv": csv}, LoadOptions{Now: now})
	if len(got) != maxMistakes+1 || !strings.HasSuffix(got[maxMistakes], "there are more than these 1000; reading ended here") {
		t.Errorf("%d messages, the last %q", len(got), got[len(got)-1])
	}
}

func TestMistakesOfOtherErrors(t *testing.T) {
	t.Parallel()
	if m := Mistakes(errors.New("x")); m != nil {
		t.Errorf("%v", m)
	}
	one := &Mistake{File: "f", Msg: "m"}
	if m := Mistakes(errors.Join(one, errors.Join(one))); len(m) != 2 {
		t.Errorf("%v", m)
	}
}
