package mailnet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

func secretOf(s string) func(context.Context) (Secret, error) {
	return func(context.Context) (Secret, error) { return NewSecret(s), nil }
}

func TestPick(t *testing.T) {
	password := Credentials{User: "me", Password: secretOf("pw")}
	proxy := Credentials{User: "admin", AuthzID: "me", Password: secretOf("pw")}
	token := Credentials{User: "me", Token: secretOf("tok"), Password: secretOf("pw")}
	forced := Credentials{User: "me", Mechanism: "plain", Password: secretOf("pw")}
	for _, tt := range []struct {
		c       Credentials
		offered string
		want    string
	}{
		{password, "PLAIN LOGIN", "PLAIN"},
		{password, "LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2", "SCRAM-SHA-256"},
		{password, "plain scram-sha-1", "SCRAM-SHA-1"},
		{password, "SCRAM-SHA-256-PLUS GSSAPI", ""},
		{password, "LOGIN", "LOGIN"},
		{password, "XOAUTH2 OAUTHBEARER", ""},
		{password, "", ""},
		{proxy, "LOGIN PLAIN", "PLAIN"},
		{proxy, "LOGIN", ""},
		{proxy, "SCRAM-SHA-1 PLAIN", "SCRAM-SHA-1"},
		{token, "PLAIN XOAUTH2 OAUTHBEARER", "OAUTHBEARER"},
		{token, "PLAIN XOAUTH2", "XOAUTH2"},
		{token, "PLAIN", "XOAUTH2"},
		{forced, "SCRAM-SHA-256", "PLAIN"},
	} {
		if got := tt.c.Pick(strings.Fields(tt.offered)); got != tt.want {
			t.Errorf("%+v of %q: %q, want %q", tt.c.User, tt.offered, got, tt.want)
		}
	}
}

// TestExchanges plays the server's challenges and compares each response.
func TestExchanges(t *testing.T) {
	for _, tt := range []struct {
		mechanism  string
		c          Credentials
		first      string
		challenges []string
		responses  []string
	}{
		{"PLAIN", Credentials{User: "me", Password: secretOf("p w")}, "\x00me\x00p w", nil, nil},
		{"plain", Credentials{User: "admin", AuthzID: "me", Password: secretOf("pw")}, "me\x00admin\x00pw", nil, nil},
		{"LOGIN", Credentials{User: "me", Password: secretOf("pw")}, "me", []string{"Password:"}, []string{"pw"}},
		{
			"OAUTHBEARER", Credentials{User: "me,=@x", Token: secretOf("tok")}, "n,a=me=2C=3D@x,\x01host=h\x01port=993\x01auth=Bearer tok\x01\x01",
			[]string{`{"status":"invalid_token"}`}, []string{"\x01"},
		},
		{
			"XOAUTH2", Credentials{User: "me", Token: secretOf("tok")}, "user=me\x01auth=Bearer tok\x01\x01",
			[]string{`{"status":"400"}`}, []string{""},
		},
		{"XOAUTH2", Credentials{User: "me", AuthzID: "shared", Token: secretOf("tok")}, "user=shared\x01auth=Bearer tok\x01\x01", nil, nil},
	} {
		client, err := tt.c.Client(context.Background(), tt.mechanism, "h", 993)
		if err != nil {
			t.Errorf("%s: %v", tt.mechanism, err)
			continue
		}
		name, first, err := client.Start()
		if err != nil || name != strings.ToUpper(tt.mechanism) || string(first) != tt.first {
			t.Errorf("%s: %q, %q, %v, want %q", tt.mechanism, name, first, err, tt.first)
		}
		for i, challenge := range tt.challenges {
			if got, err := client.Next([]byte(challenge)); err != nil || string(got) != tt.responses[i] || got == nil {
				t.Errorf("%s: %q → %q, %v, want %q", tt.mechanism, challenge, got, err, tt.responses[i])
			}
		}
		if err := Proven(client); err != nil {
			t.Errorf("%s: %v", tt.mechanism, err)
		}
		if s := fmt.Sprintf("%v %+v", client, client); strings.HasPrefix(tt.mechanism, "X") && strings.Contains(s, "tok") {
			t.Errorf("%s prints its token: %s", tt.mechanism, s)
		}
	}
}

func TestClientErrors(t *testing.T) {
	gone := errors.New("the command failed")
	failing := func(context.Context) (Secret, error) { return Secret{}, gone }
	for _, tt := range []struct {
		mechanism string
		c         Credentials
		says      string
	}{
		{"PLAIN", Credentials{User: "me"}, "needs a secret"},
		{"XOAUTH2", Credentials{User: "me", Password: secretOf("hunter2")}, "needs a secret"},
		{"PLAIN", Credentials{User: "me", Password: failing}, gone.Error()},
		{"PLAIN", Credentials{User: "me", Password: secretOf("hunter2\x00x")}, "NUL"},
		{"LOGIN", Credentials{User: "me", AuthzID: "you", Password: secretOf("hunter2")}, "another user"},
		{"XOAUTH2", Credentials{User: "me", Token: secretOf("hunter2\x01")}, "control character"},
		{"OAUTHBEARER", Credentials{User: "me", Token: secretOf("hunter2\n")}, "control character"},
		{"GSSAPI", Credentials{User: "me", Password: secretOf("hunter2")}, "unknown SASL mechanism: GSSAPI"},
		{"SCRAM-SHA-1", Credentials{User: "me", Password: secretOf("hunter2\u0007")}, "can't be prepared"},
	} {
		_, err := tt.c.Client(context.Background(), tt.mechanism, "h", 1)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", tt.mechanism, err, tt.says)
		}
	}
}

// scramServer is the other side of SCRAM, for user "me" with password "pencil".
func scramServer(t *testing.T, hash scram.HashGeneratorFcn) *scram.ServerConversation {
	t.Helper()
	client, err := hash.NewClient("me", "pencil", "")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "a salt of some octets", Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	server, err := hash.NewServer(func(user string) (scram.StoredCredentials, error) {
		if user != "me" {
			return scram.StoredCredentials{}, errors.New("no such user")
		}
		return stored, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return server.NewConversation()
}

func TestSCRAM(t *testing.T) {
	for name, hash := range map[string]scram.HashGeneratorFcn{"SCRAM-SHA-1": scram.SHA1, "SCRAM-SHA-256": scram.SHA256} {
		start := func(password string) (sasl.Client, *scram.ServerConversation, string) {
			t.Helper()
			client, err := Credentials{User: "me", Password: secretOf(password)}.Client(context.Background(), name, "h", 1)
			if err != nil {
				t.Fatal(err)
			}
			mechanism, first, err := client.Start()
			if err != nil || mechanism != name {
				t.Fatal(mechanism, err)
			}
			server := scramServer(t, hash)
			challenge, err := server.Step(string(first))
			if err != nil {
				t.Fatal(err)
			}
			return client, server, challenge
		}
		t.Run(name, func(t *testing.T) {
			client, server, challenge := start("pencil")
			proof, err := client.Next([]byte(challenge))
			if err != nil {
				t.Fatal(err)
			}
			if err := Proven(client); !errors.Is(err, ErrUnproven) {
				t.Errorf("before the last step: %v", err)
			}
			final, err := server.Step(string(proof))
			if err != nil || !server.Valid() {
				t.Fatal(err)
			}
			if out, err := client.Next([]byte(final)); err != nil || len(out) != 0 || out == nil {
				t.Errorf("last step: %q, %v", out, err)
			}
			if err := Proven(client); err != nil {
				t.Error(err)
			}
		})
		t.Run(name+" with the wrong password", func(t *testing.T) {
			client, server, challenge := start("pencil2")
			proof, err := client.Next([]byte(challenge))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := server.Step(string(proof)); err == nil || server.Valid() {
				t.Error("the server took it")
			}
			if err := Proven(client); !errors.Is(err, ErrUnproven) {
				t.Error(err)
			}
		})
		t.Run(name+" with a false server", func(t *testing.T) {
			client, _, challenge := start("pencil")
			if _, err := client.Next([]byte(challenge)); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Next([]byte("v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=")); err == nil {
				t.Error("a false proof was taken")
			}
			if _, err := client.Next(nil); err != nil {
				t.Error(err)
			}
			if err := Proven(client); !errors.Is(err, ErrUnproven) {
				t.Error(err)
			}
		})
		for how, spoil := range map[string]func(string) string{
			"another nonce":       func(c string) string { return "r=other," + strings.SplitN(c, ",", 2)[1] },
			"few iterations":      func(c string) string { return c[:strings.LastIndex(c, "i=")] + "i=1" },
			"endless iterations":  func(c string) string { return c[:strings.LastIndex(c, "i=")] + "i=2000000000" },
			"no iterations":       func(c string) string { return c[:strings.LastIndex(c, "i=")] + "i=x" },
			"nothing in its step": func(string) string { return "" },
		} {
			t.Run(name+" with "+how, func(t *testing.T) {
				client, _, challenge := start("pencil")
				if err := soon(t, func() error { _, err := client.Next([]byte(spoil(challenge))); return err }); err == nil {
					t.Error("was taken")
				}
			})
		}
	}
}
