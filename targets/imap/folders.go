package imap

import (
	"context"
	"errors"
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"poplift/migrate"
)

// OpenNamed makes sure that a folder is there and says what it is now; see migrate.Opener. name is whole and decoded, with the layout's prefix
// and delimiter in it. A missing one is created, with its parents where the server wants that, for role where it can say so, and subscribed, in one
// round trip as a rule. When the server refuses the name, one that looks alike is tried; the mailbox tells the name that was taken.
//
// The first time after Prepare it costs no round trip; after that each call asks anew.
func (t *Target) OpenNamed(ctx context.Context, name string, role migrate.Role) (migrate.Mailbox, error) {
	defer t.during(ctx)()
	mb, err := t.openNamed(name, role)
	return mb, because(ctx, err)
}

// prepared is how many folders Prepare has on their way at once. Each is three commands of some hundred octets.
const prepared = 64

// Prepare opens the folders of ways ahead, many in one round trip, so that OpenNamed has them at hand. It creates those that are missing, unless this is
// a dry run. What it can't open is left to OpenNamed, which says why.
func (t *Target) Prepare(ctx context.Context, ways []migrate.Way) error {
	defer t.during(ctx)()
	return because(ctx, t.prepare(ways))
}

func (t *Target) prepare(ways []migrate.Way) (failed error) {
	if err := t.layOut(); err != nil {
		return err
	}
	ways = slices.Clone(ways)
	slices.SortStableFunc(ways, func(a, b migrate.Way) int { return strings.Compare(a.Name, b.Name) }) // parents first
	ways = slices.CompactFunc(ways, func(a, b migrate.Way) bool { return a.Name == b.Name })
	var flying []*opening
	first := func() {
		o := flying[0]
		flying = flying[1:]
		mb, err := t.land(o)
		var e *migrate.Error
		switch {
		case err == nil && mb.UIDValidity != 0:
			t.ready[o.asked] = mb
		case err != nil && failed == nil && !(errors.As(err, &e) && e.Scope == migrate.ScopeFolder):
			failed = err
		}
	}
	for _, w := range ways {
		names, err := t.candidates(w.Name)
		if _, ok := t.ready[w.Name]; ok || err != nil || w.Excluded != "" || t.odd[names[0]] != "" {
			continue
		}
		if len(flying) == prepared {
			first()
		}
		if failed != nil {
			break
		}
		o := t.launch(names[0], w.Role)
		o.asked = w.Name
		flying = append(flying, o)
	}
	for len(flying) > 0 {
		first()
	}
	return failed
}

func (t *Target) openNamed(name string, role migrate.Role) (mb migrate.Mailbox, err error) {
	if err := t.layOut(); err != nil {
		return mb, err
	}
	if mb, ok := t.ready[name]; ok {
		delete(t.ready, name)
		return mb, nil
	}
	names, err := t.candidates(name)
	for i, n := range names {
		if i > 0 {
			t.ctl.log.Info("imap: the server takes no folder of that name; another that looks alike is used", "folder", name, "instead", n)
		}
		if mb, err = t.ensure(n, role); !refusedName(err) {
			break
		}
	}
	return mb, err
}

// refusedName says whether a server refused a folder and may take it under another name.
func refusedName(err error) bool {
	var e *migrate.Error
	var a answered
	return errors.As(err, &e) && e.Scope == migrate.ScopeFolder && errors.As(err, &a)
}

// ensure opens one folder, and makes it by all means.
func (t *Target) ensure(name string, role migrate.Role) (migrate.Mailbox, error) {
	if raw, ok := t.odd[name]; ok {
		return t.statusOf(name, raw)
	}
	return t.land(t.launch(name, role))
}

// opening is a folder whose commands are on their way: STATUS, or CREATE, SUBSCRIBE and STATUS.
type opening struct {
	name      string
	asked     string // the name that Prepare was given
	role      migrate.Role
	use       bool // CREATE says what for
	parents   bool // they have been made
	create    *imapclient.Command
	subscribe *imapclient.Command
	status    *imapclient.StatusCommand
}

// launch sends what opens a folder, without waiting.
func (t *Target) launch(name string, role migrate.Role) *opening {
	o := &opening{name: name, role: role}
	if listed, holds := t.listedAs(name); !t.cfg.ReadOnly && (!listed || !holds) {
		t.create(o, t.usable(role))
	}
	t.ask(o)
	return o
}

// listedAs says whether a folder is listed, and whether it holds mail then.
func (t *Target) listedAs(name string) (listed, holds bool) {
	i, ok := t.at[name]
	return ok, ok && !t.layout.Boxes[i].NoSelect
}

// usable says whether a folder can be created for a role: where the server can be told, and no other folder is that already.
func (t *Target) usable(role migrate.Role) bool {
	return useOf[role] != "" && t.ctl.caps.has("CREATE-SPECIAL-USE") &&
		!slices.ContainsFunc(t.layout.Boxes, func(b migrate.Box) bool { return b.Role == role })
}

var useOf = map[migrate.Role]goimap.MailboxAttr{migrate.RoleArchive: goimap.MailboxAttrArchive, migrate.RoleDrafts: goimap.MailboxAttrDrafts,
	migrate.RoleJunk: goimap.MailboxAttrJunk, migrate.RoleSent: goimap.MailboxAttrSent, migrate.RoleTrash: goimap.MailboxAttrTrash}

func (t *Target) create(o *opening, use bool) {
	var options *goimap.CreateOptions
	if o.use = use; use {
		options = &goimap.CreateOptions{SpecialUse: []goimap.MailboxAttr{useOf[o.role]}}
	}
	o.create = t.lib.Create(o.name, options)
	o.subscribe = t.lib.Subscribe(o.name)
}

func (t *Target) ask(o *opening) {
	o.status = t.lib.Status(o.name, &goimap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, AppendLimit: t.ctl.caps.has("APPENDLIMIT")})
}

// land waits for what launch sent, and tries what else there is when the folder was refused.
func (t *Target) land(o *opening) (migrate.Mailbox, error) {
	mb := migrate.Mailbox{Name: o.name}
	if o.create == nil {
		st, refused, err := t.told(o, &mb)
		if err != nil || !refused {
			return mb, err
		}
		if e := classify("imap status", o.name, st, migrate.ScopeFolder); e.Scope != migrate.ScopeFolder {
			return mb, e
		}
		if t.cfg.ReadOnly {
			return mb, nil
		}
		t.create(o, t.usable(o.role)) // gone since it was listed
		t.ask(o)
	}
	return t.made(o, mb)
}

// made waits for CREATE, SUBSCRIBE and STATUS.
func (t *Target) made(o *opening, mb migrate.Mailbox) (migrate.Mailbox, error) {
	created, refused, err := t.lib.refusal(o.create.Wait())
	if err != nil {
		return mb, err
	}
	subscribed, unsubscribed, err := t.lib.refusal(o.subscribe.Wait())
	if err != nil {
		return mb, err
	}
	st, missing, err := t.told(o, &mb)
	if err != nil {
		return mb, err
	}
	listed, holds := t.listedAs(o.name)
	there := !missing && (holds || !listed) // mailutils tells the STATUS of a mere directory
	switch {
	case !refused && missing:
		return mb, classify("imap status", o.name, st, migrate.ScopeFolder)
	case refused && !there:
		if !unsubscribed { // Courier and mailutils subscribe to what is not there
			if _, _, err := t.lib.refusal(t.lib.Unsubscribe(o.name).Wait()); err != nil {
				return mb, err
			}
		}
		return t.remade(o, mb, created, st)
	case unsubscribed:
		t.ctl.log.Warn("imap subscribe refused", "mailbox", o.name, "answer", answered{subscribed}.Error()) // the mail is there all the same
	}
	t.learn(o, refused)
	return mb, nil
}

// learn adds a folder to the layout.
func (t *Target) learn(o *opening, refused bool) {
	b := migrate.Box{Name: o.name, NoInferiors: t.layout.MailOrChildren}
	if o.use && !refused {
		b.Role = o.role
	}
	if i, ok := t.at[o.name]; ok {
		t.layout.Boxes[i] = b
		return
	}
	t.at[o.name] = len(t.layout.Boxes)
	t.layout.Boxes = append(t.layout.Boxes, b)
}

// remade creates a folder that was refused: without its use, which the server may not know or have given away, then with its parents, which RFC 3501
// 6.3.3 wants servers to make and not all do.
func (t *Target) remade(o *opening, mb migrate.Mailbox, created, missing status) (migrate.Mailbox, error) {
	e := classify("imap create", o.name, created, migrate.ScopeFolder)
	if created.code == "ALREADYEXISTS" {
		return mb, classify("imap status", o.name, missing, migrate.ScopeFolder)
	}
	if e.Scope != migrate.ScopeFolder {
		return mb, e
	}
	if o.use {
		t.create(o, false)
		t.ask(o)
		return t.made(o, mb)
	}
	parents := t.parents(o.name)
	if len(parents) == 0 || o.parents {
		if e.Hint == "" {
			e.Hint = hintFolderName
		}
		return mb, e
	}
	for _, p := range parents {
		// The delimiter at the end says that folders will be below it, so that it doesn't become a plain file (RFC 3501 6.3.3).
		if _, _, err := t.lib.refusal(t.lib.Create(p+t.layout.Delimiter, nil).Wait()); err != nil {
			return mb, err
		}
	}
	o.parents = true
	t.create(o, false)
	t.ask(o)
	return t.made(o, mb)
}

// parents are the folders above one that are not listed, outermost first.
func (t *Target) parents(name string) (out []string) {
	d := t.layout.Delimiter
	for i := range name {
		if d == "" || i <= len(t.layout.Prefix) || !strings.HasPrefix(name[i:], d) {
			continue
		}
		if listed, _ := t.listedAs(name[:i]); !listed {
			out = append(out, name[:i])
		}
	}
	return out
}

// told waits for the answer to STATUS and puts it into mb.
func (t *Target) told(o *opening, mb *migrate.Mailbox) (st status, refused bool, err error) {
	data, err := o.status.Wait()
	if st, refused, err = t.lib.refusal(err); refused || err != nil {
		return st, refused, err
	}
	if listed, holds := t.listedAs(o.name); t.cfg.ReadOnly && listed && !holds {
		return st, false, nil
	}
	if data.AppendLimit != nil {
		t.mu.Lock()
		t.limits[o.name] = int64(*data.AppendLimit)
		t.mu.Unlock()
	}
	mb.UIDValidity, mb.UIDNext = data.UIDValidity, uint32(data.UIDNext)
	if data.NumMessages != nil {
		mb.Messages = *data.NumMessages
	}
	return st, false, certain(mb)
}

// certain refuses a mailbox without a UIDVALIDITY: nothing could be known of it in the next run.
func certain(mb *migrate.Mailbox) error {
	if mb.UIDValidity != 0 {
		return nil
	}
	return &migrate.Error{Op: "imap status", Subject: mb.Name, Scope: migrate.ScopeFolder, Final: true, Err: errors.New("the server tells no UIDVALIDITY")}
}

// statusOf opens a folder whose listed name is not how its text is written: raw UTF-8, broken modified UTF-7, inbox in small letters. go-imap can't
// send such a name.
func (t *Target) statusOf(name, raw string) (migrate.Mailbox, error) {
	mb := migrate.Mailbox{Name: name}
	tag, err := t.ctl.command("STATUS "+quoted(raw)+" (MESSAGES UIDNEXT UIDVALIDITY)", "")
	if err != nil {
		return mb, err
	}
	var n map[string]uint32
	st, err := t.ctl.await(tag, func(line []byte, _ status) error { return statusNumbers(line, &n) })
	switch {
	case err != nil:
		return mb, err
	case st.kind != "OK":
		return mb, classify("imap status", name, st, migrate.ScopeFolder)
	}
	mb.Messages, mb.UIDNext, mb.UIDValidity = n["MESSAGES"], n["UIDNEXT"], n["UIDVALIDITY"]
	return mb, certain(&mb)
}
