package mailnet

import (
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
)

// bearer is a login by an OAuth 2 token: OAUTHBEARER (RFC 7628), or XOAUTH2, which came before it and which go-sasl has no client for.
// Both carry the account's name; with an AuthzID, that is the account to act for (a shared mailbox).
type bearer struct {
	mechanism string
	first     Secret
	decline   []byte // answers the server's description of what is wrong, after which it says its NO
}

func newBearer(mechanism string, c Credentials, token Secret, host string, port int) (sasl.Client, error) {
	account := c.AuthzID
	if account == "" {
		account = c.User
	}
	// ^A ends the fields of both; nothing else but a mistake puts a control into a name or a token.
	if strings.IndexFunc(account+token.Reveal(), func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return nil, errors.New("the user name or token holds a control character or a line end")
	}
	if mechanism == "XOAUTH2" {
		return &bearer{mechanism, NewSecret("user=" + account + "\x01auth=Bearer " + token.Reveal() + "\x01\x01"), []byte{}}, nil
	}
	account = strings.NewReplacer("=", "=3D", ",", "=2C").Replace(account) // a saslname (RFC 5801 section 4)
	o := &sasl.OAuthBearerOptions{Username: account, Token: token.Reveal(), Host: host, Port: port}
	_, first, err := sasl.NewOAuthBearerClient(o).Start()
	return &bearer{mechanism, NewSecret(string(first)), []byte{1}}, err
}

func (b *bearer) Start() (string, []byte, error) { return b.mechanism, []byte(b.first.Reveal()), nil }

func (b *bearer) Next([]byte) ([]byte, error) { return b.decline, nil }
