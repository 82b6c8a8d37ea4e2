package jobs

import (
	"net/mail"
	"strings"

	"poplift/migrate/mailnet"
)

// options resolves what is said about messages, for an account or for all of a job.
func (l *loader) options(s *levelSpec, f *facts, e entry) *Options {
	o := &Options{
		Map: texts(s.Map), MapFile: l.pathFor(s.MapFile, f, e, true), Include: texts(s.Include), Exclude: texts(s.Exclude),
		Seen: textOf(s.Seen), Since: textOf(s.Since), Until: textOf(s.Until), MaxSize: textOf(s.MaxSize), Dedupe: textOf(s.Dedupe),
		Labels: textOf(s.Labels), MboxFormat: textOf(s.Mbox), IncludeDeleted: truth(s.Deleted), KeepClientHeaders: truth(s.Headers),
		StripAttachmentsOver: textOf(s.StripOver), Sieve: l.pathFor(s.Sieve, f, e, true), Keep: l.pathFor(s.Keep, f, e, false),
	}
	if o.Since != "" && o.Until != "" {
		since, _ := ParseWhen(o.Since, l.now)
		until, _ := ParseWhen(o.Until, l.now)
		if !since.Before(until) {
			l.add(later(s.Since, s.Until).at, "", "since %s is not before until %s, so that nothing would be copied", o.Since, o.Until)
		}
	}
	if o.MaxSize != "" && o.StripAttachmentsOver != "" && size(s.StripOver) >= size(s.MaxSize) {
		l.add(later(s.MaxSize, s.StripOver).at, "", "max_size %s leaves out every message that strip_attachments_over %s is for",
			o.MaxSize, o.StripAttachmentsOver)
	}
	if s.MaxSize.has() && size(s.MaxSize) == 0 {
		l.add(s.MaxSize.at, "leave it out for no limit", "max_size 0 leaves everything out")
	}
	o.Relay = l.relay(&s.Relay, s.Sieve.has(), f, e)
	return o
}

// later is the one of two values that was written further down, if that can be told.
func later(a, b leaf) leaf {
	if a.at.in == b.at.in && (a.at.line > b.at.line || a.at.line == b.at.line && a.at.col > b.at.col) {
		return a
	}
	return b
}

// relay resolves where leftovers go. With a Sieve script the recipients may be those of its redirects.
func (l *loader) relay(s *relaySpec, sieve bool, f *facts, e entry) *Relay {
	if !s.URL.has() {
		for _, v := range []leaf{s.As, s.From, s.Max, s.Yes, s.Password, s.Token, {said: s.To.said, text: "to", at: s.To.at}} {
			if v.has() && !s.URL.bad && !s.URL.said && e.sound {
				l.add(v.at, "say url: smtp://USER@HOST", "a relay without a url")
				break
			}
		}
		return nil
	}
	text, ok := l.expanded(s.URL, f, e, escapeURL)
	if !ok {
		return nil
	}
	a, bad := parseAddress(text, asRelay, s.URL.at.in.dir)
	if bad != nil {
		l.add(where(s.URL, e), bad.hint, "%s", bad.msg)
		return nil
	}
	r := &Relay{As: textOf(s.As), Max: count(s.Max), Yes: truth(s.Yes)}
	r.Endpoint = Endpoint{Scheme: a.scheme, Host: a.host, Port: a.port, User: a.user, Login: a.user, Kind: a.kind, Path: a.path,
		Mechanism: strings.ToUpper(textOf(s.Auth)), AllowCleartext: truth(s.AllowCleartext),
		TLS: mailnet.TLSOptions{CAFile: l.existing(s.TLSCA), Pins: texts(s.TLSPin), Insecure: truth(s.TLSInsecure)}}
	r.Password, _ = l.secret(s.Password, f, e)
	r.Token, _ = l.secret(s.Token, f, e)
	for _, v := range []leaf{s.Password, s.Token} {
		if v.has() && r.User == "" {
			l.add(s.URL.at, "write it as smtp://USER@HOST", "the relay has a secret and no user")
		}
	}
	if s.From.has() {
		r.From = l.mailAddress(s.From, f, e, false)
	} else if !s.From.bad && e.sound {
		l.add(s.URL.at, "say from:, an address that a person reads: it is the sender, and stands in what is relayed", "the relay has no from")
	}
	for _, v := range s.To.items {
		if v.has() {
			r.To = append(r.To, l.mailAddress(v, f, e, strings.HasPrefix(r.Scheme+r.Kind, "lmtp")))
		}
	}
	if len(s.To.items) == 0 && !sieve && e.sound {
		l.add(s.URL.at, "say to:, or sieve: with a script that redirects", "the relay has nobody to send to")
	}
	return r
}

// mailAddress is an address of a person; for LMTP a bare user is enough.
func (l *loader) mailAddress(v leaf, f *facts, e entry, bare bool) string {
	text, ok := l.expanded(v, f, e, nil)
	if !ok || bare && !strings.Contains(text, "@") && printable(text) {
		return text
	}
	a, err := mail.ParseAddress(text)
	if err != nil {
		l.add(where(v, e), "", "%q is no mail address", text)
		return ""
	}
	quoted := (&mail.Address{Address: a.Address}).String() // as RFC 5321 4.1.2 writes it
	return strings.TrimSuffix(strings.TrimPrefix(quoted, "<"), ">")
}
