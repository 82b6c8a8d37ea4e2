package eml

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// maxJSON bounds the files beside messages. The longest list of labels seen is far below.
const maxJSON = 4 << 20

// versioned is how the export of Proton wraps everything: {"Version":1,"Payload":…}.
type versioned[T any] struct {
	Version int
	Payload T
}

// metadata is what the export says of one message.
type metadata struct {
	LabelIDs                                     []string
	Unread, IsReplied, IsRepliedAll, IsForwarded flag
	Time                                         int64
}

// flag is a truth value that Proton's API writes as 0 or 1 and its tools also as false or true.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "1", "true":
		*f = true
	case "0", "false", "null":
		*f = false
	default:
		return fmt.Errorf("%s is neither 0 nor 1", b)
	}
	return nil
}

// label is a folder or label that the user has made.
type label struct {
	ID, Name, Path string
	Type           int
}

const (
	labelKeyword = 1
	labelFolder  = 3
)

// system are the folders with fixed IDs, the one that counts first. What is missing here says nothing of where a message lies: all mail,
// all drafts, all sent, snoozed, categories.
var system = []struct {
	id   string
	path migrate.Path
	role migrate.Role
}{
	{"3", migrate.Path{"Trash"}, migrate.RoleTrash},
	{"4", migrate.Path{"Spam"}, migrate.RoleJunk},
	{"9", migrate.Path{"Outbox"}, migrate.RoleOutbox},
	{"12", migrate.Path{"Scheduled"}, migrate.RoleOutbox},
	{"8", migrate.Path{"Drafts"}, migrate.RoleDrafts},
	{"0", nil, migrate.RoleInbox},
	{"7", migrate.Path{"Sent"}, migrate.RoleSent},
	{"6", migrate.Path{"Archive"}, migrate.RoleArchive},
}

const starred = "10"

// labels are what the files beside the messages of one directory say of them.
type labels struct {
	byID map[string]label
	read func(name string) ([]byte, error)
	log  *slog.Logger
}

// newLabels reads labels.json in a directory, which is missing in all trees but those of Proton. read reads a small file.
func newLabels(log *slog.Logger, dir string, read func(name string) ([]byte, error)) *labels {
	l := &labels{read: read, log: log}
	name := filepath.ToSlash(filepath.Join(dir, "labels.json"))
	b, err := read(name)
	if err == nil {
		l.byID, err = parseLabels(b)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("eml: the names of Proton's folders are not known", "file", name, "error", err)
	}
	return l
}

func parseLabels(b []byte) (map[string]label, error) {
	var v versioned[[]label]
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	byID := map[string]label{}
	for _, l := range v.Payload {
		byID[l.ID] = l
	}
	return byID, nil
}

// apply adds what the metadata beside a message says of it. Damaged metadata cost what they say, not the message.
func (l *labels) apply(e *migrate.Entry, path string) {
	if b, err := l.read(path + metaSuffix); err == nil && zimbra(e, b) {
		return
	}
	base := strings.TrimSuffix(path, filepath.Ext(path))
	for _, suffix := range []string{".metadata.json", "metadata.json"} { // the first exports had no dot
		b, err := l.read(base + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var m metadata
		if err == nil {
			m, err = parseMetadata(b)
		}
		if err != nil {
			l.log.Warn("eml: flags and folder are not known", "file", base+suffix, "error", err)
			return
		}
		l.tell(e, m)
		return
	}
}

func parseMetadata(b []byte) (metadata, error) {
	var v versioned[metadata]
	if err := json.Unmarshal(b, &v); err != nil {
		return metadata{}, err
	}
	if v.Version == 0 && len(v.Payload.LabelIDs) == 0 { // the first exports had no wrapping
		err := json.Unmarshal(b, &v.Payload)
		return v.Payload, err
	}
	return v.Payload, nil
}

// tell translates metadata.
func (l *labels) tell(e *migrate.Entry, m metadata) {
	add := func(f migrate.Flag, is flag) {
		if bool(is) && !slices.Contains(e.Flags, f) {
			e.Flags = append(e.Flags, f)
		}
	}
	add(migrate.Seen, !m.Unread)
	add(migrate.Answered, m.IsReplied || m.IsRepliedAll)
	add(migrate.Forwarded, m.IsForwarded)
	add(migrate.Flagged, flag(slices.Contains(m.LabelIDs, starred)))
	if t := time.Unix(m.Time, 0).UTC(); m.Time > 0 && t.Year() < 2100 {
		e.Date, e.DateRule = t, "Proton metadata"
	}
	for _, s := range slices.Backward(system) {
		if slices.Contains(m.LabelIDs, s.id) {
			e.Folder, e.Role = s.path, s.role
		}
	}
	for _, id := range m.LabelIDs {
		switch known := l.byID[id]; known.Type {
		case labelFolder:
			if p := splitPath(known); len(p) > 0 {
				e.Folder, e.Role = p, ""
			}
		case labelKeyword:
			k := filestore.Keyword(known.Name)
			add(k, k != "")
		}
	}
	add(migrate.Draft, e.Role == migrate.RoleDrafts)
}

// splitPath parts the path of a folder at its slashes; one that belongs to a name has a backslash before it.
func splitPath(l label) migrate.Path {
	const slash = "\x00"
	var p migrate.Path
	for n := range strings.SplitSeq(strings.ReplaceAll(l.Path, `\/`, slash), "/") {
		if n = strings.ReplaceAll(n, slash, "/"); n != "" {
			p = append(p, n)
		}
	}
	if len(p) == 0 && l.Name != "" {
		p = migrate.Path{l.Name}
	}
	return p
}

var errTooLarge = errors.New("it is too large, or no file at all")

// readSmall reads a file that is small when it is what it should be.
func readSmall(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() || fi.Size() > maxJSON {
		return nil, errTooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxJSON))
}
