package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"slices"
	"sync"

	"poplift/migrate/mailnet/mailnettest"
)

// Server is an SMTP server. Its fields are set before Start or StartTLS.
type Server struct {
	// Addr is host:port, or the path of the socket, once started.
	Addr string
	// Greeting is the first line, without its line end; "" is a plain one.
	Greeting string
	// LMTP speaks RFC 2033: LHLO, and an answer for each recipient.
	LMTP bool
	// Offer is what EHLO lists.
	Offer Offer
	// User, Password and Token are whom AUTH lets in, if User is not empty.
	User, Password, Token string
	// MustLogIn refuses MAIL with 530 until AUTH.
	MustLogIn bool
	// CloseAfter says goodbye, with 421 to the next MAIL, after this many messages on a connection; 0 is never.
	CloseAfter int
	// Hook is asked before each step is carried out, on the goroutine of the connection. See Step.
	Hook func(c *Conn, s Step) Fault
	// AuthHook carries out a SASL mechanism that the server itself doesn't know: it gets the client's response, decoded, nil if there was no
	// initial one, and returns the next challenge, or done with the name of the user, "" to refuse.
	AuthHook func(c *Conn, mechanism string, step int, response []byte) (challenge []byte, user string, done bool)
	// Cut says after how many octets on the wire, sent and received by the server, the n-th connection (from 1) breaks; below 0 is never.
	Cut func(n int) (sent, received int64)

	ln    net.Listener
	tls   *tls.Config
	pool  *x509.CertPool
	onTLS bool
	done  chan struct{}
	wg    sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	count  int
	closed bool
	log    []string
	fired  map[string]int
	mail   []Mail
	octets int
}

// Offer is what EHLO lists. The zero value lists PIPELINING, 8BITMIME, SMTPUTF8, DSN, ENHANCEDSTATUSCODES and SIZE without a number.
type Offer struct {
	NoPipelining, No8BITMIME, NoSMTPUTF8, NoDSN, NoEnhanced, NoSIZE bool
	// Size is the largest message, which is also enforced; 0 is none.
	Size int64
	// STARTTLS is offered on a connection in clear.
	STARTTLS bool
	// SASL are the mechanisms of AUTH.
	SASL []string
	// NoEHLO knows HELO only.
	NoEHLO bool
	// LowerCase writes the keywords in small letters. Extra are lines of their own.
	LowerCase bool
	Extra     []string
}

// Mail is a message that was sent whole.
type Mail struct {
	// Conn is the number of the connection, from 1.
	Conn int
	// From and Params are MAIL's, To are the recipients that were taken.
	From   string
	Params []string
	To     []Recipient
	// Data are the octets behind DATA as they came, without the dots that were put in and without the final one.
	Data []byte
	// User is who was logged in. OnTLS tells a protected connection.
	User  string
	OnTLS bool
	// Taken says that the server has it: it said so, or died before it could.
	Taken bool
}

// Recipient is one RCPT.
type Recipient struct {
	To     string
	Params []string
	// Taken says that the server has the message for this recipient.
	Taken bool
}

const (
	maxCommand = 64 << 10 // octets of a line
	maxMail    = 64 << 20 // octets of a message
	maxKept    = 256 << 20
)

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
		panic("smtptest: " + err.Error())
	}
	return listening(ln)
}

// NewUnstartedSocket listens on a Unix socket, which Close removes.
func NewUnstartedSocket(path string) (*Server, error) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, err
	}
	return listening(ln), nil
}

func listening(ln net.Listener) *Server {
	s := &Server{Addr: ln.Addr().String(), ln: ln, done: make(chan struct{}), conns: map[net.Conn]struct{}{}, fired: map[string]int{}}
	s.tls, s.pool = mailnettest.Certificate()
	return s
}

// Start serves in clear, with STARTTLS if it is offered.
func (s *Server) Start() { s.start(false) }

// StartTLS serves over TLS from the first octet (smtps).
func (s *Server) StartTLS() { s.start(true) }

func (s *Server) start(onTLS bool) {
	s.onTLS = onTLS
	s.wg.Go(func() {
		for {
			nc, err := s.ln.Accept()
			if err != nil {
				return
			}
			s.serve(nc)
		}
	})
}

// Pipe connects a client within memory, for tests whose time is not the clock's. It needs no Start.
func (s *Server) Pipe() net.Conn {
	client, server := net.Pipe()
	s.serve(server)
	return client
}

func (s *Server) serve(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return
	}
	s.count++
	n := s.count
	s.conns[nc] = struct{}{}
	s.wg.Go(func() {
		newConn(s, nc, n).run()
		nc.Close()
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
	})
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

// Mail returns the messages that were sent whole, in the order of their ends, whether they were taken or not.
func (s *Server) Mail() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mail)
}

// Taken returns those that the server has for at least one recipient.
func (s *Server) Taken() []Mail {
	return slices.DeleteFunc(s.Mail(), func(m Mail) bool { return !m.Taken })
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

// Fired returns how often a fault struck: "hook", "cut", "CloseAfter", "NoPipelining" or "InjectBeforeTLS".
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

func (s *Server) note(line string) {
	s.mu.Lock()
	s.log = append(s.log, line)
	s.mu.Unlock()
}

// keep records a message. It says whether there was room for it.
func (s *Server) keep(m Mail) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.octets += len(m.Data); s.octets > maxKept {
		return false
	}
	s.mail = append(s.mail, m)
	return true
}
