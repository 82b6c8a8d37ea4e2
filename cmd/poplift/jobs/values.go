package jobs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseSize reads "500", "64k", "20M", "1.5GiB": octets, with multiples of 1024.
func ParseSize(s string) (int64, error) {
	num := strings.ToLower(strings.TrimSpace(s))
	for _, end := range []string{"ib", "b"} { // 20M, 20MB and 20MiB are the same here
		if cut, ok := strings.CutSuffix(num, end); ok {
			num = cut
			break
		}
	}
	shift := 0
	if n := len(num); n > 0 {
		if i := strings.IndexByte("kmgt", num[n-1]); i >= 0 {
			num, shift = num[:n-1], 10*(i+1)
		}
	}
	v, err := strconv.ParseFloat(num, 64)
	if err != nil || strings.ContainsAny(num, "xpin_e") || v < 0 || math.Ldexp(v, shift) >= 1<<62 {
		return 0, fmt.Errorf("%q is no size", s)
	}
	return int64(math.Ldexp(v, shift)), nil
}

// ParseWhen reads a date, a time, or an age such as 30d, 6w, 2y before now. A date means its first moment in now's time zone.
func ParseWhen(s string, now time.Time) (time.Time, error) {
	if n := len(s); n > 1 {
		if count, err := strconv.ParseUint(s[:n-1], 10, 16); err == nil {
			switch s[n-1] {
			case 'd':
				return now.AddDate(0, 0, -int(count)), nil
			case 'w':
				return now.AddDate(0, 0, -7*int(count)), nil
			case 'y':
				return now.AddDate(-int(count), 0, 0), nil
			}
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, now.Location()); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is no date", s)
}

// ParseDuration reads what time.ParseDuration does, and days and weeks: 30s, 5m, 1h30m, 2d, 1w. It is never negative.
func ParseDuration(s string) (time.Duration, error) {
	if n := len(s); n > 1 && (s[n-1] == 'd' || s[n-1] == 'w') {
		days := time.Duration(24 * time.Hour)
		if s[n-1] == 'w' {
			days *= 7
		}
		if count, err := strconv.ParseUint(s[:n-1], 10, 16); err == nil && count <= uint64(math.MaxInt64/days) {
			return time.Duration(count) * days, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no length of time", s)
	}
	return d, nil
}

// parseRate reads a number a second, above 0 and as big as a person may mean it.
func parseRate(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(strings.ToLower(s), "xpin_") || !(v > 0) || v > 1e9 {
		return 0, fmt.Errorf("%q is no rate", s)
	}
	return v, nil
}

// parseBool reads what YAML 1.2 calls a boolean, and what YAML 1.1 and admins do.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on":
		return true, nil
	case "false", "no", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}
