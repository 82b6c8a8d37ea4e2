package main

import (
	"os"
	"path/filepath"
)

// homePlaces are where mail programs keep their mail below a home directory, on Linux (with Snap and Flatpak), on macOS and on Windows.
var homePlaces = []string{
	".thunderbird", ".mozilla-thunderbird", ".icedove", ".mozilla/seamonkey", "snap/thunderbird/common/.thunderbird",
	".var/app/org.mozilla.Thunderbird/.thunderbird", ".var/app/eu.betterbird.Betterbird/.thunderbird",
	"Library/Thunderbird", "Library/Application Support/SeaMonkey", "Library/Mail",
	"Maildir", "Mail", "mail", ".mail", "mbox",
	".local/share/local-mail", ".local/share/.local-mail.directory", ".kde/share/apps/kmail/mail", ".kde4/share/apps/kmail/mail",
	".local/share/evolution/mail/local", ".var/app/org.gnome.Evolution/data/evolution/mail/local", ".evolution/mail/local", "evolution/local",
	"Takeout", "Downloads/Takeout", "Documents/Outlook Files",
}

// settingsPlaces are the same below the directories that Windows has for programs' settings.
var settingsPlaces = []struct{ variable, place string }{
	{"APPDATA", "Thunderbird"}, {"APPDATA", "Betterbird"}, {"APPDATA", "Mozilla/SeaMonkey"}, {"APPDATA", "Claws-mail/Mail"},
	{"APPDATA", "The Bat!"}, {"APPDATA", "Qualcomm/Eudora"}, {"LOCALAPPDATA", "Microsoft/Windows Live Mail"},
	{"LOCALAPPDATA", "Microsoft/Windows Mail"}, {"LOCALAPPDATA", "Microsoft/Outlook"}, {"LOCALAPPDATA", "Identities"},
}

// usualPlaces are those of all that are there, each once.
func usualPlaces(getenv func(string) string) []string {
	var all []string
	if home, err := homeDir(getenv); err == nil {
		for _, p := range homePlaces {
			all = append(all, filepath.Join(home, filepath.FromSlash(p)))
		}
	}
	for _, p := range settingsPlaces {
		if dir := getenv(p.variable); dir != "" {
			all = append(all, filepath.Join(dir, filepath.FromSlash(p.place)))
		}
	}
	if user := getenv("USER"); user != "" {
		all = append(all, filepath.Join("/var/mail", filepath.Base(user)), filepath.Join("/var/spool/mail", filepath.Base(user)))
	}
	var out []string
	var seen []os.FileInfo
	for _, p := range all {
		info, err := os.Stat(p)
		if err != nil || isKMailChildren(p, out) || sameAsAny(info, seen) {
			continue
		}
		out, seen = append(out, p), append(seen, info)
	}
	return out
}

// sameAsAny says that a place was seen under another name: file systems that don't tell cases apart have Mail and mail in one.
func sameAsAny(info os.FileInfo, seen []os.FileInfo) bool {
	for _, s := range seen {
		if os.SameFile(info, s) {
			return true
		}
	}
	return false
}

// isKMailChildren says that a place is read with the folder beside it.
func isKMailChildren(p string, found []string) bool {
	if filepath.Base(p) != ".local-mail.directory" {
		return false
	}
	for _, f := range found {
		if f == filepath.Join(filepath.Dir(p), "local-mail") {
			return true
		}
	}
	return false
}
