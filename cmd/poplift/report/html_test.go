package report

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/state"

	"pgregory.net/rapid"
)

// rowsOf and sectionsOf are what the page has for each account.
func rowsOf(t testing.TB, page *node) [][]string {
	t.Helper()
	return cells(page.byID(t, "list"))[1:]
}

func TestPageHasEveryAccountOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 10, 299, 300, 2000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			d := sample(n, 7)
			page, _ := render(t, d)
			rows, sections := rowsOf(t, page), page.named("details")
			if len(rows) != n || len(sections) != n {
				t.Fatalf("%d rows and %d sections for %d accounts", len(rows), len(sections), n)
			}
			bodies := map[string]*node{}
			for _, body := range page.classed("body") {
				bodies[body.attrs["id"]] = body
			}
			need, open := 0, 0
			for i := range d.Accounts {
				if d.Accounts[i].needsPerson() {
					need++
				}
				body := bodies[fmt.Sprintf("a%d", i+1)]
				if body == nil || body.parent.name != "details" || !strings.Contains(body.parent.elements()[0].text(), d.Accounts[i].Name) {
					t.Fatalf("no section for %s", d.Accounts[i].Name)
				}
			}
			for i, s := range sections {
				_, isOpen := s.attrs["open"]
				if isOpen {
					open++
				}
				if isOpen != (i < min(need, maxOpen)) {
					t.Fatalf("section %d of %d, of which %d need a person, open: %v", i, n, need, isOpen)
				}
			}
			if n >= 10 && (need == 0 || open == 0) {
				t.Fatalf("the sample has nothing wrong: %d in need, %d open", need, open)
			}
			squares := 0
			for _, p := range page.theOnlyOf(t, "squares").named("path") {
				squares += strings.Count(p.attrs["d"], "M")
			}
			if marks := len(page.theOnlyOf(t, "squares").named("rect")); squares+marks != n || marks != min(need, maxMarks) {
				t.Errorf("%d squares and %d marks for %d accounts", squares, marks, n)
			}
		})
	}
}

// TestPageIsSound: what a browser, a screen reader and a printer need of the structure.
func TestPageIsSound(t *testing.T) {
	t.Parallel()
	page, _ := render(t, sample(120, 3))
	if lang := page.theOnly(t, "html").attrs["lang"]; lang != "en" {
		t.Errorf("language %q", lang)
	}
	page.theOnly(t, "h1")
	page.theOnly(t, "main")
	ids := map[string]bool{}
	for _, n := range page.all(func(n *node) bool { return n.attrs["id"] != "" }) {
		if ids[n.attrs["id"]] {
			t.Errorf("id %s twice", n.attrs["id"])
		}
		ids[n.attrs["id"]] = true
	}
	for _, a := range page.named("a") {
		if target, ok := strings.CutPrefix(a.attrs["href"], "#"); !ok || !ids[target] || strings.TrimSpace(a.text()) == "" {
			t.Errorf("link %q %q leads nowhere", a.attrs["href"], a.text())
		}
	}
	for _, n := range page.all(func(n *node) bool { return n.attrs["aria-labelledby"] != "" }) {
		if !ids[n.attrs["aria-labelledby"]] {
			t.Errorf("%s is labelled by %s, which isn't there", n.name, n.attrs["aria-labelledby"])
		}
	}
	tables := page.named("table")
	for _, table := range tables {
		head := one(t, "thead", table.named("thead"))
		width := len(head.elements()[0].elements())
		for _, tr := range table.named("tr") {
			if len(tr.elements()) != width || tr.elements()[0].name != "th" {
				t.Fatalf("row %q under a head of %d cells", tr.text(), width)
			}
		}
	}
	pictures := page.all(func(n *node) bool { return n.name == "svg" && n.parent.name != "svg" })
	for _, svg := range pictures {
		if hidden := svg.attrs["aria-hidden"] == "true"; !hidden && (svg.attrs["role"] != "img" && svg.attrs["role"] != "group" || svg.attrs["aria-label"] == "") {
			t.Errorf("a picture without a name: %v", svg.attrs)
		}
	}
	if len(tables) < 100 || len(pictures) < 15 {
		t.Errorf("%d tables, %d pictures", len(tables), len(pictures))
	}
}

// TestPageAsksForNothing: no request leaves the page, and its policy would stop one.
func TestPageAsksForNothing(t *testing.T) {
	t.Parallel()
	page, text := render(t, sample(30, 3))
	for _, n := range page.all(func(*node) bool { return true }) {
		for name := range n.attrs {
			if slices.Contains([]string{"src", "srcset", "style", "data", "action", "poster", "background", "ping"}, name) || strings.HasPrefix(name, "on") {
				t.Errorf("%s has the attribute %s", n.name, name)
			}
		}
		if slices.Contains([]string{"link", "img", "iframe", "object", "embed", "form", "base", "image", "use"}, n.name) {
			t.Errorf("the page has an element %s", n.name)
		}
	}
	if found := regexp.MustCompile(`(?i)@import|url\(|https?:`).FindString(pageCSS + pageJS); found != "" {
		t.Errorf("style or script have %q", found)
	}
	policy := ""
	for _, m := range page.named("meta") {
		if m.attrs["http-equiv"] == "Content-Security-Policy" {
			policy = m.attrs["content"]
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, tag := range []string{"style", "script"} {
		_, inside, _ := strings.Cut(text, "<"+tag+">")
		inside, _, _ = strings.Cut(inside, "</"+tag+">")
		sum := sha256.Sum256([]byte(inside))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %s", policy, want)
		}
	}
}

// readCount reads a count as the page writes it.
func readCount(t testing.TB, s string) int64 {
	t.Helper()
	s = strings.NewReplacer(",", "", "−", "-").Replace(s)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFiguresOfThePageAddUp(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 400} {
		d := sample(n, 5)
		page, _ := render(t, d)
		var listed, rows int64
		for _, row := range rowsOf(t, page) {
			if row[2] != "–" {
				rows += readCount(t, row[2])
			}
		}
		for i := range d.Accounts {
			listed += d.Accounts[i].Listed.Messages
		}
		checkSums(t, page.theOnlyOf(t, "outcomes"), listed)
		if rows != listed {
			t.Errorf("the rows of %d accounts hold %d messages, not %d", n, rows, listed)
		}
		if n := len(page.classed("alarm")); n != 0 {
			t.Errorf("%d alarms", n)
		}
		words := page.theOnly(t, "h1").text()
		sum := int64(0)
		for _, m := range regexp.MustCompile(`([\d,]+) (?:of|need|wait)`).FindAllStringSubmatch(words, -1) {
			sum += readCount(t, m[1])
		}
		if sum != int64(n) {
			t.Errorf("%q does not add up to %d", words, n)
		}
		sum = 0
		for _, li := range page.theOnlyOf(t, "legend").named("b") {
			sum += readCount(t, li.text())
		}
		if sum != int64(n) {
			t.Errorf("the legend counts %d accounts of %d", sum, n)
		}
	}
}

// checkSums holds a table of outcomes to its last row.
func checkSums(t testing.TB, table *node, listed int64) {
	t.Helper()
	var sum int64
	rows := cells(table)
	for _, row := range rows[1 : len(rows)-1] {
		sum += readCount(t, row[1])
	}
	if last := readCount(t, rows[len(rows)-1][1]); sum != last || last != listed {
		t.Errorf("outcomes sum up to %d, the table says %d, listed are %d", sum, last, listed)
	}
}

// TestMismatchIsLoud: figures that don't add up are shown as they are, at the top, at the account and in every format.
func TestMismatchIsLoud(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		spoil func(*Account)
		words string
	}{
		{"messages nowhere", func(a *Account) { a.Listed.Messages += 2 }, "of which 2 are nowhere"},
		{"messages too many", func(a *Account) { a.Listed.Messages -= 3 }, "but 3 more in the outcomes"},
		{"octets nowhere", func(a *Account) { a.Listed.Octets += 2048 }, "the outcomes lack 2.00 KiB"},
		{"octets too many", func(a *Account) { a.Listed.Octets -= 5 }, "the outcomes have 5 B too much"},
		{"a negative count", func(a *Account) {
			a.Outcomes[migrate.Copied] = add(a.Outcomes[migrate.Copied], migrate.Tally{Messages: 9})
			a.Outcomes[migrate.Relayed] = migrate.Tally{Messages: -9}
		}, "a count is negative or of no known outcome"},
		{"an outcome that no report counts", func(a *Account) {
			a.Outcomes[migrate.Uncertain] = migrate.Tally{Messages: 1}
		}, "a count is negative or of no known outcome"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := sample(400, 5)
			c.spoil(&d.Accounts[3])
			page, _ := render(t, d)
			top := one(t, "alert", page.all(func(n *node) bool { return n.attrs["role"] == "alert" })).text()
			if !strings.Contains(top, "The figures of 1 account don’t add up") || !strings.Contains(top, d.Accounts[3].Name+": ") || !strings.Contains(top, c.words) {
				t.Errorf("at the top: %q", top)
			}
			section := page.byID(t, "a4")
			if alarm := section.theOnlyOf(t, "alarm").text(); !strings.Contains(alarm, c.words) {
				t.Errorf("at the account: %q", alarm)
			}
			if _, open := section.parent.attrs["open"]; !open {
				t.Error("the section is closed")
			}
			if d.Accounts[3].Gap().Messages != 0 {
				checkSums(t, section.named("table")[0], d.Accounts[3].Listed.Messages)
			}
			var listed int64
			for i := range d.Accounts {
				listed += d.Accounts[i].Listed.Messages
			}
			checkSums(t, page.theOnlyOf(t, "outcomes"), listed)
			for _, row := range rowsOf(t, page) {
				if off := strings.Contains(row[1], "figures off"); off != (row[0] == d.Accounts[3].Name) {
					t.Errorf("row %q", row)
				}
			}
			out := decode(t, d)
			if out.Totals.AddsUp || out.Accounts[3].AddsUp || !out.Accounts[4].AddsUp || out.Accounts[3].Gap != newJSONTally(d.Accounts[3].Gap()) {
				t.Errorf("JSON: %v %v %v", out.Totals.AddsUp, out.Accounts[3].AddsUp, out.Accounts[3].Gap)
			}
		})
	}
}

// poison fills every text of d that comes from elsewhere with s.
func poison(d Data, s string) Data {
	d.Title, d.Version, d.File, d.Beside = s, s, s, []string{s, s}
	accounts := slices.Clone(d.Accounts)
	for i := range accounts {
		a := &accounts[i]
		a.Job, a.Name, a.Target, a.Error, a.Hint = s+strconv.Itoa(i), s, s, s, s
		a.Sources = []string{s, s}
		a.Folders = slices.Clone(a.Folders)
		for j := range a.Folders {
			a.Folders[j].Name = s
		}
		a.Problems = slices.Clone(a.Problems)
		for j := range a.Problems {
			p := &a.Problems[j]
			p.Source, p.Folder, p.Reason, p.Hint, p.Subject = s, s, s, s, s+"." // a subject of nothing that can be seen has no element
			if p.ID != "" {
				p.ID = s
			}
		}
		if a.Verify != nil {
			v := *a.Verify
			v.Account, v.Reasons, v.Folders, v.Problems = s, []string{s}, slices.Clone(v.Folders), slices.Clone(v.Problems)
			for j := range v.Folders {
				v.Folders[j].Name = s
			}
			for j := range v.Problems {
				p := &v.Problems[j]
				p.Source, p.ID, p.Subject, p.Folder, p.Reason, p.Hint = s, s, s+".", s, s, s
			}
			a.Verify = &v
		}
	}
	d.Accounts = accounts
	return d
}

// shape counts the page's elements and attributes.
func shape(page *node) map[string]int {
	out := map[string]int{}
	for _, n := range page.all(func(*node) bool { return true }) {
		out[n.name]++
		for a := range n.attrs {
			out[n.name+" "+a]++
		}
	}
	return out
}

// hostile are texts that try to be more than text.
var hostile = map[string]string{
	"script":          "<script>alert(1)</script>",
	"end of script":   "</script></style></title><script>alert(1)</script>",
	"attribute":       `" onmouseover="alert(1)" x='`,
	"comment":         "--><!--<img src=x onerror=alert(1)>",
	"cdata":           "]]><svg onload=alert(1)>",
	"template":        "{{.Script}} ${alert(1)} `",
	"link":            "javascript:alert(1)//",
	"entity":          "&lt;script&gt;&#x3c;&amp",
	"controls":        "a\x00b\x07c\x1b[31md\x7f\u0085",
	"directions":      "\u202egnp.exe\u2066\u2067\u200f",
	"invalid":         "a\xff\xfe\xc3(",
	"noncharacters":   "\ufffe\uffff\U0010ffff\ufeff",
	"line separators": "a\u2028b\u2029c\r\nd",
}

// TestHostileTextStaysText: whatever a mailbox or a server says, the page has the elements and attributes that it has for harmless text.
func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	harmless, _ := render(t, poison(sample(40, 2), "harmless"))
	want := shape(harmless)
	for name, s := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, text := render(t, poison(sample(40, 2), s))
			if got := shape(page); !maps.Equal(got, want) {
				t.Errorf("other elements or attributes: %v, not %v", got, want)
			}
			if i := strings.IndexFunc(text, func(r rune) bool {
				return r < ' ' && r != '\n' && r != '\t' || strings.ContainsRune("\u202e\u2066\u2067\u200f", r)
			}); i >= 0 {
				t.Errorf("%q in the page", text[i:i+1])
			}
		})
	}
}

func FuzzHostileTextStaysText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	d := sample(3, 2)
	harmless, _ := render(f, poison(d, "harmless"))
	want := shape(harmless)
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			t.Skip("what is empty has no element")
		}
		page, _ := render(t, poison(d, s))
		if got := shape(page); !maps.Equal(got, want) {
			t.Errorf("other elements or attributes: %v, not %v", got, want)
		}
	})
}

func TestEveryProblemSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d := sample(10, 1)
	a := &d.Accounts[2]
	for _, o := range []migrate.Outcome{migrate.Failed, migrate.Uncertain, migrate.Kept, migrate.Relayed, migrate.None} {
		a.Problems = append(a.Problems, migrate.Problem{Source: "pop3:x", ID: "id-" + o.String(), Subject: "=?utf-8?q?f=C3=BCr_?=" + o.String(), Outcome: o, Reason: "reason " + o.String()})
	}
	page, _ := render(t, d)
	section := page.byID(t, "a3")
	groups := section.classed("problem")
	if len(groups) != 5 {
		t.Fatalf("%d groups", len(groups))
	}
	for i, g := range groups {
		if todo := g.theOnlyOf(t, "todo").text(); len(todo) < 20 {
			t.Errorf("%q: what to do is %q", g.text(), todo)
		}
		if id := g.theOnly(t, "bdi").text(); !strings.HasPrefix(id, "id-") {
			t.Errorf("message %q", id)
		}
		if subject := g.theOnly(t, "q").text(); !strings.HasPrefix(subject, "für ") {
			t.Errorf("subject %q", subject)
		}
		if press := strings.Contains(g.text(), "reason failed") || strings.Contains(g.text(), "reason uncertain"); press != (i < 2) {
			t.Errorf("group %d is %q", i, g.text())
		}
	}
	todo, notes := page.byID(t, "h-todo").parent.text(), page.byID(t, "h-notes").parent.text()
	for words, in := range map[string]string{"reason failed": todo, "uncertain: reason uncertain": todo, "kept: reason kept": notes, "relayed: reason relayed": notes, "reason none": notes, hintAuth: todo, hintSize: todo} {
		if !strings.Contains(in, words) {
			t.Errorf("%q is not where it belongs", words)
		}
	}
}

// TestPageIsSmall: bounds on the whole page, for a night as nights are and for the worst one.
func TestPageIsSmall(t *testing.T) {
	t.Parallel()
	d := sample(2000, 1)
	_, text := render(t, d)
	if len(text) > 1_900_000 {
		t.Errorf("2,000 accounts take %d octets", len(text))
	}
	d = sample(100, 1)
	long := strings.Repeat("long words ", 200)
	var problems []migrate.Problem // the accounts can share them: they are only read
	for n := range migrate.MaxProblems {
		problems = append(problems, migrate.Problem{ID: fmt.Sprint("id", n), Outcome: migrate.Failed, Reason: fmt.Sprintf("reason %d %s", n, long)})
	}
	var folders []Folder
	for n := range 500 {
		folders = append(folders, Folder{fmt.Sprint("folder ", n), migrate.Tally{Messages: 1, Octets: 1}})
	}
	for i := range d.Accounts {
		a := &d.Accounts[i]
		a.State, a.Dropped, a.Error, a.Problems, a.Folders = Failed, 4711, long, problems, folders
	}
	page, text := render(t, d)
	if len(text) > 2_200_000 {
		t.Errorf("100 accounts with 1,000 problems each take %d octets", len(text))
	}
	section := page.byID(t, "a1").text()
	if !strings.Contains(section, "985 more problems are listed in night.json and night.csv.") || !strings.Contains(section, "4,711 more problems were too many for any report") {
		t.Errorf("the section does not say where the rest is: %q", section)
	}
	if !strings.Contains(page.byID(t, "h-todo").parent.text(), "rarer causes stand with the accounts below") {
		t.Error("the causes don't say that there are more")
	}
}

func TestFoldersKeepTheirSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var folders []Folder
		var want int64
		for i, n := range rapid.SliceOf(rapid.Int64Range(0, 1e6)).Draw(rt, "messages") {
			folders = append(folders, Folder{fmt.Sprint(i), migrate.Tally{Messages: n, Octets: n}})
			want += n
		}
		before := slices.Clone(folders)
		limit := rapid.IntRange(1, 50).Draw(rt, "limit")
		rows := folderRows(&Account{Folders: folders}, limit)
		var got int64
		for _, r := range rows {
			got += readCount(t, r.Messages)
		}
		if got != want || len(rows) > limit+1 || !slices.Equal(folders, before) {
			rt.Fatalf("%d rows hold %d of %d", len(rows), got, want)
		}
	})
}

func TestRenderingIsDeterministicAndOnlyReads(t *testing.T) {
	t.Parallel()
	d, same := sample(350, 9), sample(350, 9)
	for i := range 2 {
		_, first := render(t, d)
		if _, again := render(t, same); again != first {
			t.Fatalf("page %d is another", i)
		}
	}
	if !reflect.DeepEqual(d, same) {
		t.Error("the data were changed")
	}
}

func TestHeadline(t *testing.T) {
	t.Parallel()
	account := func(s State) Account { return Account{State: s} }
	unsafe := Account{State: Done, Verify: &state.Verification{}}
	cases := []struct {
		accounts []Account
		want     string
	}{
		{nil, "There are no accounts to report on."},
		{[]Account{account(Done)}, "The account is done."},
		{[]Account{account(Done), account(Done)}, "All 2 accounts are done."},
		{[]Account{account(Failed)}, "0 of 1 account is done. 1 needs a person."},
		{[]Account{account(Done), account(Left), account(Failed)}, "1 of 3 accounts are done. 2 need a person."},
		{[]Account{account(Done), unsafe, account(NotStarted), account(Elsewhere)}, "1 of 4 accounts are done. 1 needs a person, 2 wait for the next run."},
		{[]Account{account(Done), account(Interrupted)}, "1 of 2 accounts are done. 1 waits for the next run."},
	}
	for _, c := range cases {
		page, _ := render(t, Data{Generated: nightfall, Accounts: c.accounts})
		if got := page.theOnly(t, "h1").text(); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}

// TestRunThatIsNotOver: without an end, the page says that it shows how things stand.
func TestRunThatIsNotOver(t *testing.T) {
	t.Parallel()
	d := sample(10, 1)
	page, _ := render(t, d)
	if len(page.classed("running")) != 0 {
		t.Error("a run that has ended is shown as running")
	}
	d.Ended, d.Generated = time.Time{}, d.Generated.Add(time.Hour)
	page, _ = render(t, d)
	if text := page.theOnlyOf(t, "running").text(); !strings.Contains(text, "The run is not over") {
		t.Errorf("%q", text)
	}
}

// TestColoursCanBeRead computes the contrast of the style sheet's own colours: 4.5 for text, 3 for what only marks (WCAG 2.1, 1.4.3 and 1.4.11).
func TestColoursCanBeRead(t *testing.T) {
	t.Parallel()
	roots := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(pageCSS, -1)
	if len(roots) != 3 {
		t.Fatalf("%d palettes, not light, dark and print", len(roots))
	}
	for i, root := range roots {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([\w-]+): #([0-9a-f]+);`).FindAllStringSubmatch(root[1], -1) {
			colours[m[1]] = m[2]
		}
		for _, pair := range []struct {
			on, of string
			least  float64
		}{
			{"paper", "ink", 7}, {"paper", "soft", 4.5}, {"sheet", "soft", 4.5}, {"paper", "accent", 4.5}, {"sheet", "accent", 4.5}, {"paper", "left-text", 4.5},
			{"alarm", "ink", 7}, {"alarm", "failed-text", 4.5}, {"alarm", "accent", 4.5}, {"paper", "done", 3}, {"paper", "left", 2.8}, {"paper", "failed", 3}, {"paper", "waiting", 3},
		} {
			if c := contrast(t, colours[pair.on], colours[pair.of]); c < pair.least {
				t.Errorf("palette %d: %s on %s has a contrast of %.2f, less than %.1f", i, pair.of, pair.on, c, pair.least)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is WCAG's relative luminance of a colour written rgb or rrggbb.
func luminance(t *testing.T, hex string) (sum float64) {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	if len(hex) != 6 {
		t.Fatalf("colour %q", hex)
	}
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
