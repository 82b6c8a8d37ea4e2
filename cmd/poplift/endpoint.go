package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
)

// endpoint is an address of the command line, taken apart. It never holds a password.
type endpoint struct {
	Scheme string
	User   string
	Host   string // without brackets
	Port   int
	Folder migrate.Path // nil is INBOX
}

// scheme is what poplift knows of a kind of address.
type scheme struct {
	port    int
	role    role
	folders bool
	// open says that a server of this kind may let in who has no name, as relays do on their own network.
	open bool
}

// role is the side of a copy that an address can stand on.
type role string

const (
	roleSource role = "source"
	roleTarget role = "target"
	roleRelay  role = "relay" // a target too
)

var schemes = map[string]scheme{
	"pop3s": {port: 995, role: roleSource},
	"pop3":  {port: 110, role: roleSource},
	"imaps": {port: 993, role: roleTarget, folders: true},
	"imap":  {port: 143, role: roleTarget, folders: true},
	"smtps": {port: 465, role: roleRelay, open: true}, // RFC 8314
	"smtp":  {port: 587, role: roleRelay, open: true}, // RFC 6409
	"lmtp":  {port: 24, role: roleRelay, open: true},
}

// example shows the form of an address of this role.
func (r role) example() string {
	switch r {
	case roleSource:
		return "pop3s://USER@HOST"
	case roleRelay:
		return "smtp://USER@HOST"
	}
	return "imaps://USER@HOST or imaps://USER@HOST/Folder"
}

// address is host:port.
func (e endpoint) address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// account names the mailbox on its server, the same in every run: it is the key of the state, so it must not depend on how the
// address was spelled.
func (e endpoint) account() string { return e.User + "@" + e.address() }

// String is the address for people: the port only where it is not the usual one, no escapes.
func (e endpoint) String() string {
	host := e.Host
	switch {
	case e.Port != schemes[e.Scheme].port:
		host = e.address()
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	out := e.Scheme + "://" + host
	if e.User != "" {
		out = e.Scheme + "://" + e.User + "@" + host
	}
	if len(e.Folder) > 0 {
		out += "/" + e.Folder.String()
	}
	return out
}

// parseEndpoint takes an address apart. Its errors never quote the part before the last "@", which may hold a password by mistake.
//
// It is not net/url: a user name is often a whole mail address, and people write it with its plain "@".
func parseEndpoint(raw string, as role) (endpoint, error) {
	name, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return endpoint{}, notAnAddress(raw, as)
	}
	name = strings.ToLower(name)
	kind, ok := schemes[name]
	if !ok {
		return endpoint{}, usagef("%s: addresses of this kind are not supported yet; %s is", shownScheme(name), as.example())
	}
	if kind.role != as && !(kind.role == roleRelay && as == roleTarget) {
		return endpoint{}, usagef("%s:// is a %s, not a %s; the order is: poplift copy SOURCE... TARGET, with a %s such as %s",
			name, kind.role, as, as, as.example())
	}
	bad := func(format string, args ...any) (endpoint, error) {
		return endpoint{}, usagef("%s address: %s", name, fmt.Sprintf(format, args...))
	}
	if strings.ContainsAny(rest, "?#") {
		return bad(`"?" and "#" are written %%3F and %%23`)
	}
	authority, path, hasPath := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	if at < 0 && !kind.open {
		if strings.Contains(path, "@") {
			return bad(`no user name before the host; a "/" in a user name is written %%2F`)
		}
		return bad("no user name; the form is %s", as.example())
	}
	e := endpoint{Scheme: name, Port: kind.port}
	var err error
	if at >= 0 {
		if e.User, err = parseUser(authority[:at]); err != nil {
			return bad("%s", err)
		}
	}
	if e.Host, err = parseHost(authority[at+1:], &e.Port); err != nil {
		return bad("%s", err)
	}
	if hasPath && strings.Trim(path, "/") != "" {
		if !kind.folders {
			return bad("there are no folders behind it, so nothing can follow the host")
		}
		if e.Folder, err = parseFolder(path); err != nil {
			return bad("%s", err)
		}
	}
	return e, nil
}

// notAnAddress explains an argument without "://": most often a path to a mail store.
func notAnAddress(raw string, as role) error {
	if strings.Contains(raw, "@") {
		return usagef("the %s has no scheme; write it as %s", as, as.example())
	}
	if as == roleSource {
		return usagef("%s: files and folders of mail are not supported as a source yet; %s is", raw, as.example())
	}
	return usagef("%s: not a target; the last argument is %s", raw, as.example())
}

// shownScheme is what came before "://", cut to what can only be a scheme.
func shownScheme(name string) string {
	for i, r := range name {
		if !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '-' || r == '.') {
			name = name[:i]
			break
		}
	}
	return name[:min(len(name), 20)] + "://"
}

// errNoPassword answers an address of the form user:password@host.
var errNoPassword = errors.New(`a password is never taken from the command line, where every user of this machine can read it: ` +
	`leave ":" and what follows away and see PASSWORDS in poplift copy --help; a ":" that belongs to the user name is written %3A`)

func parseUser(s string) (string, error) {
	if strings.Contains(s, ":") {
		return "", errNoPassword
	}
	user, err := url.PathUnescape(s)
	switch {
	case err != nil:
		return "", fmt.Errorf(`a "%%" in the user name is written %%25`)
	case user == "":
		return "", fmt.Errorf("no user name before the @")
	case !printable(user):
		return "", fmt.Errorf("the user name holds a control character")
	}
	return user, nil
}

func parseHost(s string, port *int) (string, error) {
	host, digits, hasPort := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", fmt.Errorf("host %s: the ] is missing", s)
		}
		host = s[1:end]
		if digits, hasPort = strings.CutPrefix(s[end+1:], ":"); !hasPort && s[end+1:] != "" {
			return "", fmt.Errorf("host %s: only :PORT can follow the ]", s)
		}
		addr, _, _ := strings.Cut(host, "%")
		if ip := net.ParseIP(addr); ip == nil || !strings.Contains(addr, ":") {
			return "", fmt.Errorf("host %s: what stands in brackets is no IPv6 address", s)
		}
	} else {
		if strings.Count(s, ":") > 1 {
			return "", fmt.Errorf("host %s: an IPv6 address is written in brackets, [%s]", s, s)
		}
		host, digits, hasPort = strings.Cut(s, ":")
		if host == "" {
			return "", fmt.Errorf("no host after the @")
		}
		if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`%"<>[]\^|{}`, r) }) {
			return "", fmt.Errorf("host %q: not a host name", host)
		}
	}
	if hasPort {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 {
			return "", fmt.Errorf("port %q: not a number from 1 to 65535", digits)
		}
		*port = int(n)
	}
	return strings.ToLower(host), nil
}

func parseFolder(path string) (migrate.Path, error) {
	var out migrate.Path
	for _, part := range strings.Split(path, "/") {
		if part == "" {
			continue // a slash at the end, or two in a row
		}
		name, err := url.PathUnescape(part)
		if err != nil {
			return nil, fmt.Errorf(`folder %q: a "%%" is written %%25`, part)
		}
		if !printable(name) {
			return nil, fmt.Errorf("folder %q: not UTF-8, or a control character in it", part)
		}
		out = append(out, name)
	}
	if len(out) > 0 && strings.EqualFold(out[0], "INBOX") { // RFC 9051 5.1: INBOX in any case is the one mailbox
		out[0] = "INBOX"
	}
	if slices.Equal(out, migrate.Path{"INBOX"}) {
		return nil, nil
	}
	return out, nil
}

// printable says whether s can go on a protocol line at all.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
