package rpyc

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// ClientEvent is an event of a Client.
type ClientEvent struct {
	// Generation is the number of the connection, counted from 1. If no connection could be made, it is that of the last
	// one, or 0.
	Generation uint64
	// Conn is the new connection; nil if a connection has ended or could not be made.
	Conn *Conn
	// Err is the reason for the end of the connection, or why none could be made; nil for a new one.
	Err error
	// Lost reports whether a connection has ended.
	Lost bool
}

// Client is a client of one address. It connects when it is used first, and again when its connection has ended. Each
// attempt resolves the name anew; the option WithConfig("connect_retry", "60") limits the time of the attempts. It may be
// used by any number of goroutines: one connects, and the others wait for it until their contexts end.
//
// A call that may have been executed is never repeated: it fails with ErrClosed. Objects of a connection that has ended
// fail with ErrStale.
type Client struct {
	addr   string
	opts   []Option
	listen func(ClientEvent)
	ctx    context.Context // ended by Close
	cancel context.CancelFunc

	mu         sync.Mutex
	conn       *Conn
	generation uint64
	turn       *turnToConnect // of the goroutine that connects
	closed     bool
}

// turnToConnect is one attempt to replace the connection, which others wait for.
type turnToConnect struct {
	done chan struct{}
	err  error // why it failed for everybody
}

type clientKey struct{}

// NewClient makes a client of an address, with the options of Dial. It does not connect yet.
func NewClient(addr string, opts ...Option) (*Client, error) {
	if _, _, err := parseAddress(addr); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Client{addr: addr, opts: opts, ctx: ctx, cancel: cancel}, nil
}

// Listen sets a function that receives the events of the client, before its first use. It runs in the goroutine that uses
// the client, while others wait: a function that gets a new connection can log in or subscribe before any other request
// is sent. It uses event.Conn and not the client.
func (c *Client) Listen(f func(ctx context.Context, event ClientEvent)) {
	c.listen = func(event ClientEvent) { f(context.WithValue(c.ctx, clientKey{}, c), event) }
}

// Conn returns the open connection. It connects, or waits for the goroutine that connects, if there is none.
func (c *Client) Conn(ctx context.Context) (*Conn, error) {
	if ctx.Value(clientKey{}) == c {
		return nil, problemf(nil, "the client is used in its own function: use the connection of the event")
	}
	for {
		c.mu.Lock()
		conn, turn := c.conn, c.turn
		switch {
		case c.closed:
			c.mu.Unlock()
			return nil, problemf(ErrClosed, "the client is closed")
		case turn != nil:
			c.mu.Unlock()
			select {
			case <-turn.done:
				if turn.err != nil {
					return nil, turn.err
				}
			case <-ctx.Done():
				return nil, c.late(ctx)
			case <-c.ctx.Done():
			}
		case conn != nil && conn.isOpen():
			c.mu.Unlock()
			return conn, nil
		default:
			turn = &turnToConnect{done: make(chan struct{})}
			c.turn = turn
			c.mu.Unlock()
			return c.connect(ctx, turn)
		}
	}
}

func (c *Conn) isOpen() bool {
	select {
	case <-c.conn.ended:
		return false
	default:
		return c.Err() == nil
	}
}

// connect replaces the connection that has ended.
func (c *Client) connect(ctx context.Context, turn *turnToConnect) (conn *Conn, err error) {
	defer func() {
		c.mu.Lock()
		c.turn = nil
		c.mu.Unlock()
		close(turn.done)
	}()
	c.mu.Lock()
	lost, generation := c.conn, c.generation
	c.conn = nil
	c.mu.Unlock()
	if lost != nil {
		c.tell(ClientEvent{Generation: generation, Err: lost.Err(), Lost: true})
		lost.Close()
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.ctx.Done():
			cancel()
		case <-within.Done():
		}
	}()
	if conn, err = Dial(within, c.addr, c.opts...); err != nil {
		if c.ctx.Err() != nil {
			return nil, problemf(ErrClosed, "the client is closed")
		}
		if ctx.Err() != nil {
			err = c.late(ctx) // others may have more time
		} else {
			turn.err = err
		}
		c.tell(ClientEvent{Generation: generation, Err: err})
		return nil, err
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		conn.Close()
		return nil, problemf(ErrClosed, "the client is closed")
	}
	c.conn = conn
	c.generation++
	generation = c.generation
	c.mu.Unlock()
	c.tell(ClientEvent{Generation: generation, Conn: conn})
	return conn, nil
}

func (c *Client) tell(event ClientEvent) {
	if c.listen != nil {
		c.listen(event)
	}
}

func (c *Client) late(ctx context.Context) error {
	kind := ctx.Err()
	if kind == context.DeadlineExceeded {
		kind = ErrTimeout
	}
	return &problem{kind, "rpyc: no connection with " + c.addr + " was made in time; nothing was sent", ctx.Err()}
}

// attempts limits the number of connections on which a request is tried, if each ends before it is sent.
const attempts = 3

// onRoot asks the root of the open connection. It repeats that only if the last request was certainly not sent.
func (c *Client) onRoot(ctx context.Context, work func(*Object) (any, error)) (any, error) {
	for attempt := 1; ; attempt++ {
		conn, err := c.Conn(ctx)
		if err != nil {
			return nil, err
		}
		value, err := work(conn.Root())
		if err == nil || attempt == attempts || !errors.Is(err, ErrStale) || conn.isOpen() {
			return value, err
		}
	}
}

// owner returns the object before the last name of a path, and that name.
func owner(ctx context.Context, root *Object, path string) (*Object, string, error) {
	names := strings.Split(path, ".")
	last := len(names) - 1
	for _, name := range names[:last] {
		value, err := root.Get(ctx, name)
		if err != nil {
			return nil, "", err
		}
		next, ok := value.(*Object)
		if !ok {
			return nil, "", problemf(ErrType, "path '%s': %s is not an object but of type %s", path, name, pythonType(value))
		}
		root = next
	}
	return root, names[last], nil
}

// Get returns an attribute by its path from the root, such as "accounts.first".
func (c *Client) Get(ctx context.Context, path string) (any, error) {
	return c.onRoot(ctx, func(root *Object) (any, error) {
		object, name, err := owner(ctx, root, path)
		if err != nil {
			return nil, err
		}
		return object.Get(ctx, name)
	})
}

// Call calls a method by its path from the root, such as "accounts.add". The path is resolved on the connection that is
// open. The last argument may be Keywords.
//
// A call is sent at most once. If the connection ends before the call is sent, it is made on the next connection. If the
// connection ends later, the call may have been executed: it fails with ErrClosed and is not repeated.
func (c *Client) Call(ctx context.Context, path string, args ...any) (any, error) {
	for _, arg := range args {
		if object, ok := arg.(*Object); ok && object != nil {
			if err := object.conn.stale(); err != nil {
				return nil, err
			}
		}
	}
	return c.onRoot(ctx, func(root *Object) (any, error) {
		object, name, err := owner(ctx, root, path)
		if err != nil {
			return nil, err
		}
		return object.CallMethod(ctx, name, args...)
	})
}

// Keep keeps the client connected until the context ends or Close: a goroutine of the application that calls it connects
// again as soon as a connection has ended, after a pause if it lasted less than 5 seconds.
func (c *Client) Keep(ctx context.Context) error {
	for pause := firstPause; ; {
		conn, err := c.Conn(ctx)
		if err != nil {
			if c.ctx.Err() != nil {
				return nil
			}
			return err
		}
		start := time.Now()
		select {
		case <-conn.Done():
		case <-ctx.Done():
			return c.late(ctx)
		case <-c.ctx.Done():
			return nil
		}
		if time.Since(start) >= longestPause {
			pause = firstPause
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
		timer.Stop()
		if pause *= 2; pause > longestPause {
			pause = longestPause
		}
	}
}

// Generation returns the number of connections that were made so far.
func (c *Client) Generation() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// Close closes the client and its connection, and ends everything that waits on it.
func (c *Client) Close() error {
	c.mu.Lock()
	conn := c.conn
	c.conn, c.closed = nil, true
	c.mu.Unlock()
	c.cancel()
	if conn != nil {
		return conn.Close()
	}
	return nil
}
