// Package strip takes what is too large out of a message, for a target that refuses the whole of it: a part whose octets are over a limit becomes
// a note that says what it was. The message as it came is the caller's to keep; a note without it would be a loss.
//
// # What is replaced
//
// A leaf of the MIME structure (RFC 2045, 2046) whose encoded body is longer than Options.Over, whatever its type: the limit is the server's, and
// a text of 40 MB is as large as a film. Attached messages (message/rfc822, message/global) are walked into, and one that is
// base64 as a whole is a leaf. A message without parts that is one large leaf becomes a note itself. Of the part's header, the fields that
// describe its octets make room for those of the note; the others stay, Content-ID and Content-Location among them, because other parts
// refer to them. Everything else stays octet for octet: the message's own header, boundaries, preambles, epilogues, the other parts.
//
// # What is left alone
//
//   - What is signed or encrypted, with all that is in it: multipart/signed and multipart/encrypted (RFC 1847), application/pkcs7-mime and what
//     a client takes for that (RFC 8551 3.10). Parts beside it are not, so that the attachment that a mailing list has put beside a signed
//     message can go. A DKIM signature over the body doesn't hold any longer when a part is gone; nothing can be done about that.
//   - A part whose header readers understand differently: a line that is no field, two different Content-Types, a multipart with no clear
//     boundary or with base64 or quoted-printable around it, one that is nested too deep. What lies in it stays; the parts beside it are looked at.
//   - The message, where readers differ about where a part ends: a boundary that is used for two multiparts that are open at the same time, a line that
//     begins with a delimiter and goes on (RFC 2046 5.1.1 lets a reader take it for one, most don't), too many parts.
//
// # The note
//
// It is text/plain and says in English what the part's name, type, size and SHA-256 were; the last two are of the decoded octets, so that they are
// those of the file. The part's header says the same to programs, in X-Poplift-Removed-Name, -Type, -Size and -SHA256. It holds no date and
// nothing of the run, because the same message under the same limit must always become the same octets: that is how the engine knows it again on the
// target. It is never longer than the smallest limit, and so never replaced itself.
package strip

import (
	"context"
	"errors"
	"fmt"

	"poplift/migrate"
)

// Options say what is too large. The zero value replaces nothing.
type Options struct {
	// Over is the size in octets, as encoded in the message, above which a part is replaced. Zero or less is off; less than
	// 4 KiB is taken for 4 KiB, because a note needs room too.
	Over int64
}

// minOver is what a note is never longer than.
const minOver = 4 << 10

// Removed is a part that a note stands for.
type Removed struct {
	// Name is the file's, in UTF-8 and fit to be shown; empty where the part has none. It can hold slashes: it is no path.
	Name string
	// Type is the media type in lower case, without parameters.
	Type string
	// Octets and Digest are of what the part held once its base64 or quoted-printable was undone.
	Octets int64
	Digest migrate.Digest
}

// Strip writes a message with notes in place of what is too large. It returns nil for a message that is left alone, because nothing in it is over the limit
// or because its structure isn't clear. Errors are of the context, the pool and the spools' files.
//
// body is read twice and stays the caller's. The new message isn't sealed, as one that a source has just read: the caller seals it and releases it. Memory
// does not depend on the message's size.
//
// pool should not be the one that body lies in: whoever waits for room that is given back only when he has gone on waits for ever.
func (o Options) Strip(ctx context.Context, pool *migrate.Pool, body *migrate.Spool) (*migrate.Spool, []Removed, error) {
	limit := max(o.Over, minOver)
	if o.Over <= 0 || body.Len() <= limit {
		return nil, nil, nil
	}
	leaves, err := scan(ctx, body, limit)
	if errors.Is(err, errUnclear) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look for large parts: %w", err)
	}
	if len(leaves) == 0 {
		return nil, nil, nil
	}
	out := pool.NewSpool(ctx)
	removed, err := rewrite(ctx, out, body, leaves)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("replace large parts: %w", err), out.Release())
	}
	return out, removed, nil
}
