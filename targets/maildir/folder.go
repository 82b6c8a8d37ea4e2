package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"poplift/migrate"
)

// folder is one Maildir of the tree.
type folder struct {
	dir      string
	names    map[string]bool // base names of our messages in cur
	keywords []string        // by letter, from 'a' on
}

func makeFolder(dir string, sub bool) (*folder, error) {
	for _, d := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	if sub { // the Maildir++ mark of a folder, so that mail is never delivered into it as into a maildrop
		m, err := os.OpenFile(filepath.Join(dir, "maildirfolder"), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		m.Close()
	}
	f := &folder{dir: dir, names: map[string]bool{}}
	entries, err := os.ReadDir(filepath.Join(dir, "cur"))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if base, _, _ := strings.Cut(e.Name(), infoMark+"2,"); strings.Contains(base, ".poplift,S=") {
			f.names[base] = true
		}
	}
	return f, f.readKeywords()
}

func (f *folder) have(base string) bool { return f.names[base] }

// infoMark stands before a file name's flags. Windows can't have the colon of the Maildir format in a name; ";" is what others use there.
var infoMark = map[bool]string{false: ":", true: ";"}[runtime.GOOS == "windows"]

// letters are the flags that Maildir has letters for; info must have them in the order of ASCII.
var letters = map[migrate.Flag]byte{
	migrate.Draft: 'D', migrate.Flagged: 'F', migrate.Forwarded: 'P', migrate.Answered: 'R', migrate.Seen: 'S', migrate.Deleted: 'T',
}

// maxKeywords is how many keywords Maildir has letters for: a to z. Further ones are left out.
const maxKeywords = 26

// info is the end of a file name, with the letters of flags.
func (f *folder) info(flags []migrate.Flag) (string, error) {
	var out []byte
	for _, flag := range flags {
		if l, ok := letters[flag]; ok {
			out = append(out, l)
		} else if !strings.HasPrefix(string(flag), `\`) {
			l, err := f.keyword(string(flag))
			if err != nil {
				return "", err
			}
			if l != 0 {
				out = append(out, l)
			}
		}
	}
	slices.Sort(out)
	return infoMark + "2," + string(slices.Compact(out)), nil
}

// keyword returns a keyword's letter, or 0 when there is none left. A new one is written down before the first name that has it.
func (f *folder) keyword(k string) (byte, error) {
	if strings.ContainsAny(k, " \t\r\n") || k == "" {
		return 0, nil
	}
	i := slices.Index(f.keywords, k)
	if i < 0 {
		if len(f.keywords) == maxKeywords {
			return 0, nil
		}
		i = len(f.keywords)
		f.keywords = append(f.keywords, k)
		if err := f.writeKeywords(); err != nil {
			return 0, err
		}
	}
	return 'a' + byte(i), nil
}

const keywordsFile = "dovecot-keywords"

func (f *folder) writeKeywords() error {
	var b strings.Builder
	for i, k := range f.keywords {
		fmt.Fprintf(&b, "%d %s\n", i, k)
	}
	path := filepath.Join(f.dir, keywordsFile)
	if err := os.WriteFile(path+".tmp", []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func (f *folder) readKeywords() error {
	b, err := os.ReadFile(filepath.Join(f.dir, keywordsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		var i int
		var k string
		if n, _ := fmt.Sscanf(line, "%d %s", &i, &k); n == 2 && i == len(f.keywords) && i < maxKeywords {
			f.keywords = append(f.keywords, k)
		}
	}
	return err
}
