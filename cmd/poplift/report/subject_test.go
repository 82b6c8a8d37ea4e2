package report

import (
	"strings"
	"testing"
)

func TestSubjectIsALineForPeople(t *testing.T) {
	for field, want := range map[string]string{
		"":         "",
		" hello  ": "hello",
		"=?UTF-8?Q?Caf=C3=A9?= =?iso-8859-1?q?_cr=E8me?=": "Café crème",
		"=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=":              "テスト",
		"=?no-such-charset?Q?a=20b?=":                     "=?no-such-charset?Q?a=20b?=",
		"=?utf-8*fr?Q?=C3=A9t=C3=A9?=":                    "été",
		"two\tlines \r\n and more":                        "two lines and more",
		"\x1b[2Jgone\x07, \u202eback\u200b":               "[2Jgone, back",
		"=?UTF-8?B?G1syShtb?=":                            "[2J[",
		"raw \xe9":                                        "raw \uFFFD",
		strings.Repeat("ä", 200):                          strings.Repeat("ä", 119) + "…",
	} {
		if got := Subject(field); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("=?UTF-8?Q?Caf=C3=A9?= \r\n x")
	f.Add("\x1b]0;title\x07")
	f.Fuzz(func(t *testing.T, field string) {
		s := Subject(field)
		if n := len([]rune(s)); n > maxSubject {
			t.Errorf("%d characters", n)
		}
		if strings.ContainsAny(s, "\r\n\t\x1b\x07\u202e") || s != strings.TrimSpace(s) {
			t.Errorf("%q", s)
		}
	})
}
