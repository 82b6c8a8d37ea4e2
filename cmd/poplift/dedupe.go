package main

import (
	"context"
	"fmt"
	"path"

	"github.com/urfave/cli/v2"

	"poplift/migrate"
)

const dedupeHelp = `poplift dedupe [options] TARGET

Shows which messages lie more than once in the same folder of an IMAP account, as other tools leave them. They are compared by content: neither
a Message-ID nor a size decides. Nothing is changed, unless --quarantine says where the second copies are to be moved; nothing is ever deleted.

     poplift dedupe imaps://me@new.example
     poplift dedupe --quarantine Duplicates imaps://me@new.example
`

func dedupeCommand(env *environment) *cli.Command {
	cmd := &cli.Command{
		Name: "dedupe", Usage: "show, or put aside, messages that an IMAP account has twice", ArgsUsage: "TARGET",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "quarantine", Category: flagsWhat, Usage: "move all copies but the first to `FOLDER`"},
			&cli.StringFlag{Name: "folder", Category: flagsWhat, Usage: "look only into folders whose names match `PATTERN`"},
		}, dedupeConnection()...),
	}
	cmd.CustomHelpTemplate = helpTemplate(dedupeHelp + flagHelp(cmd.Flags))
	cmd.Action = func(c *cli.Context) error {
		o := copyOptionsOf(c)
		if c.NArg() != 1 {
			return usagef("one address is needed: poplift dedupe TARGET; see poplift dedupe --help")
		}
		return runDedupe(c.Context, env, dedupeOptions{copy: o, Target: c.Args().First(), Quarantine: c.String("quarantine"), Folder: c.String("folder")})
	}
	return cmd
}

// dedupeConnection are the flags of copy that say how to reach the target and what to show.
func dedupeConnection() []cli.Flag {
	var out []cli.Flag
	for _, f := range append(loginFlags(), runFlags()...) {
		switch name := f.Names()[0]; name {
		case "window", "memory", "state":
		default:
			if len(name) < 7 || name[:7] != "source-" {
				out = append(out, f)
			}
		}
	}
	return out
}

type dedupeOptions struct {
	copy                       copyOptions // how to connect, and what to show
	Target, Quarantine, Folder string
}

// twinFolder is what dedupe says of one folder.
type twinFolder struct {
	Folder   string      `json:"folder"`
	Messages uint32      `json:"messages"`
	Twins    []jsonTwins `json:"twins"`
	Surplus  int         `json:"surplus"`
	Octets   int64       `json:"octets"`
	Moved    int         `json:"moved"`
	mailbox  migrate.Mailbox
}

type jsonTwins struct {
	Keep   uint32   `json:"keep"`
	Others []uint32 `json:"others"`
	Size   int64    `json:"size"`
}

// curator is what dedupe needs of a target.
type curator interface {
	migrate.Layouter
	migrate.Opener
	migrate.Indexer
	migrate.Mover
}

// runDedupe is the whole of `poplift dedupe`.
func runDedupe(ctx context.Context, env *environment, o dedupeOptions) error {
	u := newUI(env, o.copy.Output)
	j := &copyJob{env: env, ui: u, close: func() {}}
	def := defaultCopyOptions()
	o.copy.Memory = def.Memory
	j.log, j.dryRun = u.log, o.Quarantine == ""
	j.setTLS(o.copy)
	var err error
	if j.target, err = parseEnd(o.Target, roleTarget); err != nil {
		return err
	}
	if j.target.onDisk() || j.target.kind() == roleRelay {
		return usagef("%s: dedupe works on IMAP accounts", j.target)
	}
	if err := j.setLimits(o.copy); err != nil {
		return err
	}
	if err := j.askPasswords(ctx, o.copy); err != nil {
		return err
	}
	if err := j.openTrace(o.copy.Trace); err != nil {
		return err
	}
	defer j.close()
	open, err := j.wiring.target(j.target)
	if err != nil {
		return err
	}
	t, err := open(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	c, ok := t.(curator)
	if !ok {
		return usagef("%s: this target can't be looked through", j.target)
	}
	found, err := dedupe(ctx, c, o)
	if o.copy.Output.JSON {
		if jerr := writeJSON(env.stdout, found); err == nil {
			err = jerr
		}
		return err
	}
	writeTwins(env, found, o)
	return err
}

// dedupe goes through the folders. What was found is returned with an error too.
func dedupe(ctx context.Context, t curator, o dedupeOptions) ([]twinFolder, error) {
	out := []twinFolder{}
	layout, err := t.Layout(ctx)
	if err != nil {
		return out, err
	}
	var aside migrate.Mailbox
	for _, b := range layout.Boxes {
		ok, err := path.Match(o.Folder, b.Name)
		if err != nil {
			return out, usagef("--folder %s: %v", o.Folder, err)
		}
		if b.NoSelect || o.Folder != "" && !ok || b.Name == o.Quarantine {
			continue
		}
		f, err := twinsIn(ctx, t, b)
		if err != nil {
			return out, err
		}
		if f.Surplus > 0 && o.Quarantine != "" {
			if aside.Name == "" {
				if aside, err = t.OpenNamed(ctx, o.Quarantine, ""); err != nil {
					return out, err
				}
			}
			if err := f.move(ctx, t, aside); err != nil {
				return append(out, f), err
			}
		}
		out = append(out, f)
	}
	return out, nil
}

func twinsIn(ctx context.Context, t curator, b migrate.Box) (twinFolder, error) {
	mb, err := t.OpenNamed(ctx, b.Name, b.Role)
	f := twinFolder{Folder: b.Name, Messages: mb.Messages, Twins: []jsonTwins{}, mailbox: mb}
	if err != nil || mb.Messages < 2 {
		return f, err
	}
	err = migrate.FindTwins(ctx, t, mb, func(w migrate.Twins) error {
		f.Twins = append(f.Twins, jsonTwins(w))
		f.Surplus += len(w.Others)
		f.Octets += int64(len(w.Others)) * w.Size
		return nil
	})
	return f, err
}

// move puts the second copies aside.
func (f *twinFolder) move(ctx context.Context, t curator, aside migrate.Mailbox) error {
	var uids []uint32
	for _, w := range f.Twins {
		uids = append(uids, w.Others...)
	}
	if err := t.Quarantine(ctx, f.mailbox, uids, aside); err != nil {
		return err
	}
	f.Moved = len(uids)
	return nil
}

func writeTwins(env *environment, found []twinFolder, o dedupeOptions) {
	surplus, moved := 0, 0
	var octets int64
	for _, f := range found {
		if f.Surplus > 0 {
			fmt.Fprintf(env.stdout, "  %s: %s more than once (%s)\n", shownFolder(f.Folder), plural(int64(len(f.Twins)), "message", "messages"), humanSize(f.Octets))
		}
		surplus += f.Surplus
		moved += f.Moved
		octets += f.Octets
	}
	switch {
	case surplus == 0:
		fmt.Fprintf(env.stdout, "No message lies twice in any of %s.\n", plural(int64(len(found)), "folder", "folders"))
	case o.Quarantine != "":
		fmt.Fprintf(env.stdout, "%s moved to %s.\n", plural(int64(moved), "copy was", "copies were"), shownFolder(o.Quarantine))
	default:
		fmt.Fprintf(env.stdout, "%s too many, %s. --quarantine FOLDER moves them there.\n", plural(int64(surplus), "copy is", "copies are"), humanSize(octets))
	}
}
