package sieve

import (
	"slices"
	"strings"

	"github.com/foxcpp/go-sieve/parser"
)

// A maildrop has no envelope; what servers write down of it on delivery are these fields, the surest first.
var (
	senderFields    = []string{"return-path"}
	recipientFields = []string{"delivered-to", "x-original-to", "envelope-to", "x-envelope-to"}
)

// sender is the reverse-path. The null one is "", and known.
func (r *run) sender() (address, bool) {
	return r.envelopeAddress(r.script.opts.EnvelopeFrom, senderFields, "")
}

// recipient is the address that the message was delivered for.
func (r *run) recipient() (address, bool) {
	return r.envelopeAddress(r.script.opts.EnvelopeTo, recipientFields, r.script.opts.Account)
}

func (r *run) envelopeAddress(given string, fields []string, otherwise string) (address, bool) {
	s, known := given, given != ""
	for _, name := range fields {
		if found := r.header.named(name); !known && len(found) > 0 {
			s, known = found[0].unfolded(), true
		}
	}
	if !known {
		s, known = otherwise, otherwise != ""
	}
	if all := addresses(s); len(all) > 0 && all[0].valid() {
		return all[0], true
	}
	return address{text: strings.Trim(s, "<> \t")}, known
}

// envelopeTest is RFC 5228 5.4.
func (c *compiler) envelopeTest(t parser.Test) test {
	a := c.arguments("envelope", t.Position, t.Args, slices.Concat(matchTags, partTags)...)
	if !a.want(2) {
		return never
	}
	names, m, part := a.templates(0), a.matcher(a.templates(1)), a.addressPart()
	for i, name := range names {
		if s := strings.ToLower(name.text); len(name.parts) == 0 && s != "from" && s != "to" {
			c.errorf(c.elementAt(a.list[0], i), "there is no envelope part %q; there are from and to", name.text)
		}
	}
	return func(r *run) (bool, error) {
		return m.any(r, func(yield func(string) bool) {
			for _, name := range names {
				addr, known := address{}, false
				switch strings.ToLower(name.expand(r)) {
				case "from":
					addr, known = r.sender()
				case "to":
					addr, known = r.recipient()
				}
				s, ok := addr.part(part)
				if addr.text == "" && !addr.valid() {
					ok = true // the null reverse-path is the empty string, whatever part is asked for
				}
				if known && ok && (s != "" || m.how != "count") && !yield(s) {
					return
				}
			}
		})
	}
}
