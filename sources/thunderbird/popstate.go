package thunderbird

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"poplift/migrate"
)

// PopState is what an account's popstate.dat remembers of the server: which of its messages the client has dealt with. Together with the
// UIDLs of the messages it says what only the server still has.
type PopState struct {
	Host, User string
	Entries    []PopEntry
}

// PopEntry is one message that the client has seen on the server.
type PopEntry struct {
	UIDL   string
	Status PopStatus
	// Received is when the client saw it; zero in files of old versions.
	Received time.Time
}

// PopStatus is what the client means to do about a message on the server.
type PopStatus byte

const (
	PopKeep   PopStatus = 'k' // downloaded, and left there
	PopDelete PopStatus = 'd' // to be deleted in the next session
	PopTooBig PopStatus = 'b' // only its beginning was downloaded
	PopFetch  PopStatus = 'f' // its body is to be fetched in the next session
)

// maxPopState bounds the entries that are kept: a maildrop that is larger than that is a damaged file.
const maxPopState = 5_000_000

// ReadPopState reads a popstate.dat. A file can hold several hosts, one behind the other. Lines that mean nothing are left out.
func ReadPopState(r io.Reader) ([]PopState, error) {
	var out []PopState
	n := 0
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line := strings.TrimRight(sc.Text(), "\r")
		if rest, ok := strings.CutPrefix(line, "*"); ok {
			host, user, _ := strings.Cut(strings.TrimSpace(rest), " ")
			out = append(out, PopState{Host: host, User: strings.TrimSpace(user)})
			continue
		}
		e, ok := popEntry(line)
		if !ok || len(out) == 0 {
			continue
		}
		if n++; n > maxPopState {
			return out, errors.New("it has too many entries")
		}
		last := &out[len(out)-1]
		last.Entries = append(last.Entries, e)
	}
	return out, sc.Err()
}

// Memories is migrate.Rememberer's: what the client has seen of each server, whatever it means to do about it there.
func (s *Store) Memories() []migrate.Memory {
	var out []migrate.Memory
	for _, states := range s.PopStates() {
		for _, state := range states {
			m := migrate.Memory{Maildrop: strings.ToLower(state.User + "@" + state.Host)}
			for _, e := range state.Entries {
				m.UIDLs = append(m.UIDLs, e.UIDL)
			}
			out = append(out, m)
		}
	}
	return out
}

// popEntry reads "k UIDL 1161858178". A UIDL has no blanks (RFC 1939 section 7), and the time is missing in old files.
func popEntry(line string) (PopEntry, bool) {
	f := strings.Fields(line)
	if len(f) < 2 || len(f[0]) != 1 || !strings.Contains("kdbf", f[0]) {
		return PopEntry{}, false
	}
	e := PopEntry{UIDL: f[1], Status: PopStatus(f[0][0])}
	if len(f) > 2 {
		if t, err := strconv.ParseInt(f[2], 10, 64); err == nil && t > 0 && t < 1<<40 {
			e.Received = time.Unix(t, 0).UTC()
		}
	}
	return e, true
}
