package sieve

import (
	"slices"
	"strings"
)

// extensions are what a script may require.
var extensions = []string{
	"body", "copy", "date", "encoded-character", "envelope", "environment", "fileinto", "imap4flags", "imapflags", "include", "index", "mailbox",
	"mailboxid", "regex", "relational", "spamtest", "spamtestplus", "special-use", "subaddress", "variables", "virustest",
	"comparator-i;octet", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;unicode-casemap",
	// These are read and never run; see ignored.
	"vacation", "vacation-seconds", "reject", "ereject", "enotify", "notify", "vnd.proton.expire",
}

// commandExtension and testExtension are the extensions that bring a word; one of several suffices.
var commandExtension = map[string]string{
	"fileinto": "fileinto", "set": "variables",
	"setflag": "imap4flags|imapflags", "addflag": "imap4flags|imapflags", "removeflag": "imap4flags|imapflags",
	"mark": "imapflags", "unmark": "imapflags",
	"include": "include", "return": "include", "global": "include",
	"vacation": "vacation|vacation-seconds", "reject": "reject", "ereject": "ereject", "notify": "enotify|notify", "denotify": "notify",
	"expire": "vnd.proton.expire", "unexpire": "vnd.proton.expire",
}

var testExtension = map[string]string{
	"envelope": "envelope", "hasflag": "imap4flags", "string": "variables", "body": "body", "date": "date", "currentdate": "date",
	"environment": "environment", "mailboxexists": "mailbox", "spamtest": "spamtest|spamtestplus", "virustest": "virustest",
}

// ignored commands would send mail to others, which a migration must never do: the correspondents of years would hear of it. They are
// passed over with a warning, with any arguments, because refusing them would refuse most scripts there are. None but reject and ereject
// has a bearing on where mail goes, and what these would have refused lies in the maildrop already: it is kept. Proton's expire would
// delete the message some day.
var ignored = map[string]string{
	"vacation": "answers nobody here", "notify": "notifies nobody here", "denotify": "notifies nobody here",
	"reject": "refuses nothing here; the message is kept", "ereject": "refuses nothing here; the message is kept",
	"expire": "does nothing here; the message stays", "unexpire": "does nothing here",
}

// unsupported are extensions that a script may require and not use: Fastmail, for one, puts all that it has at the top of every script. Each
// word that they bring is an error where it stands, so that nothing changes its meaning in silence.
var unsupported = []struct {
	extension, why string
	words          []string
}{
	{"editheader", "a migration changes no message", []string{"addheader", "deleteheader"}},
	{"duplicate", "a migration finds duplicates itself", []string{"duplicate"}},
	{"mboxmetadata", "the old server's metadata is not known here", []string{"metadata", "metadataexists"}},
	{"servermetadata", "the old server's metadata is not known here", []string{"servermetadata", "servermetadataexists"}},
	{"extlists", "the old server's lists are not known here", []string{"valid_ext_list", ":list"}},
	{"enotify", "nobody is notified here", []string{"valid_notify_method", "notify_method_capability"}},
	{"special-use", "the old server's folders are not known here", []string{"specialuse_exists"}},
	{"mailboxid", "the old server's folders are not known here", []string{"mailboxidexists"}},
	{"vnd.dovecot.pipe", "a migration runs no programs", []string{"pipe"}},
	{"vnd.dovecot.filter", "a migration runs no programs", []string{"filter"}},
	{"vnd.dovecot.execute", "a migration runs no programs", []string{"execute"}},
	{"vnd.dovecot.debug", "there is no log to write to", []string{"debug_log"}},
	{"vnd.cyrus.jmapquery", "it is a language of its own", []string{"jmapquery"}},
	{"vnd.cyrus.snooze", "there is nothing to wake a message", []string{"snooze"}},
	{"vnd.cyrus.log", "there is no log to write to", []string{"log"}},
}

// unsupportedExtension says whether a script may require an extension that isn't there.
func unsupportedExtension(name string) bool {
	for _, u := range unsupported {
		if u.extension == name {
			return true
		}
	}
	return false
}

// unsupportedWord says why a word isn't there; an option stands with its colon.
func unsupportedWord(word string) string {
	for _, u := range unsupported {
		if slices.Contains(u.words, strings.ToLower(word)) {
			return u.why
		}
	}
	return ""
}
