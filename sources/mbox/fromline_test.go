package mbox

import (
	"strings"
	"testing"
	"time"
)

func TestFromLine(t *testing.T) {
	for _, c := range []struct {
		line, sender, date string
		shape              fromShape
	}{
		{"From joe@example.org Mon Jan  5 10:20:30 2004", "joe@example.org", "2004-01-05T10:20:30Z", shapeDated},
		{"From joe@example.org  Mon Jan  5 10:20 2004", "joe@example.org", "2004-01-05T10:20:00Z", shapeDated},
		{"From joe Mon Jan  5 10:20:30 +0100 2004", "joe", "2004-01-05T10:20:30+01:00", shapeDated},
		{"From 1832929883591034824@xxx Fri May 23 16:35:53 +0000 2025", "1832929883591034824@xxx", "2025-05-23T16:35:53Z", shapeDated},
		{"From joe Mon Jan  5 10:20:30 2004 -0800", "joe", "2004-01-05T10:20:30-08:00", shapeDated},
		{"From joe Mon Jan  5 10:20:30 PST 2004", "joe", "2004-01-05T10:20:30-08:00", shapeDated},
		{"From joe Mon Jan  5 10:20:30 2004 WETDST", "joe", "2004-01-05T10:20:30+01:00", shapeDated},
		{"From joe Mon Jan  5 10:20:30 MET DST 2004", "joe", "2004-01-05T10:20:30+01:00", shapeDated},
		{"From joe Mon Jan  5 10:20:30 XYZ 2004", "joe", "2004-01-05T10:20:30Z", shapeDated},
		{"From joe Mon Jan  5 10:20:30 99", "joe", "1999-01-05T10:20:30Z", shapeDated},
		{"From joe Mon Jan  5 10:20:30 104", "joe", "2004-01-05T10:20:30Z", shapeDated},
		{"From joe Mon Jan  5 10:20:30 04 remote from host", "joe", "2004-01-05T10:20:30Z", shapeDated},
		{"From joe at example.org  Mon Jan  5 10:20:30 2004", "joe at example.org", "2004-01-05T10:20:30Z", shapeDated},
		{"From joe Sun, 11 Nov 2007 06:58:35 +0200", "joe", "2007-11-11T06:58:35+02:00", shapeDated},
		{"From joe 11 November 2007 06:58:35 (EST)", "joe", "2007-11-11T06:58:35-05:00", shapeDated},
		{"From joe 2007-11-11T06:58:35+0200", "joe", "2007-11-11T06:58:35+02:00", shapeDated},
		{"From joe 2007-11-11 06:58:35", "joe", "2007-11-11T06:58:35Z", shapeDated},
		{"From Mon Jan  5 10:20:30 2004", "", "2004-01-05T10:20:30Z", shapeDated},
		{"From - Mon Jan  5 10:20:30 2004", "-", "2004-01-05T10:20:30Z", shapeDated},
		{"From ???@??? Mon Jan 05 10:20:30 2004", "???@???", "2004-01-05T10:20:30Z", shapeDated},
		{"From MAILER-DAEMON Thu Jan  1 00:00:00 1970", "MAILER-DAEMON", "1970-01-01T00:00:00Z", shapeDated},
		{"From ", "", "", shapeBare},
		{"From - ", "-", "", shapeBare},
		{"From 1832929883591034824@xxx", "1832929883591034824@xxx", "", shapeAddress},
		{"From root", "root", "", shapeWord},
		{"From joe@example.org Mon Jan 35 10:20:30 2004", "joe@example.org", "", shapeOdd},
		{"From joe@example.org Mon Jan  5 2004", "joe@example.org", "", shapeOdd},
		{"From pierre lun. 5 janv. 2004 10:20:30", "pierre", "", shapeOdd},
		{"From Russia with love", "", "", shapeText},
		{"From Mon Jan  5 10:20:30 2004 on it rained", "", "", shapeText | shapeOdd},
		{"From May 5 at 10:20 to 2004", "May", "", shapeOdd},
		{"From " + strings.Repeat("x", maxFromLine), "", "", shapeText},
	} {
		f := parseFromLine([]byte(c.line))
		date := ""
		if !f.date.IsZero() {
			date = f.date.Format(time.RFC3339)
		}
		if f.shape != c.shape || date != c.date || f.sender != c.sender && f.shape != shapeOdd {
			t.Errorf("%.60q: %+v %s", c.line, f, date)
		}
	}
}

func FuzzFromLine(f *testing.F) {
	f.Add([]byte("From joe@example.org Mon Jan  5 10:20:30 MET DST 2004"))
	f.Add([]byte("From - Mon Jan  5 10:20:30 +0100 99 remote from host"))
	f.Add([]byte("From ???@??? 11 Nov 2007 06:58:35 (EST)"))
	f.Fuzz(func(t *testing.T, line []byte) {
		got := parseFromLine(line)
		if (got.shape == shapeDated) == got.date.IsZero() && got.date.Year() != 1 {
			t.Errorf("%q: %+v", line, got)
		}
		if len(got.sender) > len(line) {
			t.Errorf("%q: the sender is %q", line, got.sender)
		}
	})
}
