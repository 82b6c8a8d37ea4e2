package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"poplift/migrate"
)

// Count is messages and octets.
type Count struct {
	Messages int64 `json:"messages"`
	Octets   int64 `json:"bytes"`
}

// Status is how a run is getting on, for others to read while it holds the account. The last one of a run stays until the next begins.
type Status struct {
	Account string    `json:"account"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Updated time.Time `json:"updated"`
	// Phase is that of migrate.Snapshot.
	Phase    string           `json:"phase"`
	Listed   Count            `json:"listed"`
	Settled  Count            `json:"settled"`
	Outcomes map[string]Count `json:"outcomes,omitempty"`
	// Note is the last thing that a person might want to know.
	Note string `json:"note,omitempty"`
	// Finished says that the run came to its end, with ExitCode. A Status that isn't finished and whose process is gone is of a run
	// that was killed.
	Finished bool `json:"finished"`
	ExitCode int  `json:"exit_code"`
}

// Set takes over the counts of a snapshot.
func (st *Status) Set(p migrate.Snapshot) {
	st.Phase, st.Note = p.Phase, p.Note
	st.Listed, st.Settled = Count(p.Listed), Count(p.Settled)
	st.Outcomes = make(map[string]Count, len(p.Outcomes))
	for o, t := range p.Outcomes {
		st.Outcomes[o.String()] = Count(t)
	}
}

// Running says whether the process that wrote it is still there and not done. Process numbers are used again, and mean nothing on another
// machine or in another container: Updated is the second witness.
func (st Status) Running() bool { return !st.Finished && Alive(st.PID) }

// WriteStatus replaces an account's status file in dir. Only the process that holds the account's Store may call it, one call at a time. It
// is not made durable: a status is of no use after a power cut.
func WriteStatus(dir, account string, st Status) error {
	st.Account = account
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("write status %s: %w", account, err)
	}
	path := StatusPath(dir, account)
	tmp := path + ".new"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write status %s: %w", account, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write status %s: %w", account, err)
	}
	return nil
}

// ReadStatus reads an account's status file; the error wraps fs.ErrNotExist when there is none.
func ReadStatus(dir, account string) (Status, error) {
	st, err := readStatus(StatusPath(dir, account))
	if err != nil {
		return Status{}, fmt.Errorf("read status %s: %w", account, err)
	}
	return st, nil
}

// maxStatus bounds what is read: a status is some hundred octets.
const maxStatus = 1 << 20

func readStatus(path string) (st Status, err error) {
	err = readJSON(path, maxStatus, &st)
	return st, err
}

// readJSON reads a small file that this package has written, or somebody else in its name.
func readJSON(path string, limit int64, v any) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > limit {
		return errors.New("too big for what it should be")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// ListStatus reads all status files in dir, in order of file name. A directory that isn't there has none. The error joins those of
// files that can't be read, each of which is left out.
func ListStatus(dir string) ([]Status, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list status: %w", err)
	}
	var list []Status
	var errs []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") || e.IsDir() {
			continue
		}
		st, err := readStatus(filepath.Join(dir, e.Name()))
		if err != nil {
			errs = append(errs, fmt.Errorf("read status %s: %w", e.Name(), err))
			continue
		}
		list = append(list, st)
	}
	return list, errors.Join(errs...)
}
