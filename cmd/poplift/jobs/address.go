package jobs

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
)

// side is what an address can stand for.
type side string

const (
	asSource side = "source"
	asTarget side = "target"
	asRelay  side = "relay"
)

// example shows the form of an address.
func (s side) example() string {
	switch s {
	case asSource:
		return "it is pop3s://HOST, pop3://HOST or a path"
	case asTarget:
		return "it is imaps://HOST, imap://HOST or maildir:PATH"
	}
	return "it is smtp://HOST, smtps://HOST, lmtp://HOST or lmtp+unix:PATH"
}

// schemes are the kinds of address, with their ports.
var schemes = map[string]struct {
	side side
	port int
}{
	"pop3s": {asSource, 995}, "pop3": {asSource, 110},
	"imaps": {asTarget, 993}, "imap": {asTarget, 143},
	"smtps": {asRelay, 465}, "smtp": {asRelay, 587}, "lmtp": {asRelay, 24},
}

// storeKinds are the mail stores on disk that a source can be, as KIND:PATH.
var storeKinds = []string{"takeout", "thunderbird", "applemail", "maildir", "mh", "mbox", "eml"}

// address is a URL or a path, taken apart.
type address struct {
	scheme, user, host string
	port               int
	folder             migrate.Path
	kind, path         string
}

// complaint is what is wrong with a value, and what to write instead.
type complaint struct{ msg, hint string }

func complain(hint, format string, args ...any) *complaint {
	return &complaint{fmt.Sprintf(format, args...), hint}
}

// onDisk says whether text is a path, with a kind before it or without.
func onDisk(text string) bool {
	return !strings.Contains(text, "://")
}

// parseAddress takes an address apart. What it says never quotes what stands before the last "@", which may hold a password by mistake.
func parseAddress(text string, as side, dir string) (address, *complaint) {
	if onDisk(text) {
		return parsePlace(text, as, dir)
	}
	name, rest, _ := strings.Cut(text, "://")
	name = strings.ToLower(name)
	kind, ok := schemes[name]
	switch {
	case !ok:
		return address{}, complain(as.example(), "addresses of this kind are not known")
	case kind.side != as:
		return address{}, complain(as.example(), "%s:// can't be a %s", name, as)
	case strings.ContainsAny(rest, "?#"):
		return address{}, complain(`they are written %3F and %23`, `"?" or "#" in an address`)
	case !printable(rest):
		return address{}, complain("", "a control character, or not UTF-8")
	}
	authority, path, hasPath := strings.Cut(rest, "/")
	a := address{scheme: name, port: kind.port}
	var bad *complaint
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if a.user, bad = parseUser(authority[:at]); bad != nil {
			return address{}, bad
		}
		authority = authority[at+1:]
	} else if strings.Contains(path, "@") {
		return address{}, complain(`a "/" in a user name is written %2F`, "no host before the first /")
	}
	if a.host, bad = parseHost(authority, &a.port); bad != nil {
		return address{}, bad
	}
	if hasPath && strings.Trim(path, "/") != "" {
		if as != asTarget {
			return address{}, complain("", "nothing can follow the host of %s://", name)
		}
		if a.folder, bad = parseFolder(path); bad != nil {
			return address{}, bad
		}
	}
	return a, nil
}

// parsePlace reads PATH or KIND:PATH.
func parsePlace(text string, as side, dir string) (address, *complaint) {
	var a address
	a.path = text
	kinds := storeKinds
	switch as {
	case asTarget:
		kinds = []string{"maildir"}
	case asRelay:
		kinds = []string{"lmtp+unix"}
	}
	if kind, rest, ok := strings.Cut(text, ":"); ok && slices.Contains(kinds, kind) {
		a.kind, a.path = kind, rest
	} else if ok && isWord(kind) && as == asSource {
		hint := "kinds are " + strings.Join(kinds, ", ")
		if best := Nearest(kind, kinds); best != "" {
			hint = "did you mean " + best + ":?"
		}
		return a, complain(hint, "%s: is no kind of mail store", kind)
	}
	if as != asSource && a.kind == "" {
		return a, complain(as.example(), "not an address of a %s", as)
	}
	if as == asSource && a.kind == "" && strings.Contains(text, "@") && !strings.ContainsAny(text, `/\`) {
		return a, complain(as.example(), "the address has no scheme")
	}
	var bad *complaint
	a.path, bad = resolvePath(a.path, dir)
	return a, bad
}

// isWord says whether s is a word of letters and more than a Windows drive.
func isWord(s string) bool {
	return len(s) > 1 && !strings.ContainsFunc(s, func(r rune) bool { return !('a' <= r && r <= 'z') && r != '+' && r != '-' })
}

// resolvePath makes a path absolute. A relative one begins at dir and can't leave it.
func resolvePath(path, dir string) (string, *complaint) {
	switch {
	case path == "":
		return "", complain("", "no path")
	case strings.ContainsRune(path, 0) || !utf8.ValidString(path):
		return "", complain("", "a NUL, or not UTF-8")
	case strings.HasPrefix(path, "~"):
		return "", complain("write the whole path: a job may run as another user", "~ is not expanded here")
	case filepath.IsAbs(path):
		return filepath.Clean(path), nil
	case !filepath.IsLocal(path):
		return "", complain("write it as an absolute path", "a relative path stays below the folder of the file it is written in")
	}
	return filepath.Join(dir, path), nil
}

func parseUser(s string) (string, *complaint) {
	if strings.Contains(s, ":") {
		return "", complain(`a ":" that belongs to the user name is written %3A`, "a password has no place in an address; it has the key password")
	}
	user, err := url.PathUnescape(s)
	switch {
	case err != nil:
		return "", complain(`a "%" is written %25`, "the user name has a broken escape")
	case user == "":
		return "", complain("", "no user name before the @")
	case !printable(user):
		return "", complain("", "the user name holds a control character")
	}
	return user, nil
}

func parseHost(s string, port *int) (string, *complaint) {
	host, digits, hasPort := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", complain("", "host %s: the ] is missing", s)
		}
		host = s[1:end]
		if digits, hasPort = strings.CutPrefix(s[end+1:], ":"); !hasPort && s[end+1:] != "" {
			return "", complain("", "host %s: only :PORT can follow the ]", s)
		}
		addr, _, _ := strings.Cut(host, "%")
		if ip := net.ParseIP(addr); ip == nil || !strings.Contains(addr, ":") {
			return "", complain("", "host %s: what stands in brackets is no IPv6 address", s)
		}
	} else {
		if strings.Count(s, ":") > 1 {
			return "", complain(fmt.Sprintf("write it as [%s]", s), "host %s: an IPv6 address stands in brackets", s)
		}
		host, digits, hasPort = strings.Cut(s, ":")
		if host == "" {
			return "", complain("", "no host")
		}
		if !hostName(host) {
			return "", complain("", "%q is no host name", host)
		}
	}
	if hasPort {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 {
			return "", complain("it is a number from 1 to 65535", "port %q", digits)
		}
		*port = int(n)
	}
	return strings.ToLower(host), nil
}

// hostName leaves the rest to the resolver.
func hostName(s string) bool {
	return s != "" && len(s) <= 253 && printable(s) && !strings.ContainsAny(s, "%\"<>[]\\^|{}@/:?# \t") && !strings.HasPrefix(s, ".") &&
		!strings.Contains(s, "..")
}

func parseFolder(path string) (migrate.Path, *complaint) {
	var out migrate.Path
	for _, raw := range strings.Split(path, "/") {
		if raw == "" {
			continue // a slash at the end, or two in a row
		}
		name, err := url.PathUnescape(raw)
		if err != nil {
			return nil, complain(`a "%" is written %25`, "folder %q has a broken escape", raw)
		}
		out = append(out, name)
	}
	return asFolder(out)
}

// asFolder checks the names of a path; INBOX alone is the same as none.
func asFolder(out migrate.Path) (migrate.Path, *complaint) {
	for _, name := range out {
		if !printable(name) {
			return nil, complain("", "folder %q: not UTF-8, or a control character in it", name)
		}
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
