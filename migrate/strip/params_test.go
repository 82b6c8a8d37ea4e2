package strip

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, disposition, contentType, want string }{
		{"none", "attachment", "image/gif", ""},
		{"token", "attachment; filename=a.gif", "", "a.gif"},
		{"quoted", `attachment; filename="a;b.gif"; size=3`, "", "a;b.gif"},
		{"escaped", `attachment; filename="a\"b\\c.gif"`, "", `a"b\c.gif`},
		{"a Windows path", `attachment; filename="C:\temp\new.gif"`, "", `C:\temp\new.gif`},
		{"spaces without quotes", "attachment; filename=my cat (1).gif; x=y", "", "my cat (1).gif"},
		{"a quote without an end", `attachment; filename="a.gif`, "", "a.gif"},
		{"name only", "attachment", `image/gif; name="b.gif"`, "b.gif"},
		{"filename before name", "attachment; filename=a.gif", `image/gif; name="b.gif"`, "a.gif"},
		{"an empty filename", `attachment; filename=""`, `image/gif; name="b.gif"`, "b.gif"},
		{"upper case", "ATTACHMENT; FILENAME=a.gif", "", "a.gif"},
		{"no type", "filename=a.gif", "", ""},
		{"no semicolon behind the type", "", `application/pdf name="a.pdf"`, "a.pdf"},
		{"a comment behind the type", "attachment (x;y); filename=a.gif", "", "a.gif"},
		{"encoded word", "attachment; filename==?iso-8859-1?Q?Gr=F6=DFe.gif?=", "", "Größe.gif"},
		{"encoded words", `attachment; filename="=?utf-8?B?R3LD?= =?utf-8?B?tsOfZS5naWY=?="`, "", "Größe.gif"},
		{"encoded words, folded", "attachment; filename=\"=?utf-8?Q?Gr=C3=B6?=\t=?utf-8?Q?=C3=9Fe.gif?=\"", "", "Größe.gif"},
		{"encoded word of East Asia", `attachment; filename="=?ISO-2022-JP?B?GyRCRnxLXBsoQi5naWY=?="`, "", "日本.gif"},
		{"encoded word of no set", `attachment; filename="=?x-none?Q?a=F6?="`, "", "=?x-none?Q?a=F6?="},
		{"raw UTF-8", "attachment; filename=Größe.gif", "", "Größe.gif"},
		{"raw Windows-1252", "attachment; filename=Gr\xf6\xdfe \x80.gif", "", "Größe €.gif"},
		{"RFC 2231", "attachment; filename*=iso-8859-1'de'Gr%F6%dfe.gif", "", "Größe.gif"},
		{"RFC 2231, no set", "attachment; filename*=''Gr%C3%B6%C3%9Fe.gif", "", "Größe.gif"},
		{"RFC 2231, a set that is none", "attachment; filename*=x-none''Gr%C3%B6%C3%9Fe.gif", "", "Größe.gif"},
		{"RFC 2231, no quotes", "attachment; filename*=100%.gif", "", "100%.gif"},
		{"RFC 2231, bad escapes", "attachment; filename*=utf-8''100%zz%4.gif%", "", "100%zz%4.gif%"},
		{"RFC 2231 before the plain one", "attachment; filename=x.gif; filename*=utf-8''y.gif", "", "y.gif"},
		{"pieces in any order", "attachment; filename*1*=%9Fe.gif; filename*0*=utf-8''Gr%C3%B6%C3", "", "Größe.gif"},
		{"pieces with a gap", "attachment; filename*0=a; filename*2=c", "", "a"},
		{"pieces without a set", `attachment; filename*0="a b"; filename*1=".gif"`, "", "a b.gif"},
		{"pieces of an encoded word", `attachment; filename*0="=?utf-8?B?R3LDtsO"; filename*1="fZS5naWY=?="`, "", "Größe.gif"},
		{"controls and directions", "attachment; filename*=utf-8''a%0D%0AX:%20y%00%E2%80%AEfig.exe%07", "", "aX: yfig.exe"},
		{"white space around", `attachment; filename="  a  "`, "", "a"},
		{"too long", "attachment; filename=" + strings.Repeat("ä", 200), "", strings.Repeat("ä", 127)},
	} {
		h := header{values: [readFields][]byte{fieldDisposition: []byte(" " + c.disposition), fieldType: []byte(" " + c.contentType)}}
		h.seen[fieldType] = true
		h.shape()
		if got := h.name(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMediaType(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"": "", "text": "", "text/": "", "/plain": "", "Text/HTML": "text/html", "text/plain ; charset=x": "text/plain", " \ttext/plain": "text/plain",
		"text/plain (comment)": "text/plain", "text / plain": "", "a/b/c": "", `"text/plain"`: "", "text/pläin": "", "application/x-" + strings.Repeat("x", maxType): "",
	} {
		head, _, _ := parseParams(v)
		if got := mediaType(head); got != want {
			t.Errorf("%q is %q, want %q", v, got, want)
		}
	}
}

func TestSound(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{
		"text/plain": true, "text/plain;": true, "text/plain ; a=b;; c=\"d;e\" ;": true, `a/b; c="\""`: true, "a/b; c=": true, "a/b; c=d=e": true,
		"a/b c=d": false, "a/b (c); d=e": false, "a/b; c": false, "a/b; c d=e": false, "a/b; c=d e": false, `a/b; c="d`: false, `a/b; c="d"e; f=g`: false,
		`a/b; c=d"e"`: false, "a/b; =c": false,
	} {
		if _, _, sound := parseParams(v); sound != want {
			t.Errorf("%q is sound: %v, want %v", v, sound, want)
		}
	}
}
