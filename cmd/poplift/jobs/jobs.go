package jobs

import (
	"net"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// File is a jobs file without a mistake.
type File struct {
	// Path is the file's own, as it was given to Load.
	Path string
	// Accounts are all accounts of all jobs, in the order they are written.
	Accounts []*Account
	// Warnings are what only looks odd.
	Warnings []*Mistake

	// StateDir is where the state is kept, MetricsFile the Prometheus textfile; both are absolute, or empty when nothing is said.
	StateDir, MetricsFile string
	// Reports are the files that a run's report is written to; .html, .csv or .json says as what.
	Reports []string
	// OnSuccess and OnFailure are shell commands that get the JSON report of a run on stdin.
	OnSuccess, OnFailure string

	Limits   Limits
	Schedule Schedule
	// hosts are the entries of the key hosts.
	hosts map[string]hostEntry
}

// Limits bound a whole run. Zero values are the commands' defaults.
type Limits struct {
	// Concurrency is how many accounts are worked on at once.
	Concurrency int
	// Memory, Window and BandwidthLimit are written as for poplift copy; they are for all accounts together.
	Memory, Window, BandwidthLimit string
	// Host is what holds for every server for which nothing else is said.
	Host Budget
}

// Schedule is when watch runs again, and how long a run may take. Zero values are the commands' defaults.
type Schedule struct {
	Interval, Jitter time.Duration
	// MaxRuntime ends a run cleanly; Wait is how long to wait for another run that holds an account.
	MaxRuntime, Wait time.Duration
}

// Account is one account of a job: everything that main needs to copy it. It and what it points to are read only: accounts share what is alike.
type Account struct {
	// Job is the name of its job, Name its own within it; both together are unique in a file.
	Job, Name string
	// User is the column or key user.
	User string
	// File and Line are where it is written.
	File string
	Line int

	Sources []Endpoint
	Target  Endpoint
	// Into is the folder of the target that everything goes below; nil is none.
	Into migrate.Path
	*Options
}

// Options are what an account says about its messages, in the words of poplift copy's flags, checked. Empty is the flag's default.
type Options struct {
	// Map holds rules such as Old/*=Archive/*, in the order they are tried.
	Map              []string
	MapFile          string
	Include, Exclude []string

	Seen, Since, Until, MaxSize, Dedupe string
	Labels, MboxFormat                  string
	IncludeDeleted, KeepClientHeaders   bool
	StripAttachmentsOver                string

	// Sieve is the path of a script, Keep of the dead-letter tree.
	Sieve, Keep string
	// Relay is where leftovers go; nil is nowhere.
	Relay *Relay
}

// Relay is an SMTP or LMTP server for what the target doesn't take.
type Relay struct {
	Endpoint
	// As is resent, attached, or empty for the default; From the operator's address; To the recipients.
	As, From string
	To       []string
	// Max is how many messages a run may relay; 0 is the default.
	Max int
	// Yes says that nobody need be asked before the first message goes to a new host.
	Yes bool
}

// Endpoint is one end of a copy: a mailbox on a server, or a place on disk.
type Endpoint struct {
	// Scheme is pop3s, pop3, imaps, imap, or one of a relay; empty for a place on disk.
	Scheme string
	// Host is in lower case, without brackets.
	Host string
	Port int
	// User is whose mailbox it is. It names the mailbox in the state, whoever logs in.
	User string

	// Login is the name to log in with: User's own, or that of a master user. AuthzID is the account to act as, or empty (RFC 4616).
	Login, AuthzID string
	// Mechanism forces a way to log in; empty picks the best.
	Mechanism string
	// Password and Token: at most one is set.
	Password, Token Secret

	TLS            mailnet.TLSOptions
	AllowCleartext bool
	// Provider is what is known of the host; nil is nothing.
	Provider *Provider

	// Kind is what lies at Path, an absolute path, or empty when a look is to tell. For a server both are empty.
	Kind, Path string
}

// OnDisk says whether nobody has to log in.
func (e Endpoint) OnDisk() bool { return e.Scheme == "" }

// Address is host:port.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// String is the end for people, without its password: SCHEME://USER@HOST, with the port where it isn't the usual one, or KIND:PATH.
func (e Endpoint) String() string {
	if e.OnDisk() {
		if e.Kind == "" {
			return e.Path
		}
		return e.Kind + ":" + e.Path
	}
	host := e.Host
	switch {
	case e.Port != schemes[e.Scheme].port:
		host = e.Address()
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	if e.User != "" {
		host = e.User + "@" + host
	}
	return e.Scheme + "://" + host
}

// Arg is the end as an argument of poplift copy, with what has a meaning there escaped. into, for a target, is the folder behind the host.
func (e Endpoint) Arg(into migrate.Path) string {
	if e.OnDisk() {
		return e.String()
	}
	host := e.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	user, _ := escapeURL(e.User)
	out := e.Scheme + "://" + user + "@" + host + ":" + strconv.Itoa(e.Port)
	for _, name := range into {
		name, _ = escapeURL(name)
		out += "/" + name
	}
	return out
}

// ID names the account in a file: JOB/NAME.
func (a *Account) ID() string { return a.Job + "/" + a.Name }

// Environ is what a command that finds a secret for an end of this account gets to know, as NAME=value. The values come from others than the
// command's author; as variables they can't become a part of it.
func (a *Account) Environ(e Endpoint) []string {
	return []string{"POPLIFT_JOB=" + a.Job, "POPLIFT_ACCOUNT=" + a.Name, "POPLIFT_USER=" + e.User, "POPLIFT_LOGIN=" + e.Login,
		"POPLIFT_AUTHZID=" + e.AuthzID, "POPLIFT_HOST=" + e.Host, "POPLIFT_SCHEME=" + e.Scheme}
}
