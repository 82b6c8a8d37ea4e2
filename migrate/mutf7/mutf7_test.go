package mutf7

import (
	"testing"
	"unicode/utf8"
)

func TestNames(t *testing.T) {
	for decoded, encoded := range map[string]string{
		"": "", "INBOX": "INBOX", "R&D": "R&-D", "Entwürfe": "Entw&APw-rfe", "~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "a\tb": "a&AAk-b", "😀": "&2D3eAA-",
	} {
		if got := Encode(decoded); got != encoded {
			t.Errorf("Encode(%q) = %q, want %q", decoded, got, encoded)
		}
		if got := Decode(encoded); got != decoded {
			t.Errorf("Decode(%q) = %q, want %q", encoded, got, decoded)
		}
	}
	for _, broken := range []string{"R&D", "&", "&!!-", "&AP-", "&2D0-", "Entw\xfcrfe", "&&", "a&Jjo", "&Jjo!-", "&AA-"} {
		if got := Decode(broken); got != broken {
			t.Errorf("Decode(%q) = %q, want it unchanged", broken, got)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("Entwürfe & Co")
	f.Add("&U,BTFw-")
	f.Fuzz(func(t *testing.T, name string) {
		Decode(name)
		if utf8.ValidString(name) && Decode(Encode(name)) != name {
			t.Errorf("%q → %q → %q", name, Encode(name), Decode(Encode(name)))
		}
	})
}
