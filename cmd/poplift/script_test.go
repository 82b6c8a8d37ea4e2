package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
	"poplift/targets/smtp/smtptest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"poplift": main, "poplift-hasty": hastyMain})
}

// The accounts that every script has. The passwords are words that are nowhere else, so that a script can look for them.
const (
	scriptUser     = "me@example.org"
	sourcePassword = "s0urce-s3cret"
	targetPassword = "t4rget-s3cret"
)

// servers are a script's servers.
type servers struct {
	pop   *pop3test.Server
	imap  *imaptest.Server
	smtp  *smtptest.Server
	relay atomic.Pointer[relayFault]
	stall atomic.Int64 // the RETR from which on the POP3 server falls silent; 0 is never
	mail  [][]byte
	kill  func() // what start started
}

type serversKey struct{}

func serversOf(ts *testscript.TestScript) *servers { return ts.Value(serversKey{}).(*servers) }

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error { return setupServers(env) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": cmdCode, "signal": cmdSignal, "start": cmdStart, "killed": cmdKilled, "maildrop": cmdMaildrop, "mailbox": cmdMailbox, "fault": cmdFault,
			"commands": cmdCommands, "sums": cmdSums, "mode": cmdMode, "secretless": cmdSecretless, "damage": cmdDamage,
			"relayed": cmdRelayed, "letter": cmdLetter,
		},
	})
}

// setupServers starts both servers over TLS; $SOURCE, $TARGET and $CA say where they are. The passwords are in the environment.
func setupServers(env *testscript.Env) error {
	s := &servers{pop: pop3test.NewUnstartedServer(), imap: imaptest.NewUnstartedServer()}
	s.pop.SetPassword(scriptUser, sourcePassword)
	s.pop.STLS = true
	s.pop.Hook = func(c *pop3test.Conn, cmd string) pop3test.Fault {
		if n := s.stall.Load(); n > 0 && strings.HasPrefix(cmd, "RETR") && int64(c.Retrieved()) >= n {
			return pop3test.Stall()
		}
		return pop3test.Pass()
	}
	s.imap.AddUser(scriptUser, targetPassword)
	s.addRelay(env)
	if strings.HasPrefix(filepath.Base(env.WorkDir), "script-cleartext") {
		s.pop.STLS = false
		s.imap.Change(func(w *imaptest.Switches) { w.Caps = imaptest.Without(w.Caps, "STARTTLS") })
		s.pop.Start()
		s.imap.Start()
		env.Setenv("SOURCE", "pop3://"+scriptUser+"@"+s.pop.Addr)
		env.Setenv("TARGET", "imap://"+scriptUser+"@"+s.imap.Addr)
	} else {
		s.pop.StartTLS()
		s.imap.StartTLS()
		env.Setenv("SOURCE", "pop3s://"+scriptUser+"@"+s.pop.Addr)
		env.Setenv("TARGET", "imaps://"+scriptUser+"@"+s.imap.Addr)
		ca := filepath.Join(env.WorkDir, "ca.pem")
		if err := writeAuthorities(ca, s); err != nil {
			return err
		}
		env.Setenv("CA", ca)
	}
	env.Defer(s.pop.Close)
	env.Defer(s.imap.Close)
	if err := fillAddresses(env.WorkDir, s); err != nil {
		return err
	}
	env.Defer(s.smtp.Close)
	env.Values[serversKey{}] = s
	for k, v := range map[string]string{
		"POPLIFT_SOURCE_PASSWORD": sourcePassword, "POPLIFT_TARGET_PASSWORD": targetPassword, "USERNAME": scriptUser,
		"HOME": env.WorkDir, "XDG_STATE_HOME": filepath.Join(env.WorkDir, "xdg"), "STATE": filepath.Join(env.WorkDir, "xdg", "poplift"),
	} {
		env.Setenv(k, v)
	}
	return nil
}

// writeAuthorities asks the servers for their certificates and writes the authorities behind them to a file.
func writeAuthorities(path string, s *servers) error {
	var out []byte
	for _, end := range []struct {
		addr string
		cfg  *tls.Config
	}{{s.pop.Addr, &tls.Config{RootCAs: s.pop.CertPool()}}, {s.imap.Addr, &tls.Config{RootCAs: s.imap.CertPool()}},
		{s.smtp.Addr, &tls.Config{RootCAs: s.smtp.CertPool()}}} {
		c, err := tls.Dial("tcp", end.addr, end.cfg)
		if err != nil {
			return err
		}
		chain := c.ConnectionState().VerifiedChains[0]
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})...)
		c.Close()
	}
	return os.WriteFile(path, out, 0o600)
}

// cmdCode is `code N program args...`: run it and expect this exit code.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program args...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// cmdSignal is `signal N program args...`: start it, interrupt it once the POP3 server has fallen silent, and expect this exit code within two
// seconds. Its output goes to the files stdout.txt and stderr.txt.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: signal N program args...")
	}
	s := serversOf(ts)
	before := s.pop.Fired("hook")
	cmd, finish := startProgram(ts, args[1:])
	waitFor(ts, "the server to fall silent", func() bool { return s.pop.Fired("hook") > before })
	time.Sleep(100 * time.Millisecond) // what came before the silence gets through
	start := time.Now()
	ts.Check(cmd.Process.Signal(os.Interrupt))
	got := finish()
	if took := time.Since(start); took > 2*time.Second {
		ts.Fatalf("the program ended %v after the signal", took)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// cmdStart is `start program args...`: start it in the background and wait until the POP3 server has fallen silent on it.
func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	s := serversOf(ts)
	before := s.pop.Fired("hook")
	cmd, finish := startProgram(ts, args)
	s.kill = func() {
		cmd.Process.Kill()
		finish()
	}
	waitFor(ts, "the server to fall silent", func() bool { return s.pop.Fired("hook") > before })
}

// cmdKilled kills what start started, and waits until it is gone.
func cmdKilled(ts *testscript.TestScript, neg bool, args []string) { serversOf(ts).kill() }

func startProgram(ts *testscript.TestScript, args []string) (cmd *exec.Cmd, finish func() int) {
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, args[0]); path == "" && exec.Command(p).Err == nil {
			path = p
		}
	}
	cmd = exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{"PATH", "HOME", "XDG_STATE_HOME", "POPLIFT_SOURCE_PASSWORD", "POPLIFT_TARGET_PASSWORD"} {
		cmd.Env = append(cmd.Env, k+"="+ts.Getenv(k))
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ts.Check(cmd.Start())
	return cmd, func() int {
		cmd.Wait()
		ts.Logf("[stdout]\n%s[stderr]\n%s", &stdout, &stderr)
		ts.Check(os.WriteFile(ts.MkAbs("stdout.txt"), stdout.Bytes(), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), stderr.Bytes(), 0o600))
		return cmd.ProcessState.ExitCode()
	}
}

func waitFor(ts *testscript.TestScript, what string, done func() bool) {
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain for %s", what)
		}
	}
}

// cmdMaildrop is `maildrop N`: put N messages of demo mail, without copies, into the maildrop.
func cmdMaildrop(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	s := serversOf(ts)
	for i := range n {
		raw := fmt.Appendf(nil, "Message-ID: <%d@script>\r\nFrom: a@example.com\r\nSubject: number %d\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\n\r\n%s\r\n",
			len(s.mail), len(s.mail), strings.Repeat("line\r\n", 10*i))
		s.mail = append(s.mail, raw)
		s.pop.Add(scriptUser, pop3test.Msg{UIDL: fmt.Sprintf("uidl-%d", len(s.mail)), Raw: raw})
	}
}

// cmdMailbox is `mailbox NAME N`: N messages lie there; `mailbox NAME exact`: those of the maildrop do, octet for octet and in order;
// `mailbox NAME has TEXT`, `mailbox NAME lacks TEXT`: one of the messages has it, or none; `mailbox NAME deliver`: another client puts the maildrop's messages there.
func cmdMailbox(ts *testscript.TestScript, neg bool, args []string) {
	s := serversOf(ts)
	account := s.imap.Account(scriptUser)
	stored := account.Messages(args[0])
	switch args[1] {
	case "deliver":
		for _, raw := range s.mail {
			account.Deliver(args[0], raw)
		}
	case "exact":
		if !slices.EqualFunc(stored, s.mail, func(m imaptest.Stored, raw []byte) bool { return bytes.Equal(m.Raw, raw) }) {
			ts.Fatalf("%s holds other mail than the maildrop:\n%s", args[0], account.Dump())
		}
	case "has", "lacks":
		found := slices.ContainsFunc(stored, func(m imaptest.Stored) bool { return bytes.Contains(m.Raw, []byte(args[2])) })
		if found != (args[1] == "has") {
			ts.Fatalf("that one of the messages in %s has %q is %v", args[0], args[2], found)
		}
	default:
		if strconv.Itoa(len(stored)) != args[1] {
			ts.Fatalf("%s holds %d messages, want %s", args[0], len(stored), args[1])
		}
	}
}

// cmdFault is `fault stall N`: the POP3 server falls silent at the N-th RETR of a session (0: it recovers); `fault refuse TEXT ANSWER`: the IMAP
// server refuses messages that hold TEXT; `fault relay STEP WHAT`: see relayFault.
func cmdFault(ts *testscript.TestScript, neg bool, args []string) {
	s := serversOf(ts)
	switch args[0] {
	case "stall":
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		s.stall.Store(n)
	case "refuse":
		s.imap.Change(func(w *imaptest.Switches) {
			w.RefuseAppend = func(_ int, raw []byte) string {
				if bytes.Contains(raw, []byte(args[1])) {
					return args[2]
				}
				return ""
			}
		})
	case "quota":
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		s.imap.Change(func(w *imaptest.Switches) { w.Quota = n })
	case "limit":
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		s.imap.Change(func(w *imaptest.Switches) { w.AppendLimit, w.AppendLimitCap = n, n > 0 })
	case "relay":
		s.relay.Store(&relayFault{args[1], args[2]})
	case "readonly":
		s.imap.Change(func(w *imaptest.Switches) { w.ReadOnly = true })
	default:
		ts.Fatalf("unknown fault %s", args[0])
	}
}

// cmdCommands is `commands FILE`: write what both servers were asked so far, one a line, to FILE.
func cmdCommands(ts *testscript.TestScript, neg bool, args []string) {
	s := serversOf(ts)
	all := append(s.pop.Log(), s.imap.Log()...)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(all, "\n")+"\n"), 0o600))
}

// cmdSums is `sums FILE`: FILE is a report in JSON with all keys, and its outcomes add up to what was listed, in messages and in octets.
func cmdSums(ts *testscript.TestScript, neg bool, args []string) {
	var r map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	for _, key := range []string{"listed", "known", "copied", "adopted", "duplicate", "skipped", "relayed", "kept", "failed", "bytes", "seconds", "problems"} {
		if r[key] == nil {
			ts.Fatalf("the report has no %s", key)
		}
	}
	sizes := r["sizes"].(map[string]any)
	messages, octets := 0.0, 0.0
	for _, k := range migrate.Outcomes {
		messages += r[k.String()].(float64)
		octets += sizes[k.String()].(float64)
	}
	if messages != r["listed"] || octets != sizes["listed"] {
		ts.Fatalf("outcomes are %v messages, %v octets; listed are %v, %v", messages, octets, r["listed"], sizes["listed"])
	}
}

// cmdMode is `mode 0600 GLOB`: files match, and all of them have this mode.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no file matches %s", args[1])
	}
	for _, f := range files {
		info, err := os.Stat(f)
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s", f, got)
		}
	}
}

// cmdSecretless is `secretless FILE...`: none of the passwords is in the last command's output, in these files or in the state.
func cmdSecretless(ts *testscript.TestScript, neg bool, args []string) {
	files := append([]string{"stdout", "stderr"}, args...)
	state, err := filepath.Glob(filepath.Join(ts.Getenv("STATE"), "*"))
	ts.Check(err)
	state = slices.DeleteFunc(state, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir()
	})
	for _, f := range append(files, state...) {
		if info, err := os.Stat(f); err == nil && info.IsDir() {
			continue
		}
		text := ts.ReadFile(f)
		for _, secret := range []string{sourcePassword, targetPassword, relayPassword, "cjNsYXktczNjcmV0", "NsYXktczNjcmV0", "czB1cmNlLXMzY3JldA", "MHVyY2UtczNjcmV0", "dDRyZ2V0LXMzY3JldA", "NHJnZXQtczNjcmV0"} {
			if strings.Contains(text, secret) {
				ts.Fatalf("a password is in %s", f)
			}
		}
	}
}

// cmdDamage is `damage`: overwrite the middle of the state files.
func cmdDamage(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.Getenv("STATE"), "*.db"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("there is no state to damage")
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		ts.Check(err)
		for i := len(text) / 4; i < len(text)/4*3; i++ {
			text[i] ^= 0x55
		}
		ts.Check(os.WriteFile(f, text, 0o600))
	}
}
