package imap

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

const (
	inbox = "INBOX"
	// maxName is the longest whole name, in octets on the wire, that is listed or opened. Dovecot takes 4096.
	maxName = 4000
)

// candidates are the names to try for a folder: its own, and one that looks alike; only the latter when an earlier run had to take it.
func (t *Target) candidates(name string) ([]string, error) {
	d := t.layout.Delimiter
	if cause := unfit(name, d); cause != "" {
		return nil, &migrate.Error{Op: "imap folder", Subject: fmt.Sprintf("%.100q", name), Scope: migrate.ScopeFolder, Final: true,
			Hint: hintFolderName, Err: errors.New(cause)}
	}
	name = capitalInbox(name, d)
	careful := cautious(name, t.layout.Prefix, d)
	_, there := t.at[name]
	_, before := t.at[careful]
	switch {
	case careful == name || there:
		return []string{name}, nil
	case before:
		return []string{careful}, nil
	}
	return []string{name, careful}, nil
}

// capitalInbox writes INBOX, and INBOX above others, in capitals, in which it is known here.
func capitalInbox(name, delimiter string) string {
	if n := len(inbox); len(name) >= n && strings.EqualFold(name[:n], inbox) && (len(name) == n || delimiter != "" && strings.HasPrefix(name[n:], delimiter)) {
		return inbox + name[n:]
	}
	return name
}

// wireName is a folder's name as it goes into a command.
func (t *Target) wireName(name string) string {
	t.mu.Lock()
	raw, ok := t.odd[name]
	t.mu.Unlock()
	if !ok {
		raw = mutf7.Encode(name)
	}
	return quoted(raw)
}

// alike look like what some servers take in no name, and nobody types them, so that two names never become one; changing them back is replacing
// characters. Dovecot 2.3 refuses the dot on a Maildir whatever its delimiter is, Cyrus those of cyrusRefuses, others wildcards.
var alike = strings.NewReplacer(".", "\u2024", "/", "\u2215", `\`, "\u2216", "|", "\u2223", ":", "\u2236", "*", "\u2217", "%", "\uff05", "~", "\u223c",
	"!", "\uff01", `"`, "\uff02", ";", "\uff1b", "<", "\uff1c", ">", "\uff1e", "^", "\uff3e", "`", "\uff40", "{", "\uff5b", "}", "\uff5d")

// cautious replaces in the names of a path what some servers refuse.
func cautious(name, prefix, delimiter string) string {
	if !strings.HasPrefix(name, prefix) {
		prefix = ""
	}
	names := []string{name[len(prefix):]}
	if delimiter != "" {
		names = strings.Split(names[0], delimiter)
	}
	for i, n := range names {
		names[i] = alike.Replace(n)
	}
	return prefix + strings.Join(names, delimiter)
}

// unfit says what is wrong with a folder's name, or "".
func unfit(name, delimiter string) string {
	switch {
	case name == "":
		return "an empty folder name"
	case delimiter != "" && (strings.HasPrefix(name, delimiter) || strings.HasSuffix(name, delimiter) || strings.Contains(name, delimiter+delimiter)):
		return "a folder name with an empty part"
	case !utf8.ValidString(name):
		return "a folder name that is no UTF-8"
	case len(name) > maxName || len(mutf7.Encode(name)) > maxName:
		return fmt.Sprintf("a folder name of more than %d octets", maxName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "a folder name with a control character"
	}
	return ""
}
