package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
)

// chart is an area over time. It stretches to any width while its text keeps its size: across, all is in percent; down, in pixels.
type chart struct {
	Class, Name, Label string
	// Plot is the height of the plot, which begins at Top; Ground is where it ends, Foot where the picture does, TextAt where the times stand.
	Top, Plot, Ground, Mark, TextAt, Foot int
	Path                                  string // in a box of 1000 × 1000, y down
	X, Y                                  []tick
}

// newChart is a chart with its measures, still empty.
func newChart(class, name string, plot int) chart {
	ground := plotTop + plot
	return chart{Class: class, Name: name, Top: plotTop, Plot: plot, Ground: ground, Mark: ground + 5, TextAt: ground + 20, Foot: ground + 26}
}

// tick is a line of the grid and its text: At and TextAt are percent from the left, or pixels from the top.
type tick struct {
	At, TextAt, Text, Anchor string
}

// bins is how many steps of time a chart has.
const bins = 96

// volume is what all accounts together had moved at the bin edges between from and to.
func volume(d *Data, from, to time.Time) (messages, octets [bins + 1]float64) {
	for i := range d.Accounts {
		points := pointsOf(&d.Accounts[i], to)
		next := 0
		for b := range bins + 1 {
			at := edge(from, to, b)
			for next < len(points) && !points[next].Time.After(at) {
				next++
			}
			m, o := between(points, next, at)
			messages[b], octets[b] = messages[b]+m, octets[b]+o
		}
	}
	return messages, octets
}

// pointsOf is an account's timeline, or the straight line that stands for one that was never written.
func pointsOf(a *Account, now time.Time) []Point {
	if len(a.Timeline) > 0 {
		return a.Timeline
	}
	end := a.Ended
	if end.IsZero() {
		end = now
	}
	if a.Started.IsZero() || end.Before(a.Started) {
		return nil
	}
	return []Point{{Time: a.Started}, {Time: end, Tally: a.moved()}}
}

// between is the amount at a time, points[next] being the first point after it; between two points the account went on evenly.
func between(points []Point, next int, at time.Time) (messages, octets float64) {
	if next == 0 {
		return 0, 0
	}
	p := points[next-1]
	messages, octets = float64(p.Messages), float64(p.Octets)
	if next == len(points) {
		return messages, octets
	}
	q := points[next]
	if length := q.Time.Sub(p.Time); length > 0 {
		part := float64(at.Sub(p.Time)) / float64(length)
		messages += part * float64(q.Messages-p.Messages)
		octets += part * float64(q.Octets-p.Octets)
	}
	return messages, octets
}

func edge(from, to time.Time, b int) time.Time {
	return from.Add(time.Duration(float64(to.Sub(from)) * float64(b) / bins))
}

// charts are volume and pace over time; nil when there is nothing to draw.
func charts(d *Data, loc *time.Location) []chart {
	from, to, ok := span(d)
	if !ok {
		return nil
	}
	from, to = from.In(loc), to.In(loc)
	messages, octets := volume(d, from, to)
	if octets[bins] <= 0 {
		return nil
	}
	x := timeTicks(from, to)
	step := to.Sub(from).Seconds() / bins
	pace := make([]float64, bins)
	peak := 0
	for b := range pace {
		pace[b] = max(0, octets[b+1]-octets[b]) / step
		if pace[b] > pace[peak] {
			peak = b
		}
	}
	top, yTicks := sizeTicks(octets[bins], volumeHeight, "")
	topPace, paceTicks := sizeTicks(pace[peak], paceHeight, "/s")
	grown, fast := newChart("volume", "Volume moved", volumeHeight), newChart("pace", "Pace", paceHeight)
	grown.Path, grown.X, grown.Y = linePath(octets[:], top), x, yTicks
	grown.Label = fmt.Sprintf("Area chart of the volume moved over time: it grows to %s in %s.",
		size(int64(octets[bins])), counted(int64(math.Round(messages[bins])), "message", "messages"))
	fast.Path, fast.X, fast.Y = stepPath(pace, topPace), x, paceTicks
	fast.Label = fmt.Sprintf("Step chart of the pace over time: at most %s a second, at %s.",
		size(int64(pace[peak])), edge(from, to, peak).Format("15:04:05 on 2 January"))
	return []chart{grown, fast}
}

// Heights of the plots, in pixels; plotTop leaves room for the upper half of the highest figure.
const (
	volumeHeight = 190
	paceHeight   = 90
	plotTop      = 8
)

// linePath is the outline of the area under values, closed along the ground.
func linePath(values []float64, top float64) string {
	var b strings.Builder
	b.WriteString("M0 1000")
	for i, v := range values {
		fmt.Fprintf(&b, "L%d %d", i*1000/(len(values)-1), 1000-permille(v, top))
	}
	b.WriteString("V1000z")
	return b.String()
}

// stepPath is the outline of bars that stand side by side.
func stepPath(values []float64, top float64) string {
	var b strings.Builder
	b.WriteString("M0 1000")
	for i, v := range values {
		fmt.Fprintf(&b, "V%dH%d", 1000-permille(v, top), (i+1)*1000/len(values))
	}
	b.WriteString("V1000z")
	return b.String()
}

func permille(v, top float64) int {
	if top <= 0 || !(v > 0) {
		return 0
	}
	return int(math.Round(1000 * min(1, v/top)))
}

// sizeTicks is the top of a scale that holds most octets, and its lines: two to five round figures.
func sizeTicks(most float64, height int, per string) (top float64, ticks []tick) {
	unit := 1.0
	for most/unit >= 1000 && unit < 1<<50 {
		unit *= 1024
	}
	step := unit
	for _, factor := range [...]float64{1000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2} {
		if factor*unit < 1 {
			break // no fraction of an octet
		}
		step = factor * unit
		if most/step >= 2 {
			break
		}
	}
	top = step * math.Max(1, math.Ceil(most/step))
	suffix := [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}[int(math.Round(math.Log2(unit)/10))]
	for v := 0.0; v <= top+step/2; v += step {
		y := float64(plotTop) + float64(height)*(1-v/top)
		text := ""
		if v > 0 {
			text = strconv.FormatFloat(math.Round(v/unit*10)/10, 'f', -1, 64) + " " + suffix + per
		}
		ticks = append(ticks, tick{At: pixels(y), TextAt: pixels(y + 4), Text: text})
	}
	return top, ticks
}

// timeSteps are the distances that marks on a time axis may have.
var timeSteps = [...]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 365 * day}

const day = 24 * time.Hour

// timeTicks marks at most seven round times between from and to.
func timeTicks(from, to time.Time) []tick {
	length := to.Sub(from)
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if length/s <= 6 {
			step = s
			break
		}
	}
	if length/step > 20 { // a clock that went wrong, not a run
		return nil
	}
	format := "15:04"
	switch {
	case step >= day:
		format = "2 Jan"
	case step < time.Minute:
		format = "15:04:05"
	}
	var out []tick
	y, m, d := from.Date()
	at := time.Date(y, m, d, 0, 0, 0, 0, from.Location())
	at = at.Add(from.Sub(at) / step * step)
	for ; !at.After(to); at = at.Add(step) {
		part := 100 * float64(at.Sub(from)) / float64(length)
		if part < 0 {
			continue
		}
		label := at
		if step >= day {
			label = at.Add(2 * time.Hour) // midnight may have become 23:00 when the clocks were put back
		}
		t := tick{At: percent(part), Text: label.Format(format), Anchor: "middle"}
		switch {
		case part < 4:
			t.Anchor = "start"
		case part > 96:
			t.Anchor = "end"
		}
		if step < day && at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0 {
			t.Text = at.Format("Mon 2 Jan")
		}
		out = append(out, t)
	}
	return out
}

func pixels(y float64) string { return strconv.FormatFloat(math.Round(y*2)/2, 'f', -1, 64) }

func percent(p float64) string { return strconv.FormatFloat(math.Round(p*100)/100, 'f', -1, 64) + "%" }

// part is a piece of a bar that lies flat: where it begins and how wide it is, in percent.
type part struct {
	Class, X, Width string
}

// outcomeBar divides a bar among the outcomes by messages. A piece is never too thin to be seen: three failed of a million must be.
func outcomeBar(outcomes map[migrate.Outcome]migrate.Tally) []part {
	const thinnest = 1
	var whole, x float64
	widths := map[migrate.Outcome]float64{}
	var messages int64
	for _, o := range migrate.Outcomes {
		messages += max(0, outcomes[o].Messages)
	}
	for _, o := range migrate.Outcomes {
		if n := outcomes[o].Messages; n > 0 {
			widths[o] = max(thinnest, 100*float64(n)/float64(messages))
			whole += widths[o]
		}
	}
	var out []part
	for _, o := range migrate.Outcomes {
		if w := widths[o] * 100 / whole; w > 0 {
			out = append(out, part{Class: o.String(), X: percent(x), Width: percent(w)})
			x += w
		}
	}
	return out
}
