package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// RawResult is what a raw client moved, and how long that took, without the login.
type RawResult struct {
	Messages int
	Octets   int64
	Took     time.Duration
}

// The raw clients do what a server can do at best for one connection: they send all commands at once, look at as little of the answers as
// they can, and keep nothing. No program that has to know what it does is faster, which makes them the measure.

// rawDial connects and logs in with what login says, of which the last line must be answered by a line that begins with ok.
func rawDial(ctx context.Context, addr, login, ok string) (net.Conn, *bufio.Reader, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReaderSize(c, 1<<20)
	context.AfterFunc(ctx, func() { c.Close() })
	if _, err = r.ReadString('\n'); err == nil {
		if _, err = io.WriteString(c, login); err == nil {
			err = rawAwait(r, ok)
		}
	}
	if err != nil {
		c.Close()
		return nil, nil, fmt.Errorf("log in to %s: %w", addr, err)
	}
	return c, r, nil
}

// rawAwait reads up to the line that begins with ok. It returns lines that tell of a failure as an error.
func rawAwait(r *bufio.Reader, ok string) error {
	for {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, ok):
			return nil
		case strings.HasPrefix(line, "-ERR"), strings.HasPrefix(line, "* BYE"), !strings.HasPrefix(line, "*") && rawRefused(line):
			return errors.New(strings.TrimSpace(line))
		}
	}
}

func rawRefused(line string) bool {
	_, answer, _ := strings.Cut(line, " ")
	return strings.HasPrefix(answer, "NO ") || strings.HasPrefix(answer, "BAD ")
}

// RawRetr reads a whole maildrop with all RETR commands sent at once.
func RawRetr(ctx context.Context, addr, user, pass string) (RawResult, error) {
	var res RawResult
	c, r, err := rawDial(ctx, addr, "USER "+user+"\r\n", "+OK")
	if err != nil {
		return res, err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "PASS %s\r\n", pass); err != nil {
		return res, err
	}
	if err := rawAwait(r, "+OK"); err != nil {
		return res, fmt.Errorf("log in to %s: %w", addr, err)
	}
	if _, err := io.WriteString(c, "STAT\r\n"); err != nil {
		return res, err
	}
	stat, err := r.ReadString('\n')
	if err != nil {
		return res, err
	}
	n := 0
	if _, err := fmt.Sscanf(stat, "+OK %d", &n); err != nil {
		return res, fmt.Errorf("answer to STAT %q: %w", stat, err)
	}
	start := time.Now()
	go func() {
		w := bufio.NewWriterSize(c, 64<<10)
		for i := range n {
			fmt.Fprintf(w, "RETR %d\r\n", i+1)
		}
		io.WriteString(w, "QUIT\r\n") // so that a refused RETR ends in an early end, not in waiting
		w.Flush()
	}()
	res.Messages, res.Octets, err = countBodies(r, n)
	res.Took = time.Since(start)
	if err != nil {
		return res, fmt.Errorf("read %d messages, %d are there: %w", res.Messages, n, err)
	}
	return res, nil
}

// RawLists is the least that a poll can be: it logs in, asks STAT, UIDL and LIST at once, reads all of it and leaves. Took is the whole of it, with the
// login, for a server that has to count a large maildrop does so there.
func RawLists(ctx context.Context, addr, user, pass string) (RawResult, error) {
	var res RawResult
	start := time.Now()
	c, r, err := rawDial(ctx, addr, "USER "+user+"\r\n", "+OK")
	if err != nil {
		return res, err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "PASS %s\r\n", pass); err != nil {
		return res, err
	}
	if err := rawAwait(r, "+OK"); err != nil {
		return res, fmt.Errorf("log in to %s: %w", addr, err)
	}
	if _, err := io.WriteString(c, "STAT\r\nUIDL\r\nLIST\r\nQUIT\r\n"); err != nil {
		return res, err
	}
	lines := 0
	buf := make([]byte, 64<<10)
	for err == nil {
		var n int
		n, err = r.Read(buf)
		lines += bytes.Count(buf[:n], []byte("\n"))
		res.Octets += int64(n)
	}
	res.Took = time.Since(start)
	if err != io.EOF {
		return res, err
	}
	const others = 6 // the answers to four commands, and the ends of two lists
	if res.Messages = (lines - others) / 2; lines < others {
		return res, fmt.Errorf("list the maildrop at %s: only %d lines came", addr, lines)
	}
	return res, nil
}

// countBodies reads until n answers have ended, or the stream. It looks for nothing but their ends.
func countBodies(r *bufio.Reader, n int) (messages int, octets int64, err error) {
	end := []byte("\r\n.\r\n")
	buf := make([]byte, 1<<20)
	for have := 0; messages < n; {
		m, err := r.Read(buf[have:])
		octets += int64(m)
		b := buf[:have+m]
		for i := bytes.Index(b, end); i >= 0; i = bytes.Index(b, end) {
			messages++
			b = b[i+3:] // its last CRLF can belong to the next end, where a message is empty
		}
		have = copy(buf, b[max(len(b)-len(end)+1, 0):])
		if err != nil && messages < n {
			return messages, octets, err
		}
	}
	return messages, octets, nil
}

// RawMode is how RawAppend sends.
type RawMode int

const (
	// RawMulti sends MULTIAPPEND commands of 100 messages.
	RawMulti RawMode = iota
	// RawPlus sends one APPEND for each message.
	RawPlus
)

// rawBatch is how many messages a MULTIAPPEND has. More make no difference.
const rawBatch = 100

// RawAppend uploads messages into INBOX with LITERAL+, all at once.
func RawAppend(ctx context.Context, addr, user, pass string, messages []Message, mode RawMode) (RawResult, error) {
	var res RawResult
	c, r, err := rawDial(ctx, addr, "L LOGIN "+user+" "+pass+"\r\n", "L OK")
	if err != nil {
		return res, err
	}
	defer c.Close()
	batch := rawBatch
	if mode == RawPlus {
		batch = 1
	}
	start := time.Now()
	go func() {
		w := bufio.NewWriterSize(c, 256<<10)
		for i := 0; i < len(messages); i += batch {
			fmt.Fprintf(w, "A%d APPEND INBOX", i)
			for _, m := range messages[i:min(i+batch, len(messages))] {
				fmt.Fprintf(w, " \"%s\" {%d+}\r\n", m.Date.Format("_2-Jan-2006 15:04:05 -0700"), len(m.Raw))
				w.Write(m.Raw)
			}
			io.WriteString(w, "\r\n")
		}
		w.Flush()
	}()
	for i := 0; i < len(messages); i += batch {
		if err := rawAwait(r, fmt.Sprintf("A%d OK", i)); err != nil {
			return res, fmt.Errorf("append message %d: %w", i+1, err)
		}
		for _, m := range messages[i:min(i+batch, len(messages))] {
			res.Messages++
			res.Octets += int64(len(m.Raw))
		}
	}
	res.Took = time.Since(start)
	return res, nil
}
