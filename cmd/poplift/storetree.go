package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"poplift/sources/eml"
	"poplift/sources/filestore"
	"poplift/sources/filestore/unpack"
	"poplift/sources/mbox"
)

// A tree can hold several kinds of store: a profile beside old exports, mboxes beside single messages. Each kind reads its own, and what one has
// claimed is skipped by those behind it, so that nothing is read twice and nothing is left out.

// claimer is a Store that tells what in a tree is its own.
type claimer interface{ Reads(path string) bool }

// chain are the kinds in a tree, with what each leaves to those before it.
type chain struct {
	parts []filestore.Part
	reads []func(path string) bool
}

// skip says whether the parts that are there already read what lies at a path.
func (c *chain) skip(path string) bool { return anyReads(c.reads, path) }

func anyReads(reads []func(string) bool, path string) bool {
	return slices.ContainsFunc(reads, func(r func(string) bool) bool { return r(path) })
}

// add opens a store of a kind that reads what is left of the tree.
func (c *chain) add(k storeKind, r storeRequest) (filestore.Store, error) {
	before := slices.Clone(c.reads)
	r.skip = func(path string) bool { return anyReads(before, path) }
	r.leaveMbox = slices.ContainsFunc(c.parts, func(p filestore.Part) bool { return p.Name == "mbox" }) // which has all the others
	st, err := k.open(r)
	if err != nil {
		return nil, err
	}
	c.parts = append(c.parts, filestore.Part{Name: k.scheme, Store: st})
	if cl, ok := st.(claimer); ok {
		c.reads = append(c.reads, cl.Reads)
	}
	return st, nil
}

// drop takes a store away again, if it was added.
func (c *chain) drop(st filestore.Store) {
	if st == nil {
		return
	}
	if _, ok := st.(claimer); ok {
		c.reads = c.reads[:len(c.reads)-1]
	}
	c.parts = c.parts[:len(c.parts)-1]
	st.Close()
}

// foreignKind has no title: it holds no mail, and only keeps what can't be read from being read by halves.
func foreignKind() storeKind {
	return storeKind{scheme: "foreign", detect: anything, open: func(r storeRequest) (filestore.Store, error) {
		return foreignPart(foreignStores(r.path, r.skip)), nil
	}}
}

// kindOf tells by content what kind of store lies at a path. Of several kinds in a tree or an archive it makes one. raw is what the user has typed.
func kindOf(raw, path string) (storeKind, error) {
	kinds := storeKinds()
	at := slices.IndexFunc(kinds, func(k storeKind) bool { return k.scheme == "mbox" })
	kinds = slices.Insert(kinds, at, foreignKind())
	var found []storeKind
	var c chain
	var problem error
	defer func() { filestore.Join(c.parts...).Close() }()
	single, mail := isPlainFile(path), 0
	for _, k := range kinds {
		if len(found) > 0 && (single || c.skip(path)) {
			break
		}
		if !k.detect(path) {
			continue
		}
		st, err := c.add(k, storeRequest{path: path})
		n := 2
		if err != nil {
			n = 0
		} else if !k.sure {
			n, err = look(st)
		}
		switch {
		case errors.As(err, new(foreign)):
			found = append(found, k)
		case n == 0, single && n == 1 && k.scheme == "mbox" && eml.Detect(path) && !bytes.HasPrefix(fileHead(path), []byte("From ")):
			c.drop(st) // a message alone
		default:
			found, mail = append(found, k), mail+1
		}
		problem = cmp.Or(problem, err)
	}
	var f foreign
	switch {
	case mail == 0 && errors.As(problem, &f):
		return storeKind{}, foreignOnly{f, usagef("%s is %v", raw, f)}
	case mail == 0 && problem != nil && !errors.Is(problem, mbox.ErrNotMbox):
		return storeKind{}, usagef("%s: %v", raw, problem)
	case mail == 0:
		return storeKind{}, usagef("%s: no mail that poplift knows lies there; it reads %s", raw, storeTitles())
	case len(found) == 1:
		return found[0], nil
	}
	return several(found), nil
}

// isPlainFile says that a path is one file and no archive.
func isPlainFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && unpack.Archive(path) == unpack.None
}

// look says whether a store has no message, one, or more (2), and what is wrong if it has none.
func look(st filestore.Store) (n int, problem error) {
	for _, err := range st.List(context.Background()) {
		if err != nil {
			problem = cmp.Or(problem, err)
		} else if n++; n == 2 {
			break
		}
	}
	return n, problem
}

const severalScheme = "mail"

// several makes one kind of those in a tree.
func several(kinds []storeKind) storeKind {
	var titles []string
	for _, k := range kinds {
		if k.title != "" {
			titles = append(titles, k.title)
		}
	}
	last := len(titles) - 1
	title := titles[last]
	if last > 0 {
		title = strings.Join(titles[:last], ", ") + " and " + title
	}
	return storeKind{
		scheme: severalScheme, title: title,
		open: func(r storeRequest) (filestore.Store, error) {
			var c chain
			for _, k := range kinds {
				if _, err := c.add(k, r); err != nil {
					filestore.Join(c.parts...).Close()
					return nil, err
				}
			}
			return filestore.Join(c.parts...), nil
		},
	}
}
