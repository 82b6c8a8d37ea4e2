package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// logins remembers, below the state directory, the log-ins that servers have refused for good, so that neither a run's own second try nor cron asks for
// them again and again until somebody's account is locked. One that was refused is tried again after an hour, then after two, four and so on up to a day,
// or as soon as something has changed: the secret, or a file that the account is written in.
type logins struct {
	dir string
	now func() time.Time
	// files are what the account is written in.
	files []string
	// asked says that a person has asked for just this account: then it is tried at once.
	asked bool
}

const firstHold, longestHold = time.Hour, 24 * time.Hour

// errHeldBack is a log-in that was not tried.
var errHeldBack = errors.New("not tried")

// refusedLogin is what is kept of one log-in.
type refusedLogin struct {
	Login string    `json:"login"`
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
	// Secret is a mark of the secret that was refused: so short that it tells nothing about it, and long enough to see that it is another now.
	Secret string `json:"secret"`
}

// guarded keeps open from being called while its log-in is held back, and learns from what it says. Each log-in is asked for once a run at most after a
// refusal, as the refusal itself holds it back.
func guarded[T any](l *logins, e end, scope migrate.Scope, open func(context.Context) (T, error)) func(context.Context) (T, error) {
	if l == nil || e.onDisk() {
		return open
	}
	login := e.Scheme + "://" + e.creds.User + "@" + e.address()
	if e.creds.AuthzID != "" {
		login += " as " + e.creds.AuthzID
	}
	begun := l.now()
	return func(ctx context.Context) (none T, err error) {
		mark, err := markOf(ctx, login, e.creds)
		if err != nil {
			return none, err
		}
		known, ok := l.read(login)
		if ok && l.holds(known, mark, begun) {
			next := known.Last.Add(hold(known.Count))
			return none, &migrate.Error{Op: "log in", Subject: login, Scope: scope, Final: true,
				Hint: "mend the password, in the jobs file or where it comes from, and the next run tries it; --account NAME tries it at once",
				Err: fmt.Errorf("%w: the server has refused it (%s, last at %s), and further tries could lock the account; the next one is due at %s", errHeldBack,
					plural(int64(known.Count), "time", "times"), known.Last.Format(time.DateTime), next.Format(time.DateTime))}
		}
		end, err := open(ctx)
		switch {
		case errors.Is(err, migrate.ErrLogin):
			if !ok || known.Secret != mark {
				known.Count = 0
			}
			err = errors.Join(err, l.write(refusedLogin{login, known.Count + 1, l.now(), mark}))
		case err == nil && ok:
			err = os.Remove(l.path(login))
		}
		if err != nil {
			return none, err
		}
		return end, nil
	}
}

// holds says whether a log-in is not to be tried now. One that was refused after this run began is never tried again in it.
func (l *logins) holds(r refusedLogin, mark string, begun time.Time) bool {
	switch {
	case r.Secret != mark:
		return false
	case !r.Last.Before(begun):
		return true
	case l.asked || !l.now().Before(r.Last.Add(hold(r.Count))):
		return false
	}
	for _, f := range l.files {
		if info, err := os.Stat(f); err == nil && info.ModTime().After(r.Last) {
			return false
		}
	}
	return true
}

func hold(count int) time.Duration { return min(firstHold<<min(max(count-1, 0), 10), longestHold) }

// markOf makes the mark of a secret: sixteen bits of a digest. Whoever reads it can tell a guess that is certainly wrong from one that may be right, once in
// 65,536, and no more. An access token is a new one each time and has none.
func markOf(ctx context.Context, login string, c mailnet.Credentials) (string, error) {
	if c.Password == nil {
		return "", nil
	}
	secret, err := c.Password(ctx)
	if err != nil {
		return "", err
	}
	sum := hmac.New(sha256.New, []byte(secret.Reveal()))
	io.WriteString(sum, login)
	return hex.EncodeToString(sum.Sum(nil)[:2]), nil
}

func (l *logins) path(login string) string {
	return filepath.Join(l.dir, fileKey(login))
}

// fileKey is the name of the file for what is kept of a log-in or an account: any name of one makes a good file name, and tells nothing.
func fileKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:12]) + ".json"
}

// read returns what is kept. A file that can't be read is as good as none: it costs one more log-in.
func (l *logins) read(login string) (r refusedLogin, ok bool) {
	text, err := os.ReadFile(l.path(login))
	return r, err == nil && json.Unmarshal(text, &r) == nil && r.Login == login
}

func (l *logins) write(r refusedLogin) error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("remember the refusal: %w", err)
	}
	return replaceFile(l.path(r.Login), func(w io.Writer) error { return json.NewEncoder(w).Encode(r) })
}

// onlyHeldBack says whether err is of nothing but log-ins that were not tried: people have been told when they were refused.
func onlyHeldBack(err error) bool { return only(err, errHeldBack) }

// only says whether each of the errors that are joined in err is target.
func only(err, target error) bool {
	if _, one := err.(*migrate.Error); one {
		return errors.Is(err, target)
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok && !errors.Is(err, migrate.ErrLogin) {
		for _, e := range many.Unwrap() {
			if !only(e, target) {
				return false
			}
		}
		return true
	}
	return errors.Is(err, target)
}
