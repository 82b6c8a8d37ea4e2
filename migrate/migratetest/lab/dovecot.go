package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrUnavailable says that this machine has no Dovecot that StartDovecot can run. Whether that fails a test or skips it is the test's choice.
var ErrUnavailable = errors.New("no usable Dovecot")

// Options say what a Dovecot is to be like. They can be changed in [Dovecot.Options]; Restart makes the change count.
type Options struct {
	// Users is how many accounts there are: user1 with the password pass1, and so on.
	Users int
	// MailRoot is where the mail lies, one folder a user; empty for a folder that Stop's caller needn't know.
	MailRoot string
	// Quota limits every account, in Dovecot's words: "2M", or a rule such as "*:messages=100". Empty is no limit.
	Quota string
	// NoTLS is a server without certificate: neither STLS nor STARTTLS, and nothing behind the pop3s and imaps ports.
	NoTLS bool
	// ReadOnly denies IMAP clients every change, by access control lists: APPEND is answered with NO.
	ReadOnly bool
	// SpecialUse gives every account folders for drafts, sent mail, trash, junk and an archive, and the server says which they are (RFC 6154).
	SpecialUse bool
	// Extra is appended to the configuration.
	Extra string
}

// Dovecot is a server with its own configuration, ports and mail. POP3 and IMAP see the same mailboxes.
type Dovecot struct {
	Options Options
	// The addresses are host:port on the loopback interface. POP3 and IMAP begin in clear, with STLS and STARTTLS.
	POP3, POP3S, IMAP, IMAPS string
	// CAFile is the certificate to trust, in PEM.
	CAFile string

	program string
	dir     string
	mail    string
	owner   int // of the mail, when the test runs as root; else -1
	// processes is the configuration of the users that processes run under, where they can't be Dovecot's own.
	processes string
	process   *exec.Cmd
	stderr    *syncBuffer
	exited    chan struct{}
	leash     *os.File // whose closing ends the server
}

// startTimeout is how long a server may take until it answers. It is long because tests share the machine.
const startTimeout = 20 * time.Second

// StartDovecot starts a server and waits until it answers. Close ends it and removes what it made.
func StartDovecot(o Options) (*Dovecot, error) {
	program, err := findDovecot()
	if err != nil {
		return nil, err
	}
	d := &Dovecot{Options: o, program: program, owner: -1}
	if os.Getuid() == 0 {
		d.owner = 65534 // Dovecot refuses to serve root's mail
	}
	if d.owner < 0 {
		if d.processes, err = ownUser(); err != nil {
			return nil, fmt.Errorf("configure dovecot: %w", err)
		}
	}
	if err := d.lay(); err != nil {
		d.Close()
		return nil, fmt.Errorf("lay out dovecot: %w", err)
	}
	for try := 1; ; try++ {
		// Between choosing a free port and listening on it, another program can take it.
		if err := d.choosePorts(); err != nil {
			d.Close()
			return nil, err
		}
		if err = d.launch(); err == nil {
			return d, nil
		}
		if try == 3 || !strings.Contains(err.Error(), "in use") {
			d.Close()
			return nil, err
		}
	}
}

// findDovecot returns the program, when its version takes the configuration that configure writes.
func findDovecot() (string, error) {
	program, err := exec.LookPath("dovecot")
	if err != nil {
		program = "/usr/sbin/dovecot" // not in the search path of ordinary users
	}
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%w: dovecot --version: %w", ErrUnavailable, err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(out), "%d.%d", &major, &minor); err != nil {
		return "", fmt.Errorf("%w: version %q", ErrUnavailable, out)
	}
	if major != 2 || minor != 3 {
		return "", fmt.Errorf("%w: version %d.%d has another configuration language than 2.3, which these tests write", ErrUnavailable, major, minor)
	}
	return program, nil
}

// lay makes the folder, the certificate and the accounts.
func (d *Dovecot) lay() (err error) {
	parent := os.TempDir()
	if len(parent) > 40 {
		parent = "/tmp" // paths of sockets end at some hundred octets
	}
	if d.dir, err = os.MkdirTemp(parent, "dovecot"); err != nil {
		return err
	}
	// Dovecot's processes run under several users, and all of them must get in here.
	if err := os.Chmod(d.dir, 0o755); err != nil {
		return err
	}
	if d.mail = d.Options.MailRoot; d.mail == "" {
		d.mail = filepath.Join(d.dir, "mail")
	}
	for _, dir := range []string{"run", "state"} {
		if err := os.Mkdir(filepath.Join(d.dir, dir), 0o755); err != nil {
			return err
		}
	}
	if err := d.own(os.MkdirAll(d.mail, 0o755), d.mail); err != nil {
		return err
	}
	d.CAFile = filepath.Join(d.dir, "ca.pem")
	if err := writeCertificate(d.CAFile, filepath.Join(d.dir, "key.pem")); err != nil {
		return err
	}
	// Whoever owns a mailbox may list and read it, and no more.
	if err := os.WriteFile(filepath.Join(d.dir, "acl"), []byte("* owner lr\n"), 0o644); err != nil {
		return err
	}
	var users strings.Builder
	for i := 1; i <= max(d.Options.Users, 1); i++ {
		fmt.Fprintf(&users, "user%d:{PLAIN}pass%d::::::\n", i, i)
	}
	return os.WriteFile(filepath.Join(d.dir, "users"), []byte(users.String()), 0o644)
}

// own gives a file to the user under which Dovecot serves mail, unless err says that there is no such file.
func (d *Dovecot) own(err error, path string) error {
	if err != nil || d.owner < 0 {
		return err
	}
	return os.Chown(path, d.owner, d.owner)
}

func (d *Dovecot) choosePorts() error {
	for _, addr := range []*string{&d.POP3, &d.POP3S, &d.IMAP, &d.IMAPS} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close() // only at the end, so that all four are different
		*addr = l.Addr().String()
	}
	return nil
}

// launch writes the configuration, starts the server in the foreground, as a child, and waits for its greetings.
func (d *Dovecot) launch() error {
	conf := filepath.Join(d.dir, "dovecot.conf")
	if err := os.WriteFile(conf, []byte(d.configure()), 0o644); err != nil {
		return err
	}
	d.stderr, d.exited = &syncBuffer{}, make(chan struct{})
	held, leash, err := os.Pipe()
	if err != nil {
		return err
	}
	defer held.Close()
	// The shell turns into the server, and leaves a process that ends them all when ours has died without a word.
	d.process = exec.Command("sh", "-c", `(cat; kill -9 0) <&3 >/dev/null 2>&1 & exec "$0" -F -c "$1" 3<&-`, d.program, conf)
	d.process.ExtraFiles = []*os.File{held}
	d.process.Stderr, d.leash = d.stderr, leash
	ownGroup(d.process)
	if err := d.process.Start(); err != nil {
		leash.Close()
		return fmt.Errorf("start %s: %w", d.program, err)
	}
	go func(p *exec.Cmd, exited chan struct{}) {
		p.Wait()
		close(exited)
	}(d.process, d.exited)
	for _, end := range []struct{ addr, greeting string }{{d.POP3, "+OK"}, {d.IMAP, "* OK"}} {
		if err := d.await(end.addr, end.greeting); err != nil {
			d.Stop()
			return fmt.Errorf("start dovecot: %w\n%s%s", err, d.stderr, d.Log())
		}
	}
	return nil
}

// await waits until a server greets on addr, or can't any more.
func (d *Dovecot) await(addr, greeting string) error {
	for deadline := time.Now().Add(startTimeout); ; {
		err := greets(addr, greeting)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-d.exited:
			return errors.New("it ended at once")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func greets(addr, greeting string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(startTimeout))
	got := make([]byte, len(greeting))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != greeting {
		return fmt.Errorf("greeting of %s: %q, %w", addr, got, err)
	}
	return nil
}

// Stop ends the server and all its sessions at once, as a crash does; what the system was given to write stays. Asked politely, Dovecot would
// let busy sessions finish. To stop a stopped server does nothing.
func (d *Dovecot) Stop() {
	if d.process == nil || d.process.Process == nil {
		return
	}
	killGroup(d.process)
	<-d.exited
	d.leash.Close()
	d.process = nil
	d.awaitSilence()
	// A lock whose owner was killed before it wrote its name into it would hold up the next server for two minutes.
	locks, _ := filepath.Glob(filepath.Join(d.mail, "*", "Maildir", "*.lock"))
	for _, l := range locks {
		os.Remove(l)
	}
}

// awaitSilence waits until the last of the processes has let go of the ports; the server's children die a little later than it does.
func (d *Dovecot) awaitSilence() {
	deadline := time.Now().Add(startTimeout)
	for _, addr := range []string{d.POP3, d.POP3S, d.IMAP, d.IMAPS} {
		for time.Now().Before(deadline) {
			if l, err := net.Listen("tcp", addr); err == nil {
				l.Close()
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// Restart stops the server if it runs, and starts it on the same ports with what Options say now. MailRoot and Users are as they were.
func (d *Dovecot) Restart() error {
	d.Stop()
	return d.launch()
}

// Close stops the server and removes its files, and its mail too unless MailRoot was given.
func (d *Dovecot) Close() {
	d.Stop()
	if d.dir != "" {
		os.RemoveAll(d.dir)
	}
}

// Log returns what the server has logged.
func (d *Dovecot) Log() string {
	text, _ := os.ReadFile(filepath.Join(d.dir, "dovecot.log"))
	return string(text)
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// Maildir is the folder of a user's INBOX.
func (d *Dovecot) Maildir(user string) string { return filepath.Join(d.mail, user, "Maildir") }

// loadedAt is the first file's time and the number in its name: a time long past, which no message tells, so that a date taken from the
// file can't pass for one taken from the message.
var loadedAt = time.Date(2002, 2, 3, 4, 5, 6, 0, time.UTC)

// Load puts messages into a user's INBOX, in this order, behind what earlier calls put there. Octets that Dovecot can give out again from
// lines that end with LF lie in that form, as if it had stored them itself; all others as they are.
func (d *Dovecot) Load(user string, messages ...Message) error {
	dir := d.Maildir(user)
	for _, sub := range []string{"", "cur", "new", "tmp"} {
		p := filepath.Join(dir, sub)
		if err := d.own(os.MkdirAll(p, 0o700), p); err != nil {
			return fmt.Errorf("load %s: %w", user, err)
		}
	}
	if err := d.own(nil, filepath.Dir(dir)); err != nil {
		return fmt.Errorf("load %s: %w", user, err)
	}
	there, err := os.ReadDir(filepath.Join(dir, "cur"))
	if err != nil {
		return fmt.Errorf("load %s: %w", user, err)
	}
	for i, m := range messages {
		if err := d.store(dir, len(there)+i, m.Raw); err != nil {
			return fmt.Errorf("load %s: message %d: %w", user, i+1, err)
		}
	}
	return nil
}

// store writes the n-th message. Dovecot numbers files that are new to it in the order of their names; S and W are the octets of the file and
// of the message, which spare it a look inside.
func (d *Dovecot) store(dir string, n int, raw []byte) error {
	octets := raw
	if lf := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")); bytes.Equal(ToCRLF(lf), raw) {
		octets = lf
	}
	when := loadedAt.Add(time.Duration(n) * time.Second)
	name := strconv.FormatInt(when.Unix(), 10) + ".M0P1.lab,S=" + strconv.Itoa(len(octets)) + ",W=" + strconv.Itoa(len(ToCRLF(octets))) + ":2,"
	path := filepath.Join(dir, "cur", name)
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		return err
	}
	return d.own(os.Chtimes(path, when, when), path)
}

// syncBuffer takes what a child writes while someone may read it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
