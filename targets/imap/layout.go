package imap

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"poplift/migrate"
	"poplift/migrate/mutf7"
)

const (
	// maxBoxes and maxNames bound what is kept of a LIST answer: folders, and octets of their names.
	maxBoxes = 100_000
	maxNames = 16 << 20
)

// listing is what the server says of its folders: LIST, and what goes along with it.
type listing struct {
	delimiter string
	boxes     []listed
	octets    int
	over      bool   // more than is kept
	answer    status // to LIST
	dot       status // to STATUS of a name with a dot
}

// listed is one LIST answer.
type listed struct {
	name       string // as it came
	attributes []string
}

// dotted is a name that no folder has. STATUS of it is refused otherwise than that of any missing folder where the dot can be in no name.
const dotted = `STATUS "poplift.probe" (UIDNEXT)`

// listQuestions ask for the folders. They go along with Open's other questions. SUBSCRIBED and CHILDREN would tell nothing that is needed.
// RETURN (SPECIAL-USE) has Dovecot say \NonExistent of what is only the way to another folder, and old Cyrus tell the uses at all.
func (t *Target) listQuestions(plain bool) []question {
	c := `LIST "" "*"`
	switch caps := t.ctl.caps; {
	case plain:
	case caps.has("LIST-EXTENDED") && caps.has("SPECIAL-USE"), caps.has("IMAP4REV2"):
		c += " RETURN (SPECIAL-USE)"
	case caps.has("XLIST") && !caps.has("SPECIAL-USE"):
		c = `XLIST "" "*"`
	}
	l := &listing{}
	t.listing, t.ctl.listed = l, l.take
	asked := []question{{c, func(st status) { l.answer = st }}, {dotted, func(st status) { l.dot = st }}}
	if !t.ctl.caps.has("NAMESPACE") {
		asked = append(asked, question{`LIST "" ""`, func(status) {}})
	}
	return asked
}

// take reads what follows LIST or XLIST: (attributes) delimiter name.
func (l *listing) take(data []byte) {
	s := scanner{data}
	attributes, kind := s.value()
	if kind != list {
		return
	}
	delimiter, isText := s.value()
	name, kind := s.value()
	if kind != text && kind != atom || len(name) > maxName {
		return
	}
	if isText == text && l.delimiter == "" {
		l.delimiter = oneRune(delimiter)
	}
	if len(name) == 0 { // the answer to LIST "" "" (RFC 3501 6.3.8), for the delimiter
		return
	}
	if l.octets += len(name) + len(attributes); len(l.boxes) == maxBoxes || l.octets > maxNames {
		l.over = true
		return
	}
	l.boxes = append(l.boxes, listed{string(name), strings.Fields(strings.ToLower(string(attributes)))})
}

// Layout says how the server names its folders and which there are. It asked with Open's questions, so that it waits for one round trip at most; later
// calls wait for none, and know the folders made since.
//
// Roles are those of SPECIAL-USE (RFC 6154), also where it is not announced (Exchange), or XLIST's. \Flagged, \Important and \All are views of mail
// that lies elsewhere: such a folder comes out as NoSelect, so that nothing is put there. Gmail's All Mail is the exception: it has no \Archive,
// and what is appended to All Mail is archived mail, so that it is the archive. Folders of other users and shared ones have no role.
func (t *Target) Layout(ctx context.Context) (migrate.Layout, error) {
	defer t.during(ctx)()
	if err := t.layOut(); err != nil {
		return migrate.Layout{}, because(ctx, err)
	}
	l := t.layout
	l.Boxes = slices.Clone(l.Boxes)
	slices.SortFunc(l.Boxes, func(a, b migrate.Box) int { return strings.Compare(a.Name, b.Name) }) // servers list them in any order
	return l, nil
}

// layOut waits for the answers and makes the layout of them, once.
func (t *Target) layOut() error {
	if t.at != nil {
		return nil
	}
	if err := t.ctl.settle(); err != nil {
		return err
	}
	if t.listing.answer.kind != "OK" { // RETURN that was announced and is not understood
		if err := t.ctl.probe(t.listQuestions(true)); err != nil {
			return err
		}
		if err := t.ctl.settle(); err != nil {
			return err
		}
	}
	l := t.listing
	t.ctl.listed = nil
	switch {
	case l.answer.kind != "OK":
		return classify("imap list", t.ctl.address, l.answer, migrate.ScopeSession)
	case l.over:
		return &migrate.Error{Op: "imap list", Subject: t.ctl.address, Scope: migrate.ScopeRun, Final: true,
			Err: errors.New("the server lists more folders than poplift can keep (100,000, or 16 MiB of names)")}
	}
	t.arrange(l, parseNamespace(t.ctl.namespace))
	t.listing = nil
	return nil
}

// arrange makes the layout.
func (t *Target) arrange(l *listing, spaces namespaces) {
	t.layout = migrate.Layout{Prefix: spaces.prefix, Delimiter: cmp.Or(spaces.delimiter, l.delimiter)}
	gmail := t.ctl.caps.has("X-GM-EXT-1")
	t.at = map[string]int{}
	for _, b := range append(l.boxes, listed{name: inbox}) { // some servers list INBOX only when it has mail
		name, ok := t.decoded(b.name)
		box := boxOf(name, b.attributes, gmail)
		if _, twice := t.at[box.Name]; !ok || twice || slices.Contains(b.attributes, `\nonexistent`) {
			continue
		}
		if !spaces.own(box.Name) {
			box.Role = ""
		}
		if mutf7.Encode(box.Name) != b.name && box.Name != inbox {
			t.mu.Lock()
			t.odd[box.Name] = b.name
			t.mu.Unlock()
		}
		t.at[box.Name] = len(t.layout.Boxes)
		t.layout.Boxes = append(t.layout.Boxes, box)
	}
	t.layout.MailOrChildren = mailOrChildren(t.layout)
	t.manners(l.dot)
}

// decoded is a listed name as text. INBOX, and INBOX above others, is in capitals whatever the server writes (Exchange: Inbox).
func (t *Target) decoded(raw string) (string, bool) {
	d := t.layout.Delimiter
	if strings.ContainsFunc(raw, unicode.IsControl) {
		t.ctl.log.Warn("imap list: a folder name with control characters is passed over", "name", strings.ToValidUTF8(raw, "\ufffd"))
		return "", false
	}
	if d != "" {
		raw = strings.TrimSuffix(raw, d)
	}
	return capitalInbox(strings.ToValidUTF8(mutf7.Decode(raw), "\ufffd"), d), raw != ""
}

// roles are the attributes of RFC 6154 and XLIST's that say what a folder is for.
var roles = map[string]migrate.Role{`\archive`: migrate.RoleArchive, `\drafts`: migrate.RoleDrafts, `\junk`: migrate.RoleJunk, `\spam`: migrate.RoleJunk,
	`\sent`: migrate.RoleSent, `\trash`: migrate.RoleTrash}

// boxOf reads a folder's attributes, which are in lower case (Cyrus writes them so, others don't).
func boxOf(name string, attributes []string, gmail bool) migrate.Box {
	b := migrate.Box{Name: name}
	for _, a := range attributes {
		switch a {
		case `\noselect`:
			b.NoSelect = true
			b.NoInferiors = b.NoInferiors || gmail // [Gmail] takes no folders of the user's
		case `\noinferiors`:
			b.NoInferiors = true
		case `\inbox`:
			b.Name = inbox // XLIST, where it has a name in the user's language
		case `\all`, `\allmail`:
			b.NoSelect = !gmail
			if gmail {
				b.Role, b.NoInferiors = migrate.RoleArchive, true
			}
		case `\flagged`, `\starred`, `\important`:
			b.NoSelect = true
		default:
			if r, ok := roles[a]; ok {
				b.Role, b.NoInferiors = r, b.NoInferiors || gmail
			}
		}
	}
	return b
}

// mailOrChildren says whether a server keeps a folder's mail in a plain file, so that nothing can be below it: Dovecot on mbox and mailutils say
// \NoInferiors of each of them.
func mailOrChildren(l migrate.Layout) bool {
	others := false
	for _, b := range l.Boxes {
		switch {
		case b.NoSelect, b.Name == inbox && len(l.Boxes) > 1:
		case !b.NoInferiors:
			return false
		default:
			others = true
		}
	}
	return others && l.Delimiter != ""
}

// cyrusRefuses are the characters that Cyrus 3.6 takes in no name; it says so with no code.
const cyrusRefuses = "!\"%/;<>\\^`{|}"

// maildirName is how long a whole name may be where it becomes one file name, as on a Maildir++; cyrusName leaves room for the user's name in
// the 490 octets that Cyrus 3.6 has for both.
const (
	maildirName = 253
	cyrusName   = 400
)

// manners fills in what names the server takes.
//
// Where the delimiter is another, "/" stands in no name: Courier, Cyrus and Dovecot refuse it there. Dovecot on a Maildir takes no dot, and says [CANNOT]
// of such a name when it is asked about it.
func (t *Target) manners(dot status) {
	l := &t.layout
	maildir := l.Delimiter == "."
	if l.Delimiter != "/" {
		l.Refused = "/"
	}
	if !maildir && l.Prefix == "" && dot.kind == "NO" && dot.code == "CANNOT" {
		l.Refused, maildir = l.Refused+".", true
	}
	switch {
	case t.ctl.is("cyrus"):
		l.Refused, l.MaxWhole = strings.ReplaceAll(cyrusRefuses, l.Delimiter, ""), cyrusName
		if l.Delimiter == "." {
			l.Refused = strings.ReplaceAll(l.Refused, "^", "")
		}
	case t.ctl.is("courier"):
		l.MaxWhole, l.BasicPlane, l.UTF8 = maildirName, true, true // it keeps names in UTF-8
	case t.ctl.is("dovecot") && maildir:
		l.MaxWhole = maildirName
	case t.ctl.is("dovecot"):
		l.MaxName = 255
	}
}

// namespaces is a NAMESPACE answer (RFC 2342): the first personal name space, and the prefixes of all.
type namespaces struct {
	prefix, delimiter string
	personal, foreign []string
}

func parseNamespace(answer []byte) (n namespaces) {
	s := scanner{answer}
	for i := range 3 {
		spaces, kind := s.value()
		if kind == nothing {
			break
		}
		if kind != list {
			continue
		}
		for in := (scanner{spaces}); in.space(); {
			one, kind := in.value()
			if kind != list {
				break
			}
			prefix, delimiter, ok := parseSpace(one)
			switch {
			case !ok:
			case i > 0:
				n.foreign = append(n.foreign, prefix)
			default:
				if len(n.personal) == 0 {
					n.prefix, n.delimiter = prefix, delimiter
				}
				n.personal = append(n.personal, prefix)
			}
		}
	}
	return n
}

func parseSpace(b []byte) (prefix, delimiter string, ok bool) {
	s := scanner{b}
	p, kind := s.value()
	if kind != text || bytes.ContainsFunc(p, unicode.IsControl) {
		return "", "", false
	}
	if d, kind := s.value(); kind == text {
		delimiter = oneRune(d)
	}
	return capitalInbox(strings.ToValidUTF8(mutf7.Decode(string(p)), "\ufffd"), delimiter), delimiter, true
}

// oneRune is a delimiter, or "" when it can't be one.
func oneRune(d []byte) string {
	if r, n := utf8.DecodeRune(d); n != len(d) || r == utf8.RuneError || unicode.IsControl(r) {
		return ""
	}
	return string(d)
}

// own says whether a folder is the user's own: the longest prefix that fits tells. Cyrus without unixhierarchysep has "" for shared folders.
func (n namespaces) own(name string) bool {
	fits := func(prefixes []string) int {
		best := -1
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				best = max(best, len(p))
			}
		}
		return best
	}
	return name == inbox || len(n.foreign) == 0 || fits(n.personal) >= fits(n.foreign)
}
