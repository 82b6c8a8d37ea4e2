package takeout

import (
	"math"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// place is a folder that a message can be in.
type place struct {
	path migrate.Path
	role migrate.Role
}

// places are the folders that Gmail has by itself. The target's own folder of that role is used where it says so.
var places = map[meaning]place{
	isInbox:    {nil, migrate.RoleInbox},
	isSent:     {migrate.Path{"Sent"}, migrate.RoleSent},
	isDrafts:   {migrate.Path{"Drafts"}, migrate.RoleDrafts},
	isSpam:     {migrate.Path{"Junk"}, migrate.RoleJunk},
	isTrash:    {migrate.Path{"Trash"}, migrate.RoleTrash},
	isArchived: {migrate.Path{"Archive"}, migrate.RoleArchive},
	isChat:     {migrate.Path{"Chats"}, ""},
}

// order is which folder of several a message is in. Mail in the trash or in spam is nowhere else in Gmail either.
var order = []meaning{isTrash, isSpam, isChat, isDrafts, isInbox, isSent, isFolder, isArchived}

// sorted is a message's labels by what they mean.
type sorted struct {
	has      map[meaning]bool
	own      []string // the user's, in their order
	keywords []migrate.Flag
}

func sortLabels(labels []string) sorted {
	s := sorted{has: map[meaning]bool{}}
	for _, l := range labels {
		m := meaningOf(l)
		if m == isFolder && len(path(l)) == 0 {
			continue
		}
		s.has[m] = true
		switch m {
		case isFolder:
			s.own = append(s.own, l)
		case isKeyword:
			if k := imapKeyword(strings.TrimPrefix(l, "IMAP_")); k != "" {
				s.keywords = append(s.keywords, k)
			}
		}
	}
	return s
}

// flags are those that don't depend on the folder.
func (s sorted) flags(labelled bool) []migrate.Flag {
	var out []migrate.Flag
	if labelled && !s.has[isUnread] {
		out = append(out, migrate.Seen)
	}
	if s.has[isStarred] {
		out = append(out, migrate.Flagged)
	}
	if s.has[isDrafts] {
		out = append(out, migrate.Draft)
	}
	if s.has[isImportant] {
		out = append(out, "$Important") // RFC 8457
	}
	if s.has[isMuted] {
		out = append(out, "$muted") // the registry of RFC 5788
	}
	return append(out, s.keywords...)
}

// folders are the places of a message, the first one first.
func (s sorted) folders() []place {
	var out []place
	for _, m := range order {
		if !s.has[m] {
			continue
		}
		if m == isFolder {
			for _, l := range s.own {
				out = append(out, place{path: path(l)})
			}
			continue
		}
		if m == isArchived && len(out) > 0 {
			break // it only says that it isn't in the inbox
		}
		out = append(out, places[m])
		if m == isTrash || m == isSpam || m == isChat {
			break
		}
	}
	if len(out) == 0 {
		out = append(out, places[isArchived])
	}
	return out
}

// copyMark stands in the ID of a copy, before its folder.
const copyMark = "@"

// entries are one message in its folders; none for a chat that nobody asked for.
func (s *Store) entries(m message, id string, labels []string) []migrate.Entry {
	l := sortLabels(labels)
	if l.has[isChat] && !s.options.Chats {
		return nil
	}
	e := migrate.Entry{ID: id, Stable: true, Flags: l.flags(m.labelled), Date: m.part.Date, Size: m.size, Seq: math.MaxInt}
	if m.part.Offset < math.MaxInt {
		e.Seq = int(m.part.Offset) + 1
	}
	if !e.Date.IsZero() {
		e.DateRule = "From_ line"
	}
	folders := l.folders()
	e.Folder, e.Role = folders[0].path, folders[0].role
	if s.options.Labels == Keywords {
		for i, own := range l.own {
			if i > 0 || len(folders[0].path) == 0 || folders[0].role != "" {
				e.Flags = append(e.Flags, filestore.Keyword(own))
			}
		}
		e.Flags = unique(e.Flags)
	}
	out := []migrate.Entry{e}
	if s.options.Labels == Copies {
		for _, f := range folders[1:] {
			c := e
			c.ID = id + copyMark + f.path.String()
			c.Folder, c.Role = f.path, f.role
			c.Flags = slices.Clone(e.Flags)
			out = append(out, c)
		}
	}
	return out
}

func unique(flags []migrate.Flag) []migrate.Flag {
	var out []migrate.Flag
	for _, f := range flags {
		if f != "" && !slices.ContainsFunc(out, func(g migrate.Flag) bool { return strings.EqualFold(string(f), string(g)) }) {
			out = append(out, f)
		}
	}
	return out
}

// imapKeywords are the words of IMAP clients that have a registered keyword.
var imapKeywords = map[string]migrate.Flag{"junk": migrate.Junk, "$junk": migrate.Junk, "notjunk": migrate.NotJunk, "$notjunk": migrate.NotJunk,
	"forwarded": migrate.Forwarded, "$forwarded": migrate.Forwarded, "$mdnsent": migrate.MDNSent}

func imapKeyword(name string) migrate.Flag {
	if f, ok := imapKeywords[strings.ToLower(name)]; ok {
		return f
	}
	return filestore.Keyword(name)
}
