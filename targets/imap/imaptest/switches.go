package imaptest

import "strings"

// DefaultCaps is what a server offers unless told otherwise: about what Dovecot does.
var DefaultCaps = []string{"IMAP4rev1", "SASL-IR", "ID", "ENABLE", "LITERAL+", "STARTTLS", "AUTH=PLAIN", "AUTH=LOGIN", "MULTIAPPEND", "UIDPLUS",
	"NAMESPACE", "SPECIAL-USE", "UNSELECT", "ESEARCH", "CHILDREN", "LIST-EXTENDED", "LIST-STATUS", "MOVE"}

// Switches are what can be wrong with a server, or just different. The zero value of each is the ordinary case.
type Switches struct {
	// Caps are the capabilities. LITERAL+, LITERAL-, MULTIAPPEND, UIDPLUS, MOVE, UNSELECT, NAMESPACE, SPECIAL-USE, CREATE-SPECIAL-USE, CHILDREN,
	// LIST-EXTENDED, LIST-STATUS, XLIST, QUOTA, COMPRESS=DEFLATE, SASL-IR, ID and STARTTLS also switch what they name.
	Caps []string
	// CapsHidden keeps the capabilities out of the greeting and of the answer to a login.
	CapsHidden bool
	// Greeting replaces the whole greeting line.
	Greeting string
	// Delimiter is "" for "/" or another character, or "NIL" for a flat name space.
	Delimiter string
	// Prefix is the personal name space's prefix, such as "INBOX.": no other mailbox than INBOX can be without it.
	Prefix string
	// Others and Shared are the prefixes of the name spaces of other users and of everybody, which NAMESPACE tells of; mailboxes below them are
	// made by Deliver only.
	Others, Shared string
	// ID is the answer to ID; "" is ("name" "imaptest").
	ID string
	// MailOrChildren has mailboxes that hold either mail or other mailboxes, as on plain mbox files: those with mail are \NoInferiors, those above
	// them \Noselect, and CREATE of a name that ends in the delimiter makes one of the latter.
	MailOrChildren bool
	// MaxName is how many octets one name of a path may have; 0 is any number.
	MaxName int
	// RefuseName may refuse a name in CREATE and STATUS ("NO [CANNOT] Character not allowed"); "" takes it.
	RefuseName func(name string) string
	// LaxSubscribe lets mailboxes be subscribed that are not there (Courier, mailutils).
	LaxSubscribe bool
	// ListLine may change an untagged LIST answer; "" leaves it out.
	ListLine func(line string) string
	// Keeps says which flags a mailbox keeps, as in PERMANENTFLAGS; "" is all of them. Others are dropped without a word, or refused
	// with BAD when StrictFlags is set (mailutils).
	Keeps       func(mailbox string) string
	StrictFlags bool
	// DropOnAppend are flags that APPEND forgets and STORE keeps (\Flagged: Exchange).
	DropOnAppend []string
	// Locked mailboxes can be opened, and not changed.
	Locked func(mailbox string) bool
	// NeedParents refuses CREATE of a mailbox whose parent is not there.
	NeedParents bool
	// ReadOnly refuses everything that would change a mailbox with NO [NOPERM].
	ReadOnly bool
	// CreateAnswer, when not empty, is the answer to every CREATE ("NO [CANNOT] not that name").
	CreateAnswer string

	// LoginDisabled announces LOGINDISABLED before TLS and refuses every login there. LoginDisabledAfter announces it after the login
	// as well (Cyrus).
	LoginDisabled, LoginDisabledAfter bool
	// Login may refuse a login whose password is right ("NO [UNAVAILABLE] later"); it may also block.
	Login func(user string) string
	// Token accepts OAUTHBEARER and XOAUTH2 with this token.
	Token string

	// Quota is the octets that an account's messages may take up; 0 is no limit.
	Quota int64
	// QuotaLine replaces the untagged QUOTA answer, to send an odd one.
	QuotaLine string
	// AppendLimit refuses larger messages with NO [TOOBIG] before their literal; it is announced when Caps have a bare APPENDLIMIT (by STATUS)
	// or when AppendLimitCap is set (in the capability).
	AppendLimit    int64
	AppendLimitCap bool
	// RefuseAppend is asked for each message that has arrived whole, n counting them from 1 over the server's life. An answer such as
	// "NO [TOOBIG] no" or "BAD no" refuses the command that the message came in.
	RefuseAppend func(n int, raw []byte) string
	// EarlyNo is asked at each literal's header. Its answer is sent at once, instead of "+" or while a non-synchronizing literal still
	// comes in.
	EarlyNo func(size int64) string
	// KillOn cuts the connection when a message has arrived for which it says true; nothing of the command is stored.
	KillOn func(raw []byte) bool
	// DropAnswer cuts the connection after the n-th APPEND command (from 1) was stored and before it is answered.
	DropAnswer func(n int) bool
	// HideCodes leaves response codes out (APPENDUID, TRYCREATE, OVERQUOTA).
	HideCodes bool
	// AppendCode replaces the text "[APPENDUID v set]" of a stored command.
	AppendCode func(uidValidity uint32, set string) string
	// Rewrite changes a message on its way into the store, as Exchange does.
	Rewrite func(raw []byte) []byte

	// Cut says after how many octets from the client (in) and to the client (out) the n-th connection is cut, n from 1; 0 never.
	Cut func(n int) (in, out int64)
	// Intercept sees each command before it is carried out. An answer that is not empty is sent with the tag instead of carrying it out;
	// lines before the last are sent as they are. "CUT" cuts the connection.
	Intercept func(verb, args string) string
	// Fetch may change the untagged answers of one message's FETCH.
	Fetch func(answer []byte) []byte
}

func (w *Switches) has(capability string) bool {
	for _, c := range w.Caps {
		if strings.EqualFold(c, capability) {
			return true
		}
	}
	return false
}

func (w *Switches) delimiter() string {
	switch w.Delimiter {
	case "":
		return "/"
	case "NIL":
		return ""
	}
	return w.Delimiter
}

// Without returns caps without some of them.
func Without(caps []string, names ...string) []string {
	var out []string
	for _, c := range caps {
		keep := true
		for _, n := range names {
			keep = keep && !strings.EqualFold(c, n)
		}
		if keep {
			out = append(out, c)
		}
	}
	return out
}
