package jobs

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Provider is what is known of a mail service or a server's software: what it takes at most, and what to know before a move. It is data; the
// scheduler begins with it and learns from what the server says.
type Provider struct {
	// Name selects it in a jobs file; Title is its name for people.
	Name, Title string
	// Hosts are the servers it is recognised by, as a name or as *.DOMAIN. Software has none: it must be named.
	Hosts []string
	// IMAP and POP3 are the budgets of each protocol.
	IMAP, POP3 Budget
	// MaxMessage is the biggest message taken, in octets; 0 is unknown. A server's own word (APPENDLIMIT, RFC 7889) counts before it.
	MaxMessage int64
	// OAuthOnly says that passwords are refused, NoPOP3 that there is no POP3 at all.
	OAuthOnly, NoPOP3 bool
	// Hints are for check to print, a sentence each.
	Hints []string
}

// Budget is what one server takes. Zero fields are unlimited, or unknown.
type Budget struct {
	// Connections are those at once for all accounts together, UserConnections those for one mailbox, whoever logs in; a user's own clients take theirs out
	// of the same.
	Connections, UserConnections int
	MessagesPerSecond            float64
	BytesPerSecond               int64
	// UploadPerDay and DownloadPerDay are octets of one account within any 24 hours.
	UploadPerDay, DownloadPerDay int64
	// LoginInterval is the least time between two log-ins to one account.
	LoginInterval time.Duration
}

// unlimited is a field that says so, where 0 leaves it to somebody else.
const unlimited = -1

// settled returns b with 0 for what is unlimited.
func (b Budget) settled() Budget {
	return Budget{max(b.Connections, 0), max(b.UserConnections, 0), max(b.MessagesPerSecond, 0), max(b.BytesPerSecond, 0), max(b.UploadPerDay, 0),
		max(b.DownloadPerDay, 0), max(b.LoginInterval, 0)}
}

// within returns the stricter of two budgets, field by field.
func (b Budget) within(o Budget) Budget {
	return Budget{least(b.Connections, o.Connections), least(b.UserConnections, o.UserConnections), least(b.MessagesPerSecond, o.MessagesPerSecond),
		least(b.BytesPerSecond, o.BytesPerSecond), least(b.UploadPerDay, o.UploadPerDay), least(b.DownloadPerDay, o.DownloadPerDay),
		max(b.LoginInterval, o.LoginInterval)}
}

// over returns b with what it leaves open filled in from o.
func (b Budget) over(o Budget) Budget {
	return Budget{cmp.Or(b.Connections, o.Connections), cmp.Or(b.UserConnections, o.UserConnections), cmp.Or(b.MessagesPerSecond, o.MessagesPerSecond),
		cmp.Or(b.BytesPerSecond, o.BytesPerSecond), cmp.Or(b.UploadPerDay, o.UploadPerDay), cmp.Or(b.DownloadPerDay, o.DownloadPerDay),
		cmp.Or(b.LoginInterval, o.LoginInterval)}
}

// least is the smaller one, where 0 is no limit.
func least[N int | int64 | float64](a, b N) N {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// hostEntry is what the key hosts says about a server.
type hostEntry struct {
	budget   Budget
	provider *Provider
	none     bool // provider: none
}

// Budget is what the server of an end takes: what the file says about that host, else the stricter of limits and of what is known of the provider.
func (f *File) Budget(e Endpoint) Budget {
	var known Budget
	switch {
	case e.Provider == nil:
	case strings.HasPrefix(e.Scheme, "pop3"):
		known = e.Provider.POP3
	case strings.HasPrefix(e.Scheme, "imap"):
		known = e.Provider.IMAP
	}
	return f.hosts[e.Host].budget.over(known.within(f.Limits.Host)).settled()
}

// ProviderNames are the values of the key provider, without none.
func ProviderNames() []string {
	var out []string
	for _, p := range Providers() {
		out = append(out, p.Name)
	}
	return out
}

// ProviderNamed returns the provider of that name.
func ProviderNamed(name string) (*Provider, bool) {
	all := Providers()
	if i := slices.IndexFunc(all, func(p Provider) bool { return p.Name == name }); i >= 0 {
		return &all[i], true
	}
	return nil, false
}

// ProviderOf recognises a provider by a server's name, in any case.
func ProviderOf(host string) (*Provider, bool) {
	host = strings.ToLower(host)
	all := Providers()
	for i, p := range all {
		for _, h := range p.Hosts {
			if domain, any := strings.CutPrefix(h, "*"); h == host || any && strings.HasSuffix(host, domain) && len(host) > len(domain) {
				return &all[i], true
			}
		}
	}
	return nil, false
}
