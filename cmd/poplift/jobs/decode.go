package jobs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field is where a value goes while it is decoded.
type field struct {
	kind string
	path *trail
	to   reflect.Value
}

type jobsSpec struct {
	items []jobSpec
	said  bool
	at    pos
}

// accountsSpec keeps the accounts as they are parsed: each is decoded when its turn comes, so that their specs are not all in memory at once, and
// not one for each alias of the list.
type accountsSpec struct {
	items []*yaml.Node
	said  bool
	at    pos
}

// Bounds of lists, far above what anyone writes.
const (
	maxItems = 1000
	maxJobs  = 10_000
)

func (l *loader) place(n *yaml.Node, p *trail) pos { return pos{l.main, n.Line, n.Column, p} }

// resolve follows aliases. Every step costs, so that a file of aliases of aliases ends.
func (l *loader) resolve(n *yaml.Node) *yaml.Node {
	for depth := 0; ; depth++ {
		if l.steps--; l.steps < 0 || depth > 100 {
			if !l.exhausted {
				l.exhausted = true
				l.lost++
				l.add(l.place(n, nil), "", "the aliases unfold to too much")
			}
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line, Column: n.Column}
		}
		if n.Kind != yaml.AliasNode || n.Alias == nil {
			return n
		}
		n = n.Alias
	}
}

// decode reads n into a field of a spec.
func (l *loader) decode(f field, n *yaml.Node) {
	n = l.resolve(n)
	if l.exhausted {
		return
	}
	switch to := f.to.Addr().Interface().(type) {
	case *leaf:
		l.decodeLeaf(to, f, n)
	case *list:
		l.decodeList(to, f, n)
	case *endpointSpec:
		l.decodeEndpoint(to, f.path, n)
	case *endpointsSpec:
		to.said = true
		for i, item := range l.sequence(n, f.path, maxItems) {
			var e endpointSpec
			l.decodeEndpoint(&e, f.path.item(i), l.resolve(item))
			to.items = append(to.items, e)
		}
	case *hostsSpec:
		l.decodeHosts(to, f.path, n)
	case *jobsSpec:
		to.said, to.at = true, l.place(n, f.path)
		for i, item := range l.sequence(n, f.path, maxJobs) {
			to.items = append(to.items, l.decodeJob(f.path.item(i), l.resolve(item)))
		}
	case *accountsSpec:
		to.said, to.at = true, l.place(n, f.path)
		to.items = l.sequence(n, f.path, MaxAccounts+1)
	case *levelSpec:
		before := l.lost
		l.mapping(f.to, n, f.path)
		l.broken = l.broken || l.lost > before
	case *relaySpec:
		to.at = l.place(n, f.path)
		l.mapping(f.to, n, f.path)
		l.checkOnce(to.Password, to.Token, "password", "token")
	default:
		l.mapping(f.to, n, f.path)
	}
}

// shape is what a node looks like to a person.
func shape(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	}
	return "a single value"
}

func (l *loader) decodeLeaf(to *leaf, f field, n *yaml.Node) {
	to.said, to.at = true, l.place(n, f.path)
	switch {
	case n.Kind != yaml.ScalarNode:
		hint := ""
		if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && strings.HasPrefix(lineFrom(l.main.text, n.Line, n.Column), "{{") {
			hint = "a value that begins with {{ stands in quotes"
		}
		l.add(to.at, hint, "a single value is needed, not %s", shape(n))
		to.bad = true
		return
	case n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str":
		l.add(to.at, "", "the tag %s has no meaning here", n.Tag)
		to.bad = true
		return
	case n.Tag != "!!null":
		to.text = n.Value
	}
	l.check(f.kind, to)
}

// lineFrom is the rest of a line from a column on.
func lineFrom(text string, line, col int) string {
	r := []rune(lineOf(text, line))
	return string(r[min(max(col-1, 0), len(r)):])
}

func (l *loader) decodeList(to *list, f field, n *yaml.Node) {
	to.said, to.at = true, l.place(n, f.path)
	if n.Kind == yaml.ScalarNode {
		if n.Tag != "!!null" {
			var v leaf
			l.decodeLeaf(&v, f, n)
			to.items = []leaf{v}
		}
		return
	}
	for i, item := range l.sequence(n, f.path, maxItems) {
		var v leaf
		l.decodeLeaf(&v, field{f.kind, f.path.item(i), reflect.Value{}}, l.resolve(item))
		if v.text == "" && !v.bad {
			l.add(v.at, "", "it is empty")
			v.bad = true
		}
		to.items = append(to.items, v)
	}
}

func (l *loader) sequence(n *yaml.Node, p *trail, limit int) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) > limit {
			l.add(l.place(n.Content[limit], p.item(limit)), "", "more than %d items", limit)
		}
		return n.Content[:min(len(n.Content), limit)]
	}
	if n.Tag != "!!null" {
		l.lost++
		l.add(l.place(n, p), "each item stands on a line of its own behind a -", "a list is needed, not %s", shape(n))
	}
	return nil
}

// pair is a key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs lists a mapping's keys, those that it merges (<<) last, without what is said nearer by.
func (l *loader) pairs(n *yaml.Node, p *trail, depth int) []pair {
	if n.Kind != yaml.MappingNode {
		if n.Tag != "!!null" {
			l.lost++
			l.add(l.place(n, p), "", "a mapping is needed (key: value), not %s", shape(n))
		}
		return nil
	}
	var out []pair
	var merged []*yaml.Node
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := l.resolve(n.Content[i])
		if l.exhausted {
			return nil
		}
		if k.Kind != yaml.ScalarNode {
			l.lost++
			l.add(l.place(k, p), "a value that begins with {{ stands in quotes", "a key is a word, not %s", shape(k))
			continue
		}
		if k.Tag == "!!merge" {
			merged = append(merged, l.resolve(n.Content[i+1]))
			continue
		}
		if line, ok := seen[k.Value]; ok {
			l.add(l.place(k, p.key(k.Value)), "", "%s is said twice, first in line %d", k.Value, line)
			continue
		}
		seen[k.Value] = k.Line
		out = append(out, pair{k, n.Content[i+1]})
	}
	for _, m := range merged {
		from := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			from = m.Content
		}
		for _, one := range from {
			if depth > 20 {
				l.steps = 0
			}
			for _, kv := range l.pairs(l.resolve(one), p, depth+1) {
				if _, ok := seen[kv.key.Value]; !ok {
					seen[kv.key.Value] = kv.key.Line
					out = append(out, kv)
				}
			}
		}
	}
	return out
}

// mapping reads the keys of a spec.
func (l *loader) mapping(to reflect.Value, n *yaml.Node, p *trail) {
	keys := l.keysOf(to.Type())
	for _, kv := range l.pairs(n, p, 0) {
		if p == nil && strings.HasPrefix(kv.key.Value, "x-") {
			continue // a place for anchors
		}
		k, ok := keys.byName[kv.key.Value]
		if !ok {
			meant, hint := unknownKey(kv.key.Value, keys.names, l.keyPlaces())
			if meant == "" && !strings.Contains(hint, " stands in ") || slices.Contains(vital, meant) {
				l.lost++
				l.broken = l.broken || p == nil
			}
			l.secretLost = l.secretLost || meant == "password" || meant == "token"
			l.add(l.place(kv.key, p.key(kv.key.Value)), hint, "there is no key %s here", shown(kv.key.Value))
			continue
		}
		l.decode(field{k.kind, p.key(k.name), to.FieldByIndex(k.index)}, kv.value)
	}
}

// shown cuts a key to what fits in a message.
func shown(s string) string {
	if r := []rune(s); len(r) > 40 || !printable(s) {
		return fmt.Sprintf("%.40q…", s)
	}
	return s
}

func (l *loader) decodeEndpoint(to *endpointSpec, p *trail, n *yaml.Node) {
	to.at = l.place(n, p)
	if n.Kind == yaml.ScalarNode {
		l.decodeLeaf(&to.address, field{"address", p, reflect.Value{}}, n)
		return
	}
	l.mapping(reflect.ValueOf(to).Elem(), n, p)
	switch {
	case to.URL.said:
		to.address = to.URL
		if to.URL.has() && onDisk(to.URL.text) {
			to.address.bad = true
			l.add(to.URL.at, "a place on disk has the key path", "an address is SCHEME://HOST")
		}
		if to.Path.said {
			l.add(to.Path.at, "leave one of them out", "path and url are both said")
		}
	case to.Path.said:
		to.address = to.Path
		if !onDisk(to.Path.text) {
			to.address.bad = true
			l.add(to.Path.at, "an address has the key url", "a path has no ://")
		}
		for _, v := range []leaf{to.User, to.Login, to.AuthzID, to.Auth, to.Password, to.Token, to.AllowCleartext, to.TLSCA, to.TLSInsecure} {
			if v.said {
				l.add(v.at, "leave it out", "nobody logs in to a path")
			}
		}
	}
	l.checkOnce(to.Password, to.Token, "password", "token")
	if to.User.has() && to.URL.has() && namesUser(to.URL.text) {
		l.add(to.User.at, "leave one of them out", "the url names a user too")
	}
	l.checkAuth(to)
}

// checkOnce complains about the second of two values of which only one can be.
func (l *loader) checkOnce(a, b leaf, an, bn string) {
	if a.has() && b.has() {
		l.add(b.at, "leave one of them out", "%s and %s are both said", an, bn)
	}
}

// checkAuth looks whether a forced mechanism can do what is asked for.
func (l *loader) checkAuth(e *endpointSpec) {
	if !e.Auth.has() {
		return
	}
	m := strings.ToUpper(e.Auth.text)
	bearer := m == "XOAUTH2" || m == "OAUTHBEARER"
	switch {
	case bearer && e.Password.has():
		l.add(e.Auth.at, "say token: instead of password:", "%s takes a token", m)
	case !bearer && e.Token.has():
		l.add(e.Auth.at, "a token goes by OAUTHBEARER or XOAUTH2", "%s takes a password", m)
	case e.AuthzID.has() && (m == "LOGIN" || m == "USER" || m == "APOP" || m == "LOGIN-COMMAND"):
		l.add(e.Auth.at, "PLAIN and SCRAM can", "%s can't log in for another account, as authzid asks", m)
	}
}

func (l *loader) decodeHosts(to *hostsSpec, p *trail, n *yaml.Node) {
	for _, kv := range l.pairs(n, p, 0) {
		h := hostSpec{host: leaf{text: kv.key.Value, at: l.place(kv.key, p.key(kv.key.Value)), said: true}}
		if !hostName(h.host.text) || strings.ToLower(h.host.text) != h.host.text {
			h.host.bad = true
			l.add(h.host.at, "it is a name in lower case, such as imap.example.org", "%s is no host", shown(h.host.text))
		}
		l.mapping(reflect.ValueOf(&h.hostValues).Elem(), l.resolve(kv.value), h.host.at.path)
		to.entries = append(to.entries, h)
	}
}

func (l *loader) decodeJob(p *trail, n *yaml.Node) jobSpec {
	j := jobSpec{at: l.place(n, p)}
	before := l.lost
	l.mapping(reflect.ValueOf(&j).Elem(), n, p)
	j.checkEnds(l)
	j.broken = l.lost > before || l.exhausted
	return j
}

// decodeAccount reads an account that stands in the jobs file: a mapping, or just its user. It is sound when nothing of it can have been lost.
func (l *loader) decodeAccount(n *yaml.Node, p *trail) (accountSpec, bool) {
	var a accountSpec
	one := l.resolve(n)
	before := l.lost
	if one.Kind == yaml.ScalarNode {
		l.decodeLeaf(&a.User, field{"name", p, reflect.Value{}}, one)
	} else {
		l.mapping(reflect.ValueOf(&a).Elem(), one, p)
		a.checkEnds(l)
	}
	return a, l.lost == before
}

// checkEnds looks at addresses that need no account to be known.
func (s *levelSpec) checkEnds(l *loader) {
	l.checkEnd(&s.Source, asSource)
	l.checkEnd(&s.Target, asTarget)
	for i := range s.Sources.items {
		l.checkEnd(&s.Sources.items[i], asSource)
	}
	if v := &s.Relay.URL; v.has() && !strings.Contains(v.text, "{{") {
		if _, bad := parseAddress(v.text, asRelay, v.at.in.dir); bad != nil {
			v.bad = true
			l.add(v.at, bad.hint, "%s", bad.msg)
		}
	}
}

func (l *loader) checkEnd(e *endpointSpec, as side) {
	v := &e.address
	if !v.has() || strings.Contains(v.text, "{{") {
		return
	}
	if _, bad := parseAddress(v.text, as, v.at.in.dir); bad != nil {
		v.bad = true
		l.add(v.at, bad.hint, "%s", bad.msg)
	}
}
