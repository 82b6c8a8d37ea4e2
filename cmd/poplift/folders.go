package main

import (
	"crypto/sha256"
	"fmt"
	"os"

	"poplift/migrate/route"
	"poplift/migrate/sieve"
)

// folderOptions says where the mail of folders goes, as text.
type folderOptions struct {
	Map              []string
	MapFile, Into    string
	Include, Exclude []string
}

// setFolders reads the user's rules about folders, and the Sieve script.
func (j *copyJob) setFolders(all copyOptions) error {
	o := all.Folders
	opts := route.Options{Include: o.Include, Exclude: o.Exclude, Into: o.Into}
	for _, text := range o.Map {
		r, err := route.ParseRule(text)
		if err != nil {
			return usagef("--map %s: %v", text, err)
		}
		opts.Map = append(opts.Map, r)
	}
	if o.MapFile != "" {
		f, err := os.Open(o.MapFile)
		if err != nil {
			return usagef("--map-file: %v", err)
		}
		defer f.Close()
		rules, err := route.ParseMapFile(f)
		if err != nil {
			return usagef("--map-file %s: %v", o.MapFile, err)
		}
		opts.Map = append(opts.Map, rules...) // what is on the command line comes first
	}
	if len(j.target.Folder) > 0 {
		if opts.Into != "" {
			return usagef("--into %s: the target's address names a folder already", opts.Into)
		}
		opts.Into = route.Quote(j.target.Folder)
	}
	engine, err := route.New(opts)
	if err != nil {
		return usagef("folders: %v", err)
	}
	j.router, j.intoName = engine, opts.Into
	return j.setSieve(all.Sieve)
}

// maxScript bounds a Sieve script; servers take less.
const maxScript = 1 << 20

func (j *copyJob) setSieve(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return usagef("--sieve: %v", err)
	}
	if info.Size() > maxScript {
		return usagef("--sieve %s: a script of %s is too long", path, humanSize(info.Size()))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return usagef("--sieve: %v", err)
	}
	account := j.target.User
	for _, s := range j.sources {
		if !s.onDisk() {
			account = s.User // the mail was for whoever has the maildrop
		}
	}
	script, err := sieve.Options{Account: account}.Load(path, text)
	if err != nil {
		return usagef("--sieve:\n%v", err)
	}
	for _, w := range script.Warnings() {
		j.log.Warn(w.Error())
	}
	j.filer, j.filerName = script, fmt.Sprintf("the Sieve script (%x)", sha256.Sum256(text))[:28]+")"
	return nil
}
