package migrate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goFiles calls f with every hand-written Go file of the module, its package folder relative to the top.
func goFiles(t *testing.T, f func(dir, path string, file *ast.File, fset *token.FileSet)) {
	t.Helper()
	fset := token.NewFileSet()
	n := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		n++
		f(filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), ".."+string(filepath.Separator))), path, file, fset)
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files: %v", n, err)
	}
}

// arrows says what packages of ours a package may import, by folder prefix, and why no more. The longest prefix counts.
var arrows = []struct{ from, may, why string }{
	{"migrate/mutf7", "", "folder names are spelled alike in IMAP and in Maildirs"},
	{"migrate/mailnet/mailnettest", "", "a certificate for tests"},
	{"migrate/mailnet", "", "both protocol sides stand on it, so that it must stand on nothing"},
	{"migrate/migratetest/labtest", "migrate/mailnet", "it starts servers, and knows no engine"},
	{"migrate/migratetest", "migrate", "fakes of the contracts, and of nothing behind them"},
	{"migrate/route", "migrate migrate/mutf7", "folder names are a pure matter of words; it needs Unicode's tables besides"},
	{"migrate/sieve", "migrate", "a Sieve script files messages; it knows no connection"},
	{"migrate/strip", "migrate", "what is in a message is a matter of MIME; it needs charsets besides"},
	{"migrate", "", "the vocabulary and the engine know no protocol and no database"},
	{"sources/pop3", "migrate own", "a maildrop has nothing to do with files"},
	{"sources", "migrate own sources/filestore sources/mbox",
		"a client's tree is made of mboxes and Maildirs, and of nothing else of ours; no source knows targets or the store"},
	{"targets", "migrate own", "a target must not know sources or the store"},
	{"state", "migrate", "the store keeps records, and does not care where they come from"},
	{"cmd", "migrate sources targets state cmd", "it ties everything together"},
}

func TestImportsFollowTheArrows(t *testing.T) {
	goFiles(t, func(dir, path string, file *ast.File, _ *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, a := range arrows {
			if dir != a.from && !strings.HasPrefix(dir, a.from+"/") {
				continue
			}
			for _, imp := range file.Imports {
				p := strings.Trim(imp.Path.Value, `"`)
				if rest, ours := strings.CutPrefix(p, "poplift/"); ours && !allowed(rest, dir, a.may) {
					t.Errorf("%s imports %s: %s", path, p, a.why)
				}
				if a.from == "migrate" && strings.Contains(p, ".") {
					t.Errorf("%s imports %s: %s", path, p, a.why)
				}
			}
			return
		}
		t.Errorf("%s: no rule says what %s may import", path, dir)
	})
}

// allowed takes "own" for the package's own second-level folder: pop3 may import pop3test, not mbox.
func allowed(pkg, dir, may string) bool {
	for _, m := range strings.Fields(may) {
		if m == "own" {
			m = strings.Join(strings.SplitN(dir, "/", 3)[:2], "/")
		}
		if pkg == m || strings.HasPrefix(pkg, m+"/") {
			return true
		}
	}
	return false
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	docs := map[string]bool{}
	goFiles(t, func(dir, path string, file *ast.File, _ *token.FileSet) {
		if !strings.HasSuffix(path, "_test.go") {
			docs[dir] = docs[dir] || file.Doc != nil
		}
	})
	for dir, ok := range docs {
		if !ok {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
}

// maxLines keeps a file to one job. Tests and tables may be longer.
const maxLines = 500

func TestFilesAreShort(t *testing.T) {
	goFiles(t, func(dir, path string, file *ast.File, fset *token.FileSet) {
		if n := fset.File(file.Pos()).LineCount(); n > maxLines && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines, more than %d", path, n, maxLines)
		}
	})
}

// TestTheEngineHasNoClock: time comes in as a value (Account.Now, Account.Sleep), so that tests can drive it.
func TestTheEngineHasNoClock(t *testing.T) {
	goFiles(t, func(dir, path string, file *ast.File, fset *token.FileSet) {
		if dir != "migrate" || strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
				switch sel.Sel.Name {
				case "Now", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Since", "Until":
					t.Errorf("%s uses time.%s", fset.Position(sel.Pos()), sel.Sel.Name)
				}
			}
			return true
		})
	})
}

// TestOnlyMainExits: elsewhere an exit would run past deferred closes of open stores.
func TestOnlyMainExits(t *testing.T) {
	goFiles(t, func(dir, path string, file *ast.File, fset *token.FileSet) {
		if filepath.Base(path) == "main.go" || strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				x, _ := sel.X.(*ast.Ident)
				if x != nil && (x.Name == "os" && sel.Sel.Name == "Exit" || x.Name == "log" && strings.HasPrefix(sel.Sel.Name, "Fatal")) {
					t.Errorf("%s: %s.%s outside main.go", fset.Position(sel.Pos()), x.Name, sel.Sel.Name)
				}
			}
			return true
		})
	})
}

func TestTopLevelIsFixed(t *testing.T) {
	known := map[string]bool{"cmd": true, "migrate": true, "sources": true, "targets": true, "state": true, "go.mod": true, "go.sum": true,
		"jobs.example.yaml": true, "README.md": true, "LICENSE": true, "Makefile": true, ".ci": true, ".gitignore": true, ".git": true, ".gitattributes": true,
		"poplift": true, "dist": true} // the last two are built, and ignored
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}
