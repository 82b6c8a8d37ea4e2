package jobs

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"poplift/migrate/mailnet"
)

// SecretKind says where a secret is kept.
type SecretKind uint8

const (
	// NoSecret is that none was named: the environment, ~/.netrc and the terminal are left.
	NoSecret SecretKind = iota
	// Literal stands in the jobs file or the CSV itself.
	Literal
	// FromEnv is in an environment variable.
	FromEnv
	// FromFile is the first line of a file.
	FromFile
	// FromCmd is the first line that a shell command prints. A token is asked for again when it may have expired.
	FromCmd
	// FromKeyring is in the keyring of the user's session, under a service and a user.
	FromKeyring
)

// secretForms are the prefixes of references. A literal that begins like one is written with "literal:" before it.
var secretForms = []struct {
	prefix string
	kind   SecretKind
}{{"env:", FromEnv}, {"file:", FromFile}, {"cmd:", FromCmd}, {"keyring:", FromKeyring}, {"literal:", Literal}}

// Secret says how a password or token is come by. It is resolved by main, when it is needed. Every way of printing it gives "***", because
// literals are secret and commands may hold secrets. The zero value is NoSecret.
type Secret struct {
	kind SecretKind
	text mailnet.Secret
}

// Kind says where the secret is kept.
func (s Secret) Kind() SecretKind { return s.kind }

// Reference is the variable's name, the file's absolute path or the command, and empty for other kinds.
func (s Secret) Reference() string {
	if s.kind == FromEnv || s.kind == FromFile || s.kind == FromCmd {
		return s.text.Reveal()
	}
	return ""
}

// Keyring is the service and the user that a secret is kept under, both empty for other kinds.
func (s Secret) Keyring() (service, user string) {
	if s.kind != FromKeyring {
		return "", ""
	}
	service, user, _ = strings.Cut(s.text.Reveal(), "/")
	return service, user
}

// Literal is the secret itself, empty for other kinds.
func (s Secret) Literal() mailnet.Secret {
	if s.kind != Literal {
		return mailnet.Secret{}
	}
	return s.text
}

// Where names the place for messages, without anything that could be secret: "env:ADA_PASSWORD", "file:/etc/…", "cmd:…".
func (s Secret) Where() string {
	switch s.kind {
	case FromEnv:
		return "env:" + s.text.Reveal()
	case FromFile:
		return "file:" + s.text.Reveal()
	case FromKeyring:
		return "keyring:" + s.text.Reveal()
	case FromCmd:
		return "cmd:…"
	case Literal:
		return "a literal"
	}
	return "nowhere"
}

// Format is for every verb: fmt would ask String for some only.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "***") }

func (Secret) String() string               { return "***" }
func (Secret) LogValue() slog.Value         { return slog.StringValue("***") }
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// splitSecret tells a reference from a literal.
func splitSecret(text string) (SecretKind, string) {
	for _, f := range secretForms {
		if rest, ok := strings.CutPrefix(text, f.prefix); ok {
			return f.kind, rest
		}
	}
	return Literal, text
}

// checkSecret says what is wrong with a reference. It never quotes what it looks at.
func checkSecret(kind SecretKind, rest string) (msg, hint string) {
	switch {
	case rest == "":
		return "nothing follows the colon", "it is env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/USER"
	case kind == FromEnv && !envName(rest):
		return "what follows env: is no name of a variable", "it is letters, digits and _"
	case kind == FromKeyring:
		if service, user, ok := strings.Cut(rest, "/"); !ok || service == "" || user == "" {
			return "a service and a user are needed", "it is keyring:SERVICE/USER"
		}
	case strings.ContainsRune(rest, 0):
		return "a NUL is in it", ""
	}
	return "", ""
}

func envName(s string) bool {
	for i, r := range s {
		if r != '_' && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z') && (i == 0 || !('0' <= r && r <= '9')) {
			return false
		}
	}
	return s != ""
}
