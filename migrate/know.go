package migrate

import (
	"errors"
	"strings"
)

// know notes of a leftover what a person knows it by.
func (r *Record) know(body *Spool) {
	if body == nil || r.MessageID != "" || r.Subject != "" {
		return
	}
	h := &headerOnly{}
	body.WriteTo(h) // it stops at the header's end with an error of its own
	for line := range strings.SplitSeq(unfold.Replace(h.text.String()), "\r\n") {
		if line == "" {
			return // a header of nothing
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, "Message-ID") && r.MessageID == "":
			r.MessageID = known(value)
		case strings.EqualFold(name, "Subject") && r.Subject == "":
			r.Subject = known(value)
		}
	}
}

// known bounds what is kept of a field.
func known(value string) string {
	value = strings.TrimSpace(value)
	return strings.ToValidUTF8(value[:min(len(value), maxKnown)], "\uFFFD")
}

var unfold = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ")

// maxKnown is the longest line that RFC 5322 allows; maxHeader is how much of a header is looked at.
const maxKnown, maxHeader = 998, 64 << 10

// headerOnly takes a message in until its header ends.
type headerOnly struct{ text strings.Builder }

var errHeaderEnds = errors.New("the header ends")

func (h *headerOnly) Write(p []byte) (int, error) {
	h.text.Write(p)
	if h.text.Len() > maxHeader || strings.Contains(h.text.String(), "\r\n\r\n") {
		return 0, errHeaderEnds
	}
	return len(p), nil
}
