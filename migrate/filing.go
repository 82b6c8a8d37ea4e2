package migrate

import "context"

// SourceFolder is a folder as a source lists it.
type SourceFolder struct {
	// Source is the name of the NamedSource.
	Source string
	Path   Path
	// Role is what the folder is to the client; empty when it doesn't say.
	Role Role
	// Messages and Octets count what the listing has in it.
	Messages, Octets int64
}

// Layout is how a target names its folders, and which there are. A target without folders has none.
type Layout struct {
	// Prefix stands before every name of the user's own but INBOX ("INBOX." on Courier), Delimiter between the names of a path; an empty
	// one is a target without hierarchy.
	Prefix, Delimiter string
	// Boxes are the folders that are there, INBOX among them.
	Boxes []Box
	// MailOrChildren says that a folder of this target holds mail or other folders, never both (servers on plain mbox files, such as UW IMAP and mailutils).
	MailOrChildren bool
	// MaxName is how many octets one name of a path may have as the target stores it (modified UTF-7, or UTF-8 where UTF8 is set); 0 is not known.
	MaxName int
	UTF8    bool
	// MaxWhole is how many octets a whole name may have, spelled likewise, without the Prefix; 0 is not known. Maildir++ makes one directory of it
	// (253 on Dovecot 2.3, in modified UTF-7, and on Courier 5.0, in UTF-8), Cyrus 3.6 takes some 470.
	MaxWhole int
	// BasicPlane says that names have no runes above U+FFFF (Courier 5.0 without UTF8=ACCEPT refuses emoji).
	BasicPlane bool
	// Refused are runes that the target takes in no folder name although they are not its delimiter.
	Refused string
}

// Box is a folder that is there on a target.
type Box struct {
	// Name is the whole name, decoded to UTF-8, with Prefix and Delimiter in it.
	Name string
	// Role is what the target says that the folder is for (SPECIAL-USE, RFC 6154); empty when it doesn't.
	Role Role
	// NoSelect folders hold no mail, NoInferiors folders no other folders.
	NoSelect, NoInferiors bool
}

// Way is where the mail of one source folder goes.
type Way struct {
	From SourceFolder
	// Name is the target's whole name of the folder, decoded; "INBOX" for the inbox.
	Name string
	// Role is what the folder is for. A missing one is created with it where the target can (CREATE-SPECIAL-USE).
	Role Role
	// Excluded says why the folder's mail is left out by a rule of the user; then Name is empty.
	Excluded string
	// Create says that the folder is not there yet.
	Create bool
	// Why says in a few words what chose the name: "your map", "the target's \Sent", "the client's role", "the name, in French", "the same name".
	Why string
}

// Router says where the mail of source folders goes. It is pure: the same layout and folders give the same ways, in the order of folders,
// and a layout in which the ways' folders have been made gives the same names again.
type Router interface {
	Route(l Layout, folders []SourceFolder) ([]Way, error)
}

// Filing is where a Filer wants one copy of a message.
type Filing struct {
	// Folder is a path in the source's terms, to be routed like any other.
	Folder Path
	// Flags are set besides the entry's own.
	Flags []Flag
}

// Verdict is what a Filer says of one message.
type Verdict struct {
	// Filings are the copies to make; none and no Redirect means that the message is left out (Sieve's discard).
	Filings []Filing
	// Redirect are addresses to relay the message to.
	Redirect []string
	// Why says what left it out, for people.
	Why string
}

// Filer decides by a message's content where it goes (Sieve, RFC 5228). It is asked for mail of the inbox only. A Verdict with Filings that comes with an
// error is what to do all the same.
type Filer interface {
	File(ctx context.Context, m *Message) (Verdict, error)
}
