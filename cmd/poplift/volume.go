package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"poplift/cmd/poplift/jobs"
	"poplift/migrate"
)

// way is the direction that octets go.
type way uint8

const (
	down way = iota // from the server
	up
)

// volume counts what goes over one account of a server, and stops before the server would: within any 24 hours no more than its provider is known to
// allow. What has gone is kept below the state directory, so that the next run knows, and nothing is written by a run that moves nothing.
type volume struct {
	path, op, account string
	now               func() time.Time
	scope             migrate.Scope // of its error: another source may go on, another target there is none

	mu    sync.Mutex
	limit [2]int64 // octets in 24 hours each way; 0 is no bound
	kept  keptVolume
	// ahead is what messages that were asked for, or handed over, have still to bring over the wire.
	ahead [2]int64
	// unsaved is what has gone since the file was written; dirty says that there is something to be written in the end.
	unsaved int64
	dirty   bool
	// stopped says that it was enough, in this try.
	stopped bool
}

// keptVolume is what is kept of one account.
type keptVolume struct {
	Name  string `json:"name"`
	Spans []span `json:"spans,omitempty"` // oldest first
	// Until is when the server is asked again after it has said itself that it is enough, Refusals how often in a row it did.
	Until    time.Time `json:"until,omitzero"`
	Refusals int       `json:"refusals,omitempty"`
	// Told says that a person has been told.
	Told bool `json:"told,omitempty"`
}

// span is what went over the wire in a spanLength from Start on.
type span struct {
	Start  time.Time `json:"start"`
	Octets [2]int64  `json:"octets"` // down and up
}

const (
	volumeWindow = 24 * time.Hour
	spanLength   = 15 * time.Minute
	// besides is what goes over the wire with a message: commands, dates, flags, answers.
	besides = 256
	// firstPause and longestPause are how long a server is left alone that says itself that too much has gone over it; Gmail's lasts for up to a day.
	firstPause, longestPause = time.Hour, 24 * time.Hour
)

// volumeOf is that of a server's account, read from its file when it is first asked for.
func (c *campaign) volumeOf(e jobs.Endpoint) *volume {
	c.mu.Lock()
	defer c.mu.Unlock()
	protocol, account := strings.TrimSuffix(e.Scheme, "s"), e.User+"@"+e.Host
	v, ok := c.volumes[protocol+" "+account]
	if !ok {
		v = newVolume(filepath.Join(c.stateDir, "volume"), protocol, account, c.env.now)
		if schemes[e.Scheme].role != roleSource {
			v.scope = migrate.ScopeRun
		}
		c.volumes[protocol+" "+account] = v
	}
	b := c.file.Budget(e)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.limit = [2]int64{down: b.DownloadPerDay, up: b.UploadPerDay}
	return v
}

func newVolume(dir, protocol, account string, now func() time.Time) *volume {
	name := protocol + " " + account
	v := &volume{path: filepath.Join(dir, fileKey(name)), op: protocol + " volume", account: account, now: now}
	// A file that can't be read is as good as none: the server will say when it is enough.
	if text, err := os.ReadFile(v.path); err != nil || json.Unmarshal(text, &v.kept) != nil || v.kept.Name != name {
		v.kept = keptVolume{Name: name}
	}
	return v
}

// count takes note of octets on the wire; it is nil where nothing is to be counted.
func (v *volume) count() func(read, written int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.limit == [2]int64{} {
		return nil
	}
	return func(read, written int) {
		v.mu.Lock()
		defer v.mu.Unlock()
		s := v.span()
		for w, n := range [2]int{down: read, up: written} {
			s.Octets[w] += int64(n)
			v.ahead[w] = max(0, v.ahead[w]-int64(n))
			v.unsaved += int64(n)
		}
	}
}

// span is the current one; those that no longer count are dropped.
func (v *volume) span() *span {
	now := v.now()
	v.kept.Spans = slices.DeleteFunc(v.kept.Spans, func(s span) bool { return !now.Before(s.free()) || s.Start.After(now.Add(spanLength)) })
	if n := len(v.kept.Spans); n > 0 && now.Before(v.kept.Spans[n-1].Start.Add(spanLength)) {
		return &v.kept.Spans[n-1]
	}
	v.kept.Spans = append(v.kept.Spans, span{Start: now.UTC().Truncate(time.Second)})
	return &v.kept.Spans[len(v.kept.Spans)-1]
}

// free is when a span counts no more.
func (s span) free() time.Time { return s.Start.Add(spanLength + volumeWindow) }

// take is asked before a message goes a way. Its error says that the message must wait, and until when.
func (v *volume) take(w way, octets int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.enough(w, octets); err != nil {
		return err
	}
	if v.limit[w] == 0 {
		return nil
	}
	v.dirty = true
	v.ahead[w] += octets + besides
	if v.unsaved > v.limit[w]/64 {
		return v.save()
	}
	return nil
}

// fits is what take would say, and takes nothing.
func (v *volume) fits(w way, octets int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.enough(w, octets)
}

// enough is the error with which a message has to wait, or nil. Under mu.
func (v *volume) enough(w way, octets int64) error {
	if v.now().Before(v.kept.Until) {
		return v.stop(v.kept.Until)
	}
	limit := v.limit[w]
	if limit == 0 {
		return nil
	}
	v.span() // drops what counts no more
	octets += besides
	// A message larger than the whole volume must have its turn: it goes when half of it is free.
	need := v.ahead[w] + min(octets, limit/2)
	for _, s := range v.kept.Spans {
		need += s.Octets[w]
	}
	if need > limit {
		return v.stop(v.room(w, need-limit))
	}
	return nil
}

// room is when so many octets of what counts now will count no more.
func (v *volume) room(w way, octets int64) time.Time {
	for _, s := range v.kept.Spans {
		if octets -= s.Octets[w]; octets <= 0 {
			return s.free()
		}
	}
	return v.now().Add(spanLength + volumeWindow) // it is on its way yet
}

// stop is the error that ends the session. Under mu.
func (v *volume) stop(until time.Time) error {
	v.stopped = true
	return &migrate.Error{Op: v.op, Subject: v.account, Scope: v.scope, Final: true, After: until.Sub(v.now()),
		Hint: "nothing has to be done; upload_per_day and download_per_day in the jobs file change the volume",
		Err:  fmt.Errorf("%w; the next run after %s goes on", migrate.ErrVolume, until.Local().Format(clockTime))}
}

// clockTime is a time as people read it in a message.
const clockTime = "2006-01-02 15:04"

// open is asked before a connection is made. Its error says that the server wants to be left alone.
func (v *volume) open() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ahead = [2]int64{} // what an earlier connection was to bring went with it
	if v.now().Before(v.kept.Until) {
		return v.stop(v.kept.Until)
	}
	return nil
}

// refused notes that the server itself says that it is enough.
func (v *volume) refused() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		return // it was us
	}
	v.kept.Refusals++
	pause := min(firstPause<<min(v.kept.Refusals-1, 10), longestPause)
	v.kept.Until, v.dirty, v.stopped = v.now().Add(pause).UTC().Truncate(time.Second), true, true
}

// end writes down what an account's try has come to; through says that nothing stopped it. news says that it was stopped by the volume, and that nobody has
// been told since one got through.
func (v *volume) end(through bool) (news bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	news = v.stopped && !v.kept.Told
	switch {
	case news:
		v.kept.Told, v.dirty = true, true
	case through && (v.kept.Told || v.kept.Refusals > 0):
		v.kept.Told, v.kept.Refusals, v.kept.Until, v.dirty = false, 0, time.Time{}, true
	}
	dirty := v.dirty
	v.stopped, v.dirty = false, false
	if !dirty {
		return news, nil
	}
	return news, v.save()
}

// save writes the file, or removes it when there is nothing to be kept. Under mu.
func (v *volume) save() error {
	v.unsaved = 0
	if len(v.kept.Spans) == 0 && !v.kept.Told && v.kept.Refusals == 0 {
		if err := os.Remove(v.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the volume: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(v.path), 0o700); err != nil {
		return fmt.Errorf("remember the volume: %w", err)
	}
	return replaceFile(v.path, func(w io.Writer) error { return json.NewEncoder(w).Encode(v.kept) })
}
