package mailnet

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password or a token. Every way of printing it gives "***"; Reveal is the only way to its octets. The zero value is empty.
type Secret struct {
	// A pointer, because fmt prints an unexported field of a bigger struct without asking the field's type how: then it is an address.
	value *string
}

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal returns the secret itself, for the wire only.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is no secret at all.
func (s Secret) Empty() bool { return s.Reveal() == "" }

const redacted = "***"

// Format is for every verb: fmt would ask String for some only.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

func (Secret) String() string               { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
