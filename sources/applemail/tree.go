package applemail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"poplift/migrate"
)

// mailbox is one folder with messages.
type mailbox struct {
	path migrate.Path
	role migrate.Role
	// dirs are the directories with its emlx files.
	dirs []string
	// mbox is the file of an exported package, or "".
	mbox string
}

// suffixes of the directories that are mailboxes.
var suffixes = []string{".mbox", ".imapmbox"}

// mailboxName returns the name of a mailbox by that of its directory.
func mailboxName(dir string) (string, bool) {
	for _, s := range suffixes {
		if name, ok := strings.CutSuffix(dir, s); ok && name != "" && name != "." && name != ".." {
			return name, true
		}
	}
	return "", false
}

// roles are by the names that the program gives its mailboxes on disk, whatever language it speaks.
var roles = map[string]migrate.Role{
	"inbox": migrate.RoleInbox, "sent messages": migrate.RoleSent, "sent": migrate.RoleSent, "sent mail": migrate.RoleSent, "drafts": migrate.RoleDrafts,
	"deleted messages": migrate.RoleTrash, "trash": migrate.RoleTrash, "bin": migrate.RoleTrash, "junk": migrate.RoleJunk, "spam": migrate.RoleJunk,
	"archive": migrate.RoleArchive, "all mail": migrate.RoleArchive, "outbox": migrate.RoleOutbox,
}

// maxNesting bounds how deep mailboxes are nested; the file system's own bound is mostly met first.
const maxNesting = 1000

// walker finds the mailboxes below a directory.
type walker struct {
	yield func(mailbox, error) bool
	// seen has the true names of all directories that were read, so that none is read twice by way of links.
	seen map[string]bool
}

var (
	errTwice  = errors.New("a link leads to a directory that was read already")
	errNested = errors.New("mailboxes are nested too deep")
)

// names are the entries of a directory, in order; an error if it was read before.
func (w *walker) names(dir string) ([]string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if w.seen[real] {
		return nil, errTwice
	}
	w.seen[real] = true
	return readNames(dir)
}

// dir walks through a directory of mailboxes. top says that it is an account's, whose INBOX is the INBOX of the prefix.
func (w *walker) dir(dir string, prefix migrate.Path, depth int) bool {
	names, err := w.names(dir)
	if err == nil && depth > maxNesting {
		err = errNested
	}
	if err != nil {
		return w.yield(mailbox{path: prefix}, unreadable(dir, err))
	}
	if hasLoose(dir, names) && !w.yield(mailbox{path: prefix, dirs: []string{dir}}, nil) {
		return false
	}
	for _, n := range names {
		sub := filepath.Join(dir, n)
		if strings.HasPrefix(n, ".") || !isDir(sub) {
			continue
		}
		name, is := mailboxName(n)
		if is && !w.mailbox(sub, name, prefix, depth) {
			return false
		}
		// Old versions keep the children of Name.mbox in a directory Name beside it.
		if !is && hasMailboxes(sub) && !w.dir(sub, appended(prefix, n), depth+1) {
			return false
		}
	}
	return true
}

func appended(p migrate.Path, name string) migrate.Path {
	return append(p[:len(p):len(p)], strings.ToValidUTF8(name, "_"))
}

// mailbox walks through one mailbox and those below it.
func (w *walker) mailbox(dir, name string, prefix migrate.Path, depth int) bool {
	m := mailbox{path: appended(prefix, name)}
	below := m.path
	if depth == 0 || len(prefix) > 0 && strings.HasPrefix(prefix[len(prefix)-1], "[") { // "[Gmail]"
		m.role = roles[strings.ToLower(name)]
	}
	if m.role == migrate.RoleInbox && len(prefix) == 0 {
		m.path, below = nil, migrate.Path{"INBOX"}
	}
	names, err := w.names(dir)
	if err == nil && depth > maxNesting {
		err = errNested
	}
	if err != nil {
		return w.yield(m, unreadable(dir, err))
	}
	var children []string
	for _, n := range names {
		sub := filepath.Join(dir, n)
		_, isMailbox := mailboxName(n)
		switch {
		case n == "mbox" && isFile(sub):
			m.mbox = sub
		case !isDir(sub) || strings.HasPrefix(n, "."):
		case n == "Messages":
			m.dirs = append(m.dirs, sub)
		case isMailbox:
			children = append(children, n)
		case isDir(filepath.Join(sub, "Data")):
			if m.dirs, err = w.data(filepath.Join(sub, "Data"), m.dirs, 0); err != nil && !w.yield(m, unreadable(sub, err)) {
				return false
			}
		}
	}
	if len(m.dirs) > 0 {
		m.mbox = "" // an mbox beside single messages is what an old version left when it was converted
	}
	if (len(m.dirs) > 0 || m.mbox != "") && !w.yield(m, nil) {
		return false
	}
	for _, n := range children {
		name, _ := mailboxName(n)
		if !w.mailbox(filepath.Join(dir, n), name, below, depth+1) {
			return false
		}
	}
	return true
}

// data finds the directories Messages below Data: the program puts a thousand messages in each and nests them by the digits of their numbers.
func (w *walker) data(dir string, out []string, depth int) ([]string, error) {
	names, err := w.names(dir)
	if err != nil || depth > 20 {
		return out, err
	}
	for _, n := range names {
		sub := filepath.Join(dir, n)
		if !isDir(sub) {
			continue
		}
		if n == "Messages" {
			out = append(out, sub)
			continue
		}
		if _, notDigits := strconv.Atoi(n); notDigits == nil {
			var below error
			if out, below = w.data(sub, out, depth+1); below != nil {
				err = below
			}
		}
	}
	return out, err
}

// maxLooked bounds the directories that are looked into for a mailbox: somebody may name their home.
const maxLooked = 5000

// hasMailboxes says that there is a mailbox in a directory, or below it in others without one.
func hasMailboxes(dir string) bool {
	budget := maxLooked
	return mailboxesBelow(dir, 5, &budget)
}

func mailboxesBelow(dir string, depth int, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	names, err := readNames(dir)
	if err != nil {
		return false
	}
	for _, n := range names {
		if _, ok := mailboxName(n); ok && isMailbox(filepath.Join(dir, n)) {
			return true
		}
	}
	if hasLoose(dir, names) {
		return true
	}
	for _, n := range names {
		if depth > 0 && !strings.HasPrefix(n, ".") && isRealDir(filepath.Join(dir, n)) && mailboxesBelow(filepath.Join(dir, n), depth-1, budget) {
			return true
		}
	}
	return false
}

// hasLoose says that a directory has emlx files in it that are in no mailbox, as people drag them out of the program.
func hasLoose(dir string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		_, _, ok := isNumbered(n)
		return ok && isEmlx(filepath.Join(dir, n))
	})
}

// isEmlx says whether a file begins as those of single messages do.
func isEmlx(path string) bool {
	f, info, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = readEmlx(f, info.Size())
	return err == nil || errors.Is(err, errProperties)
}

// isMailbox says that a directory has in it what a mailbox of this program has.
func isMailbox(dir string) bool {
	if !isDir(dir) {
		return false
	}
	if isFile(filepath.Join(dir, "mbox")) || isDir(filepath.Join(dir, "Messages")) || isFile(filepath.Join(dir, "Info.plist")) ||
		isFile(filepath.Join(dir, "table_of_contents")) {
		return true
	}
	names, err := readNames(dir)
	if err != nil {
		return false
	}
	for _, n := range names {
		sub := filepath.Join(dir, n)
		if _, ok := mailboxName(n); ok && isDir(sub) || isDir(filepath.Join(sub, "Data")) {
			return true
		}
	}
	return false
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// isRealDir is isDir, but not through a link.
func isRealDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func readNames(dir string) ([]string, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, errors.New("it is no directory") // to open a pipe would keep us waiting
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// newest is the newest version's directory in a directory Mail: V10 comes after V9. It is dir itself where there is none.
func newest(dir string) (string, []string) {
	names, err := readNames(dir)
	if err != nil {
		return dir, nil
	}
	best, number := dir, 0
	var others []string
	for _, n := range names {
		v, ok := strings.CutPrefix(n, "V")
		i, err := strconv.Atoi(v)
		if sub := filepath.Join(dir, n); ok && err == nil && i > 0 && isDir(sub) && hasMailboxes(sub) {
			if i < number {
				others = append(others, sub)
				continue
			}
			if number > 0 {
				others = append(others, best)
			}
			best, number = sub, i
		}
	}
	return best, others
}

// isNumbered says that a name is "12.emlx" or "12.partial.emlx", and returns the number.
func isNumbered(name string) (number string, partial, ok bool) {
	base, ok := strings.CutSuffix(name, ".emlx")
	if !ok {
		return "", false, false
	}
	base, partial = strings.CutSuffix(base, ".partial")
	return base, partial, base != "" && !strings.HasPrefix(base, ".")
}

// gone says that a file is no longer there, which for a program that is running is no error.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
