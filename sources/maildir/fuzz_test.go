package maildir

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzMaildirName(f *testing.F) {
	for _, s := range []string{"1294156254.3884_5.spencer:2,RS", "4.host!2,ST", "1.a_2,S=5;2,a", "\uf03a2,S", ":2,", "1252168370_3.14675.cthulhu!2,S", ".."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		base, letters := splitName(name)
		if !strings.HasPrefix(name, base) || !strings.HasSuffix(name, letters) && !strings.Contains(name, ":2,"+letters) {
			t.Fatalf("%q is %q and %q", name, base, letters)
		}
		if again, _ := splitName(base + ":2,S"); name != "" && base != "" && !strings.Contains(base, ":") && again != base {
			t.Fatalf("the base of %q is not stable: %q, %q", name, base, again)
		}
		flagsOf(letters, []string{"$Junk", ""})
		if e := epochOf(name); e < 0 || e >= latest {
			t.Fatalf("%q: %d", name, e)
		}
		isIndex(name)
	})
}

func FuzzMUTF7(f *testing.F) {
	for _, s := range []string{"Entw&APw-rfe", "A &- B", "&ZeVnLIqe-", "&2D3eAA-", "&", "&-", "caf\xe9", "R&D-x", "Größe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := decodeName(name)
		if !utf8.ValidString(got) || name != "" && got == "" {
			t.Fatalf("%q is %q", name, got)
		}
		if utf8.ValidString(name) && !strings.Contains(name, "&") && got != name {
			t.Fatalf("%q is %q", name, got)
		}
		for _, d := range []dialect{{}, {evolution: true, escapes: true}} {
			for _, n := range d.dotted("." + name) {
				if n == "" || !utf8.ValidString(n) {
					t.Fatalf("%q has a name %q", name, n)
				}
			}
		}
	})
}

func FuzzUidlist(f *testing.F) {
	f.Add([]byte("3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n25006 W1394 Pabc O7 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,S\n"))
	f.Add([]byte("1 1275660208 25022\n25006 1276528487.M364837P9451.kurkku:2,S\n"))
	f.Add([]byte("3\n1 :a\n1 P :b\n4294967296 :c\n 2 :"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, _ := readUidlist(bytes.NewReader(text))
		for base, l := range list {
			if base == "" || l.rank <= 0 || strings.Contains(l.uidl, " ") || len(base) > len(text) {
				t.Fatalf("%q: %+v", base, l)
			}
		}
	})
}

func FuzzKeywords(f *testing.F) {
	f.Add([]byte("0 $Junk\n1 NonJunk\r\n25 z\n26 no\n-1 no\nx\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keywords, _ := readKeywords(bytes.NewReader(text))
		if len(keywords) != 26 {
			t.Fatal(len(keywords))
		}
		flagsOf("abcdefghijklmnopqrstuvwxyzPRSTDF", keywords)
	})
}
