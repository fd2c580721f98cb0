package rpyc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a connection to a peer. Its methods, and those of its Objects, may be called from any goroutine.
//
// A connection has two goroutines, one that reads and one that writes. Goroutines that wait for replies use no thread.
// Close the connection when it is no longer needed. A connection of Dial stays open while it, its root, or an Object
// that was the result of a call is reachable; after that the garbage collector closes it. Objects that were arguments
// of a peer's call do not keep it open. After a call of Done, only Close and the peer end the connection.
type Conn struct {
	conn *conn
}

// conn is the inner connection, referenced by its goroutines. The user's handles are counted and keep it open.
type conn struct {
	options  options
	network  net.Conn
	name     string // of the peer, for messages
	accepted bool   // the peer sends the first message
	since    time.Time
	timed    bool // the stream supports read deadlines
	service  any

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	users  int64 // number of Conns and Objects that keep it open; -1 if it does not depend on them

	awaited sync.Once // once Done has been called, it stays open

	riding    atomic.Bool   // releases are pending, and the writer will be woken for them
	wake      chan struct{} // there may be output
	drained   chan struct{} // some output was sent
	heard     chan struct{} // the peer has sent a message
	ready     chan struct{} // OnConnect has returned
	ended     chan struct{} // no further replies
	written   chan struct{} // the writer has ended
	done      chan struct{} // both goroutines have ended
	closeOnce sync.Once
	turns     *turnQueue // of serial calls; nil if calls overlap

	mu       sync.Mutex // guards the members below, and each library call for this session
	core     *core      // nil after the connection has ended
	closing  bool
	leaving  bool // the writer ends when all output is sent
	err      error
	lastID   uint64
	pending  map[uint64]*pending
	stopNext bool // the next request is interrupted
	serving  int  // number of calls of the peer without a reply
	locals   map[uint64]*local
	byValue  map[any]*local
	classes  map[*class]*lentClass
	peerRoot *Object

	received uint64 // number of bytes
	frames   frames // of an accepted connection
	sending  bool   // the writer has output that it has not passed to the stream yet
	quit     bool   // nothing is executed any more

	came bool // the session produced something from the received bytes

	expecting bool   // more data will follow; used by the reader only
	begun     []byte // bytes already read by Dial
	rootAsked *asked // Dial has requested the root
}

// pending is a request that waits for its reply.
type pending struct {
	sequence int64
	reply    chan reply // has room for the one reply
}

// reply is the reply to a request.
type reply struct {
	value any
	err   error
}

func newConn(network net.Conn, service any, accepted bool, o options) (*conn, error) {
	core, err := o.newCore()
	if err != nil {
		return nil, err
	}
	if secure, ok := network.(*tls.Conn); ok {
		network = &tlsStream{Conn: secure}
	}
	c := &conn{
		options: o, network: network, accepted: accepted, service: service, core: core,
		name:    addressOf(network.RemoteAddr()),
		users:   -1,
		since:   time.Now(),
		wake:    make(chan struct{}, 1),
		drained: make(chan struct{}, 1),
		heard:   make(chan struct{}),
		ready:   make(chan struct{}),
		ended:   make(chan struct{}),
		written: make(chan struct{}),
		done:    make(chan struct{}),
		pending: map[uint64]*pending{},
		locals:  map[uint64]*local{},
		byValue: map[any]*local{},
		classes: map[*class]*lentClass{},
	}
	if c.name == "" {
		c.name = "the peer"
	}
	if o.serial {
		c.turns = &turnQueue{}
	}
	c.ctx, c.cancel = context.WithCancel(context.WithValue(context.Background(), connKey{}, c))
	if err := c.offer(service); err != nil {
		c.cancel()
		core.free()
		return nil, err
	}
	return c, nil
}

// start starts the connection's goroutines. OnConnect may refuse the connection.
func (c *conn) start() {
	go c.write()
	go c.read()
	if hook, ok := c.offered().(Connecter); ok {
		if err := guarded(func() error { return hook.OnConnect(c.handle()) }); err != nil {
			c.close()
			return
		}
	}
	close(c.ready)
}

// handle returns a handle that does not keep the connection open.
func (c *conn) handle() *Conn { return &Conn{c} }

// own returns the user's handle, which is counted.
func (c *conn) own() *Conn {
	atomic.StoreInt64(&c.users, 0)
	return c.counted()
}

// counted returns a handle that keeps the connection open.
func (c *conn) counted() *Conn {
	c.enter()
	outer := &Conn{c}
	runtime.SetFinalizer(outer, func(outer *Conn) { outer.conn.leave() })
	return outer
}

func (c *conn) enter() {
	if atomic.LoadInt64(&c.users) >= 0 {
		atomic.AddInt64(&c.users, 1)
	}
}

// leave closes the connection when its last counted handle is gone.
func (c *conn) leave() {
	if atomic.LoadInt64(&c.users) > 0 && atomic.AddInt64(&c.users, -1) == 0 {
		go c.close()
	}
}

// signal wakes the writer.
func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// ride is how long a release waits for another message to be sent with it.
const ride = 50 * time.Millisecond

// signalSoon has releases sent: after the next message, or after a short delay.
func (c *conn) signalSoon() {
	if c.options.config["release"] == "now" {
		c.signal()
	} else if c.riding.CompareAndSwap(false, true) {
		time.AfterFunc(ride, func() {
			c.riding.Store(false)
			c.signal()
		})
	}
}

// ---------------------------------------------------------------- reading and writing

func (c *conn) read() {
	defer close(c.done)
	buf := make([]byte, 64<<10)
	alive := len(c.begun) == 0 || c.receive(c.begun)
	c.begun = nil
	for alive {
		c.limitReading()
		n, err := c.network.Read(buf)
		if n > 0 {
			alive = c.receive(buf[:n])
			c.acknowledge()
		}
		if err != nil && alive && c.timed && errors.Is(err, os.ErrDeadlineExceeded) {
			alive = c.nothingCame()
		} else if err != nil && alive {
			c.endOfStream()
			alive = false
		}
	}
	c.finish()
}

// acknowledge makes the kernel acknowledge received data at once, because more is expected. A peer with Nagle's
// algorithm, as in RPyC, otherwise holds back the next reply, or the end of a long one, for about 40 ms until its data
// is acknowledged.
func (c *conn) acknowledge() {
	stream := c.network
	if secure, ok := stream.(*tlsStream); ok {
		stream = secure.NetConn()
	}
	tcp, ok := stream.(*net.TCPConn)
	if !ok || !c.expecting {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
	}
}

// lateRead is the time limit for reading data that has already arrived.
const lateRead = time.Millisecond

// limitReading makes the next read end when the peer has been silent for too long. A reader that is late first reads
// the data that has already arrived.
func (c *conn) limitReading() {
	c.mu.Lock()
	wait := c.core.watch(time.Since(c.since), false)
	c.mu.Unlock()
	if wait >= 0 {
		if wait < lateRead {
			wait = lateRead
		}
		c.timed = c.network.SetReadDeadline(time.Now().Add(wait)) == nil
	} else if c.timed {
		c.timed = false
		c.network.SetReadDeadline(time.Time{})
	}
}

// nothingCame ends the connection if the peer has been silent for too long.
func (c *conn) nothingCame() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.core.watch(time.Since(c.since), true)
	return c.events(true)
}

// receive feeds bytes to the session and handles the events. It returns false if the connection has ended.
func (c *conn) receive(data []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quit {
		return false
	}
	if c.accepted {
		c.received += uint64(len(data))
		c.frames.add(data)
	}
	if err := c.core.feed(data); err != nil {
		c.fail(err)
		return false
	}
	select {
	case <-c.heard:
	default:
		if c.core.dialect() != 0 || !c.accepted {
			close(c.heard)
		}
	}
	c.came = false
	alive := c.events(true)
	c.expecting = len(c.pending) > 0 || !c.came
	return alive
}

// events handles the pending events. The lock is held. Only the reader waits for room in the output. It returns false
// if the connection has ended.
func (c *conn) events(reader bool) bool {
	for {
		event, err := c.core.next()
		if err != nil {
			c.fail(err)
			return false
		}
		c.came = c.came || event.kind != eventNone
		switch event.kind {
		case eventNone:
			if c.core.outgoing() > 0 {
				c.signal()
			}
			return true
		case eventSend:
			if !reader {
				return true // the reader handles it
			}
			c.mu.Unlock()
			c.signal()
			select {
			case <-c.drained:
			case <-c.written:
				c.discard()
			}
			c.mu.Lock()
		case eventReply:
			if waiting := c.pending[event.token]; waiting != nil {
				delete(c.pending, event.token)
				answer := reply{err: event.err}
				if answer.err == nil {
					answer.value, answer.err = c.unpack(event.packed)
				}
				waiting.reply <- answer
			}
		case eventRequest:
			c.serve(event)
		case eventReleased:
			c.released(event.token)
		case eventClosed:
			c.fail(event.err)
			return false
		}
	}
}

// fail records the reason for the end of the connection. The first reason is kept.
func (c *conn) fail(err error) {
	if c.err == nil {
		if c.closing || err == nil {
			err = ErrClosed
		}
		c.err = err
	}
}

func (c *conn) endOfStream() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.core.endOfStream()
	for c.events(true) && c.core.hasMessage() {
	}
	c.fail(problemf(ErrClosed, "%s closed the connection", c.name))
}

// finish releases everything that belongs to the connection. The reader calls it last.
func (c *conn) finish() {
	c.network.SetWriteDeadline(time.Now().Add(time.Second))
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
	c.signal()
	<-c.written
	c.network.Close()

	c.mu.Lock()
	for token, waiting := range c.pending {
		delete(c.pending, token)
		waiting.reply <- reply{err: c.err}
	}
	close(c.ended)
	c.cancel()
	c.forgetLent()
	c.core.free()
	c.core = nil
	root := c.peerRoot
	c.peerRoot = nil
	c.mu.Unlock()
	if root != nil {
		root.Close()
	}
	if hook, ok := c.offered().(Disconnecter); ok {
		c.disconnected(hook)
	}
	// A service that has kept an Object refers to the connection, and a cycle with a finalizer is never freed.
	c.mu.Lock()
	c.service, c.options.service = nil, nil
	c.mu.Unlock()
}

func (c *conn) offered() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.service
}

func (c *conn) disconnected(hook Disconnecter) {
	defer func() { _ = recover() }()
	hook.OnDisconnect(c.handle())
}

func (c *conn) write() {
	defer close(c.written)
	buf := make([]byte, 64<<10)
	for {
		n, leaving := c.take(buf)
		if n == 0 {
			if leaving {
				return
			}
			<-c.wake
			continue
		}
		err := c.writeAll(buf[:n])
		select {
		case c.drained <- struct{}{}:
		default:
		}
		if err != nil {
			hangUp(c.network) // the reader notices
			return
		}
		if n == len(buf) && n < 1<<20 {
			buf = make([]byte, 2*n)
		}
	}
}

// writeAll writes to the stream. If the peer accepts no data for as long as it may be idle, the connection is closed.
func (c *conn) writeAll(data []byte) error {
	seconds, _ := strconv.ParseFloat(c.options.config["idle_timeout"], 64)
	if seconds <= 0 || seconds > 1e9 {
		_, err := c.network.Write(data)
		return err
	}
	for {
		c.mu.Lock()
		if !c.leaving {
			c.network.SetWriteDeadline(time.Now().Add(time.Duration(seconds * float64(time.Second))))
		}
		c.mu.Unlock()
		n, err := c.network.Write(data)
		data = data[n:]
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if n == 0 {
			c.mu.Lock()
			c.fail(problemf(ErrLimit, "%s received nothing for too long (idle_timeout)", c.name))
			c.mu.Unlock()
			return err
		}
	}
}

func (c *conn) take(buf []byte) (n int, leaving bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = c.core.take(buf)
	c.sending = n > 0
	return n, c.leaving
}

// discard drops output that can never be sent.
func (c *conn) discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	scrap := make([]byte, 64<<10)
	for c.core.take(scrap) > 0 {
	}
}

// root returns the peer's root. Requested once.
func (c *conn) root(ctx context.Context) (*Object, error) {
	c.mu.Lock()
	root, asked := c.peerRoot, c.rootAsked
	if root == nil {
		c.rootAsked = nil
	}
	c.mu.Unlock()
	if root != nil {
		return root, nil
	}
	var value any
	var err error
	if asked != nil {
		value, err = c.wait(ctx, *asked)
	} else {
		value, err = c.ask(ctx, handleGetRoot, nil, "")
	}
	if err != nil {
		return nil, err
	}
	root, ok := value.(*Object)
	if !ok {
		return nil, problemf(ErrType, "the root of %s: expected an object, got %s", c.name, pythonType(value))
	}
	// The root belongs to the connection and does not keep it open.
	root.disown()
	c.mu.Lock()
	known := c.peerRoot
	if known == nil && c.core != nil {
		c.peerRoot = root
	}
	c.mu.Unlock()
	if known != nil {
		root.Close()
		return known, nil
	}
	return root, nil
}

// ---------------------------------------------------------------- closing

// close notifies the peer, waits a short time for it to end the stream, and ends the connection.
func (c *conn) close() error {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.closing = true
		spoken := c.core != nil && c.core.dialect() != 0
		if c.core != nil {
			c.core.close()
		}
		c.mu.Unlock()
		if !spoken {
			hangUp(c.network) // no message could reach the peer
		}
		c.signal()
		timer := time.NewTimer(c.options.closeTimeout)
		defer timer.Stop()
		select {
		case <-c.ended:
		case <-timer.C:
			hangUp(c.network) // a peer that receives nothing may hold up Close
		}
		c.network.Close()
	})
	<-c.ended
	return nil
}

// abort ends the connection at once, without notifying the peer.
func (c *conn) abort() {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	hangUp(c.network)
	<-c.ended
}

// Close closes the connection and notifies the peer. Requests without a reply fail with ErrClosed. Further calls have
// no effect.
func (c *Conn) Close() error {
	runtime.SetFinalizer(c, nil)
	return c.conn.close()
}

// Done returns a channel that is closed when the connection has ended, for any reason.
func (c *Conn) Done() <-chan struct{} {
	c.conn.awaited.Do(c.conn.enter) // for good: the channel does not refer to the connection
	runtime.KeepAlive(c)
	return c.conn.ended
}

// Err returns the reason why the connection has ended; nil while it is open.
func (c *Conn) Err() error {
	c.conn.mu.Lock()
	defer c.conn.mu.Unlock()
	return c.conn.err
}

// RemoteAddr returns the address of the peer.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.network.RemoteAddr() }

// NetConn returns the stream of the connection for inspection, for example of the peer's certificate in a *tls.Conn. Do
// not read from it or write to it.
func (c *Conn) NetConn() net.Conn { return c.conn.network }

// Service returns the root that this side offers, from WithService or NewServer. It is nil after the connection has
// ended and OnDisconnect has returned, so that a service which keeps Objects of its peer can be freed.
func (c *Conn) Service() any { return c.conn.offered() }

// Root returns the peer's root object. A connection of Dial already has it. On a server it is requested on first use.
// It is valid as long as the connection and need not be closed.
func (c *Conn) Root() *Object {
	return &Object{conn: c.conn, isRoot: true, keeps: c}
}

// Ping sends a string to the peer and checks that the reply is the same string.
func (c *Conn) Ping(ctx context.Context) error {
	const text = "librpyc"
	echo, err := c.conn.ask(ctx, handlePing, nil, "", text)
	runtime.KeepAlive(c)
	if err == nil && echo != text {
		err = problemf(ErrProtocol, "the reply of %s to a ping does not match its data", c.conn.name)
	}
	return err
}

type connKey struct{}

// ConnOf returns the connection of a call, from the context of a service method.
func ConnOf(ctx context.Context) (*Conn, bool) {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return nil, false
	}
	return c.handle(), true
}
