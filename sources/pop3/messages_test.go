package pop3

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
)

func TestListQuirks(t *testing.T) {
	for _, c := range []struct {
		name  string
		quirk pop3test.Quirk
		want  string // "seq:id" with "~" before an unstable id, "!" for an error
	}{
		{"decent", pop3test.Quirk{}, "1:a 2:b 3:c"},
		{"no UIDL", pop3test.Quirk{NoUIDL: true}, "1:~#1 2:~#2 3:~#3"},
		{"hidden UIDL", pop3test.Quirk{HiddenUIDL: true}, "1:a 2:b 3:c"},
		{"empty UIDL", pop3test.Quirk{EmptyUIDL: 2}, "1:a 2:~#2 3:c"},
		{"duplicate UIDL", pop3test.Quirk{DuplicateUIDL: true}, "1:~a#1 2:~a#2 3:~a#3"},
		{"UIDL changes", pop3test.Quirk{UIDLChanges: true}, "1:a.1 2:b.1 3:c.1"},
		{"loose prefix", pop3test.Quirk{LoosePrefix: true}, "1:a 2:b 3:c"},
		{"gap in LIST", pop3test.Quirk{GapInList: 2}, "1:a 2:b 3:c"},
		{"gap in UIDL", pop3test.Quirk{GapInUIDL: 2}, "1:a 2:~#2 3:c"},
		{"gap in both", pop3test.Quirk{GapInUIDL: 2, GapInList: 2}, "1:a 2:! 3:c"},
		{"STAT says more", pop3test.Quirk{StatMismatch: 1}, "1:a 2:b 3:c 4:!"},
		{"STAT says less", pop3test.Quirk{StatMismatch: -1}, "1:a 2:b 3:c"},
		{"no CAPA", pop3test.Quirk{NoCAPA: true}, "1:a 2:b 3:c"},
		{"no pipelining", pop3test.Quirk{NoPipelining: true}, "1:a 2:b 3:c"},
		{"LF only", pop3test.Quirk{LFOnly: true}, "1:a 2:b 3:c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, func(s *pop3test.Server) { s.Quirk = c.quirk },
				pop3test.Msg{UIDL: "a", Raw: []byte("1\r\n")}, pop3test.Msg{UIDL: "b", Raw: []byte("2\r\n")}, pop3test.Msg{UIDL: "c", Raw: []byte("3\r\n")})
			src := mustOpen(t, config(s))
			var said []string
			var good []migrate.Entry
			for range 2 { // the same again
				said, good = nil, nil
				for e, err := range src.Messages(t.Context()) {
					word := fmt.Sprintf("%d:%s", e.Seq, e.ID)
					switch {
					case err != nil:
						word = fmt.Sprintf("%d:!", e.Seq)
						if classified(t, err).Scope != migrate.ScopeMessage {
							t.Error(err)
						}
					case !e.Stable:
						word = fmt.Sprintf("%d:~%s", e.Seq, e.ID)
					}
					if said = append(said, word); err == nil {
						good = append(good, e)
					}
				}
			}
			if strings.Join(said, " ") != c.want {
				t.Errorf("got %q, want %q", said, c.want)
			}
			for _, g := range fetch(t, src, good) {
				if g.err != nil || g.body != fmt.Sprintf("%d\r\n", g.entry.Seq) {
					t.Errorf("%+v", g)
				}
			}
			if count(s.Log(), "UIDL") != 1 {
				t.Errorf("listed more than once: %q", s.Log())
			}
		})
	}
}

func TestListRefusals(t *testing.T) {
	refuse := func(answers map[string]string) func(*pop3test.Server) {
		return func(s *pop3test.Server) {
			s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
				if a := answers[cmd]; a != "" {
					return pop3test.Answer(a)
				}
				return pop3test.Pass()
			}
		}
	}
	for _, c := range []struct {
		name    string
		answers map[string]string
		ids     string
		text    string // of the error
	}{
		{"LIST", map[string]string{"LIST": "-ERR no\r\n"}, "a b", ""},
		{"STAT", map[string]string{"STAT": "-ERR no\r\n"}, "a b", ""},
		{"STAT is junk", map[string]string{"STAT": "+OK two\r\n"}, "a b", ""},
		{"STAT is beyond reason", map[string]string{"STAT": "+OK 2000000000 1\r\n"}, "a b", ""},
		{"both lists", map[string]string{"UIDL": "-ERR no\r\n", "LIST": "-ERR no\r\n"}, "#1 #2", ""},
		{"all", map[string]string{"STAT": "-ERR no\r\n", "UIDL": "-ERR no\r\n", "LIST": "-ERR no\r\n"}, "", "refused"},
		{"UIDL for now", map[string]string{"UIDL": "-ERR [SYS/TEMP] later\r\n"}, "", "later"},
		{"line without end", map[string]string{"UIDL": "+OK\r\n1 " + strings.Repeat("x", 10_000) + "\r\n.\r\n"}, "", "too long"},
		{"answer is none", map[string]string{"UIDL": "1 a\r\n"}, "", "neither"},
		{"answer is empty", map[string]string{"LIST": "\r\n"}, "", "neither"},
		{"challenge", map[string]string{"STAT": "+ \r\n"}, "", "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, refuse(c.answers), pop3test.Msg{UIDL: "a", Raw: []byte("1\r\n")}, pop3test.Msg{UIDL: "b", Raw: []byte("2\r\n")})
			src := mustOpen(t, config(s))
			var ids []string
			var last error
			for e, err := range src.Messages(t.Context()) {
				if last = err; err == nil {
					ids = append(ids, e.ID)
				}
			}
			if strings.Join(ids, " ") != c.ids || (last != nil) != (c.text != "") || last != nil && !strings.Contains(last.Error(), c.text) {
				t.Errorf("%q, %v", ids, last)
			}
			if last != nil {
				if e := classified(t, last); e.Scope != migrate.ScopeSession || e.Final {
					t.Errorf("%+v", e)
				}
				for _, err := range src.Fetch(t.Context(), slices.Values([]migrate.Entry{{ID: "a", Seq: 1}})) {
					if err == nil {
						t.Error("fetched without a listing")
					}
				}
			}
		})
	}
}
