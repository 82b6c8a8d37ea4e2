package report

import (
	"cmp"
	"fmt"
	"slices"

	"poplift/migrate"
)

// cause is one thing that is wrong, over all accounts that have it: what a person can mend once.
type cause struct {
	Words    string // what is wrong, in the words of the first account
	Todo     string
	rank     rank
	Messages int64
	Octets   int64
	accounts []int // indexes into Data.Accounts, in order
}

// rank orders causes by how much hangs on them.
type rank uint8

const (
	rankSums    rank = iota // nothing can be relied on
	rankAccount             // a whole account
	rankMessage
	rankUnsafe
	rankNote // waits for nobody, and is good to know
)

// maxCauses bounds the causes on the page, maxNamed the accounts that each of them names.
const (
	maxCauses = 25
	maxNamed  = 6
)

// causesOf gathers what is wrong over all accounts: the gravest first, then by how many accounts have it.
func causesOf(d *Data) []*cause {
	g := gatherer{byKey: map[causeKey]*cause{}}
	for i := range d.Accounts {
		a := &d.Accounts[i]
		if !a.addsUp() {
			g.add(i, causeKey{rank: rankSums}, "The figures of the account don't add up: "+gapWords(a)+".", todoSums)
		}
		if a.State == Failed {
			words := cmp.Or(a.Error, "stopped, and nothing says why")
			g.add(i, causeKey{rank: rankAccount, text: cmp.Or(a.Hint, words)}, words, cmp.Or(a.Hint, todoState(Failed)))
		}
		for _, p := range a.Problems {
			r := rankNote
			if pressing(p.Outcome) {
				r = rankMessage
			}
			c := g.add(i, causeKey{r, p.Outcome, cmp.Or(p.Hint, p.Reason)}, problemWords(p), todoProblem(p))
			if p.ID != "" {
				c.Messages, c.Octets = c.Messages+1, c.Octets+p.Size
			}
		}
		if a.State == Left && len(a.Problems) == 0 && a.Dropped == 0 {
			g.add(i, causeKey{rank: rankMessage}, "Messages are left, and nothing says why.", todoState(Left))
		}
		g.addVerification(i, a)
	}
	slices.SortStableFunc(g.list, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(len(b.accounts), len(a.accounts)), cmp.Compare(b.Messages, a.Messages))
	})
	return g.list
}

// causeKey tells causes apart: by what to do where that is known, else by what is wrong.
type causeKey struct {
	rank    rank
	outcome migrate.Outcome
	text    string
}

type gatherer struct {
	byKey map[causeKey]*cause
	list  []*cause
}

// add counts account i for the cause with the key, which is made of words and todo if it is new.
func (g *gatherer) add(i int, key causeKey, words, todo string) *cause {
	c := g.byKey[key]
	if c == nil {
		c = &cause{Words: words, Todo: todo, rank: key.rank}
		g.byKey[key], g.list = c, append(g.list, c)
	}
	if n := len(c.accounts); n == 0 || c.accounts[n-1] != i {
		c.accounts = append(c.accounts, i)
	}
	return c
}

const (
	todoSums = "This is a mistake of poplift's own or of a damaged state file, not of the mail. Run verify on the account before relying on it, and please report it."
)

// gapWords says how an account's figures disagree.
func gapWords(a *Account) string {
	gap := a.Gap()
	switch {
	case gap.Messages > 0:
		return fmt.Sprintf("%s listed, of which %s nowhere", counted(a.Listed.Messages, "message", "messages"), counted(gap.Messages, "is", "are"))
	case gap.Messages < 0:
		return fmt.Sprintf("%s listed, but %s more in the outcomes", counted(a.Listed.Messages, "message", "messages"), count(-gap.Messages))
	case gap.Octets > 0:
		return "the outcomes lack " + size(gap.Octets)
	case gap.Octets < 0:
		return fmt.Sprintf("the outcomes have %s too much", size(-gap.Octets))
	}
	return "a count is negative or of no known outcome"
}

// problemWords is what is wrong, with the outcome where the words alone would mislead.
func problemWords(p migrate.Problem) string {
	words := cmp.Or(p.Reason, "no reason given")
	switch p.Outcome {
	case migrate.Failed, migrate.None:
		return words
	}
	return p.Outcome.String() + ": " + words
}

// todoProblem is what to do about a problem: its own hint, else what holds for all of its kind.
func todoProblem(p migrate.Problem) string {
	if p.Hint != "" {
		return p.Hint
	}
	switch p.Outcome {
	case migrate.Failed:
		return "It is on the source only. The next run tries again; if it fails again with the same words, fetch it by hand or ask who runs the server."
	case migrate.Uncertain:
		return "It was sent, and never answered for. Look whether it has arrived; it is sent again only if you say so."
	case migrate.Kept:
		return "Nothing is lost: it lies in the dead-letter folder."
	case migrate.Relayed:
		return "Nothing is lost: it was sent to the account by SMTP."
	}
	return "Nothing has to be done at once. It is good to know before the old server is switched off."
}

// todoState is what to do with an account that stands like this, or "".
func todoState(s State) string {
	switch s {
	case Failed:
		return "Once the cause is gone, run again: the account goes on where it stopped."
	case Left:
		return "Run again once the cause is gone: only what is left is tried."
	case Interrupted:
		return "The run ended before this account was through. The next run goes on where it stopped."
	case Elsewhere:
		return "Another run holds this account. There is nothing to do; its own report tells the rest."
	case NotStarted:
		return "The run ended before this account's turn. The next run takes it."
	}
	return ""
}
