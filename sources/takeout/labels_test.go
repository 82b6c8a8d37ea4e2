package takeout

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"poplift/sources/filestore"
)

func TestParseLabels(t *testing.T) {
	for field, want := range map[string][]string{
		"":                               nil,
		"Inbox,Important,Unread,takeout": {"Inbox", "Important", "Unread", "takeout"},
		"Inbox, Sent ,,Inbox":            {"Inbox", "Sent"},
		`Inbox,"a, b",c`:                 {"Inbox", "a, b", "c"},
		`"a ""b"" c",d`:                  {`a "b" c`, "d"},
		`"open, to the end`:              {"open, to the end"},
		"Inbox,Some\r\n label,x":         {"Inbox", "Some label", "x"},
		"=?UTF-8?Q?Archived,=E2=98=AF,\\'single-quote,takeout?=":                                                     {"Archived", "☯", "'single-quote", "takeout"},
		"=?UTF-8?Q?1.Organiza=C4=8Dn=C3=AD,\"3._Culture,_Hle?=\r\n =?UTF-8?Q?d=C3=A1n=C3=AD_=C4=8Dasu\",Important?=": {"1.Organizační", "3. Culture, Hledání času", "Important"},
		"=?UTF-8?Q?Bo=C3?= =?utf-8?q?=AEte_de_r=C3=A9ception?=":                                                      {"Boîte de réception"},
		"=?UTF-8?B?UG9zdGVpbmdhbmcs?==?UTF-8?B?R2XDtmZmbmV0?=":                                                       {"Posteingang", "Geöffnet"},
		"=?ISO-8859-1?Q?Entw=FCrfe?=,x":                                                                              {"Entwürfe", "x"},
		"a =?UTF-8?Q?=C3=A9?= b":                                                                                     {"a é b"},
		"=?broken?,=?UTF-8?X?a?=,=?UTF-8?B?!?=":                                                                      {"=?broken?", "=?UTF-8?X?a?=", "=?UTF-8?B?!?="},
		"=?UTF-8?Q?=C3?=":                                                                                            {"Ã"},
	} {
		if got := parseLabels(field); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
}

func TestMeanings(t *testing.T) {
	for label, want := range map[string]meaning{
		"Inbox": isInbox, "INBOX": isInbox, "Posteingang": isInbox, "Boîte de réception": isInbox, "Recibidos": isInbox, "受信トレイ": isInbox,
		"[Gmail]/Sent Mail": isSent, "[Google Mail]/Bin": isTrash, "[Imap]/Drafts": isDrafts, "Envoyé": isSent, "Archivés": isArchived,
		"Geöffnet": isOpened, "Non lus": isUnread, "Starred": isStarred, "Gönderilmiş Postalar": isSent, "GÖNDERİLMİŞ POSTALAR": isSent,
		"حذف\u200cشده\u200cها": isTrash, "المهـملات": isTrash, "Safata d’entrada": isInbox, "Chat": isChat, "IMAP_$Forwarded": isKeyword, "^DELETED": isNoise,
		"Category Updates": isCategory, "Categoría: Foros": isCategory, "Kategorie_Soziale Netzwerke": isCategory, "Catégorie\u00a0: Réseaux": isCategory,
		"Category theory": isFolder, "Category": isFolder, "takeout": isFolder, "Work/Inbox": isFolder, "Sent/2019": isFolder, "": isFolder, "^": isFolder,
	} {
		if got := meaningOf(label); got != want {
			t.Errorf("%q: %d, want %d", label, got, want)
		}
	}
}

// TestNoWordMeansTwoThings: a list is read into a map, so that a word in two lists would mean now this, now that.
func TestNoWordMeansTwoThings(t *testing.T) {
	seen := map[string]meaning{}
	for m, list := range vocabulary {
		for _, w := range strings.Split(list, "|") {
			w = strings.TrimSpace(w)
			if other, ok := seen[fold(w)]; ok && other != m {
				t.Errorf("%q is in list %d and %d", w, m, other)
			}
			seen[fold(w)] = m
			if w == "" || !utf8.ValidString(w) || strings.ContainsRune(w, utf8.RuneError) {
				t.Errorf("word %q in list %d", w, m)
			}
			if meaningOf(w) != m || meaningOf(strings.ToUpper(w)) != m && !strings.ContainsAny(w, "iı") {
				t.Errorf("%q isn't found again in list %d", w, m)
			}
		}
	}
}

func FuzzLabels(f *testing.F) {
	f.Add("Inbox,\"a, b\",=?UTF-8?Q?Hle?=\r\n =?UTF-8?Q?d=C3=A1n?=")
	f.Add("=?UTF-8?B?UG9zdA==?=,^x,IMAP_Junk,Category Updates")
	f.Fuzz(func(t *testing.T, field string) {
		labels := parseLabels(field)
		for _, l := range labels {
			if l == "" {
				t.Error("an empty label")
			}
			filestore.Keyword(l)
		}
		s := sortLabels(labels)
		if places := s.folders(); len(places) == 0 {
			t.Error("no folder")
		}
		unique(append(s.flags(true), s.keywords...))
	})
}
