package jobs

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poplift/migrate"
)

// load is a jobs file that must have no mistake.
func load(t *testing.T, text string, o LoadOptions) *File {
	t.Helper()
	o.Now = now
	f, err := Parse("jobs.yaml", []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNearerValuesCount(t *testing.T) {
	t.Parallel()
	f := load(t, `
defaults:
  source: {url: pop3s://pop.old.example, user: "{{.User}}@old.example", password: env:DEFAULT, authzid: all}
  target: {url: imaps://imap.new.example, token: env:TOKEN}
  since: 2020-01-01
  seen: all
  exclude: [Trash, Spam]
  relay: {url: smtp://relay.example, from: a@b.example, to: a@b.example, max: 7}
jobs:
  - name: one
    since: 2021-01-01
    target: {password: env:JOB}
    accounts:
      - ada
      - {user: bob, since: 2022-01-01, exclude: [], relay: {max: 9}, source: {password: env:BOB}}
      - {user: eve, since: "", relay: {url: ""}, source: "pop3s://someone@pop.other.example"}
      - {user: leo, source: {token: env:LEO, authzid: ""}, target: "maildir:/srv/leo"}
`, LoadOptions{})
	var got []string
	for _, a := range f.Accounts {
		s := a.Sources[0]
		line := fmt.Sprintf("%s: %s %s %s for=%s → %s %s %s since=%s seen=%s exclude=%d", a.Name, s, s.Password.Where(), s.Token.Where(), s.AuthzID,
			a.Target, a.Target.Password.Where(), a.Target.Token.Where(), a.Since, a.Seen, len(a.Exclude))
		if a.Relay != nil {
			line += fmt.Sprintf(" relay=%d", a.Relay.Max)
		}
		got = append(got, line)
	}
	same(t, got, []string{
		"ada: pop3s://ada@old.example@pop.old.example env:DEFAULT nowhere for=all → imaps://ada@imap.new.example env:JOB nowhere since=2021-01-01 seen=all exclude=2 relay=7",
		"bob: pop3s://bob@old.example@pop.old.example env:BOB nowhere for=all → imaps://bob@imap.new.example env:JOB nowhere since=2022-01-01 seen=all exclude=0 relay=9",
		"eve: pop3s://someone@pop.other.example env:DEFAULT nowhere for=all → imaps://eve@imap.new.example env:JOB nowhere since= seen=all exclude=2",
		"leo: pop3s://leo@old.example@pop.old.example nowhere env:LEO for= → maildir:/srv/leo nowhere nowhere since=2021-01-01 seen=all exclude=2 relay=7",
	})
	if f.Accounts[0].Options == f.Accounts[1].Options {
		t.Error("an account with options of its own shares those of its job")
	}
}

func TestAccountsShareOptions(t *testing.T) {
	t.Parallel()
	f := load(t, goodHead+"  - {name: x, seen: all, accounts: [a, b]}\n  - {name: y, keep: '/k/{{.User}}', accounts: [c, d]}\n", LoadOptions{})
	a := f.Accounts
	if a[0].Options != a[1].Options {
		t.Error("equal options are kept twice")
	}
	if a[2].Keep != "/k/c" || a[3].Keep != "/k/d" {
		t.Errorf("kept in %s and %s", a[2].Keep, a[3].Keep)
	}
}

func TestSourcesShareWhatSourceSays(t *testing.T) {
	t.Parallel()
	f := load(t, `
defaults:
  target: imaps://imap.new.example
  sources: [pop3s://never.example]
jobs:
  - name: x
    source: {password: "env:ALL", login: "{{.SourceUser}}*master", tls_ca: /ca.pem}
    sources:
      - pop3s://a.example
      - {url: pop3://u@b.example, password: env:OWN, login: "{{.SourceUser}}"}
      - mbox:/mail/{{.User}}
      - {path: old}
    accounts: [ada]
`, LoadOptions{})
	var got []string
	for _, s := range f.Accounts[0].Sources {
		got = append(got, fmt.Sprintf("%s %s %s %s", s, s.Login, s.Password.Where(), s.TLS.CAFile))
	}
	dir := strings.TrimSuffix(f.Accounts[0].Sources[3].Path, "/old")
	same(t, got, []string{"pop3s://ada@a.example ada*master env:ALL /ca.pem", "pop3://u@b.example u env:OWN /ca.pem", "mbox:/mail/ada  nowhere ", dir + "/old  nowhere "})
	if !strings.HasSuffix(dir, "/jobs") {
		t.Errorf("a relative path begins at %s", dir)
	}
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	t.Parallel()
	f := load(t, `
x-base: &base {seen: all, since: 2020-01-01}
x-more: &more {since: 2021-01-01, dedupe: off}
defaults: {source: pop3s://pop.old.example, target: &to imaps://imap.new.example}
jobs:
  - name: one
    <<: [*base, *more]
    accounts: [a]
  - {name: two, <<: *base, since: 2022-01-01, accounts: [b], target: *to}
`, LoadOptions{})
	var got []string
	for _, a := range f.Accounts {
		got = append(got, fmt.Sprintf("%s %s %s %s %s", a.ID(), a.Target, a.Seen, a.Since, a.Dedupe))
	}
	same(t, got, []string{"one/a imaps://a@imap.new.example all 2020-01-01 off", "two/b imaps://b@imap.new.example all 2022-01-01 "})
}

// TestAliasBombsEnd: what a few lines unfold to is not read.
func TestAliasBombsEnd(t *testing.T) {
	t.Parallel()
	bomb := "x-0: &x0 {user: a}\n"
	for i := range 30 {
		bomb += fmt.Sprintf("x-%d: &x%d {<<: [*x%d, *x%d, *x%d, *x%d]}\n", i+1, i+1, i, i, i, i)
	}
	for name, text := range map[string]string{
		"merges": bomb + goodHead + "  - {name: x, accounts: [{<<: *x30}]}\n",
		"lists":  "x-a: &a [a, a, a, a, a, a, a, a]\n" + goodHead + "  - {name: x, accounts: &b [" + strings.TrimSuffix(strings.Repeat("{user: u, exclude: *a},", 3000), ",") + "]}\n" + strings.Repeat("  - {name: x, accounts: *b}\n", 3000),
		"jobs":   goodHead + "  - &j {name: x, accounts: [a]}\n" + strings.Repeat("  - *j\n", 10),
	} {
		if len(told(t, text, nil, LoadOptions{})) == 0 {
			t.Errorf("%s: no mistake", name)
		}
	}
}

func TestRunKeys(t *testing.T) {
	t.Parallel()
	f := load(t, `
state: state
metrics_file: /m.prom
report: [a.html, /b.json]
on_success_cmd: echo
on_failure_cmd: mail
limits: {concurrency: 8, memory: 64M, window: 8M, bwlimit: 1M, connections: 10, messages_per_second: 0.5}
schedule: {interval: 15m, jitter: 90s, max_runtime: 2d, wait: 1h30m}
`+goodHead+"  - {name: x, accounts: [a]}\n", LoadOptions{})
	if !strings.HasSuffix(f.StateDir, "/jobs/state") || f.MetricsFile != "/m.prom" || len(f.Reports) != 2 || f.Reports[1] != "/b.json" ||
		f.OnSuccess != "echo" || f.OnFailure != "mail" {
		t.Errorf("%+v", f)
	}
	if want := (Limits{8, "64M", "8M", "1M", Budget{Connections: 10, MessagesPerSecond: 0.5}}); f.Limits != want {
		t.Errorf("limits %+v", f.Limits)
	}
	if want := (Schedule{15 * time.Minute, 90 * time.Second, 48 * time.Hour, 90 * time.Minute}); f.Schedule != want {
		t.Errorf("schedule %+v", f.Schedule)
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	f := load(t, `
limits: {connections: 6, user_connections: 8, bytes_per_second: 1M}
hosts:
  pop.old.example: {connections: 9, login_interval: 1m}
  imap.new.example: {provider: dovecot}
  imap.gmail.com: {provider: none, upload_per_day: 1M}
  pop.gmail.com: {download_per_day: none, connections: 0, messages_per_second: none, user_connections: none, bytes_per_second: none, login_interval: none}
defaults: {source: pop3s://pop.old.example, target: imaps://imap.new.example}
jobs:
  - {name: x, accounts: [a, {user: b, target: imaps://imap.gmail.com}, {user: c, target: imaps://IMAP.Mail.Yahoo.com},
     {user: d, source: {url: pop3s://pop.gmx.net, provider: cpanel}}, {user: e, source: /mail}, {user: f, source: pop3s://pop.gmail.com}]}
`, LoadOptions{})
	a := f.Accounts
	for _, c := range []struct {
		name string
		end  Endpoint
		want Budget
	}{
		{"an entry of hosts is more exact than limits", a[0].Sources[0], Budget{Connections: 9, UserConnections: 8, BytesPerSecond: 1 << 20, LoginInterval: time.Minute}},
		{"a provider that is stricter than limits, or not", a[0].Target, Budget{Connections: 6, UserConnections: 8, BytesPerSecond: 1 << 20}},
		{"none forgets what is known", a[1].Target, Budget{Connections: 6, UserConnections: 8, BytesPerSecond: 1 << 20, UploadPerDay: 1 << 20}},
		{"a provider known by its host", a[2].Target, Budget{Connections: 6, UserConnections: 5, BytesPerSecond: 1 << 20}},
		{"an end's own provider", a[3].Sources[0], Budget{Connections: 6, UserConnections: 3, BytesPerSecond: 1 << 20}},
		{"none takes back what is known and what limits say", a[5].Sources[0], Budget{}},
		{"a place on disk", a[4].Sources[0], Budget{Connections: 6, UserConnections: 8, BytesPerSecond: 1 << 20}},
	} {
		if got := f.Budget(c.end); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	f := load(t, `
hosts: {pop.olde.example: {connections: 1}}
defaults: {source: {url: pop3s://pop.old.example, password: "env:A"}, target: {url: imaps://imap.new.example, password: "env:B"}}
jobs:
  - name: x
    accounts: [a, {user: a2, source: {user: a}}, {user: b, target: {url: imap://localhost, allow_cleartext: true, tls_insecure: true}}]
  - {name: y, target: imaps://outlook.office365.com, source: pop3s://imap.mail.me.com, accounts: [c]}
  - {name: z, source: {password: ""}, accounts: [d]}
`, LoadOptions{})
	var got []string
	for _, w := range f.Warnings {
		got = append(got, w.Error())
	}
	same(t, got, []string{
		"jobs.yaml:2:9: hosts.pop.olde.example: no account is at pop.olde.example; did you mean pop.old.example?",
		"jobs.yaml:6:19: jobs[0].accounts[1]: pop3s://a@pop.old.example is also copied by x/a (jobs.yaml:6)",
		"jobs.yaml:6:109: jobs[0].accounts[2].target.allow_cleartext: passwords and mail of localhost go over the wire in clear",
		"jobs.yaml:6:129: jobs[0].accounts[2].target.tls_insecure: with tls_insecure whoever is on the way can read everything; tls_pin trusts one certificate only",
		"jobs.yaml:7:5: jobs[1]: iCloud Mail (imap.mail.me.com) has no POP3",
		"jobs.yaml:7:5: jobs[1]: Microsoft 365 and Outlook.com (outlook.office365.com) takes OAuth tokens only; say token: cmd:COMMAND",
		"jobs.yaml:8:5: jobs[2]: no password: and no token: for pop.old.example; that leaves ~/.netrc, the environment and the terminal",
	})
}

func TestWhatIsNamedIsLookedFor(t *testing.T) {
	t.Parallel()
	text := goodHead + "  - {name: x, sieve: rules.sieve, accounts: [a], source: {password: 'env:OLD', tls_ca: /ca.pem}, target: {password: 'file:pw/{{.User}}'}, sources: ['pop3s://h', '/mail/{{.User}}']}\n"
	if f := load(t, text, LoadOptions{}); len(f.Accounts) != 1 {
		t.Error("no account")
	}
	got := told(t, text, nil, LoadOptions{
		LookupEnv: func(name string) (string, bool) { return "", name != "OLD" },
		Stat: func(path string) (fs.FileInfo, error) {
			return nil, &fs.PathError{Op: "stat", Path: path, Err: errors.New("not there")}
		},
	})
	if len(got) != 5 {
		t.Errorf("told\n%s", strings.Join(got, "\n"))
	}
	for _, want := range []string{"rules.sieve: not there", "/mail/a: not there", "pw/a: not there", "the variable OLD is not set", "/ca.pem: not there"} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%q is not among\n%s", want, strings.Join(got, "\n"))
		}
	}
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	f := load(t, goodHead+"  - {name: x, source: {login: '{{.SourceUser}}*m', authzid: z}, accounts: [\"a'; rm -rf /\"]}\n", LoadOptions{})
	a := f.Accounts[0]
	same(t, a.Environ(a.Sources[0]), []string{"POPLIFT_JOB=x", "POPLIFT_ACCOUNT=a'; rm -rf /", "POPLIFT_USER=a'; rm -rf /", "POPLIFT_LOGIN=a'; rm -rf /*m",
		"POPLIFT_AUTHZID=z", "POPLIFT_HOST=pop.old.example", "POPLIFT_SCHEME=pop3s"})
}

// TestArgsMeanTheSame: an end written as an argument is read as the same end.
func TestArgsMeanTheSame(t *testing.T) {
	t.Parallel()
	name := rapid.StringOfN(rapid.RuneFrom([]rune("ab@/:?#%[]é. ")), 1, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		e := Endpoint{Scheme: "imaps", Host: rapid.SampledFrom([]string{"imap.example", "::1"}).Draw(t, "host"), Port: rapid.IntRange(1, 65535).Draw(t, "port"), User: name.Draw(t, "user")}
		into := migrate.Path(rapid.SliceOfN(name, 0, 3).Draw(t, "into"))
		a, bad := parseAddress(e.Arg(into), asTarget, "/")
		if bad != nil || a.user != e.User || a.host != e.Host || a.port != e.Port || strings.Join(a.folder, "\x00") != strings.Join(into, "\x00") {
			t.Fatalf("%s gives %+v, %v", e.Arg(into), a, bad)
		}
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		as   side
		want address
	}{
		{"pop3s://ada@Pop.Example", asSource, address{scheme: "pop3s", user: "ada", host: "pop.example", port: 995}},
		{"POP3://a%40b@h:1110/", asSource, address{scheme: "pop3", user: "a@b", host: "h", port: 1110}},
		{"pop3s://a@b@[::1]:1", asSource, address{scheme: "pop3s", user: "a@b", host: "::1", port: 1}},
		{"imap://h/inbox", asTarget, address{scheme: "imap", host: "h", port: 143}},
		{"imaps://h/inbox/A%2FB//C/", asTarget, address{scheme: "imaps", host: "h", port: 993, folder: migrate.Path{"INBOX", "A/B", "C"}}},
		{"lmtp+unix:/run/lmtp", asRelay, address{kind: "lmtp+unix", path: "/run/lmtp"}},
		{"smtps://u@h", asRelay, address{scheme: "smtps", user: "u", host: "h", port: 465}},
		{"maildir:/m", asTarget, address{kind: "maildir", path: "/m"}},
		{"mbox:/m/../n", asSource, address{kind: "mbox", path: "/n"}},
		{"mail/x", asSource, address{path: "/jobs/mail/x"}},
		{"C:/mail", asSource, address{path: "/jobs/C:/mail"}},
	} {
		got, bad := parseAddress(c.text, c.as, "/jobs")
		if bad != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.text, got, bad)
		}
	}
}
