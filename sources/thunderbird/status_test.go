package thunderbird

import (
	"fmt"
	"strings"
	"testing"

	"poplift/migrate"
)

func TestStatusAndKeysBecomeFlags(t *testing.T) {
	for _, c := range []struct{ low, high, keys, want string }{
		{"0001", "00000000", "", `\Seen`},
		{"0000", "", "", ``},
		{"", "", "", ``},
		{"0007", "", "", `\Seen \Answered \Flagged`},
		{"1001", "00800000", "", `\Seen $Forwarded $MDNSent`},
		{"8001", "0A000000", "$label1  work", `\Seen $label5 $label1 work`},
		{"0001", "02000000", "$label1                    ", `\Seen $label1`},
		{"0001", "0E000000", "", `\Seen`}, // 7 is no label
		{"0000", "", "NonJunk junk", `$NotJunk $Junk`},
		{"0000", "", "Junk $forwarded $MDNSent", `$Junk $Forwarded $MDNSent`},
		{"0000", "", `a"b (x) &AOk-t ` + "\xff", `a_b _x_ &AOk-t`},
		{" 0001 ", "", "", `\Seen`},
	} {
		s, ok := parseStatus(c.low, c.high)
		if got := strings.Trim(fmt.Sprint(flags(s, c.keys)), "[]"); got != c.want || !ok {
			t.Errorf("%q %q %q: %s, want %s", c.low, c.high, c.keys, got, c.want)
		}
	}
	if _, ok := parseStatus("00zz", ""); ok {
		t.Error("00zz is a number")
	}
}

func TestExpungedAndDeletedAreDeleted(t *testing.T) {
	for low, want := range map[string]bool{"0009": true, "0008": true, "0001": false} {
		if s, _ := parseStatus(low, ""); s.deleted() != want {
			t.Errorf("%s: %v", low, !want)
		}
	}
	if s, _ := parseStatus("0001", "00200000"); !s.deleted() {
		t.Error("IMAPDeleted is not deleted")
	}
	// The first field has the low 16 bits only, the second those above.
	if s, _ := parseStatus("00200000", "00000008"); s != 0 {
		t.Errorf("got %x", uint32(s))
	}
}

func FuzzMozillaStatus(f *testing.F) {
	f.Add("0001", "00800000", "$label1 junk")
	f.Add("FFFF", "FFFFFFFF", `()[]{}%*"\ $`)
	f.Fuzz(func(t *testing.T, low, high, keys string) {
		s, _ := parseStatus(low, high)
		seen := map[string]bool{}
		for _, fl := range flags(s, keys) {
			name := strings.ToLower(string(fl))
			if seen[name] {
				t.Errorf("%s twice", fl)
			}
			seen[name] = true
			if strings.ContainsFunc(string(fl), func(r rune) bool { return r <= ' ' || r >= 0x7F || strings.ContainsRune(`(){%*"]`, r) }) || fl == "" {
				t.Errorf("%q is no flag", fl)
			}
			if strings.Contains(string(fl), `\`) && fl != migrate.Seen && fl != migrate.Answered && fl != migrate.Flagged {
				t.Errorf("%q is no system flag", fl)
			}
		}
	})
}
