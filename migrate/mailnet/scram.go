package mailnet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

// scramClient is SCRAM (RFC 5802, RFC 7677) without channel binding.
type scramClient struct {
	name string
	conv *scram.ClientConversation
}

func newSCRAM(name string, hash scram.HashGeneratorFcn, c Credentials, secret Secret) (sasl.Client, error) {
	client, err := hash.NewClient(c.User, secret.Reveal(), c.AuthzID)
	if err != nil {
		return nil, fmt.Errorf("%s: the user name or password can't be prepared (RFC 4013)", name) // err may quote it
	}
	return &scramClient{name, client.NewConversation()}, nil
}

func (s *scramClient) Start() (string, []byte, error) {
	first, err := s.conv.Step("")
	return s.name, []byte(first), err
}

// maxIterations bounds the work that a server may ask for: some ten seconds. OWASP advises 600,000 for SHA-256.
const maxIterations = 10_000_000

// Next also checks the server's own proof, in the last step.
func (s *scramClient) Next(challenge []byte) ([]byte, error) {
	if s.conv.Done() {
		return []byte{}, nil
	}
	for _, part := range strings.Split(string(challenge), ",") {
		if n, ok := strings.CutPrefix(part, "i="); ok {
			if i, err := strconv.Atoi(n); err != nil || i > maxIterations {
				return nil, fmt.Errorf("%s: the server asks for %.20q iterations", s.name, n)
			}
		}
	}
	out, err := s.conv.Step(string(challenge))
	return []byte(out), err
}

// ErrUnproven is a server that says that a login has succeeded and never proved that it knows the password.
var ErrUnproven = errors.New("the server did not prove that it knows the password")

// Proven is to be asked once the server has said that the login succeeded. A mechanism with which servers prove themselves (SCRAM) gives
// ErrUnproven when this one has not: it left its last step out. Others have nothing to prove.
func Proven(c sasl.Client) error {
	if s, ok := c.(*scramClient); ok && !s.conv.Valid() {
		return fmt.Errorf("%s: %w", s.name, ErrUnproven)
	}
	return nil
}
