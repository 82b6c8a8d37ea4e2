package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// WriteHTML writes the page for people. The error is w's, or a mistake in the page itself.
func WriteHTML(w io.Writer, d Data) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("report page: %w", err)
	}
	v := newView(&d)
	v.Style, v.StyleHash = template.CSS(pageCSS), digest(pageCSS)
	v.Script, v.ScriptHash = template.JS(pageJS), digest(pageJS)
	out := bufio.NewWriterSize(w, 64<<10)
	if err := t.Execute(out, v); err != nil {
		return fmt.Errorf("report page: %w", err)
	}
	return out.Flush()
}

// digest is how a Content-Security-Policy names a script or style that it allows (CSP Level 2, section 4.2.5).
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
