package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// foreignStore recognises, by their content, stores that poplift can't read, and says the way round. It never reads half of one.
func foreignStore(path string) (name, way string) {
	const export = "export its folders as mbox or eml files in the program itself, then copy those"
	info, err := os.Stat(path)
	if err != nil {
		return "", ""
	}
	files := []string{path}
	if info.IsDir() {
		files = nil
		entries, err := os.ReadDir(path)
		if err != nil {
			return "", ""
		}
		for _, e := range entries[:min(len(entries), 200)] {
			if e.Type().IsRegular() {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
	}
	for _, f := range files {
		head := fileHead(f)
		switch {
		case bytes.HasPrefix(head, []byte("!BDN")):
			return "Outlook (PST or OST)", "readpst -r -u FILE makes mboxes of it (package pst-utils), then copy those"
		case len(head) >= 16 && binary.LittleEndian.Uint32(head) == 0xFE12ADCF:
			return "Outlook Express (dbx)", "undbx makes eml files of it, then copy those"
		case len(head) >= 4 && binary.LittleEndian.Uint32(head) == 0x36464D4A:
			return "Outlook Express 4", export
		case bytes.HasPrefix(head, []byte{0x20, 0x06, 0x79, 0x19}):
			return "The Bat!", "export the folders as Unix mailboxes (Tools, Export messages), then copy those"
		case bytes.HasPrefix(head, []byte("From ???@???")) && hasSibling(f, ".toc"):
			return "Eudora", "its .mbx files are mboxes without their attachments: name one as mbox:FILE, or " + export
		}
	}
	return "", ""
}

func fileHead(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	return head[:n]
}

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
