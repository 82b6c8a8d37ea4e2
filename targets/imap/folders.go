package imap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	goimap "github.com/emersion/go-imap/v2"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// Open makes sure that the folder is there and says what it is now. A missing one is created, with its parents where the server wants that, and
// subscribed. In a dry run it stays missing and comes back with UIDValidity 0.
func (t *Target) Open(ctx context.Context, p migrate.Path) (migrate.Mailbox, error) {
	defer t.during(ctx)()
	mb, err := t.open(p)
	return mb, because(ctx, err)
}

func (t *Target) open(p migrate.Path) (migrate.Mailbox, error) {
	mb := migrate.Mailbox{Path: p, Name: inbox}
	if len(p) > 0 {
		if err := t.namespace(); err != nil {
			return mb, err
		}
		name, err := mailboxName(p, t.prefix, t.delimiter)
		if err != nil {
			return mb, err
		}
		mb.Name = name
		if careful, err := mailboxName(cautious(p), t.prefix, t.delimiter); err == nil && careful != name {
			if mb, err = t.openNamed(mb); !refusedName(err) {
				return mb, err
			}
			t.ctl.log.Info("imap: the server takes no folder of that name; another that looks alike is used", "folder", name)
			mb.Name = careful
		}
	}
	return t.openNamed(mb)
}

// refusedName says whether a server refused a folder and may take it under another name.
func refusedName(err error) bool {
	var e *migrate.Error
	var a answered
	return errors.As(err, &e) && e.Scope == migrate.ScopeFolder && errors.As(err, &a)
}

func (t *Target) openNamed(mb migrate.Mailbox) (migrate.Mailbox, error) {
	st, refused, err := t.status(&mb)
	if err != nil || !refused {
		return mb, err
	}
	if e := classify("imap status", mb.Name, st, migrate.ScopeFolder); e.Scope == migrate.ScopeSession || e.Scope == migrate.ScopeRun {
		return mb, e
	}
	if t.cfg.ReadOnly {
		return mb, nil
	}
	if err := t.create(mb.Name, st); err != nil {
		return mb, err
	}
	if st, refused, err = t.status(&mb); refused {
		err = classify("imap status", mb.Name, st, migrate.ScopeFolder)
	}
	return mb, err
}

const inbox = "INBOX"

// status asks for what a Mailbox holds.
func (t *Target) status(mb *migrate.Mailbox) (st status, refused bool, err error) {
	options := &goimap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, AppendLimit: t.ctl.caps.has("APPENDLIMIT")}
	data, err := t.lib.Status(mb.Name, options).Wait()
	if st, refused, err = t.lib.refusal(err); refused || err != nil {
		return st, refused, err
	}
	if data.UIDValidity == 0 {
		return st, false, &migrate.Error{Op: "imap status", Subject: mb.Name, Scope: migrate.ScopeFolder, Final: true,
			Err: errors.New("the server tells no UIDVALIDITY")}
	}
	mb.UIDValidity, mb.UIDNext = data.UIDValidity, uint32(data.UIDNext)
	if data.NumMessages != nil {
		mb.Messages = *data.NumMessages
	}
	if data.AppendLimit != nil {
		t.mu.Lock()
		t.limits[mb.Name] = int64(*data.AppendLimit)
		t.mu.Unlock()
	}
	return st, false, nil
}

// create makes a mailbox and subscribes it. missing is why it was looked for in vain.
func (t *Target) create(name string, missing status) error {
	st, refused, err := t.lib.refusal(t.lib.Create(name, nil).Wait())
	if refused && st.code != "ALREADYEXISTS" && t.delimiter != "" {
		for i := len(t.prefix) + 1; i < len(name); i++ { // RFC 3501 6.3.3 wants servers to make the parents; not all do
			if strings.HasPrefix(name[i:], t.delimiter) {
				if _, _, err := t.lib.refusal(t.lib.Create(name[:i], nil).Wait()); err != nil {
					return err
				}
			}
		}
		if strings.Contains(strings.TrimPrefix(name, t.prefix), t.delimiter) {
			st, refused, err = t.lib.refusal(t.lib.Create(name, nil).Wait())
		}
	}
	if err != nil {
		return err
	}
	if refused && st.code == "ALREADYEXISTS" {
		return classify("imap status", name, missing, migrate.ScopeFolder)
	}
	if refused {
		e := classify("imap create", name, st, migrate.ScopeFolder)
		if e.Hint == "" {
			e.Hint = hintFolderName
		}
		return e
	}
	if st, refused, err = t.lib.refusal(t.lib.Subscribe(name).Wait()); refused {
		t.ctl.log.Warn("imap subscribe refused", "mailbox", name, "answer", answered{st}.Error()) // the mail is there all the same
	}
	return err
}

// namespace learns the prefix and the delimiter of the personal name space (RFC 2342), or the delimiter by LIST.
func (t *Target) namespace() error {
	if t.spaced {
		return nil
	}
	if err := t.ctl.settle(); err != nil {
		return err
	}
	prefix, delimiter, ok := personal(t.ctl.namespace)
	if !ok {
		cmd := t.lib.List("", "", nil)
		found, err := cmd.Collect()
		if _, _, err = t.lib.refusal(err); err != nil {
			return err
		}
		for _, f := range found {
			if f.Delim != 0 {
				delimiter = string(f.Delim)
			}
		}
	}
	t.prefix, t.delimiter, t.spaced = prefix, delimiter, true
	return nil
}

// personal reads the first personal name space of a NAMESPACE answer: (("INBOX." ".")) …
func personal(answer []byte) (prefix, delimiter string, ok bool) {
	s := scanner{answer}
	spaces, kind := s.value()
	if kind != list {
		return "", "", false
	}
	s = scanner{spaces}
	first, kind := s.value()
	if kind != list {
		return "", "", false
	}
	s = scanner{first}
	p, kind := s.value()
	if kind != text {
		return "", "", false
	}
	d, kind := s.value()
	if kind == text && len(d) == 1 {
		delimiter = string(d)
	}
	return mutf7.Decode(string(p)), delimiter, true
}

// standIns take the place of the server's delimiter inside a folder's name. They look the same and nobody types them, so that two names never
// become one; changing the name back is replacing one character.
var standIns = map[string]string{"/": "\u2215", ".": "\u2024", "\\": "\u2216", "|": "\u2223", ":": "\u2236"}

// cautious replaces what some servers take in no name: Dovecot 2.3 refuses the dot on a Maildir whatever its delimiter is, others wildcards.
func cautious(p migrate.Path) migrate.Path {
	r := strings.NewReplacer(".", standIns["."], "/", standIns["/"], `\`, standIns[`\`], "|", standIns["|"], ":", standIns[":"],
		"*", "\u2217", "%", "\uff05", "~", "\u223c")
	out := make(migrate.Path, len(p))
	for i, n := range p {
		out[i] = r.Replace(n)
	}
	return out
}

func standIn(delimiter string) string {
	if s, ok := standIns[delimiter]; ok {
		return s
	}
	return "_"
}

// mailboxName joins a folder's names into the server's full name. On a server without hierarchy (no delimiter) the names are joined
// by U+2215, which looks like a slash.
func mailboxName(p migrate.Path, prefix, delimiter string) (string, error) {
	joiner := delimiter
	if joiner == "" {
		joiner = standIns["/"]
	}
	names := make([]string, len(p))
	for i, n := range p {
		if cause := unfit(n); cause != "" {
			return "", &migrate.Error{Op: "imap folder", Subject: fmt.Sprintf("%q", p.String()), Scope: migrate.ScopeFolder, Final: true,
				Hint: hintFolderName, Err: errors.New(cause)}
		}
		if delimiter != "" {
			n = strings.ReplaceAll(n, delimiter, standIn(delimiter))
		}
		names[i] = n
	}
	if strings.EqualFold(names[0], inbox) {
		names[0] = inbox // INBOX and what is below it; a prefix INBOX. is the same place
		return strings.Join(names, joiner), nil
	}
	return prefix + strings.Join(names, joiner), nil
}

// unfit says what is wrong with a folder's name, or "".
func unfit(name string) string {
	switch {
	case name == "":
		return "an empty folder name"
	case !utf8.ValidString(name):
		return "a folder name that is no UTF-8"
	case len(name) > 1000:
		return "a folder name of more than 1,000 octets"
	case strings.IndexFunc(name, unicode.IsControl) >= 0:
		return "a folder name with a control character"
	}
	return ""
}
