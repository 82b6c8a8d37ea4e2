package strip

import "io"

// newDecoder returns a writer that undoes a transfer encoding and writes the octets to w. Close ends the part. Encodings other than base64 and
// quoted-printable stay, those of uuencode as well.
func newDecoder(encoding string, w io.Writer) io.WriteCloser {
	switch encoding {
	case "base64":
		return &base64Decoder{w: w}
	case "quoted-printable":
		return &qpDecoder{w: w}
	}
	return identity{w}
}

type identity struct{ io.Writer }

func (identity) Close() error { return nil }

// base64Decoder takes base64 as most clients do (RFC 2045 6.8): what isn't of the alphabet is passed over, and padding is the end, behind which mailing lists
// put their footers. An end without padding is one.
type base64Decoder struct {
	w      io.Writer
	group  uint32
	n      int // digits in the group
	padded bool
	out    []byte
}

func (d *base64Decoder) Write(p []byte) (int, error) {
	d.out = d.out[:0]
	for _, c := range p {
		if d.padded {
			break
		}
		var v byte
		switch {
		case 'A' <= c && c <= 'Z':
			v = c - 'A'
		case 'a' <= c && c <= 'z':
			v = c - 'a' + 26
		case '0' <= c && c <= '9':
			v = c - '0' + 52
		case c == '+':
			v = 62
		case c == '/':
			v = 63
		case c == '=':
			d.padded = d.n > 1
			continue
		default:
			continue
		}
		d.group = d.group<<6 | uint32(v)
		if d.n++; d.n == 4 {
			d.endGroup()
		}
	}
	_, err := d.w.Write(d.out)
	return len(p), err
}

// endGroup writes the octets of a group of up to four digits. One digit is none.
func (d *base64Decoder) endGroup() {
	bits := d.group << (6 * (4 - d.n))
	for i := 1; i < d.n; i++ {
		d.out = append(d.out, byte(bits>>(24-8*i)))
	}
	d.group, d.n = 0, 0
}

func (d *base64Decoder) Close() error {
	d.out = d.out[:0]
	d.endGroup()
	_, err := d.w.Write(d.out)
	return err
}

// maxBlank is how much white space is held back until it is known whether it ends a line.
const maxBlank = 1 << 10

// qpDecoder takes quoted-printable as clients do: an escape that is none stays (RFC 2045 6.7), white space at the end of a line goes.
type qpDecoder struct {
	w     io.Writer
	state qpState
	digit byte   // the escape's first, as it was written
	blank []byte // white space, and CR
	out   []byte
}

type qpState uint8

const (
	qpText   qpState = iota
	qpEscape         // behind "="
	qpDigit          // behind "=" and a digit
	qpBreak          // behind "=" and white space
)

func (d *qpDecoder) Write(p []byte) (int, error) {
	d.out = d.out[:0]
	for _, c := range p {
		d.octet(c)
	}
	_, err := d.w.Write(d.out)
	return len(p), err
}

func (d *qpDecoder) octet(c byte) {
	switch hi, lo := hex(d.digit), hex(c); {
	case d.state == qpEscape && lo >= 0:
		d.state, d.digit = qpDigit, c
		return
	case d.state == qpDigit && lo >= 0:
		d.out = append(d.out, byte(hi<<4|lo))
		d.state = qpText
		return
	case d.state == qpDigit:
		d.out = append(d.out, '=', d.digit)
		d.state = qpText
	}
	blank := c == ' ' || c == '\t' || c == '\r'
	switch {
	case blank:
		if d.state == qpEscape {
			d.state = qpBreak
		}
		if len(d.blank) == maxBlank {
			d.literal()
		}
		d.blank = append(d.blank, c)
	case c == '\n':
		if d.state == qpText {
			d.out = append(d.out, '\r', '\n')
		}
		d.state, d.blank = qpText, d.blank[:0]
	default:
		d.literal()
		if c == '=' {
			d.state = qpEscape
		} else {
			d.out = append(d.out, c)
		}
	}
}

// literal takes what was held back for text.
func (d *qpDecoder) literal() {
	if d.state != qpText {
		d.out = append(d.out, '=')
	}
	d.out = append(d.out, d.blank...)
	d.state, d.blank = qpText, d.blank[:0]
}

// Close takes the end for the end of a line that has none.
func (d *qpDecoder) Close() error {
	if d.state != qpDigit {
		return nil
	}
	_, err := d.w.Write([]byte{'=', d.digit})
	return err
}

// hex is the value of a hexadecimal digit, or -1. RFC 2045 wants capitals; not all senders know.
func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
