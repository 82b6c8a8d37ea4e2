package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// count is n with its digits in groups of three.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// counted is "1 message", "2,000 messages".
func counted(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// unbroken is a figure with its unit, which must not be torn apart at the end of a line.
func unbroken(format string, args ...any) string {
	return strings.ReplaceAll(fmt.Sprintf(format, args...), " ", "\u00a0")
}

// size is n octets in three significant digits and a unit of 1024.
func size(n int64) string {
	if n < 0 {
		return "−" + size(-max(n, -1<<62))
	}
	if n < 1024 {
		return unbroken("%d B", n)
	}
	v, unit := float64(n), -1
	for v >= 999.5 && unit < 4 { // 1023 KiB would be four digits
		v, unit = v/1024, unit+1
	}
	suffix := [...]string{"KiB", "MiB", "GiB", "TiB", "PiB"}[max(unit, 0)]
	switch {
	case v < 9.995:
		return unbroken("%.2f %s", v, suffix)
	case v < 99.95:
		return unbroken("%.1f %s", v, suffix)
	}
	return unbroken("%.0f %s", v, suffix)
}

// took is a duration as a person would say it.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return unbroken("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return unbroken("%.1f s", d.Seconds())
	case d < time.Minute:
		return unbroken("%.0f s", d.Seconds())
	case d < time.Hour:
		return unbroken("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return unbroken("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return unbroken("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// lasted is how long something took that began and ended, or "".
func lasted(from, to time.Time) string {
	if from.IsZero() || to.Before(from) {
		return ""
	}
	return took(to.Sub(from))
}

// share is part of whole in percent, never rounded to 0 or 100 where it isn't.
func share(part, whole int64) string {
	if whole <= 0 || part < 0 {
		return ""
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case part == 0:
		return "0 %"
	case part == whole:
		return "100 %"
	case p < 0.1:
		return "< 0.1 %"
	case p > 99.9:
		return "> 99.9 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}

// Bounds on what one cell of the page shows, in characters. JSON and CSV have all of it.
const (
	shownName  = 120
	shownWords = 400
)

// clean makes s fit to be shown within limit characters (0 is no limit): line breaks become spaces, invalid octets U+FFFD, and what is
// invisible or turns the direction of the text around (an ID may be any octets) becomes its escape.
func clean(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s { // an invalid octet comes as U+FFFD
		if limit > 0 && n == limit {
			return b.String() + "…"
		}
		n++
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			b.WriteByte(' ')
		case unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Noncharacter_Code_Point) || r == '\ufeff':
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
