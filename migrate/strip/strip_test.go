package strip

import (
	"bytes"
	"mime/quotedprintable"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const over = 5000

func qp(s []byte) string {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	w.Binary = true
	w.Write(s)
	w.Close()
	return b.String()
}

// replaced are messages in which « and » are around what a note takes the place of: the fields that describe the octets, and the body.
var replaced = []struct {
	name, message string
	version       bool // the note brings the MIME-Version with it
	want          []Removed
}{{
	name: "Outlook: mixed, related, alternative, an inline image and a document",
	message: `Received: by mx.example.org; Tue, 7 May 2024 10:00:01 +0200
From: "Weber, Anna" <anna@example.org>
Subject: =?iso-8859-1?Q?Gr=FC=DFe?=
Content-Type: multipart/mixed;
	boundary="_006_AM6PR0102MB3EXCHANGE_"
MIME-Version: 1.0
Content-Language: de-DE

--_006_AM6PR0102MB3EXCHANGE_
Content-Type: multipart/related;
	boundary="_005_AM6PR0102MB3EXCHANGE_";
	type="multipart/alternative"

--_005_AM6PR0102MB3EXCHANGE_
Content-Type: multipart/alternative;
	boundary="_000_AM6PR0102MB3EXCHANGE_"

--_000_AM6PR0102MB3EXCHANGE_
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

Viele Gr=FC=DFe
--_000_AM6PR0102MB3EXCHANGE_
Content-Type: text/html; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

<html><img src=3D"cid:image001.png@01DAA0"></html>
--_000_AM6PR0102MB3EXCHANGE_--

--_005_AM6PR0102MB3EXCHANGE_
Content-ID: <image001.png@01DAA0>
«Content-Type: image/png; name="image001.png"
Content-Description: image001.png
Content-Disposition: inline; filename="image001.png"; size=9000;
	creation-date="Tue, 07 May 2024 08:00:00 GMT";
	modification-date="Tue, 07 May 2024 08:00:00 GMT"
Content-Transfer-Encoding: base64

` + b64(9000) + `
»
--_005_AM6PR0102MB3EXCHANGE_--

--_006_AM6PR0102MB3EXCHANGE_
«Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document;
	name="=?iso-8859-1?Q?Anh=E4nge_f=FCr_Mai.docx?="
Content-Description: =?iso-8859-1?Q?Anh=E4nge_f=FCr_Mai.docx?=
Content-Disposition: attachment;
	filename="=?iso-8859-1?Q?Anh=E4nge_f=FCr_Mai.docx?="; size=12345;
	creation-date="Tue, 07 May 2024 08:00:00 GMT"
Content-Transfer-Encoding: base64

` + b64(12345) + `
»
--_006_AM6PR0102MB3EXCHANGE_
Content-Type: application/octet-stream; name="small.bin"
Content-Transfer-Encoding: base64

` + b64(3000) + `
--_006_AM6PR0102MB3EXCHANGE_--
`,
	want: []Removed{
		removed("image001.png", "image/png", blob(9000)),
		removed("Anhänge für Mai.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", blob(12345)),
	},
}, {
	name: "Apple Mail: a film between two texts, its name in RFC 2231",
	message: `From: me@example.org
Content-Type: multipart/mixed;
	boundary="Apple-Mail=_0E7A5B1C-1"
Mime-Version: 1.0 (Mac OS X Mail 16.0 \(3774.500.171.1.1\))
X-Uniform-Type-Identifier: com.apple.mail-draft


--Apple-Mail=_0E7A5B1C-1
Content-Transfer-Encoding: 7bit
Content-Type: text/plain;
	charset=us-ascii

Look:
--Apple-Mail=_0E7A5B1C-1
«Content-Disposition: inline;
	filename*=utf-8''%C3%9Cber%20uns%20%E2%80%93%20Film.mov
Content-Type: video/quicktime;
	x-unix-mode=0644;
	name="=?utf-8?Q?U=CC=88ber_uns_=E2=80=93_Film=2Emov?="
Content-Transfer-Encoding: base64

` + b64(20_000) + `
»
--Apple-Mail=_0E7A5B1C-1
Content-Transfer-Encoding: 7bit
Content-Type: text/plain;
	charset=us-ascii

Good, isn't it?
-- 
Me

--Apple-Mail=_0E7A5B1C-1--
`,
	want: []Removed{removed("Über uns – Film.mov", "video/quicktime", blob(20_000))},
}, {
	name: "Apple Mail: appledouble",
	message: `Content-Type: multipart/mixed; boundary=Apple-Mail-1
Mime-Version: 1.0

--Apple-Mail-1
Content-Type: multipart/appledouble; boundary=Apple-Mail-10

--Apple-Mail-10
Content-Type: application/applefile; name="Plan.pdf"
Content-Transfer-Encoding: base64

AAUWBwACAAA=
--Apple-Mail-10
«Content-Type: application/pdf; name="Plan.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=Plan.pdf

` + b64(6000) + `»
--Apple-Mail-10--
--Apple-Mail-1--
`,
	want: []Removed{removed("Plan.pdf", "application/pdf", blob(6000))},
}, {
	name: "Thunderbird: dashes in the boundaries, name in pieces, a mail as attachment with an attachment",
	message: `Content-Type: multipart/mixed; boundary="------------0A1B2C3D4E5F"
MIME-Version: 1.0
User-Agent: Mozilla Thunderbird

This is a multi-part message in MIME format.
--------------0A1B2C3D4E5F
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: 8bit

Grüße
--------------0A1B2C3D4E5F
«Content-Type: application/x-zip-compressed; name="a very long name.zip"
Content-Disposition: attachment;
 filename*0*=UTF-8''%61%20very%20long%20name%20that%20goes%20on%20and%20on%2C;
 filename*1*=%20%C3%A9%20and%20on;
 filename*2=" and; on.zip"
Content-Transfer-Encoding: base64

` + b64(7777) + `

»
--------------0A1B2C3D4E5F
Content-Type: message/rfc822; name="Fwd.eml"
Content-Disposition: attachment; filename="Fwd.eml"

From: other@example.net
Subject: inside
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="------------0A1B2C3D4E5F-inner"

--------------0A1B2C3D4E5F-inner
Content-Type: text/plain

hello
--------------0A1B2C3D4E5F-inner
X-Attachment-Id: f_1
«Content-Type: image/jpeg
Content-Transfer-Encoding: BASE64
Content-Disposition: attachment; filename=C:\pictures\cat (1).jpg

` + b64(8000) + `
»
--------------0A1B2C3D4E5F-inner--

--------------0A1B2C3D4E5F--
`,
	want: []Removed{
		removed("a very long name that goes on and on, é and on and; on.zip", "application/x-zip-compressed", blob(7777)),
		removed(`C:\pictures\cat (1).jpg`, "image/jpeg", blob(8000)),
	},
}, {
	name: "a message that is one attachment keeps its own fields, Content-ID and Content-Location too",
	message: `Received: by mx
Content-Location: http://example.org/
Content-ID: <1@example.org>
Mime-Version: 1.0
Content-Identifier: X.400's
«Content-Type: application/pdf; name=scan.pdf
CONTENT-TRANSFER-ENCODING: base64
Content-Length: 10000
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
X-Poplift-Removed-Name: somebody else's

` + b64(6000) + `
»`,
	want: []Removed{removed("scan.pdf", "application/pdf", blob(6000))},
}, {
	name: "two Content-Dispositions, of which the first counts",
	message: `Mime-Version: 1.0
«Content-Disposition: attachment; filename=first.gif
Content-Disposition: attachment; filename=second.gif
Content-Type: image/gif

` + lines(6000) + `»`,
	want: []Removed{removed("first.gif", "image/gif", []byte(lines(6000)))},
}, {
	name:    "a text without MIME",
	message: "From: a@b\nSubject: long\n«\n" + lines(7000) + "»",
	version: true,
	want:    []Removed{removed("", "text/plain", []byte(lines(7000)))},
}, {
	name:    "a From_ line before the header",
	message: "From a@b Tue May  7 10:00:01 2024\nFrom: a@b\n«Content-Type: text/html\n\n" + lines(7000) + "»",
	version: true,
	want:    []Removed{removed("", "text/html", []byte(lines(7000)))},
}, {
	name: "an attached message that is one attachment",
	message: `Mime-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/global

From: scanner@example.org
«Content-Type: image/tiff
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename==?utf-8?B?U2PDpG4udGlm?=

` + b64(6000) + `»
--b--
`,
	version: true,
	want:    []Removed{removed("Scän.tif", "image/tiff", blob(6000))},
}, {
	name: "an attached message in base64",
	message: `Content-Type: multipart/mixed; boundary=b

--b
«Content-Type: message/rfc822; name="old.eml"
Content-Transfer-Encoding: base64

` + b64(6000) + `»
--b--
`,
	want: []Removed{removed("old.eml", "message/rfc822", blob(6000))},
}, {
	name: "a digest, whose parts are messages by default",
	message: `Content-Type: multipart/digest; boundary=b

--b

Subject: one
Mime-Version: 1.0
«Content-Type: text/plain; name="letter"

` + lines(6000) + `»
--b

Subject: two

hello
--b--
`,
	want: []Removed{removed("letter", "text/plain", []byte(lines(6000)))},
}, {
	name: "quoted-printable, 8bit, binary, uuencode",
	message: `Content-Type: multipart/mixed; boundary=b

--b
«Content-Type: application/x-one
Content-Transfer-Encoding: Quoted-Printable

` + qp(blob(6000)) + `»
--b
«Content-Type: application/x-two
Content-Transfer-Encoding: 8bit

` + strings.Repeat("Grüße\n", 1000) + `»
--b
«Content-Type: application/x-three
Content-Transfer-Encoding: binary

` + strings.Repeat("\x00\x01\xff ", 2000) + `»
--b
«Content-Type: application/x-four; name=x.uu
Content-Transfer-Encoding: x-uuencode

begin 644 x
` + lines(6000) + `»
--b--
`,
	want: []Removed{
		removed("", "application/x-one", blob(6000)),
		removed("", "application/x-two", []byte(strings.Repeat("Grüße\r\n", 1000))),
		removed("", "application/x-three", []byte(strings.Repeat("\x00\x01\xff ", 2000))),
		removed("x.uu", "application/x-four", []byte("begin 644 x\r\n"+lines(6000))),
	},
}, {
	name: "parts without fields, and without a header",
	message: `Content-Type: multipart/mixed; boundary=b

--b
«
` + lines(6000) + `»
--b

--b
--b
«
` + lines(6000) + `»
--b--
`,
	want: []Removed{removed("", "text/plain", []byte(lines(6000))), removed("", "text/plain", []byte(lines(6000)))},
}, {
	name: "white space behind the delimiters",
	message: `Content-Type: multipart/mixed; boundary="b "

--b  ` + `
«Content-Type: image/gif

` + lines(6000) + `»
--b	` + strings.Repeat(" ", 2000) + `
Content-Type: text/plain

small
--b-- 	` + `
epilogue
`,
	want: []Removed{removed("", "image/gif", []byte(lines(6000)))},
}, {
	name: "no end: the last part goes to the end of the message",
	message: `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c

inner, without an end
--b
«Content-Type: image/gif; name=cut.gif
Content-Transfer-Encoding: base64

` + b64(6000) + "\n" + `QUJ»`,
	want: []Removed{removed("cut.gif", "image/gif", append(blob(6000), "AB"...))},
}, {
	name: "boundaries that contain one another",
	message: `Content-Type: multipart/mixed; boundary="abc"

--abc
Content-Type: multipart/related; boundary="abcdef"

--abcdef
Content-Type: multipart/alternative; boundary="ab"

--ab
«Content-Type: image/gif; name=1

` + lines(6000) + `»
--ab--
--abcdef
«Content-Type: image/gif; name=2

` + lines(6000) + `»
--abcdef--
--abc
«Content-Type: image/gif; name=3

` + lines(6000) + `»
--abc--
`,
	want: []Removed{
		removed("1", "image/gif", []byte(lines(6000))), removed("2", "image/gif", []byte(lines(6000))), removed("3", "image/gif", []byte(lines(6000))),
	},
}, {
	name: "beside what is signed, encrypted, S/MIME, or not clear",
	message: `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary=s

--s
Content-Type: multipart/mixed; boundary=b-in

--b-in
Content-Type: image/gif; name=signed.gif

` + lines(6000) + `
--b-in
Content-Type: message/rfc822

Content-Type: image/gif; name=signed.gif

` + lines(6000) + `
--b-in--
--s
Content-Type: application/pgp-signature

iQEz
--s--
--b
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e

--e
Content-Type: application/pgp-encrypted

Version: 1
--e
Content-Type: application/octet-stream; name=encrypted.asc

` + lines(6000) + `
--e--
--b
Content-Type: application/x-pkcs7-mime; name=smime.p7m
Content-Transfer-Encoding: base64

` + b64(6000) + `
--b
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="SMIME.P7M"
Content-Transfer-Encoding: base64

` + b64(6000) + `
--b
Content-Type: image/gif; name=one.gif
Content-Type: image/gif; name=two.gif

` + lines(6000) + `
--b
«Content-Type: image/gif; name=free.gif

` + lines(6000) + `»
--b--
`,
	want: []Removed{removed("free.gif", "image/gif", []byte(lines(6000)))},
}, {
	name: "what comes before and behind the parts stays, however long",
	message: `Content-Type: multipart/mixed; boundary=b

` + lines(9000) + `
--b
«Content-Type: image/gif

` + lines(6000) + `»
--b--
` + lines(9000) + `
--b
Content-Type: image/gif

` + lines(9000) + `
--b--
`,
	want: []Removed{removed("", "image/gif", []byte(lines(6000)))},
}, {
	name:    "a lone CR is no line end",
	message: "Content-Type: multipart/mixed; boundary=b\n\n--b\n«Content-Type: image/gif\n\n" + lines(6000) + "\r--b--\r »\n--b--\n",
	want:    []Removed{removed("", "image/gif", []byte(lines(6000)+"\r--b--\r "))},
}}

func TestStrip(t *testing.T) {
	t.Parallel()
	for _, c := range replaced {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			marked := crlfs(c.message)
			message := strings.NewReplacer("«", "", "»", "").Replace(marked)
			var want strings.Builder
			for i, r := range c.want {
				before, rest, ok := strings.Cut(marked, "«")
				_, rest, ends := strings.Cut(rest, "»")
				if !ok || !ends {
					t.Fatalf("part %d is not marked", i)
				}
				want.WriteString(before)
				want.Write(note(r, c.version))
				marked = rest
			}
			want.WriteString(marked)
			got, list, ok := stripped(t, Options{Over: over}, message)
			if !ok || !slices.Equal(list, c.want) {
				t.Fatalf("removed %+v, want %+v", list, c.want)
			}
			if got != want.String() {
				t.Errorf("%s\nwant\n%s", got, want.String())
			}
			if again, list, ok := stripped(t, Options{Over: over}, got); ok {
				t.Errorf("the second time %+v: %s", list, again)
			}
		})
	}
}

// leftAlone are messages in which something is over the limit, and nothing is done.
var leftAlone = []struct{ name, message string }{
	{"signed", "Content-Type: multipart/signed; boundary=b\n\n--b\nContent-Type: image/gif\n\n" + lines(9000) + "\n--b--\n"},
	{"encrypted", "Content-Type: Multipart/Encrypted; boundary=b\n\n--b\nContent-Type: image/gif\n\n" + lines(9000) + "\n--b--\n"},
	{"S/MIME", "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n\n" + lines(9000)},
	{"a header without an end", "Subject: x\nContent-Type: image/gif; name=" + lines(3000) + " " + lines(3000)},
	{"no header", lines(9000)},
	{"white space first", " x\nSubject: x\n\n" + lines(9000)},
	{"a line that is no field", "Subject: x\n>From a@b Tue May  7 10:00:01 2024\n\n" + lines(9000)},
	{"a From_ line further down", "Subject: x\nFrom a@b Tue May  7 10:00:01 2024\n\n" + lines(9000)},
	{"a From_ line in a part", "Content-Type: multipart/mixed; boundary=b\n\n--b\nFrom a@b Tue May  7 10:00:01 2024\n\n" + lines(9000) + "\n--b--\n"},
	{"two types", "Content-Type: image/gif\nContent-type: text/plain\n\n" + lines(9000)},
	{"two encodings", "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n" + lines(9000)},
	{"a type that is too long", "Content-Type: image/gif; x=" + strings.Repeat("x", maxLine) + "\n\n" + lines(9000)},
	{"a type with too many lines", "Content-Type: image/gif" + strings.Repeat(";\n x="+strings.Repeat("y", 900), 20) + "\n\n" + lines(9000)},
	{"a type with a NUL", "Content-Type: image/gif\x00\n\n" + lines(9000)},
	{"an encoding with a NUL", "Content-Transfer-Encoding: 7bit\x00\n\n" + lines(9000)},
	{"too many fields", strings.Repeat("Content-Language: de\nX: y\n", maxFields+1) + "\n" + lines(9000)},
	{"no boundary", "Content-Type: multipart/mixed\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"an empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n" + lines(9000) + "\n----\n"},
	{"a boundary that is too long", "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", maxBoundary+1) + "\n\n" + lines(9000)},
	{"two boundaries", "Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"a boundary in pieces", "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n\n--ab\n\n" + lines(9000) + "\n--ab--\n"},
	{"a boundary of which there is only a piece", "Content-Type: multipart/mixed; boundary*0=b\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"a boundary with backslashes", "Content-Type: multipart/mixed; boundary=\"a\\b\"\n\n--a\\b\n\n" + lines(9000) + "\n--a\\b--\n"},
	{"a boundary without quotes around its space", "Content-Type: multipart/mixed; boundary=a b\n\n--a\n\n" + lines(9000) + "\n--a--\n"},
	{"a quote without an end", "Content-Type: multipart/mixed; boundary=\"b\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"a comment behind the type", "Content-Type: multipart/mixed (x); boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"no semicolon behind the type", "Content-Type: multipart/mixed boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"no subtype", "Content-Type: multipart; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"a boundary of what has none", "Content-Type: text/plain; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"a multipart in base64", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\n" + lines(9000) + "\n--b--\n"},
	{"the boundary is used again inside", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--\n--b--\n"},
	{"the end of one is the beginning of another", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b--\n\n--b--\n\n" + lines(9000) + "\n--b--\n"},
	{"a delimiter that goes on", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--bc\n\n" + lines(9000) + "\n--b--\n"},
	{"an end that goes on", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--c\n"},
	{"a CR behind a delimiter", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b\r\r\n\n" + lines(9000) + "\n--b--\n"},
	{"white space without end behind a delimiter", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b" + strings.Repeat(" ", maxLine) + "\n--b--\n"},
	{"all of it preamble", "Content-Type: multipart/mixed; boundary=b\n\n" + lines(9000)},
}

func TestLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range leftAlone {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got, list, ok := stripped(t, Options{Over: over}, crlfs(c.message)); ok {
				t.Errorf("removed %+v: %.2000s", list, got)
			}
		})
	}
}

// TestBounds: up to a bound parts are replaced, behind it nothing is.
func TestBounds(t *testing.T) {
	t.Parallel()
	multiparts := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("Content-Type: multipart/mixed; boundary=b" + strconv.Itoa(1000+i) + "\n\n--b" + strconv.Itoa(1000+i) + "\n")
		}
		return b.String() + "\n" + lines(9000)
	}
	for _, c := range []struct {
		name    string
		message func(n int) string
		last    int
	}{
		{"multiparts in each other", multiparts, maxDepth},
		{"messages in each other", func(n int) string {
			return strings.Repeat("Content-Type: message/rfc822\n\n", n) + "Subject: x\n\n" + lines(9000)
		}, maxDepth},
		{"parts", func(n int) string {
			return "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + strings.Repeat("\n--b\n\nx", n-1) + "\n--b--\n"
		}, maxParts},
		{"runs of fields", func(n int) string { return strings.Repeat("Content-Language: de\nX: y\n", n) + "\n" + lines(9000) }, maxFields},
		{"octets of a line of the type", func(n int) string {
			return "Content-Type: image/gif; x=" + strings.Repeat("x", n-len("Content-Type: image/gif; x=\r\n")) + "\n\n" + lines(9000)
		}, maxLine},
		{"octets of the type", func(n int) string {
			v := " image/gif" + strings.Repeat(";\n x="+strings.Repeat("y", 1000), n/1004)
			return "Content-Type:" + v + "\n " + strings.Repeat("z", n-len(v)+strings.Count(v, "\n")-1) + "\n\n" + lines(9000)
		}, maxValue},
		{"octets of a delimiter", func(n int) string {
			return "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b" + strings.Repeat(" ", n-len("--b\r\n")) + "\n\n\n--b--\n"
		}, maxLine},
		{"octets of an end", func(n int) string {
			return "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + lines(9000) + "\n--b--" + strings.Repeat(" ", n-len("--b--\r\n")) + "\n"
		}, maxLine},
		{"octets of a boundary", func(n int) string {
			b := strings.Repeat("b", n)
			return "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n\n" + lines(9000) + "\n--" + b + "--\n"
		}, maxBoundary},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, list, _ := stripped(t, Options{Over: over}, crlfs(c.message(c.last))); len(list) != 1 {
				t.Errorf("with %d, %d parts were replaced", c.last, len(list))
			}
			if _, list, ok := stripped(t, Options{Over: over}, crlfs(c.message(c.last+1))); ok {
				t.Errorf("with %d, %d parts were replaced", c.last+1, len(list))
			}
		})
	}
}

// TestOver: the size that counts is the encoded body's, and the limit itself is not over it.
func TestOver(t *testing.T) {
	t.Parallel()
	body := strings.TrimSuffix(lines(9000), "\r\n")
	message := crlfs("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n") + body + crlfs("\n--b--\n")
	size := int64(len(body))
	for _, c := range []struct {
		over int64
		want bool
	}{{0, false}, {-1, false}, {1, true}, {size - 1, true}, {size, false}, {size * 2, false}} {
		if _, _, ok := stripped(t, Options{Over: c.over}, message); ok != c.want {
			t.Errorf("over %d of %d: replaced is %v", c.over, size, ok)
		}
	}
	small := crlfs("Subject: x\n\n" + lines(2 * minOver)[:minOver])
	if _, _, ok := stripped(t, Options{Over: 1}, small); ok {
		t.Error("a part was replaced that is as short as a note can be long")
	}
}
