package maildir

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"poplift/sources/filestore/kmail"
	"poplift/sources/filestore/onefile"
)

// folder is one Maildir as it was when it was looked at.
type folder struct {
	place
	files    []file
	keywords []string
	kmail    map[string]kmail.Status // by what names the message
	times    [2]time.Time            // when new and cur last changed
	byID     map[string]int          // made when it is first needed
}

// file is one message in it.
type file struct {
	name  string
	base  int // how much of name names the message
	cur   bool
	twin  bool // another file has the same base
	rank  int32
	epoch int64
	uidl  string
}

func (f file) sub() string {
	if f.cur {
		return "cur"
	}
	return "new"
}

func (f *folder) file(m file) string { return filepath.Join(f.dir, m.sub(), m.name) }

// id names a message in the store, see the package's policy.
func (f *folder) id(m file) string {
	if m.twin {
		return join(join(f.rel, m.sub()), m.name)
	}
	return join(f.rel, m.name[:m.base])
}

// find returns the message of this ID.
func (f *folder) find(id string) (file, bool) {
	if f.byID == nil {
		f.byID = make(map[string]int, len(f.files))
		for i, m := range f.files {
			f.byID[f.id(m)] = i
		}
	}
	i, ok := f.byID[id]
	if !ok {
		return file{}, false
	}
	return f.files[i], true
}

// moving is how often a folder that changes under the eyes is looked at anew. A client that renames all of it is done sooner.
const moving = 3

// scan lists a folder. While it does, a client may move files from new to cur and rename them there, so that one may be seen under both
// names or neither: a directory that has changed meanwhile is looked at again.
func (s *Store) scan(p place) (*folder, error) {
	for try := 1; ; try++ {
		f := &folder{place: p, times: times(p.dir)}
		err := f.readNames()
		if f.times != times(p.dir) && try < moving {
			continue
		}
		f.indexes(s)
		f.sort()
		f.dropMoved()
		s.last = f
		return f, err // what could be read is there
	}
}

// times tells when the two directories last changed; one that isn't there has never.
func times(dir string) (t [2]time.Time) {
	for i, sub := range [...]string{"new", "cur"} {
		if fi, err := os.Stat(filepath.Join(dir, sub)); err == nil {
			t[i] = fi.ModTime()
		}
	}
	return t
}

// readNames reads new before cur, the way that messages go.
func (f *folder) readNames() error {
	var failed error
	for _, sub := range [...]string{"new", "cur"} {
		dir := filepath.Join(f.dir, sub)
		if _, err := os.Lstat(dir); os.IsNotExist(err) {
			continue
		}
		for it, err := range onefile.Items(dir) {
			if err != nil {
				failed = err // the other one may still be read
				break
			}
			if it.Dir || isIndex(it.Name) {
				continue
			}
			base, _ := splitName(it.Name)
			f.files = append(f.files, file{name: it.Name, base: len(base), cur: sub == "cur", epoch: epochOf(it.Name)})
		}
	}
	return failed
}

// indexes adds what Dovecot knows.
func (f *folder) indexes(s *Store) {
	list, err := readIndex(f.dir, "dovecot-uidlist", readUidlist)
	if err != nil {
		s.log.Warn("maildir: the order of the server is not known", "directory", f.dir, "error", err)
	}
	for i := range f.files {
		m := &f.files[i]
		l := list[m.name[:m.base]]
		m.rank, m.uidl = l.rank, l.uidl
	}
	f.readKMail(s)
	if f.keywords, err = readIndex(f.dir, "dovecot-keywords", readKeywords); err != nil {
		s.log.Warn("maildir: keywords are not known", "directory", f.dir, "error", err)
	}
}

// readKMail reads the index that KMail 1 keeps beside the folder. What it says is added to what the names say: either may be the older.
func (f *folder) readKMail(s *Store) {
	x, err := kmail.Open(f.dir)
	if err != nil {
		s.log.Warn("maildir: not all flags of KMail are known", "directory", f.dir, "error", err)
	}
	if x == nil {
		return
	}
	f.kmail = make(map[string]kmail.Status, len(x.ByFile))
	for name, m := range x.ByFile {
		base, _ := splitName(name)
		f.kmail[base] = m.Status
	}
}

// sort puts the messages in the server's order; those it has not seen yet come last, by the time of their names.
func (f *folder) sort() {
	slices.SortFunc(f.files, func(a, b file) int {
		if (a.rank == 0) != (b.rank == 0) {
			return cmp.Compare(b.rank, a.rank)
		}
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.epoch, b.epoch), strings.Compare(a.name[:a.base], b.name[:b.base]),
			strings.Compare(a.name, b.name))
	})
	for i := 1; i < len(f.files); i++ {
		a, b := &f.files[i-1], &f.files[i]
		if a.name[:a.base] == b.name[:b.base] {
			a.twin, b.twin = true, true
		}
	}
}

// dropMoved leaves out the old names of messages that were seen twice because they were just being moved.
func (f *folder) dropMoved() {
	count := func() map[string]int {
		n := map[string]int{}
		for _, m := range f.files {
			if m.twin {
				n[m.name[:m.base]]++
			}
		}
		return n
	}
	if len(count()) == 0 {
		return
	}
	f.files = slices.DeleteFunc(f.files, func(m file) bool {
		if !m.twin {
			return false
		}
		_, err := os.Lstat(f.file(m))
		return os.IsNotExist(err)
	})
	left := count()
	for i := range f.files {
		m := &f.files[i]
		m.twin = left[m.name[:m.base]] > 1
	}
}
