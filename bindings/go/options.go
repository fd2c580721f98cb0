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
	shared       *settings // of a server, made of config
	service      any
	serial       bool
	timeout      time.Duration
	closeTimeout time.Duration
	fetchLimit   int
	nesting      int
	dial         func(ctx context.Context, network, address string) (net.Conn, error)
}

func collect(given []Option) options {
	o := options{
		// A goroutine is cheap, so more requests of a peer may be served at once than where each has a thread.
		config:       map[string]string{"max_serving": "16384"},
		closeTimeout: time.Second,
		fetchLimit:   defaultFetchLimit,
		nesting:      defaultNesting,
		dial:         new(net.Dialer).DialContext,
	}
	for _, option := range given {
		option(&o)
	}
	return o
}

// newCore makes a session with these options, or tells which of them is wrong.
func (o *options) newCore() (*core, error) {
	if o.nesting < 1 {
		return nil, problemf(ErrRange, "WithNestingLimit: must be at least 1, got %d", o.nesting)
	}
	if o.shared != nil {
		return o.shared.newCore()
	}
	made, err := newSettings(o.config)
	if err != nil {
		return nil, err
	}
	return made.newCore()
}

// WithService offers an object as the root of the connection, which the peer can use: a pointer to a struct, see
// Server. It is for Dial and NewConn; a Server has its service.
func WithService(service any) Option {
	return func(o *options) { o.service = service }
}

// WithConfig sets one of RPyC's options, such as allow_public_attrs, or a limit by name and text; the header rpyc.h
// lists them. Wrong names and texts are reported when a connection is made, or when a Server begins to serve.
func WithConfig(name, value string) Option {
	return func(o *options) { o.config[name] = value }
}

// WithTimeout limits requests whose context has no deadline. Without it they wait as long as the connection lives.
func WithTimeout(limit time.Duration) Option {
	return func(o *options) { o.timeout = limit }
}

// So many items of one container of a peer are fetched at most.
const defaultFetchLimit = 1 << 20

// WithFetchLimit sets how many items a list, dict or the like of the peer may have that is fetched for a Go type such as []int,
// by default 1048576. A peer can give an iterable that never ends where a method takes a slice.
func WithFetchLimit(items int) Option {
	return func(o *options) { o.fetchLimit = items }
}

// So deep may calls of the two sides of a connection be in one another.
const defaultNesting = 1000

// WithNestingLimit sets how deep calls of the two sides may be in one another, by default 1000: a call of the peer is
// answered with RecursionError while so many calls of the peer are served and as many requests to the peer wait for their answers.
// A service whose calls call back needs more if it serves more of them at once.
func WithNestingLimit(levels int) Option {
	return func(o *options) { o.nesting = levels }
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
