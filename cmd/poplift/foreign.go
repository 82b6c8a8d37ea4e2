package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
	"poplift/sources/filestore/unpack"
)

// foreign is a store that poplift can't read, and the way round. It never reads half of one.
type foreign struct {
	place     string // the directory that it lies in, or the file that it is
	name, way string
}

func (f foreign) Error() string {
	return fmt.Sprintf("a store of %s, which poplift can't read yet: %s", f.name, f.way)
}

// foreignOnly is the error of a path where nothing else lies.
type foreignOnly struct {
	foreign
	usage error
}

func (e foreignOnly) Error() string { return e.usage.Error() }

func (e foreignOnly) Unwrap() error { return e.usage }

// foreignEntries bounds how much of a tree is looked through.
const foreignEntries = 20_000

// foreignStores recognises, by their content, what can't be read at a path and below. skip are places that somebody reads.
func foreignStores(path string, skip func(string) bool) []foreign {
	var found []foreign
	left := foreignEntries
	filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch left--; {
		case left < 0:
			return fs.SkipAll
		case err != nil:
			return nil // whoever reads the rest will say so
		case p != path && skip(p):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		f, ok := foreignFile(p)
		if k := unpack.Archive(p); !ok && k != unpack.None {
			f, ok = foreignArchive(p, k)
			if f.place = p; ok {
				found = append(found, f)
				return nil
			}
		}
		if !ok {
			return nil
		}
		f.place = p
		if p != path {
			f.place = filepath.Dir(p)
			found = append(found, f)
			return fs.SkipDir // one of its files is enough
		}
		found = append(found, f)
		return nil
	})
	return found
}

// foreignArchive looks for such a store in an archive.
func foreignArchive(path string, k unpack.Kind) (f foreign, ok bool) {
	left := 1000
	unpack.Walk(path, k, func(name string, r io.Reader) bool {
		head := make([]byte, headSize)
		n, _ := io.ReadFull(r, head)
		f, ok = foreignHead(name, head[:n])
		left--
		return !ok && left > 0
	})
	return f, ok
}

// foreignFile says whose file one is.
func foreignFile(path string) (foreign, bool) {
	head := fileHead(path)
	if bytes.HasPrefix(head, []byte("From ???@???")) && hasSibling(path, ".toc") {
		return foreign{name: "Eudora", way: "its .mbx files are mboxes without their attachments: name one as mbox:FILE, or " + wayExport}, true
	}
	return foreignHead(path, head)
}

const wayExport = "export its folders as mbox or eml files in the program itself, then copy those"

// foreignHead tells by the first octets of a file.
func foreignHead(name string, head []byte) (foreign, bool) {
	switch base := strings.ToLower(filepath.Base(name)); {
	case bytes.HasPrefix(head, []byte("!BDN")):
		return foreign{name: "Outlook (PST or OST)", way: "readpst -r -u FILE makes mboxes of it (package pst-utils), then copy those"}, true
	case len(head) >= 16 && binary.LittleEndian.Uint32(head) == 0xFE12ADCF:
		return foreign{name: "Outlook Express (dbx)", way: "undbx makes eml files of it, then copy those"}, true
	case len(head) >= 4 && binary.LittleEndian.Uint32(head) == 0x36464D4A:
		return foreign{name: "Outlook Express 4", way: wayExport}, true
	case bytes.HasPrefix(head, []byte{0x20, 0x06, 0x79, 0x19}):
		return foreign{name: "The Bat!", way: "export the folders as Unix mailboxes (Tools, Export messages), then copy those"}, true
	case base == "hierarch.pm" && len(head) > 1 && head[1] == ',':
		return foreign{name: "Pegasus Mail", way: wayExport}, true
	}
	return foreign{}, false
}

// foreignPart has a tree's foreign stores reported beside what is read of it.
type foreignPart []foreign

func (p foreignPart) List(context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		for _, f := range p {
			if !yield(migrate.Entry{}, filestore.Unreadable("left out", f.place, f)) {
				return
			}
		}
	}
}

// Reads keeps others from reading half of them.
func (p foreignPart) Reads(path string) bool {
	for _, f := range p {
		if path == f.place {
			return true
		}
	}
	return false
}

func (p foreignPart) Read(context.Context, migrate.Entry, io.Writer) error {
	return errors.New("it has no messages")
}

func (p foreignPart) Close() error { return nil }

func fileHead(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, _ := io.ReadFull(f, head)
	return head[:n]
}

// headSize is how much of a file tells whose it is.
const headSize = 64

// hasSibling says whether a file of the same name and another extension lies beside one.
func hasSibling(path, ext string) bool {
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	for _, e := range []string{ext, strings.ToUpper(ext)} {
		if _, err := os.Stat(stem + e); err == nil {
			return true
		}
	}
	return false
}
