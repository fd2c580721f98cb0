package rpyc

import (
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Server offers a service to any number of connections.
//
// A service is a pointer to a struct. Peers can call its exported methods: Add as add, GetBalance as get_balance. A
// first parameter of type context.Context gets the context of the call. It ends with the connection, or at the caller's
// deadline if the caller sent it, as peers of this library can. ConnOf returns the connection from it, and requests
// made with it are sent to the caller. The other parameters are converted. If an argument does not fit, the caller gets
// a TypeError that names it. An error as the last result becomes an exception, see Raise; so does a panic. The type can
// describe more with DescribeRPyC.
//
// WithConfig("max_connections", "100") limits the number of connections. At the limit, the oldest connection that has
// received no message is closed for a new one, unless "make_room" is "false". "max_connections_per_address" limits the
// connections of one address.
//
// Each call runs in a goroutine of its own, so methods must be safe for concurrent use; WithSerial changes that. The
// goroutines of all connections share the threads of Go, so the option "pool_threads" has no effect.
type Server struct {
	service any
	options options

	mu    sync.Mutex
	conns map[*conn]bool
	// shaking are the streams with a handshake in progress.
	shaking   map[net.Conn]bool
	admitting map[net.Conn]context.CancelFunc // streams whose peers are being authenticated
	ended     bool
	draining  bool                  // by Shutdown
	listeners map[net.Listener]bool // from which Serve accepts
	active    int                   // number of accepted connections, also of those that are not in conns yet
	// shared are the settings of all connections, by whether untrusted peers can connect.
	shared  map[bool]*settings
	room    *room         // for connections that Serve accepts
	refused atomic.Uint64 // by the authenticator
}

// NewServer makes a server for a service, which all connections share. If service is a function of the form
// func(*rpyc.Conn) (any, error), it is called for each connection. It returns that connection's own service, or an
// error that refuses the connection. No request can be sent over the connection before OnConnect.
func NewServer(service any, opts ...Option) *Server {
	o := collect(opts)
	return &Server{service: service, options: o, conns: map[*conn]bool{}, shaking: map[net.Conn]bool{},
		listeners: map[net.Listener]bool{}, admitting: map[net.Conn]context.CancelFunc{}, shared: map[bool]*settings{}, room: newRoom(o.config)}
}

// Listen listens at an address as the function Listen does, and also at "tls://HOST:PORT", with the certificate of
// WithTLS.
func (s *Server) Listen(ctx context.Context, addr string) (net.Listener, error) {
	if !strings.HasPrefix(addr, "tls://") {
		return Listen(ctx, addr)
	}
	if s.options.tls == nil {
		return nil, problemf(ErrAddress, "address %q: a server needs a certificate: WithTLS", addr)
	}
	listener, err := Listen(ctx, "tcp"+addr[len("tls"):])
	if err != nil {
		return nil, err
	}
	return &tlsListener{listener, &s.options}, nil
}

// ListenAndServe listens at an address and serves until the context ends; see Server.Listen and Serve.
func (s *Server) ListenAndServe(ctx context.Context, addr string) error {
	listener, err := s.Listen(ctx, addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// Serve accepts connections until the context ends. Then it closes the listener and all connections, waits for their
// goroutines, and returns nil. The contexts of running calls end. Shutdown waits for them instead. A Server cannot serve
// again after that: Serve then fails with ErrClosed.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	if err := s.check(); err != nil {
		listener.Close()
		return err
	}
	if !s.arrive(listener) {
		listener.Close()
		return problemf(ErrClosed, "the server has ended")
	}
	accepting, served, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
		case <-accepting:
		}
		listener.Close()
		if s.isDraining() {
			// Shutdown ends the connections.
			select {
			case <-ctx.Done():
			case <-served:
			}
		}
		s.abort()
	}()
	var running sync.WaitGroup
	err := s.accept(ctx, listener, &running)
	if s.isDraining() {
		err = nil
	}
	s.mu.Lock()
	delete(s.listeners, listener)
	s.mu.Unlock()
	close(accepting)
	running.Wait()
	close(served)
	<-stopped
	return err
}

// check validates the service and the options before the first connection.
func (s *Server) check() error {
	s.mu.Lock()
	ended := s.ended || s.draining
	s.mu.Unlock()
	if ended {
		return problemf(ErrClosed, "the server has ended")
	}
	core, err := s.options.newCore()
	if err != nil {
		return err
	}
	core.free()
	t := reflect.TypeOf(s.service)
	if _, ok := s.service.(func(*Conn) (any, error)); ok {
		return nil
	}
	if t != nil && t.Kind() == reflect.Func {
		return problemf(ErrType, "service: expected a pointer to a struct or a func(*rpyc.Conn) (any, error), got a %s", t)
	}
	_, err = classFor(t)
	return err
}

func (s *Server) accept(ctx context.Context, listener net.Listener, running *sync.WaitGroup) error {
	delay := time.Millisecond
	for {
		stream, err := listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				stream.Close()
			}
			return nil
		}
		if err != nil {
			var passing interface{ Temporary() bool }
			if errors.Is(err, net.ErrClosed) || !errors.As(err, &passing) || !passing.Temporary() {
				return err
			}
			// Too many descriptors, or the like. Others may be closed meanwhile.
			select {
			case <-time.After(delay):
			case <-ctx.Done():
			}
			delay = time.Duration(min(int(2*delay), int(time.Second)))
			continue
		}
		delay = time.Millisecond
		place := s.room.enter(stream)
		if place == nil {
			stream.Close()
			continue
		}
		// Also while the server shuts down: the client has been accepted.
		s.mu.Lock()
		s.active++
		s.mu.Unlock()
		running.Add(1)
		go func() {
			defer running.Done()
			defer s.depart()
			defer s.room.leave(place)
			s.serveConn(stream, place)
		}()
	}
}

// ServeConn serves one connection over a stream until it ends. The connection owns the stream. It does not count for
// the limits on the number of connections, which apply to Serve.
func (s *Server) ServeConn(stream net.Conn) error {
	if !s.arrive(nil) {
		stream.Close()
		return problemf(ErrClosed, "the server has ended")
	}
	defer s.depart()
	return s.serveConn(stream, nil)
}

func (s *Server) serveConn(stream net.Conn, place *seat) error {
	var c *conn
	if err := s.handshake(stream); err != nil {
		stream.Close()
		return err
	}
	o, err := s.optionsFor(stream)
	if err == nil {
		err = s.admit(&o, stream)
	}
	s.room.begin(place)
	if err == nil {
		c, err = newConn(stream, nil, true, o)
	}
	if err == nil {
		if err = guarded(func() error { return s.offer(c) }); err != nil {
			c.cancel()
			c.core.free()
		}
	}
	if err != nil {
		stream.Close()
		return err
	}
	s.mu.Lock()
	ended := s.ended
	s.conns[c] = true
	s.mu.Unlock()
	c.start()
	s.room.settle(place, c)
	if ended {
		c.abort()
	}
	<-c.done
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if c.err == nil || errors.Is(c.err, ErrClosed) {
		return nil
	}
	return c.err
}

// optionsFor returns the options for a connection. On TCP these are the limits for untrusted peers, unless the option
// profile selects others. All connections of a kind share one memory budget.
func (s *Server) optionsFor(stream net.Conn) (options, error) {
	o := s.options
	local := stream.LocalAddr()
	strangers := local != nil && strings.HasPrefix(local.Network(), "tcp")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared[strangers] == nil {
		config := map[string]string{}
		if strangers {
			config["profile"] = "untrusted"
		}
		for name, text := range o.config {
			if name != "profile" || text != "auto" {
				config[name] = text
			}
		}
		made, err := newSettings(config)
		if err != nil {
			return o, err
		}
		s.shared[strangers] = made
	}
	o.shared = s.shared[strangers]
	return o, nil
}

// offer offers the service on a connection.
func (s *Server) offer(c *conn) error {
	c.service = s.service
	if make, ok := s.service.(func(*Conn) (any, error)); ok {
		made, err := make(c.handle())
		if err != nil {
			return err
		}
		c.service = made
	}
	return c.offer(c.service)
}

// Conns returns the open connections.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c.handle())
	}
	return conns
}

// abort ends all connections without notifying the peers, like RPyC's server.
func (s *Server) abort() {
	s.mu.Lock()
	s.ended = true
	for stream := range s.shaking {
		stream.Close()
	}
	conns := s.conns
	s.conns = map[*conn]bool{}
	for _, cancel := range s.admitting {
		cancel()
	}
	s.mu.Unlock()
	for c := range conns {
		c.abort()
	}
}
