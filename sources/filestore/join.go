package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"poplift/migrate"
)

// Part is one of several stores that lie in the same place.
type Part struct {
	// Name begins the IDs of the part's messages. It has no colon.
	Name  string
	Store Store
}

// Join makes one store of several, and owns them: a tree can hold mboxes beside single messages, or a client's folders beside an old export.
// They must not read the same messages.
func Join(parts ...Part) Store { return joined(parts) }

type joined []Part

func (j joined) List(ctx context.Context) iter.Seq2[migrate.Entry, error] {
	return func(yield func(migrate.Entry, error) bool) {
		told := map[string]bool{}
		for _, p := range j {
			for e, err := range p.Store.List(ctx) {
				var known *migrate.Error
				if errors.As(err, &known) && (known.Scope == migrate.ScopeMessage || known.Scope == migrate.ScopeFolder) {
					if told[known.Subject] {
						continue // what one of them can't open, no other can
					}
					told[known.Subject] = true
				}
				if e.ID != "" {
					e.ID = p.Name + ":" + e.ID
				}
				if !yield(e, err) || ctx.Err() != nil {
					return
				}
			}
		}
	}
}

func (j joined) Read(ctx context.Context, e migrate.Entry, w io.Writer) error {
	name, id, _ := strings.Cut(e.ID, ":")
	for _, p := range j {
		if p.Name == name {
			e.ID = id
			return p.Store.Read(ctx, e, w)
		}
	}
	return fmt.Errorf("no message of this store: %q", e.ID)
}

func (j joined) Close() error {
	var failed error
	for _, p := range j {
		failed = errors.Join(failed, p.Store.Close())
	}
	return failed
}

// Doubts are those of all parts.
func (j joined) Doubts() (out []Doubt) {
	for _, p := range j {
		if d, ok := p.Store.(Doubter); ok {
			out = append(out, d.Doubts()...)
		}
	}
	return out
}
