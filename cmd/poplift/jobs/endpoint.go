package jobs

import (
	"strings"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// resolved is an end, and the folder that its address names.
type resolved struct {
	Endpoint
	folder migrate.Path
}

// templateIn says whether a value depends on the account.
func templateIn(v leaf) bool { return !v.cell && strings.Contains(v.text, "{{") }

// expanded is the value for an account. What is wrong with it is told where the account stands when it depends on that.
func (l *loader) expanded(v leaf, f *facts, e entry, escape func(string) (string, error)) (string, bool) {
	if !v.has() {
		return "", false
	}
	if !templateIn(v) {
		return v.text, true
	}
	return l.filled(v.text, v, f, e, escape)
}

// filled fills in the fields of text, which is that of v or the end of it.
func (l *loader) filled(text string, v leaf, f *facts, e entry, escape func(string) (string, error)) (string, bool) {
	t, bad := l.template(text)
	if bad != nil {
		return "", false
	}
	out, err := t.expand(f, escape)
	if err != nil {
		if e.sound {
			l.add(e.at, "", "%s, which line %d asks for (%s)", err, v.at.line, v.at.path)
		}
		return "", false
	}
	return out, true
}

// where is the place to complain about a value that was expanded.
func where(v leaf, e entry) pos {
	if templateIn(v) {
		return e.at
	}
	return v.at
}

// userOf is the account's user, or the one that its ends name themselves.
func userOf(a *accountSpec) string {
	if a.User.has() {
		return a.User.text
	}
	for _, e := range []*endpointSpec{&a.Target, &a.Source} {
		if e.User.has() && !templateIn(e.User) {
			return e.User.text
		}
	}
	for _, as := range []side{asTarget, asSource} {
		e := &a.Target
		if as == asSource {
			e = &a.Source
		}
		if e.address.has() && !templateIn(e.address) && !onDisk(e.address.text) {
			if to, bad := parseAddress(e.address.text, as, ""); bad == nil && to.user != "" {
				return to.user
			}
		}
	}
	return ""
}

// userField is the user of a side as its key user says, or the account's.
func (l *loader) userField(v leaf, f *facts, e entry) string {
	if s, ok := l.expanded(v, f, e, nil); ok {
		return s
	}
	return f.user
}

// endpoint resolves an end for an account. It is not ok when that has been complained about.
func (l *loader) endpoint(s *endpointSpec, as side, f facts, e entry) (resolved, bool) {
	v := s.address
	if !v.has() {
		if !v.bad && e.sound {
			l.missing(as, e)
		}
		return resolved{}, false
	}
	escape := escapeURL
	if onDisk(v.text) {
		escape = escapePath
	}
	text, ok := l.expanded(v, &f, e, escape)
	if !ok {
		return resolved{}, false
	}
	a, bad := parseAddress(text, as, v.at.in.dir)
	if bad != nil {
		l.add(where(v, e), bad.hint, "%s: %s", as, bad.msg)
		return resolved{}, false
	}
	if a.scheme == "" {
		l.mustExist(a.path, where(v, e))
		return resolved{Endpoint: Endpoint{Kind: a.kind, Path: a.path}}, true
	}
	out := Endpoint{Scheme: a.scheme, Host: a.host, Port: a.port, User: a.user, Mechanism: strings.ToUpper(textOf(s.Auth)),
		AllowCleartext: truth(s.AllowCleartext),
		TLS:            mailnet.TLSOptions{CAFile: l.existing(s.TLSCA), Pins: texts(s.TLSPin), Insecure: truth(s.TLSInsecure)}}
	switch user, said := l.expanded(s.User, &f, e, nil); {
	case said:
		out.User = user
	case out.User == "":
		out.User = f.user
	}
	if out.User == "" {
		if e.sound && !s.User.has() {
			l.add(e.at, "say user:", "whose mailbox at %s is it?", a.host)
		}
		return resolved{}, false
	}
	if !printable(out.User) {
		l.add(e.at, "", "a control character in the user of %s", a.host)
		return resolved{}, false
	}
	if as == asSource {
		f.sourceUser = out.User
	} else {
		f.targetUser = out.User
	}
	ok = l.logIn(&out, s, &f, e)
	out.Provider = l.providerOf(s.Provider, out.Host)
	return resolved{out, a.folder}, ok
}

// logIn fills in who logs in, and with what.
func (l *loader) logIn(out *Endpoint, s *endpointSpec, f *facts, e entry) bool {
	out.Login = out.User
	for _, v := range []struct {
		from leaf
		to   *string
	}{{s.Login, &out.Login}, {s.AuthzID, &out.AuthzID}} {
		if !v.from.has() {
			continue
		}
		text, ok := l.expanded(v.from, f, e, nil)
		if !ok {
			return false
		}
		*v.to = text
	}
	var ok, ok2 bool
	out.Password, ok = l.secret(s.Password, f, e)
	out.Token, ok2 = l.secret(s.Token, f, e)
	return ok && ok2
}

// missing tells that an account has no source or no target: once for a job whose CSV has no column for it.
func (l *loader) missing(as side, e entry) {
	at, who := e.at, "the account"
	if e.columns != nil && !e.columns[string(as)] {
		at, who = e.job, "the job"
	}
	l.add(at, as.example(), "%s has no %s", who, as)
}

// secret resolves a reference for an account.
func (l *loader) secret(v leaf, f *facts, e entry) (Secret, bool) {
	if !v.has() {
		return Secret{}, !v.bad
	}
	kind, rest := splitSecret(v.text)
	at := v.at
	if kind != Literal && kind != FromCmd && templateIn(v) {
		at = e.at
		var escape func(string) (string, error)
		if kind == FromFile {
			escape = escapePath
		}
		var ok bool
		if rest, ok = l.filled(rest, v, f, e, escape); !ok {
			return Secret{}, false
		}
		if msg, hint := checkSecret(kind, rest); msg != "" {
			l.add(at, hint, "the secret in line %d (%s): %s", v.at.line, v.at.path, msg)
			return Secret{}, false
		}
	}
	switch kind {
	case FromFile:
		path, bad := resolvePath(rest, v.at.in.dir)
		if bad != nil {
			l.add(at, bad.hint, "%s", bad.msg)
			return Secret{}, false
		}
		rest = path
		l.mustExist(path, at)
	case FromEnv:
		if l.opts.LookupEnv != nil {
			if value, ok := l.opts.LookupEnv(rest); !ok || value == "" {
				l.add(at, "", "the variable %s is not set", rest)
			}
		}
	}
	return Secret{kind, mailnet.NewSecret(rest)}, true
}

// existing is the absolute path of a file that is to be there.
func (l *loader) existing(v leaf) string {
	p := l.path(v)
	if p != "" {
		l.mustExist(p, v.at)
	}
	return p
}

// mustExist looks once at each path, if it is to look at all.
func (l *loader) mustExist(path string, at pos) {
	if l.opts.Stat == nil {
		return
	}
	err, known := l.exists[path]
	if !known {
		_, err = l.opts.Stat(path)
		l.exists[path] = err
	}
	if err != nil {
		l.add(at, "", "%s: %v", path, pathError(err))
	}
}

// providerOf is the provider that an end names, or the file for its host, or the one that the host is known for.
func (l *loader) providerOf(v leaf, host string) *Provider {
	l.hostsSeen[host] = true
	if v.has() {
		p, _ := l.provider(v)
		return p
	}
	if h := l.file.hosts[host]; h.provider != nil || h.none {
		return h.provider
	}
	p, known := l.byHost[host]
	if !known {
		p, _ = ProviderOf(host)
		l.byHost[host] = p
	}
	return p
}

// into is the folder that everything goes below.
func (l *loader) into(s *levelSpec, target resolved, f *facts, e entry) migrate.Path {
	if !s.Into.has() {
		return target.folder
	}
	var names migrate.Path
	text, ok := l.expanded(s.Into, f, e, nil)
	if !ok {
		return nil
	}
	for _, name := range strings.Split(text, "/") {
		if name != "" {
			names = append(names, name)
		}
	}
	names, bad := asFolder(names)
	switch {
	case bad != nil:
		l.add(where(s.Into, e), bad.hint, "%s", bad.msg)
	case target.folder != nil:
		l.add(s.Into.at, "leave one of them out", "the target's url names a folder, and so does into")
	}
	return names
}

// pathFor is a path that may depend on the account.
func (l *loader) pathFor(v leaf, f *facts, e entry, mustExist bool) string {
	text, ok := l.expanded(v, f, e, escapePath)
	if !ok {
		return ""
	}
	p, bad := resolvePath(text, v.at.in.dir)
	switch {
	case bad != nil:
		l.add(where(v, e), bad.hint, "%s", bad.msg)
	case mustExist:
		l.mustExist(p, where(v, e))
	}
	return p
}
