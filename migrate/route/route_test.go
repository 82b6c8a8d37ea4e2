package route

import (
	"strings"
	"testing"

	"poplift/migrate"
)

// folders reads "Path/Below{role}" separated by line ends.
func folders(lines string) []migrate.SourceFolder {
	var out []migrate.SourceFolder
	for line := range strings.Lines(lines) {
		left, _, _ := strings.Cut(line, " → ")
		path, role, _ := strings.Cut(strings.TrimSpace(left), "{")
		if path == "" && role == "" {
			continue
		}
		f := migrate.SourceFolder{Source: "s", Role: migrate.Role(strings.TrimSuffix(role, "}")), Messages: 1}
		if source, rest, ok := strings.Cut(path, ": "); ok {
			f.Source, path = source, rest
		}
		if path != "INBOX" {
			f.Path = strings.Split(path, "/")
		}
		out = append(out, f)
	}
	return out
}

// check compares lines "Path/Below{role} → name \Role" with what becomes of the left sides. "new" folders have a "+" before the name, left out ones a
// "-" and the reason.
func check(t *testing.T, o Options, l migrate.Layout, lines string) {
	t.Helper()
	from := folders(lines)
	ways := route(t, o, l, from)
	i := 0
	for line := range strings.Lines(lines) {
		left, want, ok := strings.Cut(strings.TrimSpace(line), " → ")
		if !ok {
			continue
		}
		w := ways[i]
		i++
		got := w.Name
		if w.Role != "" && w.Role != migrate.RoleInbox {
			got += " " + roleText(w.Role)
		}
		if w.Create {
			got = "+ " + got
		}
		if w.Excluded != "" {
			got = "- " + w.Excluded
		}
		if got != want {
			t.Errorf("%s → %s (%s), want %s", left, got, w.Why, want)
		}
	}
	if i == 0 || i != len(ways) {
		t.Errorf("%d lines, %d ways", i, len(ways))
	}
	second := route(t, o, made(l, ways, true, ""), from)
	for i, w := range ways {
		if second[i].Name != w.Name || second[i].Create {
			t.Errorf("the second run has %+v for %+v", second[i], w)
		}
	}
}

func serverNamed(t *testing.T, name string) migrate.Layout {
	t.Helper()
	for _, s := range servers() {
		if s.name == name {
			return s.layout
		}
	}
	t.Fatalf("no server %q", name)
	return migrate.Layout{}
}

// Trees as clients have them, on servers as they are.
func TestRealTrees(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		server string
		lines  string
	}{
		"Thunderbird in French to Dovecot": {"dovecot maildir", `
			INBOX{inbox} → INBOX
			INBOX/Clients → + INBOX/Clients
			Sent{sent} → Sent \Sent
			Sent/2019 → + Sent/2019
			Drafts{drafts} → Drafts \Drafts
			Templates{templates} → + Templates \Templates
			Trash{trash} → Trash \Trash
			Junk{junk} → Junk \Junk
			Archives{archive} → Archive \Archive
			Archives/2020 → + Archive/2020
			Unsent Messages{outbox} → + Outbox \Outbox
			Éléments envoyés → + Éléments envoyés
			Factures/v1.0 → + Factures/v1․0`},
		"the same to Courier": {"courier", `
			INBOX{inbox} → INBOX
			INBOX/Clients → + INBOX.Clients
			Sent{sent} → + INBOX.Sent \Sent
			Sent/2019 → + INBOX.Sent.2019
			Drafts{drafts} → + INBOX.Drafts \Drafts
			Archives{archive} → + INBOX.Archives \Archive
			Archives/2020 → + INBOX.Archives.2020
			Éléments envoyés → + INBOX.Éléments envoyés
			📁 Idées → + INBOX.ˈ1F4C1ˈ Idées
			Factures/v1.0 → + INBOX.Factures.v1․0`},
		"the same to Cyrus with dots": {"cyrus, dots", `
			INBOX{inbox} → INBOX
			INBOX/INBOX → + INBOX.ˈINBOX
			Sent{sent} → INBOX.Sent \Sent
			Archives{archive} → INBOX.Archive \Archive
			Archives/2020 → + INBOX.Archive.2020
			Quoi ?! → + INBOX.Quoi ?ǃ
			<urgent> → + INBOX.﹤urgent﹥`},
		"a Maildir in French": {"dovecot maildir", `
			INBOX → INBOX
			Éléments envoyés → Sent \Sent
			Éléments envoyés/2019 → + Sent/2019
			Éléments supprimés → Trash \Trash
			Brouillons → Drafts \Drafts
			Courrier indésirable → Junk \Junk
			Archives → Archive \Archive`},
		"Outlook in German to Gmail": {"gmail", `
			INBOX → INBOX
			Gesendete Elemente → [Gmail]/Gesendet \Sent
			Gelöschte Elemente → [Gmail]/Papierkorb \Trash
			Entwürfe → [Gmail]/Entwürfe \Drafts
			Junk-E-Mail → [Gmail]/Spam \Junk
			Archiv → + Archiv \Archive
			Postausgang → + Postausgang
			Projekte/KUKA → + Projekte/KUKA
			Kuka → + Kuka`},
		"German to Exchange, which marks nothing": {"exchange", `
			Gesendet → Sent Items \Sent
			Papierkorb → Deleted Items \Trash
			Entwürfe → Drafts \Drafts
			Spam → Junk Email \Junk
			Archiv → Archive \Archive
			a\b → + a∖b
			Calendar → + Calendar/Calendar`},
		"Hungarian": {"dovecot sdbox", `
			Elküldöttek → Sent \Sent
			Piszkozatok → Drafts \Drafts
			Kuka → Trash \Trash`},
		"Japanese to Cyrus": {"cyrus, slashes", `
			送信済みアイテム → Sent \Sent
			下書き → Drafts \Drafts
			ごみ箱 → Trash \Trash
			迷惑メール → Junk \Junk
			アーカイブ/２０１９年 → + Archive/２０１９年
			アーカイブ → Archive \Archive
			仕事！ → + 仕事！`},
		"what is never guessed": {"dovecot maildir", `
			Lixo → + Lixo
			Sampah → + Sampah
			Søppel → + Søppel
			Отпад → + Отпад
			Giden → + Giden
			Enviadas → Sent \Sent
			Rascunhos → Drafts \Drafts`},
		"a language outvoted": {"dovecot maildir", `
			Gesendet → Sent \Sent
			Papierkorb → Trash \Trash
			Entwürfe → Drafts \Drafts
			Basura → + Basura`},
		"one name for a role, the others keep theirs": {"dovecot maildir", `
			Gesendet → + Gesendet
			Sent → Sent \Sent
			Sent Items → + Sent Items
			Drafts → Drafts \Drafts
			Old PC/Sent → + Old PC/Sent
			Old PC/Sent/2001 → + Old PC/Sent/2001
			INBOX/Trash → Trash \Trash`},
		"the client's word before names": {"dovecot maildir", `
			Postausgang{sent} → Sent \Sent
			Sent → Sent \Sent
			Trash → Trash \Trash`},
		"accounts of one client": {"dovecot maildir", `
			me@old.example/Inbox{inbox} → INBOX
			me@old.example/Inbox/Lists → + INBOX/Lists
			me@old.example/Sent{sent} → Sent \Sent
			me@old.example/Sent/2019 → + Sent/2019
			Local Folders/Sent{sent} → Sent \Sent
			Local Folders/Sent/2019 → + Sent/2019
			Local Folders/Unsent Messages{outbox} → + Outbox \Outbox
			Local Folders/Work → + Local Folders/Work`},
		"mail that waits in another folder": {"dovecot maildir", `
			Work → + Work
			Work{outbox} → + Outbox \Outbox
			Work/Below → + Work/Below
			Drafts{drafts} → Drafts \Drafts
			Drafts{outbox} → + Outbox \Outbox`},
		"Apple Mail": {"dovecot maildir", `
			INBOX{inbox} → INBOX
			Sent Messages{sent} → Sent \Sent
			Deleted Messages{trash} → Trash \Trash
			[Gmail]/All Mail{archive} → Archive \Archive
			[Gmail]/Important → + [Gmail]/Important`},
		"a backup of Gmail's own tree": {"cyrus, slashes", `
			[Gmail]/Gesendet → Sent \Sent
			[Gmail]/Papierkorb → Trash \Trash
			[Gmail]/Alle Nachrichten → + [Gmail]/Alle Nachrichten`},
		"Takeout to Gmail": {"gmail", `
			INBOX{inbox} → INBOX
			Sent{sent} → [Gmail]/Gesendet \Sent
			Junk{junk} → [Gmail]/Spam \Junk
			Archive{archive} → + Archive \Archive
			Reisen/Japan → + Reisen/Japan
			[Gmail] → + [Gmail]/[Gmail]`},
		"two sources with one folder": {"courier", `
			a: Gesendet → + INBOX.Sent \Sent
			b: Sent{sent} → + INBOX.Sent \Sent
			b: Gesendet → + INBOX.Sent \Sent
			a: Work → + INBOX.Work
			b: Work → + INBOX.Work`},
		"nothing marked, nothing there": {"flat", `
			INBOX → INBOX
			Gesendet → + Gesendet \Sent
			Gesendet/2019 → + Gesendet›2019
			a/b/c → + a›b›c
			a›b → + aˈ›b
			INBOX/x → + INBOX›x
			b∕c → + bˈ∕c`},
		"mail or folders, never both": {"mailutils", `
			INBOX → INBOX
			INBOX/x → + INBOX›x
			Sent{sent} → + Sent \Sent
			Sent/2019 → + Sent›2019
			Work → + Work/Work
			Work/Clients → + Work/Clients/Clients
			Work/Clients/A → + Work/Clients/A
			Alone → + Alone`},
		"names one text apart": {"dovecot maildir", `
			Work → + Work
			work → + work-be7d08f0
			É → + É
			E` + "\u0301" + ` → + É
			straße → + straße-05a7bdfa
			STRASSE → + STRASSE`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, Options{}, serverNamed(t, c.server), c.lines)
		})
	}
}
