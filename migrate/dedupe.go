package migrate

import "context"

// Twins are messages of one folder of a target that are the same, octet for octet but for what clients and servers change.
type Twins struct {
	// Keep is the one that came first, Others those behind it.
	Keep   uint32
	Others []uint32
	// Size is of one of them, in octets.
	Size int64
}

// FindTwins looks through one folder of a target for messages that lie there more than once, as other tools leave them. A Message-ID never
// decides, nor does a size: what could be the same is read, and compared by content. Messages that are gone meanwhile are left out.
func FindTwins(ctx context.Context, t Indexer, mb Mailbox, found func(Twins) error) error {
	like := map[Envelope][]Indexed{}
	var order []Envelope
	var next uint32
	for m, err := range t.Index(ctx, mb, 1, &next) {
		if err != nil {
			return err
		}
		if _, ok := like[m.Envelope]; !ok {
			order = append(order, m.Envelope)
		}
		like[m.Envelope] = append(like[m.Envelope], m)
	}
	for _, e := range order {
		if len(like[e]) < 2 {
			continue
		}
		groups, err := sameAmong(ctx, t, mb, like[e])
		if err != nil {
			return err
		}
		for _, g := range groups {
			if err := found(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameAmong reads messages of one envelope and returns those that are the same.
func sameAmong(ctx context.Context, t Indexer, mb Mailbox, messages []Indexed) ([]Twins, error) {
	at := map[Digest]int{}
	var groups []Twins
	for _, m := range messages {
		w := newLikenessWriter()
		if err := t.Read(ctx, mb, m.UID, w); err != nil {
			if classOf(err).Scope == ScopeMessage {
				continue
			}
			return nil, err
		}
		d := w.sum()
		if i, ok := at[d]; ok {
			groups[i].Others = append(groups[i].Others, m.UID)
			continue
		}
		at[d] = len(groups)
		groups = append(groups, Twins{Keep: m.UID, Size: m.Size})
	}
	var out []Twins
	for _, g := range groups {
		if len(g.Others) > 0 {
			out = append(out, g)
		}
	}
	return out, nil
}
