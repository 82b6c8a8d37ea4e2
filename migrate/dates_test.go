package migrate

import (
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	const same = "2024-03-05T14:07:09Z"
	tests := []struct{ in, want string }{
		{"Tue, 5 Mar 2024 15:07:09 +0100", same},
		{"Tue, 05 Mar 2024 15:07:09 +0100 (CET)", same},
		{"5 Mar 24 14:07:09 GMT", same},
		{"Tue,5 Mar 2024 09:07:09 EST", same},
		{"Tue Mar  5 14:07:09 2024", same},
		{"Tue Mar  5 15:07:09 CET 2024", same},
		{"2024-03-05T14:07:09Z", same},
		{"2024-03-05T15:07:09.250+01:00", same},
		{"2024-03-05 14:07:09", same},
		{"Tue, 5 Mar 2024 15.07.09 +0100", same},
		{"Tue, 5 Mar 2024 15:07:09 GMT+0100", same},
		{"Tue, 5 Mar 2024 15:07:09 +01:00", same},
		{"Tue, 5 Mar 124 14:07:09 UT", same},
		{"mar., 5 mars 2024 15:07:09 +0100", same},
		{"Di, 5 Mär 2024 15:07:09 +0100", same},
		{"05-Mar-2024 14:07:09 +0000", same},
		{"05.03.2024 14:07:09", same},
		{"5 Mar 2024 2:07:09 PM", same},
		{"(comment (nested)) Tue, 5 Mar 2024 14:07:09 -0000", same},
		{"Tue, 5 Mar 2024 14:07:09 +9900", same},
		{"Tue, 5 Mar 2024 14:07 +0000", "2024-03-05T14:07:00Z"},
		{"Tue, 5 Mar 2024 14:07:60 +0000", "2024-03-05T14:07:59Z"},
		{"5 Mar 2024", "2024-03-05T00:00:00Z"},
		{"", ""}, {"yesterday", ""}, {"31 Feb 2024 10:00:00 +0000", ""}, {"5 Mar 1903 10:00:00 +0000", ""}, {"5 Mar 9999 10:00:00 +0000", ""},
		{"Mon, 32 Jan 2024 00:00:00 +0000", ""}, {"99:99:99", ""}, {"+", ""}, {"- -", ""}, {"((((", ""},
	}
	for _, tt := range tests {
		got := ""
		if d := parseDate([]byte(tt.in)); !d.IsZero() {
			got = d.UTC().Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("parseDate(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestReceivedDate(t *testing.T) {
	in := " from a.example (a; b) by b.example with ESMTP id 1;\r\n\tTue, 5 Mar 2024 15:07:09 +0100\r\n"
	if got := receivedDate([]byte(in)).UTC().Format(time.RFC3339); got != "2024-03-05T14:07:09Z" {
		t.Errorf("receivedDate = %s", got)
	}
	if got := receivedDate([]byte("from a by b")); !got.IsZero() {
		t.Errorf("a Received without a date gave %v", got)
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add([]byte("Tue, 05 Mar 2024 15:07:09 +0100 (CET)"))
	f.Add([]byte("2024-03-05T15:07:09.250+01:00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := parseDate(b)
		if !d.IsZero() && (d.Year() < 1971 || d.Year() > 2099) {
			t.Errorf("parseDate(%q) = %v", b, d)
		}
		receivedDate(b)
	})
}
