package thunderbird

import (
	"maps"
	"strings"
	"testing"
)

func TestPrefs(t *testing.T) {
	got, err := readPrefs(strings.NewReader(`// Mozilla User Preferences
user_pref("app.update.x", 1);
user_pref("mail.server.server1.directory-rel", "[ProfD]Mail/pop.example.org");
  user_pref( "mail.server.server1.name" , "J\u00fcrgen \"J\" \\ 1" ) ;
user_pref("mail.server.server1.port", 995);
user_pref("mail.broken, 1);
user_pref("mail.long", "` + strings.Repeat("x", 2*maxPref) + `");
user_pref("mail.last", true);`))
	want := map[string]string{"mail.server.server1.directory-rel": "[ProfD]Mail/pop.example.org", "mail.server.server1.name": `Jürgen "J" \ 1`,
		"mail.server.server1.port": "995", "mail.last": "true"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzPrefs(f *testing.F) {
	f.Add(`user_pref("mail.a", "b\n\x41\u12");`)
	f.Add(`user_pref("mail.a", '\`)
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := readPrefs(strings.NewReader(s)); err != nil {
			t.Error(err)
		}
	})
}
