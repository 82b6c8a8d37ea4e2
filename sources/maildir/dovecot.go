package maildir

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxLine bounds a line of an index file; a longer one is no index.
const maxLine = 64 << 10

// listed is what dovecot-uidlist knows of a message.
type listed struct {
	rank int32 // its place in the list, from 1
	uidl string
}

// readUidlist reads Dovecot's list of a folder's messages in the order of their UIDs: since version 3, "uid fields :name", where a
// field is a letter and its value and P is the UIDL that a POP3 server before this one gave out (dovecot's maildir-uidlist.h); in version
// 1, "uid name". What can't be read is left out: the files themselves say what there is.
func readUidlist(r io.Reader) (map[string]listed, error) {
	list := map[string]listed{}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 4096), maxLine)
	if !in.Scan() {
		return list, in.Err()
	}
	version, _, _ := strings.Cut(in.Text(), " ")
	if version != "1" && version != "3" {
		return list, errors.New("dovecot-uidlist of version " + strconv.Quote(version))
	}
	for rank := int32(1); in.Scan(); rank++ {
		uid, rest, ok := strings.Cut(in.Text(), " ")
		if _, err := strconv.ParseUint(uid, 10, 32); err != nil || !ok {
			continue
		}
		l := listed{rank: rank}
		name := rest
		if version == "3" {
			fields := ""
			if fields, name, ok = cutFields(rest); !ok {
				continue
			}
			for f := range strings.SplitSeq(fields, " ") {
				if uidl, ok := strings.CutPrefix(f, "P"); ok {
					l.uidl = uidl
				}
			}
		}
		if base, _ := splitName(name); base != "" {
			list[base] = l
		}
	}
	return list, in.Err()
}

// cutFields parts "W1394 Pabc :name" at the colon that begins a word.
func cutFields(s string) (fields, name string, ok bool) {
	if name, ok := strings.CutPrefix(s, ":"); ok {
		return "", name, true
	}
	return strings.Cut(s, " :")
}

// readKeywords reads dovecot-keywords: "0 $Junk" says what the letter a means, and so on.
func readKeywords(r io.Reader) ([]string, error) {
	keywords := make([]string, 26)
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 1024), maxLine)
	for in.Scan() {
		number, word, _ := strings.Cut(in.Text(), " ")
		if n, err := strconv.Atoi(number); err == nil && n >= 0 && n < len(keywords) {
			keywords[n] = strings.TrimSpace(word)
		}
	}
	return keywords, in.Err()
}

// readIndex applies a reader to a file beside cur and new. One that isn't there is empty; what another error left is still of use.
func readIndex[T any](dir, name string, read func(io.Reader) (T, error)) (T, error) {
	var none T
	path := filepath.Join(dir, name)
	if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() {
		return none, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close()
	return read(f)
}
