package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"text/tabwriter"
	"time"

	"poplift/cmd/poplift/fleet"
	"poplift/cmd/poplift/jobs"
	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/state"
	"poplift/targets/imap"
)

// checked is what a look at one account found.
type checked struct {
	Account  string `json:"account"`
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Hint     string `json:"hint"`
	Messages int64  `json:"messages"`
	Octets   int64  `json:"bytes"`
	// New is what no run has dealt with yet.
	New       int64 `json:"new"`
	NewOctets int64 `json:"new_bytes"`
	Folders   int   `json:"target_folders"`
	// Unstable counts messages that the server gives no unique ID: every run has to look at them again.
	Unstable int64 `json:"unstable"`
	// Room is what the target's quota has left; less than 0 when it doesn't say.
	Room int64 `json:"room"`
	// Seconds is about how long the next copy will take.
	Seconds float64 `json:"seconds"`
	// Warnings are what will keep mail from arriving, though every log-in was taken.
	Warnings []string `json:"warnings"`
	Advice   []string `json:"advice"`
}

// Rates for estimates: what a server of average manners gives one account over a line of average length. They are guesses, and shown as such.
const guessedMessages, guessedOctets = 100, 5 << 20

// What only looks gives up sooner than what copies: a person waits for it.
const lookTries, lookStall = 2, time.Minute

// runCheck is the whole of `poplift check`.
func runCheck(ctx context.Context, env *environment, o campaignOptions, offline bool) error {
	o.DryRun = true
	c, err := newCampaign(env, o)
	if err != nil {
		return err
	}
	if offline {
		if !o.Output.Quiet {
			fmt.Fprintf(env.stdout, "%s: %s, no mistake found. Nothing was connected to.\n", o.File, plural(int64(len(c.accounts)), "account", "accounts"))
		}
		return nil
	}
	c.tries = lookTries
	if env.timing.stall == 0 {
		hasty := *env
		hasty.timing.stall = lookStall
		c.env = &hasty
	}
	found := map[string]checked{}
	c.each(ctx, func(ctx context.Context, a *jobs.Account) fleet.Verdict {
		got, err := c.check(ctx, a)
		c.mu.Lock()
		found[a.ID()] = got
		c.mu.Unlock()
		return c.verdict(a, err)
	}, nil)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var list []checked
	bad := 0
	for _, a := range c.accounts {
		list = append(list, found[a.ID()])
		if !found[a.ID()].OK || len(found[a.ID()].Warnings) > 0 {
			bad++
		}
	}
	switch {
	case o.Output.JSON:
		err = writeJSON(env.stdout, list)
	case !o.Output.Quiet || bad > 0:
		writeChecked(env.stdout, list, o.Output.Quiet)
		c.writeCrowded(env.stdout)
	}
	if err == nil && bad > 0 {
		err = errAccounts
	}
	return err
}

// check looks at one account: nothing is written.
func (c *campaign) check(ctx context.Context, a *jobs.Account) (checked, error) {
	out := checked{Account: a.ID(), Room: -1, Warnings: []string{}, Advice: []string{}}
	err := c.look(ctx, a, &out)
	if err != nil {
		out.Error, out.Hint = err.Error(), migrate.HintOf(err)
	}
	out.OK = err == nil
	out.Seconds = max(float64(out.New)/guessedMessages, float64(out.NewOctets)/guessedOctets)
	if out.Room >= 0 && out.Room < out.NewOctets {
		out.Warnings = append(out.Warnings, fmt.Sprintf("the target's quota has room for %s, and %s is to come", humanSize(out.Room), humanSize(out.NewOctets)))
	}
	if out.Unstable > 0 {
		out.Advice = append(out.Advice, fmt.Sprintf("the server has no unique IDs for %s: every run has to read headers again", plural(out.Unstable, "message", "messages")))
	}
	return out, err
}

func (c *campaign) look(ctx context.Context, a *jobs.Account, out *checked) error {
	j, err := c.job(ctx, a)
	if err != nil {
		return err
	}
	defer j.close()
	acct, err := j.account()
	if err != nil {
		return err
	}
	store, err := j.openStore()
	if errors.Is(err, state.ErrLocked) {
		store, err = emptyStore{}, nil // a run is at it; what it has done already isn't known then
	}
	if err != nil {
		return err
	}
	defer store.Close()
	for i, s := range acct.Sources {
		src, err := s.Open(ctx)
		if err != nil {
			return err
		}
		err = count(ctx, src, s.Name, store, out)
		if err = errors.Join(err, src.Close()); err != nil {
			return err
		}
		if !j.sources[i].onDisk() {
			c.alsoIMAP(ctx, j, j.sources[i], out)
		}
	}
	t, err := acct.OpenTarget(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	if l, ok := t.(migrate.Layouter); ok {
		layout, err := l.Layout(ctx)
		if err != nil {
			return err
		}
		out.Folders = len(layout.Boxes)
	}
	if q, ok := t.(migrate.Quoter); ok {
		if room, ok, err := q.Room(ctx); err == nil && ok {
			out.Room = room
		}
	}
	return nil
}

// count adds up a listing.
func count(ctx context.Context, src migrate.Source, name string, store migrate.Store, out *checked) error {
	for e, err := range src.Messages(ctx) {
		var known *migrate.Error
		if err != nil && !(errors.As(err, &known) && known.Scope == migrate.ScopeMessage) {
			return err
		}
		out.Messages++
		out.Octets += e.Size
		if err == nil && !e.Stable {
			out.Unstable++
		}
		rec, ok, serr := store.Record(name, e.ID)
		if serr != nil {
			return serr
		}
		if !ok || !rec.Outcome.Done() && rec.Outcome != migrate.Skipped {
			out.New++
			out.NewOctets += e.Size
		}
	}
	return nil
}

// alsoPatience is how long the POP host may take to answer on the IMAP port.
const alsoPatience = 5 * time.Second

// alsoIMAP looks whether the POP host speaks IMAP on the same mailbox: then the folders and flags that POP never shows can be had from there.
func (c *campaign) alsoIMAP(ctx context.Context, j *copyJob, s end, out *checked) {
	ctx, cancel := context.WithTimeout(ctx, alsoPatience)
	defer cancel()
	e := s.endpoint
	e.Scheme, e.Port = "imaps", schemes["imaps"].port
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.address())
	if err != nil {
		return
	}
	conn.Close()
	ep, err := j.endpoint(s.endpoint) // what is said about TLS holds for the host
	if err != nil {
		return
	}
	ep.Address, ep.Security = e.address(), mailnet.ImplicitTLS
	t, err := imap.Open(ctx, imap.Config{Endpoint: ep, Credentials: s.creds, ReadOnly: true})
	if err != nil {
		return
	}
	defer t.Close()
	layout, err := t.Layout(ctx)
	if err != nil {
		return
	}
	out.Advice = append(out.Advice, fmt.Sprintf("%s lets the same user in by IMAP, with %s: POP shows only the inbox, without flags; an IMAP to IMAP tool brings the rest",
		e.Host, plural(int64(len(layout.Boxes)), "folder", "folders")))
}

func writeChecked(w io.Writer, list []checked, onlyBad bool) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var messages, octets int64
	bad, warned := 0, 0
	for _, c := range list {
		messages += c.Messages
		octets += c.Octets
		if !c.OK {
			bad++
			fmt.Fprintf(tw, "%s\tFAILS\t%s\n", c.Account, c.Error)
			if c.Hint != "" {
				fmt.Fprintf(tw, "\t\thint: %s\n", c.Hint)
			}
			continue
		}
		what := "ok"
		if len(c.Warnings) > 0 {
			what = "BUT"
			warned++
		} else if onlyBad {
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s, %s", c.Account, what, plural(c.Messages, "message", "messages"), humanSize(c.Octets))
		if c.New < c.Messages {
			fmt.Fprintf(tw, ", of which %d are new", c.New)
		}
		fmt.Fprintf(tw, ", about %s\n", humanTime(seconds(c.Seconds)))
		for _, a := range append(slices.Clone(c.Warnings), c.Advice...) {
			fmt.Fprintf(tw, "\t\t%s\n", a)
		}
	}
	tw.Flush()
	if !onlyBad {
		fmt.Fprintf(w, "%s: %d ok, %d with a warning, %d fail; %s, %s.\n", plural(int64(len(list)), "account", "accounts"), len(list)-bad-warned, warned, bad,
			plural(messages, "message", "messages"), humanSize(octets))
	}
}

// writeCrowded names the hosts that had no room for all sessions.
func (c *campaign) writeCrowded(w io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, host := range slices.Sorted(maps.Keys(c.crowded)) {
		fmt.Fprintf(w, "%s turned sessions away %s: it lets in fewer at a time than were asked for; connections: under hosts: in the jobs file can say how many\n",
			host, plural(int64(c.crowded[host]), "time", "times"))
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
