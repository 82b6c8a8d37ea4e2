package main

import (
	"bytes"
	"net/mail"
	"slices"
	"testing"
)

func TestDemoMail(t *testing.T) {
	a, b := demoMail(300), demoMail(300)
	if len(a) != 300 || !slices.EqualFunc(a, b, bytes.Equal) {
		t.Fatal("the same seed made other mail")
	}
	var largest, noID int
	seen := map[string]bool{}
	for i, raw := range a {
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("message %d: %v\n%s", i, err, raw[:min(len(raw), 500)])
		}
		if m.Header.Get("Received") == "" {
			t.Errorf("message %d has no Received", i)
		}
		if m.Header.Get("Message-Id") == "" {
			noID++
		}
		if bytes.Contains(bytes.ReplaceAll(raw, []byte("\r\n"), nil), []byte("\n")) || !bytes.HasSuffix(raw, []byte("\r\n")) {
			t.Errorf("message %d has other line ends than CRLF", i)
		}
		largest = max(largest, len(raw))
		seen[string(raw)] = true
	}
	if largest < 3_000_000 || noID == 0 || len(seen) != 296 {
		t.Errorf("largest %d, without Message-ID %d, distinct %d", largest, noID, len(seen))
	}
}
