package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// fillAddresses puts the servers' addresses into the jobs files of a script.
func fillAddresses(dir string, s *servers) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		text = []byte(strings.NewReplacer("${POPADDR}", s.pop.Addr, "${IMAPADDR}", s.imap.Addr).Replace(string(text)))
		if err := errors.Join(os.WriteFile(f, text, 0o600), os.Chmod(f, 0o600)); err != nil {
			return err
		}
	}
	return nil
}
