package rpyc

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Option sets an option of Dial, NewConn or NewServer.
type Option func(*options)

type options struct {
	config        map[string]string
	shared        *settings // of a server, made from config
	service       any
	serial        bool
	timeout       time.Duration
	closeTimeout  time.Duration
	fetchLimit    int
	nesting       int
	authenticator Authenticator
	credentials   any // of one connection, from the authenticator
	tls           *tls.Config
	dial          func(ctx context.Context, network, address string) (net.Conn, error)
}

func collect(given []Option) options {
	o := options{
		// A goroutine costs less than a thread, so the default for requests served at once is higher than in the
		// library.
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

// newCore makes a session with these options. The error names an invalid option.
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

// WithService offers an object as the root of the connection: a pointer to a struct, see Server. It is for Dial and
// NewConn; a Server has its service.
func WithService(service any) Option {
	return func(o *options) { o.service = service }
}

// WithConfig sets one of RPyC's options, such as allow_public_attrs, or a limit, by its name and a string. The header
// rpyc.h lists them. Invalid names and values are reported when a connection is made, or when a Server begins to serve.
func WithConfig(name, value string) Option {
	return func(o *options) { o.config[name] = value }
}

// WithTimeout limits requests whose context has no deadline. Without it, they wait until the connection ends.
func WithTimeout(limit time.Duration) Option {
	return func(o *options) { o.timeout = limit }
}

// defaultFetchLimit is the default of WithFetchLimit.
const defaultFetchLimit = 1 << 20

// WithFetchLimit limits the number of items of a peer's list, dict or the like that are fetched for a Go type such as
// []int. The default is 1048576. Without a limit, a peer could pass an endless iterable to a method that takes a slice.
func WithFetchLimit(items int) Option {
	return func(o *options) { o.fetchLimit = items }
}

// defaultNesting is the default of WithNestingLimit.
const defaultNesting = 1000

// WithNestingLimit limits how deeply calls of the two sides may be nested; the default is 1000. A call of the peer gets
// RecursionError while levels calls of the peer are being served and levels requests to the peer wait for their
// replies. Raise the limit for a service whose calls call back if more of them are served at once.
func WithNestingLimit(levels int) Option {
	return func(o *options) { o.nesting = levels }
}

// WithSerial runs the peer's calls one after the other in the order of their arrival, instead of all at once. While a
// call waits for the peer with its own context, others run, so calls that call back do not deadlock.
func WithSerial() Option {
	return func(o *options) { o.serial = true }
}

// WithDialer makes Dial connect with a function of the caller, for example through a tunnel. For
// "tls://" addresses, the function makes the connection below, and its network is "tcp".
func WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dial = dial }
}
