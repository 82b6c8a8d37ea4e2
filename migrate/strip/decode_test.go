package strip

import (
	"bytes"
	"strings"
	"testing"
)

func decodeIn(t *testing.T, encoding, s string, n int) string {
	t.Helper()
	var b bytes.Buffer
	d := newDecoder(encoding, &b)
	if _, err := (inPieces{s, n}).WriteTo(d); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ encoding, in, want string }{
		{"base64", "", ""},
		{"base64", "Rm9vYmFy", "Foobar"},
		{"base64", "Rm9v\r\nYmE=\r\n", "Fooba"},
		{"base64", "Rm9vYg==", "Foob"},
		{"base64", "Rm9vYg", "Foob"},
		{"base64", "Rm9vYmE", "Fooba"},
		{"base64", "Rm9vY", "Foo"},
		{"base64", "Rm!9v -_Ym\x00Fy", "Foobar"},
		{"base64", "Rm9vYg==\r\nCheerio!\r\n", "Foob"},
		{"base64", "=Rm9=vYg=", "Fo"},
		{"base64", "+/+/", "\xfb\xff\xbf"},
		{"quoted-printable", "", ""},
		{"quoted-printable", "Gr=C3=B6=c3=9fe", "Größe"},
		{"quoted-printable", "one=\r\n two", "one two"},
		{"quoted-printable", "one= \t\r\n two", "one two"},
		{"quoted-printable", "one \t\r\n two\r\n", "one\r\n two\r\n"},
		{"quoted-printable", "one=20\r\n", "one \r\n"},
		{"quoted-printable", "one \t", "one"},
		{"quoted-printable", "one=", "one"},
		{"quoted-printable", "one= ", "one"},
		{"quoted-printable", "one=4", "one=4"},
		{"quoted-printable", "a=b=zz=4z==41= x", "a=b=zz=4z=A= x"},
		{"quoted-printable", "a\rb \r\rc\r\n\r\n", "a\rb \r\rc\r\n\r\n"},
		{"quoted-printable", strings.Repeat(" ", 3*maxBlank) + "x", strings.Repeat(" ", 3*maxBlank) + "x"},
		{"quoted-printable", "=" + strings.Repeat(" ", 3*maxBlank) + "x", "=" + strings.Repeat(" ", 3*maxBlank) + "x"},
		{"8bit", "=41\r\n", "=41\r\n"},
		{"x-uuencode", "begin\r\n", "begin\r\n"},
	} {
		for _, n := range []int{1, 2, 3, 5, 10_000} {
			if got := decodeIn(t, c.encoding, c.in, n); got != c.want {
				t.Errorf("%s %.100q in pieces of %d is %.100q, want %.100q", c.encoding, c.in, n, got, c.want)
			}
		}
	}
}
