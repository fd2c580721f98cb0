package rpyc

import (
	"context"
	"net"
	"time"
)

// Option changes how a connection is made, for Dial, NewConn and NewServer.
type Option func(*options)

type options struct {
	config       map[string]string
	service      any
	serial       bool
	timeout      time.Duration
	closeTimeout time.Duration
	dial         func(ctx context.Context, network, address string) (net.Conn, error)
}

func collect(given []Option) options {
	o := options{
		// A goroutine is cheap, so more requests of a peer may be served at once than where each has a thread.
		config:       map[string]string{"max_serving": "16384"},
		closeTimeout: time.Second,
		dial:         new(net.Dialer).DialContext,
	}
	for _, option := range given {
		option(&o)
	}
	return o
}

// WithService offers an object as the root of the connection, which the peer can use: a pointer to a struct, see
// Server. It is for Dial and NewConn; a Server has its service.
func WithService(service any) Option {
	return func(o *options) { o.service = service }
}

// WithConfig sets one of RPyC's options, such as allow_public_attrs, or a limit by name and text; the header rpyc.h
// lists them. Wrong names and texts are reported when a connection is made.
func WithConfig(name, value string) Option {
	return func(o *options) { o.config[name] = value }
}

// WithTimeout limits requests whose context has no deadline. Without it they wait as long as the connection lives.
func WithTimeout(limit time.Duration) Option {
	return func(o *options) { o.timeout = limit }
}

// WithSerial has the calls of the peer run one after the other in the order of their arrival, instead of all at once.
// While a call waits for the peer with the context that it was given, others run, so calls that call back do not
// deadlock.
func WithSerial() Option {
	return func(o *options) { o.serial = true }
}

// WithDialer has Dial connect by a function of the caller's, for instance through TLS or a tunnel.
func WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dial = dial }
}
