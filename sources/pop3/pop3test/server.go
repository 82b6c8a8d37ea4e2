package pop3test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"sync"

	"poplift/migrate/mailnet/mailnettest"
)

// Msg is a message of a maildrop.
type Msg struct {
	// UIDL is the unique id; "" gives the message one of its own, that never changes.
	UIDL string
	// Raw is the message, any octets. Bare LFs go out as CRLF and dots are stuffed, unless a Quirk says otherwise. It is not copied.
	Raw []byte
	// ListSize is what LIST and STAT say of it; 0 is the true size on the wire.
	ListSize int64
}

// Server is a POP3 server. Its fields are set before Start or StartTLS, but for those that say otherwise.
type Server struct {
	// Addr is host:port, once started.
	Addr string
	// Greeting is the first line, without its line end; "" is a plain one.
	Greeting string
	// STLS offers RFC 2595 on a server that was started in clear.
	STLS bool
	// SASL are the mechanisms offered: PLAIN, LOGIN, XOAUTH2, and any name at all that AuthHook knows.
	SASL []string
	// Quirk is what the server does wrong.
	Quirk Quirk
	// Hook is asked before each command is carried out. It is called by the goroutine of the connection.
	Hook func(c *Conn, cmd string) Fault
	// AuthHook carries out a SASL mechanism that the server itself doesn't know: it gets the client's response, decoded, nil if there was
	// no initial one, and returns the next challenge, or done with the name of the user, "" to refuse.
	AuthHook func(c *Conn, mechanism string, step int, response []byte) (challenge []byte, user string, done bool)
	// Cut says after how many octets on the wire, sent and received by the server, the n-th connection (from 1) breaks; below 0 is
	// never. Octets are those on the network, so TLS counts.
	Cut func(n int) (sent, received int64)
	// MaxConns is how many connections there can be at a time; further ones are turned away with [SYS/TEMP]. 0 is any number.
	MaxConns int

	ln    net.Listener
	tls   *tls.Config
	pool  *x509.CertPool
	onTLS bool
	done  chan struct{}
	wg    sync.WaitGroup

	mu      sync.Mutex
	drops   map[string]*maildrop
	conns   map[net.Conn]struct{}
	count   int
	closed  bool
	log     []string
	fired   map[string]int
	inUse   int // refusals with [IN-USE] still to come
	delayed int // … with [LOGIN-DELAY]
}

// maildrop is one user's messages. Each message keeps the serial number that its own unique id is made of.
type maildrop struct {
	password, token string
	msgs            []*stored
	popped          map[*stored]bool // hidden for ever by GmailWindow
	serial          int
	sessions        int
}

// NewServer starts a server in clear on a free port of the loopback. It panics when it can't listen, as httptest does.
func NewServer() *Server {
	s := NewUnstartedServer()
	s.Start()
	return s
}

// NewUnstartedServer listens on a free port of the loopback and does not answer yet.
func NewUnstartedServer() *Server {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("pop3test: " + err.Error())
	}
	s := &Server{
		Addr: ln.Addr().String(), ln: ln, SASL: []string{"PLAIN"}, done: make(chan struct{}),
		drops: map[string]*maildrop{}, conns: map[net.Conn]struct{}{}, fired: map[string]int{},
	}
	s.tls, s.pool = mailnettest.Certificate()
	return s
}

// Start serves in clear, with STLS if the field says so.
func (s *Server) Start() { s.start(false) }

// StartTLS serves over TLS from the first octet (pop3s).
func (s *Server) StartTLS() { s.start(true) }

func (s *Server) start(onTLS bool) {
	s.onTLS, s.inUse, s.delayed = onTLS, s.Quirk.InUse, s.Quirk.LoginDelayed
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for {
			nc, err := s.ln.Accept()
			if err != nil {
				return
			}
			s.serve(nc)
		}
	}()
}

// Pipe connects a client within memory, for tests whose time is not the clock's. The pipe has no buffer: a client that pipelines more
// than a few kilobytes of commands over it blocks for ever. It needs no Start.
func (s *Server) Pipe() net.Conn {
	client, server := net.Pipe()
	s.serve(server)
	return client
}

func (s *Server) serve(nc net.Conn) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.count++
	n, full := s.count, s.MaxConns > 0 && len(s.conns) >= s.MaxConns
	s.conns[nc] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		newConn(s, nc, n).run(full)
		nc.Close()
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
	}()
}

// Close cuts all connections and waits until their goroutines have ended.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for nc := range s.conns {
		nc.Close()
	}
	s.mu.Unlock()
	s.ln.Close()
	s.wg.Wait()
}

// CertPool holds the authority that vouches for the server's certificate, which is good for 127.0.0.1, ::1 and localhost.
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// Add puts messages at the end of a user's maildrop, which is made if need be. Sessions that are open don't see them. It may be called at
// any time. The password is the user's name until SetPassword.
func (s *Server) Add(user string, msgs ...Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.drop(user)
	for _, m := range msgs {
		d.serial++
		d.msgs = append(d.msgs, store(m, d.serial))
	}
}

// SetPassword sets what USER/PASS, APOP and SASL ask of the user; the maildrop is made if need be.
func (s *Server) SetPassword(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(user).password = password
}

// SetToken sets the bearer token that XOAUTH2 and OAUTHBEARER ask of the user.
func (s *Server) SetToken(user, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(user).token = token
}

func (s *Server) drop(user string) *maildrop {
	d := s.drops[user]
	if d == nil {
		d = &maildrop{password: user, popped: map[*stored]bool{}}
		s.drops[user] = d
	}
	return d
}

// Left returns the messages that are still in the user's maildrop.
func (s *Server) Left(user string) []Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Msg
	for _, m := range s.drop(user).msgs {
		out = append(out, m.Msg)
	}
	return out
}

// Remove takes the message with that unique id out of a maildrop, as another client would. Open sessions keep it.
func (s *Server) Remove(user, uidl string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.drop(user)
	d.msgs = slices.DeleteFunc(slices.Clone(d.msgs), func(m *stored) bool { return m.UIDL == uidl })
}

// Log returns the commands seen so far, of all connections, with secrets as "***".
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Connections returns how many connections there have been.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Fired returns how often a fault struck: "hook", "cut", or the name of a field of Quirk.
func (s *Server) Fired(fault string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired[fault]
}

func (s *Server) fire(fault string) {
	s.mu.Lock()
	s.fired[fault]++
	s.mu.Unlock()
}

// firstTimes counts left down and says whether there was still something to count.
func (s *Server) firstTimes(left *int, fault string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *left <= 0 {
		return false
	}
	*left--
	s.fired[fault]++
	return true
}
