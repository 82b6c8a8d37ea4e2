package jobs

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"poplift/migrate/mailnet"
)

// mechanisms are what the key auth takes.
var mechanisms = []string{"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "USER", "APOP", "LOGIN-COMMAND"}

const (
	maxCount = 100000
	// maxText bounds every value; nothing that belongs into one is longer.
	maxText = 4096
)

// check complains about a value that isn't of its kind, once, where it stands.
func (l *loader) check(kind string, v *leaf) {
	if !v.said || v.bad {
		return
	}
	bad := l.complaintOf(kind, v)
	if bad == nil {
		return
	}
	v.bad = true
	msg := bad.msg
	if v.cell { // columns that are one off put passwords anywhere
		msg = strings.ReplaceAll(msg, strconv.Quote(v.text), "this")
	}
	if msg != "" { // else it has been told
		l.add(v.at, bad.hint, "%s", msg)
	}
}

func (l *loader) complaintOf(kind string, v *leaf) *complaint {
	switch {
	case len(v.text) > maxText:
		return complain("", "the value is longer than %d octets", maxText)
	case v.text == "":
		return nil // takes back what a level further out says
	case !utf8.ValidString(v.text): // only in a CSV: the jobs file has been looked at
		return complain("save it as CSV UTF-8", "not UTF-8")
	case strings.ContainsRune(v.text, 0):
		return complain("", "a NUL in it")
	case kind == "secret":
		return l.checkSecretLeaf(v)
	}
	switch kind {
	case "address", "path", "template":
		return l.checkTemplate(kind, v)
	case "file":
		_, bad := resolvePath(v.text, v.at.in.dir)
		return bad
	case "command":
		v.at.in.command = v.at
		return nil
	case "name":
		if !printable(v.text) {
			return complain("", "a control character in it")
		}
		return nil
	}
	return checkValue(kind, v.text, l)
}

// checkValue is for kinds whose value says all.
func checkValue(kind, text string, l *loader) *complaint {
	var err error
	hint := ""
	if of, ok := strings.CutSuffix(kind, orNone); ok {
		if text == none || text == "0" {
			return nil
		}
		kind = of
	}
	switch kind {
	case "version":
		if text != "1" {
			return complain("this poplift reads version 1", "version %s", text)
		}
	case "bool":
		hint = "it is true or false"
		_, err = parseBool(text)
	case "count":
		if n, e := strconv.Atoi(text); e != nil || n < 1 || n > maxCount {
			return complain("it is 1 or more", "%q is no number of things", text)
		}
	case "size":
		hint = "write it as 500k, 20M or 1.5G, in octets"
		_, err = ParseSize(text)
	case "rate":
		hint = "it is a number above 0, such as 0.5 or 20"
		_, err = parseRate(text)
	case "duration":
		hint = "write it as 30s, 5m, 1h30m or 2d"
		_, err = ParseDuration(text)
	case "when":
		hint = whenHint
		_, err = ParseWhen(text, l.now)
	case "seen":
		return checkSeen(text, l)
	case "glob":
		return checkGlob(text)
	case "rule":
		return checkRule(text)
	case "pin":
		if _, e := (mailnet.TLSOptions{Pins: []string{text}}).Config("localhost"); e != nil {
			return complain("it is sha256: and 64 hexadecimal or 44 base64 digits", "%q is no pin", text)
		}
	case "column":
		if !columnName(text) {
			return complain("it is letters, digits and _", "%q can't be the name of a column", text)
		}
	case "report":
		if i := strings.LastIndexByte(text, '.'); i < 0 || !slices.Contains([]string{".html", ".csv", ".json"}, text[i:]) {
			return complain("it ends in .html, .csv or .json", "%q: not a kind of report", text)
		}
		_, bad := resolvePath(text, l.main.dir)
		return bad
	case "auth":
		return oneOf(strings.ToUpper(text), mechanisms)
	case "provider":
		return oneOf(text, append(ProviderNames(), "none"))
	default:
		return oneOf(text, strings.Split(kind, "|"))
	}
	if err != nil {
		return complain(hint, "%v", err)
	}
	return nil
}

// orNone ends the kinds of values that can be none: no limit, whatever is known of a provider.
const orNone, none = " or none", "none"

const whenHint = "write it as 2024-12-31, 2024-12-31T18:00:00+01:00, or an age such as 30d, 6w, 2y"

func checkSeen(text string, l *loader) *complaint {
	age, older := strings.CutPrefix(text, "older-than:")
	if older {
		if _, err := ParseWhen(age, l.now); err != nil {
			return complain(whenHint, "%q has no date", text)
		}
		return nil
	}
	if text != "none" && text != "all" {
		return complain("it is none, all or older-than:30d", "%q is not known here", text)
	}
	return nil
}

func checkGlob(text string) *complaint {
	if _, err := path.Match(text, ""); err != nil {
		return complain(`* and ? stand for letters, [abc] for one of them; \ takes their meaning away`, "%q is no pattern", text)
	}
	return nil
}

// checkRule takes PATTERN=FOLDER; what the two may be is the folder engine's business.
func checkRule(text string) *complaint {
	from, to, ok := strings.Cut(text, "=")
	if !ok || from == "" || to == "" {
		return complain("it is FROM=TO, such as Old/*=Archive/*", "%q is no rule", text)
	}
	return checkGlob(from)
}

func oneOf(text string, all []string) *complaint {
	if slices.Contains(all, text) {
		return nil
	}
	if best := Nearest(text, all); best != "" {
		return complain("did you mean "+best+"?", "%q is not known here", text)
	}
	return complain("it is one of "+strings.Join(all, ", "), "%q is not known here", text)
}

// checkTemplate compiles a template, and checks what can be without an account. A cell is plain text.
func (l *loader) checkTemplate(kind string, v *leaf) *complaint {
	if v.cell || !strings.Contains(v.text, "{{") {
		if kind == "path" {
			_, bad := resolvePath(v.text, v.at.in.dir)
			return bad
		}
		if kind == "template" && !printable(v.text) {
			return complain("", "a control character in it")
		}
		return nil
	}
	if _, err := l.template(v.text); err != nil {
		l.add(l.inside(v, err.at), err.hint, "%s", err.msg)
		return &complaint{}
	}
	return nil
}

// template compiles each text once.
func (l *loader) template(text string) (*template, *templateError) {
	if t, ok := l.templates[text]; ok {
		return t, nil
	}
	t, err := compile(text)
	if err == nil {
		l.templates[text] = t
	}
	return t, err
}

// inside is the place of an octet of a value, as near as the way it is quoted lets one tell.
func (l *loader) inside(v *leaf, offset int) pos {
	at := v.at
	line := []rune(lineOf(at.in.text, at.line))
	for skip := range 2 { // plain, or behind a quote
		if from := at.col - 1 + skip; from <= len(line) && strings.HasPrefix(string(line[from:]), v.text) {
			at.col += skip + utf8.RuneCountInString(v.text[:offset])
			return at
		}
	}
	return at
}

// lineOf returns a line of text, counted from 1.
func lineOf(text string, n int) string {
	for ; n > 1; n-- {
		_, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return ""
		}
		text = rest
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// checkSecretLeaf marks the file that holds a literal or a command, whose mode is looked at in the end.
func (l *loader) checkSecretLeaf(v *leaf) *complaint {
	if strings.ContainsAny(v.text, "\r\n") {
		return complain("", "a line end in it")
	}
	kind, rest := splitSecret(v.text)
	template := !v.cell && kind != Literal && strings.Contains(rest, "{{")
	switch {
	case kind == FromCmd && v.cell:
		return complain("write password: cmd:COMMAND into the jobs file, where the command gets $POPLIFT_USER; "+
			"a password that begins like this is written literal:cmd:…",
			"a CSV can't name a command")
	case kind == FromCmd && template:
		return complain("the command gets $POPLIFT_USER, $POPLIFT_LOGIN, $POPLIFT_HOST and $POPLIFT_ACCOUNT",
			"a command can't hold {{…}}: a user's name would become a part of it")
	case template:
		if _, err := l.template(rest); err != nil {
			l.add(l.inside(v, err.at+len(v.text)-len(rest)), err.hint, "%s", err.msg)
			return &complaint{}
		}
	case kind == Literal:
		if v.at.in.secret.in == nil {
			v.at.in.secret = v.at
		}
	case kind == FromFile:
		if _, bad := resolvePath(rest, v.at.in.dir); bad != nil {
			return bad
		}
	}
	if !template {
		if msg, hint := checkSecret(kind, rest); msg != "" {
			return complain(hint, "%s", msg)
		}
	}
	if kind == FromCmd && v.at.in.command.in == nil {
		v.at.in.command = v.at
	}
	return nil
}
