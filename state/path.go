package state

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
)

// Path is where an account's file lies in dir: a readable part and a short hash of the account, so that no two accounts share a file, also
// where case doesn't matter, and no account leads out of dir.
func Path(dir, account string) string { return base(dir, account) + ".db" }

// StatusPath is where an account's status file lies in dir.
func StatusPath(dir, account string) string { return base(dir, account) + ".json" }

func base(dir, account string) string {
	sum := sha256.Sum256([]byte(account))
	return filepath.Join(dir, readable(account)+"-"+hex.EncodeToString(sum[:6]))
}

const maxReadable = 60

// readable keeps what every file system takes.
func readable(account string) string {
	var b strings.Builder
	for _, r := range account {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '@', r == '.', r == '_', r == '-', r == '+', r == '=':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
		if b.Len() == maxReadable {
			break
		}
	}
	name := strings.TrimLeft(b.String(), ".-")
	if first, _, _ := strings.Cut(name, "."); deviceName(strings.ToUpper(first)) {
		name = "_" + name
	}
	if name == "" {
		name = "account"
	}
	return name
}

// deviceName says whether Windows takes a file of this name, whatever follows its first dot, for a device.
func deviceName(s string) bool {
	switch s {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(s) == 4 && (s[:3] == "COM" || s[:3] == "LPT") && s[3] >= '0' && s[3] <= '9'
}
