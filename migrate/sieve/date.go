package sieve

import (
	"cmp"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foxcpp/go-sieve/parser"
)

// maxDate is how long a date can be, in octets.
const maxDate = 200

// dateParts are the parts of RFC 5260 4.2.
var dateParts = map[string]func(time.Time) string{
	"year": layout("2006"), "month": layout("01"), "day": layout("02"), "date": layout("2006-01-02"),
	"hour": layout("15"), "minute": layout("04"), "second": layout("05"), "time": layout("15:04:05"),
	"iso8601": layout("2006-01-02T15:04:05Z07:00"), "std11": layout("Mon, 02 Jan 2006 15:04:05 -0700"), "zone": layout("-0700"),
	"weekday": func(t time.Time) string { return strconv.Itoa(int(t.Weekday())) },
	"julian":  modifiedJulianDay,
}

func layout(s string) func(time.Time) string {
	return func(t time.Time) string { return t.Format(s) }
}

// modifiedJulianDay counts the days since 1858-11-17 in the zone that was asked for.
func modifiedJulianDay(t time.Time) string {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return strconv.FormatInt(day.Unix()/86400+40587, 10)
}

// dateTest is the date and the currentdate test of RFC 5260. The first is of one field; currentdate is the time of the message's delivery.
func (c *compiler) dateTest(id string, t parser.Test) test {
	tags := slices.Concat(matchTags, []string{"zone"})
	n := 2
	if id == "date" {
		tags, n = append(tags, "originalzone", "index", "last"), 3
	}
	a := c.arguments(id, t.Position, t.Args, tags...)
	if !a.wantKinds([]kind{aString, aString, aList}[3-n:]...) {
		return never
	}
	when := (*run).delivered
	if id == "date" {
		when = a.dateOf()
	}
	m, part, in := a.matcher(a.templates(n-1)), a.templates(n - 2)[0], a.zone()
	if len(part.parts) == 0 && dateParts[strings.ToLower(part.text)] == nil {
		c.errorf(t.Position, "there is no date part %q", part.text)
	}
	return func(r *run) (bool, error) {
		return m.any(r, func(yield func(string) bool) {
			format := dateParts[strings.ToLower(part.expand(r))]
			if at := when(r); !at.IsZero() && format != nil {
				yield(format(in(r, at)))
			}
		})
	}
}

// zone is :zone or :originalzone, and else the zone of the options.
func (a *arguments) zone() func(*run, time.Time) time.Time {
	if a.has("originalzone") {
		return func(_ *run, t time.Time) time.Time { return t }
	}
	s, pos, ok := a.constant("zone")
	if !ok {
		return func(r *run, t time.Time) time.Time { return t.In(cmp.Or(r.script.opts.Zone, time.Local)) }
	}
	zone, err := parseZone(s)
	if err != nil {
		a.errorf(pos, "%v", err)
	}
	return func(_ *run, t time.Time) time.Time { return t.In(zone) }
}

func parseZone(s string) (*time.Location, error) {
	t, err := time.Parse("-0700", s)
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone; write it like %q", s, "+0100")
	}
	_, offset := t.Zone()
	return time.FixedZone("", offset), nil
}

// dateOf is the date in the field that the test names: all of it, or what stands behind its last semicolon (RFC 5260 4).
func (a *arguments) dateOf() func(*run) time.Time {
	names := a.templates(0)
	fields := a.fields(names)
	indexed := a.has("index")
	return func(r *run) time.Time {
		found := fields(r)
		if len(found) == 0 {
			return time.Time{}
		}
		s := found[0].unfolded()
		if i := strings.LastIndexByte(s, ';'); i >= 0 {
			s = s[i+1:]
		}
		if len(s) <= maxDate {
			if t, err := mail.ParseDate(strings.TrimSpace(s)); err == nil {
				return t
			}
		}
		if indexed {
			return time.Time{}
		}
		// The engine reads these two as mail really has them.
		switch strings.ToLower(names[0].expand(r)) {
		case "date":
			return r.message.Header.Date
		case "received":
			return r.message.Header.Received
		}
		return time.Time{}
	}
}

// delivered is when the message was delivered, as well as it is known; zero when it isn't.
func (r *run) delivered() time.Time {
	for _, t := range []time.Time{r.message.Date, r.message.Header.Received, r.message.Header.Date, r.message.Fallback} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
