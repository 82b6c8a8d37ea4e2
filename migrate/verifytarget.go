package migrate

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"slices"
)

// target compares the claims with what lies there.
func (v *verifier) target(ctx context.Context) error {
	opener, canOpen := v.t.(Opener)
	index, canIndex := v.t.(Indexer)
	if !canOpen || !canIndex {
		if len(v.claims) == 0 {
			return nil // a relay keeps nothing
		}
		return &Error{Op: "verify", Subject: v.Name, Scope: ScopeRun, Final: true, Err: errors.New("nobody can ask this kind of target what lies on it"),
			Hint: "keep the old server until you have looked at the new place yourself"}
	}
	for _, name := range slices.Sorted(maps.Keys(v.claims)) {
		mb, err := opener.OpenNamed(ctx, name, "")
		if err != nil {
			return err
		}
		f, err := v.folder(ctx, index, mb, v.claims[name])
		if err != nil {
			return err
		}
		v.v.Folders = append(v.v.Folders, f)
	}
	if err := v.seek(ctx, opener, index); err != nil {
		return err
	}
	for _, f := range v.v.Folders {
		v.v.Expected, v.v.Found, v.v.Moved, v.v.Gone = v.v.Expected+f.Expected, v.v.Found+f.Found, v.v.Moved+f.Moved, v.v.Gone+f.Gone
		v.v.Flagged, v.v.FlagsDiffer = v.v.Flagged+f.Flagged, v.v.FlagsDiffer+f.FlagsDiffer
	}
	return nil
}

// folder compares one folder. What isn't there becomes a stray, to be sought later.
func (v *verifier) folder(ctx context.Context, t Indexer, mb Mailbox, c *claimed) (VerifiedFolder, error) {
	f := VerifiedFolder{Name: mb.Name, Messages: int64(mb.Messages), Expected: int64(len(c.byUID) + len(c.elsewhere))}
	at := len(v.v.Folders)
	var read []uint32
	if mb.UIDValidity == c.validity {
		v.merge(mb.Name, c)
		var next uint32
		for m, err := range t.Index(ctx, mb, 1, &next) {
			if err != nil {
				return f, err
			}
			who, ok := c.byUID[m.UID]
			if !ok {
				continue
			}
			who.found = true
			c.byUID[m.UID] = who
			f.Found++
			if who.exact && m.Size != who.size {
				v.v.Resized++
			}
			if who.exact && v.chosen(who) {
				read = append(read, m.UID)
			}
		}
	}
	if f.Found < f.Expected {
		for _, s := range c.elsewhere {
			s.folder = at
			v.strays = append(v.strays, s)
		}
		for _, uid := range slices.Sorted(maps.Keys(c.byUID)) {
			if who := c.byUID[uid]; !who.found {
				v.strays = append(v.strays, stray{source: who.source, id: who.id, size: who.size, folder: at})
			}
		}
	}
	if err := v.compare(ctx, t, mb, c, read); err != nil {
		return f, err
	}
	return f, v.compareFlags(ctx, mb, c, &f)
}

// merge gives the flags of duplicates to what they are duplicates of: where that is there more than once, to the first.
func (v *verifier) merge(folder string, c *claimed) {
	if len(v.twins) == 0 {
		return
	}
	first := map[Digest]uint32{}
	for uid, who := range c.byUID {
		if _, ok := v.twins[twin{folder, who.digest}]; ok && (first[who.digest] == 0 || uid < first[who.digest]) {
			first[who.digest] = uid
		}
	}
	for d, uid := range first {
		who := c.byUID[uid]
		who.flags = v.flags.union(who.flags, v.twins[twin{folder, d}])
		c.byUID[uid] = who
	}
}

// compare reads messages from the target.
func (v *verifier) compare(ctx context.Context, t Indexer, mb Mailbox, c *claimed, uids []uint32) error {
	for _, uid := range uids {
		who := c.byUID[uid]
		digest, err := v.read(ctx, t, mb, uid, &who)
		if err != nil {
			if classOf(err).Scope == ScopeMessage {
				continue // gone meanwhile
			}
			return err
		}
		c.byUID[uid] = who
		v.v.Read++
		if digest != who.digest {
			v.v.Altered++
			v.problem(Problem{Source: who.source, ID: who.id, Folder: mb.Name, Size: who.size,
				Reason: fmt.Sprintf("what lies on the target under UID %d is not, octet for octet, what was copied", uid),
				Hint:   "compare the two: some servers change NULs, lone CRs or 8-bit headers as they store a message"})
		}
	}
	return nil
}

// read computes the digest of what lies on the target. Where a Filer was asked, it is asked again, for the flags.
func (v *verifier) read(ctx context.Context, t Indexer, mb Mailbox, uid uint32, who *claimant) (Digest, error) {
	w := &identityWriter{newIdentifier()}
	if !who.filed {
		err := t.Read(ctx, mb, uid, w)
		return w.sum(), err
	}
	body := v.Pool.NewSpool(ctx)
	defer body.Release()
	if err := t.Read(ctx, mb, uid, io.MultiWriter(w, body)); err != nil {
		return Digest{}, err
	}
	body.Seal()
	id, copied := cutCopy(who.id)
	verdict, _ := v.Filer.File(ctx, &Message{Entry: Entry{ID: id, Stable: true, Flags: v.flags.sets[who.flags], Size: who.size}, Body: body})
	if ctx.Err() != nil {
		return Digest{}, context.Cause(ctx)
	}
	for i, f := range verdict.Filings {
		if i == 0 && !copied || i > 0 && copyID(id, f) == who.id {
			who.flags = v.flags.union(who.flags, v.flags.of(f.Flags))
		}
	}
	return w.sum(), nil
}

// chosen says whether a message is in the sample.
func (v *verifier) chosen(c claimant) bool {
	h := fnv.New32a()
	io.WriteString(h, c.source+"\x00"+c.id)
	return h.Sum32() < v.sample || v.sample == math.MaxUint32
}

// stray is a message that isn't where it was put, in the folder of that number.
type stray struct {
	source, id string
	size       int64
	folder     int
	nameless   bool // the server never told its UID, so that it may lie in its place
}

// lostMail are strays by what an index tells of a message.
type lostMail map[sought][]stray

type sought struct {
	envelope Envelope
	size     int64
}

// seek looks for the strays in all folders of the target: people move mail. A message is the same by its envelope and size, and by its octets where
// it has no Message-ID; each answers for one stray only.
func (v *verifier) seek(ctx context.Context, opener Opener, index Indexer) error {
	layouter, ok := v.t.(Layouter)
	if len(v.strays) == 0 {
		return nil
	}
	lost := lostMail{}
	for _, s := range v.strays {
		rec, _, err := v.Store.Record(s.source, s.id)
		if err != nil {
			return stateError(err)
		}
		k := sought{rec.Identity.Envelope, rec.Size}
		lost[k] = append(lost[k], s)
	}
	v.strays = nil
	if ok {
		layout, err := layouter.Layout(ctx)
		if err != nil {
			return err
		}
		for _, own := range []bool{true, false} { // each in its own folder first, so that a copy elsewhere isn't taken for it
			for _, box := range layout.Boxes {
				if box.NoSelect || len(lost) == 0 || own && !v.lacks(box.Name) {
					continue
				}
				mb, err := opener.OpenNamed(ctx, box.Name, "")
				if err == nil {
					err = v.seekIn(ctx, index, mb, lost, own)
				}
				if err != nil && classOf(err).Scope != ScopeFolder { // a folder that can't be read is none of ours
					return err
				}
			}
		}
	}
	for _, strays := range lost {
		for _, s := range strays {
			f := &v.v.Folders[s.folder]
			f.Gone++
			v.problem(Problem{Source: s.source, ID: s.id, Folder: f.Name, Size: s.size, Reason: "deleted on the target, from " + f.Name,
				Hint: "it is not copied again, since somebody may have meant it; if it was a mistake, take it from the source by hand"})
		}
	}
	return nil
}

// lacks says whether some of what was put into a folder hasn't been found.
func (v *verifier) lacks(folder string) bool {
	return slices.ContainsFunc(v.v.Folders, func(f VerifiedFolder) bool { return f.Name == folder && f.Found < f.Expected })
}

// seekIn looks for strays in one folder, and says which were moved there; with own only for those that were put there.
func (v *verifier) seekIn(ctx context.Context, t Indexer, mb Mailbox, lost lostMail, own bool) error {
	c := v.claims[mb.Name]
	if c != nil && c.validity != mb.UIDValidity {
		c = nil
	}
	var like []Indexed
	var next uint32
	for m, err := range t.Index(ctx, mb, 1, &next) {
		if err != nil {
			return err
		}
		if c != nil && (c.byUID[m.UID].found || c.taken[m.UID]) {
			continue
		}
		if len(lost[sought{m.Envelope, m.Size}]) > 0 {
			like = append(like, m)
		}
	}
	moved := map[int]int64{} // by the folder that they were in
	for _, m := range like {
		k := sought{m.Envelope, m.Size}
		at, err := v.which(ctx, t, mb, m, lost[k], own)
		if err != nil {
			return err
		}
		if at < 0 {
			continue
		}
		if c != nil {
			c.take(m.UID)
		}
		if s := lost[k][at]; s.nameless && v.v.Folders[s.folder].Name == mb.Name {
			v.v.Folders[s.folder].Found++
		} else {
			moved[s.folder]++
		}
		if lost[k] = slices.Delete(lost[k], at, at+1); len(lost[k]) == 0 {
			delete(lost, k)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(moved)) {
		f := &v.v.Folders[at]
		f.Moved += moved[at]
		reason := fmt.Sprintf("%d of the messages that were put into %s lie in %s now: somebody moved them", moved[at], f.Name, mb.Name)
		if f.Name == mb.Name {
			reason = fmt.Sprintf("%d of the messages in %s are not those that were put there, but the same: the folder was made anew, or they were moved away and back",
				moved[at], f.Name)
		}
		v.problem(Problem{Folder: mb.Name, Reason: reason, Hint: "nothing has to be done: the mail is there"})
	}
	return nil
}

// which of the strays of one envelope and size lies there, or -1; with own only those that were put there are asked about.
func (v *verifier) which(ctx context.Context, t Indexer, mb Mailbox, m Indexed, strays []stray, own bool) (int, error) {
	may := func(s stray) bool { return !own || v.v.Folders[s.folder].Name == mb.Name }
	if !slices.ContainsFunc(strays, may) {
		return -1, nil
	}
	if m.Envelope.HasMessageID() {
		return slices.IndexFunc(strays, may), nil
	}
	w := &identityWriter{newIdentifier()}
	if err := t.Read(ctx, mb, m.UID, w); err != nil {
		if classOf(err).Scope == ScopeMessage {
			return -1, nil
		}
		return -1, err
	}
	digest := w.sum()
	for i, s := range strays {
		if !may(s) {
			continue
		}
		if rec, _, err := v.Store.Record(s.source, s.id); err != nil || rec.Identity.Digest == digest {
			return i, stateError(err)
		}
	}
	return -1, nil
}
