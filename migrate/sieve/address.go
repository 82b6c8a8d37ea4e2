package sieve

import (
	"slices"
	"strings"

	"github.com/foxcpp/go-sieve/parser"
)

// partTags choose what of an address is compared (RFC 5228 2.7.4, RFC 5233).
var partTags = []string{"all", "localpart", "domain", "user", "detail"}

// address is one address of a field. go-sieve leaves these to net/mail, which refuses a whole field for one fault, or for one octet above
// 127, and would be given phrases with their encoded words decoded, commas and all.
type address struct {
	local, domain string // both empty where the text is no address
	text          string // what stands there
}

func (a address) valid() bool { return a.local != "" && a.domain != "" }

// part is what :all, :localpart, … mean of the address. What is no address has none but :all.
func (a address) part(which string) (string, bool) {
	user, detail, sub := strings.Cut(a.local, "+")
	switch {
	case which == "all" && a.valid():
		return quoteLocal(a.local) + "@" + a.domain, true
	case which == "all":
		return a.text, true
	case !a.valid():
		return "", false
	case which == "domain":
		return a.domain, true
	case which == "user":
		return user, true
	case which == "detail":
		return detail, sub
	default:
		return a.local, true
	}
}

func quoteLocal(s string) string {
	if strings.ContainsAny(s, " \t\"(),:;<>@[]\\") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return s
}

// addresses reads an address list (RFC 5322 3.4) as far as it makes sense. Names of groups, phrases and comments are passed over, and so are
// source routes.
func addresses(list string) []address {
	var out []address
	p := addressParser{in: list, lastAngle: strings.LastIndexByte(list, '>'), lastBracket: strings.LastIndexByte(list, ']')}
	for p.at < len(p.in) {
		if a, ok := p.next(); ok {
			out = append(out, a)
		}
	}
	return out
}

// addressParser walks over an address list. What is opened and never closed is known beforehand, or remembered, so that the end isn't searched
// again and again.
type addressParser struct {
	in                     string
	at                     int
	lastAngle, lastBracket int
	unquoted               bool
}

// next reads up to the end of one mailbox. There is none between two commas, or at the end of a group.
func (p *addressParser) next() (address, bool) {
	start := p.at
	var plain strings.Builder // without comments, quoted strings marked
	angle, angled := "", false
	for p.at < len(p.in) {
		switch c := p.in[p.at]; c {
		case ',', ';':
			p.at++
			return p.mailbox(p.in[start:p.at-1], plain.String(), angle, angled)
		case ':': // the end of a group's name
			p.at++
			start = p.at
			plain.Reset()
		case '(':
			p.comment()
		case '"':
			plain.WriteString(p.quoted())
		case '[':
			plain.WriteString(p.bracketed())
		case '<':
			angle, angled = p.inAngles(), true
		default:
			plain.WriteByte(c)
			p.at++
		}
	}
	return p.mailbox(p.in[start:], plain.String(), angle, angled)
}

func (p *addressParser) mailbox(text, plain, angle string, angled bool) (address, bool) {
	text = strings.TrimSpace(text)
	spec := plain
	if angled {
		spec = angle
	}
	a := addrSpec(spec)
	a.text = text
	return a, text != ""
}

// comment skips a comment, with those inside it. One that is never closed goes to the end.
func (p *addressParser) comment() {
	for depth := 0; p.at < len(p.in); p.at++ {
		switch p.in[p.at] {
		case '\\':
			p.at++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.at++
				return
			}
		}
	}
	p.at = len(p.in)
}

// quoted takes a quoted string, with its quotes. One that is never closed is just a quote.
func (p *addressParser) quoted() string {
	for i := p.at + 1; i < len(p.in) && !p.unquoted; i++ {
		switch p.in[i] {
		case '\\':
			i++
		case '"':
			s := p.in[p.at : i+1]
			p.at = i + 1
			return s
		}
	}
	p.unquoted = true
	p.at++
	return ""
}

// bracketed takes a domain literal, with its brackets.
func (p *addressParser) bracketed() string {
	end := p.at + 1
	if p.at < p.lastBracket {
		end += strings.IndexByte(p.in[p.at:], ']')
	}
	s := p.in[p.at:end]
	p.at = end
	return s
}

// inAngles takes what stands in <>, without comments and without a source route (RFC 5322 4.4: "@a,@b:"). One that is never closed ends at the
// next comma.
func (p *addressParser) inAngles() string {
	var b strings.Builder
	p.at++
	closed := p.at <= p.lastAngle
	for p.at < len(p.in) {
		switch c := p.in[p.at]; {
		case c == '>':
			p.at++
			return withoutRoute(b.String())
		case c == ',' && !closed:
			return withoutRoute(b.String())
		case c == '(':
			p.comment()
		case c == '"':
			b.WriteString(p.quoted())
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	return withoutRoute(b.String())
}

func withoutRoute(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "@") {
		if _, rest, ok := strings.Cut(s, ":"); ok {
			return rest
		}
	}
	return s
}

// addrSpec splits local@domain. White space may stand around the "@" and the dots, and nowhere else.
func addrSpec(s string) address {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return address{}
	}
	local, ok := localPart(s[:at])
	domain := withoutSpaces(s[at+1:])
	if !ok || domain == "" || local == "" || strings.ContainsAny(domain, " \t\"<>@") {
		return address{}
	}
	return address{local: local, domain: domain}
}

// localPart unquotes a local part, which may be quoted as a whole.
func localPart(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		s = withoutSpaces(s)
		return s, !strings.ContainsAny(s, " \t\"<>@")
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// withoutSpaces removes white space around dots (RFC 5322 4.4).
func withoutSpaces(s string) string {
	s = strings.TrimSpace(s)
	if !strings.ContainsAny(s, " \t") {
		return s
	}
	words := strings.Split(s, ".")
	for i, w := range words {
		words[i] = strings.TrimSpace(w)
	}
	return strings.Join(words, ".")
}

// addressFields hold addresses and nothing else. Of other fields, only what is an address is compared: RFC 5228 5.1 allows the address test
// for fields that hold addresses, and servers differ in which they take for such.
var addressFields = []string{"from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender",
	"resent-reply-to", "delivered-to", "x-original-to", "return-path", "errors-to", "apparently-to", "disposition-notification-to", "mail-followup-to"}

// addressPart is the ADDRESS-PART of a test.
func (a *arguments) addressPart() string {
	for _, tag := range partTags {
		if a.has(tag) {
			return tag
		}
	}
	return "all"
}

// addressTest is RFC 5228 5.1.
func (c *compiler) addressTest(t parser.Test) test {
	a := c.arguments("address", t.Position, t.Args, slices.Concat(matchTags, partTags, []string{"index", "last"})...)
	if !a.want(2) {
		return never
	}
	fields, m, part := a.fields(a.templates(0)), a.matcher(a.templates(1)), a.addressPart()
	return func(r *run) (bool, error) {
		return m.any(r, func(yield func(string) bool) {
			for _, f := range fields(r) {
				for _, addr := range f.addresses(r) {
					s, ok := addr.part(part)
					if !addr.valid() && (m.how == "count" || !slices.Contains(addressFields, f.name)) {
						continue
					}
					if ok && !yield(s) {
						return
					}
				}
			}
		})
	}
}

// addresses are those in the field.
func (f *field) addresses(r *run) []address {
	r.charge(len(f.raw), 8)
	return addresses(f.unfolded())
}
