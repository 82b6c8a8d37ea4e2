package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/migrate/migratetest"
)

func letters20() []migratetest.Letter {
	var out []migratetest.Letter
	for i := range 20 {
		out = append(out, migratetest.Letter{ID: fmt.Sprint(i), Raw: fmt.Sprintf("Message-ID: <%d@x>\r\nDate: Tue, 5 Mar 2024 14:00:00 +0000\r\n\r\nbody %d\r\n", i, i)})
	}
	return out
}

// export runs a copy of the letters into dir.
func export(t *testing.T, dir string, store migrate.Store, letters []migratetest.Letter, twins bool) (migrate.Report, error) {
	t.Helper()
	pool := migrate.NewPool(1<<20, t.TempDir())
	drop := &migratetest.Maildrop{Letters: letters, Pool: pool}
	a := &migrate.Account{Sources: []migrate.NamedSource{{Name: "drop", Open: drop.Open}}, Store: store, Pool: pool, KeepTwins: twins, Router: migratetest.Router{},
		OpenTarget: func(context.Context) (migrate.Target, error) {
			target, err := Open(Options{Path: dir})
			if err != nil {
				return nil, err
			}
			return target, nil
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	return a.Run(t.Context())
}

// tree lists every file below dir, without the uniques of their names.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExportTwiceWithAndWithoutItsStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	store := migratetest.NewStore()
	rep, err := export(t, dir, store, letters20(), false)
	if err != nil || rep.Outcomes[migrate.Copied].Messages != 20 {
		t.Fatalf("%v, %v", rep.Outcomes, err)
	}
	first := tree(t, dir)
	var bodies []string
	for _, b := range first {
		bodies = append(bodies, b)
	}
	for _, l := range letters20() {
		if !slices.Contains(bodies, l.Raw) {
			t.Errorf("%s is not there", l.ID)
		}
	}
	if rep, err = export(t, dir, store, letters20(), false); err != nil || rep.Outcomes[migrate.Known].Messages != 20 {
		t.Errorf("second run: %v, %v", rep.Outcomes, err)
	}
	if _, err = export(t, dir, migratetest.NewStore(), letters20(), false); err != nil {
		t.Error(err)
	}
	if again := tree(t, dir); len(again) != len(first) {
		t.Errorf("%d files became %d with the store lost", len(first), len(again))
	}
}

func TestTwinsAreKeptApart(t *testing.T) {
	dir := t.TempDir()
	l := letters20()[:2]
	l[1].Raw = l[0].Raw
	if _, err := export(t, dir, migratetest.NewStore(), l, true); err != nil {
		t.Fatal(err)
	}
	if n := len(tree(t, dir)); n != 2 {
		t.Errorf("%d files for two twins", n)
	}
}

func TestFoldersFlagsAndDates(t *testing.T) {
	dir := t.TempDir()
	target, err := Open(Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	pool := migrate.NewPool(1<<20, t.TempDir())
	date := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	put := func(folder, id string, flags ...migrate.Flag) {
		mb, err := target.OpenNamed(t.Context(), folder, "")
		if err != nil {
			t.Fatal(err)
		}
		sp := pool.NewSpool(t.Context())
		sp.Write([]byte("Subject: " + id + "\n\n"))
		m := &migrate.Message{Entry: migrate.Entry{ID: id, Stable: true}, Body: sp}
		m.Identity, _ = sp.Seal()
		for _, err := range target.Append(t.Context(), func(yield func(migrate.Upload) bool) {
			yield(migrate.Upload{Mailbox: mb, Message: m, Flags: flags, Date: date})
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	put("INBOX", "a", migrate.Seen, migrate.Flagged, "$label1", "work")
	put("Entwürfe/v1.0", "b", migrate.Draft, migrate.Answered, migrate.Forwarded, `\Recent`)
	put("INBOX", "c", "work", "two words")
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	var names []string
	for name := range tree(t, dir) {
		folder, file := filepath.Split(name)
		if i := strings.Index(file, ",S="); i >= 0 {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.ModTime().Equal(date) {
				t.Errorf("%s: time %v, %v", name, info.ModTime(), err)
			}
			file = file[i:]
		}
		names = append(names, folder+file)
	}
	slices.Sort(names)
	want := []string{".Entw&APw-rfe.v1&AC4-0/cur/,S=14" + infoMark + "2,DPR", ".Entw&APw-rfe.v1&AC4-0/maildirfolder", "cur/,S=14" + infoMark + "2,FSab",
		"cur/,S=14" + infoMark + "2,b", "dovecot-keywords"}
	if !slices.Equal(names, want) {
		t.Errorf("names %q\nwant %q", names, want)
	}
	if k := tree(t, dir)["dovecot-keywords"]; k != "0 $label1\n1 work\n" {
		t.Errorf("keywords %q", k)
	}
}

func TestWhatIsNoMaildirIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.doc"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: dir}); !errors.Is(err, ErrNotMaildir) {
		t.Errorf("err = %v", err)
	}
}

func TestReadOnlyWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	target, err := Open(Options{Path: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	mb, err := target.OpenNamed(t.Context(), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range target.Append(t.Context(), func(yield func(migrate.Upload) bool) { yield(migrate.Upload{Mailbox: mb}) }) {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("err = %v", err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}

func TestLayoutShowsWhatWasMade(t *testing.T) {
	target, err := Open(Options{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat("deeper/", 299) + "deep"
	var want []string
	for _, name := range []string{"INBOX", "Entwürfe/v1.0", "a:b", "~", `back\slash`} {
		want = append(want, name)
		if _, err := target.OpenNamed(t.Context(), name, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{deep, deep + "er"} { // too long for a directory, and kept apart
		if _, err := target.OpenNamed(t.Context(), name, ""); err != nil {
			t.Fatal(err)
		}
	}
	l, err := target.Layout(t.Context())
	var got []string
	for _, b := range l.Boxes {
		if !strings.HasPrefix(b.Name, "deeper") {
			got = append(got, b.Name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) || len(l.Boxes) != len(want)+2 {
		t.Errorf("boxes %q of %d, %v; want %q", got, len(l.Boxes), err, want)
	}
}

func TestALimitIsKept(t *testing.T) {
	dir := t.TempDir()
	put := func() (outcomes []error) {
		target, err := Open(Options{Path: dir, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		mb, err := target.OpenNamed(t.Context(), "INBOX", "")
		if err != nil {
			t.Fatal(err)
		}
		pool := migrate.NewPool(1<<20, t.TempDir())
		for i := range 4 {
			sp := pool.NewSpool(t.Context())
			fmt.Fprintf(sp, "Subject: %d\r\n\r\n%s\r\n", i, strings.Repeat("x", 20))
			m := &migrate.Message{Entry: migrate.Entry{ID: fmt.Sprint(i), Stable: true}, Body: sp}
			m.Identity, _ = sp.Seal()
			for _, err := range target.Append(t.Context(), func(yield func(migrate.Upload) bool) { yield(migrate.Upload{Mailbox: mb, Message: m}) }) {
				outcomes = append(outcomes, err)
			}
		}
		return outcomes
	}
	if got := put(); got[0] != nil || got[1] != nil || !errors.Is(got[2], migrate.ErrRejected) || !errors.Is(got[3], migrate.ErrRejected) {
		t.Errorf("outcomes %v", got)
	}
}

// TestATreeWithoutAnInboxOpensAgain: its mail went to other folders only, or the run ended before the inbox was made.
func TestATreeWithoutAnInboxOpensAgain(t *testing.T) {
	dir := t.TempDir()
	letters := letters20()
	for i := range letters {
		letters[i].Folder = migrate.Path{"Work", fmt.Sprint(i % 7)}
	}
	for range 2 {
		if _, err := export(t, dir, migratetest.NewStore(), letters, false); err != nil {
			t.Fatal(err)
		}
	}
}
