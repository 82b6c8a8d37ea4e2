package jobs

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"
)

// csvJob is a job whose accounts are all in a.csv.
const csvJob = goodHead + "  - {name: x, csv: a.csv, extra_columns: [Quota]}\n"

// account is what a CSV says of one, shortly.
func account(a *Account) string {
	return fmt.Sprintf("%s %s → %s%v since=%s pw=%q,%q line %d", a.Name, a.Sources[0], a.Target, []string(a.Into), a.Since,
		a.Sources[0].Password.Literal().Reveal(), a.Target.Password.Where(), a.Line)
}

func TestCSVIsRead(t *testing.T) {
	t.Parallel()
	latinComma := "user,source_user,source_password,target_user,target_password,folder,since\n"
	ada := `ada pop3s://a1@pop.old.example → imaps://ada@new@imap.new.example[Old mail] since=2020-01-01 pw="geheim","env:PW" line 2`
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"commas", latinComma + "ada,a1,geheim,ada@new,env:PW,Old mail,2020-01-01\n", []string{ada}},
		{"semicolons", strings.ReplaceAll(latinComma, ",", ";") + "ada;a1;geheim;ada@new;env:PW;Old mail;2020-01-01\n", []string{ada}},
		{"tabs", strings.ReplaceAll(latinComma, ",", "\t") + "ada\ta1\tgeheim\tada@new\tenv:PW\tOld mail\t2020-01-01\n", []string{ada}},
		{"a byte order mark, CRLF, no last line end", "\xef\xbb\xbf" + strings.ReplaceAll(latinComma, "\n", "\r\n") + "ada,a1,geheim,ada@new,env:PW,Old mail,2020-01-01", []string{ada}},
		{"another order, other letters in the header, blanks", "TARGET-USER , Since,user,Folder,source_password,target_password,Source_User\n" +
			" ada@new ,2020-01-01, ada ,Old mail,geheim,env:PW,a1\n", []string{ada}},
		{"quotes", latinComma + `"ada","a1","geheim","ada@new","env:PW","Old mail","2020-01-01"` + "\n", []string{ada}},
		{"Excel's first line", "sep=;\nuser;source_password\nada;x\n", []string{
			`ada pop3s://ada@pop.old.example → imaps://ada@imap.new.example[] since= pw="x","nowhere" line 3`}},
		{"one column", "user\nada\n\nbob\n", []string{
			`ada pop3s://ada@pop.old.example → imaps://ada@imap.new.example[] since= pw="","nowhere" line 2`,
			`bob pop3s://bob@pop.old.example → imaps://bob@imap.new.example[] since= pw="","nowhere" line 4`}},
		{"a password that looks like something", "user,source_password\na,\"a,\"\"b\"\"; {{.User}}\"\nb,literal:cmd:rm\nc, blanks \nd,cmd\n", []string{
			`a pop3s://a@pop.old.example → imaps://a@imap.new.example[] since= pw="a,\"b\"; {{.User}}","nowhere" line 2`,
			`b pop3s://b@pop.old.example → imaps://b@imap.new.example[] since= pw="cmd:rm","nowhere" line 3`,
			`c pop3s://c@pop.old.example → imaps://c@imap.new.example[] since= pw=" blanks ","nowhere" line 4`,
			`d pop3s://d@pop.old.example → imaps://d@imap.new.example[] since= pw="cmd","nowhere" line 5`}},
		{"a user that looks like a template or an address", "user\n{{.Name}}\na@b/c:d?e#%20\n", []string{
			`{{.Name}} pop3s://{{.Name}}@pop.old.example → imaps://{{.Name}}@imap.new.example[] since= pw="","nowhere" line 2`,
			`a@b/c:d?e#%20 pop3s://a@b/c:d?e#%20@pop.old.example → imaps://a@b/c:d?e#%20@imap.new.example[] since= pw="","nowhere" line 3`}},
		{"addresses, and columns that are passed over", "user,source,target,Quota\na,pop3://pop.other.example,imap://z@imap.other.example/In/Out,5\n", []string{
			`a pop3://a@pop.other.example → imap://z@imap.other.example[In Out] since= pw="","nowhere" line 2`}},
		{"no user but the ends' own", "target_user,source_user\nt,s\n", []string{
			`t pop3s://s@pop.old.example → imaps://t@imap.new.example[] since= pw="","nowhere" line 2`}},
		{"empty cells say nothing", latinComma + "ada,,x,,env:PW,,\n", []string{
			`ada pop3s://ada@pop.old.example → imaps://ada@imap.new.example[] since= pw="x","env:PW" line 2`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse("jobs.yaml", []byte(csvJob), LoadOptions{Now: now, Open: opener(map[string]string{"a.csv": c.text})})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range f.Accounts {
				got = append(got, account(a))
				if a.File != "a.csv" || a.Job != "x" {
					t.Errorf("%s is said to be in %s, job %s", a.Name, a.File, a.Job)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestCSVMistakes(t *testing.T) {
	t.Parallel()
	utf16le := "\xff\xfe"
	for _, u := range utf16.Encode([]rune("user\nada\n")) {
		utf16le += string([]byte{byte(u), byte(u >> 8)})
	}
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "1:1: the CSV is empty; the first line names the columns, such as user,source_password"},
		{"no header", "ada,geheim\n", "1:1: the first line has none of the columns' names; poplift's own are user, source_user, source_password, target_user, target_password, folder, …"},
		{"a column that isn't", "user,room\nada,x\n", "1:6: there is no column room; name it in extra_columns if it is to be passed over; " +
			"poplift's own are user, source_user, source_password, target_user, target_password, folder, …"},
		{"a slip in a column", "user,source_pasword\nada,x\n", "1:6: there is no column source_pasword; did you mean source_password?"},
		{"a header that can't be read", "us\"er,folder\nada,x\nbob,y\n", `1:3: a " in a value without quotes; a value with a " in it stands in quotes, with "" for each one`},
		{"a column twice", "user,folder,into\nada,x,y\n", "1:13: the column into is there twice"},
		{"a column without a name", "user,\nada,x\n", "1:6: a column without a name; each column has a name in the first line"},
		{"UTF-16", utf16le, "1:1: the CSV is in UTF-16; save it as CSV UTF-8"},
		{"Latin-1", "user,folder\nada,Entw\xfcrfe\n", "2:5: folder: not UTF-8; save it as CSV UTF-8"},
		{"a password in Latin-1", "user,source_password\nada,p\xfcss\n", "2:5: source_password: not UTF-8; save it as CSV UTF-8"},
		{"a header in Latin-1", "user,gr\xfcn\nada,x\n", "1:6: not UTF-8; save it as CSV UTF-8"},
		{"another separator", "sep=|\nuser|folder\n", "1:1: sep=|; columns stand apart by , or ; or a tab"},
		{"too many cells, too few", "user,folder\nada,x,y\nbob\n", "2:1: 3 columns, but the first line has 2; a value that holds the letter between columns stands in quotes|" +
			"3:1: 1 columns, but the first line has 2; a value that holds the letter between columns stands in quotes"},
		{"a quote in the middle", "user,source_password\nada,a\"b\nbob,x\n", `2:6: a " in a value without quotes; a value with a " in it stands in quotes, with "" for each one`},
		{"letters behind quotes", "user,source_password\nada,\"a\"b\nbob,x\n", `2:7: quotes that are not closed, or letters behind them; a value with a " in it stands in quotes, with "" for each one`},
		{"quotes left open", "user,source_password\nada,\"a\nbob,x\n", `2:1: quotes are opened in this row and not closed; a value with a " in it stands in quotes, with "" for each one`},
		{"a date, behind letters of two octets", "user,folder,since\nada,Entwürfe,soon\n",
			`2:14: since: this is no date; write it as 2024-12-31, 2024-12-31T18:00:00+01:00, or an age such as 30d, 6w, 2y`},
		{"a command", "user,source_password\nada,cmd:rm -rf /\n", "2:5: source_password: a CSV can't name a command; write password: cmd:COMMAND into the jobs file, " +
			"where the command gets $POPLIFT_USER; a password that begins like this is written literal:cmd:…"},
		{"an address", "user,target\nada,pop3s://h\n", "2:5: target: pop3s:// can't be a target; it is imaps://HOST, imap://HOST or maildir:PATH"},
		{"a path that climbs out", "user,source\nada,../x\n", "2:5: source: a relative path stays below the folder of the file it is written in; write it as an absolute path"},
		{"no user", "user,folder\n,x\nbob,y\n", "2:1: whose mailbox at pop.old.example is it?; say user:|2:1: whose mailbox at imap.new.example is it?; say user:"},
		{"a password that is missing", "user,source_password,target_password\nada,x,y\nbob,x,\n", "3:1: target_password is empty"},
		{"one target twice", "user,source_user\nada,a\nada,b\n", "3:1: imaps://ada@imap.new.example is the target of x/ada already (a.csv:2); " +
			"mail from several places into one mailbox is one account with several sources; or give each an into (folder)"},
		{"a control character", "user\na\x01b\n", "2:1: user: a control character in it"},
		{"a NUL", "user,folder\nada,a\x00b\n", "2:5: folder: a NUL in it"},
		{"a line end in a user", "user,folder\n\"a\nb\",x\nbob,\x01\n", "2:1: user: a control character in it|4:5: folder: a control character in it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, m := range told(t, csvJob, map[string]string{"a.csv": c.text}, LoadOptions{}) {
				got = append(got, strings.TrimPrefix(m, "a.csv:"))
			}
			if all := strings.Join(got, "|"); all != c.want {
				t.Errorf("told\n%s\nwant\n%s", all, c.want)
			}
		})
	}
}

func TestCSVWithoutTargetsIsToldOnce(t *testing.T) {
	t.Parallel()
	got := told(t, "jobs:\n  - {name: x, source: 'pop3s://h', csv: a.csv}\n", map[string]string{"a.csv": "user\na\nb\nc\n"}, LoadOptions{})
	if want := "2:5: jobs[0]: the job has no target; it is imaps://HOST, imap://HOST or maildir:PATH"; len(got) != 1 || got[0] != want {
		t.Errorf("told %q", got)
	}
}

func TestExtraColumns(t *testing.T) {
	t.Parallel()
	text := goodHead + "  - {name: x, csv: a.csv, extra_columns: [dept, user_id], into: '{{.Extra.dept}}/{{.Extra.user_id}}'}\n"
	f, err := Parse("jobs.yaml", []byte(text), LoadOptions{Now: now, Open: opener(map[string]string{"a.csv": "dept,user,user_id\nR & D,ada,7\n"})})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Accounts[0].Into.String(); got != "R & D/7" {
		t.Errorf("into %s", got)
	}
	got := told(t, goodHead+"  - {name: x, csv: a.csv, extra_columns: [user]}\n", map[string]string{"a.csv": "user\na\n"}, LoadOptions{})
	if want := "3:43: jobs[0].extra_columns[0]: user is a column of poplift's own"; len(got) != 1 || got[0] != want {
		t.Errorf("told %q", got)
	}
	got = told(t, text, map[string]string{"a.csv": "dept,user,user_id\n,ada,7\n"}, LoadOptions{})
	if want := "a.csv:2:1: .Extra.dept is empty here, which line 3 asks for (jobs[0].into)"; len(got) != 1 || got[0] != want {
		t.Errorf("told %q", got)
	}
}

// TestCSVIsBoundedAndClosed: what is cut off is told, and every CSV is closed again.
func TestCSVIsBoundedAndClosed(t *testing.T) {
	t.Parallel()
	open := 0
	for _, c := range []struct{ text, want string }{
		{"user\na\n", ""},
		{"user\nada\nbob\neve\n", "a.csv is longer than 64 MiB"},
		{"user\n\"\n", "quotes that are not closed"},
	} {
		l := newLoader("jobs.yaml", "/jobs.yaml", []byte(csvJob), LoadOptions{Now: now, Open: func(string) (fs.File, error) {
			open++
			f, err := fstest.MapFS{"a": {Data: []byte(c.text), Mode: 0o600}}.Open("a")
			return &closing{f, &open}, err
		}})
		l.maxCSV = 12
		_, err := l.load([]byte(csvJob), 0)
		if c.want == "" && err != nil || c.want != "" && (len(Mistakes(err)) != 1 || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	if open != 0 {
		t.Errorf("%d files are left open", open)
	}
}

type closing struct {
	fs.File
	open *int
}

func (c *closing) Close() error { *c.open--; return c.File.Close() }

func TestTooManyAccounts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{goodHead + "  - {name: x, csv: a.csv}\n", goodHead + "  - {name: x, accounts: [a, b, c, d, e]}\n"} {
		l := newLoader("jobs.yaml", "/jobs.yaml", []byte(text), LoadOptions{Now: now, Open: opener(map[string]string{"a.csv": "user\na\nb\nc\nd\ne\n"})})
		l.accountsLeft = 3
		_, err := l.load([]byte(text), 0)
		if got := Mistakes(err); len(got) != 1 || got[0].Msg != "more than 100000 accounts" || got[0].Line < 3 {
			t.Errorf("told %v", err)
		}
		if len(l.file.Accounts) != 3 {
			t.Errorf("%d accounts", len(l.file.Accounts))
		}
	}
}

// FuzzCSV compares with encoding/csv what a CSV without mistakes holds, and looks that mistakes have places inside the file.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"user\nada\n", "user;source_password\nada;\"x;\"\"y\"\n", "\xef\xbb\xbfuser,folder\r\na,b\r\n", "sep=,\nuser\na\n", "user\n\"a\nb\"\n",
		"user,since\né,x\n", "user\n\"\n", "user,a\n", "\xff\xfeu\x00", "user,source,target\na,thunderbird:/x,maildir:/y\n", "user\ta\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("jobs.yaml", []byte(csvJob), LoadOptions{Now: now, Open: opener(map[string]string{"a.csv": text})})
		lines := strings.Count(text, "\n") + 1
		if err != nil {
			if len(Mistakes(err)) == 0 {
				t.Fatalf("no mistakes: %v", err)
			}
			for _, m := range Mistakes(err) {
				if m.File == "a.csv" && (m.Line < 1 || m.Line > lines || m.Column < 1 || m.Column > len(text)+1) {
					t.Errorf("%v is outside of a file of %d lines", m, lines)
				}
			}
			return
		}
		rest := strings.TrimPrefix(text, "\xef\xbb\xbf")
		if strings.HasPrefix(rest, "sep=") {
			return
		}
		r := csv.NewReader(strings.NewReader(rest))
		r.Comma = delimiter([]byte(rest[:min(len(rest), 4096)]))
		rows := -1
		for {
			if _, err := r.Read(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("encoding/csv finds %v", err)
			}
			rows++
		}
		if rows != len(file.Accounts) {
			t.Errorf("%d rows, %d accounts", rows, len(file.Accounts))
		}
	})
}
