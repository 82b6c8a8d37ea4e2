package sieve

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/foxcpp/go-sieve/lexer"

	"poplift/migrate"
)

// Bounds of one run. The budget is octets compared, about a second of them.
const (
	budget       = 1 << 28
	maxRedirects = 5 // RFC 5228 10 asks for a limit; five is what Pigeonhole and go-sieve come near to
	maxFilings   = 32
)

// Action is something that a script does with a message.
type Action struct {
	// Line and Column are where; 0 for the implicit keep.
	Line, Column int
	// Command is keep, fileinto, redirect, discard, or "implicit keep".
	Command string
	// Folder is where the message is filed by keep and fileinto, with Flags.
	Folder migrate.Path
	Flags  []migrate.Flag
	// Address is where it is redirected to.
	Address string
}

// run is one message on its way through the script.
type run struct {
	ctx     context.Context
	script  *Script
	message *migrate.Message
	header  *header
	body    *body // read when a test asks for it

	variables    map[string]string
	matched      []string // the match variables
	flags        []migrate.Flag
	actions      []Action // in order; each folder and each address once
	implicitKeep bool
	left, asked  int // of the budget; what of it was spent since the context was last asked
}

var errStop = errors.New("stop")

// File says where a message goes. With an error, which is about this message only, the verdict is the implicit keep (RFC 5228 2.10.6): the
// caller files the message so and tells, or leaves it. What ended ctx is returned as it is.
func (s *Script) File(ctx context.Context, m *migrate.Message) (migrate.Verdict, error) {
	actions, err := s.Actions(ctx, m)
	v := migrate.Verdict{}
	for _, a := range actions {
		switch a.Command {
		case "redirect":
			v.Redirect = append(v.Redirect, a.Address)
		case "discard":
			v.Why = fmt.Sprintf("discarded by %s:%d:%d", s.file, a.Line, a.Column)
		default:
			v.Filings = append(v.Filings, migrate.Filing{Folder: a.Folder, Flags: a.Flags})
		}
	}
	if len(v.Filings) > 0 || len(v.Redirect) > 0 {
		v.Why = ""
	}
	return v, err
}

// Actions is File for people: what the script does, and where in it. A discard stands there only if nothing else is done with the message.
func (s *Script) Actions(ctx context.Context, m *migrate.Message) ([]Action, error) {
	kept := Action{Command: "implicit keep"}
	failed := func(err error) ([]Action, error) {
		if ctx.Err() != nil {
			return []Action{kept}, context.Cause(ctx)
		}
		// What couldn't be read may be readable the next time; a script does the same again.
		return []Action{kept}, &migrate.Error{Op: "sieve", Subject: m.ID, Scope: migrate.ScopeMessage, Final: !errors.Is(err, errUnreadable), Err: err}
	}
	h, err := readHeader(m.Body)
	if err != nil {
		return failed(err)
	}
	r := &run{ctx: ctx, script: s, message: m, header: h, variables: map[string]string{}, implicitKeep: true, left: s.budget}
	if err := r.do(s.body); err != nil && !errors.Is(err, errStop) {
		return failed(err)
	}
	if r.implicitKeep {
		keep := kept
		keep.Flags = r.flags
		if err := r.file(keep); err != nil {
			return failed(err)
		}
	}
	if done := slices.DeleteFunc(slices.Clone(r.actions), isDiscard); len(done) > 0 {
		return done, nil
	}
	return r.actions, nil
}

func isDiscard(a Action) bool { return a.Command == "discard" }

// do runs commands until one ends the script.
func (r *run) do(body []action) error {
	for _, do := range body {
		if err := r.spend(1, 16); err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

// charge takes off the budget what n octets cost, times the factor by which this kind of work is slower than a comparison. It can't stop the
// run; the next spend does.
func (r *run) charge(n, factor int) {
	r.left -= n * factor
	r.asked += n * factor
}

// spend is charge, and stops a run that has used its budget up, or that nobody waits for any more.
func (r *run) spend(n, factor int) error {
	r.charge(n, factor)
	if r.left < 0 {
		return errors.New("the script takes too long over this message")
	}
	if r.asked > 1<<20 {
		r.asked = 0
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
	}
	return nil
}

func (r *run) failf(pos lexer.Position, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", r.script.file, pos.Line, pos.Col, fmt.Sprintf(format, args...))
}

// file files a message into a folder. Twice into one is once, with the flags of the second time (RFC 5228 2.10.3, RFC 5232 3).
func (r *run) file(a Action) error {
	at, filed := -1, 0
	for i, b := range r.actions {
		if b.Command == "redirect" || b.Command == "discard" {
			continue
		}
		filed++
		if slices.Equal(a.Folder, b.Folder) {
			at = i
		}
	}
	if at >= 0 {
		r.actions[at] = a
		return nil
	}
	if filed == maxFilings {
		return fmt.Errorf("the script files the message into more than %d folders", maxFilings)
	}
	r.actions = append(r.actions, a)
	return nil
}

func (r *run) redirect(a Action) error {
	n := 0
	for _, b := range r.actions {
		if b.Command != "redirect" {
			continue
		}
		if a.Address == b.Address {
			return nil
		}
		n++
	}
	if n == maxRedirects {
		return fmt.Errorf("the script redirects the message to more than %d addresses", maxRedirects)
	}
	r.actions = append(r.actions, a)
	return nil
}

// discard only cancels the implicit keep (RFC 5228 4.4).
func (r *run) discard(pos lexer.Position) error {
	r.implicitKeep = false
	if !slices.ContainsFunc(r.actions, isDiscard) {
		r.actions = append(r.actions, Action{Line: pos.Line, Column: pos.Col, Command: "discard"})
	}
	return nil
}

// set changes a variable. A value that is too long is cut, which is no error (RFC 5229 6).
func (r *run) set(name, value string) {
	r.variables[name] = cut(value, maxVariable)
}

// setMatched keeps the pieces of a value that a match has found, at the pairs of octets in at.
func (r *run) setMatched(value string, at []int) {
	r.matched = r.matched[:0]
	for i := 0; i+1 < len(at) && len(r.matched) <= maxMatches; i += 2 {
		s := ""
		if at[i] >= 0 {
			s = value[at[i]:at[i+1]]
		}
		r.matched = append(r.matched, s)
	}
}
