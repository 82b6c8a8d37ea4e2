package migrate

import (
	"strings"
	"time"
)

// Path is a folder as decoded UTF-8 names, outermost first. Nil is INBOX. How the names are joined is the target's business.
type Path []string

// String joins the names with "/" for people; it is not a name any server knows.
func (p Path) String() string {
	if len(p) == 0 {
		return "INBOX"
	}
	return strings.Join(p, "/")
}

// Flag is a system flag such as `\Seen` or a keyword such as `$Forwarded`.
type Flag string

// Entry is a message in a source before its body is read.
type Entry struct {
	// ID names the message within its source, as opaque octets: a UIDL, or file, offset and hash. When Stable is false it is only
	// good for this session (and for telling a person which message is meant).
	ID string
	// Stable promises that ID names the same octets in every later session. Only then is it a key of the store.
	Stable bool
	Folder Path
	Flags  []Flag
	// Date is the INTERNALDATE that the source itself knows; zero where it knows none (POP3).
	Date time.Time
	// Size is the octets that the source announces. It is a hint: servers round it, guess it and lie.
	Size int64
	// Seq is the source's own handle, such as the POP3 message number of this session.
	Seq int

	// The rest is what only the stores of mail clients know.

	// Role is what the folder is to the client; empty when it doesn't say.
	Role Role
	// Fallback is a date that is believed only when neither Date nor the header tells one, such as a file's time.
	Fallback time.Time
	// DateRule says where Date, or else Fallback, comes from, for people: "From_ line", "file name".
	DateRule string
	// Deleted says that the client has thrown the message away and not purged it yet.
	Deleted bool
	// Partial says that only the beginning of the message was downloaded. It must never be taken for the whole.
	Partial bool
	// Subject is told, as it is written, of what a person may have to look for: a Partial message.
	Subject string
	// UIDL is the unique-id under which a POP3 server lists the message, where the client wrote it down.
	UIDL string
}

// Role is what a folder is for. The values are those of SPECIAL-USE (RFC 6154) where there is one.
type Role string

const (
	RoleInbox     Role = "inbox"
	RoleArchive   Role = "archive"
	RoleDrafts    Role = "drafts"
	RoleJunk      Role = "junk"
	RoleOutbox    Role = "outbox"
	RoleSent      Role = "sent"
	RoleTemplates Role = "templates"
	RoleTrash     Role = "trash"
)

// System flags and the keywords that mean the same in every client (RFC 9051 2.3.2; the registry of RFC 5788).
const (
	Seen      Flag = `\Seen`
	Answered  Flag = `\Answered`
	Flagged   Flag = `\Flagged`
	Draft     Flag = `\Draft`
	Deleted   Flag = `\Deleted`
	Forwarded Flag = "$Forwarded"
	Junk      Flag = "$Junk"
	NotJunk   Flag = "$NotJunk"
	MDNSent   Flag = "$MDNSent"
)

// Message is an Entry whose octets were read once, whole, and can be read again until Body is released.
type Message struct {
	Entry
	// Body holds the octets in CRLF form. Whoever takes the message off its stream releases it.
	Body *Spool
	// Identity was computed from the octets as they were read.
	Identity Identity
	// Header is what the header says of the message's dates.
	Header HeaderDates
}

// Mailbox is a folder of the target as it was when it was opened.
type Mailbox struct {
	// Name is the target's own name of the folder and the key of the store's folder marks.
	Name        string
	UIDValidity uint32
	// UIDNext is one above the highest UID that can be there now; 0 when the target does not say.
	UIDNext uint32
	// Messages counts what lies in the folder now.
	Messages uint32
}

// Upload is one message on its way into a mailbox.
type Upload struct {
	Mailbox Mailbox
	Message *Message
	Flags   []Flag
	// Date is the INTERNALDATE to set; zero lets the server choose, which is never done silently.
	Date time.Time
	// Alone asks that no other message is in flight with this one: it was there when a connection died, and if it is the cause
	// it must be caught alone.
	Alone bool
	// To are the recipients where the target is a relay; none leaves them to its configuration.
	To []string
}

// Receipt is a target's answer to one Upload.
type Receipt struct {
	Upload Upload
	// UID under UIDValidity is where the message lies now; 0 when the server does not say (no UIDPLUS, RFC 4315).
	UIDValidity, UID uint32
}
