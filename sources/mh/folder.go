package mh

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore/onefile"
)

const (
	clawsMark     = ".claws_mark"
	clawsTags     = ".claws_tags"
	sylpheedMark  = ".sylpheed_mark"
	sequencesFile = ".mh_sequences"
)

// folder is one directory of messages with what is known of their flags.
type folder struct {
	place
	role     migrate.Role
	marks    map[uint32]uint32 // nil where no client has made any
	claws    bool              // they are those of Claws
	tags     map[uint32][]uint32
	tagNames map[uint32]string
	seq      sequences
}

// folder reads the indexes in a directory. One that can't be read costs what it says, not the mail.
func (s *Store) folder(p place) *folder {
	f := &folder{place: p, tagNames: s.client.tags}
	note := func(name string, err error) {
		if err != nil {
			s.log.Warn("mh: flags are not known", "file", filepath.Join(p.dir, name), "error", err)
		}
	}
	var err error
	for _, name := range []string{clawsMark, sylpheedMark} { // the older one may have been left behind
		f.marks, err = readFile(filepath.Join(p.dir, name), readMarks)
		note(name, err)
		if f.marks != nil {
			f.claws = name == clawsMark
			break
		}
	}
	if f.claws {
		f.tags, err = readFile(filepath.Join(p.dir, clawsTags), readTags)
		note(clawsTags, err)
	}
	if f.marks == nil {
		f.seq, err = readFile(filepath.Join(p.dir, sequencesFile), readSequences)
		note(sequencesFile, err)
	}
	f.role = s.client.roles[p.rel]
	if s.client.roles == nil && f.marks != nil && len(p.path) == 1 {
		f.role = ownFolders[strings.ToLower(p.path[0])]
	}
	if f.role == migrate.RoleInbox && len(p.path) == 1 || len(p.path) == 1 && strings.EqualFold(p.path[0], "INBOX") {
		f.path, f.role = nil, migrate.RoleInbox // there is only one INBOX, however it is called
	}
	return f
}

func (f *folder) file(number uint64) string {
	return filepath.Join(f.dir, strconv.FormatUint(number, 10))
}

// entry tells all of a message that can be told without keeping its body.
func (f *folder) entry(number uint64) (migrate.Entry, error) {
	rel := join(f.rel, strconv.FormatUint(number, 10))
	e := migrate.Entry{ID: rel, Folder: f.path, Role: f.role, DateRule: "file time"}
	f.flag(&e, number)
	fi, err := os.Stat(f.file(number))
	if err != nil {
		return e, f.broken(number, err)
	}
	e.Size, e.Fallback = fi.Size(), fi.ModTime()
	switch {
	case !fi.Mode().IsRegular():
		return e, onefile.ErrNotFile
	case fi.Size() == 0:
		return e, onefile.ErrEmpty
	}
	head, err := onefile.ReadHead(f.file(number))
	if err != nil {
		return e, err
	}
	e.ID, e.Stable = idOf(rel, e.Size, head), true
	return e, nil
}

// flag adds the flags of a message.
func (f *folder) flag(e *migrate.Entry, number uint64) {
	n := uint32(number)
	mark, marked := f.marks[n]
	switch {
	case f.marks == nil:
		e.Flags = f.seq.flags(number)
	case marked && uint64(n) == number:
		e.Flags, e.Deleted = markFlags(mark, f.claws)
		for _, id := range f.tags[n] {
			if k := migrate.Flag(f.tagNames[id]); k != "" && !slices.Contains(e.Flags, k) {
				e.Flags = append(e.Flags, k)
			}
		}
	}
	if f.role == migrate.RoleDrafts && !slices.Contains(e.Flags, migrate.Draft) {
		e.Flags = append(e.Flags, migrate.Draft)
	}
}

// broken tells a link that leads nowhere from a file that is gone.
func (f *folder) broken(number uint64, err error) error {
	if fi, e := os.Lstat(f.file(number)); e == nil && fi.Mode()&os.ModeSymlink != 0 {
		return onefile.ErrBrokenLink
	}
	return err
}
