package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"poplift/migrate"
)

// scanOptions is a look at what lies on disk.
type scanOptions struct {
	Paths  []string // empty looks where mail programs keep their mail
	JSON   bool
	Output outputOptions
}

// scanned is what lies in one store.
type scanned struct {
	Path     string          `json:"path"`
	Kind     string          `json:"kind"`
	Folders  []scannedFolder `json:"folders"`
	Sum      folderCounts    `json:"sum"`
	Problems []scanProblem   `json:"problems"`
	Error    string          `json:"error,omitempty"`
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
		if err != nil || !ok {
			if !asked {
				continue // something lies there that is no mail
			}
			return cmp.Or(err, usagef("%s: there is nothing of that name", p))
		}
		found = append(found, scanStore(ctx, s, u))
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
		writeScan(env.stdout, found)
	}
	for _, s := range found {
		if len(s.Problems) > 0 || s.Error != "" {
			return errLeft
		}
	}
	return nil
}

// scanStore lists one store.
func scanStore(ctx context.Context, s store, u *ui) scanned {
	out := scanned{Path: s.path, Kind: s.title, Folders: []scannedFolder{}, Problems: []scanProblem{}}
	st, err := s.open(storeRequest{path: s.path, log: u.log})
	if err != nil {
		out.Error = err.Error()
		return out
	}
	defer st.Close()
	folders := map[string]*scannedFolder{}
	for e, err := range st.List(ctx) {
		if err != nil {
			out.Problems = append(out.Problems, scanProblem{e.Folder.String(), err.Error()})
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
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		out.Folders = append(out.Folders, *folders[name])
		out.Sum.sum(folders[name].folderCounts)
	}
	return out
}

// usualPlaces are where mail programs keep their mail, of which those that are there count.
func usualPlaces(getenv func(string) string) []string {
	home, err := homeDir(getenv)
	if err != nil {
		return nil
	}
	var out []string
	for _, p := range []string{
		".thunderbird", "snap/thunderbird/common/.thunderbird", ".var/app/org.mozilla.Thunderbird/.thunderbird", ".icedove", ".mozilla/seamonkey",
		"Library/Thunderbird", "Library/Mail", "Maildir", "Mail", "mail", ".local/share/local-mail", ".local/share/.local-mail.directory",
		".local/share/evolution/mail/local", ".evolution/mail/local", "Takeout", "Downloads/Takeout",
	} {
		out = append(out, filepath.Join(home, filepath.FromSlash(p)))
	}
	if d := getenv("APPDATA"); d != "" {
		out = append(out, filepath.Join(d, "Thunderbird"))
	}
	if d := getenv("LOCALAPPDATA"); d != "" {
		out = append(out, filepath.Join(d, "Microsoft", "Windows Live Mail"))
	}
	if user := getenv("USER"); user != "" {
		out = append(out, filepath.Join("/var/mail", filepath.Base(user)))
	}
	return out
}
