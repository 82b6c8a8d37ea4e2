package route

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

// server is a model of a real one: its layout when it is empty, and what it takes as a folder's name.
type server struct {
	name   string
	layout migrate.Layout
	// takes says why the server refuses to make a folder, or nil.
	takes func(name string) error
}

func box(name string, role migrate.Role) migrate.Box { return migrate.Box{Name: name, Role: role} }

// standard are the folders that most servers make for a new account.
func standard(prefix string, marked bool) []migrate.Box {
	out := []migrate.Box{{Name: "INBOX"}}
	for _, r := range []struct {
		name string
		role migrate.Role
	}{{"Drafts", migrate.RoleDrafts}, {"Sent", migrate.RoleSent}, {"Trash", migrate.RoleTrash}, {"Junk", migrate.RoleJunk}, {"Archive",
		migrate.RoleArchive}} {
		b := migrate.Box{Name: prefix + r.name}
		if marked {
			b.Role = r.role
		}
		out = append(out, b)
	}
	return out
}

// names checks what all servers ask for, and what this one does: the delimiter, the runes that it refuses and the octets it has.
func names(delimiter, refused string, maxName, maxWhole int) func(string) error {
	return func(name string) error {
		if !utf8.ValidString(name) {
			return fmt.Errorf("no UTF-8")
		}
		comps := []string{name}
		if delimiter != "" {
			comps = strings.Split(name, delimiter)
		}
		if n := len(mutf7.Encode(name)); maxWhole > 0 && n > maxWhole {
			return fmt.Errorf("%d octets of %d", n, maxWhole)
		}
		for _, c := range comps {
			switch {
			case c == "" || c == "." || c == "..":
				return fmt.Errorf("a name is %q", c)
			case strings.ContainsAny(c, refused+"*%"):
				return fmt.Errorf("%q has a character that is refused", c)
			case strings.HasSuffix(c, " ") || strings.HasSuffix(c, ".") || strings.HasPrefix(c, " ") || strings.HasPrefix(c, ".") || c[0] == '~' ||
				c[0] == '#':
				return fmt.Errorf("%q begins or ends badly", c)
			case maxName > 0 && len(mutf7.Encode(c)) > maxName:
				return fmt.Errorf("%q has %d octets of %d", c, len(mutf7.Encode(c)), maxName)
			}
			for _, r := range c {
				if r < ' ' || r >= 0x7F && r < 0xA0 || r == utf8.RuneError || r == 0x2028 || r == 0x2029 {
					return fmt.Errorf("%q has a character %U", c, r)
				}
			}
		}
		return nil
	}
}

// below asks for a prefix besides.
func below(prefix string, takes func(string) error) func(string) error {
	return func(name string) error {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			return fmt.Errorf("not below %q", prefix)
		}
		return takes(rest)
	}
}

func noInboxInInbox(takes func(string) error) func(string) error {
	return func(name string) error {
		if c := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '.' }); len(c) > 1 && isInbox(c[0]) && isInbox(c[1]) {
			return fmt.Errorf("INBOX in INBOX")
		}
		return takes(name)
	}
}

func inUTF8(octets int, takes func(string) error) func(string) error {
	return func(name string) error {
		if len(name) > octets {
			return fmt.Errorf("%d octets of %d", len(name), octets)
		}
		return takes(name)
	}
}

func basicPlane(takes func(string) error) func(string) error {
	return func(name string) error {
		if strings.ContainsFunc(name, func(r rune) bool { return r > 0xFFFF }) {
			return fmt.Errorf("a character above U+FFFF")
		}
		return takes(name)
	}
}

// cyrusRefuses was measured with Cyrus 3.6.1.
const cyrusRefuses = "!\"%;<>\\`{|}"

// servers are those of the lab, as their answers to CREATE were measured (Dovecot 2.3.19, Cyrus 3.6.1, Courier 5.0.13, mailutils 3.15), and models
// of Gmail, Exchange and one without hierarchy.
func servers() []server {
	gmail := append([]migrate.Box{{Name: "INBOX"}, {Name: "[Gmail]", NoSelect: true}}, box("[Gmail]/Gesendet", migrate.RoleSent),
		box("[Gmail]/Entwürfe", migrate.RoleDrafts), box("[Gmail]/Papierkorb", migrate.RoleTrash), box("[Gmail]/Spam", migrate.RoleJunk),
		box("[Gmail]/Alle Nachrichten", ""))
	exchange := []migrate.Box{{Name: "INBOX"}, {Name: "Sent Items"}, {Name: "Deleted Items"}, {Name: "Drafts"}, {Name: "Junk Email"},
		{Name: "Outbox"},
		{Name: "Archive"}, {Name: "Calendar", NoSelect: true}}
	return []server{
		{"dovecot maildir", migrate.Layout{Delimiter: "/", Boxes: standard("", true), Refused: ".", MaxWhole: 253}, names("/", ".", 0, 253)},
		{"a Maildir of unknown limits", migrate.Layout{Delimiter: ".", Boxes: standard("", false), Refused: "/"}, inUTF8(253, names(".", "/", 0, 253))},
		{"dovecot sdbox", migrate.Layout{Delimiter: "/", Boxes: standard("", true), MaxName: 255, MaxWhole: 3000}, names("/", "", 255, 3000)},
		{"cyrus, slashes", migrate.Layout{Delimiter: "/", Boxes: standard("", true), Refused: cyrusRefuses + "^", MaxWhole: 470},
			noInboxInInbox(names("/", cyrusRefuses+"^", 0, 470))},
		{"cyrus, dots", migrate.Layout{Delimiter: ".", Prefix: "INBOX.", Boxes: standard("INBOX.", true), Refused: cyrusRefuses + "/", MaxWhole: 470},
			below("INBOX.", names(".", cyrusRefuses+"/", 0, 470))},
		{"courier", migrate.Layout{Delimiter: ".", Prefix: "INBOX.", Boxes: []migrate.Box{{Name: "INBOX"}}, Refused: "/", MaxWhole: 253, UTF8: true, BasicPlane: true},
			basicPlane(below("INBOX.", inUTF8(253, names(".", "/", 0, 0))))},
		{"gmail", migrate.Layout{Delimiter: "/", Boxes: gmail, MaxName: 225}, names("/", "", 225, 0)},
		{"exchange", migrate.Layout{Delimiter: "/", Boxes: exchange, Refused: "\\", MaxName: 255}, names("/", "\\", 255, 0)},
		{"mailutils", migrate.Layout{Delimiter: "/", Boxes: []migrate.Box{{Name: "INBOX", NoInferiors: true}}, MailOrChildren: true,
			MaxName: 255, MaxWhole: 3000},
			names("/", "", 255, 3000)},
		{"flat", migrate.Layout{Boxes: []migrate.Box{{Name: "INBOX"}}, Refused: "/", MaxName: 60}, names("", "/", 60, 0)},
	}
}

// made is the layout once the ways' folders have been made. marked says that the server keeps what CREATE says of their use; parents how it lists the
// folders in between: "" not at all, "noselect", or "select" where CREATE makes real ones.
func made(l migrate.Layout, ways []migrate.Way, marked bool, parents string) migrate.Layout {
	there := map[string]int{}
	boxes := append([]migrate.Box(nil), l.Boxes...)
	for i, b := range boxes {
		there[b.Name] = i
	}
	put := func(b migrate.Box) {
		if _, ok := there[b.Name]; !ok {
			there[b.Name] = len(boxes)
			boxes = append(boxes, b)
		}
	}
	for _, w := range ways {
		if w.Excluded != "" {
			continue
		}
		b := migrate.Box{Name: w.Name, NoInferiors: l.MailOrChildren}
		if marked {
			b.Role = w.Role
		}
		if i, ok := there[w.Name]; ok && boxes[i].NoSelect {
			boxes[i] = b
		}
		put(b)
	}
	for _, w := range ways {
		if parents == "" || w.Excluded != "" || l.Delimiter == "" {
			continue
		}
		comps := strings.Split(w.Name, l.Delimiter)
		for i := 1; i < len(comps); i++ {
			put(migrate.Box{Name: strings.Join(comps[:i], l.Delimiter), NoSelect: parents == "noselect"})
		}
	}
	l.Boxes = boxes
	return l
}
