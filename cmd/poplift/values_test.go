package main

import (
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "500": 500, "64k": 64 << 10, "64K": 64 << 10, "20M": 20 << 20, "20MB": 20 << 20, "20MiB": 20 << 20, "1.5G": 3 << 29, "7b": 7, "1T": 1 << 40,
	} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "M", "-1", "1e9", "0x10", "NaN", "inf", "1 2", "20Q", "99999999T", "1_0", "ib"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("%q: got %d, want an error", s, got)
		}
	}
}

func TestParseWhen(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2025, 3, 31, 12, 0, 0, 0, zone)
	for s, want := range map[string]time.Time{
		"30d":                       time.Date(2025, 3, 1, 12, 0, 0, 0, zone),
		"2w":                        time.Date(2025, 3, 17, 12, 0, 0, 0, zone),
		"1y":                        time.Date(2024, 3, 31, 12, 0, 0, 0, zone),
		"2024-02-29":                time.Date(2024, 2, 29, 0, 0, 0, 0, zone),
		"2024-02-29T10:00:00Z":      time.Date(2024, 2, 29, 10, 0, 0, 0, time.UTC),
		"2024-02-29T10:00:00-05:00": time.Date(2024, 2, 29, 15, 0, 0, 0, time.UTC),
	} {
		if got, err := parseWhen(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "30", "-30d", "30m", "2024-02-30", "31.12.2024", "yesterday", "99999d"} {
		if got, err := parseWhen(s, now); err == nil {
			t.Errorf("%q: got %v, want an error", s, got)
		}
	}
}

func TestParseSeen(t *testing.T) {
	now := time.Date(2025, 3, 31, 0, 0, 0, 0, time.UTC)
	if all, before, err := parseSeen("older-than:30d", now); all || !before.Equal(now.AddDate(0, 0, -30)) || err != nil {
		t.Error(all, before, err)
	}
	if all, before, err := parseSeen("all", now); !all || !before.IsZero() || err != nil {
		t.Error(all, before, err)
	}
	if _, _, err := parseSeen("older-than:", now); err == nil {
		t.Error("an empty age was accepted")
	}
	if _, _, err := parseSeen("some", now); err == nil {
		t.Error("some was accepted")
	}
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 10 << 10: "10.0 KiB", 1023 << 10: "1.00 MiB", 31 << 20: "31.0 MiB", 512 << 20: "512 MiB", 1 << 30: "1.00 GiB",
		9<<20 + 1<<20 - 100: "10.0 MiB", 3 << 40: "3.00 TiB",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestHumanTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		360 * time.Millisecond: "360 ms", 3200 * time.Millisecond: "3.2 s", 125 * time.Second: "2 min 5 s", 90 * time.Minute: "1 h 30 min", 72 * time.Hour: "3 days",
	} {
		if got := humanTime(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
