package jobs

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// columnAliases are names of columns that are not those of keys.
var columnAliases = map[string]string{"folder": "into"}

// csvColumn is what a column sets.
type csvColumn struct {
	name, kind string
	// index is the way to a leaf of an accountSpec; nil for an extra column.
	index []int
	// address says that the leaf is an end's, whose short form it is.
	address bool
	path    *trail
}

// columnsOf are all columns that a CSV can have: those keys of an account that have one value, and those of its source and target with the end's name
// before them.
func columnsOf() []csvColumn {
	var out []csvColumn
	for _, k := range keysOf(reflect.TypeFor[accountSpec]()) {
		switch k.typ {
		case leafType:
			out = append(out, csvColumn{name: k.name, kind: k.kind, index: k.index})
		case reflect.TypeFor[endpointSpec]():
			out = append(out, csvColumn{name: k.name, kind: "address", index: k.index, address: true})
			for _, sub := range keysOf(k.typ) {
				if sub.typ == leafType && sub.name != "url" && sub.name != "path" {
					out = append(out, csvColumn{name: k.name + "_" + sub.name, kind: sub.kind, index: append(slices.Clone(k.index), sub.index...)})
				}
			}
		}
	}
	for alias, name := range columnAliases {
		i := slices.IndexFunc(out, func(c csvColumn) bool { return c.name == name })
		c := out[i]
		c.name = alias
		out = append(out, c)
	}
	return out
}

// csvReader reads the rows of a CSV with their places.
type csvReader struct {
	*csv.Reader
	in    *source
	skip  int // lines before the header
	cells []leaf
}

// csv reads the accounts of a job's CSV, a row at a time.
func (l *loader) csv(j *job) {
	path, bad := resolvePath(j.spec.CSV.text, j.spec.CSV.at.in.dir)
	if bad != nil {
		return // told already
	}
	f, mode, err := openFile(path, l.opts)
	if err != nil {
		l.add(j.spec.CSV.at, "", "%s: %v", j.spec.CSV.text, err)
		return
	}
	defer f.Close()
	in := &source{name: l.csvName(j.spec.CSV.text, path), dir: filepath.Dir(path)}
	limited := &io.LimitedReader{R: f, N: l.maxCSV + 1}
	l.readCSV(j, in, limited)
	if limited.N == 0 {
		l.add(j.spec.CSV.at, "split it", "%s is longer than %d MiB", in.name, MaxCSV>>20)
	}
	l.checkMode(in, mode)
}

// csvName is how messages name a CSV: as the jobs file does, seen from where the user called it.
func (l *loader) csvName(text, path string) string {
	if filepath.IsAbs(text) {
		return path
	}
	return filepath.Join(filepath.Dir(l.main.name), text)
}

func (l *loader) readCSV(j *job, in *source, from io.Reader) {
	r, ok := l.newCSV(in, from)
	if !ok {
		return
	}
	before := l.told
	header, ok := l.row(r)
	switch {
	case l.told > before: // the first line can't be read; the second is not the header
		return
	case !ok:
		l.add(pos{in: in, line: 1, col: 1}, "the first line names the columns, such as user,source_password", "the CSV is empty")
		return
	}
	columns, ok := l.header(j, header)
	if !ok {
		return
	}
	known := map[string]bool{}
	for _, c := range columns {
		known[c.name] = true
	}
	for rows := 0; ; rows++ {
		cells, ok := l.row(r)
		if !ok && rows == 0 {
			l.warnings.add(pos{in: in, line: 1, col: 1}, "", "there are no accounts below the first line")
		}
		if !ok || !l.another(cells[0].at) {
			return
		}
		l.csvAccount(j, columns, known, cells)
	}
}

// newCSV looks at the beginning: the byte order mark, what Excel writes, and what stands between the columns.
func (l *loader) newCSV(in *source, from io.Reader) (*csvReader, bool) {
	br := bufio.NewReaderSize(from, 64<<10)
	start := pos{in: in, line: 1, col: 1}
	head, _ := br.Peek(4096)
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		l.add(start, "save it as CSV UTF-8", "the CSV is in UTF-16")
		return nil, false
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		br.Discard(3)
		head = head[3:]
	}
	skip := 0
	comma := rune(0)
	if line, _, ok := bytes.Cut(head, []byte("\n")); ok && len(bytes.TrimRight(line, "\r")) == 5 && bytes.HasPrefix(line, []byte("sep=")) {
		comma, skip = rune(line[4]), 1 // a line that only Excel knows
		br.Discard(len(line) + 1)
		head = head[len(line)+1:]
	}
	if comma == 0 {
		comma = delimiter(head)
	}
	if comma != ',' && comma != ';' && comma != '\t' {
		l.add(start, "columns stand apart by , or ; or a tab", "sep=%c", comma)
		return nil, false
	}
	r := csv.NewReader(br)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, true
	return &csvReader{Reader: r, in: in, skip: skip}, true
}

// delimiter is the one of , ; and tab that stands most often in the first line, outside quotes.
func delimiter(head []byte) rune {
	var commas, semicolons, tabs int
	quoted := false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			commas++
		case c == ';':
			semicolons++
		case c == '\t':
			tabs++
		}
		if c == '\n' && !quoted {
			break
		}
	}
	switch {
	case semicolons > commas && semicolons >= tabs:
		return ';'
	case tabs > commas:
		return '\t'
	}
	return ','
}

// row reads the next row that can be read, and complains about those that can't. It returns the same cells again.
func (l *loader) row(r *csvReader) ([]leaf, bool) {
	for {
		record, err := r.Read()
		var broken *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil, false
		case errors.As(err, &broken):
			l.brokenRow(r, broken)
			if l.more {
				return nil, false
			}
			continue
		case err != nil:
			l.add(pos{in: r.in, line: 1, col: 1}, "", "read: %v", pathError(err))
			return nil, false
		}
		r.cells = r.cells[:0]
		line, wide := 0, 0 // wide is by how many octets more than characters the line's cells have taken up to here
		for i, text := range record {
			at, col := r.FieldPos(i)
			if at != line {
				line, wide = at, 0
			}
			r.cells = append(r.cells, leaf{text: text, at: pos{in: r.in, line: at + r.skip, col: col - wide}, cell: true})
			last := text[strings.LastIndexByte(text, '\n')+1:]
			if len(last) < len(text) {
				line = -1
			}
			wide += len(last) - utf8.RuneCountInString(last)
		}
		return r.cells, true
	}
}

func (l *loader) brokenRow(r *csvReader, e *csv.ParseError) {
	at := pos{in: r.in, line: e.Line + r.skip, col: max(e.Column, 1)}
	const hint = `a value with a " in it stands in quotes, with "" for each one`
	switch {
	case errors.Is(e.Err, csv.ErrQuote) && e.Line > e.StartLine:
		at.line, at.col = e.StartLine+r.skip, 1
		l.add(at, hint, "quotes are opened in this row and not closed")
	case errors.Is(e.Err, csv.ErrQuote):
		l.add(at, hint, "quotes that are not closed, or letters behind them")
	case errors.Is(e.Err, csv.ErrBareQuote):
		l.add(at, hint, `a " in a value without quotes`)
	default:
		l.add(at, "", "no CSV: %v", e.Err)
	}
}

// header finds out what each column sets.
func (l *loader) header(j *job, cells []leaf) ([]csvColumn, bool) {
	all := columnsOf()
	var names []string
	byName := map[string]csvColumn{}
	for _, c := range all {
		names = append(names, c.name)
		byName[c.name] = c
	}
	for _, v := range j.spec.Extra.items {
		if _, taken := byName[v.text]; taken {
			l.add(v.at, "", "%s is a column of poplift's own", v.text)
			continue
		}
		byName[v.text] = csvColumn{name: v.text}
		names = append(names, v.text)
	}
	find := func(v leaf) (string, csvColumn, bool) {
		name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(v.text)), "-", "_")
		c, ok := byName[name]
		if !ok { // an extra column's name is as the jobs file writes it
			c, ok = byName[strings.TrimSpace(v.text)]
		}
		return name, c, ok
	}
	if !slices.ContainsFunc(cells, func(v leaf) bool { _, _, ok := find(v); return ok }) {
		// What it holds instead isn't shown: it is most likely an account, with its password.
		l.add(pos{in: cells[0].at.in, line: cells[0].at.line, col: 1}, ownColumns, "the first line has none of the columns' names")
		return nil, false
	}
	sound := true
	var out []csvColumn
	seen := map[string]bool{}
	for _, v := range cells {
		name, c, ok := find(v)
		key := c.name
		if columnAliases[key] != "" {
			key = columnAliases[key]
		}
		switch {
		case !utf8.ValidString(v.text):
			sound = false
			l.add(v.at, "save it as CSV UTF-8", "not UTF-8")
		case name == "":
			sound = false
			l.add(v.at, "each column has a name in the first line", "a column without a name")
		case !ok:
			sound = false
			l.add(v.at, columnHint(name, names), "there is no column %s", shown(strings.TrimSpace(v.text)))
		case seen[key]:
			sound = false
			l.add(v.at, "", "the column %s is there twice", name)
		}
		seen[key] = true
		c.path = &trail{name: name}
		out = append(out, c)
	}
	return out, sound
}

const ownColumns = "poplift's own are user, source_user, source_password, target_user, target_password, folder, …"

func columnHint(name string, names []string) string {
	if best := Nearest(name, names); best != "" {
		return "did you mean " + best + "?"
	}
	return "name it in extra_columns if it is to be passed over; " + ownColumns
}

// csvAccount makes an account of a row.
func (l *loader) csvAccount(j *job, columns []csvColumn, known map[string]bool, cells []leaf) {
	at := cells[0].at // of the row; it belongs to no column
	if len(cells) != len(columns) {
		l.add(at, "a value that holds the letter between columns stands in quotes", "%d columns, but the first line has %d", len(cells), len(columns))
		return
	}
	spec := &l.scratch
	*spec = accountSpec{}
	v := reflect.ValueOf(spec).Elem()
	e := entry{at: at, job: j.spec.at, columns: known, sound: !j.spec.broken && !l.broken}
	for i, c := range columns {
		cell := &cells[i]
		cell.at.path = c.path
		if c.kind != "secret" {
			cell.text = strings.TrimSpace(cell.text)
		}
		if c.index == nil {
			if e.extra == nil {
				e.extra = map[string]string{}
			}
			e.extra[c.name] = cell.text
			continue
		}
		if cell.text == "" {
			continue // what the job says
		}
		cell.said = true
		l.check(c.kind, cell)
		if c.address {
			end := v.FieldByIndex(c.index).Addr().Interface().(*endpointSpec)
			end.address, end.at = *cell, cell.at
			continue
		}
		*v.FieldByIndex(c.index).Addr().Interface().(*leaf) = *cell
	}
	spec.checkEnds(l)
	l.account(j, spec, e)
}
