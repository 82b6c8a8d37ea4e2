package jobs

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// manyAccounts is a CSV as an admin writes one.
func manyAccounts(n int) string {
	var b strings.Builder
	b.WriteString("user,source_user,source_password,target_user,target_password\n")
	for i := range n {
		fmt.Fprintf(&b, "user%d,user%d@old.example,env:OLD_%d,user%d@new.example,\"pass\"\"word %d\"\n", i, i, i, i, i)
	}
	return b.String()
}

// BenchmarkValidate is `poplift check --offline` for 10,000 and 100,000 accounts in a CSV.
func BenchmarkValidate(b *testing.B) {
	const text = `defaults:
  source: pop3s://pop.old.example
  target: imaps://imap.new.example
  keep: /var/lib/poplift/kept/{{.User | local}}
jobs:
  - {name: all, csv: a.csv, into: "Old/{{.SourceUser}}"}
`
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			open := opener(map[string]string{"a.csv": manyAccounts(n)})
			b.ReportAllocs()
			for b.Loop() {
				f, err := Parse("jobs.yaml", []byte(text), LoadOptions{Now: now, Open: open})
				if err != nil || len(f.Accounts) != n {
					b.Fatal(len(f.Accounts), err)
				}
			}
		})
	}
}

// BenchmarkKept tells how much of it stays in memory, for each account.
func BenchmarkKept(b *testing.B) {
	const n = 10_000
	open := opener(map[string]string{"a.csv": manyAccounts(n)})
	for b.Loop() {
		before := heap()
		f, err := Parse("jobs.yaml", []byte(goodHead+"  - {name: x, csv: a.csv}\n"), LoadOptions{Now: now, Open: open})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/account")
		runtime.KeepAlive(f)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
