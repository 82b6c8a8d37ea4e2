package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"poplift/migrate"
	"poplift/migrate/sieve"
)

const sieveTestHelp = `poplift sieve-test [options] FILE [MESSAGE...]

Checks the Sieve script in FILE, and says where each MESSAGE would go: one message a file, as in an .eml file or a Maildir; "-" is standard input.
Nothing is copied and nothing is sent. Warnings are what a migration doesn't do (vacation, reject, notify, …); they go to stderr.

     poplift sieve-test rules.sieve ~/Maildir/cur/*
     ssh old cat .dovecot.sieve > rules.sieve; poplift sieve-test rules.sieve < /dev/null

EXIT CODES
     0  done
     2  the script is wrong, or the command line; every error is told with line and column
     3  done, but some messages could not be read, or the script failed on them
`

func sieveTestCommand(env *environment) *cli.Command {
	cmd := &cli.Command{
		Name: "sieve-test", Usage: "check a Sieve script, and where it files messages", ArgsUsage: "FILE [MESSAGE...]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "delimiter", Usage: "the script parts the names of folders by `CHARACTER` (default: \"/\", or \".\" where it plainly does)"},
			&cli.StringFlag{Name: "envelope-from", Usage: "the envelope's sender is `ADDRESS` (default: as Return-Path says)"},
			&cli.StringFlag{Name: "envelope-to", Usage: "the envelope's recipient is `ADDRESS` (default: as Delivered-To and its like say)"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON array, an object a message"},
		},
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usagef("sieve-test needs the file of a script; see %s --help", c.Command.HelpName)
			}
			return runSieveTest(c.Context, env, sieveTestOptions{
				Script: c.Args().First(), Messages: c.Args().Tail(), Stdin: os.Stdin, JSON: c.Bool("json"),
				Sieve: sieve.Options{Delimiter: c.String("delimiter"), EnvelopeFrom: c.String("envelope-from"), EnvelopeTo: c.String("envelope-to")},
			})
		},
	}
	cmd.CustomHelpTemplate = helpTemplate(sieveTestHelp + flagHelp(cmd.Flags))
	return cmd
}

// sieveTestOptions is a script and what to try it on.
type sieveTestOptions struct {
	Script   string
	Messages []string // files; "-" is Stdin
	Stdin    io.Reader
	JSON     bool
	Sieve    sieve.Options
}

// sieveTested is what a script does with one message.
type sieveTested struct {
	Message   string          `json:"message"`
	Filings   []sieveFiling   `json:"filings"`
	Redirects []sieveRedirect `json:"redirects"`
	// Discarded says where, if nothing else is done with the message.
	Discarded *sievePlace `json:"discarded,omitempty"`
	Error     string      `json:"error,omitempty"`
}

// sievePlace is where in the script; the implicit keep has none.
type sievePlace struct {
	Command string `json:"command"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
}

type sieveFiling struct {
	// Name is the folder for people, Folder its path; that of the inbox is empty.
	Name   string         `json:"name"`
	Folder []string       `json:"folder"`
	Flags  []migrate.Flag `json:"flags"`
	sievePlace
}

type sieveRedirect struct {
	Address string `json:"address"`
	sievePlace
}

// runSieveTest loads a script, warns of it, and tries it on each message.
func runSieveTest(ctx context.Context, env *environment, o sieveTestOptions) error {
	text, err := readScript(o.Script)
	if err != nil {
		return usagef("%v", err)
	}
	script, err := o.Sieve.Load(o.Script, text)
	if err != nil {
		return usagef("%v", err)
	}
	for _, w := range script.Warnings() {
		fmt.Fprintf(env.stderr, "poplift: warning: %v\n", w)
	}
	pool := migrate.NewPool(migrate.DefaultBudget, "")
	all, left := []sieveTested{}, false
	for _, name := range o.Messages {
		t := trySieve(ctx, pool, script, name, o.Stdin)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		all = append(all, t)
		left = left || t.Error != ""
	}
	if err := writeSieveTest(env.stdout, o, all); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if left {
		return errLeft
	}
	return nil
}

func readScript(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 2<<20)) // more than Load takes
}

// trySieve reads a message and runs the script on it.
func trySieve(ctx context.Context, pool *migrate.Pool, script *sieve.Script, name string, stdin io.Reader) sieveTested {
	out := sieveTested{Message: name, Filings: []sieveFiling{}, Redirects: []sieveRedirect{}}
	m, err := readMessage(ctx, pool, name, stdin)
	if err != nil {
		out.Error = err.Error()
		return out
	}
	defer m.Body.Release()
	actions, err := script.Actions(ctx, m)
	if err != nil {
		out.Error = err.Error()
	}
	for _, a := range actions {
		at := sievePlace{a.Command, a.Line, a.Column}
		switch a.Command {
		case "redirect":
			out.Redirects = append(out.Redirects, sieveRedirect{a.Address, at})
		case "discard":
			out.Discarded = &at
		default:
			out.Filings = append(out.Filings, sieveFiling{a.Folder.String(), append([]string{}, a.Folder...), append([]migrate.Flag{}, a.Flags...), at})
		}
	}
	return out
}

// readMessage reads one message. The From_ line of an mbox with just one message in it is left out.
func readMessage(ctx context.Context, pool *migrate.Pool, name string, stdin io.Reader) (*migrate.Message, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	r := bufio.NewReader(in)
	if start, _ := r.Peek(5); bytes.Equal(start, []byte("From ")) {
		if _, err := r.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) && err != io.EOF {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	body := pool.NewSpool(ctx)
	if _, err := io.Copy(body, r); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", name, err), body.Release())
	}
	m := &migrate.Message{Entry: migrate.Entry{ID: name}, Body: body}
	m.Identity, m.Header = body.Seal()
	return m, nil
}

// writeSieveTest prints what would become of the messages.
func writeSieveTest(w io.Writer, o sieveTestOptions, all []sieveTested) error {
	if o.JSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(all)
	}
	if len(all) == 0 {
		_, err := fmt.Fprintf(w, "%s is in order\n", o.Script)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range all {
		fmt.Fprintf(t, "%s\n", shownName(m.Message))
		if m.Error != "" {
			fmt.Fprintf(t, "  failed: %s\n", shownName(m.Error))
		}
		for _, f := range m.Filings {
			sieveRow(t, "into "+shownName(f.Name), sieveFlags(f.Flags), o.Script, f.sievePlace)
		}
		for _, r := range m.Redirects {
			sieveRow(t, "relayed to "+shownName(r.Address), "", o.Script, r.sievePlace)
		}
		if m.Discarded != nil {
			sieveRow(t, "discarded", "", o.Script, *m.Discarded)
		}
	}
	return t.Flush()
}

func sieveRow(w io.Writer, what, flags, script string, at sievePlace) {
	place := at.Command
	if at.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d %s", script, at.Line, at.Column, at.Command)
	}
	fmt.Fprintf(w, "  %s\t%s\t%s\n", what, flags, place)
}

func sieveFlags(flags []migrate.Flag) string {
	var words []string
	for _, f := range flags {
		words = append(words, string(f))
	}
	return strings.Join(words, " ")
}
