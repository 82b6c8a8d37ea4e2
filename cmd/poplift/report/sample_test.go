package report

import (
	"fmt"
	"math/rand/v2"
	"time"

	"poplift/migrate"
	"poplift/state"
)

var (
	berlin    = time.FixedZone("CET", 3600)
	nightfall = time.Date(2026, 11, 23, 22, 0, 0, 0, berlin)
	people    = []string{"ada", "böðvar", "carla.núñez", "d.lebedev", "erika", "fatima.al-zahra", "grace", "hiro.tanaka", "info", "jobs"}
	boxes     = []string{"INBOX", "Sent", "Drafts", "Archive/2019", "Archive/2020", "Archive/2021", "Customers", "Rechnungen", "Lists/radio-amateurs", "Projekte/Zürich"}
)

const (
	hintSize = "the target takes messages up to 34.0 MiB; relay them with relay:, or raise the target's limit"
	hintAuth = "check user and password; some providers want an app password"
)

// sample is a night with n accounts, of which one in twenty has something wrong. The same seed makes the same night.
func sample(n int, seed uint64) Data {
	rng := rand.New(rand.NewPCG(seed, 9051))
	d := Data{Title: "old.example to new.example", File: "jobs.yaml", Version: "1.2.0", Started: nightfall, Beside: []string{"night.json", "night.csv", "night-problems.csv"}}
	lanes := make([]time.Time, 8) // when each of the eight workers is free again
	for i := range lanes {
		lanes[i] = nightfall
	}
	for i := range n {
		lane := 0
		for l := range lanes {
			if lanes[l].Before(lanes[lane]) {
				lane = l
			}
		}
		a := sampleAccount(rng, i, lanes[lane])
		if !a.Ended.IsZero() {
			lanes[lane] = a.Ended
			if a.Ended.After(d.Ended) {
				d.Ended = a.Ended
			}
		}
		d.Accounts = append(d.Accounts, a)
	}
	d.Generated = d.Ended.Add(3 * time.Minute)
	return d
}

func sampleAccount(rng *rand.Rand, i int, start time.Time) Account {
	name := people[i%len(people)]
	if i >= len(people) {
		name += fmt.Sprint(i / len(people))
	}
	a := Account{
		Job: "staff", Name: name, Sources: []string{"pop3s://" + name + "@pop.old.example"}, Target: "imaps://" + name + "@imap.new.example",
		State: Done, Started: start, Outcomes: map[migrate.Outcome]migrate.Tally{},
	}
	messages := int64(20 + rng.ExpFloat64()*3000)
	each := int64(8_000 + rng.ExpFloat64()*50_000)
	put := func(o migrate.Outcome, n int64) {
		t := migrate.Tally{Messages: n, Octets: n * each}
		a.Outcomes[o], a.Listed = add(a.Outcomes[o], t), add(a.Listed, t)
	}
	put(migrate.Copied, messages)
	put(migrate.Known, int64(rng.IntN(40)))
	put(migrate.Duplicate, messages/50)
	if rng.IntN(4) == 0 {
		put(migrate.Adopted, messages/10)
	}
	if rng.IntN(6) == 0 {
		put(migrate.Skipped, 1+messages/90)
	}
	rest := a.Outcomes[migrate.Copied]
	for _, f := range boxes[:1+rng.IntN(len(boxes))] {
		t := migrate.Tally{Messages: rest.Messages / 2, Octets: rest.Octets / 2}
		a.Folders, rest = append(a.Folders, Folder{f, t}), migrate.Tally{Messages: rest.Messages - t.Messages, Octets: rest.Octets - t.Octets}
	}
	length := time.Duration(float64(a.Outcomes[migrate.Copied].Octets)/(900+float64(rng.IntN(2400)))*float64(time.Millisecond)) + time.Second
	a.Ended = start.Add(length)
	for step := range 12 {
		p := float64(step) / 11
		t := a.Outcomes[migrate.Copied]
		a.Timeline = append(a.Timeline, Point{start.Add(time.Duration(p * float64(length))), migrate.Tally{Messages: int64(p * p * float64(t.Messages)), Octets: int64(p * p * float64(t.Octets))}})
	}
	if i%3 == 0 {
		a.Verify = sampleVerification(&a, migrate.Verification{Read: messages / 100})
	}
	trouble := i // ten accounts show what is wrong in fixed places
	if i >= 10 {
		trouble = rng.IntN(100)
	}
	switch trouble {
	case 4, 44: // too large, and one refused
		for n := range int64(2 + rng.IntN(3)) {
			big := migrate.Tally{Messages: 1, Octets: 52<<20 + n*7919}
			a.Outcomes[migrate.Failed], a.Listed = add(a.Outcomes[migrate.Failed], big), add(a.Listed, big)
			a.Problems = append(a.Problems, migrate.Problem{Source: "pop3:" + name, ID: fmt.Sprintf("%08x4f2b1d", 7001*n+int64(i)), Folder: "INBOX", Size: big.Octets,
				Date: time.Date(2019, 3, 4, 5, 6, 7, 0, time.UTC), Outcome: migrate.Failed, Reason: "too large for the target (35,651,584 octets)", Hint: hintSize})
		}
		put(migrate.Failed, 1)
		a.Problems = append(a.Problems, migrate.Problem{Source: "pop3:" + name, ID: fmt.Sprintf("%08xaa", i), Subject: "=?utf-8?q?=3DM=C3=BCll?= <b>", Folder: "Archive/2019", Size: each, Outcome: migrate.Failed,
			Reason: "imap append Archive/2019: NO [CANNOT] Message contains invalid header"})
		a.State, a.Verify = Left, nil
	case 7, 51: // wrong password
		a = Account{Job: a.Job, Name: a.Name, Sources: a.Sources, Target: a.Target, State: Failed, Started: start, Ended: start.Add(2 * time.Second),
			Error: "pop3 login " + name + "@pop.old.example: -ERR [AUTH] Authentication failed.", Hint: hintAuth}
	case 68:
		a.Problems = append(a.Problems, migrate.Problem{Source: "pop3:" + name, Outcome: migrate.None,
			Reason: "the server has no UIDL: messages are told apart by their octets, and each run reads them all", Hint: "nothing is lost or doubled by it; it only takes longer"})
	case 9, 79:
		a.Verify = sampleVerification(&a, migrate.Verification{Missing: migrate.Tally{Messages: 3, Octets: 3 * each}, Moved: 2, Gone: 1})
	case 3, 33:
		a.Verify = sampleVerification(&a, migrate.Verification{FlagsDiffer: 12, Moved: 4})
	case 6, 66:
		a.Verify = sampleVerification(&a, migrate.Verification{})
		a.Verify.Time = a.Started.Add(-24 * time.Hour)
	case 88:
		a = Account{Job: a.Job, Name: a.Name, Sources: a.Sources, Target: a.Target, State: Elsewhere}
	}
	return a
}

// sampleVerification is what verify would have found an hour after the account ended, with what is said to be wrong.
func sampleVerification(a *Account, v migrate.Verification) *state.Verification {
	v.Listed, v.Left, v.Kept, v.Relayed = add(a.Listed, v.Missing), a.Outcomes[migrate.Skipped], a.Outcomes[migrate.Kept], a.Outcomes[migrate.Relayed]
	for _, o := range []migrate.Outcome{migrate.Copied, migrate.Known, migrate.Duplicate, migrate.Adopted} {
		v.Placed = add(v.Placed, a.Outcomes[o])
	}
	for _, f := range a.Folders {
		v.Folders = append(v.Folders, migrate.VerifiedFolder{Name: f.Name, Messages: f.Messages + 3, Expected: f.Messages, Found: f.Messages, Flagged: f.Messages / 2})
		v.Expected, v.Found, v.Flagged = v.Expected+f.Messages, v.Found+f.Messages, v.Flagged+f.Messages/2
	}
	f := &v.Folders[0]
	f.Found, f.Moved, f.Gone, f.FlagsDiffer, v.Found = f.Found-v.Moved-v.Gone, v.Moved, v.Gone, v.FlagsDiffer, v.Found-v.Moved-v.Gone
	if n := v.FlagsDiffer; n > 0 {
		v.Problems = append(v.Problems, migrate.Problem{Folder: f.Name, Reason: fmt.Sprintf("%s: %d of the %d messages that should have $Label1 lack it (UID 3, 4, 9)", f.Name, n, n+8),
			Hint: "no mail is missing; somebody may have taken the flag away since the copy, or set it on the source after it"})
	}
	for i := range v.Missing.Messages {
		v.Problems = append(v.Problems, migrate.Problem{Source: a.Sources[0], ID: fmt.Sprintf("%08xffe", i), Folder: "INBOX", Size: 9000, Outcome: migrate.Failed, Reason: "not copied yet"})
	}
	out := state.NewVerification(a.Name, a.Ended.Add(time.Hour), 0.01, v)
	return &out
}
