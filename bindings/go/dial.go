package rpyc

import (
	"context"
	"errors"
	"net"
)

// Dial connects to an RPyC server at "tcp://HOST:PORT", "tcp://[IPV6]:PORT", "tls://HOST:PORT" (see WithTLS),
// "unix:///PATH", "unix://@NAME" (an abstract socket) or "shm:///PATH" (the Unix socket, without the shared memory),
// and gets its root. The context limits
// the time for connecting, not the lifetime of the connection.
//
// Both dialects are supported: that of RPyC 6 and that of RPyC 4.1 to 5.3. Dial detects which one the server uses, if
// necessary with a second connection beside the first. For a server of 4.1 to 5.3 that exits after its first
// connection, give the option WithConfig("dialect", "5").
//
// With the option WithConfig("connect_retry", "60"), Dial repeats an attempt that failed because the server is not there
// or does not answer, for 60 seconds at most and not after the context has ended.
func Dial(ctx context.Context, addr string, opts ...Option) (*Conn, error) {
	network, address, err := parseAddress(addr)
	if err != nil {
		return nil, err
	}
	o := collect(opts)
	return repeat(ctx, o, func() (*Conn, error) { return dialOnce(ctx, addr, network, address, o) })
}

func dialOnce(ctx context.Context, addr, network, address string, o options) (*Conn, error) {
	if dialect := o.config["dialect"]; dialect == "" || dialect == "auto" {
		d := dialing{addr: addr, network: network, address: address, options: o}
		waiting, cancel := ctx, context.CancelFunc(func() {})
		if _, limited := ctx.Deadline(); !limited && o.timeout > 0 {
			waiting, cancel = context.WithTimeout(ctx, o.timeout)
		}
		defer cancel()
		found, err := d.find(waiting)
		if err != nil {
			return nil, err
		}
		found.conn.begun, found.conn.rootAsked = found.begun, &found.asked
		return dialled(waiting, found.conn)
	}
	stream, err := o.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c, err := newDialled(ctx, stream, &o)
	if err != nil {
		return nil, err
	}
	c.name = addr
	return dialled(ctx, c)
}

// NewConn makes a connection over an open stream, for example one of TLS, and gets the peer's root. The connection owns
// the stream from then on, also if NewConn fails.
func NewConn(ctx context.Context, stream net.Conn, opts ...Option) (*Conn, error) {
	o := collect(opts)
	c, err := newDialled(ctx, stream, &o)
	if err != nil {
		return nil, err
	}
	return dialled(ctx, c)
}

// newDialled authenticates the peer of a stream and makes a connection of it.
func newDialled(ctx context.Context, stream net.Conn, o *options) (c *conn, err error) {
	if err = o.admit(ctx, stream, false); err == nil {
		c, err = newConn(stream, o.service, false, *o)
	}
	if err != nil {
		stream.Close()
	}
	return c, err
}

// dialled starts a new connection and fetches the peer's root.
func dialled(ctx context.Context, c *conn) (*Conn, error) {
	outer := c.own()
	c.start()
	_, err := c.root(ctx)
	var remote *RemoteError
	if err != nil && !errors.As(err, &remote) && !errors.Is(err, ErrType) {
		c.abort()
		return nil, err
	}
	return outer, nil
}
