package migrate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// flagSet is a combination of flags, as its number in a table: mail has few of them, and a million messages need not hold a slice each.
type flagSet uint32

// flagSets is the table. Number 0 is no flags.
type flagSets struct {
	sets   [][]Flag
	number map[string]flagSet
}

func newFlagSets() flagSets { return flagSets{[][]Flag{nil}, map[string]flagSet{"": 0}} }

// of returns the number of a combination, in whatever order and case.
func (t *flagSets) of(flags []Flag) flagSet {
	if len(flags) == 0 {
		return 0
	}
	sorted := slices.Clone(flags)
	slices.SortFunc(sorted, func(a, b Flag) int { return cmp.Compare(strings.ToLower(string(a)), strings.ToLower(string(b))) })
	sorted = slices.CompactFunc(sorted, func(a, b Flag) bool { return strings.EqualFold(string(a), string(b)) })
	var key strings.Builder
	for _, f := range sorted {
		key.WriteString(strings.ToLower(string(f)) + " ")
	}
	n, ok := t.number[key.String()]
	if !ok {
		n = flagSet(len(t.sets))
		t.sets, t.number[key.String()] = append(t.sets, sorted), n
	}
	return n
}

func (t *flagSets) union(a, b flagSet) flagSet {
	switch {
	case a == b || b == 0:
		return a
	case a == 0:
		return b
	}
	return t.of(slices.Concat(t.sets[a], t.sets[b]))
}

// flagGap counts the messages of one folder that should have a flag, and those that lack it.
type flagGap struct {
	wanted, lacking int64
	uids            []uint32 // the first of those that lack it
}

// shownUIDs is how many messages that lack a flag are named.
const shownUIDs = 10

// compareFlags asks the target which flags its messages lack.
func (v *verifier) compareFlags(ctx context.Context, mb Mailbox, c *claimed, f *VerifiedFolder) error {
	checker, ok := v.t.(FlagChecker)
	wanted := int64(0)
	for _, who := range c.byUID {
		if who.found && who.flags != 0 {
			wanted++
		}
	}
	if !ok || wanted == 0 {
		return nil
	}
	gaps := map[Flag]*flagGap{}
	gapOf := func(flag Flag) *flagGap {
		flag = Flag(strings.ToLower(string(flag)))
		if gaps[flag] == nil {
			gaps[flag] = &flagGap{}
		}
		return gaps[flag]
	}
	want := func(uid uint32) []Flag {
		who := c.byUID[uid]
		if !who.found || who.flags == 0 {
			return nil
		}
		f.Flagged++
		for _, flag := range v.flags.sets[who.flags] {
			gapOf(flag).wanted++
		}
		return v.flags.sets[who.flags]
	}
	names := map[Flag]Flag{} // as the source spells them
	for m, err := range checker.Lacking(ctx, mb, want) {
		if err != nil {
			return err
		}
		f.FlagsDiffer++
		for _, flag := range m.Flags {
			names[Flag(strings.ToLower(string(flag)))] = flag
			g := gapOf(flag)
			if g.lacking++; len(g.uids) < shownUIDs {
				g.uids = append(g.uids, m.UID)
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(names)) {
		v.problem(gaps[k].problem(mb.Name, names[k]))
	}
	if f.Flagged < wanted {
		v.problem(Problem{Folder: mb.Name, Reason: fmt.Sprintf("the server told the flags of %d messages in %s only, of %d", f.Flagged, mb.Name, wanted)})
	}
	return nil
}

// problem tells a person which messages of a folder lack a flag, and what that may mean.
func (g *flagGap) problem(folder string, flag Flag) Problem {
	p := Problem{Folder: folder}
	if g.lacking == g.wanted && g.wanted > 1 {
		p.Reason = fmt.Sprintf("%s: none of the %d messages that should have %s has it", folder, g.wanted, flag)
		p.Hint = "no mail is missing; the server may keep no such flag in this folder, or it came to the source after the copy"
		return p
	}
	var uids []string
	for _, uid := range g.uids {
		uids = append(uids, fmt.Sprint(uid))
	}
	if more := g.lacking - int64(len(g.uids)); more > 0 {
		uids = append(uids, fmt.Sprintf("and %d more", more))
	}
	p.Reason = fmt.Sprintf("%s: %d of the %d messages that should have %s lack it (UID %s)", folder, g.lacking, g.wanted, flag, strings.Join(uids, ", "))
	p.Hint = "no mail is missing; somebody may have taken the flag away since the copy, or set it on the source after it"
	return p
}
