// Package imaptest is a scriptable IMAP4rev1 server in one process, for the tests of everything that uploads over IMAP and for poplift's
// demonstration. It has the shape of net/http/httptest: NewServer listens on a loopback port, Close waits for every connection.
//
// Its policy: it is strict where a client could hide a fault (a message is stored only when its whole command arrived, MULTIAPPEND stores all
// or nothing, nothing is answered that was not asked) and it misbehaves only where a switch says so. Mail is kept in memory, octet
// for octet. It does not import the client it tests.
package imaptest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync"

	"poplift/migrate/mailnet/mailnettest"
)

// User and Password are the account that every server has from the start.
const (
	User     = "user"
	Password = "pass"
)

// Server is an IMAP server. Make one with NewServer or NewUnstartedServer.
type Server struct {
	// Addr is host:port once the server is started.
	Addr string
	// Silent keeps no Log, for long runs.
	Silent bool

	listener net.Listener
	implicit bool // TLS from the first octet
	tls      *tls.Config
	pool     *x509.CertPool
	wg       sync.WaitGroup

	mu       sync.Mutex // guards what follows
	sw       Switches
	accounts map[string]*Account
	conns    map[net.Conn]struct{}
	accepted int
	appended int // messages that came in by APPEND, stored or not
	commands int // APPEND commands that were stored
	log      []string
	closed   bool
}

// NewServer starts a server without TLS (STARTTLS is offered).
func NewServer() *Server {
	s := NewUnstartedServer()
	s.Start()
	return s
}

// NewTLSServer starts a server that speaks TLS from the first octet.
func NewTLSServer() *Server {
	s := NewUnstartedServer()
	s.StartTLS()
	return s
}

// NewUnstartedServer makes a server whose switches can be set before it listens.
func NewUnstartedServer() *Server {
	s := &Server{accounts: map[string]*Account{}, conns: map[net.Conn]struct{}{}}
	s.sw.Caps = append([]string(nil), DefaultCaps...)
	s.AddUser(User, Password)
	s.tls, s.pool = mailnettest.Certificate()
	return s
}

// Start listens on a free port of 127.0.0.1. It panics when there is none.
func (s *Server) Start() { s.listen(false) }

// StartTLS is Start with TLS from the first octet.
func (s *Server) StartTLS() { s.listen(true) }

func (s *Server) listen(implicit bool) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("imaptest: " + err.Error())
	}
	s.listener, s.Addr, s.implicit = l, l.Addr().String(), implicit
	s.wg.Go(s.accept)
}

func (s *Server) accept() {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			nc.Close()
			return
		}
		s.accepted++
		n := s.accepted
		if s.sw.Cut != nil {
			if in, out := s.sw.Cut(n); in > 0 || out > 0 {
				nc = &cutConn{Conn: nc, in: in, out: out}
			}
		}
		s.conns[nc] = struct{}{}
		s.mu.Unlock()
		s.wg.Go(func() {
			newConn(s, nc, n).serve()
			nc.Close()
			s.mu.Lock()
			delete(s.conns, nc)
			s.mu.Unlock()
		})
	}
}

// Close stops listening, cuts every connection and waits until all of them have ended.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.CutAll()
	if s.listener != nil {
		s.listener.Close()
	}
	s.wg.Wait()
}

// CutAll cuts every connection, as a server that dies does. The mail stays.
func (s *Server) CutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// CertPool holds the authority that signed the server's certificate, which is good for 127.0.0.1 and localhost.
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// AddUser adds an account with an empty INBOX, or replaces it.
func (s *Server) AddUser(name, password string) *Account {
	a := newAccount(password)
	s.mu.Lock()
	s.accounts[name] = a
	s.mu.Unlock()
	return a
}

// Account returns a user's mail, or nil.
func (s *Server) Account(name string) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[name]
}

// Messages returns what lies in a mailbox of User, in order of UID. Names are as on the wire (modified UTF-7).
func (s *Server) Messages(mailbox string) []Stored { return s.Account(User).Messages(mailbox) }

// Deliver puts a message into a mailbox of User as another client would, and returns its UID.
func (s *Server) Deliver(mailbox string, raw []byte) uint32 {
	return s.Account(User).Deliver(mailbox, raw)
}

// Dump is Account.Dump of User.
func (s *Server) Dump() string { return s.Account(User).Dump() }

// Log returns the commands of all connections in the order they came, "connection verb arguments", with literals as [n octets] and without
// secrets.
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

// Connections counts the connections accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Change changes switches while no command looks at them. Capabilities and cuts hold for later connections.
func (s *Server) Change(f func(*Switches)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.sw)
}

func (s *Server) switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sw
}

func (s *Server) note(conn int, format string, args ...any) {
	if s.Silent {
		return
	}
	line := fmt.Sprintf("%d ", conn) + fmt.Sprintf(format, args...)
	s.mu.Lock()
	s.log = append(s.log, line)
	s.mu.Unlock()
}
