package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"poplift/migrate"

	"pgregory.net/rapid"
)

func decode(t testing.TB, d Data) jsonRun {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJSON(&b, d); err != nil {
		t.Fatal(err)
	}
	var out jsonRun
	dec := json.NewDecoder(&b)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func readCSV(t testing.TB, write func(*bytes.Buffer) error) (lines []map[string]string, text string) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	text = b.String()
	all, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range all[1:] {
		m := map[string]string{}
		for i, name := range all[0] {
			m[name] = line[i]
		}
		lines = append(lines, m)
	}
	return lines, text
}

func TestJSON(t *testing.T) {
	t.Parallel()
	d := sample(200, 4)
	out := decode(t, d)
	var listed, failed, octets int64
	states := map[string]int{}
	for i, a := range out.Accounts {
		want := &d.Accounts[i]
		sum := a.Known + a.Copied + a.Adopted + a.Duplicate + a.Skipped + a.Relayed + a.Kept + a.Failed
		if a.Account != want.Name || a.Job != want.Job || a.Listed != sum || !a.AddsUp || a.Gap != (jsonTally{}) || len(a.Problems) != len(want.Problems) || len(a.Timeline) != len(want.Timeline) {
			t.Fatalf("account %d is %+v", i, a)
		}
		if (a.Verify == nil) != (want.Verify == nil) || a.Started == nil != want.Started.IsZero() {
			t.Errorf("account %d: %v %v", i, a.Verify, a.Started)
		}
		listed, failed, octets = listed+a.Listed, failed+a.Failed, octets+a.Sizes["listed"]
		states[a.State]++
	}
	tot := out.Totals
	if len(out.Accounts) != 200 || tot.Accounts != 200 || tot.Listed != listed || tot.Failed != failed || tot.Sizes["listed"] != octets || !tot.AddsUp || failed == 0 {
		t.Errorf("totals %+v; listed %d, failed %d", tot, listed, failed)
	}
	for _, s := range states {
		if s == 0 {
			t.Errorf("states %v", states)
		}
	}
	for name, n := range tot.States {
		if states[name] != n {
			t.Errorf("%d accounts are %s, not %d", n, name, states[name])
		}
	}
	if out.Seconds != d.Ended.Sub(d.Started).Seconds() {
		t.Errorf("%f seconds", out.Seconds)
	}
}

// TestJSONIsNeverNull: lists and maps are there even when they are empty, so that a program needs no special case.
func TestJSONIsNeverNull(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteJSON(&b, Data{Generated: nightfall, Accounts: []Account{{Name: "x"}}}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"accounts", "sources", "folders", "problems", "timeline", "sizes", "states"} {
		if text := b.String(); strings.Contains(text, `"`+key+`": null`) || !strings.Contains(text, `"`+key+`":`) {
			t.Errorf("%s is null or missing in %s", key, text)
		}
	}
}

func TestCSVHasALineForEachAccount(t *testing.T) {
	t.Parallel()
	d := sample(200, 4)
	lines, text := readCSV(t, func(b *bytes.Buffer) error { return WriteCSV(b, d) })
	if len(lines) != 200 || strings.Count(text, "\n") != 201 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var messages, octets int64
		for _, o := range migrate.Outcomes {
			messages, octets = messages+atoi(t, line[o.String()]), octets+atoi(t, line[o.String()+"_bytes"])
		}
		a := &d.Accounts[i]
		if line["account"] != a.Name || atoi(t, line["listed"]) != messages || messages != a.Listed.Messages || atoi(t, line["listed_bytes"]) != octets || line["gap"] != "0" || line["state"] != a.State.String() {
			t.Fatalf("line %d is %v", i, line)
		}
		if v := line["verified"]; a.Verify == nil && v != "" || a.Verify != nil && (v == "safe") != (a.Verify.Safe && !a.Verify.Time.Before(a.Ended)) {
			t.Errorf("line %d is verified %q", i, v)
		}
	}
}

func atoi(t testing.TB, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProblemsCSVHasALineForEachProblem(t *testing.T) {
	t.Parallel()
	d := sample(200, 4)
	lines, _ := readCSV(t, func(b *bytes.Buffer) error { return WriteProblemsCSV(b, d) })
	n := 0
	for i := range d.Accounts {
		for _, p := range d.Accounts[i].Problems {
			line := lines[n]
			if line["account"] != d.Accounts[i].Name || line["id"] != p.ID || line["subject"] != cell(Subject(p.Subject)) || line["outcome"] != p.Outcome.String() || line["reason"] != p.Reason || line["hint"] != p.Hint || atoi(t, line["size"]) != p.Size {
				t.Fatalf("line %d is %v", n, line)
			}
			n++
		}
	}
	if n != len(lines) || n == 0 {
		t.Errorf("%d lines for %d problems", len(lines), n)
	}
}

// formula is what a spreadsheet may take for the beginning of one.
const formula = "=+-@\t\r\n＝＋－＠"

func TestCSVDefusesFormulas(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
		"+1":                 "'+1",
		"-ERR [AUTH] no":     "'-ERR [AUTH] no",
		"@SUM(A1)":           "'@SUM(A1)",
		"\t=1+1":             "' =1+1",
		" =1+1":              "' =1+1",
		"\r\n=1":             "'  =1",
		"＝1":                 "'＝1",
		"me@old.example":     "me@old.example",
		"":                   "",
		"two\nlines":         "two lines",
	} {
		if got := cell(in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[=+\-@ \t\r\n＝']{1,4}[a-z]*`)).Draw(rt, "cell")
		d := poison(sample(8, 3), s)
		for name, write := range map[string]func(*bytes.Buffer) error{
			"accounts": func(b *bytes.Buffer) error { return WriteCSV(b, d) },
			"problems": func(b *bytes.Buffer) error { return WriteProblemsCSV(b, d) },
		} {
			lines, text := readCSV(t, write)
			if strings.Count(text, "\n") != len(lines)+1 {
				rt.Fatalf("%s: %d lines of text for %d", name, strings.Count(text, "\n"), len(lines))
			}
			for _, line := range lines {
				for column, v := range line {
					if v != "" && strings.ContainsRune(formula, []rune(strings.TrimLeft(v, " "))[0:1:1][0]) {
						rt.Fatalf("%s: %s begins a formula: %q", name, column, v)
					}
				}
			}
		}
	})
}

func TestDataFormatsAreDeterministic(t *testing.T) {
	t.Parallel()
	var first, again bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &again} {
		d := sample(60, 11)
		for _, err := range []error{WriteJSON(b, d), WriteCSV(b, d), WriteProblemsCSV(b, d)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Error("the same data make other octets")
	}
}
