package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// log is what happened, with the time since the start.
type log struct {
	mu    sync.Mutex
	start time.Time
	lines []string
	now   int
	most  int
}

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%v ", time.Since(l.start))+fmt.Sprintf(format, args...))
}

func (l *log) enter(d int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now += d
	l.most = max(l.most, l.now)
}

// task takes d and ends well.
func (l *log) task(id string, d time.Duration, hosts ...string) Task {
	return Task{ID: id, Hosts: hosts, Run: func(ctx context.Context) Verdict {
		l.enter(1)
		defer l.enter(-1)
		l.add("%s", id)
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return Verdict{Err: context.Cause(ctx), Again: true}
		}
		return Verdict{}
	}}
}

func run(t *testing.T, f Fleet, tasks func(*log) []Task) *log {
	t.Helper()
	l := &log{}
	synctest.Test(t, func(t *testing.T) {
		l.start = time.Now()
		f.Now = time.Now
		f.Run(t.Context(), tasks(l))
		l.add("end")
	})
	return l
}

func TestSoManyAtOnceInOrder(t *testing.T) {
	l := run(t, Fleet{Concurrency: 3}, func(l *log) (out []Task) {
		for i := range 9 {
			out = append(out, l.task(fmt.Sprint(i), time.Minute))
		}
		return out
	})
	if l.most != 3 || l.lines[len(l.lines)-1] != "3m0s end" {
		t.Errorf("%d at once: %v", l.most, l.lines)
	}
}

func TestAHostWithoutRoomHoldsNobodyElse(t *testing.T) {
	l := run(t, Fleet{Concurrency: 2, Budget: func(h string) Budget { return Budget{Sessions: map[string]int{"narrow": 1}[h]} }}, func(l *log) []Task {
		return []Task{l.task("n1", time.Hour, "narrow"), l.task("n2", time.Hour, "narrow"), l.task("w1", time.Minute, "wide"), l.task("w2", time.Minute, "wide")}
	})
	want := []string{"0s n1", "0s w1", "1m0s w2", "1h0m0s n2", "2h0m0s end"}
	slices.Sort(l.lines[:2]) // two that start at the same moment
	if !slices.Equal(l.lines, want) {
		t.Errorf("%v\nwant %v", l.lines, want)
	}
}

func TestATaskOfTwoSessionsFitsAlone(t *testing.T) {
	l := run(t, Fleet{Concurrency: 4, Budget: func(string) Budget { return Budget{Sessions: 1} }}, func(l *log) []Task {
		return []Task{l.task("a", time.Minute, "h", "h"), l.task("b", time.Minute, "h", "h")}
	})
	if l.most != 1 || l.lines[len(l.lines)-1] != "2m0s end" {
		t.Errorf("%v", l.lines)
	}
}

func TestLoginsKeepTheirInterval(t *testing.T) {
	l := run(t, Fleet{Concurrency: 4, Budget: func(string) Budget { return Budget{Interval: 10 * time.Second} }}, func(l *log) []Task {
		return []Task{l.task("a", time.Minute, "h"), l.task("b", time.Minute, "h"), l.task("c", time.Minute, "h")}
	})
	if want := []string{"0s a", "10s b", "20s c", "1m20s end"}; !slices.Equal(l.lines, want) {
		t.Errorf("%v, want %v", l.lines, want)
	}
}

// TestAHostThatRefusesIsAskedForLess: the host takes two sessions, and nobody knows.
func TestAHostThatRefusesIsAskedForLess(t *testing.T) {
	open, refused := 0, 0
	var mu sync.Mutex
	l := run(t, Fleet{Concurrency: 8, Tries: 20}, func(l *log) (out []Task) {
		for i := range 30 {
			out = append(out, Task{ID: fmt.Sprint(i), Hosts: []string{"h"}, Run: func(context.Context) Verdict {
				mu.Lock()
				if open >= 2 {
					refused++
					mu.Unlock()
					return Verdict{Err: errors.New("too many"), Again: true, Busy: "h"}
				}
				open++
				mu.Unlock()
				time.Sleep(time.Minute)
				mu.Lock()
				open--
				mu.Unlock()
				l.add("done %d", i)
				return Verdict{}
			}})
		}
		return out
	})
	if n := len(l.lines) - 1; n != 30 || refused > 20 {
		t.Errorf("%d done, %d refused", n, refused)
	}
}

// TestASlowHostGetsFewerSessions: one task is throttled. It waits, and the others go on, one fewer at a time until some have got through.
func TestASlowHostGetsFewerSessions(t *testing.T) {
	tries := 0
	l := run(t, Fleet{Concurrency: 4}, func(l *log) (out []Task) {
		out = append(out, Task{ID: "slow", Hosts: []string{"h"}, Run: func(context.Context) Verdict {
			if tries++; tries > 1 {
				l.add("slow")
				return Verdict{}
			}
			time.Sleep(time.Second)
			return Verdict{Err: errors.New("throttled"), Again: true, After: time.Hour, Slow: "h"}
		}})
		for i := range 30 {
			out = append(out, l.task(fmt.Sprint(i), time.Minute, "h"))
		}
		return out
	})
	at := map[string]int{}
	for _, line := range l.lines {
		at[strings.Fields(line)[0]]++
	}
	if at["0s"] != 3 || at["1s"] != 0 || at["1m0s"] != 3 || at["2m0s"] != 4 || at["1h0m1s"] != 2 {
		t.Errorf("%v", l.lines)
	}
}

func TestWhatFailsForGoodIsTriedOnce(t *testing.T) {
	tries := map[string]int{}
	var finals []string
	l := &log{}
	synctest.Test(t, func(t *testing.T) {
		l.start = time.Now()
		fail := func(id string, v Verdict) Task {
			return Task{ID: id, Run: func(context.Context) Verdict { tries[id]++; return v }}
		}
		f := Fleet{Concurrency: 1, Tries: 3, Now: time.Now, Ended: func(t Task, v Verdict, final bool) {
			if final {
				finals = append(finals, t.ID+" "+v.Err.Error())
			}
		}}
		f.Run(t.Context(), []Task{fail("password", Verdict{Err: errors.New("no")}), fail("gone", Verdict{Err: errors.New("gone"), Again: true, After: time.Second})})
	})
	if tries["password"] != 1 || tries["gone"] != 3 || strings.Join(finals, ", ") != "password no, gone gone" {
		t.Errorf("tries %v, finals %v", tries, finals)
	}
}

func TestWhenTheContextEndsNothingIsStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		l := &log{start: time.Now()}
		f := Fleet{Concurrency: 2, Now: time.Now}
		var tasks []Task
		for i := range 10 {
			tasks = append(tasks, l.task(fmt.Sprint(i), time.Minute))
		}
		f.Run(ctx, tasks)
		if len(l.lines) != 4 || time.Since(l.start) != 90*time.Second {
			t.Errorf("%v", l.lines)
		}
	})
}

// TestRenewal puts other tasks into the place of those that have not been tried.
func TestRenewal(t *testing.T) {
	l := &log{}
	synctest.Test(t, func(t *testing.T) {
		l.start = time.Now()
		renew := make(chan func([]Task) []Task, 1)
		first := l.task("first", time.Minute)
		work := first.Run
		first.Run = func(ctx context.Context) Verdict {
			renew <- func(waiting []Task) []Task {
				l.add("%d wait", len(waiting))
				return []Task{waiting[1], l.task("new", time.Minute)}
			}
			return work(ctx)
		}
		f := Fleet{Concurrency: 1, Renew: renew}
		f.Run(t.Context(), []Task{first, l.task("dropped", time.Minute), l.task("kept", time.Minute)})
		l.add("end")
	})
	got := slices.Clone(l.lines)
	slices.Sort(got[:2]) // at the same moment
	if want := []string{"0s 2 wait", "0s first", "1m0s kept", "2m0s new", "3m0s end"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestFreeTriesDoNotCount: whoever waits for another run is not given up, and holds no place.
func TestFreeTriesDoNotCount(t *testing.T) {
	l := run(t, Fleet{Concurrency: 1, Tries: 2}, func(l *log) []Task {
		tries := 0
		return []Task{{ID: "held", Run: func(context.Context) Verdict {
			if tries++; tries < 10 {
				return Verdict{Err: errors.New("held"), Again: true, Free: true, After: 20 * time.Second}
			}
			l.add("held")
			return Verdict{}
		}}, l.task("other", time.Minute)}
	})
	if want := []string{"0s other", "3m40s held", "3m40s end"}; !slices.Equal(l.lines, want) {
		t.Errorf("%v, want %v", l.lines, want)
	}
}
