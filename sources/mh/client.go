package mh

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"poplift/migrate"
	"poplift/sources/filestore"
)

// client is what Sylpheed or Claws keep outside of the folders: what a folder is for, and how tags are called.
type client struct {
	roles map[string]migrate.Role // by the folder's place below the root, with slashes
	tags  map[uint32]string
}

// ownFolders are the names that both clients give their folders when they make a mailbox, in every language.
var ownFolders = map[string]migrate.Role{"inbox": migrate.RoleInbox, "sent": migrate.RoleSent, "draft": migrate.RoleDrafts,
	"queue": migrate.RoleOutbox, "trash": migrate.RoleTrash, "junk": migrate.RoleJunk}

// folderTypes are those of folderlist.xml. The outbox is what was sent; what waits is in the queue.
var folderTypes = map[string]migrate.Role{"inbox": migrate.RoleInbox, "outbox": migrate.RoleSent, "draft": migrate.RoleDrafts,
	"queue": migrate.RoleOutbox, "trash": migrate.RoleTrash, "junk": migrate.RoleJunk}

// configDirs are where the clients keep their files, seen from the directory that a mailbox lies in.
var configDirs = []string{".", ".claws-mail", ".sylpheed-2.0", ".sylpheed", ".sylpheed-claws", "Claws-mail", "Sylpheed"}

// readClient looks for the clients' files in the mailbox and beside it. Nothing of it is needed to read the mail.
func readClient(root string, config string) (client, error) {
	var c client
	var failed error
	dirs := []string{config}
	if config == "" {
		dirs = []string{root}
		for _, d := range configDirs {
			dirs = append(dirs, filepath.Join(filepath.Dir(root), d))
		}
	}
	for _, dir := range dirs {
		if c.roles == nil {
			roles, err := readFile(filepath.Join(dir, "folderlist.xml"), func(r io.Reader) (map[string]migrate.Role, error) {
				return readFolderList(r, filepath.Base(root))
			})
			c.roles, failed = roles, errors.Join(failed, err)
		}
		if c.tags == nil {
			tags, err := readFile(filepath.Join(dir, "tagsrc"), readTagNames)
			c.tags, failed = tags, errors.Join(failed, err)
		}
	}
	return c, failed
}

// maxFile bounds what is read of these files.
const maxFile = 64 << 20

// readFile applies a reader to a file. One that isn't there is the zero value; what an error left is still of use.
func readFile[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	var none T
	if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() {
		return none, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close()
	return read(io.LimitReader(f, maxFile))
}

// readFolderList reads what folderlist.xml says of the mailbox of a name: <folder type="mh" path="Mail"> holds
// <folderitem type="queue" path="queue">, one within the other. It is nil when that mailbox isn't there.
func readFolderList(r io.Reader, mailbox string) (map[string]migrate.Role, error) {
	in := xml.NewDecoder(r)
	in.Strict = false
	in.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // what matters is ASCII
	var roles map[string]migrate.Role
	ours := false
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return roles, nil
		} else if err != nil {
			return roles, err
		}
		el, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		kind, place := attribute(el, "type"), strings.ReplaceAll(attribute(el, "path"), `\`, "/")
		switch {
		case el.Name.Local == "folder":
			if ours = kind == "mh" && path.Base(place) == mailbox; ours && roles == nil {
				roles = map[string]migrate.Role{}
			}
		case el.Name.Local == "folderitem" && ours && place != "":
			if role := folderTypes[kind]; role != "" {
				roles[strings.Trim(place, "/")] = role
			}
		}
	}
}

func attribute(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// readTagNames reads tagsrc of Claws: "max_id 3", then a number, a tab, and a name a line.
func readTagNames(r io.Reader) (map[uint32]string, error) {
	names := map[uint32]string{}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 4096), maxLine)
	for in.Scan() {
		number, name, _ := strings.Cut(in.Text(), "\t")
		id, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
		if k := filestore.Keyword(name); err == nil && id > 0 && k != "" {
			names[uint32(id)] = string(k)
		}
	}
	return names, in.Err()
}
