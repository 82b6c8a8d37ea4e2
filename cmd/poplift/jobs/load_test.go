package jobs

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// write makes a directory with files of a mode.
func write(t *testing.T, mode fs.FileMode, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // past the umask
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadFindsTheCSVBesideTheFile(t *testing.T) {
	t.Parallel()
	dir := write(t, 0o644, map[string]string{"jobs.yaml": goodHead + "  - {name: x, csv: lists/a.csv}\n", "lists/a.csv": "user,source_password,source\nada,file:pw/ada,mail/ada\n"})
	f, err := Load(filepath.Join(dir, "jobs.yaml"), LoadOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	a := f.Accounts[0]
	if want := filepath.Join(dir, "lists/mail/ada"); a.Sources[0].Path != want || a.File != filepath.Join(dir, "lists/a.csv") {
		t.Errorf("%s reads %s", a.File, a.Sources[0].Path)
	}
}

func TestSecretsNeedAFileOfOnesOwn(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	yaml := goodHead + "  - {name: x, csv: a.csv, accounts: [b]}\n"
	literal := goodHead + "  - {name: x, accounts: [b], source: {password: geheim}}\n"
	command := goodHead + "  - {name: x, accounts: [b], source: {password: 'cmd:pass'}}\n"
	hook := "on_failure_cmd: mail\n" + goodHead + "  - {name: x, accounts: [b]}\n"
	for _, c := range []struct {
		name     string
		mode     fs.FileMode
		text     string
		csv      string
		insecure bool
		want     string // a part of the message; empty for none
	}{
		{"no secrets, readable by all", 0o644, yaml, "user\na\n", false, ""},
		{"references, readable by all", 0o644, yaml, "user,source_password\na,env:A\n", false, ""},
		{"a literal in the CSV, readable by all", 0o644, yaml, "user,source_password\na,geheim\n", false, "a.csv:2:3: source_password: a password stands in a file that others can read (mode 0644); chmod 600 "},
		{"a literal in the CSV, readable by the group", 0o640, yaml, "user,source_token\na,geheim\n", false, "(mode 0640)"},
		{"a literal in the CSV, of one's own", 0o600, yaml, "user,source_password\na,geheim\n", false, ""},
		{"a literal in the CSV, read only", 0o400, yaml, "user,source_password\na,geheim\n", false, ""},
		{"a literal in the CSV, told to accept it", 0o644, yaml, "user,source_password\na,geheim\n", true, ""},
		{"a literal in the jobs file", 0o644, literal, "", false, "jobs.yaml:3:49: jobs[0].source.password: a password stands in a file that others can read (mode 0644); chmod 600 "},
		{"a literal in the jobs file, of one's own", 0o600, literal, "", false, ""},
		{"a command, writable by the group", 0o664, command, "", false, ""},
		{"a command, writable by all", 0o666, command, "", false, "jobs.yaml:3:49: jobs[0].source.password: a command stands in a file that everyone can change (mode 0666); chmod o-w "},
		{"a hook, writable by all", 0o602, hook, "", false, "jobs.yaml:1:17: on_failure_cmd: a command stands in a file that everyone can change"},
		{"a command, told to accept it", 0o666, command, "", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, c.mode, map[string]string{"jobs.yaml": c.text, "a.csv": c.csv})
			_, err := Load(filepath.Join(dir, "jobs.yaml"), LoadOptions{Now: now, InsecurePermissions: c.insecure})
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (len(Mistakes(err)) != 1 || !strings.Contains(err.Error(), c.want)):
				t.Errorf("told %v", err)
			case err != nil && strings.Contains(err.Error(), "geheim"):
				t.Errorf("a password is shown: %v", err)
			}
		})
	}
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := write(t, 0o600, map[string]string{"big.yaml": strings.Repeat("#\n", MaxFile/2+1), "dir.yaml": goodHead + "  - {name: x, csv: sub}\n", "sub/x": ""})
	for name, want := range map[string]string{"none.yaml": "no such file or directory", "sub": "it is a directory", "big.yaml": "it is longer than 2 MiB; list many accounts in a csv",
		"dir.yaml": "jobs[0].csv: sub: it is a directory"} {
		_, err := Load(filepath.Join(dir, name), LoadOptions{Now: now})
		if len(Mistakes(err)) != 1 || !strings.HasSuffix(err.Error(), want) || !strings.HasPrefix(err.Error(), filepath.Join(dir, name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	f := load(t, goodHead+"  - {name: x, source: {password: geheim1}, target: {token: 'cmd:echo geheim2'}, accounts: [a, {user: b, source: {password: 'literal:env:geheim3'}}]}\n", LoadOptions{})
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "account", f.Accounts[0], "secret", f.Accounts[0].Sources[0].Password)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", f, f, f.Accounts[0], f.Accounts[0].Sources), fmt.Sprintf("%x %q", f.Accounts[0].Sources[0].Password, f.Accounts[1].Sources[0].Password),
		log.String(), f.Accounts[0].Target.Token.Where()} {
		if strings.Contains(text, "geheim") || strings.Contains(text, fmt.Sprintf("%x", "geheim")) {
			t.Errorf("shown: %s", text)
		}
	}
	if got := f.Accounts[0].Sources[0].Password.Literal().Reveal(); got != "geheim1" {
		t.Errorf("password %q", got)
	}
	if got := f.Accounts[0].Target.Token.Reference(); got != "echo geheim2" {
		t.Errorf("command %q", got)
	}
	if got := f.Accounts[1].Sources[0].Password.Literal().Reveal(); got != "env:geheim3" {
		t.Errorf("password %q", got)
	}
}

func TestSecretForms(t *testing.T) {
	t.Parallel()
	f := load(t, goodHead+`  - name: x
    accounts:
      - {user: a, source: {password: "env:PW_1"}}
      - {user: b, source: {password: "file:/pw/{{.User}}.txt"}}
      - {user: c, source: {password: "keyring:mail/old/{{.User}}"}}
      - {user: d, source: {token: "cmd:token \"$POPLIFT_USER\" | head"}}
      - {user: e, source: {password: "pass: word {{.User}}"}}
      - {user: f}
      - {user: g, source: {password: "env:PW_{{.User}}"}}
`, LoadOptions{})
	var got []string
	for _, a := range f.Accounts {
		s := a.Sources[0]
		service, user := s.Password.Keyring()
		got = append(got, fmt.Sprintf("%d %q %q/%q %q | %d %q", s.Password.Kind(), s.Password.Reference(), service, user, s.Password.Literal().Reveal(), s.Token.Kind(), s.Token.Reference()))
	}
	same(t, got, []string{
		fmt.Sprintf(`%d "PW_1" ""/"" "" | 0 ""`, FromEnv),
		fmt.Sprintf(`%d "/pw/b.txt" ""/"" "" | 0 ""`, FromFile),
		fmt.Sprintf(`%d "" "mail"/"old/c" "" | 0 ""`, FromKeyring),
		fmt.Sprintf(`0 "" ""/"" "" | %d "token \"$POPLIFT_USER\" | head"`, FromCmd),
		fmt.Sprintf(`%d "" ""/"" "pass: word {{.User}}" | 0 ""`, Literal),
		`0 "" ""/"" "" | 0 ""`,
		fmt.Sprintf(`%d "PW_g" ""/"" "" | 0 ""`, FromEnv),
	})
}

func TestProviders(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	hosts := map[string]string{}
	for _, p := range Providers() {
		if names[p.Name] || p.Title == "" || p.Name == "none" {
			t.Errorf("provider %q", p.Name)
		}
		names[p.Name] = true
		for _, h := range p.Hosts {
			if hosts[h] != "" {
				t.Errorf("%s is a host of %s and %s", h, hosts[h], p.Name)
			}
			hosts[h] = p.Name
		}
		for _, h := range p.Hints {
			if !strings.HasSuffix(h, ".") {
				t.Errorf("%s: no sentence: %s", p.Name, h)
			}
		}
	}
	for host, want := range map[string]string{"imap.gmail.com": "gmail", "IMAP.Mail.Yahoo.com": "yahoo", "outlook.office365.com": "microsoft365", "p01-imap.mail.me.com": "", "x.imap.mail.me.com": "icloud",
		"mail.yahoo.com": "", "gmail.com.evil.example": "", "imap.example.org": "", "": ""} {
		p, ok := ProviderOf(host)
		if got := ""; ok {
			if got = p.Name; got != want {
				t.Errorf("%s is %q", host, got)
			}
		} else if want != "" {
			t.Errorf("%s is not known", host)
		}
	}
	for _, need := range []string{"gmail", "microsoft365", "yahoo", "fastmail", "cpanel", "dovecot"} {
		if p, ok := ProviderNamed(need); !ok || p.Name != need {
			t.Errorf("no provider %s", need)
		}
	}
	if !slices.Equal(ProviderNames()[:1], []string{"gmail"}) {
		t.Error("the names are not in order")
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "500": 500, "64k": 64 << 10, "20M": 20 << 20, "20MB": 20 << 20, "1.5GiB": 3 << 29, " 1T ": 1 << 40, "-1": -1, "1e3": -1, "0x10": -1, "inf": -1,
		"nan": -1, "": -1, "M": -1, "10Q": -1, "9999999T": -1} {
		if got, err := ParseSize(text); err == nil && got != want || (err != nil) != (want < 0) {
			t.Errorf("size %q: %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1w": 168 * time.Hour, "0s": 0, "-1s": -1, "d": -1, "1.5d": -1,
		"99999w": -1, "5": -1, "": -1} {
		if got, err := ParseDuration(text); err == nil && got != want || (err != nil) != (want < 0) {
			t.Errorf("duration %q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{"2024-12-31": "2024-12-31T00:00:00Z", "2024-12-31T18:00:00+01:00": "2024-12-31T18:00:00+01:00", "30d": "2026-10-21T12:00:00Z", "6w": "2026-10-09T12:00:00Z",
		"2y": "2024-11-20T12:00:00Z", "d": "", "-1d": "", "2024-13-01": "", "": "", "tomorrow": ""} {
		got, err := ParseWhen(text, now)
		if err == nil && got.Format(time.RFC3339) != want || (err != nil) != (want == "") {
			t.Errorf("date %q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]bool{"0.5": true, "20": true, "0": false, "-1": false, "inf": false, "nan": false, "1e300": false, "0x1": false, "": false} {
		if _, err := parseRate(text); (err == nil) != want {
			t.Errorf("rate %q: %v", text, err)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"max_size", "map", "map_file", "source", "sources", "password", "until"}
	for s, want := range map[string]string{"maxsize": "max_size", "max": "max_size", "sorce": "source", "soruces": "sources", "passwrod": "password", "pas": "password", "xyz": "", "": "", "untill": "until",
		strings.Repeat("x", 200): ""} {
		if got := Nearest(s, names); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

// FuzzParse: no file makes it fail otherwise than by mistakes inside the file, and what is accepted holds together.
func FuzzParse(f *testing.F) {
	if text, err := os.ReadFile(exampleFile); err == nil {
		f.Add(string(text))
	}
	for _, s := range []string{goodHead + "  - {name: x, accounts: [a, {user: b, since: 30d, source: {password: 'env:A'}}]}\n", "jobs: [{<<: &a {<<: *a}}]", "a: {{.User}}\n", "- \t'", "jobs: &a [*a]\n",
		"version: !!binary MQ==\n", "? [a]\n: b\n", "defaults: {source: {url: 'pop3s://{{.User}}@h', login: '{{.SourceUser}}*m'}}\njobs: [{name: x, target: 'maildir:/x/{{lower .User}}', csv: a.csv}]",
		"hosts: {h: {provider: gmail}}\nlimits: {memory: 1M, window: 2M}\n", "jobs: [\n", "\r\rN", "%YAML 1.1\n---\n", "jobs: \"\\xff\"\n", "jobs:\n- name: é\n  exclude: ['[']\n"} {
		f.Add(s)
	}
	open := opener(map[string]string{"a.csv": "user,source_user\nada,a@b\n", "accounts.csv": "user\nx\n"})
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("jobs.yaml", []byte(text), LoadOptions{Now: now, Open: open})
		if err != nil {
			if len(Mistakes(err)) == 0 || file != nil {
				t.Fatalf("%v beside %v", file, err)
			}
			lines := 1
			for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} { // what YAML 1.1 takes for one
				lines += strings.Count(text, end)
			}
			for _, m := range Mistakes(err) {
				if m.File == "jobs.yaml" && m.Line > lines+1 {
					t.Errorf("%v is outside of %d lines", m, lines)
				}
			}
			return
		}
		seen := map[string]bool{}
		for _, a := range file.Accounts {
			if seen[a.ID()] || a.Name == "" || a.Options == nil || len(a.Sources) == 0 {
				t.Fatalf("account %q: %+v", a.ID(), a)
			}
			seen[a.ID()] = true
			for _, e := range append([]Endpoint{a.Target}, a.Sources...) {
				if e.OnDisk() != (e.Path != "") || e.OnDisk() && !filepath.IsAbs(e.Path) || !e.OnDisk() && (e.User == "" || e.Host == "" || e.Port == 0) {
					t.Fatalf("end %+v", e)
				}
			}
		}
	})
}
