package mailnet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

// Credentials is who logs in and how the secret is come by. The functions are called again for every connection, so that a token that
// has expired is replaced.
type Credentials struct {
	User string
	// AuthzID is the account to act as when User is a master or proxy user, or has a token for it too; empty otherwise (RFC 4616).
	AuthzID string
	// Password and Token: at least one is set. Token means OAuth 2 (OAUTHBEARER RFC 7628, XOAUTH2).
	Password, Token func(context.Context) (Secret, error)
	// Mechanism, in any case, forces one SASL mechanism, or "LOGIN-COMMAND" / "USER" / "APOP" for the protocol's own; empty picks the
	// best offered.
	Mechanism string
}

// preference is the order in which mechanisms are tried: those that don't send the password first.
var preference = []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"}

// Pick returns the SASL mechanism to use out of those offered, or "" when only the protocol's own login command is left.
func (c Credentials) Pick(offered []string) string {
	has := func(m string) bool {
		for _, o := range offered {
			if strings.EqualFold(o, m) {
				return true
			}
		}
		return false
	}
	if c.Mechanism != "" {
		return strings.ToUpper(c.Mechanism)
	}
	if c.Token != nil {
		if has("OAUTHBEARER") {
			return "OAUTHBEARER"
		}
		return "XOAUTH2" // asked for even when it is not offered: some servers hide it until TLS or for other clients
	}
	for _, m := range preference {
		if m == "LOGIN" && c.AuthzID != "" {
			continue // LOGIN can't carry an authorization identity
		}
		if has(m) {
			return m
		}
	}
	return ""
}

// ErrMechanism is a mechanism that poplift doesn't speak.
var ErrMechanism = errors.New("unknown SASL mechanism")

// Client returns the client side of a mechanism, with the secret asked for now. What its Start and Next return is secret as well: it must
// not be written anywhere but to the server. After the server has said that the login succeeded, Proven is to be asked.
func (c Credentials) Client(ctx context.Context, mechanism, host string, port int) (sasl.Client, error) {
	mechanism = strings.ToUpper(mechanism)
	ask := c.Password
	if mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER" {
		ask = c.Token
	}
	if ask == nil {
		return nil, fmt.Errorf("%s needs a secret that was not given", mechanism)
	}
	secret, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	switch mechanism {
	case "PLAIN":
		if strings.ContainsRune(c.User+c.AuthzID+secret.Reveal(), 0) {
			return nil, errors.New("a user name or password with a NUL can't be sent by PLAIN (RFC 4616)")
		}
		return sasl.NewPlainClient(c.AuthzID, c.User, secret.Reveal()), nil
	case "LOGIN":
		if c.AuthzID != "" {
			return nil, errors.New("LOGIN can't log in for another user")
		}
		return sasl.NewLoginClient(c.User, secret.Reveal()), nil
	case "OAUTHBEARER", "XOAUTH2":
		return newBearer(mechanism, c, secret, host, port)
	case "SCRAM-SHA-256":
		return newSCRAM(mechanism, scram.SHA256, c, secret)
	case "SCRAM-SHA-1":
		return newSCRAM(mechanism, scram.SHA1, c, secret)
	}
	return nil, fmt.Errorf("%w: %s", ErrMechanism, mechanism)
}
