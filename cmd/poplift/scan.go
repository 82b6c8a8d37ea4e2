package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// scanOptions is a look at what lies on disk.
type scanOptions struct {
	Paths  []string // empty looks where mail programs keep their mail
	JSON   bool
	Output outputOptions
}

// scanned is what lies in one store.
type scanned struct {
	Path    string          `json:"path"`
	Kind    string          `json:"kind"`
	Folders []scannedFolder `json:"folders"`
	Sum     folderCounts    `json:"sum"`
	// DateRules counts messages by where their dates come from; the store's own date counts unless the rule is one of the last resort.
	DateRules map[string]int64 `json:"date_rules"`
	Problems  []scanProblem    `json:"problems"`
	Doubts    []scanDoubt      `json:"doubts"`
	Error     string           `json:"error,omitempty"`
}

type scannedFolder struct {
	Folder string `json:"folder"`
	Role   string `json:"role,omitempty"`
	folderCounts
}

// folderCounts are of messages; Octets are as the store tells them.
type folderCounts struct {
	Messages int64     `json:"messages"`
	Octets   int64     `json:"bytes"`
	Unread   int64     `json:"unread"`
	Deleted  int64     `json:"deleted"`
	Partial  int64     `json:"partial"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
}

func (c *folderCounts) add(e migrate.Entry) {
	c.Messages++
	c.Octets += e.Size
	switch {
	case e.Deleted:
		c.Deleted++
	case e.Partial:
		c.Partial++
	case !slices.Contains(e.Flags, migrate.Seen):
		c.Unread++
	}
	if d := cmp.Or(e.Date, e.Fallback); !d.IsZero() {
		if c.First.IsZero() || d.Before(c.First) {
			c.First = d
		}
		if d.After(c.Last) {
			c.Last = d
		}
	}
}

func (c *folderCounts) sum(d folderCounts) {
	c.Messages, c.Octets = c.Messages+d.Messages, c.Octets+d.Octets
	c.Unread, c.Deleted, c.Partial = c.Unread+d.Unread, c.Deleted+d.Deleted, c.Partial+d.Partial
	if c.First.IsZero() || !d.First.IsZero() && d.First.Before(c.First) {
		c.First = d.First
	}
	if d.Last.After(c.Last) {
		c.Last = d.Last
	}
}

type scanProblem struct {
	Folder string `json:"folder,omitempty"`
	Reason string `json:"reason"`
}

// scanDoubt is a place where a message may begin, or may not.
type scanDoubt struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Reason string `json:"reason"`
}

// runScan looks and tells. Nothing is written anywhere, and no message is read further than it takes to list it.
func runScan(ctx context.Context, env *environment, o scanOptions) error {
	u := newUI(env, o.Output)
	paths, asked := o.Paths, true
	if len(paths) == 0 {
		paths, asked = usualPlaces(env.getenv), false
	}
	var found []scanned
	for _, p := range paths {
		s, ok, err := parseStore(p)
		switch f := (foreignOnly{}); {
		case err == nil && ok:
			found = append(found, scanStore(ctx, s, u))
		case asked:
			return cmp.Or(err, usagef("%s: there is nothing of that name", p))
		case errors.As(err, &f):
			found = append(found, scanned{Path: p, Kind: f.name, Error: f.foreign.Error()})
		default:
			continue // something lies there that is no mail
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if o.JSON {
		out := json.NewEncoder(env.stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(append([]scanned{}, found...)); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	} else {
		writeScan(env.stdout, found, o.Output.Verbose)
	}
	for _, s := range found {
		if len(s.Problems) > 0 || s.Error != "" {
			return errLeft
		}
	}
	return nil
}

// dateRule says in words where a message's INTERNALDATE will come from, as far as that can be said before its header is read.
func dateRule(e migrate.Entry) string {
	switch {
	case !e.Date.IsZero():
		return e.DateRule
	case !e.Fallback.IsZero():
		return "header, else " + e.DateRule
	}
	return "header"
}

// inboxFirst orders folders as people look for them.
func inboxFirst(a, b string) int {
	inbox := migrate.Path(nil).String()
	if (a == inbox) != (b == inbox) {
		if a == inbox {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// scanStore lists one store.
func scanStore(ctx context.Context, s store, u *ui) scanned {
	out := scanned{Path: s.path, Kind: s.title, Folders: []scannedFolder{}, DateRules: map[string]int64{}, Problems: []scanProblem{}, Doubts: []scanDoubt{}}
	st, err := s.open(storeRequest{path: s.path, log: u.log})
	if err != nil {
		out.Error = err.Error()
		return out
	}
	defer st.Close()
	folders := map[string]*scannedFolder{}
	for e, err := range st.List(ctx) {
		if err != nil {
			p := scanProblem{Reason: err.Error()}
			if len(e.Folder) > 0 || e.Role == migrate.RoleInbox {
				p.Folder = e.Folder.String()
			}
			out.Problems = append(out.Problems, p)
			var known *migrate.Error
			if !errors.As(err, &known) || known.Scope != migrate.ScopeMessage && known.Scope != migrate.ScopeFolder {
				out.Error = err.Error()
				break
			}
			continue
		}
		name := e.Folder.String()
		f := folders[name]
		if f == nil {
			f = &scannedFolder{Folder: name, Role: string(e.Role)}
			folders[name] = f
		}
		f.add(e)
		out.DateRules[dateRule(e)]++
	}
	if d, ok := st.(filestore.Doubter); ok {
		for _, x := range d.Doubts() {
			out.Doubts = append(out.Doubts, scanDoubt{x.File, x.Offset, x.Text})
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(folders), inboxFirst) {
		out.Folders = append(out.Folders, *folders[name])
		out.Sum.sum(folders[name].folderCounts)
	}
	return out
}
