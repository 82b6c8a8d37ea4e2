package applemail

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// attachments is where the attachments of a message lie that stand not in it: beside the directory of the messages, by the message's number and
// the part's.
func attachments(emlxFile, number string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(emlxFile)), "Attachments", number)
}

// filling is a hole and the file that belongs into it.
type filling struct {
	hole
	file string
	size int64
}

// fillings finds the files for a message's holes. missing is how many have none.
func fillings(message io.Reader, dir string) (out []filling, missing int, err error) {
	holes, err := findHoles(message)
	if err != nil {
		return nil, 0, err
	}
	for _, h := range holes {
		file, size, ok := attachment(filepath.Join(dir, h.number), h.filename)
		if !ok {
			missing++
			continue
		}
		out = append(out, filling{h, file, size})
	}
	return out, missing, nil
}

// attachment is the one file in a part's directory, or of several the one with the part's own name.
func attachment(dir, name string) (file string, size int64, ok bool) {
	d, err := os.Open(dir)
	if err != nil {
		return "", 0, false
	}
	defer d.Close()
	names, err := d.Readdirnames(100)
	if err != nil {
		return "", 0, false
	}
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, ".") })
	switch {
	case len(names) == 1:
		file = names[0]
	case slices.Contains(names, name):
		file = name
	default:
		return "", 0, false
	}
	info, err := os.Stat(filepath.Join(dir, file))
	if err != nil || !info.Mode().IsRegular() {
		return "", 0, false
	}
	return filepath.Join(dir, file), info.Size(), true
}

// encodedSize is how long a filling is in the message: exact for what nearly every attachment is.
func (f filling) encodedSize() int64 {
	if f.encoding != "base64" {
		return f.size
	}
	n := (f.size + 2) / 3 * 4
	return n + (n+base64Line-1)/base64Line
}

// base64Line is how long the lines of the attachments' base64 are (RFC 2045 6.8).
const base64Line = 76

// writeFilled writes a message with its holes filled.
func writeFilled(ctx context.Context, w io.Writer, message *io.SectionReader, list []filling) error {
	at := int64(0)
	upTo := func(off int64) error {
		_, err := io.Copy(w, contextReader{ctx, io.NewSectionReader(message, at, off-at)})
		at = off
		return err
	}
	for _, f := range list {
		if f.markEnd > f.markStart {
			if err := upTo(f.markStart); err != nil {
				return err
			}
			at = f.markEnd
		}
		if err := upTo(f.start); err != nil {
			return err
		}
		if err := f.write(ctx, w); err != nil {
			return err
		}
		at = f.end
	}
	return upTo(message.Size())
}

// write encodes the file as the part's header says, and ends it with the line end that the next boundary needs.
func (f filling) write(ctx context.Context, w io.Writer) error {
	in, _, err := openRegular(f.file)
	if err != nil {
		return err
	}
	defer in.Close()
	var n int64
	r := contextReader{ctx, in}
	switch f.encoding {
	case "base64":
		lines := &lineBreaker{w: w}
		enc := base64.NewEncoder(base64.StdEncoding, lines)
		if n, err = io.Copy(enc, r); err == nil {
			err = enc.Close()
		}
		if err == nil {
			err = lines.end()
		}
	case "quoted-printable":
		enc := quotedprintable.NewWriter(w)
		if n, err = io.Copy(enc, r); err == nil {
			err = enc.Close()
		}
		if err == nil {
			_, err = io.WriteString(w, "\n")
		}
	default:
		if n, err = io.Copy(w, r); err == nil {
			_, err = io.WriteString(w, "\n")
		}
	}
	if err == nil && n != f.size {
		err = fmt.Errorf("attachment %s changed while it was read", f.file)
	}
	return err
}

// lineBreaker breaks lines of base64.
type lineBreaker struct {
	w   io.Writer
	col int
}

func (l *lineBreaker) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		took := min(len(p), base64Line-l.col)
		if _, err := l.w.Write(p[:took]); err != nil {
			return n - len(p), err
		}
		p = p[took:]
		if l.col += took; l.col == base64Line {
			if _, err := io.WriteString(l.w, "\n"); err != nil {
				return n - len(p), err
			}
			l.col = 0
		}
	}
	return n, nil
}

func (l *lineBreaker) end() error {
	if l.col == 0 {
		return nil
	}
	_, err := io.WriteString(l.w, "\n")
	return err
}

// contextReader ends a long copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
