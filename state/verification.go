package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"poplift/migrate"
)

// Verification is what the last verification of an account found, for reports: counts, the folders and the problems, without a secret. It is also what
// poplift verify --json and the JSON report print; keys are only ever added.
type Verification struct {
	Account string `json:"account"`
	// Time is when it began: what was copied later it doesn't know.
	Time time.Time `json:"time"`
	// Sample is the part of the messages that was to be read whole, 0 to 1.
	Sample float64 `json:"sample"`
	// Safe says that the sources can be switched off; Reasons why they can't, a sentence each.
	Safe    bool     `json:"safe"`
	Reasons []string `json:"reasons"`

	// The counts are those of migrate.Verification: listed is the sum of the other five, expected that of found, moved and gone.
	Listed      Count `json:"listed"`
	Placed      Count `json:"placed"`
	Relayed     Count `json:"relayed"`
	Kept        Count `json:"kept"`
	Left        Count `json:"left_out"`
	Missing     Count `json:"missing"`
	Expected    int64 `json:"expected"`
	Found       int64 `json:"found"`
	Moved       int64 `json:"moved"`
	Gone        int64 `json:"gone"`
	Resized     int64 `json:"resized"`
	Flagged     int64 `json:"flags_compared"`
	FlagsDiffer int64 `json:"flags_differ"`
	Read        int64 `json:"read"`
	Altered     int64 `json:"altered"`

	Folders  []VerifiedFolder      `json:"folders"`
	Problems []VerificationProblem `json:"problems"`
	// Dropped counts the problems that are not listed because there are too many.
	Dropped int `json:"problems_dropped"`
}

// VerifiedFolder is one folder of the target.
type VerifiedFolder struct {
	Name        string `json:"name"`
	Messages    int64  `json:"messages"`
	Expected    int64  `json:"expected"`
	Found       int64  `json:"found"`
	Moved       int64  `json:"moved"`
	Gone        int64  `json:"gone"`
	Flagged     int64  `json:"flags_compared"`
	FlagsDiffer int64  `json:"flags_differ"`
}

// VerificationProblem is one message, or one folder where it has no ID, that isn't as it should be.
type VerificationProblem struct {
	Source string `json:"source"`
	ID     string `json:"id"`
	// Subject is as it is written, where it is known.
	Subject string `json:"subject"`
	Folder  string `json:"folder"`
	Size    int64  `json:"size"`
	// Outcome is "failed" for what is on the source only, "none" for what isn't as it should be on the target.
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Hint    string `json:"hint"`
}

// NewVerification is what a verification that began at that time found.
func NewVerification(account string, began time.Time, sample float64, v migrate.Verification) Verification {
	out := Verification{
		Account: account, Time: began, Sample: sample, Reasons: append([]string{}, v.Unsafe()...),
		Listed: Count(v.Listed), Placed: Count(v.Placed), Relayed: Count(v.Relayed), Kept: Count(v.Kept), Left: Count(v.Left), Missing: Count(v.Missing),
		Expected: v.Expected, Found: v.Found, Moved: v.Moved, Gone: v.Gone, Resized: v.Resized, Flagged: v.Flagged, FlagsDiffer: v.FlagsDiffer,
		Read: v.Read, Altered: v.Altered, Folders: []VerifiedFolder{}, Problems: []VerificationProblem{}, Dropped: v.Dropped,
	}
	out.Safe = len(out.Reasons) == 0
	for _, f := range v.Folders {
		out.Folders = append(out.Folders, VerifiedFolder(f))
	}
	for _, p := range v.Problems {
		out.Problems = append(out.Problems, VerificationProblem{p.Source, p.ID, p.Subject, p.Folder, p.Size, p.Outcome.String(), p.Reason, p.Hint})
	}
	return out
}

// VerificationPath is where an account's last verification lies in dir. key names the account, and is more than its target: several can have one.
func VerificationPath(dir, key string) string { return base(dir, key) + ".verified" }

// Bounds on the file: what is kept of a verification, and what is read.
const (
	keptProblems    = 200
	keptFolders     = 5000
	maxVerification = 8 << 20
)

// WriteVerification replaces the file of an account's last verification in dir, which is made if it isn't there. Of many problems it keeps the first,
// and counts the rest as dropped.
func WriteVerification(dir, key string, v Verification) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write verification %s: %w", v.Account, err)
		}
	}()
	if more := len(v.Problems) - keptProblems; more > 0 {
		v.Problems, v.Dropped = v.Problems[:keptProblems], v.Dropped+more
	}
	v.Folders = v.Folders[:min(len(v.Folders), keptFolders)]
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := VerificationPath(dir, key)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.new") // verifications don't exclude each other
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// ReadVerification reads an account's last verification; the error wraps fs.ErrNotExist when there is none.
func ReadVerification(dir, key string) (v Verification, err error) {
	if err = readJSON(VerificationPath(dir, key), maxVerification, &v); err != nil {
		return Verification{}, fmt.Errorf("read verification %s: %w", key, err)
	}
	return v, nil
}
