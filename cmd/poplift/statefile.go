package main

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"poplift/migrate"
	"poplift/state"
)

// stateDir is where the state lives: what the user said, else the system's place for such files.
func stateDir(given string, getenv func(string) string) (string, error) {
	if given != "" {
		return given, nil
	}
	if runtime.GOOS == "windows" {
		if dir := getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "poplift"), nil
		}
		return "", usagef("%%LocalAppData%% is not set; say where the state is to be with --state DIR")
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) { // a relative one is to be ignored, says the XDG specification
		return filepath.Join(dir, "poplift"), nil
	}
	home, err := homeDir(getenv)
	if err != nil {
		return "", usagef("%v; say where the state is to be with --state DIR", err)
	}
	return filepath.Join(home, ".local", "state", "poplift"), nil
}

// lockWait is how long another run of the same account may take to end before it counts as one that holds it.
const lockWait = time.Second

// openStore opens the account's state, which is also its lock. A dry run only reads it.
func (j *copyJob) openStore() (migrate.Store, error) { return j.openStoreAhead(false) }

// openStoreAhead may open it before it is checked; then damage shows only when it is used.
func (j *copyJob) openStoreAhead(ahead bool) (migrate.Store, error) {
	wait := lockWait
	if j.shared != nil {
		wait = 0 // the state's own, which is short: whoever runs many asks again later, and lets another account go first
	}
	o := state.Options{Dir: j.stateDir, Account: j.target.account(), Timeout: wait, Now: j.env.now, ReadOnly: j.dryRun, Ahead: ahead}
	store, err := state.Open(o)
	switch {
	case err == nil:
		return store, nil
	case j.dryRun && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, state.ErrDamaged)):
		return emptyStore{}, nil
	case !errors.Is(err, state.ErrDamaged):
		return nil, err
	}
	aside, asideErr := state.SetAside(o)
	if asideErr != nil {
		return nil, errors.Join(err, asideErr)
	}
	j.log.Warn("the state file was damaged and has been set aside; the target is looked through anew, which takes time and doubles nothing",
		"file", aside, "err", errors.Unwrap(err))
	if store, err = state.Open(o); err != nil {
		return nil, err
	}
	return store, nil
}

// emptyStore is the state of a dry run without a file: it knows nothing and writes nothing.
type emptyStore struct{}

var _ migrate.Store = emptyStore{}

func (emptyStore) Record(string, string) (migrate.Record, bool, error) {
	return migrate.Record{}, false, nil
}

func (emptyStore) Skim(string, string) (migrate.Record, bool, error) {
	return migrate.Record{}, false, nil
}

func (emptyStore) Matches(string, uint32, migrate.Envelope) ([]migrate.Match, error) { return nil, nil }

func (emptyStore) Records(string) iter.Seq2[migrate.Record, error] {
	return func(func(migrate.Record, error) bool) {}
}

func (emptyStore) Folder(string) (migrate.FolderMark, error) { return migrate.FolderMark{}, nil }

func (emptyStore) Commit(*migrate.Batch) error { return errors.New("a dry run writes no state") }

func (emptyStore) Close() error { return nil }

// statusEvery is how often a run says in its status file how it is getting on, and statusFirst when it first does: most polls have ended by then.
const statusEvery, statusFirst = time.Second, 200 * time.Millisecond

// keepStatus writes the account's status file while it runs. The function it returns writes the last one, with the end. A status that
// can't be written is no reason to stop a copy: it is logged once.
func (j *copyJob) keepStatus(a *migrate.Account) (end func(migrate.Report, error)) {
	if j.dryRun {
		return func(migrate.Report, error) {}
	}
	st := state.Status{PID: os.Getpid(), Started: j.env.now()}
	warn := sync.OnceFunc(func() {
		j.log.Warn("the status file can't be written; poplift status won't show this run", "dir", j.stateDir)
	})
	write := func(s state.Status) {
		s.Updated = j.env.now()
		if err := state.WriteStatus(j.stateDir, a.Name, s); err != nil {
			j.log.Debug("status", "err", err)
			warn()
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		due := time.NewTimer(statusFirst)
		defer due.Stop()
		for {
			select {
			case <-due.C:
			case <-stop:
				return
			}
			st.Set(a.Progress.Snapshot())
			write(st)
			due.Reset(statusEvery)
		}
	})
	return func(r migrate.Report, err error) {
		close(stop)
		wg.Wait()
		st.Set(finalSnapshot(r, err))
		st.Finished, st.ExitCode = true, exitCode(endOf(r, err))
		write(st)
	}
}

// endOf is a run's error, or errLeft when it has none and some messages failed or had to be kept.
func endOf(r migrate.Report, err error) error {
	if err == nil && r.Outcomes[migrate.Failed].Messages+r.Outcomes[migrate.Kept].Messages > 0 {
		return errLeft
	}
	return err
}

// finalSnapshot is a report in the form of a snapshot.
func finalSnapshot(r migrate.Report, err error) migrate.Snapshot {
	s := migrate.Snapshot{Phase: "done", Listed: r.Listed, Outcomes: r.Outcomes, Settled: r.Listed}
	if err != nil {
		s.Phase, s.Note = "stopped", err.Error()
		failed := r.Outcomes[migrate.Failed]
		s.Settled = migrate.Tally{Messages: r.Listed.Messages - failed.Messages, Octets: r.Listed.Octets - failed.Octets}
	}
	return s
}
