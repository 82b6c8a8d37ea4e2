package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stored is a message as an IMAP client sees it.
type Stored struct {
	UID  uint32
	Date time.Time // INTERNALDATE
	Seen bool
	// Flags are all but \Recent, in order of their letters.
	Flags []string
	Raw   []byte
}

// Mailbox returns what lies in a user's folder, in the order of UIDs. It asks over IMAP, for that is what the promises are about; the client
// is written for this answer of this server, and knows nothing else.
func (d *Dovecot) Mailbox(user, folder string) ([]Stored, error) {
	c, err := net.Dial("tcp", d.IMAP)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "a LOGIN %s %s\r\nb EXAMINE \"%s\"\r\nc UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])\r\nd LOGOUT\r\n",
		user, "pass"+strings.TrimPrefix(user, "user"), folder)
	out, err := readFetch(bufio.NewReaderSize(c, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", folder, user, err)
	}
	return out, nil
}

// Do has a user's IMAP client carry out commands, one after the other, each of which must be answered by OK.
func (d *Dovecot) Do(user string, commands ...string) error {
	login := fmt.Sprintf("a LOGIN %s %s\r\n", user, "pass"+strings.TrimPrefix(user, "user"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, r, err := rawDial(ctx, d.IMAP, login, "a OK")
	if err != nil {
		return err
	}
	defer c.Close()
	for _, command := range commands {
		fmt.Fprintf(c, "b %s\r\n", command)
		if err := rawAwait(r, "b OK"); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
	}
	return nil
}

// Folders lists a user's folders, as the server spells them, each with its attributes.
func (d *Dovecot) Folders(user string) (map[string]string, error) {
	c, err := net.Dial("tcp", d.IMAP)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "a LOGIN %s %s\r\nb LIST \"\" *\r\nc LOGOUT\r\n", user, "pass"+strings.TrimPrefix(user, "user"))
	out := map[string]string{}
	for r := bufio.NewScanner(c); r.Scan(); {
		rest, ok := strings.CutPrefix(r.Text(), "* LIST (")
		if !ok {
			continue
		}
		attributes, rest, _ := strings.Cut(rest, `) "/" `)
		out[strings.Trim(rest, `"`)] = attributes
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no folders of %s", user)
	}
	return out, nil
}

// UIDLs returns the unique-ids of a user's messages in the order of their numbers, as the POP3 server lists them.
func (d *Dovecot) UIDLs(user string) (out []string, err error) {
	c, r, err := rawDial(context.Background(), d.POP3, "USER "+user+"\r\nPASS pass"+strings.TrimPrefix(user, "user")+"\r\n", "+OK Logged in")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(c, "UIDL\r\nQUIT\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		switch fields := strings.Fields(line); {
		case line == ".\r\n":
			return out, nil
		case len(fields) == 2 && fields[0] != "+OK":
			out = append(out, fields[1])
		}
	}
}

// readFetch reads a session up to the end of the FETCH that is tagged c.
func readFetch(r *bufio.Reader) (out []Stored, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		switch fields := strings.Fields(line); {
		case len(fields) < 3:
		case len(fields[0]) == 1 && fields[0] != "*" && fields[1] != "OK":
			return nil, fmt.Errorf("answer %q", line)
		case fields[0] == "c":
			return out, nil
		case fields[2] == "FETCH" && strings.HasSuffix(line, "}\r\n"):
			m, err := readStored(r, line)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
		}
	}
}

// readStored takes a message from `* 1 FETCH (UID 1 FLAGS () INTERNALDATE "…" BODY[] {n}`, the n octets behind it, and the `)` that ends it.
func readStored(r *bufio.Reader, line string) (m Stored, err error) {
	head, length, _ := strings.Cut(strings.TrimSuffix(line, "}\r\n"), "BODY[] {")
	n, err := strconv.Atoi(length)
	if err != nil {
		return m, fmt.Errorf("answer %q: %w", line, err)
	}
	_, uid, _ := strings.Cut(head, "UID ")
	if _, err := fmt.Sscan(uid, &m.UID); err != nil {
		return m, fmt.Errorf("answer %q: %w", line, err)
	}
	_, date, _ := strings.Cut(head, "INTERNALDATE \"")
	date, _, _ = strings.Cut(date, "\"")
	if m.Date, err = time.Parse("_2-Jan-2006 15:04:05 -0700", date); err != nil {
		return m, fmt.Errorf("answer %q: %w", line, err)
	}
	_, flags, _ := strings.Cut(head, "FLAGS (")
	flags, _, _ = strings.Cut(flags, ")")
	for _, f := range strings.Fields(flags) {
		if f != `\Recent` {
			m.Flags = append(m.Flags, f)
		}
	}
	slices.Sort(m.Flags)
	m.Seen = slices.Contains(m.Flags, `\Seen`)
	m.Raw = make([]byte, n)
	if _, err := io.ReadFull(r, m.Raw); err != nil {
		return m, err
	}
	_, err = r.ReadString('\n')
	return m, err
}
