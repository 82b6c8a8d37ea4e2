package strip

import (
	"bytes"
	"io"
	"mime"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
)

func TestNote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		removed Removed
		version bool
		want    string
	}{{"ASCII", Removed{Name: "film.mp4", Type: "video/mp4", Octets: 52428800}, false, `Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit
Content-Disposition: inline
X-Poplift-Removed-Name: film.mp4
X-Poplift-Removed-Type: video/mp4
X-Poplift-Removed-Size: 52428800
X-Poplift-Removed-SHA256: 0000000000000000000000000000000000000000000000000000000000000000

poplift removed an attachment from this message when it copied it, because it was too large.

Name:    film.mp4
Type:    video/mp4
Size:    52428800 octets
SHA-256: 0000000000000000000000000000000000000000000000000000000000000000

The message is kept as it was, outside of this mailbox. Whoever copied it can look the attachment up by its SHA-256.
`}, {"no name, no MIME-Version", Removed{Type: "text/plain", Octets: 1}, true, `MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit
Content-Disposition: inline
X-Poplift-Removed-Type: text/plain
X-Poplift-Removed-Size: 1
X-Poplift-Removed-SHA256: 0000000000000000000000000000000000000000000000000000000000000000

poplift removed an attachment from this message when it copied it, because it was too large.

Type:    text/plain
Size:    1 octets
SHA-256: 0000000000000000000000000000000000000000000000000000000000000000

The message is kept as it was, outside of this mailbox. Whoever copied it can look the attachment up by its SHA-256.
`}} {
		if got := string(note(c.removed, c.version)); got != crlfs(c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// noteNames are hard to write down.
var noteNames = []string{
	"film.mp4", "Größe.pdf", "日本語のとても長いファイル名" + strings.Repeat("長", 60), strings.Repeat("x", maxName), strings.Repeat("--b--", 50),
	strings.Repeat("ä--b--", 30), "=?utf-8?Q?x?=", "a  b", "=?", "\U0001F600.zip", strings.Repeat("\U0001F600", 63), `a"b\c`, "http://a/b?c",
}

func TestNoteSaysTheName(t *testing.T) {
	t.Parallel()
	for _, name := range noteNames {
		noteSays(t, Removed{Name: name, Type: strings.Repeat("t", 127) + "/" + strings.Repeat("s", 127), Octets: 1<<63 - 1})
	}
}

// noteSays reads a note with another parser.
func noteSays(t *testing.T, r Removed) {
	t.Helper()
	n := note(r, true)
	if len(n) > minOver {
		t.Errorf("the note of %q has %d octets", r.Name, len(n))
	}
	for line := range strings.SplitSeq(string(n), "\r\n") {
		if len(line) > 998 || strings.HasPrefix(line, "--") || strings.ContainsAny(line, "\r\n") || strings.IndexFunc(line, func(c rune) bool { return c > '~' }) >= 0 {
			t.Errorf("the line %q", line)
		}
	}
	e, err := gomessage.Read(bytes.NewReader(n))
	if err != nil {
		t.Fatalf("%q: %v", n, err)
	}
	if got, err := new(mime.WordDecoder).DecodeHeader(e.Header.Get("X-Poplift-Removed-Name")); err != nil || got != r.Name {
		t.Errorf("the field says %q (%v), want %q", got, err, r.Name)
	}
	if got := e.Header.Get("X-Poplift-Removed-Sha256"); got != r.Digest.String() {
		t.Errorf("the field says %s", got)
	}
	body, err := io.ReadAll(e.Body)
	if err != nil || r.Name != "" && !bytes.Contains(body, []byte("\r\nName:    "+r.Name+"\r\nType:    "+r.Type+"\r\n")) {
		t.Errorf("the text says %q (%v)", body, err)
	}
}
