package imap

import (
	"strings"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// keeps is what is known of the flags that a folder keeps. Names are in small letters.
type keeps struct {
	asked   bool // PERMANENTFLAGS was asked for
	limited bool // the folder keeps only those below
	any     bool // and any keyword besides
	flags   map[string]bool
	refused map[string]bool // keywords that the server refused by itself
	said    map[string]bool // flags that a person has been told of
}

// kept returns what is known of a folder. Under mu.
func (t *Target) kept(mailbox string) *keeps {
	k := t.flags[mailbox]
	if k == nil {
		k = &keeps{}
		t.flags[mailbox] = k
	}
	return k
}

// keepsOnly notes the PERMANENTFLAGS of a folder. An empty list comes with a folder that can't be changed, and says nothing of APPEND.
func (t *Target) keepsOnly(mailbox, list string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kept(mailbox)
	k.asked = true
	fields := strings.Fields(strings.Trim(list, "()"))
	if k.limited = len(fields) > 0; !k.limited {
		return
	}
	k.any, k.flags = false, map[string]bool{}
	for _, f := range fields {
		k.any = k.any || f == `\*`
		k.flags[strings.ToLower(f)] = true
	}
}

// takes says whether the folder takes a flag in wire form, as far as is known.
func (k *keeps) takes(flag string) bool {
	f := strings.ToLower(flag)
	return !k.refused[f] && (!k.limited || k.flags[f] || k.any && f[0] != '\\')
}

// fit are the flags that go to a folder: in a form that can be sent, each once, and only those that the folder keeps. What it doesn't keep is
// reported once. longest is the longest keyword that goes; 0 leaves only system flags.
func (t *Target) fit(mailbox string, flags []migrate.Flag, longest int) []string {
	var out []string
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.flags[mailbox]
	for _, f := range flags {
		switch name := wireFlag(f); {
		case name == "" || name[0] != '\\' && len(name) > longest || containsFold(out, name):
		case k == nil || k.takes(name):
			out = append(out, name)
		case k.unsaid(name):
			t.ctl.log.Info("imap: the folder does not keep this flag; it is left out", "mailbox", mailbox, "flag", name)
		}
	}
	return out
}

// unsaid says whether a flag has to be reported, once.
func (k *keeps) unsaid(flag string) bool {
	f := strings.ToLower(flag)
	if k.said[f] {
		return false
	}
	if k.said == nil {
		k.said = map[string]bool{}
	}
	k.said[f] = true
	return true
}

// refuse notes a keyword that a server didn't take though its PERMANENTFLAGS do: too long for it, or one too many.
func (t *Target) refuse(mailbox, keyword string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kept(mailbox)
	if k.refused == nil {
		k.refused = map[string]bool{}
	}
	k.refused[strings.ToLower(keyword)] = true
}

// report tells once of each keyword that a server refused, with its answer.
func (t *Target) report(mailbox string, keywords []string, st status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range keywords {
		if t.kept(mailbox).unsaid(f) {
			t.ctl.log.Info("imap: the server may refuse this flag; it is left out", "mailbox", mailbox, "flag", f, "answer", answered{st}.Error())
		}
	}
}

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}

// systemFlags are those of RFC 3501 2.3.2 that a client may set: not \Recent, and none that a server has never heard of.
var systemFlags = map[string]string{`\seen`: `\Seen`, `\answered`: `\Answered`, `\flagged`: `\Flagged`, `\deleted`: `\Deleted`, `\draft`: `\Draft`}

// maxKeyword is the longest keyword that is sent, in octets; Cyrus and Courier take 200 at least. shortKeyword is what Dovecot takes, unless told otherwise.
const (
	maxKeyword   = 200
	shortKeyword = 50
)

// wireFlag is a flag as it goes into a command, or "" when it can't. A keyword must be an atom, and without "]", which some servers take for one and
// some don't (RFC 3501 9; Dovecot and Courier refuse it): what is no ASCII becomes modified UTF-7, as in Thunderbird's tags, the rest underscores.
func wireFlag(f migrate.Flag) string {
	if f == "" || len(f) > 4*maxKeyword {
		return ""
	}
	if f[0] == '\\' {
		return systemFlags[strings.ToLower(string(f))]
	}
	name := string(f)
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		name = mutf7.Encode(name)
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(` (){%*"\[]`, r) {
			return '_'
		}
		return r
	}, name)
	if len(name) > maxKeyword {
		return ""
	}
	return name
}
