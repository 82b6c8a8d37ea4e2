package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"

	"poplift/migrate"
)

// bar is a line or a few at the bottom of the terminal that show how a run is going. Everything else that goes to the terminal while it is there
// goes through Write, which takes the bar off the screen first and puts it back below. It is safe for several goroutines.
type bar struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int // of the terminal, now
	frame bytes.Buffer
	pb    *progressbar.ProgressBar
	max   int64
	lines []string // what is on the screen
	gone  bool     // for good
	spin  int
}

func newBar(w io.Writer, width func() int) *bar { return &bar{w: w, width: width} }

const clearLine = "\r\033[K"

// erase takes the lines off the screen, from the last one up.
func (b *bar) erase() {
	if b.gone {
		return
	}
	io.WriteString(b.w, clearLine)
	for range len(b.lines) - 1 {
		io.WriteString(b.w, "\033[A"+clearLine)
	}
}

func (b *bar) draw() { io.WriteString(b.w, strings.Join(b.lines, "\n")) }

// Write lets a log line through.
func (b *bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	n, err := b.w.Write(p)
	b.draw()
	return n, err
}

// show draws a run as it stands, and below it what else there is to see.
func (b *bar) show(s migrate.Snapshot, below ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return
	}
	b.erase()
	b.lines = append([]string{b.render(s)}, below...)
	for i, line := range b.lines {
		if n := b.width(); n > 0 && utf8.RuneCountInString(line) >= n {
			b.lines[i] = string([]rune(line)[:n-1])
		}
	}
	b.draw()
}

// clear takes the bar off the screen for good.
func (b *bar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	b.lines, b.gone = nil, true
}

// render gives the line for a snapshot: what is going on until the source is listed, then the bar.
func (b *bar) render(s migrate.Snapshot) string {
	b.spin++
	what := s.Phase
	if s.Note != "" {
		what = s.Note
	}
	if s.Listed.Messages == 0 {
		if what == "" {
			what = "connecting"
		}
		return `|/-\`[b.spin%4:][:1] + " " + what
	}
	// One more than there is: a progressbar that reaches its end stops for good, but a server may show more messages in the next session.
	if full := s.Listed.Octets + 1; b.pb == nil || full != b.max {
		if b.pb == nil {
			b.pb = b.newProgressbar(full)
		} else {
			b.pb.ChangeMax64(full)
		}
		b.max = full
	}
	b.pb.Set64(min(s.Settled.Octets, s.Listed.Octets))
	b.frame.Reset()
	about := fmt.Sprintf("%s %d/%d", what, s.Settled.Messages, s.Listed.Messages)
	if n := b.width(); n > 0 && utf8.RuneCountInString(about) > n-tailWidth {
		about = what // the time to go counts more than the messages
	}
	b.pb.Describe(about)
	frame := strings.TrimRight(b.frame.String(), "\r ")
	return frame[strings.LastIndexByte(frame, '\r')+1:]
}

// tailWidth is about how wide a small bar is with what stands behind it.
const tailWidth = 60

// newProgressbar makes a progressbar that draws into b.frame: it doesn't know of log lines, nor does it keep within the terminal's width.
func (b *bar) newProgressbar(full int64) *progressbar.ProgressBar {
	width := 30
	if n := b.width(); n > 0 {
		width = max(5, min(30, n-70))
	}
	return progressbar.NewOptions64(full,
		progressbar.OptionSetWriter(&b.frame),
		progressbar.OptionSetWidth(width),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionShowCount(),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]"}),
	)
}

// frameEvery is how often the bar is drawn.
const frameEvery = 100 * time.Millisecond

// run draws the bar until stop is closed, and clears it.
func (b *bar) run(p *migrate.Progress, stop <-chan struct{}) {
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	defer b.clear()
	for {
		b.show(p.Snapshot())
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}
