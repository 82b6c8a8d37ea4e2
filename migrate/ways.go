package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ways says where the source's folders go in this session. It is asked once for all folders of the listing, since their names tell more
// together than one by one, and once more for those that only a Filer names.
type ways struct {
	layout Layout
	from   []SourceFolder
	byKey  map[string]Way
}

// folderKey is a source folder in one string. A role belongs to it: one store can have two folders of one path that are different things to
// the client.
func folderKey(p Path, r Role) string {
	if len(p) == 0 && r == "" {
		return ""
	}
	return strings.Join(p, "\x00") + "\x01" + string(r)
}

// layOut reads what the target says of its folders.
func (s *session) layOut(ctx context.Context) (err error) {
	s.ways.byKey = map[string]Way{}
	if t, ok := s.target.(Layouter); ok {
		s.ways.layout, err = t.Layout(ctx)
	}
	return err
}

// sayEvery is after how many messages a listing says how far it is: a store of ten gigabytes takes a while.
const sayEvery = 1000

// route finds the ways of all folders that the source lists.
func (s *session) route(ctx context.Context) error {
	at, needed, n := map[string]int{}, map[string]bool{}, 0
	for e, err := range s.source.Messages(ctx) {
		if err != nil {
			if classOf(err).Scope == ScopeMessage {
				continue
			}
			return err
		}
		e = s.join.overlay(s.maildrop, e)
		k := folderKey(e.Folder, e.Role)
		i, ok := at[k]
		if !ok {
			i = len(s.ways.from)
			at[k] = i
			s.ways.from = append(s.ways.from, SourceFolder{Source: s.name, Path: e.Folder, Role: e.Role})
		}
		if n++; n%sayEvery == 0 {
			s.books.progress.phase("listing", fmt.Sprintf("listing: %d messages so far", n))
		}
		s.ways.from[i].Messages++
		s.ways.from[i].Octets += e.Size
		needed[k] = needed[k] || !e.Partial && s.Rules.byListing(e) == ""
	}
	s.ways.addParents()
	if err := s.ways.ask(s.Router); err != nil {
		return err
	}
	return s.prepare(ctx, needed)
}

// prepare has the target open the folders that will get mail, where it can do that faster for all than one by one.
func (s *session) prepare(ctx context.Context, needed map[string]bool) error {
	t, ok := s.target.(Preparer)
	if !ok || s.planning {
		return nil
	}
	var all []Way
	named := map[string]bool{}
	for _, f := range s.ways.from {
		k := folderKey(f.Path, f.Role)
		if w := s.ways.byKey[k]; needed[k] && w.Excluded == "" && !named[w.Name] {
			named[w.Name] = true
			all = append(all, w)
		}
	}
	if len(all) < 2 {
		return nil
	}
	return t.Prepare(ctx, all)
}

// addParents adds the folders without mail that others are in: what they are called tells what is below them ("Archives/2018").
func (w *ways) addParents() {
	listed := map[string]bool{}
	for _, f := range w.from {
		listed[folderKey(f.Path, "")] = true
	}
	for _, f := range w.from {
		for n := len(f.Path) - 1; n > 0; n-- {
			parent := f.Path[:n:n]
			if k := folderKey(parent, ""); !listed[k] {
				listed[k] = true
				w.from = append(w.from, SourceFolder{Source: f.Source, Path: parent})
			}
		}
	}
}

// wayOf returns the way of an entry's folder.
func (s *session) wayOf(e Entry) (Way, error) { return s.ways.of(s.Router, s.name, e) }

// ask routes all folders, and takes the ways of those that have none yet.
func (w *ways) ask(r Router) error {
	found, err := r.Route(w.layout, w.from)
	if err != nil {
		return &Error{Op: "route", Scope: ScopeRun, Final: true, Err: err}
	}
	for _, way := range found {
		k := folderKey(way.From.Path, way.From.Role)
		if _, ok := w.byKey[k]; !ok {
			w.byKey[k] = way
		}
	}
	return nil
}

// of returns the way of an entry's folder, also when the listing didn't have it.
func (w *ways) of(r Router, source string, e Entry) (Way, error) {
	k := folderKey(e.Folder, e.Role)
	if way, ok := w.byKey[k]; ok {
		return way, nil
	}
	w.from = append(w.from, SourceFolder{Source: source, Path: e.Folder, Role: e.Role})
	err := w.ask(r)
	return w.byKey[k], err
}

// Plan says where each folder of each source would go, without reading a message. It may be called instead of Run.
func (a *Account) Plan(ctx context.Context) ([]Way, error) {
	r := &run{Account: a, books: newBooks(a.Progress), start: a.Now()}
	var out []Way
	for _, src := range a.Sources {
		found, err := r.plan(ctx, src)
		if err != nil {
			return out, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (r *run) plan(ctx context.Context, src NamedSource) ([]Way, error) {
	s := &session{run: r, name: src.Name, maildrop: src.Maildrop, planning: true}
	err := s.open(ctx, ctx, src)
	if err == nil {
		err = errors.Join(s.route(ctx), s.close())
	}
	if err != nil {
		return nil, err
	}
	var out []Way
	for _, f := range s.ways.from {
		if f.Messages == 0 {
			continue // it is only the way to another one
		}
		w := s.ways.byKey[folderKey(f.Path, f.Role)]
		w.From = f
		out = append(out, w)
	}
	return out, nil
}
