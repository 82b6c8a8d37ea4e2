package jobs

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Ask puts a question to a person. An empty answer means def. Its error ends Init.
type Ask func(question, def string) (string, error)

// Draft is a first jobs file. It holds no secret, only where secrets are kept.
type Draft struct {
	YAML []byte
	// CSV is the list of accounts that the jobs file names, with only its first line, and CSVName where it belongs, beside the jobs file or absolute. Both
	// are empty when the accounts stand in the jobs file.
	CSVName string
	CSV     []byte
}

// Init asks what a first jobs file needs to know, and writes it. Nothing is read or written but by ask. Parse takes what it returns.
func Init(ask Ask) (Draft, error) {
	w := &wizard{ask: ask}
	a, err := w.answers()
	if err != nil {
		return Draft{}, err
	}
	d := a.draft()
	open := func(string) (fs.File, error) { return &memory{strings.NewReader(string(d.CSV))}, nil }
	if _, err = Parse("jobs.yaml", d.YAML, LoadOptions{Open: open}); err != nil {
		return Draft{}, err // answers that are right one by one can be wrong together: two users of one name
	}
	return d, nil
}

// memory is a file that isn't written yet.
type memory struct{ *strings.Reader }

func (m *memory) Stat() (fs.FileInfo, error) { return m, nil }
func (m *memory) Close() error               { return nil }
func (m *memory) Name() string               { return "" }
func (m *memory) Mode() fs.FileMode          { return 0o600 }
func (m *memory) ModTime() time.Time         { return time.Time{} }
func (m *memory) IsDir() bool                { return false }
func (m *memory) Sys() any                   { return nil }

// answers are what Init asks for, in the order that it does.
type answers struct {
	name, source, target string
	csv                  string
	accounts             []string
	old, new             access
	seen, state          string
	concurrency          string
}

// access is how one side is logged in to.
type access struct {
	user, login string
	key, secret string // password or token, and its reference; key is "column" when it stands in the CSV
}

type wizard struct {
	ask Ask
	err error
}

// maxTries is how often a question is put again.
const maxTries = 5

// get asks until check has nothing to say. After an error it asks nothing any more.
func (w *wizard) get(question, def string, check func(string) string) string {
	for try := 0; w.err == nil; try++ {
		if try == maxTries {
			w.err = fmt.Errorf("%s: no usable answer", question)
			break
		}
		var answer string
		if answer, w.err = w.ask(question, def); w.err != nil {
			break
		}
		if answer = strings.TrimSpace(answer); answer == "" {
			answer = def
		}
		wrong := check(answer)
		if !printable(answer) {
			wrong = "a control character in it"
		}
		if wrong == "" {
			return answer
		}
		question = wrong + "\n" + question[strings.LastIndexByte(question, '\n')+1:]
	}
	return ""
}

func (w *wizard) choose(question string, choices ...string) string {
	return w.get(question+" ("+strings.Join(choices, ", ")+")", choices[0], func(s string) string {
		if slices.Contains(choices, s) {
			return ""
		}
		return "Please answer with one of these words."
	})
}

func (w *wizard) answers() (answers, error) {
	a := answers{}
	a.name = w.get("What is this move called?", "move", func(s string) string {
		if s == "" || strings.Contains(s, "/") {
			return `A word without "/", please.`
		}
		return ""
	})
	a.source = withScheme(w.get("Where is the mail now? A server, such as pop.old.example, or a path", "", addressCheck(asSource, "pop3s://")), "pop3s://")
	a.target = withScheme(w.get("Where does it go? A server, such as imap.new.example", "", addressCheck(asTarget, "imaps://")), "imaps://")
	if w.choose("Are the accounts listed in a CSV, or in the jobs file itself?", "csv", "here") == "csv" {
		a.csv = w.get("What is the CSV called?", "accounts.csv", func(s string) string {
			if _, bad := resolvePath(s, "/"); bad != nil {
				return bad.msg + "."
			}
			return ""
		})
	} else {
		list := w.get("Which accounts? Their users, with commas between them", "", func(s string) string {
			if len(fields(s)) == 0 {
				return "At least one is needed."
			}
			if strings.ContainsAny(s, `/\{}`) { // they may become parts of paths, and of templates
				return "A user's name has no slash, backslash or brace here."
			}
			return ""
		})
		a.accounts = fields(list)
	}
	a.old = w.access("old", "Source", a.source, a.csv != "")
	a.new = w.access("new", "Target", a.target, a.csv != "")
	a.seen = w.get("Which messages are to be marked as read? none, all, or older-than:30d", "none", func(s string) string {
		if bad := checkSeen(s, &loader{}); bad != nil {
			return bad.msg + ": " + bad.hint + "."
		}
		return ""
	})
	a.concurrency = w.get("How many accounts at a time?", "8", func(s string) string {
		if n, err := strconv.Atoi(s); err != nil || n < 1 || n > maxCount {
			return "A number, please."
		}
		return ""
	})
	a.state = w.get("Where is the state kept? A directory; nothing is the usual place", "", func(s string) string {
		if s != "" && !filepath.IsAbs(s) {
			return "A path from / on, please."
		}
		return ""
	})
	return a, w.err
}

// fields splits at commas.
func fields(s string) []string {
	var out []string
	for _, f := range strings.Split(s, ",") {
		if f = strings.TrimSpace(f); f != "" && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// withScheme takes a bare server's name for an address.
func withScheme(s, scheme string) string {
	if onDisk(s) && !strings.ContainsAny(s, `/\:`) {
		return scheme + s
	}
	return s
}

func addressCheck(as side, scheme string) func(string) string {
	return func(s string) string {
		if s == "" {
			return "An address is needed."
		}
		text := withScheme(s, scheme)
		t, bad := compile(text)
		switch {
		case bad != nil:
			return bad.msg + "."
		case namesUser(text):
			return "Without a user, please: that is asked for in a moment."
		case onDisk(text) && !t.differs():
			return "Accounts need places of their own: put {{.User}} into the path."
		}
		text, err := t.expand(&facts{user: "user", name: "user", job: "job", sourceUser: "user", targetUser: "user"}, escapeURL)
		if err != nil {
			return err.Error() + "."
		}
		if _, wrong := parseAddress(text, as, "/"); wrong != nil {
			return strings.TrimSuffix(wrong.msg+"; "+wrong.hint, "; ") + "."
		}
		return ""
	}
}

// access asks how to log in to one side.
func (w *wizard) access(word, field, address string, csv bool) access {
	if onDisk(address) {
		return access{}
	}
	a := access{}
	a.user = w.get(fmt.Sprintf("What are users called at the %s server? {{.User}} is the account's name", word), "{{.User}}", func(s string) string {
		if wrong := templateCheck(s); wrong != "" {
			return wrong
		}
		if t, _ := compile(s); !t.differs() {
			return "Accounts need users of their own: put {{.User}} into it."
		}
		return ""
	})
	choices := []string{"file", "cmd", "env", "master", "token", "none"}
	if csv {
		choices = append([]string{"csv"}, choices...)
	}
	switch how := w.choose(fmt.Sprintf("Where are the passwords for the %s server?", word), choices...); how {
	case "csv":
		a.key = "column"
	case "master":
		a.login = w.get("How does the master user log in?", "{{."+field+"User}}*master", templateCheck)
		a.key = "password"
		a.secret = w.get("Where is the master user's password? env:NAME, file:PATH or cmd:COMMAND", "env:POPLIFT_"+strings.ToUpper(word)+"_MASTER", referenceCheck)
	case "token":
		a.key, a.secret = "token", "cmd:"+w.get("Which command prints an access token? It gets $POPLIFT_USER", "", commandCheck)
	case "cmd":
		a.key = "password"
		a.secret = "cmd:" + w.get("Which command prints a password? It gets $POPLIFT_USER", `pass show `+word+`/"$POPLIFT_USER"`, commandCheck)
	case "file":
		a.key = "password"
		a.secret = "file:" + w.get("In which file is a user's password?", "secrets/"+word+"/{{.User}}", checkAs("file:"))
	case "env":
		a.key = "password"
		a.secret = "env:" + w.get("In which variable is the password?", "POPLIFT_"+strings.ToUpper(word)+"_PASSWORD", checkAs("env:"))
	}
	return a
}

func templateCheck(s string) string {
	t, bad := compile(s)
	if bad != nil {
		return strings.TrimSuffix(bad.msg+"; "+bad.hint, "; ") + "."
	}
	if slices.ContainsFunc(t.parts, func(p part) bool { return p.extra }) {
		return "There are no extra columns yet."
	}
	return ""
}

// differs says whether a template gives each account its own.
func (t *template) differs() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return !p.extra && p.field != "" && p.field != "Job" })
}

func commandCheck(s string) string {
	if s == "" || strings.Contains(s, "{{") {
		return "A command is needed, with $POPLIFT_USER for the user."
	}
	return ""
}

// checkAs is referenceCheck for what follows a prefix.
func checkAs(prefix string) func(string) string {
	return func(s string) string { return referenceCheck(prefix + s) }
}

// referenceCheck takes references only: a password has no place in an answer.
func referenceCheck(s string) string {
	kind, rest := splitSecret(s)
	if kind == Literal {
		return "Not the password itself, please, but where it is kept."
	}
	if kind == FromCmd {
		return commandCheck(rest)
	}
	if msg, hint := checkSecret(kind, rest); msg != "" {
		return msg + "; " + hint + "."
	}
	if kind == FromFile {
		if _, bad := resolvePath(rest, "/"); bad != nil {
			return bad.msg + "."
		}
	}
	return templateCheck(rest)
}

// draft writes the file.
func (a *answers) draft() Draft {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by poplift init. jobs.example.yaml explains every key.")
	line("#")
	line("#     poplift check jobs.yaml     logs in everywhere and writes nothing")
	line("#     poplift run jobs.yaml       moves the mail; run again, it moves what is new")
	line("")
	line("version: 1")
	if a.state != "" {
		line("state: %s", quoted(a.state))
	}
	line("")
	line("limits:")
	line("  concurrency: %s        # accounts at a time", a.concurrency)
	line("")
	line("jobs:")
	line("  - name: %s", quoted(a.name))
	a.old.write(line, "source", a.source, asSource)
	a.new.write(line, "target", a.target, asTarget)
	line("    seen: %s        # which messages are marked as read: none, all or older-than:30d", quoted(a.seen))
	if a.csv == "" {
		line("    accounts:")
		for _, u := range a.accounts {
			line("      - %s", quoted(u))
		}
		return Draft{YAML: []byte(b.String())}
	}
	header := "user"
	for _, c := range []struct {
		name string
		of   access
	}{{"source_password", a.old}, {"target_password", a.new}} {
		if c.of.key == "column" {
			header += "," + c.name
		}
	}
	line("    csv: %s        # a line for each account; the first line names the columns: %s", quoted(a.csv), header)
	if header != "user" {
		line("    # With passwords in it, the CSV must be readable by its owner only: chmod 600")
	}
	return Draft{YAML: []byte(b.String()), CSVName: a.csv, CSV: []byte(header + "\n")}
}

// write is one side's part of the job.
func (x *access) write(line func(string, ...any), key, address string, as side) {
	if to, bad := parseAddress(address, as, "/"); bad == nil && to.host != "" {
		if p, ok := ProviderOf(to.host); ok {
			for _, h := range p.Hints {
				line("    # %s: %s", p.Title, h)
			}
		}
	}
	simple := x.user == "" || x.user == "{{.User}}"
	if simple && x.login == "" && (x.key == "" || x.key == "column") {
		line("    %s: %s", key, quoted(address))
		return
	}
	line("    %s:", key)
	if onDisk(address) {
		line("      path: %s", quoted(address))
	} else {
		line("      url: %s", quoted(address))
	}
	for _, kv := range [][2]string{{"user", x.user}, {"login", x.login}, {x.key, x.secret}} {
		if kv[1] != "" {
			line("      %s: %s", kv[0], quoted(kv[1]))
		}
	}
}

// quoted writes a value so that YAML reads it as it is.
func quoted(s string) string {
	out, err := yaml.Marshal(s)
	if err != nil {
		return strconv.Quote(s) // never: a string always marshals
	}
	return strings.TrimSuffix(string(out), "\n")
}
