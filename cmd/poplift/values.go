package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"poplift/cmd/poplift/jobs"
)

// parseSize reads "500", "64k", "20M", "1.5GiB": octets, with multiples of 1024.
func parseSize(s string) (int64, error) {
	n, err := jobs.ParseSize(s)
	if err != nil {
		return 0, fmt.Errorf("%w; write it as 500k, 20M or 1.5G", err)
	}
	return n, nil
}

// parseWhen reads a date, a time, or an age such as 30d, 6w, 2y before now. A date means its first moment in local time.
func parseWhen(s string, now time.Time) (time.Time, error) {
	t, err := jobs.ParseWhen(s, now)
	if err != nil {
		return t, fmt.Errorf("%w; write it as 2024-12-31, 2024-12-31T18:00:00+01:00, or an age such as 30d, 6w, 2y", err)
	}
	return t, nil
}

// parseSeen reads none, all or older-than:AGE.
func parseSeen(s string, now time.Time) (all bool, before time.Time, err error) {
	switch age, older := strings.CutPrefix(s, "older-than:"); {
	case s == "none":
		return false, time.Time{}, nil
	case s == "all":
		return true, time.Time{}, nil
	case older:
		before, err = parseWhen(age, now)
		return false, before, err
	}
	return false, time.Time{}, fmt.Errorf("%q is none of: none, all, older-than:30d", s)
}

// humanSize is n in three significant digits and a unit of 1024.
func humanSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), -1
	for v >= 999.5 && unit < 4 { // 1023 KiB would be four digits
		v, unit = v/1024, unit+1
	}
	suffix := [...]string{"KiB", "MiB", "GiB", "TiB", "PiB"}[max(unit, 0)]
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f %s", v, suffix)
	case v < 99.95:
		return fmt.Sprintf("%.1f %s", v, suffix)
	}
	return fmt.Sprintf("%.0f %s", v, suffix)
}

// humanTime is d as a person would say it.
func humanTime(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// plural is "1 message", "2 messages".
func plural(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + more
}
