package onefile

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Item is one name in a directory.
type Item struct {
	Name string
	// Dir says that it is a directory, or a link to one.
	Dir bool
	// Link says that it is a symbolic link.
	Link bool
}

// MaxDepth is how many directories lie in one another at most. No client's tree comes near it; a file system that goes on for ever does.
const MaxDepth = 1000

// ErrTooDeep is a tree with more than MaxDepth levels.
var ErrTooDeep = fmt.Errorf("more than %d directories lie in one another", MaxDepth)

var errNotDir = errors.New("it is no directory")

// Items yields what is in a directory, in no order, some hundred names at a time. An error ends it.
func Items(dir string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			yield(Item{}, errNotDir) // to open a pipe would wait for its writer for ever
			return
		}
		f, err := os.Open(dir)
		if err != nil {
			yield(Item{}, err)
			return
		}
		defer f.Close()
		for {
			entries, err := f.ReadDir(512)
			for _, e := range entries {
				it := Item{Name: e.Name(), Dir: e.IsDir(), Link: e.Type()&os.ModeSymlink != 0}
				if it.Link || e.Type()&os.ModeIrregular != 0 {
					it.Dir = IsDir(filepath.Join(dir, it.Name))
				}
				if !yield(it, nil) {
					return
				}
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
		}
	}
}

// Trail remembers where links have led to, so that no directory is read twice and no circle is gone round.
type Trail struct{ roots []string }

// ErrLoop is a link to a directory that the link itself lies in.
var ErrLoop = errors.New("the link leads back to a directory that it lies in")

// ErrAlias is a link to a directory that is read under another name.
var ErrAlias = errors.New("the link leads to a directory that is read under its own name")

// ErrBrokenLink is a link to what isn't there.
var ErrBrokenLink = errors.New("the link leads nowhere")

// NewTrail begins at the root of a tree.
func NewTrail(root string) (*Trail, error) {
	real, err := realPath(root)
	if err != nil {
		return nil, err
	}
	return &Trail{[]string{real}}, nil
}

// Follow says whether the directory that a link leads to is to be read: it must neither lie in what is read anyway, nor the other way
// round.
func (t *Trail) Follow(link string) error {
	at, err := realPath(filepath.Dir(link))
	if err != nil {
		return err
	}
	real, err := realPath(link)
	if err != nil {
		return err
	}
	if within(at, real) {
		return ErrLoop
	}
	for _, r := range t.roots {
		if within(real, r) || within(r, real) {
			return ErrAlias
		}
	}
	t.roots = append(t.roots, real)
	return nil
}

func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// within says whether path is dir or lies in it.
func within(path, dir string) bool {
	sep := string(filepath.Separator)
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, sep)+sep)
}
