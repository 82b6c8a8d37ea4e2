package eml

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// metaSuffix ends the name of the file that Zimbra's export puts before each message: "123-Subject.eml.meta" (ArchiveFormatter.java).
const metaSuffix = ".meta"

// zimbraMeta is what such a file says (ItemData.java).
type zimbraMeta struct {
	Type     int    `json:"type"`
	FolderID int    `json:"folder_id"`
	Date     int64  `json:"date"` // seconds
	Flags    string `json:"FlagStr"`
	Path     string `json:"Path"`
	TagNames string `json:"TagNames"`
	TagStr   string `json:"TagStr"`
}

// zimbraFolders are the folders whose numbers are the same in every account (Mailbox.java).
var zimbraFolders = map[int]migrate.Role{2: migrate.RoleInbox, 3: migrate.RoleTrash, 4: migrate.RoleJunk, 5: migrate.RoleSent, 6: migrate.RoleDrafts}

// zimbraFlags are the letters of FlagStr (Flag.java). "u" is unread, and what only tells how a message looks is left out.
var zimbraFlags = map[rune]migrate.Flag{'f': migrate.Flagged, 'r': migrate.Answered, 'w': migrate.Forwarded, 'd': migrate.Draft, 'n': migrate.MDNSent}

// zimbra adds what a .meta file says of a message. ok is false when it is none.
func zimbra(e *migrate.Entry, b []byte) (ok bool) {
	var m zimbraMeta
	if json.Unmarshal(b, &m) != nil || m.Type == 0 && m.Path == "" {
		return false
	}
	add := func(f migrate.Flag) {
		if !slices.Contains(e.Flags, f) {
			e.Flags = append(e.Flags, f)
		}
	}
	if !strings.Contains(m.Flags, "u") {
		add(migrate.Seen)
	}
	for _, c := range m.Flags {
		if f, ok := zimbraFlags[c]; ok {
			add(f)
		}
	}
	e.Deleted = e.Deleted || strings.Contains(m.Flags, "x")
	for _, tag := range zimbraTags(m) {
		if k := filestore.Keyword(tag); k != "" {
			add(k)
		}
	}
	if m.Date > 1e11 {
		m.Date /= 1000
	}
	if t := time.Unix(m.Date, 0).UTC(); m.Date > 0 && t.Year() < 2100 {
		e.Date, e.DateRule = t, "Zimbra metadata"
	}
	e.Folder = zimbraFolder(e.Folder, m.Path)
	if role := zimbraFolders[m.FolderID]; role != "" && len(e.Folder) <= 1 {
		e.Role = role
		if role == migrate.RoleInbox {
			e.Folder = nil
		}
	}
	return true
}

// zimbraFolder is the folder of a message. In the archive its names have "_" for what file names can't have, and "!1" behind them from the
// 500th message on; the path in the metadata has them as they are.
func zimbraFolder(dir migrate.Path, path string) migrate.Path {
	if len(dir) == 0 {
		return dir
	}
	out := slices.Clone(dir)
	last := &out[len(out)-1]
	if name, number, ok := cutLast(*last, "!"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
		*last = name
	}
	names := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range out {
		if i >= len(names) || len([]rune(names[i])) != len([]rune(out[i])) {
			break
		}
		out[i] = names[i]
	}
	return out
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i > 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// zimbraTags parts "work:a\:b". Before version 6.0.7 another field had them, and before that only their numbers.
func zimbraTags(m zimbraMeta) (out []string) {
	all := m.TagNames
	if all == "" && strings.HasPrefix(m.TagStr, ":") {
		all = m.TagStr
	}
	var tag strings.Builder
	end := func() {
		if tag.Len() > 0 {
			out = append(out, tag.String())
		}
		tag.Reset()
	}
	escaped := false
	for _, c := range all {
		switch {
		case !escaped && c == '\\':
			escaped = true
			continue
		case !escaped && c == ':':
			end()
		default:
			tag.WriteRune(c)
		}
		escaped = false
	}
	end()
	return out
}
