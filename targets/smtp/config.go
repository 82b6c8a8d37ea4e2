package smtp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// As is the way a message is relayed.
type As uint8

const (
	// Resent sends the original octets with a Resent-* block on top (RFC 5322 3.6.6).
	Resent As = iota
	// Attached sends a note with the original as an attachment.
	Attached
)

// ParseAs takes "resent" and "attached".
func ParseAs(s string) (As, error) {
	switch s {
	case "resent":
		return Resent, nil
	case "attached":
		return Attached, nil
	}
	return 0, fmt.Errorf("%q is neither resent nor attached", s)
}

func (a As) String() string { return [...]string{"resent", "attached"}[a] }

// Config is where the relay is and what it is handed. Endpoint or Socket, one of To and Recipients, and one of From and Operator must be set.
type Config struct {
	// Endpoint is the server. Its Stall is not used: each step has a deadline of its own.
	Endpoint mailnet.Endpoint
	// Credentials are for AUTH (RFC 4954); the zero value logs in nowhere.
	Credentials mailnet.Credentials
	// LMTP speaks RFC 2033, where each recipient is answered for alone.
	LMTP bool
	// Socket is the path of an LMTP server's Unix socket; then Endpoint's address is not used, and nothing is encrypted.
	Socket string
	// HelloName is what EHLO says; empty is the address literal of the connection's own end.
	HelloName string

	// From is the envelope's sender; empty is <>, so that no notice ever comes back.
	From string
	// Operator is the mailbox in Resent-From, or in the note's From; empty is From. It must be one that a person reads.
	Operator string
	// To are the recipients of every message. Recipients, when not nil, chooses them for each one instead. An LMTP recipient may be a bare user name.
	To         []string
	Recipients func(migrate.Upload) []string

	As As
	// Language is that of the note, as a language tag; what isn't known is English.
	Language string
	// MaxReceived is how many Received fields a message may have; 0 is 50. RFC 5321 6.3 asks for 100 at least before mail is called looping,
	// but there a loop costs only time.
	MaxReceived int

	// Wait, when not nil, is called before each message with the octets that will be sent, and waits as long as a rate limit asks.
	Wait func(ctx context.Context, octets int64) error
	// ReadOnly connects and logs in, and makes Append fail: no mail can leave.
	ReadOnly  bool
	Deadlines Deadlines
	// Now is the clock of date fields, Random the source of Message-IDs and boundaries; nil are the system's.
	Now    func() time.Time
	Random io.Reader
	// Log takes remarks; nil keeps none.
	Log *slog.Logger
}

// Deadlines bound each step; zero values are those of RFC 5321 4.5.3.2.
type Deadlines struct {
	// Greeting is for the server's first line; 5 min.
	Greeting time.Duration
	// Command is for EHLO, STARTTLS, AUTH, MAIL, RCPT and RSET each; 5 min.
	Command time.Duration
	// Data is for the answer to DATA; 2 min.
	Data time.Duration
	// Block is for some of the message to go out; 3 min.
	Block time.Duration
	// Final is for the answer to a message; 10 min. If it is too short, messages are uncertain that were taken.
	Final time.Duration
}

func (d Deadlines) withDefaults() Deadlines {
	return Deadlines{cmp.Or(d.Greeting, 5*time.Minute), cmp.Or(d.Command, 5*time.Minute), cmp.Or(d.Data, 2*time.Minute),
		cmp.Or(d.Block, 3*time.Minute), cmp.Or(d.Final, 10*time.Minute)}
}

const (
	defaultMaxReceived = 50
	// maxRecipients is what every server must take at once (RFC 5321 4.5.3.1.8), and few enough for all commands and all answers of a group to fit
	// into the buffers in between (RFC 2920 3.1).
	maxRecipients = 100
)

// prepared checks the configuration and fills in what is left out.
func (c Config) prepared() (Config, error) {
	c.Deadlines = c.Deadlines.withDefaults()
	c.MaxReceived = cmp.Or(c.MaxReceived, defaultMaxReceived)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := c.Deadlines
	c.Endpoint.Stall = max(d.Greeting, d.Command, d.Data, d.Block, d.Final) + time.Minute // ours are shorter
	if c.Socket != "" {
		if !c.LMTP {
			return c, errors.New("a socket is only for LMTP")
		}
		path := c.Socket
		c.Endpoint = mailnet.Endpoint{Address: path, Host: "localhost", Security: mailnet.Cleartext, Connect: c.Endpoint.Connect,
			Stall: c.Endpoint.Stall, Limits: c.Endpoint.Limits, Count: c.Endpoint.Count, Trace: c.Endpoint.Trace,
			Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", path)
			}}
	}
	if strings.ContainsFunc(c.HelloName, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return c, fmt.Errorf("%q can't be a host's name", c.HelloName)
	}
	var err error
	if c.From != "" {
		if c.From, err = ownMailbox(c.From); err != nil {
			return c, fmt.Errorf("sender: %w", err)
		}
	}
	if c.Operator = cmp.Or(c.Operator, c.From); c.Operator == "" {
		return c, errors.New("with an empty sender, the operator's own address is needed for Resent-From")
	}
	if c.Operator, err = ownMailbox(c.Operator); err != nil {
		return c, fmt.Errorf("operator's address: %w", err)
	}
	if c.Recipients == nil {
		if c.To, err = c.mailboxes(c.To); err != nil {
			return c, err
		}
	}
	return c, nil
}

// mailboxes checks recipients and leaves out the second of two that are the same.
func (c *Config) mailboxes(to []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, s := range to {
		m, err := mailbox(s, c.LMTP)
		if err != nil {
			return nil, fmt.Errorf("recipient: %w", err)
		}
		if !seen[m] {
			seen[m] = true
			out = append(out, m)
		}
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("there is no recipient")
	case len(out) > maxRecipients:
		return nil, fmt.Errorf("%d recipients are more than %d", len(out), maxRecipients)
	}
	return out, nil
}

// ownMailbox is a mailbox that stands in headers of ours: with a domain, and in ASCII, so that no message needs SMTPUTF8 because of it.
func ownMailbox(s string) (string, error) {
	m, err := mailbox(s, false)
	if err == nil && !ascii(m) {
		err = fmt.Errorf("%q must be in ASCII", s)
	}
	return m, err
}

// mailbox returns the address in s as RFC 5321 4.1.2 writes it, quoted where it must be. Nothing that it returns can end a command or begin
// another.
func mailbox(s string, bare bool) (string, error) {
	s = strings.TrimSpace(s)
	if bare && s != "" && !strings.Contains(s, "@") {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>[]:;\,"`, r) }) || len(s) > 64 {
			return "", fmt.Errorf("%q can't be the name of a user", s)
		}
		return s, nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || len(a.Address) > 254 || strings.ContainsFunc(a.Address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%q is no mail address", s)
	}
	m := (&mail.Address{Address: a.Address}).String()
	return strings.TrimSuffix(strings.TrimPrefix(m, "<"), ">"), nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
