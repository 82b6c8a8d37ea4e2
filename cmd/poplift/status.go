package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"poplift/state"
)

// runStatus is `poplift status`: what the status files say, nothing more.
func runStatus(env *environment, givenDir string, asJSON bool) error {
	dir, err := stateDir(givenDir, env.getenv)
	if err != nil {
		return err
	}
	now := env.now()
	list, err := state.ListStatus(dir) // the list is of use even with an error, which is about single files
	if asJSON {
		out := []jsonStatus{}
		for _, st := range list {
			out = append(out, jsonStatus{Status: st, State: standing(st, now), AgeSeconds: now.Sub(st.Updated).Seconds()})
		}
		return errors.Join(writeJSON(env.stdout, out), err)
	}
	if len(list) == 0 && err == nil {
		fmt.Fprintf(env.stdout, "No account in %s has been copied yet.\n", dir)
	}
	writeStatusTable(env.stdout, list, now)
	return err
}

type jsonStatus struct {
	state.Status
	State      string  `json:"state"`
	AgeSeconds float64 `json:"age_seconds"`
}

// lifeless is how old a status may be before its run counts as crashed though its process number is in use: a running one writes every
// second, and the number may be another's by now.
const lifeless = time.Minute

// standing is what has become of a run, in one word.
func standing(st state.Status, now time.Time) string {
	switch {
	case st.Running() && now.Sub(st.Updated) < lifeless:
		return "running"
	case !st.Finished:
		return "crashed"
	case st.ExitCode == exitDone:
		return "done"
	case st.ExitCode == exitLeft:
		return "left"
	case st.ExitCode == exitInterrupted:
		return "interrupted"
	}
	return "failed"
}

func writeStatusTable(w io.Writer, list []state.Status, now time.Time) {
	for i, st := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		what := standing(st, now)
		switch what {
		case "running":
			what = fmt.Sprintf("running for %s as process %d: %s", humanTime(now.Sub(st.Started)), st.PID, st.Phase)
		case "crashed":
			what = "ended without a word; run the same command again: it goes on where it stopped"
		case "left":
			what = "done, with some messages left"
		}
		fmt.Fprintf(w, "%s\n  %s (%s ago)\n", st.Account, what, humanTime(max(0, now.Sub(st.Updated))))
		var rows [][3]string
		if st.Listed.Messages > 0 {
			rows = append(rows, statusRow("listed", st.Listed), statusRow("settled", st.Settled))
		}
		for _, name := range outcomeNames() {
			if c := st.Outcomes[name]; c != (state.Count{}) {
				rows = append(rows, statusRow(name, c))
			}
		}
		writeColumns(w, rows)
		if st.Note != "" {
			fmt.Fprintf(w, "  %s\n", st.Note)
		}
	}
}

func statusRow(name string, c state.Count) [3]string {
	return [3]string{name, fmt.Sprint(c.Messages), humanSize(c.Octets)}
}
