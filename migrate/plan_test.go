package migrate

import (
	"reflect"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	strong := Envelope{0: IdentityVersion<<1 | 1}
	weak := Envelope{0: IdentityVersion << 1}
	me := Identity{Version: 1, Digest: Digest{1}, Envelope: strong}
	bare := Identity{Version: 1, Digest: Digest{1}, Envelope: weak}
	twin := Match{UID: 1, Size: 10, Source: "s", ID: "twin", Digest: Digest{1}}
	renamed := Match{UID: 2, Size: 10, Source: "s", ID: "gone", Digest: Digest{1}}
	elsewhere := Match{UID: 2, Size: 10, Source: "other", ID: "gone", Digest: Digest{1}}
	other := Match{UID: 3, Size: 10, Source: "s", ID: "other", Digest: Digest{2}}
	bySize := Match{UID: 4, Size: 10, Source: "s", ID: "bysize", Digest: Digest{2}}
	free := Match{UID: 5, Size: 10}
	freeBig := Match{UID: 6, Size: 12}
	forgotten := Match{UID: 7, Size: 10, Digest: Digest{1}}
	forgottenOther := Match{UID: 8, Size: 10, Digest: Digest{2}}
	old := Match{UID: 9, Size: 10, Source: "s", ID: "old", Digest: Digest{1}, Version: 2}
	oldGone := Match{UID: 10, Size: 10, Source: "s", ID: "gone", Digest: Digest{3}, Version: 2}
	oldFree := Match{UID: 11, Size: 10, Digest: Digest{3}, Version: 2}
	tests := []struct {
		name    string
		id      Identity
		matches []Match
		twins   bool
		want    decision
	}{
		{"nothing there", me, nil, false, decision{upload, nil}},
		{"a twin", me, []Match{twin}, false, decision{duplicate, []Match{twin}}},
		{"a twin, twins kept", me, []Match{twin}, true, decision{upload, nil}},
		{"known under another ID", me, []Match{twin, renamed}, false, decision{rename, []Match{renamed}}},
		{"known under another ID, twins kept", me, []Match{twin, renamed}, true, decision{rename, []Match{renamed}}},
		{"another source's is no renaming", me, []Match{elsewhere}, false, decision{duplicate, []Match{elsewhere}}},
		{"same envelope, known to be another", me, []Match{other}, false, decision{upload, nil}},
		{"one on the target of the same size", me, []Match{free}, false, decision{adopt, []Match{free}}},
		{"the same without a Message-ID", bare, []Match{free}, false, decision{prove, []Match{free}}},
		{"one of another size", me, []Match{freeBig}, false, decision{prove, []Match{freeBig}}},
		{"two on the target", me, []Match{freeBig, free}, false, decision{prove, []Match{free, freeBig}}},
		{"one free beside one claimed", me, []Match{other, free}, false, decision{prove, []Match{free}}},
		{"taken by size by another", me, []Match{bySize}, false, decision{prove, []Match{bySize}}},
		{"taken by size, beside a free one", me, []Match{bySize, free}, false, decision{prove, []Match{free, bySize}}},
		{"read before, claimed by nobody", me, []Match{forgotten}, true, decision{adopt, []Match{forgotten}}},
		{"read before, another", me, []Match{forgottenOther}, false, decision{upload, nil}},
		{"a twin beside a free one", me, []Match{twin, free}, false, decision{duplicate, []Match{twin}}},
		{"one of other rules", me, []Match{old}, false, decision{reprove, []Match{old}}},
		{"one of other rules, twins kept", me, []Match{old}, true, decision{upload, nil}},
		{"one of other rules that was renamed, twins kept", me, []Match{oldGone}, true, decision{reprove, []Match{oldGone}}},
		{"one of other rules that nobody claims", me, []Match{oldFree, other}, true, decision{prove, []Match{oldFree}}},
		{"a twin beside a free one, twins kept", me, []Match{twin, free}, true, decision{prove, []Match{free}}},
	}
	for _, tt := range tests {
		got := decide(candidate{"s", tt.id, 10}, tt.matches, tt.twins,
			func(m Match) bool { return m.ID == "gone" }, func(m Match) bool { return m.ID == "bysize" })
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestStand(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	before, inbox := start.Add(-time.Hour), Mailbox{Name: "INBOX", UIDValidity: 7}
	e := Entry{ID: "a", Stable: true, Size: 10}
	done1 := Record{Outcome: Copied, Listed: 10, Folder: "INBOX", UIDValidity: 7, Time: before}
	change := func(f func(*Record)) Record { r := done1; f(&r); return r }
	tests := []struct {
		name  string
		e     Entry
		rec   Record
		found bool
		want  standing
	}{
		{"never seen", e, Record{}, false, fresh},
		{"copied", e, done1, true, done},
		{"copied in this run", e, change(func(r *Record) { r.Time = start }), true, doneNow},
		{"failed in this run", e, change(func(r *Record) { r.Time, r.Outcome = start, Failed }), true, doneNow},
		{"failed before", e, change(func(r *Record) { r.Outcome = Failed }), true, fresh},
		{"skipped by a rule that still holds", e, change(func(r *Record) { r.Outcome, r.Date = Skipped, start.AddDate(-9, 0, 0) }), true, left},
		{"skipped by a rule of then", e, change(func(r *Record) { r.Outcome, r.Date = Skipped, start.AddDate(-1, 0, 0) }), true, fresh},
		{"another size under the same ID", Entry{ID: "a", Stable: true, Size: 11}, done1, true, fresh},
		{"a size that is not told", Entry{ID: "a", Stable: true}, done1, true, done},
		{"folder made anew", e, change(func(r *Record) { r.UIDValidity = 6 }), true, moved},
		{"another folder", e, change(func(r *Record) { r.Folder, r.UIDValidity = "Old", 6 }), true, done},
		{"not stable", Entry{ID: "a", Size: 10}, done1, true, fresh},
	}
	for _, tt := range tests {
		if got := stand(tt.e, tt.rec, tt.found, inbox, Rules{Since: start.AddDate(-5, 0, 0)}, start); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestInternalDate(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	own, received, date := now.AddDate(-3, 0, 0), now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0)
	future := now.AddDate(0, 0, 2)
	tests := []struct {
		name string
		e    Entry
		h    HeaderDates
		want time.Time
	}{
		{"the source's own first", Entry{Date: own}, HeaderDates{received, date}, own},
		{"then Received", Entry{}, HeaderDates{received, date}, received},
		{"then Date", Entry{}, HeaderDates{Date: date}, date},
		{"a Received of tomorrow is not believed", Entry{}, HeaderDates{future, date}, date},
		{"never now", Entry{}, HeaderDates{Date: future}, time.Time{}},
	}
	for _, tt := range tests {
		if got := internalDate(tt.e, tt.h, now); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
