package fleet

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkOneSmallHost is what it costs to keep thousands of tasks waiting for a host that takes few sessions.
func BenchmarkOneSmallHost(b *testing.B) {
	var tasks []Task
	for i := range 10_000 {
		id := fmt.Sprint(i)
		tasks = append(tasks, Task{ID: id, Hosts: []string{"state of " + id, "host"}, Run: func(context.Context) Verdict { return Verdict{} }})
	}
	f := Fleet{Concurrency: 16, Budget: func(host string) Budget {
		if host == "host" {
			return Budget{Sessions: 4}
		}
		return Budget{Sessions: 1}
	}}
	for b.Loop() {
		f.Run(b.Context(), tasks)
	}
}
