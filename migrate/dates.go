package migrate

import (
	"bytes"
	"strings"
	"time"
)

// receivedDate takes the date out of a Received field: what stands behind its last semicolon (RFC 5321 4.4).
func receivedDate(field []byte) time.Time {
	i := bytes.LastIndexByte(field, ';')
	if i < 0 {
		return time.Time{}
	}
	return parseDate(field[i+1:])
}

// parseDate reads a date as mail really has it: RFC 5322 and its obsolete forms, asctime, ISO 8601, two- and three-digit years, dots in
// the time, month names of the commonest languages, zones by name or as GMT+0100, comments anywhere. It returns the zero time when there is
// no calendar date in it, or one that no mail can have. Without a zone, UTC is taken.
//
// net/mail, which go-message uses, refuses most of these, and INTERNALDATE then has nothing better than the time of the copy.
func parseDate(b []byte) time.Time {
	var d dateParts
	d.month, d.day, d.year, d.hour = 0, 0, -1, -1
	for _, tok := range dateTokens(b) {
		d.take(tok)
	}
	return d.time()
}

// dateTokens splits at white space and commas and leaves out comments.
func dateTokens(b []byte) []string {
	var out []string
	depth, start := 0, -1
	end := func(i int) {
		if start >= 0 {
			out = append(out, strings.ToLower(string(b[start:i])))
			start = -1
		}
	}
	for i, c := range b {
		switch {
		case c == '(':
			end(i)
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c <= ' ' || c == ',' || c == '"' || c == ';':
			end(i)
		case start < 0:
			start = i
		}
		if len(out) == 16 {
			return out // no date has so many parts
		}
	}
	end(len(b))
	return out
}

type dateParts struct {
	year, month, day, hour, min, sec int
	zone                             *time.Location
	pm, am                           bool
	// dayless says that the month was taken before any day was seen: "mar." is a French Tuesday as well as a month, so that a month
	// name behind the day is worth more.
	dayless bool
}

func (d *dateParts) take(tok string) {
	switch {
	case tok[0] == '+' || tok[0] == '-':
		d.offset(tok)
	case strings.IndexByte(tok, ':') > 0:
		d.clock(tok)
	case tok[0] >= '0' && tok[0] <= '9':
		d.number(tok)
	default:
		d.word(tok)
	}
}

// clock takes 15:04, 15:04:05, 15:04:05.123, 15:04:05+0100, and 2006-01-02t15:04:05z.
func (d *dateParts) clock(tok string) {
	if i := strings.IndexByte(tok, 't'); i > 0 && strings.Count(tok[:i], "-") == 2 {
		d.number(tok[:i])
		tok = tok[i+1:]
	}
	if i := strings.IndexAny(tok, "+-z"); i > 0 {
		if tok[i] == 'z' {
			d.zone = time.UTC
		} else {
			d.offset(tok[i:])
		}
		tok = tok[:i]
	}
	parts := strings.Split(tok, ":")
	h, ok := digits(parts[0])
	m, ok2 := digits(parts[min(1, len(parts)-1)])
	if !ok || !ok2 || h > 24 || m > 59 || d.hour >= 0 {
		return
	}
	d.hour, d.min = h%24, m
	if len(parts) > 2 {
		whole, _, _ := strings.Cut(parts[2], ".")
		if s, ok := digits(whole); ok && s <= 60 {
			d.sec = min(s, 59) // a leap second is no time.Time
		}
	}
}

// number takes a day, a year, 2006-01-02, 02-jan-2006, 02.01.2006, and the clock written 15.04.05.
func (d *dateParts) number(tok string) {
	if n, ok := digits(tok); ok {
		switch {
		case len(tok) <= 2 && d.day == 0 && n >= 1 && n <= 31:
			d.day = n
		case d.year < 0:
			d.setYear(n, len(tok))
		}
		return
	}
	for _, sep := range []string{"-", ".", "/"} {
		parts := strings.Split(tok, sep)
		if len(parts) != 3 {
			continue
		}
		a, okA := digits(parts[0])
		b, okB := digits(parts[1])
		c, okC := digits(parts[2])
		switch {
		case okA && okB && okC && len(parts[0]) == 4 && b >= 1 && b <= 12:
			d.year, d.month, d.day = a, b, c
		case okA && !okB && okC:
			d.day = a
			d.word(parts[1])
			d.setYear(c, len(parts[2]))
		case okA && okB && okC && sep == "." && len(parts[2]) == 4 && b >= 1 && b <= 12:
			d.day, d.month, d.year = a, b, c
		case okA && okB && okC && sep == "." && d.day > 0:
			d.clock(strings.Join(parts, ":"))
		}
		return
	}
}

func (d *dateParts) setYear(n, width int) {
	switch {
	case width >= 4:
		d.year = n
	case width == 3: // 100 + years since 1900, from a famous mistake (RFC 5322 4.3)
		d.year = 1900 + n
	case n < 50:
		d.year = 2000 + n
	default:
		d.year = 1900 + n
	}
}

func (d *dateParts) offset(tok string) {
	if d.zone != nil {
		return
	}
	n, ok := digits(strings.ReplaceAll(tok[1:], ":", ""))
	if !ok {
		return
	}
	if len(tok) <= 3 {
		n *= 100 // +01
	}
	east := (n/100)*3600 + (n%100)*60
	if n%100 > 59 || east > 14*3600 {
		return // no place has such a zone
	}
	if tok[0] == '-' {
		east = -east
	}
	d.zone = time.FixedZone("", east)
}

func (d *dateParts) word(tok string) {
	if rest, ok := strings.CutPrefix(tok, "gmt"); ok && len(rest) > 1 && (rest[0] == '+' || rest[0] == '-') {
		d.offset(rest)
		return
	}
	if h, ok := zoneHours[tok]; ok {
		if d.zone == nil {
			d.zone = time.FixedZone("", int(h*3600))
		}
		return
	}
	switch tok {
	case "am":
		d.am = true
		return
	case "pm":
		d.pm = true
		return
	}
	if m := monthOf(tok); m > 0 && (d.month == 0 || d.dayless) {
		d.month, d.dayless = m, d.day == 0
	}
}

func (d *dateParts) time() time.Time {
	if d.month == 0 || d.day == 0 || d.year < 1971 || d.year > 2099 || d.day > 31 {
		return time.Time{}
	}
	h := max(d.hour, 0)
	switch {
	case d.pm && h < 12:
		h += 12
	case d.am && h == 12:
		h = 0
	}
	zone := d.zone
	if zone == nil {
		zone = time.UTC
	}
	t := time.Date(d.year, time.Month(d.month), d.day, h, d.min, d.sec, 0, zone)
	if t.Day() != d.day {
		return time.Time{} // the 31st of February: a date that nobody wrote knowingly
	}
	return t
}

// digits reads a short decimal number.
func digits(s string) (int, bool) {
	if len(s) == 0 || len(s) > 6 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// zoneHours are the zone names of RFC 5322 4.3 and the commonest others; a name that is not here counts as UTC, as the RFC asks.
var zoneHours = map[string]float64{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "met": 1, "cest": 2, "mest": 2, "eet": 2, "eest": 3, "msk": 3,
	"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
	"jst": 9, "kst": 9, "hkt": 8, "sgt": 8, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}

// monthNames are the first letters that tell a month, in English, German, French, Spanish, Portuguese, Italian, Dutch and Swedish.
var monthNames = [12][]string{
	{"jan", "jän", "ene", "gen"}, {"feb", "fév", "fev"}, {"mar", "mär", "mrz", "mrt", "maa"}, {"apr", "avr", "abr"}, {"may", "mai", "maj", "mag", "mei"},
	{"jun", "juin", "giu"}, {"jul", "juil", "lug"}, {"aug", "aoû", "aou", "ago"}, {"sep", "set"}, {"oct", "okt", "out", "ott"}, {"nov"},
	{"dec", "dez", "déc", "dic"},
}

// monthOf returns the month that a name begins like, or 0.
func monthOf(tok string) int {
	for m, names := range monthNames {
		for _, n := range names {
			if strings.HasPrefix(tok, n) {
				return m + 1
			}
		}
	}
	return 0
}
