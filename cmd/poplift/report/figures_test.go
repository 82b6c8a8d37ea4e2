package report

import (
	"math"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines without

	"poplift/migrate"

	"pgregory.net/rapid"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "−1,234,567"}, {count(math.MinInt64), "−9,223,372,036,854,775,808"},
		{counted(1, "is", "are"), "1 is"}, {counted(2000, "is", "are"), "2,000 are"},
		{size(0), "0 B"}, {size(1023), "1023 B"}, {size(1024), "1.00 KiB"}, {size(1023 << 10), "1.00 MiB"}, {size(52 << 20), "52.0 MiB"}, {size(-2048), "−2.00 KiB"}, {size(math.MaxInt64), "8192 PiB"},
		{took(0), "0 ms"}, {took(2500 * time.Millisecond), "2.5 s"}, {took(59 * time.Second), "59 s"}, {took(61 * time.Second), "1 min 1 s"},
		{took(47*time.Hour + 59*time.Minute), "47 h 59 min"}, {took(50 * time.Hour), "2 days 2 h"},
		{share(0, 10), "0 %"}, {share(10, 10), "100 %"}, {share(1, 1e6), "< 0.1 %"}, {share(999_999, 1e6), "> 99.9 %"}, {share(1, 3), "33.3 %"}, {share(1, 0), ""},
		{lasted(time.Time{}, nightfall), ""}, {lasted(nightfall, nightfall.Add(-1)), ""}, {lasted(nightfall, nightfall.Add(time.Minute)), "1 min 0 s"},
		{pace(100, 10*time.Second), "10 messages a second"}, {pace(10, time.Minute), "10 messages a minute"}, {pace(0, time.Minute), "0 messages a second"},
		{zone(nightfall), "CET (UTC+01:00)"}, {zone(nightfall.UTC()), "UTC"},
		{period(nightfall, nightfall.Add(time.Hour)), "Monday 23 November 2026, 22:00 to 23:00"},
		{period(nightfall, nightfall.Add(5*time.Hour)), "Monday 23 November 2026, 22:00 to Tuesday 24 November 2026, 03:00"},
	} {
		if strings.ReplaceAll(c.got, "\u00a0", " ") != c.want {
			t.Errorf("%q, not %q", c.got, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                            "",
		"Böðvar 山田":                   "Böðvar 山田",
		"a\r\nb\tc":                   "a  b c",
		"\x00\x1b[2J":                 `\u0000\u001b[2J`,
		"\u202egnp":                   `\u202egnp`,
		"a\xffb":                      "a\ufffdb",
		strings.Repeat("山", 21):       strings.Repeat("山", 20) + "…",
		strings.Repeat("x", 20):       strings.Repeat("x", 20),
		"\u0646\u200c\u062c (joiner)": "\u0646\u200c\u062c (joiner)",
	} {
		if got := clean(in, 20); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}

// TestVolumeEndsAtWhatWasMoved: the curve never falls and ends at the sum of the timelines, whichever accounts have one.
func TestVolumeEndsAtWhatWasMoved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := sample(rapid.IntRange(1, 40).Draw(rt, "accounts"), rapid.Uint64().Draw(rt, "seed"))
		var want migrate.Tally
		for i := range d.Accounts {
			if rapid.Bool().Draw(rt, "without a timeline") {
				d.Accounts[i].Timeline = nil
			}
			want = add(want, d.Accounts[i].moved())
		}
		from, to, ok := span(&d)
		if !ok {
			rt.Fatal("no span")
		}
		messages, octets := volume(&d, from, to)
		for b := range bins {
			if octets[b+1] < octets[b]-1 || messages[b+1] < messages[b]-1e-6 {
				rt.Fatalf("the volume falls at %d from %f to %f", b, octets[b], octets[b+1])
			}
		}
		if octets[0] != 0 || math.Abs(octets[bins]-float64(want.Octets)) > 1 || math.Abs(messages[bins]-float64(want.Messages)) > 1e-6 {
			rt.Fatalf("from %f to %f octets and %f messages, not %v", octets[0], octets[bins], messages[bins], want)
		}
	})
}

func TestScales(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		most := math.Exp(rapid.Float64Range(0, 40).Draw(rt, "log of the most"))
		top, ticks := sizeTicks(most, 100, "/s")
		if top < most || top > 2.6*most && top > 2 || len(ticks) < 2 || len(ticks) > 7 {
			rt.Fatalf("%g needs a scale to %g with %d lines", most, top, len(ticks))
		}
		if last := ticks[len(ticks)-1]; last.At != pixels(plotTop) || last.Text == "" || ticks[0].Text != "" {
			rt.Fatalf("lines %v", ticks)
		}
	})
}

func TestTimeTicks(t *testing.T) {
	t.Parallel()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		from   time.Time
		length time.Duration
		want   string
	}{
		{"seconds", nightfall, 4 * time.Second, "22:00:00 22:00:01 22:00:02 22:00:03 22:00:04"},
		{"a night", nightfall.In(loc), 9*time.Hour + 30*time.Minute, "22:00|Tue 24 Nov|02:00|04:00|06:00"},
		{"a week over the end of summer time", time.Date(2026, 10, 22, 12, 0, 0, 0, loc), 7 * day, "24 Oct|26 Oct|28 Oct"},
		{"a clock that went wrong", time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC), 200 * 365 * day, ""},
	} {
		var got []string
		for _, tick := range timeTicks(c.from, c.from.Add(c.length)) {
			got = append(got, tick.Text)
		}
		sep := " "
		if strings.Contains(c.want, "|") {
			sep = "|"
		}
		if text := strings.Join(got, sep); text != c.want {
			t.Errorf("%s: %q, not %q", c.name, text, c.want)
		}
	}
}
