package mailnet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const word = "hunter2"
	s := NewSecret(word)
	type outer struct {
		Shown  Secret
		hidden Secret
		inMap  map[string]Secret
		ptr    *Secret
		any    any
	}
	o := outer{s, s, map[string]Secret{"a": s}, &s, s}
	var out strings.Builder
	for _, v := range []any{s, &s, o, &o, []Secret{s}, map[Secret]int{s: 1}, fmt.Errorf("wrapped: %v", s), struct{ any }{s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%U", "%e", "%10.3v", "%!", "%p"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
	}
	for _, v := range []any{s, &s, o, map[string]any{"a": s}, map[Secret]int{s: 1}} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		out.Write(data)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		l := slog.New(h)
		l.Info("m", "secret", s, "ptr", &s, "struct", o, "group", slog.GroupValue(slog.Any("s", s)))
	}
	out.WriteString(s.String())
	for _, form := range []string{word, fmt.Sprintf("%x", word), fmt.Sprintf("%X", word), fmt.Sprintf("%d", []byte(word))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is in\n%s", form, out.String())
		}
	}
	if !strings.Contains(out.String(), "***") {
		t.Error("nothing is redacted: the test prints nothing")
	}
	if s.Reveal() != word || s.Empty() {
		t.Error("the secret is lost")
	}
	if zero := (Secret{}); !zero.Empty() || zero.Reveal() != "" || fmt.Sprint(zero) != "***" {
		t.Error("the zero value is no empty secret")
	}
}

func TestTrace(t *testing.T) {
	var out bytes.Buffer
	tr := NewTrace(&out, func() time.Time { return time.Date(2024, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600)) })
	tr.Sent("pop3", "USER %s", "me")
	tr.Got("imap1", "* OK evil\r\n03:04 \x1b[2J")
	tr.Note("imap1", "%s", strings.Repeat("x", 3000))
	want := "02:04:05.006 pop3 C: \"USER me\"\n02:04:05.006 imap1 S: \"* OK evil\\r\\n03:04 \\x1b[2J\"\n" +
		"02:04:05.006 imap1 -- \"" + strings.Repeat("x", 2000) + "… (3000 octets)\"\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	var none *Trace
	none.Sent("a", "b")
	if none.On() || !tr.On() {
		t.Error("On")
	}
}
