package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"poplift/cmd/poplift/jobs"
)

func initCommand(env *environment) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "ask a few questions and write a first jobs file", ArgsUsage: "[JOBS.YAML]",
		Description: "Asks whose mail goes from where to where, and writes jobs.yaml, or the file that is named, and a CSV for the accounts where there are many. " +
			"Passwords are never asked for. A file that is there is never written over.",
		Action: func(c *cli.Context) error {
			path := c.Args().First()
			if path == "" {
				path = "jobs.yaml"
			}
			if c.NArg() > 1 {
				return usagef("one file is needed at most: poplift init [JOBS.YAML]")
			}
			return runInit(c.Context, env, os.Stdin, path)
		},
	}
}

// runInit is the whole of `poplift init`.
func runInit(ctx context.Context, env *environment, in io.Reader, path string) error {
	if _, err := os.Stat(path); err == nil {
		return usagef("%s is there already", path)
	}
	answers := bufio.NewReader(in)
	draft, err := jobs.Init(func(question, def string) (string, error) {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		prompt := question
		if def != "" {
			prompt += " [" + def + "]"
		}
		fmt.Fprint(env.stderr, prompt+" ")
		line, err := answers.ReadString('\n')
		if err != nil && line == "" {
			return "", usagef("the answers ended early")
		}
		if line = strings.TrimSpace(line); line == "" {
			line = def
		}
		return line, nil
	})
	if err != nil {
		return err
	}
	files := []struct {
		path string
		text []byte
	}{{path, draft.YAML}}
	if draft.CSVName != "" {
		csv := draft.CSVName
		if !filepath.IsAbs(csv) {
			csv = filepath.Join(filepath.Dir(path), csv)
		}
		files = append(files, struct {
			path string
			text []byte
		}{csv, draft.CSV})
	}
	for _, f := range files {
		if err := writeNew(f.path, f.text); err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, f.path)
	}
	fmt.Fprintf(env.stdout, "Next: poplift check %s\n", path)
	return nil
}

// writeNew writes a file that isn't there yet, for nobody else to read.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usagef("%v", err)
	}
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
