package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"poplift/cmd/poplift/report"
	"poplift/migrate"
	"poplift/state"
	"poplift/targets/maildir"
)

// leftover is one message that the target doesn't have, as `poplift failed` tells it.
type leftover struct {
	Account   string     `json:"account"`
	Source    string     `json:"source"`
	ID        string     `json:"id"`
	MessageID string     `json:"message_id"`
	Subject   string     `json:"subject"`
	Folder    string     `json:"folder"`
	Size      int64      `json:"size"`
	Date      *time.Time `json:"date"`
	Outcome   string     `json:"outcome"`
	Where     string     `json:"where"`
	Reason    string     `json:"reason"`
	Tries     uint32     `json:"tries"`
	Last      time.Time  `json:"last_try"`
}

// failedOptions is `poplift failed` as the user asked for it.
type failedOptions struct {
	StateDir, Account string   // Account is a pattern
	Keys              []string // when not nil, only these accounts
	JSON, CSV, All    bool     // All shows also what was relayed, which needs nobody
}

// runFailed lists the leftovers of all accounts. It asks no server.
func runFailed(env *environment, o failedOptions) error {
	if o.JSON && o.CSV {
		return usagef("--json and --csv: give only one of them")
	}
	dir, err := stateDir(o.StateDir, env.getenv)
	if err != nil {
		return err
	}
	accounts, err := accountsIn(dir, o.Account)
	if err != nil {
		return err
	}
	if o.Keys != nil {
		accounts = slices.DeleteFunc(accounts, func(a string) bool { return !slices.Contains(o.Keys, a) })
	}
	list := []leftover{}
	var errs []error
	for _, account := range accounts {
		found, err := leftoversOf(env, dir, account, o.All)
		list = append(list, found...)
		if err != nil {
			errs = append(errs, err)
		}
	}
	switch {
	case o.JSON:
		errs = append(errs, writeJSON(env.stdout, list))
	case o.CSV:
		errs = append(errs, writeLeftoversCSV(env.stdout, list))
	default:
		writeLeftovers(env.stdout, list)
	}
	return errors.Join(errs...)
}

// accountsIn lists the accounts that have a state in dir and match a pattern; an empty one is all.
func accountsIn(dir, pattern string) ([]string, error) {
	list, err := state.ListStatus(dir)
	if err != nil && len(list) == 0 {
		return nil, err
	}
	var out []string
	for _, st := range list {
		ok, err := path.Match(pattern, st.Account)
		if err != nil {
			return nil, usagef("--account %s: %v", pattern, err)
		}
		if pattern == "" || pattern == st.Account || ok {
			out = append(out, st.Account)
		}
	}
	return out, nil
}

// leftoversOf reads one account's records.
func leftoversOf(env *environment, dir, account string, all bool) ([]leftover, error) {
	store, err := state.Open(state.Options{Dir: dir, Account: account, ReadOnly: true, Timeout: lockWait, Now: env.now})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	var out []leftover
	placed, err := placedElsewhere(store)
	if err != nil {
		return nil, err
	}
	for _, source := range store.Sources() {
		for rec, err := range store.Records(source) {
			if err != nil {
				return out, err
			}
			if l, ok := leftoverOf(dir, account, rec); ok && (all || rec.Outcome != migrate.Relayed) && (rec.Outcome != migrate.Kept || !placed[rec.Identity.Digest]) {
				out = append(out, l)
			}
		}
	}
	return out, nil
}

// placedElsewhere returns the digests of kept messages that the target has since got from another source: from the dead-letter tree, as a rule.
func placedElsewhere(store *state.Store) (map[migrate.Digest]bool, error) {
	kept := map[migrate.Digest]bool{}
	for _, pass := range []func(migrate.Record){
		func(rec migrate.Record) {
			if rec.Outcome == migrate.Kept && rec.Identity.Digest != (migrate.Digest{}) {
				kept[rec.Identity.Digest] = false
			}
		},
		func(rec migrate.Record) {
			there := (rec.Outcome == migrate.Copied || rec.Outcome == migrate.Adopted) && !strings.HasPrefix(rec.Reason, migrate.StrippedReason)
			if _, ok := kept[rec.Identity.Digest]; ok && there {
				kept[rec.Identity.Digest] = true
			}
		},
	} {
		for _, source := range store.Sources() {
			for rec, err := range store.Records(source) {
				if err != nil {
					return nil, err
				}
				pass(rec)
			}
		}
	}
	return kept, nil
}

// shownKey is the part of a record's ID that people know: what a Sieve script made of a message, and the whole of a stripped one, have more behind.
func shownKey(rec migrate.Record) string {
	id, _, _ := strings.Cut(rec.ID, "\x00")
	return id
}

func leftoverOf(dir, account string, rec migrate.Record) (leftover, bool) {
	where := ""
	switch rec.Outcome {
	case migrate.Failed:
		where = "on the source only"
		if rec.Redirect() {
			where = "not redirected"
		}
	case migrate.Uncertain:
		where = "sent to the relay, which never answered"
	case migrate.Relayed:
		where = "relayed"
	case migrate.Kept:
		where = "kept in " + placesOf(dir, account)
	default:
		return leftover{}, false
	}
	l := leftover{Account: account, Source: rec.Source, ID: shownKey(rec), MessageID: rec.MessageID, Subject: report.Subject(rec.Subject), Folder: rec.Folder, Size: max(rec.Size, rec.Listed),
		Outcome: rec.Outcome.String(), Where: where, Reason: rec.Reason, Tries: rec.Tries, Last: rec.Time}
	if !rec.Date.IsZero() {
		l.Date = &rec.Date
	}
	return l, true
}

func writeLeftovers(w io.Writer, list []leftover) {
	if len(list) == 0 {
		fmt.Fprintln(w, "Nothing is left over.")
		return
	}
	account, left := "", int64(0)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range list {
		if l.Account != account {
			tw.Flush()
			account = l.Account
			fmt.Fprintln(w, account)
		}
		if l.Outcome != migrate.Relayed.String() {
			left++
		}
		day := ""
		if l.Date != nil {
			day = l.Date.Format(time.DateOnly)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", shownID(l.ID), humanSize(l.Size), day, l.Where, shownSubject(l.Subject)+l.Reason)
	}
	tw.Flush()
	if left > 0 {
		fmt.Fprintf(w, "%s. poplift retry, with the addresses of the copy or with the jobs file, tries again.\n", plural(left, "message is left", "messages are left"))
	}
}

func writeLeftoversCSV(w io.Writer, list []leftover) error {
	c := csv.NewWriter(w)
	c.Write([]string{"account", "source", "id", "message_id", "subject", "folder", "size", "date", "outcome", "where", "reason", "tries", "last_try"})
	for _, l := range list {
		date := ""
		if l.Date != nil {
			date = l.Date.Format(time.RFC3339)
		}
		c.Write([]string{l.Account, l.Source, plainCell(l.ID), plainCell(l.MessageID), plainCell(l.Subject), plainCell(l.Folder), strconv.FormatInt(l.Size, 10), date, l.Outcome, l.Where,
			plainCell(l.Reason), strconv.FormatUint(uint64(l.Tries), 10), l.Last.Format(time.RFC3339)})
	}
	c.Flush()
	return c.Error()
}

// plainCell keeps what a server wrote from being taken for a formula by a spreadsheet.
func plainCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// retryOptions is what `poplift retry` adds to a copy.
type retryOptions struct {
	// IDs are the messages to try again; none means all that were kept. What was sent to a relay is sent again only when its ID is here.
	IDs []string
	// Ignore marks them as left out instead.
	Ignore bool
}

// again says which leftovers are to be tried again.
func (o *retryOptions) again(rec migrate.Record) bool {
	if len(o.IDs) == 0 {
		return rec.Outcome == migrate.Kept
	}
	return slices.Contains(o.IDs, shownKey(rec))
}

// tryAgain runs the account with its leftovers, or marks them as ignored. What was kept and has found its place is taken out of the dead-letter tree.
func (j *copyJob) tryAgain(ctx context.Context, a *migrate.Account) (migrate.Report, error) {
	before, err := leftIn(a.Store, a.Sources)
	if err != nil {
		return migrate.Report{}, err
	}
	if unknown := j.retry.unknown(before); len(unknown) > 0 {
		return migrate.Report{}, usagef("--id %s: no message of that ID is left over; poplift failed lists them", strings.Join(unknown, ", "))
	}
	if j.retry.Ignore {
		return migrate.Report{}, j.ignore(a.Store, before)
	}
	report, err := j.watched(ctx, a)
	if j.dryRun || j.keepDir == "" {
		return report, err
	}
	var placed []migrate.Record
	missing := 0
	for _, rec := range before {
		now, ok, rerr := a.Store.Record(rec.Source, rec.ID)
		if rerr != nil {
			return report, errors.Join(err, rerr)
		}
		if rec.Outcome != migrate.Kept || !ok || !j.retry.again(rec) {
			continue
		}
		switch now.Outcome {
		case migrate.Copied, migrate.Adopted, migrate.Duplicate, migrate.Relayed:
			placed = append(placed, rec)
		case migrate.Kept:
			if now.Time.Equal(rec.Time) && !rec.Whole() {
				missing++
			}
		}
	}
	n, rerr := maildir.Remove(j.keepDir, placed)
	if n > 0 {
		j.log.Info("taken out of the dead-letter tree, since the target has them now", "messages", n, "tree", j.keepDir)
	}
	if missing > 0 && err == nil {
		j.log.Info("kept, and no longer on the source; poplift copy with the dead-letter tree as the source brings them in", "messages", missing, "tree", j.keepDir)
	}
	return report, errors.Join(err, rerr)
}

// ignore marks leftovers as left out for good.
func (j *copyJob) ignore(store migrate.Store, left []migrate.Record) error {
	if len(j.retry.IDs) == 0 {
		return usagef("--ignore: say which messages, with --id")
	}
	var b migrate.Batch
	for _, rec := range left {
		if slices.Contains(j.retry.IDs, shownKey(rec)) {
			rec.Outcome, rec.Reason = migrate.Skipped, migrate.IgnoredReason
			b.Records = append(b.Records, rec)
		}
	}
	j.log.Info("ignored from now on", "messages", len(b.Records))
	return store.Commit(&b)
}

// unknown returns the IDs that no leftover has.
func (o *retryOptions) unknown(left []migrate.Record) []string {
	var out []string
	for _, id := range o.IDs {
		if !slices.ContainsFunc(left, func(r migrate.Record) bool { return shownKey(r) == id }) {
			out = append(out, shownID(id))
		}
	}
	return out
}

// leftIn returns the leftovers of these sources that a retry would concern.
func leftIn(store migrate.Store, sources []migrate.NamedSource) ([]migrate.Record, error) {
	var out []migrate.Record
	for _, src := range sources {
		for rec, err := range store.Records(src.Name) {
			if err != nil {
				return nil, err
			}
			if o := rec.Outcome; o == migrate.Failed || o == migrate.Kept || o == migrate.Uncertain || o == migrate.Relayed {
				out = append(out, rec)
			}
		}
	}
	return out, nil
}
