package mbox

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// dialect is what the client that a directory belongs to does differently.
type dialect uint8

const (
	noDialect dialect = iota
	// evolution keeps the children of a folder in Name.sbd (2) or in Name/subfolders, with an mbox in each directory (1).
	evolution
	// kmail keeps them in .Name.directory, and an index in .Name.index.
	kmailMboxes
)

// dialectOf looks at what lies beside the mboxes.
func dialectOf(entries []fs.DirEntry) dialect {
	for _, e := range entries {
		switch n := e.Name(); {
		case e.IsDir():
		case n == "local-metadata.xml", strings.HasSuffix(n, ".ev-summary"), strings.HasSuffix(n, ".cmeta"), strings.HasSuffix(n, ".ibex.index"):
			return evolution
		case strings.HasPrefix(n, ".") && strings.HasSuffix(n, ".index") && len(n) > len("..index"):
			return kmailMboxes
		}
	}
	return noDialect
}

// The folders that these clients give the same names in every language.
var (
	evolutionRoles = map[string]migrate.Role{"Drafts": migrate.RoleDrafts, "Outbox": migrate.RoleOutbox, "Sent": migrate.RoleSent,
		"Templates": migrate.RoleTemplates, "Trash": migrate.RoleTrash}
	kmailRoles = map[string]migrate.Role{"drafts": migrate.RoleDrafts, "outbox": migrate.RoleOutbox, "sent-mail": migrate.RoleSent,
		"templates": migrate.RoleTemplates, "trash": migrate.RoleTrash}
)

func (d dialect) role(p migrate.Path) migrate.Role {
	switch {
	case len(p) == 0:
		return migrate.RoleInbox
	case len(p) > 1:
		return ""
	case d == evolution:
		return evolutionRoles[p[0]]
	case d == kmailMboxes:
		return kmailRoles[p[0]]
	}
	return ""
}

// isSpool says whether the store is one user's mail where a system delivers it.
func (s *Store) isSpool(path string) bool {
	switch dir := filepath.ToSlash(filepath.Dir(path)); dir {
	case "/var/mail", "/var/spool/mail":
		return path == s.path
	}
	return false
}

// folderOf makes a folder of a relative path: its names decoded, without the endings that people and programs give to such files and
// directories. INBOX is nil.
func folderOf(rel string, d dialect) migrate.Path {
	if rel == "" || rel == "." {
		return nil
	}
	names := strings.Split(withoutEnding(rel), "/")
	if d == evolution || isEvolution(names) {
		names = withoutEvolution(names)
	}
	if strings.EqualFold(names[0], "INBOX") {
		if len(names) == 1 {
			return nil
		}
		if d != noDialect {
			names[0] = "INBOX" // its children stand below it
		}
	}
	path := make(migrate.Path, len(names))
	for i, n := range names {
		if i < len(names)-1 {
			n = withoutContainer(n)
		}
		path[i] = folderName(n)
	}
	return path
}

// withoutContainer is the folder whose children lie in a directory: those of Netscape's heirs and Evolution 2 in Name.sbd, those of KMail in
// .Name.directory.
func withoutContainer(dir string) string {
	if n, ok := strings.CutSuffix(dir, ".sbd"); ok && n != "" {
		return n
	}
	if n, ok := strings.CutSuffix(dir, ".directory"); ok && len(n) > 1 && n[0] == '.' {
		return n[1:]
	}
	return dir
}

// withoutEvolution leaves out of names what Evolution puts between folders, and what is above its own.
func withoutEvolution(names []string) []string {
	if n := len(names); n > 1 && names[n-1] == "mbox" {
		names = names[:n-1]
		for i := len(names) - 2; i > 0; i -= 2 {
			if names[i] != "subfolders" {
				break
			}
			names = slices.Delete(slices.Clone(names), i, i+1)
		}
	}
	for i, n := range names {
		if n != "evolution" && n != ".evolution" && n != "mail" && n != "local" {
			continue
		}
		local := i + slices.Index(names[i:], "local")
		if local < i || local > i+2 || local == len(names)-1 || i > 0 && n == "local" {
			break
		}
		return slices.Concat(names[:i], names[local+1:])
	}
	return names
}

// isEvolution says that a path goes through Evolution's own directory.
func isEvolution(names []string) bool {
	i := slices.Index(names, "local")
	return i > 0 && slices.ContainsFunc(names[:i], func(n string) bool { return n == "evolution" || n == ".evolution" })
}

func withoutEnding(rel string) string {
	for _, ext := range []string{".bz2", ".gz", ".tgz", ".tar", ".zip", ".mbox", ".mbx"} {
		if n := len(rel) - len(ext); n > 0 && rel[n-1] != '/' && strings.EqualFold(rel[n:], ext) {
			rel = rel[:n]
		}
	}
	return rel
}

// folderName decodes a name on disk: servers that keep mail in mbox files name them in modified UTF-7; a name that is no UTF-8 is Latin-1.
func folderName(n string) string {
	if !utf8.ValidString(n) {
		runes := make([]rune, len(n))
		for i := range len(n) {
			runes[i] = rune(n[i])
		}
		return string(runes)
	}
	return mutf7.Decode(n)
}
