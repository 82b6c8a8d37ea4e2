package mbox

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// fromShape is what the text after "From " looks like.
type fromShape uint8

const (
	shapeText    fromShape = iota // words
	shapeOdd                      // words with an address or a time among them
	shapeWord                     // one word, such as a local user
	shapeAddress                  // one address and nothing else
	shapeBare                     // nothing, or the "-" of Netscape and its heirs
	shapeDated                    // a date, and mostly a sender before it
)

// fromLine is a From_ line taken apart.
type fromLine struct {
	shape  fromShape
	sender string
	date   time.Time
}

// maxFromLine is above the longest From_ line that any program writes: an address has at most 254 octets.
const maxFromLine = 1 << 10

// parseFromLine takes the line apart, without its line end. It knows asctime with a zone before or after the year or none, two-digit years,
// RFC 5322 and ISO 8601 dates, "remote from host" at the end, and senders of several words ("joe at example.org").
func parseFromLine(line []byte) fromLine {
	if len(line) > maxFromLine {
		return fromLine{}
	}
	words := strings.Fields(string(bytes.TrimPrefix(line, []byte("From "))))
	if len(words) == 0 {
		return fromLine{shape: shapeBare}
	}
	if n := len(words); n > 3 && words[n-3] == "remote" && words[n-2] == "from" {
		words = words[:n-3]
	}
	for i := range words {
		if date, ok := parseFromDate(words[i:]); ok {
			return fromLine{shape: shapeDated, sender: strings.Join(words[:i], " "), date: date}
		}
	}
	f := fromLine{sender: words[0]}
	isAddress := strings.Contains(words[0], "@")
	switch {
	case words[0] == "-" && len(words) == 1:
		f.shape = shapeBare
	case isAddress && len(words) == 1:
		f.shape = shapeAddress
	case len(words) == 1:
		f.shape = shapeWord
	case isAddress || words[0] == "-" || hasTime(words):
		f.shape = shapeOdd
	default:
		f.sender = ""
	}
	return f
}

func hasTime(words []string) bool {
	for _, w := range words {
		if _, ok := clock(w); ok {
			return true
		}
	}
	return false
}

// parseFromDate reads a date that takes all the words: a month, a day, a year and a time in whatever order, a weekday and zones as they come.
func parseFromDate(words []string) (time.Time, bool) {
	if len(words) > 9 {
		return time.Time{}, false
	}
	if t, ok := isoDate(words); ok {
		return t, true
	}
	var d fromDate
	for i, w := range words {
		if !d.take(strings.Trim(w, ",()"), i == 0) {
			return time.Time{}, false
		}
	}
	return d.time()
}

// fromDate gathers the parts of a date.
type fromDate struct {
	month      time.Month
	numbers    [2]int // the day and the year, in the order they came
	count      int
	clock      time.Duration
	hasClock   bool
	hasWeekday bool
	zone       *time.Location
}

func (d *fromDate) take(w string, first bool) bool {
	if c, ok := clock(w); ok && !d.hasClock {
		d.clock, d.hasClock = c, true
		return true
	}
	if n, err := strconv.ParseUint(w, 10, 16); err == nil && d.count < 2 && len(w) <= 4 {
		d.numbers[d.count] = int(n)
		d.count++
		return !first || n <= 31
	}
	if z, ok := numericZone(w); ok && !first {
		d.zone = z
		return true
	}
	if m, ok := monthOf(w); ok && d.month == 0 {
		d.month = m
		return true
	}
	if isWeekday(w) && first {
		d.hasWeekday = true
		return true
	}
	if !first && d.month != 0 && isZoneName(w) {
		if z, ok := zoneNamed(w); ok && d.zone == nil {
			d.zone = z
		}
		return true
	}
	return false
}

func (d *fromDate) time() (time.Time, bool) {
	day, year := d.numbers[0], d.numbers[1]
	if d.month == 0 || d.count != 2 || !d.hasClock {
		return time.Time{}, false
	}
	if day > 31 {
		day, year = year, day
	}
	switch {
	case year < 70:
		year += 2000
	case year < 1000:
		year += 1900 // 100 and above are the years of a program that counted from 1900
	}
	if day < 1 || day > 31 {
		return time.Time{}, false
	}
	zone := d.zone
	if zone == nil {
		zone = time.UTC // RFC 4155
	}
	return time.Date(year, d.month, day, 0, 0, 0, 0, zone).Add(d.clock), true
}

// clock reads 15:04 and 15:04:05.
func clock(w string) (time.Duration, bool) {
	if len(w) < 4 || len(w) > 8 || strings.IndexByte(w, ':') < 1 {
		return 0, false
	}
	var out time.Duration
	parts := strings.Split(w, ":")
	if len(parts) > 3 {
		return 0, false
	}
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second}[:len(parts)] {
		n, err := strconv.ParseUint(parts[i], 10, 8)
		if err != nil || len(parts[i]) > 2 || n > 60 || i == 0 && n > 24 {
			return 0, false
		}
		out += time.Duration(n) * unit
	}
	return out, true
}

func isoDate(words []string) (time.Time, bool) {
	if len(words) > 3 || len(words[0]) < 10 || words[0][4] != '-' {
		return time.Time{}, false
	}
	s := strings.Join(words, " ")
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func monthOf(w string) (time.Month, bool) {
	if len(w) < 3 {
		return 0, false
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(w[:3]))
	if i < 0 || i%3 != 0 {
		return 0, false
	}
	m := time.Month(i/3 + 1)
	return m, len(w) == 3 || strings.EqualFold(w, m.String())
}

func isWeekday(w string) bool {
	if len(w) < 3 {
		return false
	}
	i := strings.Index("sunmontuewedthufrisat", strings.ToLower(w[:3]))
	return i >= 0 && i%3 == 0 && (len(w) == 3 || strings.EqualFold(w, time.Weekday(i/3).String()))
}

// numericZone reads +0200 and +02:00.
func numericZone(w string) (*time.Location, bool) {
	w = strings.Replace(w, ":", "", 1)
	if len(w) != 5 || w[0] != '+' && w[0] != '-' {
		return nil, false
	}
	n, err := strconv.ParseUint(w[1:], 10, 16)
	if err != nil || n%100 > 59 || n > 1500 {
		return nil, false
	}
	seconds := (int(n)/100*60 + int(n)%100) * 60
	if w[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

// isZoneName takes capitals only: "EST", "MEST", "WETDST".
func isZoneName(w string) bool {
	for i := range len(w) {
		if w[i] < 'A' || w[i] > 'Z' {
			return false
		}
	}
	return len(w) > 0 && len(w) <= 6
}

// zoneNamed knows the zones of RFC 5322 4.3 and those of Europe; any other name is no zone that two people agree on.
func zoneNamed(w string) (*time.Location, bool) {
	var hours int
	switch w {
	case "UT", "UTC", "GMT", "Z", "WET":
	case "CET", "MET", "MEZ", "BST", "WETDST", "WEST":
		hours = 1
	case "CEST", "MEST", "MESZ", "METDST", "CETDST", "EET":
		hours = 2
	case "EEST", "EETDST":
		hours = 3
	case "EDT":
		hours = -4
	case "EST", "CDT":
		hours = -5
	case "CST", "MDT":
		hours = -6
	case "MST", "PDT":
		hours = -7
	case "PST":
		hours = -8
	default:
		return nil, false
	}
	return time.FixedZone(w, hours*3600), true
}
