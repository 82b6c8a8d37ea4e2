package jobs

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// run reads what is for the run as a whole.
func (l *loader) run(spec *fileSpec) {
	f := l.file
	f.StateDir, f.MetricsFile = l.path(spec.State), l.path(spec.Metrics)
	for _, v := range spec.Report.items {
		if v.has() {
			f.Reports = append(f.Reports, l.path(v))
		}
	}
	f.OnSuccess, f.OnFailure = spec.OnSuccess.text, spec.OnFailure.text
	f.Limits = l.limits(&spec.Limits)
	f.Schedule = Schedule{Interval: duration(spec.Schedule.Interval), Jitter: duration(spec.Schedule.Jitter),
		MaxRuntime: duration(spec.Schedule.MaxRuntime), Wait: duration(spec.Schedule.Wait)}
	if s := f.Schedule; s.Jitter > 0 && spec.Schedule.Interval.has() && s.Jitter > s.Interval {
		l.add(spec.Schedule.Jitter.at, "", "a jitter of %s is more than the interval of %s", spec.Schedule.Jitter.text, spec.Schedule.Interval.text)
	} else if spec.Schedule.Jitter.has() && !spec.Schedule.Interval.said {
		l.add(spec.Schedule.Jitter.at, "say interval: too", "a jitter without an interval")
	}
	for _, h := range spec.Hosts.entries {
		if !h.host.bad {
			p, none := l.provider(h.Provider)
			f.hosts[h.host.text] = hostEntry{h.budget(), p, none}
		}
	}
	if len(spec.Jobs.items) == 0 && l.lost == 0 {
		at := pos{in: l.main, line: 1, col: 1}
		if spec.Jobs.said {
			at = spec.Jobs.at
		}
		l.add(at, "poplift init writes a first file", "there are no jobs")
	}
}

func (l *loader) path(v leaf) string {
	if !v.has() {
		return ""
	}
	p, _ := resolvePath(v.text, v.at.in.dir)
	return p
}

// The kinds have been checked; what was wrong is left out by has.

func duration(v leaf) time.Duration {
	if !v.has() {
		return 0
	}
	d, _ := ParseDuration(v.text)
	return d
}

func size(v leaf) int64 {
	if !v.has() {
		return 0
	}
	n, _ := ParseSize(v.text)
	return n
}

func count(v leaf) int {
	if !v.has() {
		return 0
	}
	n, _ := strconv.Atoi(v.text)
	return n
}

func truth(v leaf) bool {
	if !v.has() {
		return false
	}
	b, _ := parseBool(v.text)
	return b
}

func textOf(v leaf) string {
	if !v.has() {
		return ""
	}
	return v.text
}

func texts(l list) []string {
	var out []string
	for _, v := range l.items {
		if v.has() {
			out = append(out, v.text)
		}
	}
	return out
}

// budget is what is written, with unlimited for none.
func (b *budgetSpec) budget() Budget {
	perSecond := func(v leaf) float64 {
		if !v.has() {
			return 0
		}
		n, _ := parseRate(v.text)
		return n
	}
	return Budget{orUnlimited(b.Connections, count), orUnlimited(b.UserConnections, count), orUnlimited(b.MessagesPerSecond, perSecond),
		orUnlimited(b.BytesPerSecond, size), orUnlimited(b.UploadPerDay, size), orUnlimited(b.DownloadPerDay, size), orUnlimited(b.LoginInterval, duration)}
}

// orUnlimited reads a value that may be none.
func orUnlimited[N int | int64 | float64 | time.Duration](v leaf, read func(leaf) N) N {
	if v.has() && (v.text == none || v.text == "0") {
		return unlimited
	}
	return read(v)
}

// minMemory is the least that poplift copy takes too: below it the run would crawl.
const minMemory = 1 << 20

func (l *loader) limits(s *limitsSpec) Limits {
	if s.Memory.has() && size(s.Memory) < minMemory {
		l.add(s.Memory.at, "", "memory %s: at least 1M is needed", s.Memory.text)
	}
	if s.Window.has() && s.Memory.has() && size(s.Window) > size(s.Memory) {
		l.add(s.Window.at, "what is asked for ahead must also fit", "window %s is more than memory %s", s.Window.text, s.Memory.text)
	}
	if s.Bandwidth.has() && size(s.Bandwidth) == 0 {
		l.add(s.Bandwidth.at, "leave it out for no limit", "bwlimit %s lets nothing through", s.Bandwidth.text)
	}
	return Limits{Concurrency: count(s.Concurrency), Memory: textOf(s.Memory), Window: textOf(s.Window), BandwidthLimit: textOf(s.Bandwidth),
		Host: s.budget().settled()}
}

// provider is the one that a key names.
func (l *loader) provider(v leaf) (p *Provider, none bool) {
	if !v.has() {
		return nil, false
	}
	p, known := l.byName[v.text]
	if !known {
		p, _ = ProviderNamed(v.text)
		l.byName[v.text] = p
	}
	return p, v.text == "none"
}

// job is a job while its accounts are read.
type job struct {
	name string
	spec *jobSpec
	// level is the job's own with the defaults filled in.
	level levelSpec
	// options are those of every account that says nothing of its own; nil when they depend on the account.
	options *Options
	names   map[string]*Account
}

// accounts reads all accounts of all jobs.
func (l *loader) accounts(spec *fileSpec) {
	names := map[string]int{}
	for i := range spec.Jobs.items {
		if l.exhausted {
			return
		}
		s := &spec.Jobs.items[i]
		j := &job{name: textOf(s.Name), spec: s, level: s.levelSpec, names: map[string]*Account{}}
		j.level.inheritEnds(&spec.Defaults)
		j.level.optionsSpec.inherit(&spec.Defaults.optionsSpec)
		switch line, ok := names[j.name]; {
		case j.name == "" && !s.Name.bad && !s.broken:
			l.add(s.at, "say name:, which messages and --account show", "the job has no name")
		case j.name != "" && strings.Contains(j.name, "/"):
			l.add(s.Name.at, "", "a / in the name of a job")
		case ok && j.name != "":
			l.add(s.Name.at, "", "a job of that name is in line %d already", line)
		default:
			names[j.name] = s.at.line
		}
		l.jobAccounts(j)
	}
}

func (l *loader) jobAccounts(j *job) {
	s := j.spec
	if !s.broken && !s.Accounts.said && !s.CSV.said {
		l.add(s.at, "say accounts: or csv:", "the job has no accounts")
		return
	}
	if !j.level.templated() {
		j.options = l.options(&j.level, &facts{}, entry{at: s.at, job: s.at, sound: !s.broken})
	}
	for i, n := range s.Accounts.items {
		p := s.Accounts.at.path.item(i)
		if !l.another(l.place(n, p)) {
			return
		}
		spec, sound := l.decodeAccount(n, p)
		if l.exhausted {
			return
		}
		l.account(j, &spec, entry{at: l.place(n, p), job: s.at, sound: sound && !s.broken && !l.broken})
	}
	if s.CSV.has() {
		l.csv(j)
	}
}

// another counts an account, and says whether it is still read.
func (l *loader) another(at pos) bool {
	if l.accountsLeft--; l.accountsLeft < 0 {
		l.add(at, "split the file", "more than %d accounts", MaxAccounts)
	}
	return l.accountsLeft >= 0 && !l.more
}

// templated says whether some option depends on the account.
func (s *levelSpec) templated() bool {
	for _, v := range append([]leaf{s.MapFile, s.Sieve, s.Keep, s.Relay.URL, s.Relay.From}, s.Relay.To.items...) {
		if v.has() && strings.Contains(v.text, "{{") {
			return true
		}
	}
	for _, v := range []leaf{s.Relay.Password, s.Relay.Token} {
		if kind, rest := splitSecret(v.text); kind != Literal && strings.Contains(rest, "{{") {
			return true
		}
	}
	return false
}

// entry is an account as it is written.
type entry struct {
	// at is the account's own place, job that of its job.
	at, job pos
	extra   map[string]string
	// sound says that nothing around it has been complained about, so that what is missing is missing.
	sound bool
	// columns are those of its CSV; nil for an account of the jobs file.
	columns map[string]bool
}

// account resolves one account. It fills spec in from the job's.
func (l *loader) account(j *job, spec *accountSpec, e entry) {
	if spec.User.bad || spec.Source.User.bad || spec.Target.User.bad {
		e.sound = false
	}
	own := says(reflect.ValueOf(&spec.optionsSpec).Elem())
	f := &facts{user: userOf(spec), job: j.name, extra: e.extra}
	level := &spec.levelSpec
	level.inheritEnds(&j.level)
	f.name = textOf(spec.Name)
	if f.name == "" {
		f.name = f.user
	}
	before := l.told
	a := &Account{Job: j.name, User: f.user, File: e.at.in.name, Line: e.at.line}
	f.sourceUser = l.userField(level.Source.User, f, e)
	f.targetUser = l.userField(level.Target.User, f, e)
	l.ends = level.sources(l.ends[:0])
	for i := range l.ends {
		if end, ok := l.endpoint(&l.ends[i], asSource, *f, e); ok {
			a.Sources = append(a.Sources, end.Endpoint)
		}
	}
	if end, ok := l.endpoint(&level.Target, asTarget, *f, e); ok {
		a.Target = end.Endpoint
		a.Into = l.into(level, end, f, e)
	}
	a.Options = j.options
	if own || a.Options == nil {
		level.optionsSpec.inherit(&j.level.optionsSpec)
		a.Options = l.options(level, f, e)
	}
	if a.Name = f.name; a.Name == "" {
		a.Name = a.Target.User
	}
	l.emptyCells(a, e)
	if l.told > before || !e.sound {
		return
	}
	if l.register(j, a, e) {
		l.file.Accounts = append(l.file.Accounts, a)
		l.warn(j, level, a, e)
	}
}

// emptyCells complains about a row without a password where the CSV has a column for it, and nothing else has one.
func (l *loader) emptyCells(a *Account, e entry) {
	if l.secretLost {
		return
	}
	look := func(as side, end Endpoint) {
		for _, name := range []string{"password", "token"} {
			if column := string(as) + "_" + name; e.columns[column] && !end.OnDisk() && end.Password.Kind() == NoSecret && end.Token.Kind() == NoSecret {
				l.add(e.at, "", "%s is empty", column)
				return
			}
		}
	}
	for _, s := range a.Sources {
		look(asSource, s)
	}
	look(asTarget, a.Target)
}

// register makes sure that no two accounts are one.
func (l *loader) register(j *job, a *Account, e entry) bool {
	to := a.Target.String() + "\x00" + strings.Join(a.Into, "\x00")
	other, taken := l.targets[to]
	if taken {
		hint := "mail from several places into one mailbox is one account with several sources; or give each an into (folder)"
		l.add(e.at, hint, "%s is the target of %s already (%s:%d)", a.Target, other.ID(), other.File, other.Line)
		return false
	}
	if other, taken = j.names[a.Name]; taken {
		l.add(e.at, "say name:", "there is an account %s in this job already (%s:%d)", other.Name, other.File, other.Line)
		return false
	}
	l.targets[to], j.names[a.Name] = a, a
	for i, s := range a.Sources {
		for _, t := range a.Sources[:i] {
			if s.String() == t.String() {
				l.add(e.at, "", "%s is a source of it twice", s)
			}
		}
	}
	return true
}

// warn tells what is possible and most likely not meant.
func (l *loader) warn(j *job, s *levelSpec, a *Account, e entry) {
	for _, src := range a.Sources {
		from := src.String()
		if other, ok := l.from[from]; ok {
			l.warnings.add(e.at, "", "%s is also copied by %s (%s:%d)", from, other.ID(), other.File, other.Line)
		} else {
			l.from[from] = a
		}
		l.warnEnd(j, &src, &s.Source)
	}
	l.warnEnd(j, &a.Target, &s.Target)
}

func (l *loader) warnEnd(j *job, e *Endpoint, s *endpointSpec) {
	if e.OnDisk() {
		return
	}
	at := j.spec.at
	if e.Password.Kind() == NoSecret && e.Token.Kind() == NoSecret {
		l.warnings.add(at, "that leaves ~/.netrc, the environment and the terminal", "no password: and no token: for %s", e.Host)
	}
	if s.TLSInsecure.said && e.TLS.Insecure {
		l.warnings.add(s.TLSInsecure.at, "tls_pin trusts one certificate only", "with tls_insecure whoever is on the way can read everything")
	}
	if s.AllowCleartext.said && e.AllowCleartext && (e.Scheme == "pop3" || e.Scheme == "imap") {
		l.warnings.add(s.AllowCleartext.at, "", "passwords and mail of %s go over the wire in clear", e.Host)
	}
	p := e.Provider
	switch {
	case p == nil:
	case p.OAuthOnly && e.Password.Kind() != NoSecret:
		l.warnings.add(at, "say token: cmd:COMMAND", "%s (%s) takes OAuth tokens only", p.Title, e.Host)
	case p.NoPOP3 && strings.HasPrefix(e.Scheme, "pop3"):
		l.warnings.add(at, "", "%s (%s) has no POP3", p.Title, e.Host)
	}
}

// unusedHosts warns of entries that no account needs, most often for a slip in a name.
func (l *loader) unusedHosts(spec *fileSpec) {
	var seen []string
	for h := range l.hostsSeen {
		seen = append(seen, h)
	}
	slices.Sort(seen)
	for _, h := range spec.Hosts.entries {
		if !h.host.bad && !l.hostsSeen[h.host.text] {
			hint := ""
			if best := Nearest(h.host.text, seen); best != "" {
				hint = "did you mean " + best + "?"
			}
			l.warnings.add(h.host.at, hint, "no account is at %s", h.host.text)
		}
	}
}
