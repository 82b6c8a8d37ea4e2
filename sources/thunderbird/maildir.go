package thunderbird

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// listMaildir yields a folder of the maildir store. It is no Maildir but in its directories: nothing is ever in new, and the names of its files
// carry no flags, which stand in X-Mozilla-Status as in an mbox.
func (s *Store) listMaildir(ctx context.Context, f folder, yield func(migrate.Entry, error) bool) bool {
	dir := filepath.Join(f.file, "cur")
	names, err := readNames(dir)
	if err != nil {
		return yield(migrate.Entry{Folder: f.path, Role: f.role}, filestore.Unreadable("read folder", dir, err))
	}
	slices.Sort(names) // they begin with the time
	feeds := 0
	for _, name := range names {
		if ctx.Err() != nil {
			return yield(migrate.Entry{}, context.Cause(ctx))
		}
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".msf") {
			continue
		}
		e, ok, err := s.fileEntry(f, filepath.Join(dir, name), f.place+"/cur/"+name)
		if !ok && err == nil {
			feeds++
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // the client moved it this moment
		}
		if err != nil {
			err = filestore.Damaged("read message", filepath.Join(dir, name), err)
		}
		if !yield(e, err) {
			return false
		}
	}
	s.noteFeeds(f, feeds)
	return true
}

func (s *Store) fileEntry(f folder, file, id string) (e migrate.Entry, ok bool, err error) {
	e = migrate.Entry{ID: id, Folder: f.path, Role: f.role}
	in, err := openRegular(file)
	if err != nil {
		return e, false, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return e, false, err
	}
	if info.Size() == 0 {
		return e, false, errors.New("the file is empty")
	}
	h, err := s.headers.read(in)
	if err != nil {
		return e, false, err
	}
	if e, ok = s.entry(f, h, id); ok {
		e.ID, e.Size = id, info.Size()-h.client
		fallback(&e, info.ModTime(), "file time")
	}
	return e, ok, nil
}

func (s *Store) noteFeeds(f folder, n int) {
	if n > 0 {
		s.log.Info("thunderbird: items of news feeds are left out", "folder", f.place, "messages", n)
	}
}

// readFile writes a message of the maildir store.
func (s *Store) readFile(ctx context.Context, e migrate.Entry, w io.Writer) error {
	in, err := openRegular(filepath.Join(s.root, filepath.FromSlash(e.ID)))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", filestore.ErrChanged, err)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return err
	}
	n, err := io.Copy(w, skipFrom(contextReader{ctx, in}))
	if err != nil {
		return err
	}
	after, err := in.Stat()
	if err != nil {
		return err
	}
	if after.Size() != before.Size() || n > after.Size() {
		return filestore.ErrChanged
	}
	return nil
}

// contextReader ends a long copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// skipFrom leaves out a From_ line, which old versions wrote into the files of this store too.
func skipFrom(r io.Reader) io.Reader {
	head := make([]byte, 5)
	n, _ := io.ReadFull(r, head)
	rest := io.MultiReader(strings.NewReader(string(head[:n])), r)
	if string(head[:n]) != "From " {
		return rest
	}
	return &afterLine{r: r}
}

// afterLine is what follows the first line end of r.
type afterLine struct {
	r     io.Reader
	after bool
}

func (a *afterLine) Read(p []byte) (int, error) {
	for {
		n, err := a.r.Read(p)
		if a.after || n == 0 {
			return n, err
		}
		if i := slices.Index(p[:n], '\n'); i >= 0 {
			a.after = true
			if n = copy(p, p[i+1:n]); n > 0 || err != nil {
				return n, err
			}
		} else if err != nil {
			return 0, err
		}
	}
}

// openRegular opens a file, and nothing that could keep us waiting.
func openRegular(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("no regular file")
	}
	return os.Open(name)
}
