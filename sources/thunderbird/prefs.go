package thunderbird

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxPref bounds a line of prefs.js; what is longer is no setting that matters here.
const maxPref = 64 << 10

// readPrefs returns the settings of a prefs.js that say where mail lies. It is JavaScript by name, and in practice one user_pref a line.
func readPrefs(r io.Reader) (map[string]string, error) {
	prefs := map[string]string{}
	br := bufio.NewReaderSize(r, maxPref)
	for {
		line, err := br.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			_, err = br.ReadSlice('\n')
		}
		if !long {
			if key, value, ok := userPref(string(line)); ok && strings.HasPrefix(key, "mail.") && len(prefs) < 100_000 {
				prefs[key] = value
			}
		}
		if err == io.EOF {
			return prefs, nil
		}
		if err != nil {
			return prefs, err
		}
	}
}

// userPref reads `user_pref("key", "value");`. Numbers and truth values come as they are written.
func userPref(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	rest, ok := strings.CutPrefix(line, "user_pref(")
	if !ok {
		return "", "", false
	}
	key, rest, ok = jsString(strings.TrimSpace(rest))
	if !ok {
		return "", "", false
	}
	rest, ok = strings.CutPrefix(strings.TrimSpace(rest), ",")
	if !ok {
		return "", "", false
	}
	rest = strings.TrimSpace(rest)
	if value, _, ok := jsString(rest); ok {
		return key, value, true
	}
	value, _, ok = strings.Cut(rest, ")")
	return key, strings.TrimSpace(value), ok
}

// jsString reads a string literal at the beginning of s.
func jsString(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return "", s, false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), s[i+1:], true
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		default:
			i++
			i += jsEscape(&b, s[i:])
		}
	}
	return "", s, false
}

// jsEscape writes what stands behind a backslash, and returns how many octets it took beside the first.
func jsEscape(b *strings.Builder, s string) int {
	digits := map[byte]int{'x': 2, 'u': 4}[s[0]]
	if digits > 0 && len(s) > digits {
		if n, err := strconv.ParseUint(s[1:1+digits], 16, 32); err == nil {
			b.WriteRune(rune(n))
			return digits
		}
	}
	switch s[0] {
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	default:
		b.WriteByte(s[0])
	}
	return 0
}

// account is a directory with folders.
type account struct {
	dir  string
	name string // as the client shows it
	kind string // pop3, imap, none (Local Folders), rss; "" for a directory that belongs to no account
}

// accountsOf returns the accounts of a profile in the client's order.
func accountsOf(profile string, prefs map[string]string) []account {
	var out []account
	seen := map[string]bool{}
	add := func(server string) {
		a, ok := serverAccount(profile, prefs, "mail.server."+server+".")
		if ok && !seen[a.dir] {
			seen[a.dir] = true
			out = append(out, a)
		}
	}
	for _, id := range strings.Split(prefs["mail.accountmanager.accounts"], ",") {
		if server := prefs["mail.account."+strings.TrimSpace(id)+".server"]; server != "" {
			add(server)
		}
	}
	return out
}

func serverAccount(profile string, prefs map[string]string, prefix string) (account, bool) {
	a := account{kind: strings.ToLower(prefs[prefix+"type"]), name: prefs[prefix+"name"]}
	if a.kind == "nntp" || a.kind == "im" {
		return a, false
	}
	host, user := prefs[prefix+"hostname"], prefs[prefix+"userName"]
	if a.name == "" && a.kind != "none" && host != "" {
		a.name = host
		if user != "" {
			a.name = user + "@" + host
		}
		if strings.Contains(user, "@") {
			a.name = user
		}
	}
	for _, dir := range accountDirs(profile, prefs[prefix+"directory-rel"], prefs[prefix+"directory"], a.kind) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			a.dir = dir
			if a.name == "" {
				a.name = filepath.Base(dir)
			}
			return a, true
		}
	}
	return a, false
}

// accountDirs are the places where an account's directory may be: a profile that was copied from elsewhere names places of that machine.
func accountDirs(profile, rel, abs, kind string) []string {
	var out []string
	if p, ok := strings.CutPrefix(rel, "[ProfD]"); ok {
		out = append(out, filepath.Join(profile, filepath.FromSlash(p)))
	}
	if abs != "" {
		out = append(out, abs)
		base := abs[strings.LastIndexAny(abs, `/\`)+1:]
		parent := "Mail"
		if kind == "imap" {
			parent = "ImapMail"
		}
		if base != "" && base != "." && base != ".." {
			out = append(out, filepath.Join(profile, parent, base))
		}
	}
	return out
}
