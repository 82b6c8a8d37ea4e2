package applemail

import (
	"bytes"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// partialMessage is a message without the bodies of three of its parts.
const partialMessage = `Subject: three attachments
Content-Type: multipart/mixed;
	boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain

text
--inner
Content-Type: text/html
Content-Transfer-Encoding: quoted-printable
X-Apple-Content-Length: 9

--inner--

--outer
Content-Disposition: attachment; filename="a b.bin"
Content-Type: application/octet-stream
Content-Transfer-Encoding: BASE64
X-Apple-Content-Length:
 120

--outer
Content-Type: message/rfc822

Subject: inside
Content-Type: multipart/mixed; boundary=third

--third
Content-Type: text/plain

not empty
--third
Content-Type: text/x-log
X-Apple-Content-Length: 4

--third--
--outer
Content-Type: text/plain
X-Apple-Content-Length: 12

kept in place
--outer
Content-Type: text/plain

--outer--
epilogue
`

func checkHoles(t *testing.T, message []byte) []hole {
	t.Helper()
	holes, err := findHoles(bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	for _, h := range holes {
		if h.number == "?" {
			continue
		}
		if h.markStart < at || h.markEnd < h.markStart || h.start < h.markEnd || h.end < h.start || h.end > int64(len(message)) {
			t.Fatalf("%+v behind %d in %d", h, at, len(message))
		}
		at = h.end
	}
	return holes
}

func TestHoles(t *testing.T) {
	for name, text := range map[string]string{"LF": partialMessage, "CRLF": strings.ReplaceAll(partialMessage, "\n", "\r\n")} {
		var got []string
		for _, h := range checkHoles(t, []byte(text)) {
			got = append(got, h.number+" "+h.encoding+" "+h.filename+";"+strings.TrimSpace(text[h.markStart:h.markEnd]))
		}
		want := "1.2 quoted-printable ;X-Apple-Content-Length: 9|2 base64 a b.bin;X-Apple-Content-Length:\n 120|3.2  ;X-Apple-Content-Length: 4"
		if all := strings.ReplaceAll(strings.Join(got, "|"), "\r\n", "\n"); all != want {
			t.Errorf("%s: %q, want %q", name, all, want)
		}
	}
	for text, want := range map[string]int{
		"Subject: x\n\ny": 0,
		"Content-Type: multipArt/\xee\xee\xeeBoundary=\n\nx":                                                   0, // no UTF-8, and nothing behind it
		"Subject: x\nX-Apple-Content-Length: 1\n\n\n":                                                          1,
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nX-Apple-Content-Length: 1\n--b--\n":                 1, // no end of the header
		"Content-Type: multipart/mixed\n\n--b\nX-Apple-Content-Length: 1\n\n--b--\n":                           0,
		"Content-Type: multipart/mixed; boundary=\"b\"; x=\xff\"\n\n--b\nX-Apple-Content-Length: 1\n\n--b--\n": 1,
		"": 0,
	} {
		if got := checkHoles(t, []byte(text)); len(got) != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestAttachmentsArePutBack(t *testing.T) {
	binary := bytes.Repeat([]byte{0, 1, 2, 0xFF, '\n'}, 24)
	dir := filepath.Join(t.TempDir(), "7")
	for name, b := range map[string][]byte{"1.2/page.html": []byte("<p>é = x"), "2/a b.bin": binary, "2/other.txt": nil, "2/.DS_Store": nil, "3.2/x.log": []byte("log")} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, missing, err := fillings(strings.NewReader(partialMessage), dir)
	if err != nil || missing != 0 || len(list) != 3 {
		t.Fatalf("%+v, %d, %v", list, missing, err)
	}
	var out bytes.Buffer
	if err := writeFilled(t.Context(), &out, io.NewSectionReader(strings.NewReader(partialMessage), 0, int64(len(partialMessage))), list); err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString(binary)
	var lines strings.Builder
	for len(encoded) > 76 {
		lines.WriteString(encoded[:76] + "\n")
		encoded = encoded[76:]
	}
	lines.WriteString(encoded + "\n")
	want := strings.NewReplacer(
		"X-Apple-Content-Length: 9\n\n", "\n<p>=C3=A9 =3D x\n",
		"X-Apple-Content-Length:\n 120\n\n", "\n"+lines.String(),
		"X-Apple-Content-Length: 4\n\n", "\nlog\n").Replace(partialMessage)
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
	if n := list[1].encodedSize(); n != int64(lines.Len()) {
		t.Errorf("%d octets announced, %d written", n, lines.Len())
	}
	if err := os.Remove(filepath.Join(dir, "2", "a b.bin")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "2", "other.txt"), filepath.Join(dir, "2", "x")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "2", "y"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, missing, _ := fillings(strings.NewReader(partialMessage), dir); missing != 1 {
		t.Errorf("%d missing", missing)
	}
}
