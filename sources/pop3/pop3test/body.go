package pop3test

import (
	"bufio"
	"bytes"
	"fmt"
)

// stored is a message and what was found out about it when it was added, so that serving it is one copy.
type stored struct {
	Msg
	serial int
	// clean says that Raw can go out as it is: CRLF line ends throughout, one at the end, no line that begins with a dot.
	clean bool
	// octets is the message's size in CRLF form, unstuffed, with the final line end that POP3 gives it.
	octets int64
	utf8   bool // has 8-bit octets in its header
}

func store(m Msg, serial int) *stored {
	if m.UIDL == "" {
		m.UIDL = fmt.Sprintf("%08x%08x", serial, 0x4c1f7)
	}
	st := &stored{Msg: m, serial: serial}
	st.octets = octets(m.Raw, Quirk{})
	st.clean = st.octets == int64(len(m.Raw)) && !bytes.HasPrefix(m.Raw, []byte(".")) && !bytes.Contains(m.Raw, []byte("\n."))
	head := m.Raw
	if i := bytes.Index(head, []byte("\n\r\n")); i >= 0 {
		head = head[:i]
	} else if i := bytes.Index(head, []byte("\n\n")); i >= 0 {
		head = head[:i]
	}
	for _, b := range head {
		st.utf8 = st.utf8 || b >= 0x80
	}
	return st
}

// octets is how long a message is on the wire, unstuffed.
func octets(raw []byte, q Quirk) int64 {
	var cw countWriter
	bw := bufio.NewWriter(&cw)
	writeBody(bw, raw, q, false)
	bw.Flush()
	return int64(cw)
}

type countWriter int64

func (c *countWriter) Write(p []byte) (int, error) {
	*c += countWriter(len(p))
	return len(p), nil
}

// size is what LIST says.
func (m *stored) size(q Quirk) int64 {
	n := m.octets
	if q.altersLines() {
		n = octets(m.Raw, q)
	}
	if m.ListSize != 0 {
		n = m.ListSize
	}
	if q.SizesLie {
		n = (n/1024+1)*1024 + 7
	}
	return n
}

// altersLines says whether the message's lines go out in another form than they should.
func (q Quirk) altersLines() bool { return q.BareLFLines || q.LFOnly || q.NoFinalLineEnd }

// writeBody writes a message as the answer to RETR, without the terminator, and stuffs its dots if asked to.
func writeBody(w *bufio.Writer, raw []byte, q Quirk, stuff bool) {
	eol := "\r\n"
	if q.LFOnly {
		eol = "\n"
	}
	for first := true; len(raw) > 0; first = false {
		i, lineEnd := bytes.IndexByte(raw, '\n'), 1
		if q.BareLFLines {
			i, lineEnd = bytes.Index(raw, []byte("\r\n")), 2
		}
		line := raw
		if i >= 0 {
			line = raw[:i]
		}
		if stuff && !q.NoStuffing && len(line) > 0 && line[0] == '.' && !(first && q.UnstuffedFirstDot) {
			w.WriteByte('.')
		}
		if i < 0 {
			w.Write(line)
			if !q.NoFinalLineEnd {
				w.WriteString(eol)
			}
			return
		}
		if lineEnd == 1 {
			line = bytes.TrimSuffix(line, []byte("\r"))
		}
		w.Write(line)
		w.WriteString(eol)
		raw = raw[i+lineEnd:]
	}
}

// wrapped is what Courier makes of a message with 8-bit headers for a client that didn't send UTF8.
func wrapped(raw []byte) []byte {
	return append([]byte("From: Mail Delivery Subsystem <postmaster>\r\nSubject: Cannot display Unicode content\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nThis message has Unicode headers.\r\n"+
		"--x\r\nContent-Type: message/global\r\n\r\n"), append(bytes.Clone(raw), "\r\n--x--\r\n"...)...)
}
