// Package fleet runs many accounts side by side without asking too much of any server. It is for the commands over a jobs file; what an account is,
// it doesn't know.
//
// Its policy: so many accounts at once and no more; at each host so many sessions as its budget says, and fewer as soon as it refuses some, until it
// has let others in for a while. An account whose host has no room, or that has to wait, holds no place: the next one goes on. What failed for good is
// not tried again, so that nobody's account is locked by log-ins that can't succeed.
package fleet

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Task is one account's work.
type Task struct {
	ID string
	// Hosts are the servers that it needs a session with; a server that it needs two of stands here twice.
	Hosts []string
	// Run does the work. It is called again after a Verdict that says so, and should do what is left.
	Run func(context.Context) Verdict
}

// Verdict is how one try ended.
type Verdict struct {
	// Err is nil when all went well.
	Err error
	// Again says that another try may go better, not before After from now. Zero leaves it to the fleet.
	Again bool
	After time.Duration
	// Busy names the host that had no room for one more session, or is empty: all tasks leave it alone for After.
	Busy string
	// Slow names the host that wants less at a time of this task, or is empty: it is asked for fewer sessions, but nobody else waits.
	Slow string
	// Free says that the try doesn't count: it brought some of the work to an end, or somebody else holds what is needed.
	Free bool
}

// Budget is what one host takes.
type Budget struct {
	// Sessions is how many may be open at a time; 0 is no bound.
	Sessions int
	// Interval is how long to wait between two log-ins.
	Interval time.Duration
}

// Fleet says how tasks are run.
type Fleet struct {
	// Concurrency is how many tasks run at a time; at least 1.
	Concurrency int
	// Budget is asked once for each host.
	Budget func(host string) Budget
	// Tries is how often a task may be tried in all; 0 is 5.
	Tries int
	// Started and Ended, when not nil, are told of each try, on one goroutine.
	Started func(Task)
	Ended   func(t Task, v Verdict, final bool)
	// Wait is the first wait between tries of one task when its Verdict doesn't say; each further one is twice as long. 0 is 30 s.
	Wait time.Duration
	// Renew hands over functions that get the tasks which have not been tried yet and return those that are to take their place. May be nil.
	Renew <-chan func([]Task) []Task
	// Now and After are the clock; nil is package time's.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

const firstWait, longestWait = 30 * time.Second, 15 * time.Minute

// growAfter is how many sessions a host that had refused some must let in before one more is tried at a time.
const growAfter = 5

// host is what is known of a server.
type host struct {
	budget Budget
	limit  int // sessions at a time now; 0 is no bound
	open   int
	good   int // tries that ended well since the limit last changed
	next   time.Time
}

// item is a task in the queue.
type item struct {
	task  Task
	need  []need
	tries int // that count
	begun bool
	after time.Time
}

// need is how many sessions a task needs with a host.
type need struct {
	host     *host
	sessions int
}

type ended struct {
	item    *item
	verdict Verdict
}

// crew is a Fleet at work.
type crew struct {
	*Fleet
	hosts   map[string]*host
	queue   []*item
	running int
	done    chan ended
}

// Run works the tasks off, beginning with the first ones, and returns when the last has ended. When ctx ends no further task is started;
// those that run are waited for, as their own contexts have ended too.
func (f *Fleet) Run(ctx context.Context, tasks []Task) {
	own := *f
	own.Now, own.After, own.Wait = f.Now, f.After, cmp.Or(f.Wait, firstWait)
	if own.Now == nil {
		own.Now = time.Now
	}
	if own.After == nil {
		own.After = time.After
	}
	c := &crew{Fleet: &own, hosts: map[string]*host{}, done: make(chan ended)}
	for _, t := range tasks {
		c.queue = append(c.queue, c.item(t))
	}
	for {
		wait := time.Duration(-1)
		if ctx.Err() == nil {
			wait = c.start(ctx)
		}
		if c.running == 0 && (ctx.Err() != nil || len(c.queue) == 0) {
			return
		}
		c.await(ctx, wait)
	}
}

func (c *crew) item(t Task) *item {
	it := &item{task: t}
	for _, name := range t.Hosts {
		h := c.host(name)
		if i := slices.IndexFunc(it.need, func(n need) bool { return n.host == h }); i >= 0 {
			it.need[i].sessions++
		} else {
			it.need = append(it.need, need{h, 1})
		}
	}
	return it
}

// renew puts other tasks into the place of those that have not been tried.
func (c *crew) renew(f func([]Task) []Task) {
	var fresh []Task
	begun := c.queue[:0]
	for _, it := range c.queue {
		if it.begun {
			begun = append(begun, it)
		} else {
			fresh = append(fresh, it.task)
		}
	}
	c.queue = begun
	for _, t := range f(fresh) {
		c.queue = append(c.queue, c.item(t))
	}
}

// start starts what can be started and returns how long until something else may be, or less than 0.
func (c *crew) start(ctx context.Context) (wait time.Duration) {
	wait = -1
	now := c.Now() // once: thousands of tasks may wait for one host
	for i := 0; i < len(c.queue) && c.running < max(c.Concurrency, 1); {
		it := c.queue[i]
		until, ok := it.ready(now)
		if !ok {
			if until > 0 && (wait < 0 || until < wait) {
				wait = until
			}
			i++
			continue
		}
		c.queue = slices.Delete(c.queue, i, i+1)
		it.begun = true
		c.enter(it)
		c.running++
		if c.Started != nil {
			c.Started(it.task)
		}
		go func() { c.done <- ended{it, it.task.Run(ctx)} }()
	}
	return wait
}

// ready says whether a task can start now, or else when it may be asked again; 0 is when something has ended.
func (it *item) ready(now time.Time) (time.Duration, bool) {
	if d := it.after.Sub(now); d > 0 {
		return d, false
	}
	for _, n := range it.need {
		h := n.host
		if d := h.next.Sub(now); d > 0 {
			return d, false
		}
		if h.limit > 0 && h.open > 0 && h.open+n.sessions > h.limit {
			return 0, false // one alone is always let in: a limit below its needs would keep it out for ever
		}
	}
	return 0, true
}

func (c *crew) host(name string) *host {
	h, ok := c.hosts[name]
	if !ok {
		h = &host{}
		if c.Budget != nil {
			h.budget = c.Budget(name)
		}
		h.limit = h.budget.Sessions
		c.hosts[name] = h
	}
	return h
}

func (c *crew) enter(it *item) {
	for _, n := range it.need {
		n.host.open += n.sessions
		if d := n.host.budget.Interval; d > 0 {
			n.host.next = c.Now().Add(d)
		}
	}
}

// await waits for a task to end, or for a while.
func (c *crew) await(ctx context.Context, wait time.Duration) {
	var alarm <-chan time.Time
	if wait >= 0 {
		alarm = c.After(wait)
	}
	var over <-chan struct{}
	if ctx.Err() == nil {
		over = ctx.Done()
	}
	select {
	case e := <-c.done:
		c.end(ctx, e)
	case f := <-c.Renew:
		c.renew(f)
	case <-alarm:
	case <-over:
	}
}

// end takes a task off, or puts it back into the queue.
func (c *crew) end(ctx context.Context, e ended) {
	c.running--
	it, v := e.item, e.verdict
	if !v.Free {
		it.tries++
	}
	busy := c.hosts[v.Busy]
	for _, n := range it.need {
		n.host.open -= n.sessions
		if n.host != busy && !v.Again {
			n.host.letIn()
		}
	}
	if busy != nil {
		busy.refuse(c.Now(), v.After)
	}
	for _, n := range it.need {
		if n.host == c.hosts[v.Slow] {
			n.host.slow(n.sessions)
		}
	}
	tries := c.Tries
	if tries == 0 {
		tries = 5
	}
	final := !v.Again || it.tries >= tries || ctx.Err() != nil
	if c.Ended != nil {
		c.Ended(it.task, v, final)
	}
	if final {
		return
	}
	wait := v.After
	if wait == 0 {
		wait = min(c.Wait<<max(it.tries-1, 0), longestWait)
	}
	it.after = c.Now().Add(wait)
	c.queue = append(c.queue, it)
}

// refuse halves what is asked of the host, and leaves it alone for as long as it wants.
func (h *host) refuse(now time.Time, after time.Duration) {
	h.good = 0
	h.limit = max(1, (h.open+1)/2)
	if t := now.Add(after); t.After(h.next) {
		h.next = t
	}
}

// slow leaves the host with the sessions that others have, or with those of one task.
func (h *host) slow(sessions int) {
	h.good = 0
	h.limit = max(h.open, sessions)
}

// letIn notes a session that went well, and asks for more again after some of them.
func (h *host) letIn() {
	if h.limit == 0 || h.limit == h.budget.Sessions {
		return
	}
	if h.good++; h.good >= growAfter {
		h.good = 0
		h.limit++
	}
}
