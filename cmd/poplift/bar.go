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

// bar is one line at the bottom of the terminal that shows how a run is going. Everything else that goes to the terminal while it is there
// goes through Write, which takes the bar off the screen first and puts it back below. It is safe for several goroutines.
type bar struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int // of the terminal, now
	frame bytes.Buffer
	pb    *progressbar.ProgressBar
	max   int64
	line  string // what is on the screen
	gone  bool   // for good
	spin  int
}

func newBar(w io.Writer, width func() int) *bar { return &bar{w: w, width: width} }

const clearLine = "\r\033[K"

// Write lets a log line through.
func (b *bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.line != "" {
		io.WriteString(b.w, clearLine)
	}
	n, err := b.w.Write(p)
	if b.line != "" {
		io.WriteString(b.w, b.line)
	}
	return n, err
}

// show draws a run as it stands.
func (b *bar) show(s migrate.Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return
	}
	line := b.render(s)
	if n := b.width(); n > 0 && utf8.RuneCountInString(line) >= n {
		line = string([]rune(line)[:n-1])
	}
	b.line = line
	io.WriteString(b.w, clearLine+line)
}

// clear takes the bar off the screen for good.
func (b *bar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.line != "" {
		io.WriteString(b.w, clearLine)
	}
	b.line, b.gone = "", true
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
	b.pb.Describe(fmt.Sprintf("%s %d/%d", what, s.Settled.Messages, s.Listed.Messages))
	frame := strings.TrimRight(b.frame.String(), "\r ")
	return frame[strings.LastIndexByte(frame, '\r')+1:]
}

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
