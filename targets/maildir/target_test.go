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
	a := &migrate.Account{Sources: []migrate.NamedSource{{Name: "drop", Open: drop.Open}}, Store: store, Pool: pool, KeepTwins: twins,
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
	put := func(p migrate.Path, id string, flags ...migrate.Flag) {
		mb, err := target.Open(t.Context(), p)
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
	put(nil, "a", migrate.Seen, migrate.Flagged, "$label1", "work")
	put(migrate.Path{"Entwürfe", "v1.0"}, "b", migrate.Draft, migrate.Answered, migrate.Forwarded, `\Recent`)
	put(nil, "c", "work", "two words")
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
	mb, err := target.Open(t.Context(), migrate.Path{"x"})
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
