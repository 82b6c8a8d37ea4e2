package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

const (
	// maxLine bounds one response line without its literals. CAPABILITY and SEARCH answers are the longest honest ones.
	maxLine = 16 << 20
	// maxLiteral is what is kept of a literal that is read into memory; the rest is read and thrown away. A header block larger than this
	// is not compared further.
	maxLiteral = 1 << 20
	// maxResponse bounds a whole response in memory.
	maxResponse = 32 << 20
)

// wire is one IMAP connection: commands out, whole responses in. One goroutine may send while another reads responses.
type wire struct {
	conn     *mailnet.Conn
	name     string // for the transcript
	address  string
	readOnly bool
	log      *slog.Logger
	caps     capabilities

	guard guard
	tags  int

	buf    []byte // the last response
	later  map[string]func(status)
	hidden bool   // server challenges are not for the transcript
	bye    status // what the server said before it hung up; its kind is empty if nothing

	// sink may take a literal as it comes: head is the response up to its header. It returns false to have it kept like any other.
	sink func(head []byte, n int64) (taken bool, err error)

	namespace, quota []byte            // untagged answers to probes, copied
	product          string            // what the server calls itself in its greeting and its ID, in small letters
	listed           func(data []byte) // takes LIST answers, when not nil
}

func newWire(conn *mailnet.Conn, name string, cfg *Config) *wire {
	w := &wire{conn: conn, name: name, address: cfg.Endpoint.Address, readOnly: cfg.ReadOnly, log: cfg.Log, later: map[string]func(status){}}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.guard = guard{readOnly: cfg.ReadOnly}
	return w
}

// command sends one whole command, and returns its tag. shown replaces it in the transcript when it holds a secret.
func (w *wire) command(line, shown string) (tag string, err error) {
	tag = w.tag()
	return tag, w.send(tag+" "+line, shown)
}

func (w *wire) tag() string {
	w.tags++
	return "P" + strconv.Itoa(w.tags)
}

// send sends one or several whole lines; the last CRLF is added.
func (w *wire) send(lines, shown string) error {
	if err := w.guard.check([]byte(lines + "\r\n")); err != nil {
		return err
	}
	if shown == "" {
		shown = lines
	}
	w.conn.Trace().Sent(w.name, "%s", shown)
	if _, err := io.WriteString(w.conn, lines+"\r\n"); err != nil {
		return w.lost(err)
	}
	return nil
}

// response reads one response whole, its literals in place, without the last line end. It is the caller's until the next one.
func (w *wire) response() ([]byte, error) {
	w.buf = w.buf[:0]
	for {
		line, _, err := w.conn.ReadLine(maxLine)
		if err != nil {
			return nil, w.lost(err)
		}
		w.buf = append(w.buf, line...)
		n, at, ok := literalLength(line)
		if !ok || textual(w.buf) {
			break
		}
		if err := w.literal(n, len(w.buf)-len(line)+at); err != nil {
			return nil, err
		}
	}
	if t := w.conn.Trace(); t.On() {
		t.Got(w.name, "%s", w.shown())
	}
	return w.buf, nil
}

// literal reads a literal of n octets behind its header, which begins at at. Of a large one only the first octets are kept, and the header is
// changed to say so.
func (w *wire) literal(n int64, at int) error {
	if w.sink != nil {
		taken, err := w.sink(w.buf[:at], n)
		if err != nil {
			w.conn.Close() // the rest of the literal is still to come
			return fmt.Errorf("imap fetch: %w", err)
		}
		if taken {
			w.buf = append(w.buf[:at], "NIL"...)
			return nil
		}
	}
	keep := min(n, maxLiteral)
	if keep < n {
		w.buf = fmt.Appendf(w.buf[:at], "{%d}", keep)
	}
	if int64(len(w.buf))+keep > maxResponse {
		return w.broken(errors.New("a response too large to be true"))
	}
	w.buf = append(w.buf, "\r\n"...)
	end := len(w.buf)
	w.buf = append(w.buf, make([]byte, keep)...)
	if _, err := io.ReadFull(w.conn, w.buf[end:]); err != nil {
		return w.lost(err)
	}
	if _, err := io.CopyN(io.Discard, w.conn, n-keep); err != nil {
		return w.lost(err)
	}
	return nil
}

// textual says whether a response ends in free text, which may look like a literal's header and is none.
func textual(line []byte) bool {
	if len(line) > 0 && line[0] == '+' {
		return true
	}
	_, ok := parseStatus(line[:min(len(line), 256)])
	return ok
}

// shown is the last response for the transcript, without the octets of its literals.
func (w *wire) shown() string {
	if w.hidden && bytes.HasPrefix(w.buf, []byte("+")) {
		return "+ ***"
	}
	var b strings.Builder
	for rest := w.buf; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			b.Write(rest)
			return b.String()
		}
		n, at, ok := literalLength(bytes.TrimSuffix(rest[:i], []byte("\r")))
		if !ok || int64(len(rest)-i-1) < n {
			b.Write(rest)
			return b.String()
		}
		fmt.Fprintf(&b, "%s[%d octets]", rest[:at], n)
		rest = rest[i+1+int(n):]
	}
}

// next reads the next response that someone waits for. Answers to probes, alerts, capabilities and a BYE are kept where they belong; anything
// else untagged comes out too.
func (w *wire) next() (line []byte, st status, err error) {
	for {
		line, err = w.response()
		if err != nil {
			return nil, st, err
		}
		if len(line) == 0 {
			continue // some servers send one too many
		}
		var ok bool
		st, ok = parseStatus(line)
		if !ok {
			if w.data(line) {
				continue
			}
			return line, status{}, nil
		}
		if st.code == "ALERT" { // RFC 3501 7.1: must be shown to the user
			w.log.Warn("imap server alert", "server", w.address, "text", st.text)
		}
		if st.code == "CAPABILITY" {
			w.caps = parseCapabilities(st.args)
		}
		if st.kind == "BYE" {
			w.bye = st
			continue
		}
		if f := w.later[st.tag]; f != nil {
			delete(w.later, st.tag)
			f(st)
			continue
		}
		return line, st, nil
	}
}

// data keeps untagged data that is asked for in passing.
func (w *wire) data(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("* ")) {
		return false
	}
	name, rest := word(line[2:])
	if len(name) == 0 || name[0] <= '9' {
		return false // FETCH and EXISTS
	}
	switch strings.ToUpper(string(name)) {
	case "CAPABILITY":
		w.caps = parseCapabilities(string(rest))
	case "NAMESPACE":
		w.namespace = append([]byte(nil), rest...)
	case "QUOTA":
		w.quota = append(append(w.quota, rest...), '\n')
	case "ID":
		w.product += " " + strings.ToLower(idName(rest))
	case "LIST", "XLIST":
		if w.listed == nil {
			return false
		}
		w.listed(rest)
	case "QUOTAROOT", "ENABLED":
	default:
		return false
	}
	return true
}

// idName is the name in an answer to ID (RFC 2971).
func idName(answer []byte) string {
	s := scanner{answer}
	fields, _ := s.value()
	for s = (scanner{fields}); s.space(); {
		field, kind := s.value()
		v, _ := s.value()
		switch {
		case kind == nothing:
			return ""
		case equalFold(field, "NAME"):
			return string(v[:min(len(v), 200)])
		}
	}
	return ""
}

// is says whether the server calls itself by a name. It is asked only for what no capability tells.
func (w *wire) is(name string) bool { return strings.Contains(w.product, name) }

// await reads until the command is answered. each, when not nil, sees what comes before: data (with a zero status) and untagged statuses.
func (w *wire) await(tag string, each func(line []byte, st status) error) (status, error) {
	for {
		line, st, err := w.next()
		switch {
		case err != nil:
			return st, err
		case st.tag == tag:
			return st, nil
		case st.tag != "" && st.tag != "*":
			return st, w.broken(fmt.Errorf("an answer to a command that was not sent: %.80q", line))
		case len(line) > 0 && line[0] == '+':
			return st, w.broken(errors.New("a continuation that was not asked for"))
		}
		if each != nil {
			if err := each(line, st); err != nil {
				w.conn.Close() // what is still to come is nobody's
				return st, err
			}
		}
	}
}

// lost is the end of the connection, with the server's own last words when it had any.
func (w *wire) lost(err error) error {
	var known *migrate.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if w.bye.kind != "" {
		lost := &migrate.Error{Op: "imap", Subject: w.address, Err: fmt.Errorf("the server ended the session: %s: %w", answered{w.bye}.words(), err)}
		switch e := classify("imap", w.address, w.bye, migrate.ScopeSession); {
		case errors.Is(e, migrate.ErrVolume):
			lost.Scope, lost.Final, lost.Hint, lost.Err = e.Scope, e.Final, e.Hint, fmt.Errorf("%w: %w", migrate.ErrVolume, lost.Err)
		case !e.Final:
			lost.After, lost.Crowded, lost.Throttled = e.After, e.Crowded, e.Throttled
		}
		return lost
	}
	return &migrate.Error{Op: "imap", Subject: w.address, Err: fmt.Errorf("connection lost: %w", err)}
}

// broken is a server that speaks no IMAP any more: nothing behind it can be trusted, so the connection is cut.
func (w *wire) broken(err error) error {
	w.conn.Close()
	return &migrate.Error{Op: "imap", Subject: w.address, Err: err}
}
