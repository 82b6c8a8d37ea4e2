package thunderbird

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poplift/migrate"
)

// kindOfPath is what a path that was named by the user is.
type kindOfPath uint8

const (
	notOurs     kindOfPath = iota
	profiles               // a directory with profiles.ini
	profile                // a directory with prefs.js, or with Mail
	mailDir                // a directory of accounts
	accountDir             // a directory of folders
	folderFile             // an mbox
	folderInDir            // a folder in the maildir store
)

// classify says what a path is, by what lies in it.
func classify(path string) kindOfPath {
	info, err := os.Stat(path)
	if err != nil {
		return notOurs
	}
	if info.Mode().IsRegular() {
		if beginsAsOurs(path) {
			return folderFile
		}
		return notOurs
	}
	if !info.IsDir() {
		return notOurs
	}
	isFile := func(name string) bool {
		info, err := os.Stat(filepath.Join(path, name))
		return err == nil && info.Mode().IsRegular()
	}
	switch {
	case isFile("profiles.ini"):
		return profiles
	case isFile("prefs.js") || isMailDir(filepath.Join(path, "Mail")):
		return profile
	case isDir(filepath.Join(path, "cur")) && beginsAsOurs(firstIn(filepath.Join(path, "cur"))):
		return folderInDir
	case isAccountDir(path):
		return accountDir
	case isMailDir(path):
		return mailDir
	}
	return notOurs
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func firstIn(dir string) string {
	names, err := readNames(dir)
	if err != nil || len(names) == 0 {
		return ""
	}
	return filepath.Join(dir, slices.Min(names))
}

// isMailDir says that a directory holds accounts.
func isMailDir(path string) bool {
	return len(subAccounts(path)) > 0
}

// subAccounts are the directories with folders below a directory.
func subAccounts(path string) []string {
	names, err := readNames(path)
	if err != nil {
		return nil
	}
	slices.Sort(names)
	var out []string
	for _, name := range names {
		if dir := filepath.Join(path, name); !strings.HasSuffix(name, sbd) && !strings.HasPrefix(name, ".") && isAccountDir(dir) {
			out = append(out, dir)
		}
	}
	return out
}

// isAccountDir says that a directory holds folders as this client keeps them: with an index or subfolders beside them, or with the client's own
// files, or at least with its own fields in the first message of most of them: single messages that have such fields lie about everywhere.
func isAccountDir(path string) bool {
	names, err := readNames(path)
	if err != nil {
		return false
	}
	slices.Sort(names)
	tried, ours, others := 0, 0, 0
	for _, name := range names {
		file := filepath.Join(path, name)
		switch low := strings.ToLower(name); {
		case strings.HasSuffix(low, ".msf"):
			if beginsWith(file, "// <!-- <mdb:mork") || slices.Contains(names, strings.TrimSuffix(name, name[len(name)-4:])) {
				return true
			}
		case low == "popstate.dat" && beginsWith(file, "#"), low == "msgfilterrules.dat" && beginsWith(file, "version="):
			return true
		case strings.HasSuffix(name, sbd) && isDir(file):
			return true
		case !skipped(name) && tried < triedFiles:
			tried++
			switch {
			case beginsAsOurs(file) && beginsWithFrom(file), beginsAsOurs(firstIn(filepath.Join(file, "cur"))):
				ours++
			case beginsWithFrom(file):
				others++
			}
		}
	}
	return ours > others
}

// triedFiles bounds the files of a directory that are looked into.
const triedFiles = 20

func beginsWith(file, s string) bool {
	return strings.HasPrefix(beginning(file, len(s)), s)
}

func beginning(file string, n int) string {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() { // a pipe would keep us waiting
		return ""
	}
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(n)))
	if err != nil {
		return ""
	}
	return string(b)
}

// beginsAsOurs says that the first message of a file has the client's own fields.
func beginsAsOurs(file string) bool {
	head := beginning(file, 16<<10)
	sc := bufio.NewScanner(strings.NewReader(head))
	for sc.Scan() {
		if len(sc.Bytes()) == 0 {
			return false
		}
		if strings.HasPrefix(sc.Text(), "X-Mozilla-Status:") {
			return true
		}
	}
	return false
}

// beginsWithFrom says that a file is an mbox by its first word.
func beginsWithFrom(file string) bool {
	return strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(beginning(file, 64), "\ufeff"), "\r\n"), "From ")
}

// profileOf chooses the profile to read of those in a profiles.ini: the one that the installed program opens, or else the only one with mail.
func profileOf(dir string, log *slog.Logger) string {
	all, first := listedProfiles(dir)
	var withMail []string
	for _, p := range all {
		if isDir(filepath.Join(p, "Mail")) {
			withMail = append(withMail, p)
		}
	}
	chosen := first
	if len(withMail) > 0 && !slices.Contains(withMail, first) {
		chosen = withMail[0]
	}
	for _, p := range withMail {
		if p != chosen {
			log.Warn("thunderbird: another profile is not read; name its directory to read it", "profile", p, "read", chosen)
		}
	}
	return chosen
}

// listedProfiles reads profiles.ini: the directories in it, and which is opened by default.
func listedProfiles(dir string) (all []string, first string) {
	var section, path, install, marked string
	relative, byDefault := true, false
	end := func() {
		if strings.HasPrefix(section, "Profile") && path != "" {
			p := profilePath(dir, path, relative)
			all = append(all, p)
			if byDefault && marked == "" {
				marked = p
			}
		}
		path, relative, byDefault = "", true, false
	}
	sc := bufio.NewScanner(strings.NewReader(beginning(filepath.Join(dir, "profiles.ini"), 1<<20)))
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		if strings.HasPrefix(line, "[") {
			end()
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		switch {
		case key == "Path":
			path = value
		case key == "IsRelative":
			relative = value != "0"
		case key == "Default" && strings.HasPrefix(section, "Install"):
			install = profilePath(dir, value, !filepath.IsAbs(value))
		case key == "Default":
			byDefault = value == "1"
		}
	}
	end()
	switch {
	case slices.Contains(all, install):
		return all, install
	case marked != "":
		return all, marked
	case len(all) > 0:
		return all, all[0]
	}
	return nil, ""
}

func profilePath(dir, path string, relative bool) string {
	if relative {
		return filepath.Join(dir, filepath.FromSlash(path))
	}
	return path
}

// placed is an account and where its folders are to stand.
type placed struct {
	account
	prefix migrate.Path
}

// arrange gives the accounts their places, as the package comment says. Each name is used once.
func arrange(accounts []account) []placed {
	mail := 0
	for _, a := range accounts {
		if a.isMail() {
			mail++
		}
	}
	var out []placed
	used := map[string]bool{}
	for _, a := range accounts {
		p := placed{account: a}
		alone := len(accounts) == 1 || a.isMail() && mail == 1
		if !alone {
			name := a.name
			for used[strings.ToLower(name)] {
				name += " (" + filepath.Base(a.dir) + ")"
			}
			used[strings.ToLower(name)] = true
			p.prefix = migrate.Path{name}
		}
		out = append(out, p)
	}
	return out
}

func (a account) isMail() bool { return a.kind == "pop3" || a.kind == "imap" || a.kind == "movemail" }

// hasMail says that there is an octet of mail in an account.
func (a account) hasMail() bool {
	found := false
	w := walker{root: a.dir, seen: map[string]bool{}, yield: func(f folder, err error) bool {
		found = err != nil || !f.maildir || firstIn(filepath.Join(f.file, "cur")) != ""
		return !found
	}}
	w.dir(context.Background(), a.dir, nil, false, 0)
	return found
}
