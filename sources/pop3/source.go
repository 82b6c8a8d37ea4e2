package pop3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// Config says which maildrop is read, and how.
type Config struct {
	Endpoint    mailnet.Endpoint
	Credentials mailnet.Credentials
	// Pool is where bodies are kept; nil is a pool of migrate.DefaultBudget for this source alone.
	Pool *migrate.Pool
	// Window is how many octets of bodies, by the sizes of LIST, are asked for ahead of the one being read; 0 is 16 MiB. At least one
	// body is always asked for. It costs no memory here: what isn't read yet waits at the server.
	Window int64
	// MaxMessage bounds a body, in octets; 0 is 1 GiB. A longer one ends the session: it can't be told from one that never ends.
	MaxMessage int64
	// Log takes what is odd about the server but breaks nothing; nil drops it.
	Log *slog.Logger
}

const (
	defaultWindow     = 16 << 20
	defaultMaxMessage = 1 << 30
	// maxAhead bounds the commands that wait for their answer. Together they must fit into the smallest socket buffers there are, or
	// server and client could each wait for the other to read: 500 of at most 16 octets are below 8 KiB.
	maxAhead = 500
	// farewell bounds the polite end of a session.
	farewell = 5 * time.Second
)

// Source is a session with a maildrop, which holds the server's lock on it until Close (RFC 1939 section 4).
type Source struct {
	cfg  Config
	conn *session
	log  *slog.Logger

	list *listing // once it was asked for

	mu     sync.Mutex // guards what Close asks from another goroutine
	busy   bool       // an exchange is going on
	spent  error      // why the session can't be used any more
	closed bool
}

// headerSource is a Source on a server with TOP, so that asserting migrate.HeaderReader tells whether there is one.
type headerSource struct{ *Source }

var (
	_ migrate.Source       = (*Source)(nil)
	_ migrate.Windowed     = (*Source)(nil)
	_ migrate.Source       = headerSource{}
	_ migrate.Windowed     = headerSource{}
	_ migrate.HeaderReader = headerSource{}
)

// Open connects, protects the connection as the endpoint says, and logs in. Until Close, the connection is cut when ctx ends. What it
// returns is a *Source, and a migrate.HeaderReader besides when the server has TOP. The errors are of scope session.
func Open(ctx context.Context, cfg Config) (migrate.Source, error) {
	if cfg.Pool == nil {
		cfg.Pool = migrate.NewPool(migrate.DefaultBudget, "")
	}
	if cfg.Window <= 0 {
		cfg.Window = defaultWindow
	}
	if cfg.MaxMessage <= 0 {
		cfg.MaxMessage = defaultMaxMessage
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Endpoint.Connect == 0 {
		cfg.Endpoint.Connect = 30 * time.Second
	}
	s, err := open(ctx, cfg, true)
	if errors.Is(err, errCAPA) && ctx.Err() == nil {
		// A late answer to CAPA would be taken for that to the next command, so it takes another connection to go on without.
		cfg.Log.Info("pop3: no answer to CAPA; going on as plain RFC 1939", "server", cfg.Endpoint.Address, "error", err)
		s, err = open(ctx, cfg, false)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, &migrate.Error{Op: "pop3", Subject: cfg.Endpoint.Address, Err: cause}
		}
		return nil, err
	}
	src := &Source{cfg: cfg, conn: s, log: cfg.Log}
	if s.caps.has("TOP") {
		return headerSource{src}, nil
	}
	return src, nil
}

// open makes one attempt at a session.
func open(ctx context.Context, cfg Config, askCAPA bool) (*session, error) {
	s, err := dial(ctx, cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	s.noCAPA = !askCAPA
	if err := s.enter(ctx, cfg); err != nil {
		s.conn.Close()
		return nil, err
	}
	return s, nil
}

// enter goes from the greeting to the TRANSACTION state.
func (s *session) enter(ctx context.Context, cfg Config) error {
	if err := s.capa(cfg.Endpoint.Connect); err != nil {
		return err
	}
	if err := s.protect(cfg.Endpoint); err != nil {
		return err
	}
	if err := s.utf8(cfg.Log); err != nil {
		return err
	}
	if err := s.login(ctx, cfg.Endpoint, cfg.Credentials); err != nil {
		return err
	}
	// Some capabilities show only now (Gmail's PIPELINING), others no longer.
	if err := s.capa(cfg.Endpoint.Connect); err != nil {
		return err
	}
	return s.utf8(cfg.Log)
}

// utf8 asks for messages as they are, with 8-bit headers, where that is offered. RFC 6856 section 2 has the command before the login;
// Courier obeys it only after, and otherwise wraps every such message in a multipart of its own. So it is sent in either state whose CAPA
// offers it, and a refusal is of no account.
func (s *session) utf8(log *slog.Logger) error {
	if !s.caps.has("UTF8") {
		return nil
	}
	st, err := s.command("UTF8", "")
	if err != nil {
		return &migrate.Error{Op: "pop3 utf8", Err: err}
	}
	if st.is != isOK {
		log.Debug("pop3: UTF8 refused", "text", st.text)
	}
	return nil
}

// LoginDelay is how long the server wants to be left alone between two logins (RFC 2449 section 6.5); 0 when it doesn't say.
func (s *Source) LoginDelay() time.Duration { return s.conn.loginDelay }

// Windowed tells Gmail, which lists only some 250 of the oldest messages that no session has taken yet.
func (s *Source) Windowed() bool {
	return strings.Contains(s.conn.greeting, "Gpop") || strings.EqualFold(s.cfg.Endpoint.Host, "pop.gmail.com")
}

// begin takes the connection for one exchange that ctx can cut. The release function says how it went: an error spends the session.
func (s *Source) begin(ctx context.Context) (release func(error), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, &migrate.Error{Op: "pop3", Subject: s.cfg.Endpoint.Address, Err: errors.New("the session is closed")}
	case s.spent != nil:
		return nil, &migrate.Error{Op: "pop3", Subject: s.cfg.Endpoint.Address, Err: fmt.Errorf("the session is spent: %w", s.spent)}
	case s.busy:
		return nil, &migrate.Error{Op: "pop3", Subject: s.cfg.Endpoint.Address, Err: errors.New("the session is in use")}
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, &migrate.Error{Op: "pop3", Subject: s.cfg.Endpoint.Address, Err: cause}
	}
	s.busy = true
	stop := context.AfterFunc(ctx, func() { s.conn.conn.Close() })
	return func(err error) {
		if !stop() && err == nil {
			err = context.Cause(ctx)
		}
		s.mu.Lock()
		s.busy = false
		s.spent = err
		s.mu.Unlock()
	}, nil
}

// because gives the context's cause in place of what the network says after it was cut.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", mailnet.ErrClosed, cause)
	}
	return err
}

// Close ends the session. It says RSET and QUIT, and waits some seconds for the answer, when everything that was begun was ranged over to
// its end without an error of the session; otherwise it cuts, so that no server takes for read what was not (Gmail hides that for ever).
// RSET is for servers that delete at QUIT what was retrieved. Nothing depends on the answer, so that there is no error to return.
func (s *Source) Close() error {
	s.mu.Lock()
	polite := !s.closed && !s.busy && s.spent == nil
	s.closed = true
	s.mu.Unlock()
	if polite {
		inTime, err := s.conn.within(farewell, s.conn.quit)
		if err != nil || !inTime {
			s.log.Debug("pop3: no answer to QUIT", "error", err)
		}
	}
	return s.conn.conn.Close()
}

func (s *session) quit() error {
	if !s.caps.has("PIPELINING") {
		if _, err := s.command("RSET", ""); err != nil {
			return err
		}
		_, err := s.command("QUIT", "")
		return err
	}
	if _, err := s.command("RSET\r\nQUIT", ""); err != nil {
		return err
	}
	_, err := s.answer()
	return err
}
