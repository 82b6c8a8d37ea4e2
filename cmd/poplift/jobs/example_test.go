package jobs

import (
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"
)

// now is the clock of all tests.
var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const exampleFile = "../../../jobs.example.yaml"

// opener serves files by their last name, so that jobs files of tests need none on disk.
func opener(files map[string]string) func(string) (fs.File, error) {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o600}
	}
	return func(path string) (fs.File, error) { return m.Open(path[strings.LastIndexByte(path, '/')+1:]) }
}

func readExample(t *testing.T) (text, csv string) {
	t.Helper()
	b, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) { // the CSV that the comment shows
		if rest, ok := strings.CutPrefix(line, "  #     "); ok && strings.Contains(rest, ",") {
			csv += rest
		}
	}
	return string(b), csv
}

func TestExampleIsRead(t *testing.T) {
	t.Parallel()
	text, csv := readExample(t)
	f, err := Parse(exampleFile, []byte(text), LoadOptions{Now: now, Open: opener(map[string]string{"accounts.csv": csv})})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range f.Warnings {
		t.Errorf("warning: %v", w)
	}
	var got []string
	for _, a := range f.Accounts {
		var from []string
		for _, s := range a.Sources {
			from = append(from, s.String()+" as "+s.Login)
		}
		got = append(got, a.ID()+": "+strings.Join(from, ", ")+" → "+a.Target.String()+"/"+a.Into.String()+" as "+a.Target.Login)
	}
	want := []string{
		"staff/ada: pop3s://ada@old.example@pop.old.example as ada@old.example → imaps://ada@new.example@imap.new.example/From the old server/research as ada@new.example",
		"staff/grace: pop3s://grace@old.example@pop.old.example as grace@old.example → imaps://grace.hopper@new.example@imap.new.example/Old mail as grace.hopper@new.example",
		"founders/alan: pop3s://alan@old.example@pop.old.example as alan@old.example → imaps://alan@new.example@imap.new.example/INBOX as alan@new.example",
		"founders/edsger-private: pop3s://edsger@old.example@pop.old.example as edsger@old.example, thunderbird:/srv/profiles/edsger as , " +
			"pop3s://e.w.dijkstra@pop.elsewhere.example as e.w.dijkstra → imaps://edsger@imap.new.example/INBOX as edsger",
		"masters/barbara: pop3s://barbara@old.example@pop.old.example as barbara@old.example*master → imaps://barbara@new.example@imap.new.example/INBOX as cyrus",
		"masters/donald: pop3s://donald@old.example@pop.old.example as donald@old.example*master → imaps://donald@new.example@imap.new.example/INBOX as cyrus",
		"cloud/ken: pop3s://ken@old.example@pop.old.example as ken@old.example → imaps://ken@new.example@outlook.office365.com/INBOX as ken@new.example",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("accounts:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestExampleShowsEveryKey walks the schema and the file side by side.
func TestExampleShowsEveryKey(t *testing.T) {
	t.Parallel()
	text, _ := readExample(t)
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	var walk func(n *yaml.Node, typ reflect.Type)
	walk = func(n *yaml.Node, typ reflect.Type) {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		switch typ {
		case reflect.TypeFor[endpointsSpec](), reflect.TypeFor[jobsSpec](), reflect.TypeFor[accountsSpec]():
			item := map[reflect.Type]reflect.Type{reflect.TypeFor[endpointsSpec](): reflect.TypeFor[endpointSpec](),
				reflect.TypeFor[jobsSpec](): reflect.TypeFor[jobSpec](), reflect.TypeFor[accountsSpec](): reflect.TypeFor[accountSpec]()}[typ]
			for _, c := range n.Content {
				walk(c, item)
			}
			return
		case reflect.TypeFor[hostsSpec]():
			for i := 1; i < len(n.Content); i += 2 {
				walk(n.Content[i], reflect.TypeFor[hostValues]())
			}
			return
		}
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "<<" {
				walk(n.Content[i+1], typ)
			}
			for _, k := range keysOf(typ) {
				if k.name == n.Content[i].Value {
					shown[typ.Name()+"."+k.name] = true
					walk(n.Content[i+1], k.typ)
				}
			}
		}
	}
	walk(doc.Content[0], reflect.TypeFor[fileSpec]())
	checked := 0
	for _, typ := range []reflect.Type{reflect.TypeFor[fileSpec](), reflect.TypeFor[limitsSpec](), reflect.TypeFor[hostValues](), reflect.TypeFor[scheduleSpec](),
		reflect.TypeFor[levelSpec](), reflect.TypeFor[endpointSpec](), reflect.TypeFor[relaySpec](), reflect.TypeFor[jobSpec](), reflect.TypeFor[accountSpec]()} {
		for _, k := range keysOf(typ) {
			checked++
			if level := typ == reflect.TypeFor[jobSpec]() || typ == reflect.TypeFor[accountSpec]() || typ == reflect.TypeFor[levelSpec](); level && isLevelKey(k.name) {
				if !shown["levelSpec."+k.name] && !shown["jobSpec."+k.name] && !shown["accountSpec."+k.name] {
					t.Errorf("%s is not in %s", k.name, exampleFile)
				}
				continue
			}
			if !shown[typ.Name()+"."+k.name] {
				t.Errorf("%s of %s is not in %s", k.name, typ.Name(), exampleFile)
			}
		}
	}
	if checked < 80 {
		t.Errorf("only %d keys were looked at", checked)
	}
	for _, p := range ProviderNames() {
		if !strings.Contains(text, p) {
			t.Errorf("the provider %s is not in %s", p, exampleFile)
		}
	}
}

func isLevelKey(name string) bool {
	for _, k := range keysOf(reflect.TypeFor[levelSpec]()) {
		if k.name == name {
			return true
		}
	}
	return false
}
