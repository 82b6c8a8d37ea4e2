package jobs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of what is read.
const (
	// MaxFile is how big a jobs file can be, MaxCSV a CSV, in octets.
	MaxFile, MaxCSV = 2 << 20, 64 << 20
	// MaxAccounts is how many accounts a file can have in all.
	MaxAccounts = 100_000
)

// LoadOptions are what Load needs to know of the world. The zero value looks at nothing but the files themselves.
type LoadOptions struct {
	// InsecurePermissions accepts passwords in files that others can read, and commands in files that others can change.
	InsecurePermissions bool
	// Now is what ages such as 30d are counted from, and what tells a since that is behind its until.
	Now time.Time
	// Open opens the CSVs, by absolute path; nil is os.Open. The jobs file itself is opened by it in Load.
	Open func(path string) (fs.File, error)
	// LookupEnv, when not nil, is asked whether the variables exist that env: names. Use os.LookupEnv.
	LookupEnv func(name string) (string, bool)
	// Stat, when not nil, is asked whether the files exist that the jobs file names, other than CSVs. Use os.Stat.
	Stat func(path string) (fs.FileInfo, error)
}

// Load reads a jobs file and the CSVs that it names, and checks both. The error is an errors.Join of *Mistake, of all there are.
func Load(path string, o LoadOptions) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &Mistake{File: path, Msg: err.Error()}
	}
	text, mode, err := readFile(abs, MaxFile, o)
	if err != nil {
		return nil, &Mistake{File: path, Msg: err.Error()}
	}
	return parse(path, abs, text, mode, o)
}

// Parse is Load for a jobs file that is in memory. path names it in mistakes, and relative paths in it begin beside it; it need not exist.
func Parse(path string, text []byte, o LoadOptions) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &Mistake{File: path, Msg: err.Error()}
	}
	return parse(path, abs, text, 0, o)
}

// loader is the state of one Load.
type loader struct {
	opts LoadOptions
	now  time.Time
	mistakes
	warnings mistakes

	main *source
	// steps and accountsLeft are how much more is read, maxCSV how many octets of each CSV.
	steps, accountsLeft int
	maxCSV              int64
	// lost counts keys that could not be read for what they are: what they say may be missing elsewhere. broken says that this is so at the top or in the
	// defaults.
	lost   int
	broken bool
	// secretLost says that one of those was a password or token.
	secretLost bool
	// exhausted says that aliases have unfolded to more than is read.
	exhausted bool

	templates map[string]*template
	schemas   map[reflect.Type]schema
	places    map[string][]string
	byName    map[string]*Provider
	byHost    map[string]*Provider
	exists    map[string]error // by path
	file      *File
	hostsSeen map[string]bool
	targets   map[string]*Account
	from      map[string]*Account

	// scratch and ends are used for each row of a CSV anew.
	scratch accountSpec
	ends    []endpointSpec
}

// schema is a spec's keys.
type schema struct {
	byName map[string]key
	names  []string
}

func (l *loader) keysOf(t reflect.Type) schema {
	s, ok := l.schemas[t]
	if !ok {
		s.byName = map[string]key{}
		for _, k := range keysOf(t) {
			s.byName[k.name] = k
			s.names = append(s.names, k.name)
		}
		l.schemas[t] = s
	}
	return s
}

// keyPlaces tells of each key where it stands. It is made for the first unknown one.
func (l *loader) keyPlaces() map[string][]string {
	if l.places == nil {
		l.places = map[string][]string{}
		placeKeys(l.places, reflect.TypeFor[fileSpec](), "the top level")
		placeKeys(l.places, reflect.TypeFor[jobSpec](), "a job")
	}
	return l.places
}

func placeKeys(to map[string][]string, t reflect.Type, where string) {
	for _, k := range keysOf(t) {
		to[k.name] = append(to[k.name], where)
		if k.typ.Kind() == reflect.Struct && len(keysOf(k.typ)) > 0 && k.name != "defaults" {
			placeKeys(to, k.typ, k.name)
		}
	}
}

func newLoader(path, abs string, text []byte, o LoadOptions) *loader {
	return &loader{opts: o, now: o.Now, main: &source{name: path, dir: filepath.Dir(abs), text: string(text)},
		steps: len(text) + 100_000, accountsLeft: MaxAccounts, maxCSV: MaxCSV,
		templates: map[string]*template{}, schemas: map[reflect.Type]schema{}, byName: map[string]*Provider{}, byHost: map[string]*Provider{},
		exists: map[string]error{},
		file:   &File{Path: path, hosts: map[string]hostEntry{}}, hostsSeen: map[string]bool{}, targets: map[string]*Account{}, from: map[string]*Account{}}
}

func parse(path, abs string, text []byte, mode fs.FileMode, o LoadOptions) (*File, error) {
	return newLoader(path, abs, text, o).load(text, mode)
}

func (l *loader) load(text []byte, mode fs.FileMode) (*File, error) {
	if root := l.parseYAML(text); root != nil {
		var spec fileSpec
		l.mapping(reflect.ValueOf(&spec).Elem(), l.resolve(root), nil)
		spec.Defaults.checkEnds(l)
		l.run(&spec)
		l.accounts(&spec)
		l.checkMode(l.main, mode)
		l.unusedHosts(&spec)
	}
	if err := l.err(l.main.name); err != nil {
		return nil, err
	}
	l.file.Warnings = l.warnings.sorted(l.main.name)
	return l.file, nil
}

// readFile reads a whole file of at most limit octets.
func readFile(path string, limit int64, o LoadOptions) ([]byte, fs.FileMode, error) {
	f, mode, err := openFile(path, o)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, 0, pathError(err)
	}
	if int64(len(text)) > limit {
		return nil, 0, fmt.Errorf("it is longer than %d MiB; list many accounts in a csv", limit>>20)
	}
	return text, mode, nil
}

// openFile opens a regular file or a pipe, and tells the mode of the first.
func openFile(path string, o LoadOptions) (fs.File, fs.FileMode, error) {
	open := o.Open
	if open == nil {
		open = func(path string) (fs.File, error) { return os.Open(path) }
	}
	f, err := open(path)
	if err != nil {
		return nil, 0, pathError(err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, pathError(err)
	}
	if info.IsDir() {
		f.Close()
		return nil, 0, errors.New("it is a directory")
	}
	return f, info.Mode(), nil
}

// pathError takes the path off an error that will be told with it.
func pathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// checkMode looks at who else can read secrets and change commands. Windows has no such modes.
func (l *loader) checkMode(s *source, mode fs.FileMode) {
	if l.opts.InsecurePermissions || runtime.GOOS == "windows" || !mode.IsRegular() {
		return
	}
	if s.secret.in != nil && mode.Perm()&0o077 != 0 {
		l.add(s.secret, fmt.Sprintf("chmod 600 %s, or name the secret by env:, file: or cmd:", s.name),
			"a password stands in a file that others can read (mode %04o)", mode.Perm())
	}
	if s.command.in != nil && mode.Perm()&0o002 != 0 {
		l.add(s.command, "chmod o-w "+s.name, "a command stands in a file that everyone can change (mode %04o)", mode.Perm())
	}
}

// parseYAML returns the mapping that the file is, or nil after it has complained.
func (l *loader) parseYAML(text []byte) *yaml.Node {
	if at, ok := notUTF8(l.main); ok {
		l.add(at, "save the file as UTF-8", "not UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		l.add(pos{in: l.main, line: 1, col: 1}, "poplift init writes a first one", "there is nothing in it")
		return nil
	}
	if err != nil {
		l.syntax(string(text), err)
		return nil
	}
	if err := dec.Decode(&more); err == nil {
		l.add(pos{in: l.main, line: max(more.Line, 1), col: max(more.Column, 1)}, "", "a second document begins here (---)")
	} else if !errors.Is(err, io.EOF) {
		l.syntax(string(text), err)
	}
	return doc.Content[0]
}

// notUTF8 finds the first octets that aren't.
func notUTF8(s *source) (pos, bool) {
	line := 1
	for text := range strings.Lines(s.text) {
		if !utf8.ValidString(text) {
			valid := 0
			for valid < len(text) {
				r, n := utf8.DecodeRuneInString(text[valid:])
				if r == utf8.RuneError && n == 1 {
					break
				}
				valid += n
			}
			return pos{in: s, line: line, col: 1 + utf8.RuneCountInString(text[:valid])}, true
		}
		line++
	}
	return pos{}, false
}

// yamlLine takes the line off what the parser says, which may be that of the line before, or none.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax tells what is no YAML. The parser doesn't say where exactly: that is found as the shortest beginning of the text that it complains about
// alike.
func (l *loader) syntax(text string, err error) {
	at := pos{in: l.main, line: 1, col: 1}
	said := yamlLine.FindStringSubmatch(err.Error())
	msg := strings.TrimPrefix(err.Error(), said[0])
	if said[1] != "" {
		at.line, _ = strconv.Atoi(said[1])
	}
	if len(text) <= 1<<20 {
		at.line, at.col = blame(text, msg)
	}
	hint := ""
	rest := lineFrom(text, at.line, at.col)
	line := lineOf(text, at.line)
	switch {
	case strings.Contains(msg, "tab character"), strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t"):
		hint = "indent with spaces"
	case strings.Contains(line, "{{") && strings.Contains(msg, "token"), strings.HasPrefix(rest, "{{"):
		hint = "a value that begins with {{ stands in quotes"
	case strings.Contains(msg, "cannot start any token"):
		hint = "a value that begins with @, %, ` or & stands in quotes"
	case strings.Contains(msg, "mapping values are not allowed"):
		hint = "a value that holds \": \" stands in quotes, and keys of one mapping begin in one column"
	}
	l.add(at, hint, "no YAML: %s", msg)
}

// blame finds the line and column from which on the parser says msg.
func blame(text, msg string) (line, col int) {
	says := func(part string) bool {
		var n yaml.Node
		err := yaml.Unmarshal([]byte(part), &n)
		return err != nil && yamlLine.ReplaceAllString(err.Error(), "") == msg
	}
	lines := strings.SplitAfter(text, "\n")
	at := sort.Search(len(lines), func(n int) bool { return says(strings.Join(lines[:n+1], "")) })
	if at == len(lines) {
		return 1, 1
	}
	before, last := strings.Join(lines[:at], ""), []rune(lines[at])
	last = last[:min(len(last), 500)]
	col = sort.Search(len(last), func(n int) bool { return says(before + string(last[:n+1])) })
	if col == len(last) {
		col = 0
	}
	return at + 1, col + 1
}
