package pop3

import (
	"strings"
	"testing"
	"time"

	"poplift/migrate"
)

func TestParseStatus(t *testing.T) {
	for _, c := range []struct {
		line, code, text string
		is               indicator
		octets           int64
	}{
		{"+OK", "", "", isOK, 0},
		{"+OK ", "", "", isOK, 0},
		{"+OK 1234 octets", "", "1234 octets", isOK, 1234},
		{"+OK 77", "", "77", isOK, 77},
		{"+OK -3 octets", "", "-3 octets", isOK, 0},
		{"+OK message follows", "", "message follows", isOK, 0},
		{"+OKdone", "", "done", isOK, 0},
		{"+OK\tx", "", "x", isOK, 0},
		{"-ERR", "", "", isErr, 0},
		{"-ERR [in-use] locked", "IN-USE", "locked", isErr, 0},
		{"-ERR [SYS/TEMP]", "SYS/TEMP", "", isErr, 0},
		{"-ERR [] x", "", "[] x", isErr, 0},
		{"-ERR [a b] x", "", "[a b] x", isErr, 0},
		{"-ERR [\xff] x", "", "[\xff] x", isErr, 0},
		{"-ERR [unclosed", "", "[unclosed", isErr, 0},
		{"-ERR [" + strings.Repeat("x", 100) + "]", "", "[" + strings.Repeat("x", 100) + "]", isErr, 0},
		{"+ERR no", "", "", isNeither, 0},
		{"+ok", "", "", isNeither, 0},
		{"", "", "", isNeither, 0},
		{"+", "", "", isMore, 0},
		{"+ dGVzdA==", "", "dGVzdA==", isMore, 0},
		{".", "", "", isNeither, 0},
	} {
		st := parseStatus([]byte(c.line), false)
		if st.is != c.is || st.code != c.code || st.text != c.text || st.octets() != c.octets {
			t.Errorf("%q: %+v, %d octets", c.line, st, st.octets())
		}
	}
}

func TestRefusal(t *testing.T) {
	plain := migrate.Error{Op: "pop3 retr", Scope: migrate.ScopeMessage}
	for _, c := range []struct {
		line  string
		scope migrate.Scope
		final bool
		after time.Duration
		hint  bool
	}{
		{"-ERR no such message", migrate.ScopeMessage, false, 0, false},
		{"-ERR [X-OTHER] no", migrate.ScopeMessage, false, 0, false},
		{"-ERR [IN-USE] locked", migrate.ScopeSession, false, 30 * time.Second, true},
		{"-ERR [IN-USE/X] locked", migrate.ScopeSession, false, 30 * time.Second, true},
		{"-ERR [IN-USER] locked", migrate.ScopeMessage, false, 0, false},
		{"-ERR [LOGIN-DELAY] wait", migrate.ScopeSession, false, 10 * time.Second, false},
		{"-ERR [SYS/TEMP] later", migrate.ScopeSession, false, 30 * time.Second, false},
		{"-ERR [SYS/PERM] never", migrate.ScopeSession, true, 0, true},
		{"-ERR [AUTH] who?", migrate.ScopeSession, true, 0, true},
	} {
		e := refusal(parseStatus([]byte(c.line), false), plain, 10*time.Second)
		if e.Scope != c.scope || e.Final != c.final || e.After != c.after || (e.Hint != "") != c.hint {
			t.Errorf("%q: %+v", c.line, e)
		}
	}
	if e := refusal(parseStatus([]byte("-ERR [LOGIN-DELAY]"), false), plain, 0); e.After != time.Minute {
		t.Errorf("LOGIN-DELAY without a number: %v", e.After)
	}
}

func FuzzStatusLine(f *testing.F) {
	for _, s := range []string{"+OK", "-ERR [IN-USE] x", "+ abc", "", "+OK 12 octets", "-ERR [", "-ERR []", "+OK [A/B] [C]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		st := parseStatus(line, false)
		if len(st.code)+len(st.text) > len(line) || len(st.code) > maxCode || st.octets() < 0 {
			t.Fatalf("%+v", st)
		}
		if (st.is == isNeither) && (st.code != "" || st.text != "") {
			t.Fatalf("%+v", st)
		}
		// What is shown reads as what was meant.
		if st.is == isOK || st.is == isErr {
			if again := parseStatus([]byte(st.String()), false); again.is != st.is || st.code != "" && again.code != st.code {
				t.Fatalf("%+v became %+v", st, again)
			}
		}
		refusal(st, migrate.Error{}, 0)
	})
}
